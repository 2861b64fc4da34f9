"""Measure value rules on rows of raw and wanted values."""
from collections import defaultdict
from dataclasses import dataclass
from typing import Dict, Iterable, List, NamedTuple, Tuple

from .pairs import ValueRow
from .rules import ValueRules

ALL = "all"
BY = ("operation", "facet", "rule")


@dataclass
class Part:
    """Figures of one operation, facet or rule.

    rows (int): Rows.
    right (int): Rows that come out as wanted: the same set of values.
    single (int): Rows with one raw and one wanted value.
    single_right (int): Those of them that come out as wanted.
    silent (int): Rows with a value that no rule had an answer for; it stays as it was written.
    hits (int): Values that were wanted and came out.
    said (int): Values that came out.
    wanted (int): Values that were wanted.
    """

    rows: int = 0
    right: int = 0
    single: int = 0
    single_right: int = 0
    silent: int = 0
    hits: int = 0
    said: int = 0
    wanted: int = 0

    @property
    def exact(self) -> float:
        """Share of the rows that come out as wanted."""
        return self.right / max(1, self.rows)

    @property
    def single_exact(self) -> float:
        """Share of the rows with one value each that come out as wanted."""
        return self.single_right / max(1, self.single)

    @property
    def f(self) -> float:
        """F1 of the values."""
        return 2 * self.hits / max(1, self.said + self.wanted)


class ValueReport(NamedTuple):
    """What `evaluate` found.

    parts (Dict[str, Part]): Figures by name; "all" is last.
    wrong (List[Tuple[ValueRow, Tuple[str, ...]]]): Rows that came out otherwise, and what came out.
    """

    parts: Dict[str, Part]
    wrong: List[Tuple[ValueRow, Tuple[str, ...]]]


def evaluate(rules: ValueRules, rows: Iterable[ValueRow], by: str = "operation") -> ValueReport:
    """Apply rules to the raw values of rows and compare what comes out, without doubles, with what is wanted.

    rules (ValueRules): The rules.
    rows (Iterable[ValueRow]): The rows.
    by (str): What the figures are split by: "operation" as the rows say it, "facet", or "rule", the operation of the
        rule that answered (that of the first value in a row).
    RETURNS (ValueReport): The figures and what is wrong.
    RAISES (ValueError): Where `by` is nothing to split by.
    """
    if by not in BY:
        raise ValueError(f"by: {by!r} is none of {', '.join(BY)}")
    parts: Dict[str, Part] = defaultdict(Part)
    wrong = []
    for row in rows:
        answers = [rules.find(raw, row.facet, row.category, row.title) for raw in row.raw]
        texts = [found.texts if found else (raw,) for raw, found in zip(row.raw, answers)]
        got = tuple(dict.fromkeys(text for those in texts for text in those))
        right = set(got) == set(row.wanted)
        if not right:
            wrong.append((row, got))
        rule = answers[0].operation if answers and answers[0] else "none"
        name = {"operation": row.operation or "none", "facet": row.facet, "rule": rule}[by]
        for part in (parts[name], parts[ALL]):
            _count(part, row, got, right, None in answers)
    total = parts.pop(ALL, Part())
    return ValueReport({**{name: parts[name] for name in sorted(parts)}, ALL: total}, wrong)


def _count(part: Part, row: ValueRow, got: Tuple[str, ...], right: bool, silent: bool) -> None:
    single = len(row.raw) == len(row.wanted) == 1
    part.rows += 1
    part.right += right
    part.single += single
    part.single_right += single and right
    part.silent += silent
    part.hits += len(set(got).intersection(row.wanted))
    part.said += len(got)
    part.wanted += len(row.wanted)
