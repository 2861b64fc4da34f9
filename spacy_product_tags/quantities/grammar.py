"""The grammar of how sellers write quantities. A quantity is read whole, or the text is left alone."""
import re
from dataclasses import replace
from functools import cache
from typing import Iterator, Optional, Tuple

from .context import Source
from .labels import label_start, read_labelled
from .numbers import NUMBER_START, splits_thousands
from .packs import PACK_OF, read_content, read_pack_of
from .sizes import read_size, size_starts
from .terms import BLANK, end_of
from .units import LATIN, Quantity, load_data

# Where a number in running text may begin: not inside a model number, another number, or what was left alone.
_FREE = re.compile(rf"(?<![{LATIN}\d_#±])(?<![{LATIN}\d][-.,_])(?<!\d[*×])(?<!\d[a-z][*×])(?<!\d[a-z]{{2}}[*×])", re.I)
# A unit that runs on is part of a model number: 1220V6, 3T-15.
_GLUED = re.compile(rf"[{LATIN}]-?\d")
# What makes a quantity a part of something that wasn't read: 30±2cm, a fourth factor, 2瓶/6瓶.
_GOES_ON = re.compile(r"\s?(?:±|[xX×✕✖*]\s?\d)")
_LIST_GOES_ON = re.compile(r"\s?/\s?\d")
# Numbers and units in a chain: 12/18 months, 35/36/37码, 30±2cm.
_ITEM = rf"\d[\d.,]{{0,20}}(?:\s?(?:[{LATIN}\"'%°℃]{{1,8}}|[\u4e00-\u9fff]{{1,2}}(?=\s?[*×/±~-])))?"
_CHAIN = re.compile(rf"{_ITEM}(?:\s?[xX×✕✖*/±~–-]\s?{_ITEM})+")
_TAIL = re.compile(r"\s?℮")


def read_quantity(source: Source, at: int) -> Optional[Tuple[Quantity, int]]:
    """Read the quantity that begins at a place.

    source (Source): The text, and what is known of it.
    at (int): Where the quantity begins.
    RETURNS (Optional[Tuple[Quantity, int]]): The quantity, without its raw text, and its end; None = no quantity.
    """
    text, whole = source.text, source.whole
    if _patterns().match(text, at):
        return None
    if not whole and (_phrases("idioms").match(text, at) or splits_thousands(text, at)):
        return None
    about = _phrases("about").match(text, at)
    start = end_of(BLANK, text, about.end()) if about else at
    found = (
        read_size(text, start, whole)
        or read_pack_of(source, start)
        or read_labelled(source, start)
        or read_content(source, start)
    )
    if found is None:
        return None
    quantity, end = found
    if not whole and (_GLUED.match(text, end - 1) or _goes_on(text, quantity, end)):
        return None
    if after := _phrases("about_after").match(text, end_of(BLANK, text, end)):
        end = after.end()
    if about or after:
        quantity = replace(quantity, approximate=True)
    tail = _TAIL.match(text, end)
    return quantity, tail.end() if tail else end


def skip_chain(source: Source, at: int) -> int:
    """Find the end of a chain that couldn't be read, so that no part of it is. RETURNS (int): The end, or the place."""
    match = _CHAIN.match(source.text, at)
    return match.end() if match else at


def starts(text: str) -> Iterator[int]:
    """Give the places of a text where a quantity may begin. RETURNS (Iterator[int]): Offsets, rising."""
    return (match.start() for match in _start_pattern().finditer(text))


def _goes_on(text: str, quantity: Quantity, end: int) -> bool:
    several = len(quantity.values) > 1 or quantity.count != 1 or quantity.outer
    return bool(_GOES_ON.match(text, end) or (several and _LIST_GOES_ON.match(text, end)))


@cache
def _phrases(name: str) -> "re.Pattern[str]":
    words = sorted(load_data()["words"][name], key=len, reverse=True)
    # A Latin word ends where its letters end.
    return re.compile("|".join(re.escape(w) + ("(?![a-z])" if w.isascii() else "") for w in words), re.IGNORECASE)


@cache
def _patterns() -> "re.Pattern[str]":
    return re.compile("|".join(load_data()["words"]["not_quantities"]), re.IGNORECASE)


@cache
def _start_pattern() -> "re.Pattern[str]":
    heads = [NUMBER_START.pattern, PACK_OF.pattern, _phrases("about").pattern, label_start(), *size_starts()]
    return re.compile(f"{_FREE.pattern}(?=(?:{'|'.join(heads)}))", re.IGNORECASE)
