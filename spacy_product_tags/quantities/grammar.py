"""The grammar of how sellers write quantities: numbers, units, dimensions, ranges, packs and sizes."""
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Iterator, List, NamedTuple, Optional, Tuple

from .numbers import NUMBER_START, is_written_out, read_numbers
from .sizes import is_sure_size, read_size, size_starts
from .units import LATIN, Quantity, convert_number, kind_of, load_data, read_unit


class _Term(NamedTuple):
    value: Fraction
    high: Optional[Fraction]
    unit: str  # a unit or a size system
    end: int


_BLANK = re.compile(r"[ \t\u00a0\u202f]*")
_UNIT_GAP = re.compile(rf"[ \t\u00a0\u202f]?-(?=[ \t]?[{LATIN}])[ \t]?|[ \t\u00a0\u202f]*")
_TIMES = re.compile(r"\.?\s*[xX×✕✖*·乘]\s*")
_PER = re.compile(r"\.?\s*(?:/|\b(?:per|je|pro|par|por)\b)\s*", re.IGNORECASE)
_PACK_OF = re.compile(r"(pack|set|box|case|carton|bag|bundle)\s+of\s+(?=\w)", re.IGNORECASE)
_TO = re.compile(r"\s*(?:[-–—~〜至到]|\s(?:to|bis)\s)\s*", re.IGNORECASE)
# Where a number in running text may begin: not inside a model number or another number.
_FREE = re.compile(rf"(?<![{LATIN}\d_#])(?<![{LATIN}\d][-.,_])")
# A unit that runs on is part of a model number: 1220V6, 3T-15.
_GLUED = re.compile(rf"[{LATIN}]-?\d")
_CHAIN = re.compile(r"\s?[-~/.]\s?\d")


def read_quantity(text: str, at: int, whole: bool = False) -> Optional[Tuple[Quantity, int]]:
    """Read the quantity that begins at a place.

    text (str): The text, half-width.
    at (int): Where the quantity begins.
    whole (bool): Whether the text is nothing but a quantity, so that 15, A4 and "宽 48" may be read.
    RETURNS (Optional[Tuple[Quantity, int]]): The quantity, without its raw text, and its end; None = no quantity.
    """
    if not whole and _phrases("idioms").match(text, at):
        return None
    about = _phrases("about").match(text, at)
    start = _BLANK.match(text, about.end()).end() if about else at
    found = read_size(text, start, whole) or _read_pack_of(text, start) or _read_content(text, start, whole)
    if found is None:
        return None
    quantity, end = found
    if not whole and _GLUED.match(text, end - 1):
        return None
    if after := _phrases("about_after").match(text, _BLANK.match(text, end).end()):
        end = after.end()
    if about or after:
        quantity = replace(quantity, approximate=True)
    return quantity, end


def starts(text: str) -> Iterator[int]:
    """Give the places of a text where a quantity may begin. RETURNS (Iterator[int]): Offsets, rising."""
    return (match.start() for match in _start_pattern().finditer(text))


def _read_content(text: str, at: int, whole: bool) -> Optional[Tuple[Quantity, int]]:
    term = _read_term(text, at, whole)
    if term is None:
        return None
    terms = [term]
    # Five are more than any quantity has, and few enough for a text of nothing but 1*1*1.
    while len(terms) < 5 and (times := _TIMES.match(text, terms[-1].end)):
        term = _read_term(text, times.end(), True)
        if term is None:
            break
        terms.append(term)
    end = terms[-1].end
    # 50/Box and 三件套 count pieces that need no word of their own.
    pack = _read_pack(text, end)
    if pack and not terms[-1].unit:
        terms[-1] = terms[-1]._replace(unit="pc")
    quantity = _combine(terms)
    if quantity is None or not (whole or is_sure_size(quantity, text, end)):
        return None
    if pack and quantity.count != 1:
        # 500ml × 12 pack; a pack of packs has no place in a quantity.
        if quantity.count_unit not in ("", "pc"):
            return None
        quantity, end = replace(quantity, count_unit=pack[0]), pack[1]
    elif pack:
        name, end = pack
        quantity = replace(quantity, count_unit=name)
        if times := _TIMES.match(text, end):
            more = _read_term(text, times.end(), True)
            if more and _is_count(more) and more.unit in ("", name, "pc", "pack"):
                quantity, end = replace(quantity, count=int(more.value)), more.end
    # A bare number is a quantity only where somebody says so; 24x7 and 4x4 are none in running text.
    bare = not (quantity.unit or quantity.system or quantity.count_unit)
    if bare and not whole and (len(quantity.values) < 2 or quantity.count != 1 or min(quantity.values) < 10):
        return None
    return quantity, end


def _combine(terms: List[_Term]) -> Optional[Quantity]:
    """Decide what the factors of 500ml*12瓶, 2×500ml, 10×20cm mean. RETURNS (Optional[Quantity]): None = nothing."""
    first, last = terms[0], terms[-1]
    if len(terms) == 1:
        if kind_of(first.unit) == "size":
            return Quantity((first.value,), high=first.high, system=first.unit)
        return Quantity((first.value,), first.unit, first.high)
    kinds = {kind_of(term.unit) for term in terms if term.unit}
    if kinds <= {"length"}:
        return _combine_lengths(terms)
    if len(terms) == 2 and not first.unit and _is_count(first):
        return Quantity((last.value,), last.unit, last.high, count=int(first.value))
    if not _is_count(last) or kind_of(last.unit) not in ("", "count"):
        return None
    content = _combine(terms[:-1]) if kinds - {"count"} or len(terms) > 2 or first.unit else None
    if content is None or content.count != 1 or content.system:
        return None
    return replace(content, count=int(last.value), count_unit=last.unit)


def _combine_lengths(terms: List[_Term]) -> Optional[Quantity]:
    if len(terms) > 4 or any(term.high is not None for term in terms):
        return None
    # A number without a unit has that of the next one that has one: 800*300mm*3mm.
    unit, units = next((term.unit for term in reversed(terms) if term.unit), ""), []
    for term in reversed(terms):
        unit = term.unit or unit
        units.insert(0, unit)
    values = tuple(convert_number(t.value, u, units[0]) if u != units[0] else t.value for t, u in zip(terms, units))
    return Quantity(values, units[0])


def _is_count(term: _Term) -> bool:
    return term.high is None and term.value.denominator == 1 and term.value >= 1


def _read_term(text: str, at: int, labels: bool) -> Optional[_Term]:
    if labels and (label := _labels("labels").match(text, at)):
        at = label.end()
    for value, end in read_numbers(text, at):
        term = _read_rest(text, at, value, end)
        if term is None:
            continue
        if labels and (label := _labels("labels_after").match(text, term.end)):
            term = term._replace(end=label.end())
        return term
    return None


def _read_rest(text: str, at: int, value: Fraction, end: int) -> Optional[_Term]:
    """Read what follows a number: the end of a range, a unit, a second unit. RETURNS (Optional[_Term]): The term."""
    # "6 pack" is no unit, but what six are in; 三 M2 is no area.
    apart = (value > 1 and _singular().match(text, end)) or (is_written_out(text, at) and text[end : end + 1].isspace())
    high, unit = None, None if apart else _read_unit_after(text, end, value)
    to = _TO.match(text, unit[1] if unit else end)
    for upper, upper_end in read_numbers(text, to.end()) if to else ():
        upper_unit = _read_unit_after(text, upper_end, upper)
        if upper <= value or (unit and (upper_unit is None or upper_unit[0] != unit[0])):
            continue
        high, end, unit = upper, upper_end, upper_unit or unit
        break
    if unit is None:
        # 2-3-4, 13.3/14, 2020-01; and Chinese numbers stand in words: 一次性, 三星.
        if _CHAIN.match(text, end) or is_written_out(text, at):
            return _Term(value, high, "", end) if _suffix().match(text, end) else None
        return _Term(value, high, "", end)
    name, end = unit
    if high is None and kind_of(name) != "size":
        value, name, end = _read_compound(text, value, name, end)
    if value < 0 and kind_of(name) != "temperature":
        return None
    return _Term(value, high, name, end)


def _read_unit_after(text: str, at: int, number: Fraction) -> Optional[Tuple[str, int]]:
    return read_unit(text, _UNIT_GAP.match(text, at).end(), number)


def _read_compound(text: str, value: Fraction, unit: str, end: int) -> Tuple[Fraction, str, int]:
    """Read on where a second unit follows: 5'10", 2尺3寸, 1斤3两, 2斤半, 1米8."""
    if text.startswith("半", end) and text[end - 1] in "斤两个米年尺" and not text.startswith("身", end + 1):
        return value + Fraction(1, 2), unit, end + 1
    for entry in load_data()["compounds"]:
        if entry["large"] != unit:
            continue
        for small, small_end in read_numbers(text, _BLANK.match(text, end).end()):
            found = _read_unit_after(text, small_end, small)
            if found and found[0] == entry["small"]:
                into = entry["into"]
                factor = Fraction(entry["factor"]) if "factor" in entry else convert_number(Fraction(1), found[0], into)
                return convert_number(value, unit, into) + small * factor, into, found[1]
    if unit == "m" and text[end - 1] == "米" and value.denominator == 1:
        for small, small_end in read_numbers(text, end):
            digits = text[end:small_end]
            if small.denominator == 1 and 0 < small < 100 and not _read_unit_after(text, small_end, small):
                return value + small / 10 ** (len(digits) if digits.isdecimal() else 1), unit, small_end
    return value, unit, end


def _read_pack(text: str, at: int) -> Optional[Tuple[str, int]]:
    """Read what a content is packed in: /盒, per box, 装, 件套. RETURNS (Optional[Tuple[str, int]]): Unit and end."""
    if match := _suffix().match(text, at):
        return load_data()["packs"]["suffixes"][match[1]], match.end()
    if match := _PER.match(text, at):
        if word := _containers().match(text, match.end()):
            return load_data()["packs"]["containers"][word[1].lower()], word.end()
        unit = read_unit(text, match.end(), Fraction(1))
        if unit and kind_of(unit[0]) == "count":
            return unit
    # "6 pack" holds six; "6 packs" are six.
    if match := _singular().match(text, at):
        return "pack", match.end()
    return None


def _read_pack_of(text: str, at: int) -> Optional[Tuple[Quantity, int]]:
    match = _PACK_OF.match(text, at)
    if match is None:
        return None
    for value, end in read_numbers(text, match.end()):
        word = match[1].lower()
        name = load_data()["packs"]["containers"].get(word) or read_unit(word, 0, Fraction(1))[0]
        return Quantity((value,), "pc", count_unit=name), end
    return None


@cache
def _phrases(name: str) -> "re.Pattern[str]":
    words = sorted(load_data()["words"][name], key=len, reverse=True)
    # A Latin word ends where its letters end.
    return re.compile("|".join(re.escape(w) + ("(?![a-z])" if w.isascii() else "") for w in words), re.IGNORECASE)


@cache
def _labels(name: str) -> "re.Pattern[str]":
    front, behind = ("", r"\s*:?\s*") if name == "labels" else (r"\s*\(?", r"\)?")
    return re.compile(f"{front}(?:{_phrases(name).pattern}){behind}", re.IGNORECASE)


@cache
def _suffix() -> "re.Pattern[str]":
    words = sorted(load_data()["packs"]["suffixes"], key=len, reverse=True)
    return re.compile(rf"\s?({'|'.join(words)})(?!修|饰|备|[{LATIN}])")


@cache
def _singular() -> "re.Pattern[str]":
    return re.compile(rf"[\s-]{{0,2}}(?:{'|'.join(load_data()['packs']['singular'])})(?![{LATIN}])", re.IGNORECASE)


@cache
def _containers() -> "re.Pattern[str]":
    words = sorted(load_data()["packs"]["containers"], key=len, reverse=True)
    return re.compile(rf"({'|'.join(words)})(?![{LATIN}])", re.IGNORECASE)


@cache
def _start_pattern() -> "re.Pattern[str]":
    heads = [NUMBER_START.pattern, _PACK_OF.pattern, _phrases("about").pattern, *size_starts()]
    return re.compile(f"{_FREE.pattern}(?=(?:{'|'.join(heads)}))", re.IGNORECASE)
