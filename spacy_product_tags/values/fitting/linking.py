"""Fit the null value of `values.linking` on an alias table: what is a slip of the pen, and what is another value?"""
import random
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...text.folding import lookup_key
from ..index import AliasIndex, Candidate
from ..linking import describe, find_candidates, fit_weights, judge
from ..surroundings import Surroundings
from ..table import Value
from .queries import Query, make_queries


class Row(NamedTuple):
    """What was found for a query.

    values (Optional[Dict[str, float]]): The features of the first candidate; None = there is none.
    right (bool): Whether it is what was meant.
    known (bool): Whether the table has what was meant.
    setting (str): What is known of the listing: "none", "category", "context" or "both".
    """

    values: Optional[Dict[str, float]]
    right: bool
    known: bool
    setting: str


class Report(NamedTuple):
    """How well the null value decides on queries that it was not fitted on.

    precision (float): Share of the links that are right.
    recall (float): Share of the queries for known values that are linked rightly.
    null_f (float): F1 of "none of these" on queries for values that the table lacks.
    queries (int): How many.
    """

    precision: float
    recall: float
    null_f: float
    queries: int


def fit_linking(
    index: AliasIndex, *, count: int = 6000, hidden: float = 0.2, min_probability: float = 0.8, seed: int = 0
) -> Tuple[Dict[str, float], Dict[str, Report]]:
    """Hide values, write the names of hidden and of known ones with and without slips, and learn to tell them apart.

    index (AliasIndex): The table; it stays as it is.
    count (int): Queries, half to fit and half to judge.
    hidden (float): Share of the values that the table is made to lack.
    min_probability (float): From where on the report takes a link.
    seed (int): Seed of all choices.
    RETURNS (Tuple[Dict[str, float], Dict[str, Report]]): The weights by feature, and reports: of "all" queries, and
        where the table knows what categories use, of those with "none", "category", "context" and "both".
    RAISES (ValueError): Where there are too few values.
    """
    rows = make_rows(index, count=count, hidden=hidden, seed=seed)
    half = len(rows) // 2
    weights = fit_weights([(row.values, row.right) for row in rows[:half] if row.values])
    return weights, report_all(weights, rows[half:], min_probability)


def make_rows(index: AliasIndex, *, count: int, hidden: float = 0.2, seed: int = 0) -> List[Row]:
    """Make queries and look them up in a table that lacks some values.

    index, count, hidden, seed: As in `fit_linking`.
    RETURNS (List[Row]): What was found, in an order of chance; without those where nobody can tell what is right.
    RAISES (ValueError): Where there are too few values.
    """
    values = list(index)
    if len(values) < 50:
        raise ValueError(f"values: {len(values)} are too few to fit anything; 50 is the least")
    rng = random.Random(seed)
    out = set(rng.sample(range(len(values)), int(len(values) * hidden)))
    table = AliasIndex.build([value for number, value in enumerate(values) if number not in out], usage=index.usage)
    rows: List[Row] = []
    for query in make_queries(values, out, count, rng, index.usage):
        found = find_candidates(table, query.text, query.facet)
        best, features = None, None
        if found:
            listing = Surroundings(table, query.category, query.context)
            best, features = describe(table, query.text, query.facet, found, listing)
        right = _is_right(best, query) if best else False
        if right is not None:
            rows.append(Row(features, right, query.known, query.setting))
    rng.shuffle(rows)
    return rows


def _is_right(candidate: Candidate, query: Query) -> Optional[bool]:
    """Say whether a candidate is what was meant. RETURNS (Optional[bool]): None where nobody can tell."""
    same = lookup_key(candidate.alias) in {lookup_key(text) for text in query.value.surfaces}
    if candidate.id == query.value.id:
        return True
    # Another value of that facet and name is as good; for a hidden value a namesake that fits the facet proves nothing.
    if same and not query.known and query.facet in ("", candidate.facet):
        return None
    return same and candidate.facet == query.value.facet


def report_all(weights: Dict[str, float], rows: Sequence[Row], limit: float) -> Dict[str, Report]:
    """Judge rows. RETURNS (Dict[str, Report]): Of "all", and by setting where there is more than one."""
    settings = sorted({row.setting for row in rows})
    parts = {name: [row for row in rows if row.setting == name] for name in settings if len(settings) > 1}
    return {name: _report(weights, part, limit) for name, part in {"all": rows, **parts}.items()}


def _report(weights: Dict[str, float], rows: Sequence[Row], limit: float) -> Report:
    linked = [(judge(weights, row.values) >= limit if row.values else False, row.right, row.known) for row in rows]
    hits = sum(yes and right for yes, right, _ in linked)
    nulls = sum(not yes and not known for yes, _, known in linked)
    said, meant = sum(not yes for yes, _, _ in linked), sum(not known for _, _, known in linked)
    return Report(
        hits / max(1, sum(yes for yes, _, _ in linked)),
        hits / max(1, sum(known for _, _, known in linked)),
        2 * nulls / max(1, said + meant),
        len(rows),
    )


def measure_ambiguous(index: AliasIndex, *, count: int = 2000, seed: int = 0) -> Dict[str, Dict[str, float]]:
    """Measure how often the first candidate is right for a name of several values, without a facet.

    index (AliasIndex): The table, which must know what categories use.
    count (int): Queries of each kind.
    seed (int): Seed of all choices.
    RETURNS (Dict[str, Dict[str, float]]): Accuracies by what was known of the listing ("none", "category", "context",
        "both"), of queries drawn "by value" (a value, then a category that has it) and "by category" (a category, one
        of its attributes, a value).
    RAISES (ValueError): Where the table doesn't know, or has no such names.
    """
    if index.usage is None:
        raise ValueError("the index knows no categories; build it with the files of a taxonomy's categories as well")
    values = list(index)
    return {name: _measure(index, values, name == "by value", count, seed) for name in ("by value", "by category")}


def _measure(index: AliasIndex, values: List[Value], by_value: bool, count: int, seed: int) -> Dict[str, float]:
    rng = random.Random(seed)
    right = dict.fromkeys(("none", "category", "context", "both"), 0)
    asked = 0
    for query in make_queries(values, (), 100 * count, rng, index.usage, full=True, by_value=by_value, slips=0.0):
        found = index.exact(query.text)
        if len(found) < 2 or query.setting != "both":
            continue
        asked += 1
        for name in right:
            category = query.category if name in ("category", "both") else -1
            context = query.context if name in ("context", "both") else ()
            best, _ = describe(index, query.text, "", found, Surroundings(index, category, context))
            right[name] += best.id == query.value.id
        if asked == count:
            break
    if not asked:
        raise ValueError("no name in the index means two values of a category")
    return {name: hits / asked for name, hits in right.items()}
