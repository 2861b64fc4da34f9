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
should go. The language is what the file, or its folder, is called: `zh.txt`, `zh-shoes.txt`, `zh/shoes.txt`.
`[surface|facet]` marks a span and may nest; a backslash keeps `[`, `]`, `|` and itself literal.
"""
import re
from itertools import chain
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, Union

from ..errors import ListingError
from ..io import open_text
from ..listing import Listing
from ..tag import Tag

# Spans within one another at most; each holds the text of those within.
_MOST_NESTED = 8
# A language's code, as a folder may be called.
_CODE = re.compile("[a-z]{2}")


def parse_markup(text: str) -> Tuple[str, List[Tag]]:
    """Strip the span markup from one line of text.

    text (str): A line such as ``[耐克|brand]2024新款``.
    RETURNS (Tuple[str, List[Tag]]): The plain text and its tags, ordered by start, longer first.
    RAISES (ValueError): On an unbalanced bracket, a span without a facet, an empty or space-padded surface, or too many
        spans within one another.
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
            if len(open_starts) > _MOST_NESTED:
                raise ValueError(
                    f"'[' at column {at + 1} is within {_MOST_NESTED} others, which is the most; write '\\[' for the "
                    "character itself"
                )
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


def iter_markup(path: Path) -> Iterator[Tuple[int, Union[Listing, ListingError]]]:
    """Read a markup file block by block; a bad one stops nothing.

    path (Path): The file.
    YIELDS (Tuple[int, Union[Listing, ListingError]]): The line that a block starts in or an error stands in, and the
        listing or the error, which has the file, the line and what to do.
    """
    lang = _language(path)
    category: Tuple[str, ...] = ()
    block: List[Tuple[int, str]] = []
    with open_text(path) as file:
        # A blank line after the last one closes the last block.
        for number, line in enumerate(chain(file, [""]), 1):
            line = line.rstrip("\n")
            if line.startswith("=="):
                if block:
                    problem = "stands in a listing; put a blank line above it"
                    yield number, ListingError(path, number, "category", problem)
                levels = [level.strip() for level in line[2:].split(">")]
                category = tuple(filter(None, levels))
                if not all(levels):
                    problem = "has an empty level; write '== A > B > C'"
                    yield number, ListingError(path, number, "category", problem)
            elif line.strip() and not line.startswith("#"):
                block.append((number, line))
            elif block and not line.strip():
                try:
                    yield block[0][0], _parse_block(path, lang, category, block)
                except ListingError as err:
                    yield err.line, err
                block = []


def _language(path: Path) -> str:
    """Tell a file's language by its name: `zh.txt`, `zh-shoes.txt`, `zh/shoes.txt`. RETURNS (str): Its code."""
    code, folder = path.stem.split("-")[0], path.absolute().parent.name
    return folder if _CODE.fullmatch(folder) and not _CODE.fullmatch(code) else code


def _parse_block(path: Path, lang: str, category: Tuple[str, ...], block: List[Tuple[int, str]]) -> Listing:
    first, head = block[0]
    names = head.split()
    if len(names) != 2 or len(block) < 2:
        raise ListingError(path, first, "id", "a block starts with 'id product' and has a title on its next line")
    if not category:
        raise ListingError(path, first, "category", "no '== A > B > C' line stands above this listing")
    title = ""
    described: List[str] = []
    length = 0
    tags: List[Tag] = []
    implicit: List[Tag] = []
    seller: List[str] = []
    answers: List[Optional[str]] = []
    for number, line in block:
        mark, rest = line[0], line[1:].strip()
        try:
            line.encode("utf8")
            if number == first:
                continue
            if mark == "+":
                implicit.extend(_parse_implicit(rest))
            elif mark == "~":
                for text, answer in _parse_seller(rest):
                    seller.append(text)
                    answers.append(answer)
            else:
                text, spans = parse_markup(rest if mark == ">" else line)
                if mark == ">":
                    if not title:
                        raise ValueError("a description stands before the title")
                    # The line that breaks off the title or the line before.
                    offset = len(title) + 1 + length
                    described.append(text)
                    length += len(text) + 1
                elif title:
                    raise ValueError("a second title line; a description line starts with '>'")
                else:
                    title, offset = text, 0
                for span in spans:
                    start, end = span.span
                    tags.append(Tag(span.text, span.facet, 1.0, start + offset, end + offset))
        except UnicodeEncodeError:
            problem = "has bytes that are no UTF-8; save the file as UTF-8"
            raise ListingError(path, number, "markup", problem) from None
        except ValueError as err:
            raise ListingError(path, number, "markup", str(err)) from None
    return Listing(
        id=names[0],
        product=names[1],
        lang=lang,
        title=title,
        description="\n".join(described),
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
