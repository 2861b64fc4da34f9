"""Make noisy copies of listings whose spans stay exact: other values, case, width, spacing and typing errors.

Everything here builds edits, and `apply_edits` alone changes a text and moves the offsets.
"""
import random
import re
from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import Collection, Dict, Iterable, List, Mapping, Sequence, Tuple
from unicodedata import category

from ..listing import Listing
from ..tag import Tag
from ..text.chars import classify, code_points

Edit = Tuple[int, int, str]  # start, end, what to write there

# Facets where one wrong character makes another value, not a misspelt one.
PROTECTED = ("model", "quantity", "size", "spec")
# For the ten classes of `classify`: no script, digits, letters, and scripts written without blanks (or, as in Korean
# titles, often without).
_SCRIPTS = (0, 0, 0, 1, 2, 2, 2, 3, 3, 3)
_WIDE = 3
_LATIN_WORD = re.compile("[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿＡ-Ｚａ-ｚ]+")
_CASES = ((str.lower, str.lower), (str.upper, str.upper), (str.upper, str.lower))  # first letter, other letters
_HALF_WIDTH = re.compile("[A-Za-z]+|[0-9]+|[ -~]")
_FULL_WIDTH = re.compile("[Ａ-Ｚａ-ｚ]+|[０-９]+|[\u3000！-～]")
_WIDEN = {" ": "\u3000", **{chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}}
_NARROW = {wide: narrow for narrow, wide in _WIDEN.items()}
_KEYS = {row[i]: row[max(i - 1, 0) : i] + row[i + 1 : i + 2]
         for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for i in range(len(row))}  # fmt: skip
# Pairs of characters that sellers take for each other, by shape or by sound.
_PAIRS = (
    "土士 末未 己已 人入 大太 白自 日曰 干千 免兔 棉绵 汤烫 纺仿 蓝篮 红虹 园圆 袖䄂 裤库 杯怀 防妨 低底 薄簿 带戴 "
    "包饱 修休 装妆 膜摸 奶乃 粉份 糖塘 鞋鞵 垫塾 箱厢 盒合 瓶平 玫枚"
)
_ALIKE = {one: other for pair in _PAIRS.split() for one, other in (tuple(pair), tuple(pair[::-1]))}


def apply_edits(listing: Listing, edits: Iterable[Edit]) -> Listing:
    """Apply edits to the text of a listing and move its tags along.

    An insertion where a span starts or ends stays outside of it. A span whose text is deleted, or replaced together
    with more around it, takes its tag along, and of two spans of a facet that fall together the first stays. Where an
    edit would leave a blank at the end of a span, the span shrinks. The text of a tag follows the listing; where `raw`
    does, `text` stays as it is.

    listing (Listing): The listing.
    edits (Iterable[Edit]): Start, end and replacement, offsets in `listing.text`, in any order.
    RETURNS (Listing): The edited listing, the same object where nothing changes.
    RAISES (ValueError): On edits that overlap, leave the text, cut across the end of a span or delete the line break
        between title and description.
    """
    text = listing.text
    separator = len(listing.title)
    done: List[Edit] = []
    parts: List[str] = []
    shifts = [0]
    at = 0
    for edit in sorted(edits, key=itemgetter(0, 1)):
        start, end, surface = edit
        if not at <= start <= end <= len(text):
            raise ValueError(f"edits: {edit} overlaps another or leaves the {len(text)} characters of the listing")
        if listing.description and start <= separator < end:
            raise ValueError(f"edits: {edit} deletes the line break between title and description")
        if text[start:end] != surface:
            done.append(edit)
            parts += (text[at:start], surface)
            shifts.append(shifts[-1] + len(surface) - (end - start))
            at = end
    if not done:
        return listing
    ends = [end for _, end, _ in done]
    title, description = "".join(parts) + text[at:], ""
    if listing.description:
        separator = _move(done, ends, shifts, separator)
        title, description = title[:separator], title[separator + 1 :]
    new = replace(listing, title=title, description=description)
    new_text = new.text
    tags: List[Tag] = []
    places: Dict[Tuple[str, int, int], Tuple[int, int]] = {}
    for tag in listing.tags:
        if tag.start is None or tag.end is None:
            tags.append(tag)
            continue
        touching = bisect_right(ends, tag.start)
        if touching < len(done) and _inside(tag, *done[touching][:2]):
            continue
        start, end = _move(done, ends, shifts, tag.start), _move(done, ends, shifts, tag.end, closing=True)
        # The line break goes with the description's last character.
        end = min(end, len(new_text))
        while start < end and new_text[start].isspace() and not text[tag.start].isspace():
            start += 1
        while start < end and new_text[end - 1].isspace() and not text[tag.end - 1].isspace():
            end -= 1
        old_place = (tag.start, tag.end)
        if start < end and places.setdefault((tag.facet, start, end), old_place) == old_place:
            surface = new_text[start:end]
            if tag.raw:
                tag = replace(tag, start=start, end=end, raw=surface)
            elif tag.text == text[tag.start : tag.end]:
                tag = replace(tag, start=start, end=end, text=surface)
            else:
                tag = replace(tag, start=start, end=end)
            tags.append(tag)
    return replace(new, tags=tuple(tags))


def _move(edits: List[Edit], ends: List[int], shifts: List[int], offset: int, closing: bool = False) -> int:
    before = bisect_right(ends, offset)
    if before < len(edits) and edits[before][0] < offset:
        raise ValueError(f"edits: {edits[before]} cuts across the end of a span at {offset}")
    # What is inserted at the end of a span stands behind it.
    while closing and before and edits[before - 1][0] == offset:
        before -= 1
    return offset + shifts[before]


def swap_values(
    listing: Listing, rng: random.Random, values: Mapping[str, Sequence[str]], rate: float = 0.5
) -> Listing:
    """Put other values of their facets in place of spans; equal spans get the same value.

    A span that contains or crosses another stays, and so does one that a seller tag or its answer names. A swapped
    tag, and a tag around it, loses its canonical id. A blank keeps Latin letters and digits from running together.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    values (Mapping[str, Sequence[str]]): The values of each facet; spans of other facets stay.
    rate (float): Share of the values that are swapped.
    RETURNS (Listing): The new listing.
    """
    text = listing.text
    named = {*listing.seller_tags, *listing.seller_answers}
    spans = [tag for tag in listing.tags if tag.start is not None]
    picks: Dict[Tuple[str, str], str] = {}
    swaps: Dict[Tuple[int, int], str] = {}
    for number, tag in enumerate(spans):
        start, end = tag.span
        surface = text[start:end]
        if not values.get(tag.facet) or surface in named or "\n" in surface:
            continue
        others = (other for at, other in enumerate(spans) if at != number and _overlaps(other, start, end))
        if not all(_inside(tag, *other.span) for other in others):
            continue
        key = (tag.facet, surface)
        if key not in picks:
            value = rng.choice(values[tag.facet]) if rng.random() < rate else ""
            picks[key] = value if value == value.strip() and "\n" not in value else ""
        if picks[key] and picks[key] != surface:
            swaps[start, end] = picks[key]
    edits: List[Edit] = []
    starts = {start for start, _ in swaps}
    for start, end in sorted(swaps):
        value = swaps[start, end]
        left = edits[-1][2] if edits and edits[-1][1] == start else text[:start]
        if runs_together(left[-1:], value[0]):
            edits.append((start, start, " "))
        edits.append((start, end, value))
        if end not in starts and runs_together(value[-1], text[end : end + 1]):
            edits.append((end, end, " "))
    tags = [_plain(tag, text) if any(_overlaps(tag, *span) for span in swaps) else tag for tag in listing.tags]
    return apply_edits(replace(listing, tags=tuple(tags)), edits) if edits else listing


def _overlaps(tag: Tag, start: int, end: int) -> bool:
    return tag.start is not None and tag.span[0] < end and start < tag.span[1]


def _inside(tag: Tag, start: int, end: int) -> bool:
    return start <= tag.span[0] and tag.span[1] <= end and (start, end) != tag.span


def _plain(tag: Tag, text: str) -> Tag:
    return replace(tag, text=text[tag.start : tag.end], raw="", canonical_id="")


@lru_cache(maxsize=8192)
def _script(char: str) -> int:
    return _SCRIPTS[int(classify(code_points([char]))[0])]


def runs_together(left: str, right: str) -> bool:
    """Say whether two characters, side by side, would be read as one word. RETURNS (bool): False where one is empty."""
    return bool(left and right) and 0 < _script(left) < _WIDE and 0 < _script(right) < _WIDE


def change_case(listing: Listing, rng: random.Random, rate: float = 1.0) -> Listing:
    """Write Latin words in lower case, in capitals or with a capital first.

    Letters whose other case is not one character, or does not lead back (ß, ı), stay.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    rate (float): Share of the words that change.
    RETURNS (Listing): The new listing.
    """
    text = listing.text
    first, other = rng.choice(_CASES)
    edits: List[Edit] = []
    for word in _LATIN_WORD.finditer(text):
        if rng.random() < rate:
            for at in range(*word.span()):
                new = (other if at > word.start() else first)(text[at])
                if len(new) == 1 and new.swapcase() == text[at]:
                    edits.append((at, at + 1, new))
    return apply_edits(listing, edits)


def change_width(listing: Listing, rng: random.Random, rate: float = 0.5) -> Listing:
    """Widen half-width words, numbers, signs and blanks to full width, or narrow full-width ones.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    rate (float): Share of the words, numbers and signs that change; 1 = every character.
    RETURNS (Listing): The new listing.
    """
    pattern, table = rng.choice(((_HALF_WIDTH, _WIDEN), (_FULL_WIDTH, _NARROW)))
    edits: List[Edit] = []
    for run in pattern.finditer(listing.text):
        if rng.random() < rate:
            edits += ((at, at + 1, table[char]) for at, char in enumerate(run.group(), run.start()))
    return apply_edits(listing, edits)


def change_spacing(listing: Listing, rng: random.Random, rate: float = 0.2) -> Listing:
    """Insert blanks at the ends of spans and where the script changes, and delete single blanks.

    Inserted blanks stand between spans, or inside them at a change of script. A blank between two Latin words or two
    numbers is never deleted: they would be one.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    rate (float): Share of the possible places that change.
    RETURNS (Listing): The new listing.
    """
    text = listing.text
    bounds = _span_bounds(listing)
    scripts = [_script(char) for char in text]
    edits: List[Edit] = []
    for at in range(1, len(text)):
        if text[at - 1].isspace():
            continue
        if text[at] in " \u3000":
            if not text[at + 1 : at + 2].strip() or 0 < scripts[at - 1] == scripts[at + 1] < _WIDE:
                continue
            edit = (at, at + 1, "")
        elif text[at].isspace() or _joined(text, at):
            continue
        elif at in bounds or 0 < scripts[at - 1] != scripts[at] > 0:
            edit = (at, at, " ")
        else:
            continue
        if rng.random() < rate:
            edits.append(edit)
    return apply_edits(listing, edits)


def _span_bounds(listing: Listing) -> set:
    return {offset for tag in listing.tags if tag.start is not None for offset in (tag.start, tag.end)}


def _joined(text: str, at: int) -> bool:
    """Tell whether the character at `at` belongs to the one before it: accents, emoji sequences."""
    return at < len(text) and (category(text[at])[0] == "M" or "\u200d" in text[at - 1 : at + 1])


def typing_noise(
    listing: Listing, rng: random.Random, rate: float = 0.03, protect: Collection[str] = PROTECTED
) -> Listing:
    """Drop, double or replace letters, or swap two neighbours, as typing errors do.

    Digits stay, since a wrong digit is another fact. No span, title or description loses its last character.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    rate (float): Share of the letters that are hit.
    protect (Collection[str]): Facets whose spans stay.
    RETURNS (Listing): The new listing.
    """
    text = listing.text
    spans = [tag for tag in listing.tags if tag.start is not None]
    bounds = _span_bounds(listing)
    shielded = {at for tag in spans if tag.facet in protect for at in range(*tag.span)}
    places = {(0, len(listing.title)), (len(listing.title) + 1, len(text)), *(tag.span for tag in spans)}
    left = {place: len("".join(text[slice(*place)].split())) for place in places}
    edits: List[Edit] = []
    for at, char in enumerate(text):
        if rng.random() >= rate or at in shielded or not char.isalpha() or _joined(text, at + 1):
            continue
        if edits and at < edits[-1][1]:
            continue
        kind = rng.randrange(4)
        if kind == 0:
            around = [place for place in places if place[0] <= at < place[1]]
            if all(left[place] > 1 for place in around):
                edits.append((at, at + 1, ""))
                left.update((place, left[place] - 1) for place in around)
        elif kind == 1:
            edits.append((at, at + 1, char * 2))
        elif kind == 2:
            after = text[at + 1 : at + 2]
            if after.isalpha() and at + 1 not in bounds and not _joined(text, at + 2):
                edits.append((at, at + 2, after + char))
        else:
            edits.append((at, at + 1, _near(char, text, rng)))
    return apply_edits(listing, edits)


def _near(char: str, text: str, rng: random.Random) -> str:
    keys = _KEYS.get(char.lower(), "")
    if keys:
        return rng.choice(keys.upper() if char.isupper() else keys)
    if _script(char) != _WIDE:
        return char
    if char in _ALIKE and rng.random() < 0.5:
        return _ALIKE[char]
    return rng.choice([other for other in text if _script(other) == _WIDE and other.isalpha()])
