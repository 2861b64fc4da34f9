"""Compile the inline markup of a hand-written corpus to listings, so that no offset is typed by hand.

A file holds one block per listing, blocks are separated by blank lines, `#` starts a comment line::

    == 服饰 > 男装 > T恤

    zh-0001 nike-dry-tee
    [耐克|brand]2024新款[男士|gender][纯棉|material][短袖|design][T恤|product]
    > 面料柔软，[吸汗透气|function]。
    + 夏季|season; 休闲|style
    ~ 男士; 全棉 => 纯棉; 包邮 => -

`==` sets the category path of all blocks below it. A block is: a head line with the listing's id and the product
it shows (rows of one product share a split), the title, then optionally `>` a line of description, `+` implicit tags
(not written in the text), `~` tags that a seller typed: `x => y` when the right answer is y, `x => -` when the tag
should go. `[surface|facet]` marks a span and may nest; a backslash keeps `[`, `]`, `|` and itself literal.
"""
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from ..errors import ListingError
from ..listing import Listing
from ..tag import Tag


def parse_markup(text: str) -> Tuple[str, List[Tag]]:
    """Strip the span markup from one line of text.

    text (str): A line such as ``[耐克|brand]2024新款``.
    RETURNS (Tuple[str, List[Tag]]): The plain text and its tags, ordered by start, longer first.
    RAISES (ValueError): On an unbalanced bracket, a span without a facet, or an empty or space-padded surface.
    """
    plain: List[str] = []
    open_starts: List[int] = []
    spans: List[Tuple[int, int, str]] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            plain.append(text[at + 1])
            at += 2
            continue
        if char == "[":
            open_starts.append(len(plain))
        elif char == "|" and open_starts:
            close = text.find("]", at)
            if close < 0:
                raise ValueError(f"'|' at column {at + 1} has no closing ']'")
            facet = text[at + 1 : close].strip()
            start = open_starts.pop()
            surface = "".join(plain[start:])
            if not facet or "[" in facet or "|" in facet:
                raise ValueError(f"the span '{surface}' needs one facet between '|' and ']', not '{facet}'")
            if not surface or surface != surface.strip():
                raise ValueError(f"the surface '{surface}' of facet '{facet}' is empty or has blanks at its ends")
            spans.append((start, len(plain), facet))
            at = close
        elif char == "]":
            raise ValueError(f"']' at column {at + 1} closes nothing; write '\\]' for the character itself")
        else:
            plain.append(char)
        at += 1
    if open_starts:
        raise ValueError("a '[' is never closed; write '\\[' for the character itself")
    surface_text = "".join(plain)
    spans.sort(key=_outer_first)
    return surface_text, [Tag(surface_text[s:e], facet, 1.0, s, e) for s, e, facet in spans]


def _outer_first(span: Tuple[int, int, str]) -> Tuple[int, int, str]:
    start, end, facet = span
    return start, -end, facet


def read_markup(path: Path) -> Iterator[Listing]:
    """Read the listings of one markup file; the file's stem is their language.

    path (Path): A markup file, such as ``corpus/listings/zh.txt`` (``zh-2.txt`` is zh as well).
    YIELDS (Listing): One listing per block.
    RAISES (ListingError): With file, line and what to do, on any block that does not follow the format.
    """
    lang = path.stem.split("-")[0]
    category: Tuple[str, ...] = ()
    block: List[Tuple[int, str]] = []
    # A blank line after the last one closes the last block.
    for number, line in enumerate([*path.read_text(encoding="utf-8-sig").splitlines(), ""], 1):
        if line.startswith("=="):
            if block:
                raise ListingError(path, number, "category", "stands in a listing; put a blank line above it")
            category = tuple(part.strip() for part in line[2:].split(">"))
            if not all(category):
                raise ListingError(path, number, "category", "has an empty level; write '== A > B > C'")
        elif line.strip() and not line.startswith("#"):
            block.append((number, line))
        elif block and not line.strip():
            yield _parse_block(path, lang, category, block)
            block = []


def _parse_block(path: Path, lang: str, category: Tuple[str, ...], block: List[Tuple[int, str]]) -> Listing:
    first, head = block[0]
    names = head.split()
    if len(names) != 2 or len(block) < 2:
        raise ListingError(path, first, "id", "a block starts with 'id product' and has a title on its next line")
    if not category:
        raise ListingError(path, first, "category", "no '== A > B > C' line stands above this listing")
    title, description = "", ""
    tags: List[Tag] = []
    implicit: List[Tag] = []
    seller: List[str] = []
    answers: List[Optional[str]] = []
    for number, line in block[1:]:
        mark, rest = line[0], line[1:].strip()
        try:
            if mark == "+":
                implicit.extend(_parse_implicit(rest))
            elif mark == "~":
                for text, answer in _parse_seller(rest):
                    seller.append(text)
                    answers.append(answer)
            else:
                text, spans = parse_markup(rest if mark == ">" else line)
                if mark == ">":
                    description = f"{description}\n{text}" if description else text
                    offset = len(title) + 1 + len(description) - len(text)
                elif title:
                    raise ValueError("a second title line; a description line starts with '>'")
                else:
                    title, offset = text, 0
                tags.extend(Tag(t.text, t.facet, 1.0, t.start + offset, t.end + offset) for t in spans)
        except ValueError as err:
            raise ListingError(path, number, "markup", str(err)) from None
    return Listing(
        id=names[0],
        product=names[1],
        lang=lang,
        title=title,
        description=description,
        category=category,
        tags=(*tags, *implicit),
        seller_tags=tuple(seller),
        seller_answers=tuple(answers),
    )


def _parse_implicit(text: str) -> Iterator[Tag]:
    for item in text.split(";"):
        value, _, facet = item.strip().rpartition("|")
        if not value or not facet:
            raise ValueError(f"an implicit tag is 'value|facet', not '{item.strip()}'")
        yield Tag(value.strip(), facet.strip(), source="implicit")


def _parse_seller(text: str) -> Iterator[Tuple[str, Optional[str]]]:
    for item in text.split(";"):
        typed, arrow, answer = (part.strip() for part in item.partition("=>"))
        if not typed or (arrow and not answer):
            raise ValueError(f"a seller tag is 'x', 'x => y' or 'x => -', not '{item.strip()}'")
        yield typed, (None if answer == "-" else answer or typed)
