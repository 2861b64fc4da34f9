"""Read sizes of clothes, shoes and paper: XL, M-XL, 170/92A, EU 42, 42码, A4, 16开."""
import re
from fractions import Fraction
from functools import cache
from typing import Dict, List, Optional, Tuple

from .units import LATIN, Quantity, load_data

# Chinese clothing: height, girth and build, 170/92A.
_BODY = re.compile(rf"(\d{{3}})/(\d{{2,3}})([YABC])(?![{LATIN}\d])")


def read_size(text: str, at: int, whole: bool) -> Optional[Tuple[Quantity, int]]:
    """Read the size that begins at a place.

    text (str): The text, half-width.
    at (int): Where the size begins.
    whole (bool): Whether the text is nothing but a size, so that S and A4 may be read.
    RETURNS (Optional[Tuple[Quantity, int]]): The size and its end; None = no size.
    """
    if match := _BODY.match(text, at):
        values = Fraction(match[1]), Fraction(match[2])
        return Quantity(values, "cm", system=f"cn-body-{match[3].lower()}"), match.end()
    # L/XL is a list.
    if (match := _letters().match(text, at)) and (whole or text[max(at - 1, 0)] != "/"):
        ranks = letter_ranks()
        low, high = ranks[match[1].upper()], ranks[match[2].upper()] if match[2] else None
        sure = whole or match[3] or (len(match[1]) > 1 and match[1].upper() != "XS")
        if sure and (high is None or high > low):
            return Quantity((low,), high=high, system="letter"), match.end()
    for name in _patterned():
        entry, match = load_data()["sizes"][name], _size_pattern(name).match(text, at)
        if match is None:
            continue
        numbers = [Fraction(number) for number in match.groups() if number]
        low, high = numbers[0], numbers[1] if len(numbers) > 1 else None
        if entry["from"] <= low <= entry["to"] and (high is None or low < high <= entry["to"]):
            size = Quantity((low,), high=high, system=name)
            if whole or is_sure_size(size, text, match.end()):
                return size, match.end()
    return None


def is_sure_size(quantity: Quantity, text: str, end: int) -> bool:
    """Say whether the text bears a size out: A4纸, but not Audi A4. RETURNS (bool): Whether it does."""
    entry = load_data()["sizes"].get(quantity.system, {})
    return "with" not in entry or text.startswith(tuple(entry["with"]), end)


@cache
def letter_ranks() -> Dict[str, Fraction]:
    """Give the letter sizes. RETURNS (Dict[str, Fraction]): Every spelling, and how far it is from M."""
    data = load_data()["letters"]
    middle = data["names"].index(data["middle"])
    ranks = {name: Fraction(rank - middle) for rank, name in enumerate(data["names"])}
    return {**ranks, **{word: ranks[name] for word, name in data["same"].items()}}


@cache
def _letters() -> "re.Pattern[str]":
    name = "|".join(sorted(letter_ranks(), key=len, reverse=True))
    after = "|".join(load_data()["letters"]["after"])
    return re.compile(rf"({name})(?:\s?[-–~]\s?({name}))?\s?({after})?(?![{LATIN}\d'-]|/[{LATIN}\d])", re.IGNORECASE)


@cache
def _patterned() -> List[str]:
    # The others are known by their unit alone, which may mean something else.
    return [name for name, entry in load_data()["sizes"].items() if entry["before"] or entry["after"]]


@cache
def _size_pattern(name: str) -> "re.Pattern[str]":
    entry, number = load_data()["sizes"][name], r"(\d{1,3}(?:\.\d+)?)(?:\s?[-–~]\s?(\d{1,3}(?:\.\d+)?))?"
    options = [rf"(?:{'|'.join(entry['before'])})\s?{number}(?![{LATIN}\d-]|\.\d)"] if entry["before"] else []
    if entry["after"]:
        options.append(rf"{number}\s?(?:{'|'.join(entry['after'])})(?![{LATIN}\d]|\.\d)")
    return re.compile("|".join(options), re.IGNORECASE)


def size_starts() -> List[str]:
    """Give what sizes may begin with. RETURNS (List[str]): Regular expressions."""
    return [_letters().pattern, *(_size_pattern(name).pattern for name in _patterned())]
