"""How a shop writes the values of its facets: rules learned from pairs (training/fit_value_rules.py), edited by hand.

The file is JSON: a list of rules, each with a facet, maybe a category, and what it does. The first rule that fits the
facet and the category and has an answer wins; rules with a category stand before those without.
"""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..listing import SEPARATOR
from .classes import ClassRule
from .conversion import ConversionRule
from .programs import NameRule, ProgramRule, WordRule

FORMAT = 1
RULE_TYPES = {rule.op: rule for rule in (NameRule, WordRule, ConversionRule, ProgramRule, ClassRule)}

Rule = Union[NameRule, WordRule, ConversionRule, ProgramRule, ClassRule]
Category = Union[str, Sequence[str]]


class Found(NamedTuple):
    """What a rule made of a value.

    texts (Tuple[str, ...]): What to write; several where one raw value says several things (12 packs of 100).
    operation (str): name, expansion, conversion, wrangling or generalization.
    probability (float): How sure the rule is; below 1 only for a generalization.
    """

    texts: Tuple[str, ...]
    operation: str
    probability: float


@dataclass(frozen=True)
class Entry:
    """One rule and where it holds.

    facet (str): The facet.
    rule (Rule): What to do.
    category (str): The category in which it holds, levels joined by " > ", with all below; "" = everywhere.
    right (int): Distinct training pairs that it reproduced when it was learned; for people.
    wrong (int): Those that it did not.
    """

    facet: str
    rule: Rule
    category: str = ""
    right: int = 0
    wrong: int = 0

    def holds(self, category: str) -> bool:
        """Say whether the rule holds in a category. RETURNS (bool): Whether it does."""
        return not self.category or category == self.category or category.startswith(self.category + SEPARATOR)

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): The fields that say something, and those of the rule."""
        data: Dict[str, Any] = {"facet": self.facet, "operation": self.rule.op}
        data.update((name, getattr(self, name)) for name in ("category", "right", "wrong") if getattr(self, name))
        return {**data, **self.rule.to_dict()}

    @classmethod
    def from_dict(cls, data: Any) -> "Entry":
        """Make a checked entry. RAISES (ValueError): Naming the field."""
        if not isinstance(data, Mapping):
            raise ValueError(f"must be an object, not {data!r:.80}")
        facet, category = data.get("facet"), data.get("category", "")
        if not isinstance(facet, str) or not isinstance(category, str):
            name = "category" if isinstance(facet, str) else "facet"
            raise ValueError(f"{name}: must be a string, not {data.get(name)!r:.80}")
        counts = [data.get(name, 0) for name in ("right", "wrong")]
        if not all(isinstance(count, int) for count in counts):
            raise ValueError(f"right, wrong: must be whole numbers, not {counts!r:.80}")
        op = data.get("operation")
        if op not in RULE_TYPES:
            raise ValueError(f"operation: must be one of {', '.join(RULE_TYPES)}, not {op!r}")
        return cls(facet, RULE_TYPES[op].from_dict(data), category, *counts)


class ValueRules:
    """Rules for the values of facets.

    entries (Iterable[Entry]): The rules, in the order in which they are asked.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._by_facet: Dict[str, List[Entry]] = {}
        for entry in self.entries:
            self._by_facet.setdefault(entry.facet, []).append(entry)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def facets(self) -> Tuple[str, ...]:
        """The facets that have a rule, in order."""
        return tuple(self._by_facet)

    def find(self, text: str, facet: str, category: Category = "", title: str = "") -> Optional[Found]:
        """Say what to write for a value.

        text (str): The raw value.
        facet (str): Its facet.
        category (Category): The product's category: a path, or its levels joined by " > ".
        title (str): The product's title, which helps to generalize.
        RETURNS (Optional[Found]): What to write and by which operation; None where no rule has an answer.
        """
        if not text.strip():
            return None
        path = category if isinstance(category, str) else SEPARATOR.join(category)
        for entry in self._by_facet.get(facet, ()):
            answer = entry.rule.find(text, path, title) if entry.holds(path) else None
            if answer is not None:
                return Found(answer[0], entry.rule.op, answer[1])
        return None

    def apply(self, text: str, facet: str, category: Category = "", title: str = "") -> Optional[str]:
        """Say what to write for a value, as `find`. RETURNS (Optional[str]): The (first) text; None = no rule."""
        found = self.find(text, facet, category, title)
        return found.texts[0] if found else None

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): Format and rules."""
        return {"format": FORMAT, "rules": [entry.to_dict() for entry in self.entries]}

    @classmethod
    def from_dict(cls, data: Any) -> "ValueRules":
        """Make checked rules. RAISES (ValueError): Naming the rule by its number and the field."""
        if not isinstance(data, Mapping) or not isinstance(data.get("rules"), list):
            raise ValueError('must be {"format": 1, "rules": [...]}, as \'product-tags rules fit\' writes it')
        if data.get("format") != FORMAT:
            raise ValueError(f"format: {data.get('format')!r} is not known; this version reads {FORMAT}")
        entries = []
        for number, row in enumerate(data["rules"]):
            try:
                entries.append(Entry.from_dict(row))
            except ValueError as err:
                raise ValueError(f"rules[{number}].{err}") from None
        return cls(entries)

    def to_bytes(self) -> bytes:
        """Give the rules as JSON. RETURNS (bytes): UTF-8; what is short stands on one line, one name or word a line."""
        return (_write(self.to_dict()) + "\n").encode("utf8")

    @classmethod
    def from_bytes(cls, data: bytes) -> "ValueRules":
        """Read rules. RAISES (ValueError): Where they are none."""
        try:
            parsed = json.loads(data.decode("utf-8-sig"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
            raise ValueError(f"not valid JSON ({err})") from None
        return cls.from_dict(parsed)

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write the rules to a file. path (Union[str, Path]): The file; its folder is made."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def from_disk(cls, path: Union[str, Path]) -> "ValueRules":
        """Read the rules of a file. RAISES (ValueError): With the file and the field."""
        try:
            return cls.from_bytes(Path(path).read_bytes())
        except ValueError as err:
            raise ValueError(f"{path}: {err}") from None


def _write(value: Any, indent: int = 0) -> str:
    """Write JSON for people: what fits on a line stands on one. RETURNS (str): The JSON."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= 110 or not isinstance(value, (dict, list)) or not any(
        isinstance(item, (dict, list, str)) for item in (value.values() if isinstance(value, dict) else value)
    ):
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{json.dumps(name, ensure_ascii=False)}: {_write(item, indent + 2)}" for name, item in value.items()]
    else:
        rows = [_write(item, indent + 2) for item in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return f"{opened}\n{pad}" + f",\n{pad}".join(rows) + f"\n{' ' * indent}{closed}"
