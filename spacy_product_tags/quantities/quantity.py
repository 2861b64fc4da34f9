"""Read, write, convert and compare the quantities of product listings: 500毫升*12瓶, 3.5oz×2, 10×20cm, 42码, 5'10"."""
import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import List, Optional, Sequence, Tuple, Union

from .context import Source
from .grammar import read_quantity, skip_chain, starts
from .numbers import narrow
from .sizes import letter_ranks
from .units import Quantity, base_of, convert_number, kind_of, load_data, load_units

__all__ = [
    *("Quantity", "convert", "counts_in_other_words", "find_quantities", "format_quantity", "parse_exactly"),
    *("parse_quantity", "parse_quantity_id", "quantity_id", "same_quantity", "to_base"),
]

ID_PREFIX = "quantity/"
# A plain number is 1,500 or 8-1/2; 5.0 may be a version, and 2100万 is better read than 21000000.
_MORE = re.compile(r"\.|[^\W\d]")
# Length, width and height may go without saying.
_IN_ORDER = ((), ("l", "w"), ("l", "w", "h"))
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
# Strings that are kept with what they say, and the longest of them: hardly a quantity is longer.
_CACHED, _LONGEST = 10000, 64
_SYMBOLS = {'"', "'", "%", "°", "°C", "°F", "℃", "℉"}


def parse_quantity(
    text: str, *, facet: str = "", category: Union[str, Sequence[str]] = (), context: str = "", lang: str = ""
) -> Optional[Quantity]:
    """Read a string that is nothing but a quantity.

    Some units are ambiguous: 码, ct, 支, K (``ambiguous.toml``). What is known decides, else the string is no quantity.

    text (str): A tag or an attribute's value. A plain number and A4 count here; in running text they don't.
    facet (str): Its facet or attribute, such as size; "" = not known.
    category (Union[str, Sequence[str]]): The product's category, or its path; () = not known.
    context (str): Words that stand around it, such as the title.
    lang (str): The language, such as de: there 1.000 is a thousand; "" = not known.
    RETURNS (Optional[Quantity]): The quantity; None where the string is none, or is more than one.
    """
    if len(text) <= _LONGEST:
        # The same strings come again and again, and few of them need their surroundings to be read.
        quantity, asked = _read_alone(text, facet, lang)
        if not (asked and (category or context)):
            return quantity
    return _read(text, Source(text, True, facet, category, context, lang))


@lru_cache(_CACHED)
def _read_alone(text: str, facet: str, lang: str) -> Tuple[Optional[Quantity], bool]:
    """Read a string as `parse_quantity` does, without category and context.

    RETURNS (Tuple[Optional[Quantity], bool]): The quantity, and whether either might have told otherwise.
    """
    source = Source(text, True, facet, lang=lang)
    quantity = _read(text, source)
    return quantity, source.asked


def _read(text: str, source: Source) -> Optional[Quantity]:
    narrowed = source.text
    start, end = len(text) - len(narrowed.lstrip()), len(narrowed.rstrip())
    found = read_quantity(source, start) if start < end else None
    # A dot may end an abbreviation: 12 oz.
    if found is None or narrowed[found[1] : end].strip() not in ("", "."):
        return None
    return replace(found[0], raw=text)


def parse_exactly(
    text: str, *, facet: str = "", category: Union[str, Sequence[str]] = (), context: str = "", lang: str = ""
) -> Optional[Quantity]:
    """Read a string as `parse_quantity` does, where the quantity says all that the string says.

    宽107厘米 is more than 107 cm, and 5.0 may be a version: such a string is better left as it is.

    text, facet, category, context, lang: As in `parse_quantity`.
    RETURNS (Optional[Quantity]): The quantity; None where something would be lost.
    """
    quantity = parse_quantity(text, facet=facet, category=category, context=context, lang=lang)
    if quantity is None:
        return None
    plain = format_quantity(quantity)
    bare = quantity == Quantity(quantity.values[:1])
    if (bare and plain != text.strip() and _MORE.search(text)) or quantity.measures not in _IN_ORDER:
        return None
    return quantity if parse_quantity(plain) == quantity else None


def find_quantities(
    text: str, *, category: Union[str, Sequence[str]] = (), lang: str = ""
) -> List[Tuple[int, int, Quantity]]:
    """Find the quantities in running text.

    text (str): A title or description, which also tells what ambiguous units mean.
    category (Union[str, Sequence[str]]): The product's category, or its path; () = not known.
    lang (str): The language, such as de; "" = not known.
    RETURNS (List[Tuple[int, int, Quantity]]): Starts and ends in the text and the quantities, in order; none overlap.
    """
    source, found, behind = Source(text, category=category, lang=lang), [], 0
    for start in starts(source.text):
        if start < behind:
            continue
        read = read_quantity(source, start)
        if read is None:
            behind = skip_chain(source, start)
            continue
        quantity, behind = read
        found.append((start, behind, replace(quantity, raw=text[start:behind])))
    return found


def format_quantity(quantity: Quantity, locale: str = "en") -> str:
    """Write a quantity for people.

    quantity (Quantity): The quantity.
    locale (str): en, zh, ja, ko, de, fr or es; another one is written as English.
    RETURNS (str): The text; `parse_quantity` reads it back as the same quantity.
    """
    style = load_data()["locales"].get(locale) or load_data()["locales"]["en"]
    about = style["about"] if quantity.approximate else ""
    if quantity.system:
        return about + _format_size(quantity, locale)
    numbers = "×".join(_format_number(value, style["point"]) for value in quantity.values)
    if quantity.high is not None:
        numbers = f"{numbers}–{_format_number(quantity.high, style['point'])}"
    many = quantity.high is not None or quantity.values != (1,)
    text = numbers + _format_unit(quantity.unit, locale, style["blank"], many)
    # A length times a bare number would be read as dimensions.
    first = quantity.count_unit or ("pc" if kind_of(quantity.unit) == "length" and quantity.count != 1 else "")
    for count, unit in ((quantity.count, first), *quantity.outer):
        if count != 1:
            text = f"{text} × {count}{_format_unit(unit, locale, style['blank'], True)}"
        elif unit:
            text = f"{text}/{_format_unit(unit, locale, '', False)}"
    return about + text


def counts_in_other_words(quantity: Quantity, text: str, locale: str) -> bool:
    """Say whether a text counts in words of a locale's script that `format_quantity` would change: 10片, 三件套, 5pk.

    quantity (Quantity): What the text says.
    text (str): The text.
    locale (str): As in `format_quantity`.
    RETURNS (bool): Whether it does.
    """
    levels = ((quantity.count, quantity.count_unit), *quantity.outer)
    units = dict.fromkeys((quantity.unit, *(unit for _, unit in levels)))
    words = [_format_unit(unit, locale, "", False) for unit in units if kind_of(unit) == "count"]
    folded = narrow(text).casefold()
    is_per = any(count == 1 and unit for count, unit in levels) and "/" not in folded
    others = [word for word in words if is_per or word.casefold() not in folded]
    return any(bool(_CJK.search(text)) == bool(_CJK.search(word)) for word in others)


def convert(quantity: Quantity, unit: str) -> Quantity:
    """Convert a quantity into another unit; packs, range and raw text stay.

    quantity (Quantity): The quantity.
    unit (str): Canonical name of the unit wanted, such as cm.
    RETURNS (Quantity): The quantity in that unit, exact.
    RAISES (ValueError): On a size, an unknown unit, or one of another kind; the message names both.
    """
    if quantity.system or not quantity.unit:
        what = f"a size ({quantity.system})" if quantity.system else "a number without a unit"
        raise ValueError(f"'{quantity.raw or format_quantity(quantity)}' is {what} and cannot be converted into {unit}")
    values = tuple(convert_number(value, quantity.unit, unit) for value in quantity.values)
    high = None if quantity.high is None else convert_number(quantity.high, quantity.unit, unit)
    return replace(quantity, values=values, unit=unit, high=high)


def to_base(quantity: Quantity) -> Quantity:
    """Convert a quantity into the base unit of its kind (units.toml): equal amounts become equal.

    quantity (Quantity): The quantity.
    RETURNS (Quantity): In the base unit, exact; a size, a count or a number stays as it is.
    """
    base = base_of(quantity.unit) if not quantity.system else quantity.unit
    return quantity if base == quantity.unit else convert(quantity, base)


def quantity_id(quantity: Quantity) -> str:
    """Name a quantity: 1斤, 500克 and 0.5kg are ``quantity/500 g``.

    quantity (Quantity): The quantity.
    RETURNS (str): The same for equal quantities only; "" where it can't be written so that it is read back.
    """
    base = to_base(quantity)
    text = format_quantity(base)
    return ID_PREFIX + text if parse_quantity(text) == base else ""


def parse_quantity_id(name: str) -> Optional[Quantity]:
    """Read what `quantity_id` gave. RETURNS (Optional[Quantity]): The quantity; None where it is no such id."""
    return parse_quantity(name.removeprefix(ID_PREFIX)) if name.startswith(ID_PREFIX) else None


def same_quantity(a: Quantity, b: Quantity, tolerance: float = 0.005) -> bool:
    """Say whether two quantities are the same amount, whatever their units: 1斤 and 500g, 6 in and 15.2 cm.

    a (Quantity): One quantity.
    b (Quantity): The other one.
    tolerance (float): Relative difference that rounding may make; counts and sizes must be equal.
    RETURNS (bool): Whether they are. "About" makes no difference, nor a pack's name that only one of them has.
    """
    if (a.system, a.count, len(a.values), len(a.outer)) != (b.system, b.count, len(b.values), len(b.outer)):
        return False
    packs = [((1, a.count_unit), (1, b.count_unit)), *zip(a.outer, b.outer)]
    if any(one[0] != other[0] or (one[1] and other[1] and one[1] != other[1]) for one, other in packs):
        return False
    if a.unit != b.unit:
        try:
            b = convert(b, a.unit)
        except ValueError:
            return False
    exact = bool(a.system) or kind_of(a.unit) in ("", "count", "age")
    pairs = [*zip(a.values, b.values), (a.high, b.high)]
    return all(_close(one, other, 0 if exact else tolerance) for one, other in pairs)


def _close(one: Optional[Fraction], other: Optional[Fraction], tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance * max(abs(one), abs(other))


def _format_number(number: Fraction, point: str) -> str:
    denominator = number.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    if denominator != 1:
        sign, (whole, part) = "-" if number < 0 else "", divmod(abs(number), 1)
        fraction = f"{part.numerator}⁄{part.denominator}"
        return f"{sign}{whole} {fraction}" if whole else sign + fraction
    text = f"{number.numerator}"
    if number.denominator != 1:
        # A power of ten that the denominator divides: the decimals are exact, however many there are.
        places = next(places for places in range(1, 10**4) if 10**places % number.denominator == 0)
        digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
        # 1,125 would be read as thousands.
        pad = "0" if point == "," and places == 3 else ""
        text = f"{'-' if number < 0 else ''}{digits[:-places]}{point}{digits[-places:]}{pad}"
    return text


def _format_unit(unit: str, locale: str, blank: str, many: bool) -> str:
    if not unit:
        return ""
    word = load_units()[unit].show.get(locale, (unit, unit))[many]
    return word if word in _SYMBOLS else blank + word


def _format_size(quantity: Quantity, locale: str) -> str:
    if quantity.system.startswith("cn-body-"):
        height, girth = quantity.values
        return f"{height}/{girth}{quantity.system[-1].upper()}"
    if quantity.system == "letter":
        names = {rank: name for name, rank in reversed(letter_ranks().items())}
        return "–".join(names[rank] for rank in (*quantity.values, quantity.high) if rank is not None)
    numbers = [_format_number(n, ".") for n in (*quantity.values, quantity.high) if n is not None]
    form = load_data()["sizes"][quantity.system]["form"]
    return (form if isinstance(form, str) else form.get(locale, form["en"])).format("–".join(numbers))
