"""Quantities written as a shop wants them: in one unit, with so many decimals."""
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..quantities.quantity import parse_quantity
from ..quantities.units import convert_number, load_units
from .programs import Answer, check_table, without_brackets

ROUNDINGS = ("half-up", "float", "down")
RANGES = ("high", "low", "both")
# A number that `parse_quantity` can't read for its unit: 10K, 7.2K RPM.
_NUMBER_AND_WORD = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)\s*+-?\s*+([^\W\d_]+(?: [^\W\d_]+)?)\.?")


class Reading(NamedTuple):
    """A quantity as it was written.

    numbers (Tuple[Fraction, ...]): One number, or the two ends of a range.
    unit (str): Canonical unit; a word, folded, where it is no known unit; "" = none.
    """

    numbers: Tuple[Fraction, ...]
    unit: str


def read_value(text: str) -> Optional[Reading]:
    """Read one number or range with its unit. RETURNS (Optional[Reading]): None for anything else, such as 10×20cm."""
    quantity = parse_quantity(text) or parse_quantity(without_brackets(text))
    if quantity is not None:
        if len(quantity.values) != 1 or quantity.system or quantity.count != 1 or quantity.count_unit:
            return None
        ends = (quantity.values[0],) if quantity.high is None else (quantity.values[0], quantity.high)
        return Reading(ends, quantity.unit)
    match = _NUMBER_AND_WORD.fullmatch(text.strip())
    return Reading((Fraction(match[1].replace(",", "")),), match[2].casefold()) if match else None


@dataclass(frozen=True)
class ConversionRule:
    """Convert a quantity and write it: 6In is 15.2.

    unit (str): Canonical unit wanted, for units that have no factor; "" = only those with a factor.
    factors (Mapping[str, Fraction]): By which factor a number in a unit is multiplied; "" = a number without a unit.
    decimals (int): Decimals written.
    rounding (str): One of `ROUNDINGS`; "float" is what binary arithmetic gives, as in spreadsheets (57.15 is 57.1).
    suffix (str): What is written behind the number.
    range (str): What is written of a range: its "high" or "low" end, or "both".
    """

    unit: str = ""
    factors: Mapping[str, Fraction] = field(default_factory=dict)
    decimals: int = 0
    rounding: str = "half-up"
    suffix: str = ""
    range: str = "high"
    op: ClassVar[str] = "conversion"

    def find(self, text: str, category: str = "", title: str = "") -> Answer:
        """Convert a value. RETURNS (Answer): The written number; None where it is none or its unit doesn't fit."""
        reading = read_value(text)
        if reading is None:
            return None
        written = self.write(reading)
        return None if written is None else ((written,), 1.0)

    def write(self, reading: Reading) -> Optional[str]:
        """Write a quantity that was read. RETURNS (Optional[str]): The text; None where its unit doesn't fit."""
        factor = self.factors.get(reading.unit)
        if factor is None:
            factor = exact_factor(reading.unit, self.unit) if self.unit else None
        if factor is None:
            return None
        numbers = reading.numbers
        if len(numbers) == 2 and self.range != "both":
            numbers = numbers[1:] if self.range == "high" else numbers[:1]
        return "-".join(write_number(number, factor, self.decimals, self.rounding) for number in numbers) + self.suffix

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): All fields; factors as decimals or fractions."""
        data = {name: getattr(self, name) for name in ("unit", "decimals", "rounding", "suffix", "range")}
        return {**data, "factors": {unit: _short(factor) for unit, factor in self.factors.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ConversionRule":
        """Make a checked rule. RAISES (ValueError): Naming the field."""
        factors = {}
        for unit, factor in check_table({"factors": {}, **data}, "factors").items():
            try:
                factors[unit] = Fraction(str(factor))
            except (ValueError, ZeroDivisionError):
                raise ValueError(f'factors.{unit}: must be a number such as "2.54" or "1/3", not {factor!r}') from None
        unit, decimals, suffix = data.get("unit", ""), data.get("decimals", 0), data.get("suffix", "")
        if unit and unit not in load_units():
            raise ValueError(f"unit: {unit!r} is no unit; the units are {', '.join(load_units())}")
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 9:
            raise ValueError(f"decimals: must be a whole number from 0 to 9, not {decimals!r}")
        if not isinstance(suffix, str):
            raise ValueError(f"suffix: must be a string, not {suffix!r}")
        for name, options in (("rounding", ROUNDINGS), ("range", RANGES)):
            if data.get(name, options[0]) not in options:
                raise ValueError(f"{name}: must be one of {', '.join(options)}, not {data[name]!r}")
        return cls(unit, factors, decimals, data.get("rounding", "half-up"), suffix, data.get("range", "high"))


@cache
def exact_factor(unit: str, target: str) -> Optional[Fraction]:
    """Give the exact factor between units. RETURNS (Optional[Fraction]): None where there is none, as for ℃ and ℉."""
    units = load_units()
    if unit not in units or units[unit].kind != units[target].kind or units[unit].kind == "temperature":
        return None
    try:
        return convert_number(Fraction(1), unit, target)
    except ValueError:
        return None


def write_number(number: Fraction, factor: Fraction, decimals: int, rounding: str) -> str:
    """Multiply, round and write. RETURNS (str): The number with exactly so many decimals."""
    if rounding == "float":
        return f"{round(float(number) * float(factor), decimals):.{decimals}f}"
    exact = number * factor * 10**decimals
    whole = math.floor(abs(exact) + (Fraction(1, 2) if rounding == "half-up" else 0))
    digits = str(whole).rjust(decimals + 1, "0")
    sign = "-" if exact < 0 and whole else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits


def _short(factor: Fraction) -> str:
    for places in range(10):
        if (factor * 10**places).denominator == 1:
            return f"{float(factor):.{places}f}" if abs(factor) < 10**6 else str(factor)
    return str(factor)


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """Find the decimal with the fewest digits in an interval. RETURNS (Fraction): low <= it <= high."""
    for places in range(-9, 30):
        scale = Fraction(10) ** places
        found = Fraction(math.ceil(low * scale)) / scale
        if found <= high and found:
            return found
    return low


def best_overlap(intervals: List[Tuple[Fraction, Fraction]]) -> Tuple[Fraction, Fraction]:
    """Find where most intervals meet. RETURNS (Tuple[Fraction, Fraction]): The ends of the (first) densest part."""
    ends = sorted([(low, 0) for low, _ in intervals] + [(high, 1) for _, high in intervals])
    best, depth, found = 0, 0, (intervals[0][0], intervals[0][1])
    for number, (place, kind) in enumerate(ends):
        depth += 1 if kind == 0 else -1
        if depth > best and kind == 0:
            best, found = depth, (place, ends[number + 1][0])
    return found
