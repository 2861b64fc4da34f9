"""Fit the null value of `kb.linking` on an alias table: what is a slip of the pen, and what is another value?"""
import random
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..kb.alias_index import AliasIndex, Candidate
from ..kb.aliases import Value
from ..kb.forms import key
from ..kb.linking import features, find_candidates, fit_weights, judge

# Shorter texts have no room for a slip of the pen: another letter makes another word.
_SHORTEST, _SHORTEST_WIDE = 6, 3
_WIDE = "⺀"


# The features of the first candidate, None where there is none; whether it is right; whether the table has the value.
Row = Tuple[Optional[Dict[str, float]], bool, bool]


class Query(NamedTuple):
    """A text as a seller may write it.

    text (str): The text.
    facet (str): Its facet; "" = unknown.
    value (Value): What it means.
    known (bool): Whether the table has that value.
    """

    text: str
    facet: str
    value: Value
    known: bool


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
    values: Sequence[Value], *, count: int = 6000, hidden: float = 0.2, min_probability: float = 0.8, seed: int = 0
) -> Tuple[Dict[str, float], Report]:
    """Hide values, write the names of hidden and of known ones with and without slips, and learn to tell them apart.

    values (Sequence[Value]): The table.
    count (int): Queries, half to fit and half to judge.
    hidden (float): Share of the values that the table is made to lack.
    min_probability (float): From where on the report takes a link.
    seed (int): Seed of all choices.
    RETURNS (Tuple[Dict[str, float], Report]): The weights by feature, and the report.
    RAISES (ValueError): Where there are too few values.
    """
    if len(values) < 50:
        raise ValueError(f"values: {len(values)} are too few to fit anything; 50 is the least")
    rng = random.Random(seed)
    out = set(rng.sample(range(len(values)), int(len(values) * hidden)))
    index = AliasIndex.build([value for number, value in enumerate(values) if number not in out])
    rows: List[Row] = []
    for query in make_queries(values, out, count, rng):
        found = find_candidates(index, query.text, query.facet)
        right = _is_right(found[0], query) if found else False
        if right is not None:
            rows.append((features(query.text, query.facet, found) if found else None, right, query.known))
    rng.shuffle(rows)
    half = len(rows) // 2
    weights = fit_weights([(row, right) for row, right, _ in rows[:half] if row])
    return weights, _report(weights, rows[half:], min_probability)


def make_queries(values: Sequence[Value], out: Iterable[int], count: int, rng: random.Random) -> Iterable[Query]:
    """Write names of values as sellers may.

    values (Sequence[Value]): The values.
    out (Iterable[int]): Numbers of those that the table lacks; half of the queries are theirs.
    count (int): Queries.
    rng (random.Random): Where chance comes from.
    YIELDS (Query): Seven of ten with their facet, half of them with a slip of the pen.
    """
    missing = sorted(out)
    present = sorted(set(range(len(values))).difference(missing))
    for number in range(count):
        known = number % 2 == 0
        value = values[rng.choice(present if known else missing)]
        text = _choose_name(value, rng)
        if rng.random() < 0.5:
            text = misspell(text, rng) or text
        yield Query(text, value.facet if rng.random() < 0.7 else "", value, known)


def _choose_name(value: Value, rng: random.Random) -> str:
    # Half of the texts are Chinese where there is a Chinese name, as half of the listings are.
    chinese = [text for locale, text in value.labels.items() if locale.partition("-")[0] == "zh" and text.strip()]
    return rng.choice(chinese if chinese and rng.random() < 0.5 else value.surfaces)


def misspell(text: str, rng: random.Random) -> Optional[str]:
    """Swap or double a character behind the first; in a text without Han or kana, leave one out or replace one too.

    text (str): The text.
    rng (random.Random): Where chance comes from.
    RETURNS (Optional[str]): The text with a slip; None where it is too short for one.
    """
    wide = any(char >= _WIDE for char in text)
    if len(text) < (_SHORTEST_WIDE if wide else _SHORTEST):
        return None
    place = rng.randrange(1, len(text) - 1)
    head, char, tail = text[:place], text[place], text[place + 1 :]
    slips = [head + tail[0] + char + tail[1:], head + char + char + tail]
    if not wide:
        other = rng.choice("abcdefghijklmnopqrstuvwxyz" if text.isascii() else text)
        slips += [head + tail, head + other + tail]
    return rng.choice(slips)


def _is_right(candidate: Candidate, query: Query) -> Optional[bool]:
    """Say whether a candidate is what was meant. RETURNS (Optional[bool]): None where nobody can tell."""
    same = key(candidate.alias) in {key(text) for text in query.value.surfaces}
    if candidate.id == query.value.id:
        return True
    # Another value of that facet and name is as good; for a hidden value a namesake proves nothing.
    if same and not query.known:
        return None
    return same and candidate.facet == query.value.facet


def _report(weights: Dict[str, float], rows: Sequence[Row], limit: float) -> Report:
    linked = [(bool(row) and judge(weights, row) >= limit, right, known) for row, right, known in rows]
    hits = sum(yes and right for yes, right, _ in linked)
    nulls = sum(not yes and not known for yes, _, known in linked)
    said, meant = sum(not yes for yes, _, _ in linked), sum(not known for _, _, known in linked)
    return Report(
        hits / max(1, sum(yes for yes, _, _ in linked)),
        hits / max(1, sum(known for _, _, known in linked)),
        2 * nulls / max(1, said + meant),
        len(rows),
    )
