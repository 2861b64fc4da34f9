"""What several numbers mean together: dimensions, packs, packs of packs: 10×20cm, 500ml*12瓶, 550ml*24瓶*2箱."""
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import List, NamedTuple, Optional, Sequence, Tuple

from .context import Source
from .sizes import is_sure_size
from .terms import Term, numbers_at, read_term, singular, suffix
from .units import LATIN, Quantity, convert_number, kind_of, load_data, read_unit

TIMES = re.compile(r"\.?\s*[xX×✕✖*·乘]\s*|\s+by\s+(?=\d)", re.IGNORECASE)
_PER = re.compile(r"\.?\s*(?:/|\b(?:per|je|pro|par|por)\b)\s*", re.IGNORECASE)
PACK_OF = re.compile(r"(pack|set|box|case|carton|bag|bundle)\s+of\s+(?=\w)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]")
# More than any quantity has, and few enough for a text of nothing but 1*1*1.
_MOST = 6

_Level = Tuple[int, str]


class _Pack(NamedTuple):
    unit: str
    end: int
    per: bool  # /盒, not 装


class _Part(NamedTuple):
    term: Term
    packs: List[_Pack]  # what stands right behind it: /片, 装


def read_content(source: Source, at: int) -> Optional[Tuple[Quantity, int]]:
    """Read a quantity with all its factors. RETURNS (Optional[Tuple[Quantity, int]]): It and its end; None = none."""
    parts, end = _read_parts(source, at)
    if not parts:
        return None
    quantity = _combine(parts)
    if quantity is None or not (source.whole or is_sure_size(quantity, source.text, end)):
        return None
    # 24瓶*2箱*3托
    if not source.whole and quantity.outer and not quantity.outer[-1][1] and _WORD.match(source.text, end):
        return None
    # A bare number is a quantity only where somebody says so; 24x7 and 4x4 are none in running text.
    bare = not (quantity.unit or quantity.system or quantity.count_unit or quantity.outer)
    if bare and not source.whole and (len(quantity.values) < 2 or quantity.count != 1 or min(quantity.values) < 10):
        return None
    return quantity, end


def read_pack_of(source: Source, at: int) -> Optional[Tuple[Quantity, int]]:
    """Read "pack of six". RETURNS (Optional[Tuple[Quantity, int]]): The quantity and its end; None = none."""
    match = PACK_OF.match(source.text, at)
    if match is None:
        return None
    for value, end in numbers_at(source, match.end()):
        word = match[1].lower()
        unit = read_unit(Source(word), 0, Fraction(1))
        name = load_data()["packs"]["containers"].get(word) or (unit[0] if unit else "")
        return Quantity((value,), "pc", count_unit=name), end
    return None


def _read_parts(source: Source, at: int) -> Tuple[List[_Part], int]:
    """Read factors and what they are packed in. RETURNS (Tuple[List[_Part], int]): All that there are, and the end."""
    parts: List[_Part] = []
    end, start = at, at
    while len(parts) < _MOST:
        term = read_term(source, start)
        if term is None:
            break
        end = term.end
        packs: List[_Pack] = []
        while len(packs) < 2 and (pack := _read_pack(source, end)) and (pack.per or not packs):
            packs.append(pack)
            end = pack.end
        # 50/Box and 三件套 count pieces that need no word of their own.
        if packs and not term.unit:
            term = term._replace(unit="pc")
        parts.append(_Part(term, packs))
        times = TIMES.match(source.text, end)
        if times is None:
            break
        start = times.end()
    return parts, end


def _combine(parts: Sequence[_Part]) -> Optional[Quantity]:
    """Decide what the factors mean. RETURNS (Optional[Quantity]): The quantity; None = nothing, or nothing sure."""
    content, rest = _split(parts)
    if content is None:
        return None
    levels: List[_Level] = []
    for part in rest:
        if part.term.high is not None or part.term.value.denominator != 1 or part.term.value < 1:
            return None
        levels.append((int(part.term.value), part.term.unit))
        levels += [(1, pack.unit) for pack in part.packs]
    # 20片/盒*3盒, 0.6g/片*100片, 20片装*3: so many of what the content is packed in.
    packs = [pack for part in parts[: len(parts) - len(rest)] for pack in part.packs]
    if len(packs) == 1 and rest and (levels[0][1] in ("", packs[0].unit) or not packs[0].per):
        levels[0] = (levels[0][0], levels[0][1] or packs[0].unit)
        packs = []
    elif len(packs) == 1 and rest and levels[0][1] in ("pc", "pack") and content.unit == "pc":
        levels[0], packs = (levels[0][0], packs[0].unit), []
    elif packs and rest:
        return None
    # Times one says nothing: 500ml*12瓶*1.
    levels = [level for level in [*((1, pack.unit) for pack in packs), *levels] if level != (1, "")]
    levels = _merge_levels(levels)
    # Six boxes of six boxes are a list, or something else that we can't tell.
    named = [unit for _, unit in levels if unit] + ([content.unit] if kind_of(content.unit) == "count" else [])
    if len(set(named)) < len(named) and len(levels) > 1:
        return None
    if any(not unit for _, unit in levels[:-1]) or (levels and content.system):
        return None
    if not levels:
        return content
    (count, unit), *outer = levels
    return replace(content, count=count, count_unit=unit, outer=tuple(outer))


def _merge_levels(levels: List[_Level]) -> List[_Level]:
    """Join what is said twice: 72片/盒*5盒. RETURNS (List[_Level]): The levels, from the inside."""
    merged: List[_Level] = []
    for count, unit in levels:
        if merged and merged[-1][0] == 1 and len(merged) > 1 and unit in ("", merged[-1][1]) and count > 1:
            merged[-1] = (count, merged[-1][1])
        elif merged and unit == "pack" and count == 1 and merged[-1][1] in ("", "pc") and merged[-1][0] > 1:
            merged[-1] = (merged[-1][0], "pack")  # 500ml × 12 pack
        else:
            merged.append((count, unit))
    return merged


def _split(parts: Sequence[_Part]) -> Tuple[Optional[Quantity], Sequence[_Part]]:
    """Part what is packed from the packs. RETURNS (Tuple[Optional[Quantity], Sequence[_Part]]): Content and packs."""
    first = parts[0].term
    if len(parts) == 1:
        return _make(first), ()
    kinds = [kind_of(part.term.unit) for part in parts]
    last = parts[-1].term
    # 2 x 500ml, 24瓶*500ml.
    if len(parts) == 2 and kinds[0] in ("", "count") and kinds[1] not in ("", "count", "size"):
        fits = kinds[0] or kinds[1] != "length"
        if fits and first.high is None and first.value.denominator == 1 and first.value >= 1:
            return (_make(last), parts[:1]) if not (parts[0].packs or parts[1].packs) else (None, ())
    if len(parts) == 2 and not kinds[0] and kinds[1] == "count" and first.value.denominator != 1:
        return None, ()
    sides = next((n for n, part in enumerate(parts) if kinds[n] not in ("", "length") or part.packs), len(parts))
    if sides == len(parts) - 1 and kinds[sides] in ("", "length"):
        sides += 1
    if len(parts) == 2 and not kinds[0] and kinds[1] == "count":
        # 2*50张 are 50 sheets, twice.
        return _make(last), parts[:1]
    if sides < 2:
        return (_make(first), parts[1:]) if all(kind in ("", "count") for kind in kinds[1:]) else (None, ())
    if not all(kind == "count" or not kind for kind in kinds[sides:]):
        return None, ()
    return _combine_lengths([part.term for part in parts[:sides]]), parts[sides:]


def _make(term: Term) -> Quantity:
    if kind_of(term.unit) == "size":
        return Quantity((term.value,), high=term.high, system=term.unit)
    return Quantity((term.value,), term.unit, term.high)


def _combine_lengths(terms: List[Term]) -> Optional[Quantity]:
    if len(terms) > 4 or any(term.high is not None for term in terms):
        return None
    # A number without a unit has that of the next one that has one: 800*300mm*3mm.
    unit = next((term.unit for term in reversed(terms) if term.unit), "")
    units: List[str] = []
    for term in reversed(terms):
        unit = term.unit or unit
        units.insert(0, unit)
    values = tuple(convert_number(t.value, u, units[0]) if u != units[0] else t.value for t, u in zip(terms, units))
    return Quantity(values, units[0])


def _read_pack(source: Source, at: int) -> Optional[_Pack]:
    """Read what a content is packed in: /盒, per box, 装, 件套. RETURNS (Optional[_Pack]): The pack; None = none."""
    if match := suffix().match(source.text, at):
        return _Pack(load_data()["packs"]["suffixes"][match[1]], match.end(), False)
    if match := _PER.match(source.text, at):
        if word := _containers().match(source.text, match.end()):
            return _Pack(load_data()["packs"]["containers"][word[1].lower()], word.end(), True)
        unit = read_unit(source, match.end(), Fraction(1))
        if unit and kind_of(unit[0]) == "count":
            return _Pack(*unit, True)
    # "6 pack" holds six; "6 packs" are six.
    if match := singular().match(source.text, at):
        return _Pack("pack", match.end(), False)
    return None


@cache
def _containers() -> "re.Pattern[str]":
    words = sorted(load_data()["packs"]["containers"], key=len, reverse=True)
    return re.compile(rf"({'|'.join(words)})(?![{LATIN}])", re.IGNORECASE)
