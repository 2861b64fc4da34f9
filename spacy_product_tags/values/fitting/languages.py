"""Hide names of an alias table in one language, and see whether they are found by those in the others."""
import random
from dataclasses import replace
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...encoders.name_encoder import NameEncoder
from ...text.folding import lookup_key
from ..index import AliasIndex, Candidate
from ..linking import describe, find_candidates, fit_weights, judge
from ..table import Value
from .names import Report as Progress
from .names import fit_names, merge_things, names_of
from .queries import misspell

# By which stages a name is looked for.
STAGES: Dict[str, Dict[str, bool]] = {
    "exact": {"fuzzy": False, "dense": False},
    "exact, fuzzy": {"fuzzy": True, "dense": False},
    "exact, dense": {"fuzzy": False, "dense": True},
    "exact, fuzzy, dense": {"fuzzy": True, "dense": True},
}


class Hidden(NamedTuple):
    """A table that lacks names, and what to look up in it.

    table (List[Value]): The values that are left, some without their names in one language.
    queries (List[Tuple[str, Value, bool]]): A name, the value that it means, and whether the table has that.
    """

    table: List[Value]
    queries: List[Tuple[str, Value, bool]]


class Score(NamedTuple):
    """How well names are found.

    accuracy (float): Share of the names of known values whose first candidate is right.
    precision (float): Share of the links at the probability of the report that are right.
    recall (float): Share of the names of known values that are linked rightly.
    null_f (float): F1 of "none of these".
    false_links (float): Share of the names of values that the table lacks which are linked all the same.
    """

    accuracy: float
    precision: float
    recall: float
    null_f: float
    false_links: float


def hide_languages(values: Sequence[Value], share: float = 0.1, seed: int = 0) -> Hidden:
    """Hide of some values the names in one language, and others in whole.

    Values of one English name share their fate, or the hidden names would still be there with a twin. A name that is
    written the same in another language is not asked for: it is not hidden.

    values (Sequence[Value]): The values.
    share (float): Share of the English names that lose a language, and of those that are hidden in whole.
    seed (int): Seed of all choices.
    RETURNS (Hidden): The rest, with a name to look up of each: the hidden one in the lost language, or any of a value
        that is hidden in whole.
    """
    rng = random.Random(seed)
    groups: Dict[str, List[Value]] = {}
    for value in values:
        groups.setdefault(lookup_key(value.labels.get("en", "")) or value.id, []).append(value)
    table: List[Value] = []
    queries: List[Tuple[str, Value, bool]] = []
    for group in groups.values():
        chance = rng.random()
        languages = sorted({_language(locale) for value in group for locale in value.labels} - {"", "en"})
        value = rng.choice(group)
        # A name without a language can't be hidden with one.
        if chance < share and len(languages) > 1 and not any(twin.aliases for twin in group):
            lost = rng.choice(languages)
            names = sorted({name for locale, name in value.labels.items() if _language(locale) == lost})
            rest = [replace(twin, labels=_without(twin.labels, lost)) for twin in group]
            table += rest
            left = {lookup_key(name) for twin in rest for name in twin.surfaces}
            asked = [name for name in names if lookup_key(name) not in left]
            if asked:
                queries.append((rng.choice(asked), value, True))
        elif share <= chance < 2 * share:
            queries.append((rng.choice(value.surfaces), value, False))
        else:
            table += group
    rng.shuffle(queries)
    return Hidden(table, queries)


def _without(labels: Mapping[str, str], language: str) -> Dict[str, str]:
    return {locale: name for locale, name in labels.items() if _language(locale) != language}


def _language(locale: str) -> str:
    return locale.partition("-")[0]


def fit_hidden_encoder(
    hidden: Hidden, *, steps: int = 2000, seed: int = 0, on_step: Optional[Callable[[Progress], None]] = None
) -> NameEncoder:
    """Fit a name encoder on what is left: one that saw the hidden names would know them. RETURNS (NameEncoder)."""
    return fit_names(merge_things(map(names_of, hidden.table)), steps=steps, seed=seed, on_step=on_step)


def measure_languages(
    hidden: Hidden, encoder: NameEncoder, *, min_probability: float = 0.8, seed: int = 0
) -> Tuple[Dict[str, float], Dict[Tuple[str, str], Score]]:
    """Look hidden names up by one stage after the other; half of them fit the null value, half judge it.

    hidden (Hidden): The table and the names.
    encoder (NameEncoder): What `fit_hidden_encoder` gave.
    min_probability (float): From where on a link is taken.
    seed (int): Seed of the slips of the pen.
    RETURNS (Tuple[Dict[str, float], Dict[Tuple[str, str], Score]]): The weights of the null value for names that are
        found by all stages; and scores by stages ("exact", …) and by how names were written ("as they are", "with a
        slip").
    """
    index = AliasIndex.build(hidden.table, names=encoder)
    rng = random.Random(seed)
    spelled = [(misspell(text, rng) or text, value, known) for text, value, known in hidden.queries]
    weights: Dict[str, float] = {}
    scores: Dict[Tuple[str, str], Score] = {}
    for stages, settings in STAGES.items():
        both = {
            "as they are": _look_up(index, hidden.queries, settings),
            "with a slip": _look_up(index, spelled, settings),
        }
        half = len(hidden.queries) // 2
        fitted = [row[:2] for rows in both.values() for row in rows[:half]]
        weights = fit_weights([(values, right) for values, right in fitted if values is not None])
        for name, rows in both.items():
            scores[stages, name] = _score(weights, rows[half:], min_probability)
    return weights, scores


# The features of the first candidate (None = there is none), whether it is right, whether the table has the value.
Row = Tuple[Optional[Dict[str, float]], bool, bool]


def _look_up(index: AliasIndex, queries: Sequence[Tuple[str, Value, bool]], settings: Dict[str, bool]) -> List[Row]:
    rows: List[Row] = []
    for text, value, known in queries:
        found = find_candidates(index, text, value.facet, **settings)
        if not found:
            rows.append((None, False, known))
            continue
        best, features = describe(index, text, value.facet, found)
        rows.append((features, known and _is_same(index, best, value), known))
    return rows


def _is_same(index: AliasIndex, candidate: Candidate, value: Value) -> bool:
    if candidate.id == value.id:
        return True
    # Another value of that facet and name is as good.
    other = index[candidate.id]
    return other.facet == value.facet and other.labels.get("en", "") == value.labels.get("en")


def _score(weights: Dict[str, float], rows: Sequence[Row], limit: float) -> Score:
    linked = [values is not None and judge(weights, values) >= limit for values, _, _ in rows]
    known = sum(row[2] for row in rows)
    hits = sum(yes and right for yes, (_, right, _) in zip(linked, rows))
    nulls = sum(not yes and not there for yes, (_, _, there) in zip(linked, rows))
    said = sum(not yes for yes in linked)
    return Score(
        sum(right for _, right, _ in rows) / max(1, known),
        hits / max(1, sum(linked)),
        hits / max(1, known),
        2 * nulls / max(1, said + len(rows) - known),
        1 - nulls / max(1, len(rows) - known),
    )
