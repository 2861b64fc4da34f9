"""Scores of categories: by level, by path, by overlap in the tree, and how true their probabilities are."""
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Tuple

import numpy as np
from spacy.scorer import PRFScore
from spacy.training import Example

from ...listing import SEPARATOR
from ...tag import get_category, get_tags
from ...taxonomy.tree import Taxonomy
from ..calibration import ece

# The value of an axis of which a listing says nothing.
NONE = "(none)"
CategoryPath = Tuple[str, ...]
_KEYS = (
    *("cats_path_acc", "category_f", "category_macro_f", "category_hp", "category_hr", "category_hf"),
    *("category_top_k", "category_ece"),
)


def score_categories(
    examples: Iterable[Example], *, taxonomy: Optional[Taxonomy] = None, axes: Sequence[str] = (), **kwargs: Any
) -> Dict[str, Any]:
    """Score category paths. A path that stops early abstains: it is wrong at no level that it doesn't reach, and it
    misses them.

    examples (Iterable[Example]): Docs with predicted and with gold ``doc._.category``; those without gold don't count.
    taxonomy (Optional[Taxonomy]): Tells which category a path means, in whatever language or writing, and its id in
        ``doc.cats``; without it, or for a path that it hasn't, labels count as they are, and an id is the labels
        joined by " > ".
    axes (Sequence[str]): Facets that were classified, too.
    **kwargs (Any): Settings of the component; not used.
    RETURNS (Dict[str, Any]): ``cats_path_acc``, paths that are right in whole; ``category_f_level1`` and so on, F1 of
        each class of a level weighted by its gold docs, and their mean ``category_f``; ``category_macro_f``, F1 of each
        gold path, rare ones counting as much as frequent ones; ``category_coverage_level1`` and so on, docs with a
        category there among those with a gold one; ``category_hp``, ``hr`` and ``hf``, precision, recall and F1 over
        all categories of a path (Kiritchenko et al. 2006); ``category_top_k``, docs whose category is in ``doc.cats``:
        one of the likeliest, or above one of them; ``category_ece`` of the probability of the predicted category, None
        where ``doc.cats`` hasn't any; with axes ``category_axes``, as `score_axes`. All None where there is no gold.
    """
    examples = list(examples)
    values = {"category_axes": score_axes(examples, axes)} if axes else {}
    docs = [(example.predicted, example.reference) for example in examples if get_category(example.reference)]
    pairs = [tuple(_ids(get_category(doc), taxonomy) for doc in both) for both in docs]
    if not pairs:
        return {**dict.fromkeys(_KEYS), **values}
    predicted, gold = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    scores: Dict[str, Any] = {**score_paths(predicted, gold), **values}
    listed = [wanted[-1] in doc.cats for (_, wanted), (doc, _) in zip(pairs, docs)]
    scores["category_top_k"] = sum(listed) / len(listed) if any(doc.cats for doc, _ in docs) else None
    confidences, right = [], []
    for (path, wanted), (doc, _) in zip(pairs, docs):
        confidence = doc.cats.get(path[-1]) if path else None
        if confidence is not None:
            confidences.append(confidence)
            right.append(wanted[: len(path)] == path)
    scores["category_ece"] = ece(np.array(confidences), np.array(right)) if confidences else None
    return scores


def score_axes(examples: Iterable[Example], axes: Sequence[str]) -> Optional[Dict[str, Dict[str, float]]]:
    """Score the likeliest value on each axis against the gold tags of its facet; docs without any gold tag don't count.

    examples (Iterable[Example]): Docs with predicted ``doc.cats`` and with gold tags.
    axes (Sequence[str]): The facets.
    RETURNS (Optional[Dict[str, Dict[str, float]]]): p, r and f by facet; "none of these" is no value. None where there
        is no gold.
    """
    scores = {axis: PRFScore() for axis in axes}
    tagged = [example for example in examples if get_tags(example.reference)]
    for example in tagged:
        for axis, score in scores.items():
            start = axis + SEPARATOR
            shares = {name: share for name, share in example.predicted.cats.items() if name.startswith(start)}
            likeliest = {max(shares, key=shares.__getitem__).removeprefix(start)} if shares else set()
            tags = get_tags(example.reference)
            score.score_set(likeliest - {NONE}, {tag.raw or tag.text for tag in tags if tag.facet == axis})
    return {axis: score.to_dict() for axis, score in scores.items()} if tagged else None


def score_paths(predicted: Sequence[CategoryPath], gold: Sequence[CategoryPath]) -> Dict[str, float]:
    """Score paths alone: all of `score_categories` but ``category_ece``.

    predicted (Sequence[CategoryPath]): Predicted paths; () = none.
    gold (Sequence[CategoryPath]): The right ones, as many; at least one, none empty.
    RETURNS (Dict[str, float]): The scores.
    """
    scores = {"cats_path_acc": sum(mine == right for mine, right in zip(predicted, gold)) / len(gold)}
    levels = []
    for level in range(1, max(map(len, gold)) + 1):
        ours, right = [_at_level(path, level) for path in predicted], [_at_level(path, level) for path in gold]
        levels.append(weighted_f(ours, right))
        scores[f"category_f_level{level}"] = levels[-1]
        reached = [mine for mine, wanted in zip(ours, right) if wanted]
        scores[f"category_coverage_level{level}"] = sum(map(bool, reached)) / len(reached)
    scores["category_f"] = sum(levels) / len(levels)
    scores["category_macro_f"] = macro_f([path or None for path in predicted], gold)
    # The ancestors of a path are its beginnings; the root, which all share, doesn't count.
    shared = sum(map(_shared_levels, predicted, gold))
    found, wanted = sum(map(len, predicted)), sum(map(len, gold))
    scores["category_hp"], scores["category_hr"] = shared / max(found, 1), shared / wanted
    scores["category_hf"] = 2 * shared / (found + wanted)
    return scores


def weighted_f(predicted: Sequence[Any], gold: Sequence[Any]) -> float:
    """Give the mean F1 of all classes weighted by their gold items, as scikit-learn's ``average="weighted"``.

    predicted (Sequence[Any]): The predicted class of each item; None = none.
    gold (Sequence[Any]): The right one, as many; None = none, where any class predicted is too much.
    RETURNS (float): From 0 to 1; 0 where no item has a class.
    """
    scores, wanted = _f_by_class(predicted, gold)
    return float((scores * wanted).sum() / max(wanted.sum(), 1))


def macro_f(predicted: Sequence[Any], gold: Sequence[Any]) -> float:
    """Give the mean F1 of all classes that have a gold item, as scikit-learn's ``average="macro"`` with them as labels.

    predicted (Sequence[Any]): The predicted class of each item; None = none.
    gold (Sequence[Any]): The right one, as many; None = none.
    RETURNS (float): From 0 to 1; 0 where no item has a class.
    """
    scores, wanted = _f_by_class(predicted, gold)
    return float(scores[wanted > 0].mean()) if wanted.any() else 0.0


def _f_by_class(predicted: Sequence[Any], gold: Sequence[Any]) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): Of each class the F1 and the number of gold items."""
    numbers: Dict[Any, int] = {}
    ours, right = (
        [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in side] for side in (predicted, gold)
    )
    both = np.array([mine if mine == wanted else -1 for mine, wanted in zip(ours, right)])
    hits, found, wanted = (_count(side, len(numbers)) for side in (both.tolist(), ours, right))
    # A class that is in `numbers` was found or wanted: no division by zero.
    return 2 * hits / (found + wanted), wanted


def _count(side: Sequence[int], classes: int) -> np.ndarray:
    return np.bincount(np.asarray(side, dtype=int) + 1, minlength=classes + 1)[1:]


def _shared_levels(predicted: CategoryPath, gold: CategoryPath) -> int:
    shared = 0
    while shared < min(len(predicted), len(gold)) and predicted[shared] == gold[shared]:
        shared += 1
    return shared


def _at_level(path: CategoryPath, level: int) -> Optional[CategoryPath]:
    # With what is above it: the same label may stand under two parents.
    return path[:level] if len(path) >= level else None


def _ids(path: CategoryPath, taxonomy: Optional[Taxonomy]) -> CategoryPath:
    """Give the ids of a category and all above it. RETURNS (Tuple[str, ...]): From the top."""
    row = taxonomy.find(path) if taxonomy is not None else None
    if taxonomy is None or row is None:
        return tuple(SEPARATOR.join(path[:level]) for level in range(1, len(path) + 1))
    return tuple(taxonomy.ids[above] for above in taxonomy.ancestors(row))


def make_category_scorer() -> Callable[..., Dict[str, Any]]:
    """Make the scorer `spacy-product-tags.category_scorer.v1`. RETURNS (Callable): `score_categories`."""
    return score_categories
