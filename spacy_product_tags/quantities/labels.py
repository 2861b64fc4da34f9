"""Measures that say what they measure: 宽107厘米, 48 inches wide, 10cm(长)*20cm(宽), 12L x 8W x 4H inches."""
import re
from fractions import Fraction
from functools import cache
from typing import List, NamedTuple, Optional, Tuple

from .context import Source
from .packs import TIMES
from .terms import BLANK, numbers_at, read_unit_after
from .units import LATIN_END, Quantity, convert_number, kind_of, load_data


class _Side(NamedTuple):
    value: Fraction
    unit: str
    measure: str
    short: bool  # said by one letter
    end: int


def read_labelled(source: Source, at: int) -> Optional[Tuple[Quantity, int]]:
    """Read a measure or dimensions where each says what it is.

    source (Source): The text.
    at (int): Where the first label or number begins.
    RETURNS (Optional[Tuple[Quantity, int]]): The quantity and its end; None = no such measures.
    """
    sides: List[_Side] = []
    start = at
    while len(sides) < 4 and (side := _read_side(source, start)):
        sides.append(side)
        times = TIMES.match(source.text, side.end)
        if times is None:
            break
        start = times.end()
    measures = tuple(side.measure for side in sides)
    if not sides or start > sides[-1].end or len(set(measures)) < len(measures):
        return None
    unit = next((side.unit for side in reversed(sides) if side.unit), "")
    # 24H and 3D are no measures, nor is a number in running text that has no unit.
    if not unit and (not source.whole or (len(sides) == 1 and sides[0].short)):
        return None
    units: List[str] = []
    for side in reversed(sides):
        unit = side.unit or unit
        units.insert(0, unit)
    values = (convert_number(s.value, u, units[0]) if u != units[0] else s.value for s, u in zip(sides, units))
    return Quantity(tuple(values), units[0], measures=measures), sides[-1].end


def _read_side(source: Source, at: int) -> Optional[_Side]:
    text = source.text
    before = _label("before").match(text, at)
    for value, end in numbers_at(source, before.end() if before else at):
        if value <= 0:
            continue
        unit = _read_length(source, end, value)
        name = before
        if name is None:
            name = _label("behind").match(text, unit[1] if unit else end)
            if name is None:
                continue
        last = max(unit[1] if unit else end, name.end())
        # 4H inches
        if unit is None and name is not before and (later := _read_length(source, last, value)):
            unit, last = later, later[1]
        word = name["name"].lower()
        measure = load_data()["labels"]["before" if before else "behind"][word]
        return _Side(value, unit[0] if unit else "", measure, len(word) == 1 and word.isascii(), last)
    return None


def _read_length(source: Source, at: int, value: Fraction) -> Optional[Tuple[str, int]]:
    unit = read_unit_after(source, at, value)
    return unit if unit and kind_of(unit[0]) == "length" else None


@cache
def _label(place: str) -> "re.Pattern[str]":
    words = sorted(load_data()["labels"][place], key=len, reverse=True)
    if place == "before":
        # W8, (W)8, 宽: 8; but not "Width" of "Widths".
        return re.compile(rf"\(?(?P<name>{'|'.join(words)})\)?\s*:?\s*(?=[\d.])", re.IGNORECASE)
    spelled = (word + (LATIN_END if word.isascii() else "") for word in words)
    return re.compile(rf"{BLANK.pattern}\(?(?P<name>{'|'.join(spelled)})\)?", re.IGNORECASE)


def label_start() -> str:
    """RETURNS (str): What a labelled measure may begin with, as a regular expression."""
    words = sorted(load_data()["labels"]["before"], key=len, reverse=True)
    return rf"\(?(?:{'|'.join(words)})\)?\s?:?\s?\d"
