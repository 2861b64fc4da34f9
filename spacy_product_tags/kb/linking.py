"""Which value of the alias table a text means, or none of them."""
import math
import re
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .alias_index import AliasIndex, Candidate
from .forms import key, split_brand_pair, variants

DATA_PATH = Path(__file__).with_suffix(".toml")
FEATURES = ("bias", "exact", "likeness", "edits", "start", "length", "same_facet", "no_facet", "margin", "rivals")
# Texts that nearly name a value are sought among so many.
_LIMIT = 5
# A text this long, in characters of its key, is as sure as one gets.
_LONG = 12
# So many characters that differ are as bad as any more.
_MANY = 4
# Shorter words are one letter from another word: Van, Vans; skirt, shirt; XL, XXL.
_SHORTEST = 6
# From this length on, two slips make no other word: dark grey, dark green.
_TWO_SLIPS = 12
_NUMBER = re.compile(r"\d[\d.x/:-]*")
_LETTER = re.compile(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
_DOUBLED = re.compile(r"(.)\1+")
_WIDE = re.compile("[\u2e80-\uffef]")


class Link(NamedTuple):
    """What a text means.

    candidate (Optional[Candidate]): The likeliest value; None = nothing in the table is like it.
    probability (float): That it is this one, and not none of the table's.
    """

    candidate: Optional[Candidate]
    probability: float


def link(index: AliasIndex, text: str, facet: str = "", *, fuzzy: bool = True) -> Link:
    """Find the value that a text means: exactly, else nearly, against a learned "none of these".

    The null value is logistic regression over how alike text and alias are, how long they are, whether the facet is
    right and how near the next value comes: one decision for all values, so new ones need no training.

    index (AliasIndex): The alias table.
    text (str): The text of a tag.
    facet (str): Its facet; "" = unknown.
    fuzzy (bool): Whether to look for aliases that are written nearly so.
    RETURNS (Link): The likeliest value and its probability.
    """
    found = find_candidates(index, text, facet, fuzzy=fuzzy)
    if not found:
        return Link(None, 0.0)
    return Link(found[0], judge(weights(), features(text, facet, found)))


def find_candidates(index: AliasIndex, text: str, facet: str = "", *, fuzzy: bool = True) -> List[Candidate]:
    """Find what a text may mean.

    index, text, facet, fuzzy: As in `link`.
    RETURNS (List[Candidate]): Those of the facet first, then the likest; other forms of the text (plurals, either half
        of a brand pair) and nearly written ones only where none of the facet is written so.
    """
    found = index.exact(text, facet)
    if not any(_fits(candidate, facet) for candidate in found):
        found = (*found, *_find_variant(index, text, facet))
    if fuzzy and not any(_fits(candidate, facet) for candidate in found):
        known = {candidate.id for candidate in found}
        near = [candidate for candidate in index.fuzzy(text, facet, limit=_LIMIT) if candidate.id not in known]
        found = (*found, *(candidate for candidate in near if _may_be_slip(text, candidate.alias)))
    return sorted(found, key=partial(_order, facet))


def judge(weights: Mapping[str, float], values: Mapping[str, float]) -> float:
    """Judge a first candidate.

    weights (Mapping[str, float]): Weights by feature.
    values (Mapping[str, float]): Its features.
    RETURNS (float): The probability that it is the right one.
    """
    score = sum(weight * values[name] for name, weight in weights.items())
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def features(text: str, facet: str, candidates: Sequence[Candidate]) -> Dict[str, float]:
    """Describe the first candidate.

    text (str): The text.
    facet (str): Its facet; "" = unknown.
    candidates (Sequence[Candidate]): What it may mean, likeliest first.
    RETURNS (Dict[str, float]): By the names in `FEATURES`, each from 0 to 1.
    """
    best = candidates[0]
    others = [c.score for c in candidates[1:] if c.id != best.id and _fits(c, facet) == _fits(best, facet)]
    ours, theirs = key(text), key(best.alias)
    numbers = (
        1.0,
        float(best.how != "fuzzy"),
        best.score,
        # A slip of the pen is one or two characters, however long the text.
        min((1 - best.score) * (len(ours) + len(theirs)) / 2, _MANY) / _MANY,
        float(ours[:1] == theirs[:1]),
        min(len(ours), _LONG) / _LONG,
        float(bool(facet) and best.facet == facet),
        float(not facet),
        best.score - max(others, default=0.0),
        float(any(score == best.score for score in others)),
    )
    return dict(zip(FEATURES, numbers))


def _fits(candidate: Candidate, facet: str) -> bool:
    return not facet or candidate.facet == facet


def _find_variant(index: AliasIndex, text: str, facet: str) -> Tuple[Candidate, ...]:
    """Look up other forms of a text, likeliest first. RETURNS (Tuple[Candidate, ...]): What the first known means."""
    # A brand's s belongs to it: Vans.
    forms = (split_brand_pair(text) or ()) if facet == "brand" else variants(text)
    for form in forms:
        found = tuple(candidate for candidate in index.exact(form, facet) if _fits(candidate, facet))
        if found:
            return tuple(candidate._replace(how="variant") for candidate in found)
    return ()


def _may_be_slip(text: str, alias: str) -> bool:
    """Say whether a text may be another one with a slip of the pen, and not another word."""
    ours, theirs = key(text), key(alias)
    if _NUMBER.findall(ours) != _NUMBER.findall(theirs):
        return False  # 10 cm is no slip for 12 cm
    if _WIDE.search(ours + theirs):
        # One Han character more or another one is another word (牛仔裤, 牛仔短裤). Two may be swapped, or one doubled.
        return _DOUBLED.sub(r"\1", ours) == _DOUBLED.sub(r"\1", theirs) or sorted(ours) == sorted(theirs)
    # Type C is no slip for Type A.
    if _LETTER.findall(text.casefold()) != _LETTER.findall(alias.casefold()):
        return False
    shortest = min(len(ours), len(theirs))
    return shortest >= _SHORTEST and _count_slips(ours, theirs) <= (1 if shortest < _TWO_SLIPS else 2)


def _count_slips(ours: str, theirs: str) -> int:
    # Two letters swapped are one slip (optimal string alignment). Imported by the first look-up that needs it.
    from rapidfuzz.distance import OSA

    return OSA.distance(ours, theirs)


def _order(facet: str, candidate: Candidate) -> Tuple[bool, float]:
    return not _fits(candidate, facet), -candidate.score


@cache
def weights() -> Dict[str, float]:
    """Read the weights of the null value, as `product-tags aliases fit` writes them. RETURNS (Dict[str, float]): By
    feature."""
    with DATA_PATH.open("rb") as file:
        return {name: float(value) for name, value in tomllib.load(file)["weights"].items()}


def fit_weights(
    rows: Sequence[Tuple[Dict[str, float], bool]], *, ridge: float = 1.0, rounds: int = 30
) -> Dict[str, float]:
    """Fit the weights by iteratively reweighted least squares (Hastie et al. 2009, 4.4.1).

    rows (Sequence[Tuple[Dict[str, float], bool]]): The features of a first candidate, and whether it is the right one.
    ridge (float): Weight of the penalty on large weights.
    rounds (int): Newton steps.
    RETURNS (Dict[str, float]): By feature.
    """
    import numpy as np

    X = np.array([[row[name] for name in FEATURES] for row, _ in rows])  # (N, F)
    y = np.array([right for _, right in rows], dtype=float)  # (N,)
    beta = np.zeros(len(FEATURES))
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-X @ beta))  # (N,)
        slope = X.T @ (y - chance) - ridge * beta  # (F,)
        curve = (X * (chance * (1 - chance))[:, None]).T @ X + ridge * np.eye(len(FEATURES))  # (F, F)
        beta = beta + np.linalg.solve(curve, slope)
    return {name: round(float(value), 4) for name, value in zip(FEATURES, beta)}
