"""Small programs over strings, and words written out: how a shop wrangles the values of a facet."""
import re
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..text.folding import lookup_key

# What a rule answers: the values (most often one), and how sure it is.
Answer = Optional[Tuple[Tuple[str, ...], float]]

_LETTER = r"[^\W\d_]"
# Digits, maybe with commas between them, and decimals.
_NUMBER = re.compile(r"(\d++(?:,\d++)*+)(\.\d++)?+")
_PARTS = re.compile(r"[,;/|]")
_BRACKETS = re.compile(r"[(\[（【][^()\[\]（）【】]*[)\]）】]")


@dataclass(frozen=True)
class NameRule:
    """Known values: HP is Hewlett-Packard.

    names (Mapping[str, Tuple[str, ...]]): The raw value to what is written for it. A value that isn't there as it is
        written is looked up by `lookup_key`, for which the first name counts.
    """

    names: Mapping[str, Tuple[str, ...]]
    op: ClassVar[str] = "name"

    @cached_property
    def _keys(self) -> Dict[str, Tuple[str, ...]]:
        keys: Dict[str, Tuple[str, ...]] = {}
        for name, texts in self.names.items():
            keys.setdefault(lookup_key(name), texts)
        return keys

    def find(self, text: str, category: str = "", title: str = "") -> Answer:
        """Look a value up. RETURNS (Answer): What is written for it; None where it isn't known."""
        found = self.names.get(text) or self._keys.get(lookup_key(text))
        return (found, 1.0) if found else None

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): The names; one value is a string."""
        return {"names": {name: one if not more else [one, *more] for name, (one, *more) in self.names.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "NameRule":
        """Make a checked rule. RAISES (ValueError): Naming the field."""
        names = {}
        for name, value in check_table(data, "names").items():
            values = (value,) if isinstance(value, str) else value
            if not isinstance(values, (list, tuple)) or not values or not all(isinstance(x, str) for x in values):
                raise ValueError(f"names.{name}: must be a string or a list of strings, not {value!r:.80}")
            names[name] = tuple(values)
        return cls(names)


@dataclass(frozen=True)
class WordRule:
    """Abbreviations inside a value, written out and set off from digits: 73-GB is 73 Gigabytes, G5 Generation 5.

    words (Mapping[str, str]): Abbreviation, folded, to what is written for it.
    """

    words: Mapping[str, str]
    op: ClassVar[str] = "expansion"

    def find(self, text: str, category: str = "", title: str = "") -> Answer:
        """Expand a value. RETURNS (Answer): The expanded value; None where nothing in it is known."""
        written, count = _word_pattern(tuple(self.words)).subn(self._expand, text)
        return ((written,), 1.0) if count else None

    def _expand(self, match: "re.Match[str]") -> str:
        after, before, alone = match.groups()
        word = self.words[(after or before or alone).casefold()]
        return f" {word}" if after else f"{word} " if before else word

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): The words."""
        return {"words": dict(self.words)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "WordRule":
        """Make a checked rule. RAISES (ValueError): Naming the field."""
        words = check_table(data, "words")
        for word, written in words.items():
            if not word.strip() or not isinstance(written, str):
                raise ValueError(f"words.{word}: must be a word and the string to write for it, not {written!r:.80}")
        if not words:
            raise ValueError('words: is empty; needed are abbreviations such as {"gb": "Gigabytes"}')
        return cls({word.casefold(): written for word, written in words.items()})


@cache
def _word_pattern(words: Tuple[str, ...]) -> "re.Pattern[str]":
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    end = rf"(?!{_LETTER}|\d)"
    # Behind a number (73-GB), in front of one (G5), on its own.
    forms = (
        rf"(?<=\d)[\s-]?({either}){end}",
        rf"(?<!{_LETTER})({either})[\s-]?(?=\d)",
        rf"(?<!{_LETTER})(?<!\d)({either}){end}",
    )
    return re.compile("|".join(forms), re.IGNORECASE)


@dataclass(frozen=True)
class ProgramRule:
    """Steps that make one string of another; without steps the value is kept as it is.

    steps (Tuple[str, ...]): Names from `STEPS`, or "slice 1 6" (characters, as in Python; "slice 1 end").
    """

    steps: Tuple[str, ...] = ()
    op: ClassVar[str] = "wrangling"

    def find(self, text: str, category: str = "", title: str = "") -> Answer:
        """Run the program. RETURNS (Answer): What it makes of the value; None where nothing is left."""
        values: Sequence[str] = [text.strip()]
        for step in self.steps:
            values = [made for value in values for made in run_step(step, value)]
        values = tuple(dict.fromkeys(value for value in values if value))
        return (values, 1.0) if values else None

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): The steps."""
        return {"steps": list(self.steps)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ProgramRule":
        """Make a checked rule. RAISES (ValueError): Naming the field."""
        steps = data.get("steps")
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            raise ValueError(f"steps: must be a list of strings, not {steps!r:.80}")
        for number, step in enumerate(steps):
            if step not in STEPS and not _SLICE.fullmatch(step):
                raise ValueError(f"steps[{number}]: {step!r} is no step; the steps are {', '.join(STEPS)}, slice 1 6")
        return cls(tuple(steps))


_SLICE = re.compile(r"slice (-?\d+) (-?\d+|end)")


def run_step(step: str, text: str) -> List[str]:
    """Run one step of a program. RETURNS (List[str]): What it makes, most often one string; may be none."""
    if step in STEPS:
        return STEPS[step](text)
    match = _SLICE.fullmatch(step)
    if match is None:
        raise ValueError(f"{step!r}: no such step of a program; the steps are {', '.join(STEPS)}, and slice START END")
    start, end = match.groups()
    return [text[int(start) : None if end == "end" else int(end)]]


def check_table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a field that is an object. RETURNS (Mapping[str, Any]): It. RAISES (ValueError): Where it is none."""
    if not isinstance(data.get(name), Mapping):
        raise ValueError(f"{name}: must be an object, not {data.get(name)!r:.80}")
    return data[name]


def _upper(text: str) -> List[str]:
    return [text.upper()]


def _lower(text: str) -> List[str]:
    return [text.lower()]


def _title(text: str) -> List[str]:
    # str.title would write Men'S.
    return [re.sub(rf"(?<![\w'’]){_LETTER}[\w'’]*", _capital, text)]


def _capital(match: "re.Match[str]") -> str:
    return match[0].capitalize()


def _no_marks(text: str) -> List[str]:
    return ["".join(char for char in text if char.isalnum())]


def _no_blanks(text: str) -> List[str]:
    return ["".join(text.split())]


def _digits(text: str) -> List[str]:
    return ["".join(char for char in text if char.isdecimal())]


def _first_part(text: str) -> List[str]:
    return [_PARTS.split(text)[0].strip()]


def without_brackets(text: str) -> str:
    """Leave out what stands in brackets. RETURNS (str): The rest."""
    return " ".join(_BRACKETS.sub(" ", text).split())


def _no_brackets(text: str) -> List[str]:
    return [without_brackets(text)]


def _first_number(text: str) -> List[str]:
    return _numbers(text)[:1]


def _numbers(text: str) -> List[str]:
    found = [number for match in _NUMBER.finditer(text) for number in _split_thousands(match)]
    # 50 Sheets, Dozen Pads: words count where there are no digits.
    words = load_data()["numbers"]
    return found or [str(words[word]) for word in re.findall(rf"{_LETTER}+", text.casefold()) if word in words]


def _split_thousands(match: "re.Match[str]") -> List[str]:
    """Tell 1,234,567 from 3,14. RETURNS (List[str]): One number where groups of three digits end it, else several."""
    parts, decimals = match[1].split(","), match[2] or ""
    start = len(parts) - 1
    if decimals or not match.string.startswith(",", match.end()):
        while start and len(parts[start]) == 3:
            start -= 1
    return [*parts[:start], "".join(parts[start:]) + decimals]


@cache
def load_data() -> Dict[str, Any]:
    """Read ``rules.toml``, once. RETURNS (Dict[str, Any]): Its tables."""
    return tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf8"))


STEPS: Dict[str, Callable[[str], List[str]]] = {
    "upper": _upper,
    "lower": _lower,
    "title": _title,
    "no marks": _no_marks,
    "no blanks": _no_blanks,
    "digits": _digits,
    "first part": _first_part,
    "no brackets": _no_brackets,
    "first number": _first_number,
    "numbers": _numbers,
}
# The order in which a program is searched: what to take, what to take off, how to write it.
GRAMMAR: Tuple[Tuple[str, ...], ...] = (
    ("first part", "no brackets"),
    ("no marks", "no blanks", "digits", "numbers", "first number"),
    ("slice",),
    ("upper", "lower", "title"),
)


def iter_programs(slices: Sequence[str]) -> Iterator[Tuple[str, ...]]:
    """Enumerate the programs, the shortest first. slices (Sequence[str]): Slices to try. YIELDS (Tuple[str, ...])."""
    programs: List[Tuple[str, ...]] = [()]
    for slot in GRAMMAR:
        options = slices if slot == ("slice",) else slot
        programs += [(*program, step) for program in programs for step in options]
    yield from sorted(programs, key=len)
