"""One number with its unit, as a part of a quantity: 500ml, 90-100斤, 2尺3寸, 1米8."""
import re
from fractions import Fraction
from functools import cache
from typing import Iterator, NamedTuple, Optional, Tuple

from .context import Source
from .numbers import is_written_out, read_numbers
from .units import LATIN, convert_number, kind_of, load_data, read_unit

BLANK = re.compile(r"[ \t\u00a0\u202f]*")
_UNIT_GAP = re.compile(rf"[ \t\u00a0\u202f]?-(?=[ \t]?[{LATIN}])[ \t]?|[ \t\u00a0\u202f]*")
_TO = re.compile(r"\s*(?:[-–—~〜至到]|\s(?:to|bis)\s)\s*", re.IGNORECASE)
_CHAIN = re.compile(r"\s?[-~/.]\s?\d")


def end_of(pattern: "re.Pattern[str]", text: str, at: int) -> int:
    """Pass over what may stand at a place.

    pattern (re.Pattern[str]): What may.
    text (str): The text.
    at (int): The place.
    RETURNS (int): Its end; the place itself where it doesn't stand there.
    """
    match = pattern.match(text, at)
    return match.end() if match else at


class Term(NamedTuple):
    """A number with its unit.

    value (Fraction): The number, or the lower end of a range.
    high (Optional[Fraction]): The upper end; None = no range.
    unit (str): A unit or a size system; "" = none.
    end (int): Where it ends.
    """

    value: Fraction
    high: Optional[Fraction]
    unit: str
    end: int


def numbers_at(source: Source, at: int) -> Iterator[Tuple[Fraction, int]]:
    """Read the number at a place, as the source's language writes it. YIELDS (Tuple[Fraction, int]): It and its end."""
    return read_numbers(source.text, at, source.comma, source.blank)


def read_term(source: Source, at: int) -> Optional[Term]:
    """Read the term that begins at a place. RETURNS (Optional[Term]): The term; None = no number stands there."""
    for value, end in numbers_at(source, at):
        term = _read_rest(source, at, value, end)
        if term is not None:
            return term
    return None


def read_unit_after(source: Source, at: int, number: Fraction) -> Optional[Tuple[str, int]]:
    """Read the unit behind a number. RETURNS (Optional[Tuple[str, int]]): Its name and its end; None = no unit."""
    return read_unit(source, end_of(_UNIT_GAP, source.text, at), number)


def _read_rest(source: Source, at: int, value: Fraction, end: int) -> Optional[Term]:
    """Read what follows a number: the end of a range, a unit, a second unit. RETURNS (Optional[Term]): The term."""
    text = source.text
    # "6 pack" is no unit, but what six are in; 三 M2 is no area.
    apart = (value > 1 and singular().match(text, end)) or (is_written_out(text, at) and text[end : end + 1].isspace())
    high, unit = None, None if apart else read_unit_after(source, end, value)
    to = _TO.match(text, unit[1] if unit else end)
    for upper, upper_end in numbers_at(source, to.end()) if to else ():
        upper_unit = read_unit_after(source, upper_end, upper)
        if upper <= value or (unit and (upper_unit is None or upper_unit[0] != unit[0])):
            continue
        high, end, unit = upper, upper_end, upper_unit or unit
        break
    if unit is None:
        # 2-3-4, 13.3/14, 2020-01; and Chinese numbers stand in words: 一次性, 三星.
        if _CHAIN.match(text, end) or is_written_out(text, at):
            return Term(value, high, "", end) if suffix().match(text, end) else None
        return Term(value, high, "", end)
    name, end = unit
    if high is None and kind_of(name) != "size":
        value, name, end = _read_compound(source, value, name, end)
    if value < 0 and kind_of(name) != "temperature":
        return None
    return Term(value, high, name, end)


def _read_compound(source: Source, value: Fraction, unit: str, end: int) -> Tuple[Fraction, str, int]:
    """Read on where a second unit follows: 5'10", 2尺3寸, 1斤3两, 2斤半, 1米8."""
    text = source.text
    if text.startswith("半", end) and text[end - 1] in "斤两个米年尺" and not text.startswith("身", end + 1):
        return value + Fraction(1, 2), unit, end + 1
    for entry in load_data()["compounds"]:
        if entry["large"] != unit:
            continue
        for small, small_end in numbers_at(source, end_of(BLANK, text, end)):
            found = read_unit_after(source, small_end, small)
            if found and found[0] == entry["small"]:
                into = entry["into"]
                factor = Fraction(entry["factor"]) if "factor" in entry else convert_number(Fraction(1), found[0], into)
                return convert_number(value, unit, into) + small * factor, into, found[1]
    if unit == "m" and text[end - 1] == "米" and value.denominator == 1:
        for small, small_end in numbers_at(source, end):
            digits = text[end:small_end]
            if small.denominator == 1 and 0 < small < 100 and not read_unit_after(source, small_end, small):
                return value + small / 10 ** (len(digits) if digits.isdecimal() else 1), unit, small_end
    return value, unit, end


@cache
def suffix() -> "re.Pattern[str]":
    """RETURNS (re.Pattern[str]): What makes a quantity the content of a pack: 装, 件套."""
    words = sorted(load_data()["packs"]["suffixes"], key=len, reverse=True)
    return re.compile(rf"\s?({'|'.join(words)})(?!修|饰|备|[{LATIN}])")


@cache
def singular() -> "re.Pattern[str]":
    """RETURNS (re.Pattern[str]): The pack that holds so many: 6 pack; but 6 packs are six."""
    return re.compile(rf"[\s-]{{0,2}}(?:{'|'.join(load_data()['packs']['singular'])})(?![{LATIN}])", re.IGNORECASE)
