"""Units and quantities: how units are written, how to read them and how to convert them."""
import re
import tomllib
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .context import Source, load_ambiguous

DATA_PATH = Path(__file__).with_suffix(".toml")

LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"
# A Latin unit ends where its letters end; 10cmx20cm goes on with an x.
LATIN_END = rf"(?:(?![{LATIN}])|(?=[xX]\s?\d))"
_AT_LATIN = re.compile(f"[{LATIN}]")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a seller says about size, weight or number; numbers are exact.

    values (Tuple[Fraction, ...]): One number, or several for dimensions (10×20cm). A letter size is steps from M.
    unit (str): Canonical unit or count word (cm, g, ml, jin, pc), of one pack's content; "" = none.
    high (Optional[Fraction]): Upper end of a range (90-100斤); None = no range.
    count (int): How many packs: 12 in 500毫升*12瓶.
    count_unit (str): What the packs are (bottle, box, set); "" = not said. With a count of 1: "in each", as in 20片/盒.
    outer (Tuple[Tuple[int, str], ...]): Packs of packs, from the inside, in the same way: 550ml*24瓶*2箱, 6g*6袋/盒.
    system (str): Size system (shoe-eu, letter, paper-a, cn-body-a); "" = no size.
    approximate (bool): Whether the writer says "about".
    measures (Tuple[str, ...]): What the numbers measure where the writer says it: l, w, h, dia …; not compared.
    raw (str): The text as written; not compared.
    """

    values: Tuple[Fraction, ...]
    unit: str = ""
    high: Optional[Fraction] = None
    count: int = 1
    count_unit: str = ""
    outer: Tuple[Tuple[int, str], ...] = ()
    system: str = ""
    approximate: bool = False
    measures: Tuple[str, ...] = field(default=(), compare=False)
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit or count word.

    name (str): Canonical name, such as cm, jin or bottle.
    kind (str): What it measures: length, mass, count …
    pint (str): The unit in pint; "" = nothing to convert.
    show (Mapping[str, Tuple[str, str]]): How a locale writes one and many; a locale without an entry writes the name.
    """

    name: str
    kind: str
    pint: str
    show: Mapping[str, Tuple[str, str]]


@cache
def load_data() -> Dict[str, Any]:
    """Read ``units.toml``, once. RETURNS (Dict[str, Any]): Its tables."""
    with DATA_PATH.open("rb") as file:
        return tomllib.load(file)


@cache
def load_units() -> Dict[str, Unit]:
    """Give all units. RETURNS (Dict[str, Unit]): By canonical name."""
    units = {}
    for name, entry in load_data()["units"].items():
        show = {lang: (word, word) if isinstance(word, str) else tuple(word) for lang, word in entry["show"].items()}
        # What is defined here goes by its own name in pint.
        defined = entry.get("define", "").partition(" = ")[0]
        units[name] = Unit(name, entry["kind"], defined or entry.get("pint", ""), show)
    return units


def kind_of(unit: str) -> str:
    """Say what a unit measures. RETURNS (str): Its kind; "" for no unit, "size" for a size system."""
    return "size" if unit in load_data()["sizes"] else load_units()[unit].kind if unit else ""


def base_of(unit: str) -> str:
    """Give the unit that equal amounts are compared in. RETURNS (str): Its kind's, or the unit itself."""
    return load_data()["base"].get(kind_of(unit), unit) if unit and load_units()[unit].pint else unit


@cache
def spellings() -> Dict[str, str]:
    """Give every way to write a unit. RETURNS (Dict[str, str]): Spelling, folded, to canonical name.

    RAISES (ValueError): Where two units share a spelling; the message names both.
    """
    found: Dict[str, str] = {}
    for name, entry in load_data()["units"].items():
        for word in _words(name, entry):
            if found.setdefault(_fold(word), name) != name:
                raise ValueError(f"{DATA_PATH}: units.{name}: '{word}' is already written for {found[_fold(word)]}")
    return found


def read_unit(source: Source, at: int, number: Fraction) -> Optional[Tuple[str, int]]:
    """Read the unit that stands at a place.

    source (Source): The text, and what decides between the meanings of 码, ct or G.
    at (int): Where the unit begins.
    number (Fraction): The number in front of it, which decides as well.
    RETURNS (Optional[Tuple[str, int]]): The name of the unit or size system, and the end; None = no unit.
    """
    text = source.text
    match, exact = _pattern().match(text, at), _ambiguous_pattern().match(text, at)
    if exact and exact.lastgroup and (match is None or exact.end() >= match.end()):
        name = _choose(source, at, exact, int(exact.lastgroup[1:]), number)
        return (name, exact.end()) if name else None
    if match is None:
        return None
    name = spellings().get(_fold(match[0]), "")
    return (name, match.end()) if name else None


def convert_number(number: Fraction, unit: str, target: str) -> Fraction:
    """Convert a number from one unit into another.

    number (Fraction): The number.
    unit (str): Its unit.
    target (str): The unit wanted.
    RETURNS (Fraction): The number in that unit, exact.
    RAISES (ValueError): On an unknown unit, or units of different kinds.
    """
    units = load_units()
    for name in (unit, target):
        if name not in units:
            raise ValueError(f"'{name}' is no unit; the units are {', '.join(units)}")
    if unit == target:
        return number
    if units[unit].kind != units[target].kind or not units[unit].pint or not units[target].pint:
        raise ValueError(f"{unit} ({units[unit].kind}) cannot be converted into {target} ({units[target].kind})")
    if units[unit].kind == "temperature":
        registry = _registry()
        return Fraction(registry.Quantity(number, units[unit].pint).to(units[target].pint).magnitude)
    return number * _factor(units[unit].pint, units[target].pint)


@cache
def _factor(source: str, target: str) -> Fraction:
    registry = _registry()
    # Both sides may be expressions such as "meter ** 2".
    ratio = (Fraction(1) * registry.parse_expression(source)) / registry.parse_expression(target)
    return Fraction(ratio.to_base_units().magnitude)


@cache
def _registry() -> Any:
    # Building pint's registry takes most of a second: only for who converts.
    import pint

    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    for entry in load_data()["units"].values():
        if "define" in entry:
            registry.define(entry["define"])
    return registry


def _words(name: str, entry: Mapping[str, Any]) -> List[str]:
    shown = [word for words in entry["show"].values() for word in ([words] if isinstance(words, str) else words)]
    return [name, *shown, *entry["alias"]]


def _fold(word: str) -> str:
    return re.sub(r"[\s.]", "", word.lower())


@cache
def _pattern() -> "re.Pattern[str]":
    options = {}
    for name, entry in load_data()["units"].items():
        for word in _words(name, entry):
            guard = f"(?!{entry['not_before']})" if "not_before" in entry else ""
            if _AT_LATIN.match(word[-1]):
                guard = f"{LATIN_END}{guard}"
            options[word] = r"[\s.]{0,2}".join(re.escape(part) for part in word.split(" ")) + guard
    longest = sorted(options, key=len, reverse=True)
    return re.compile("|".join(options[word] for word in longest), re.IGNORECASE)


@cache
def _ambiguous_pattern() -> "re.Pattern[str]":
    """RETURNS (re.Pattern[str]): All ambiguous spellings; the group that matched is named after the entry's place."""
    options = []
    for number, entry in enumerate(load_ambiguous()["ambiguous"]):
        guard = f"(?!{entry['not_before']})" if "not_before" in entry else ""
        words = [entry["written"]] if isinstance(entry["written"], str) else entry["written"]
        longest = sorted(words, key=len, reverse=True)
        spelled = [re.escape(word) + (LATIN_END if _AT_LATIN.match(word) else "") for word in longest]
        flags = "(?i:" if entry.get("any_case") else "(?:"
        options.append(f"(?P<a{number}>{flags}{'|'.join(spelled)})){guard}")
    return re.compile("|".join(options))


@cache
def _readings(number: int) -> Tuple[Tuple[str, ...], List[Dict[str, Any]]]:
    """RETURNS (Tuple[Tuple[str, ...], List[Dict[str, Any]]]): An entry's topics, and its readings in exact numbers."""
    readings = []
    for reading in load_ambiguous()["ambiguous"][number]["readings"]:
        exact = {key: Fraction(str(reading[key])) for key in ("from", "to") if key in reading}
        only = {"only": frozenset(Fraction(str(value)) for value in reading["only"])} if "only" in reading else {}
        readings.append({**reading, **exact, **only})
    named = [topic for reading in readings for topic in (reading.get("topic"), *reading.get("unless", ())) if topic]
    return tuple(dict.fromkeys(named)), readings


def _choose(source: Source, at: int, match: "re.Match[str]", entry: int, number: Fraction) -> str:
    asked, readings = _readings(entry)
    topics = source.topics_at(asked, at) if asked else frozenset()
    for reading in readings:
        if "only" in reading and number not in reading["only"]:
            continue
        if ("from" in reading and number < reading["from"]) or ("to" in reading and number > reading["to"]):
            continue
        if "whole" in reading and reading["whole"] != (number.denominator == 1):
            continue
        if "written" in reading and match[0].lower() not in reading["written"]:
            continue
        if "before" in reading and not source.goes_on(reading["before"], match.end()):
            continue
        if reading.get("topic") in (None, *topics) and topics.isdisjoint(reading.get("unless", ())):
            return reading.get("unit") or reading.get("system", "")
    return ""
