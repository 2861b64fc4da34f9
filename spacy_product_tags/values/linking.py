"""Which value of the alias table a text means, or none of them."""
import math
import re
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..text.folding import lookup_key
from ..text.forms import split_brand_pair, variants
from .index import AliasIndex, Candidate
from .sources import has_kinds, kind_of
from .surroundings import Surroundings

DATA_PATH = Path(__file__).with_suffix(".toml")
FEATURES = (
    *("bias", "exact", "likeness", "edits", "start", "length"),
    *("same_facet", "no_facet", "margin", "rivals", "share", "lift"),
    # Of what is found by vectors alone; the others tell of spelling.
    *("dense_bias", "dense_cosine", "dense_margin", "dense_length"),
)
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


def link(
    index: AliasIndex,
    text: str,
    facet: str = "",
    *,
    category: Union[int, str, Sequence[str]] = "",
    context: Iterable[Tuple[str, str]] = (),
    fuzzy: bool = True,
    dense: bool = True,
) -> Link:
    """Find the value that a text means: exactly, else nearly, else by vectors, against a learned "none of these".

    The null value is logistic regression over how alike text and alias are, how long they are, whether the facet is
    right, how near the next value comes and whether such a listing would say so: one decision for all values, so new
    ones need no training. Its weights are those that were fitted on the index, else linking.toml's.

    index (AliasIndex): The alias table.
    text (str): The text of a tag.
    facet (str): Its facet; "" = unknown.
    category (Union[int, str, Sequence[str]]): The listing's category, as `Usage.locate` takes it; "" = unknown.
    context (Iterable[Tuple[str, str]]): The listing's other tags: texts and facets.
    fuzzy (bool): Whether to look for aliases that are written nearly so.
    dense (bool): Whether to look for values whose names in other languages are near by their vectors.
    RETURNS (Link): The likeliest value and its probability.
    """
    found = find_candidates(index, text, facet, fuzzy=fuzzy, dense=dense)
    return choose(index, text, facet, found, Surroundings(index, category, context))


def find_candidates(
    index: AliasIndex, text: str, facet: str = "", *, fuzzy: bool = True, dense: bool = True
) -> List[Candidate]:
    """Find what a text may mean, by one stage after the other until one finds values of the facet.

    index, text, facet, fuzzy, dense: As in `link`.
    RETURNS (List[Candidate]): Those of the facet first, then the likest.
    """
    found: Dict[str, Candidate] = {}
    stages = (_find_exact, _find_variant, *((_find_slip,) if fuzzy else ()), *((_find_dense,) if dense else ()))
    for stage in stages:
        for candidate in stage(index, text, facet):
            found.setdefault(candidate.id, candidate)
        if any(_fits(candidate, facet) for candidate in found.values()):
            break
    return sorted(found.values(), key=partial(_order, facet))


def choose(
    index: AliasIndex, text: str, facet: str, found: Sequence[Candidate], listing: Optional[Surroundings] = None
) -> Link:
    """Choose among what a text may mean.

    index, text, facet: As in `link`.
    found (Sequence[Candidate]): What `find_candidates` found.
    listing (Optional[Surroundings]): The listing; None = not known.
    RETURNS (Link): The likeliest value and its probability.
    """
    found = _allowed(index, facet, found, listing)
    if not found:
        return Link(None, 0.0)
    best, values = describe(index, text, facet, found, listing)
    return Link(best, judge(index.weights or weights(), values))


def _allowed(
    index: AliasIndex, facet: str, found: Sequence[Candidate], listing: Optional[Surroundings]
) -> Sequence[Candidate]:
    """Leave out what a listing can't say, where one name is that of several values.

    RETURNS (Sequence[Candidate]): What the listing's category has, or may have: a dress's red is no wine's. Where
        nothing is known of the listing, none of unlike things: a shoe's 40 and a ring's.
    """
    rivals = [c for c in found if c.score == found[0].score and _fits(c, facet) == _fits(found[0], facet)]
    if listing is not None and len(rivals) > 1:
        had = {candidate.id: listing.allows(candidate.id) for candidate in rivals}
        if any(had.values()):
            found = [candidate for candidate in found if had.get(candidate.id) is not False]
            rivals = [candidate for candidate in rivals if had[candidate.id] is not False]
    kinds: Dict[str, str] = {}
    for candidate in rivals:
        if has_kinds(candidate.facet):
            value = index[candidate.id]
            name = value.labels.get("en") or candidate.alias
            kinds[candidate.id] = kind_of(value.facet, value.attributes, name)[1]
    if len(set(kinds.values())) < 2:
        return found
    allowed = {value_id: listing.allows(value_id) if listing else None for value_id in kinds}
    if all(each is None for each in allowed.values()):
        # Other tags may tell; where there are none, nobody knows.
        out = set() if listing is not None and listing.tells else set(kinds)
    else:
        out = {value_id for value_id, each in allowed.items() if not each}
    return [candidate for candidate in found if candidate.id not in out]


def describe(
    index: AliasIndex, text: str, facet: str, found: Sequence[Candidate], listing: Optional[Surroundings] = None
) -> Tuple[Candidate, Dict[str, float]]:
    """Pick the first candidate and describe it.

    index, text, facet, found, listing: As in `choose`.
    RETURNS (Tuple[Candidate, Dict[str, float]]): Of the facet and the likest, the one that such a listing would rather
        say; and its features, by the names in `FEATURES`, each from -1 to 1.
    """
    rivals = [c for c in found if c.score == found[0].score and _fits(c, facet) == _fits(found[0], facet)]
    if len(rivals) == 1 and (listing is None or not listing.tells):
        place, share, lift = 0, 1.0, 0.0
    else:
        uses = [(listing or Surroundings(index)).use(candidate.id) for candidate in rivals]
        # The first of equals stays so: by frequency, then id.
        place = max(range(len(rivals)), key=uses.__getitem__)
        shares = [use.weight for use in uses] if index.usage else [candidate.freq for candidate in rivals]
        share, lift = shares[place] / (sum(shares) or 1), uses[place].lift
    best = rivals[place]
    if best.how == "dense":
        return best, _dense_features(text, found)
    values = _features(text, facet, best, [candidate for candidate in found if candidate.id != best.id])
    return best, {**values, "share": share, "lift": lift}


def judge(weights: Mapping[str, float], values: Mapping[str, float]) -> float:
    """Judge a first candidate.

    weights (Mapping[str, float]): Weights by feature.
    values (Mapping[str, float]): Its features.
    RETURNS (float): The probability that it is the right one.
    """
    score = sum(weight * values[name] for name, weight in weights.items() if name in values)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def _features(text: str, facet: str, best: Candidate, rest: Sequence[Candidate]) -> Dict[str, float]:
    others = [c.score for c in rest if _fits(c, facet) == _fits(best, facet)]
    ours, theirs = lookup_key(text), lookup_key(best.alias)
    numbers = (
        1.0,
        float(best.how in ("exact", "variant")),
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


def _dense_features(text: str, found: Sequence[Candidate]) -> Dict[str, float]:
    best = found[0]
    others = [candidate.score for candidate in found[1:] if candidate.how == "dense"]
    return {
        "dense_bias": 1.0,
        "dense_cosine": best.score,
        "dense_margin": best.score - max(others, default=0.0),
        "dense_length": min(len(lookup_key(text)), _LONG) / _LONG,
    }


def _fits(candidate: Candidate, facet: str) -> bool:
    return not facet or candidate.facet == facet


def _find_exact(index: AliasIndex, text: str, facet: str) -> Tuple[Candidate, ...]:
    return index.exact(text, facet)


def _find_slip(index: AliasIndex, text: str, facet: str) -> List[Candidate]:
    return [near for near in index.fuzzy(text, facet, limit=_LIMIT) if _may_be_slip(text, near.alias)]


def _find_dense(index: AliasIndex, text: str, facet: str) -> Tuple[Candidate, ...]:
    # Numbers have no meaning that is near: 10 cm, 12 cm. Nor have sizes: extra large, extra long.
    if _NUMBER.search(lookup_key(text)):
        return ()
    return tuple(near for near in index.near(text, facet, limit=_LIMIT) if not has_kinds(near.facet))


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
    ours, theirs = lookup_key(text), lookup_key(alias)
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

    X = np.array([[row.get(name, 0.0) for name in FEATURES] for row, _ in rows]).reshape(-1, len(FEATURES))  # (N, F)
    y = np.array([right for _, right in rows], dtype=float)  # (N,)
    beta = np.zeros(len(FEATURES))
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-X @ beta))  # (N,)
        slope = X.T @ (y - chance) - ridge * beta  # (F,)
        curve = (X * (chance * (1 - chance))[:, None]).T @ X + ridge * np.eye(len(FEATURES))  # (F, F)
        beta = beta + np.linalg.solve(curve, slope)
    return {name: round(float(value), 4) for name, value in zip(FEATURES, beta)}
