"""Tags as rows for the facet classifier, and how its facets are scored."""
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example

from ..heads.tag_classifier import TagRows
from ..tag import FACETS, USER_DATA_KEY, Tag, get_tags, text_length
from ..text.chars import classify, code_points, run_bounds
from ..text.folding import fold_in_place
from .calibration import ece

# First and last character in the batch; -1 = nowhere.
Place = Tuple[int, int]
_NOWHERE: Place = (-1, -1)
FindAliases = Callable[[Iterable[str]], Dict[str, List[int]]]


def open_tags(doc: Doc) -> List[Tag]:
    """Give a doc's tags that have no facet. RETURNS (List[Tag]): The tags."""
    return [tag for tag in get_tags(doc) if not tag.facet]


def to_rows(docs: Sequence[Doc], tags: Sequence[Sequence[Tag]], find_aliases: FindAliases) -> TagRows:
    """Make rows of tags.

    docs (Sequence[Doc]): The docs.
    tags (Sequence[Sequence[Tag]]): The tags of each.
    find_aliases (FindAliases): Gives the numbers of the alias table's facets for each text.
    RETURNS (TagRows): The rows, in order.
    """
    begin = 0
    rows: List[Tuple[str, int, Place]] = []
    for number, (doc, own) in enumerate(zip(docs, tags)):
        rows.extend((tag.text, number, place) for tag, place in zip(own, find_places(doc.text, own, begin)))
        begin += text_length(doc)
    return _to_rows(rows, find_aliases)


def gold_rows(
    examples: Sequence[Example], labels: Sequence[str], find_aliases: FindAliases, *, both_ways: bool
) -> Tuple[TagRows, np.ndarray]:
    """Make rows of gold tags, and what their facets should be.

    examples (Sequence[Example]): The batch.
    labels (Sequence[str]): The facets; tags of others are left out.
    find_aliases (FindAliases): Gives the numbers of the alias table's facets for each text.
    both_ways (bool): Whether a tag that has a place stands there once and once nowhere, so that either is learnt.
    RETURNS (Tuple[TagRows, ndarray]): N rows and (N, F) targets; tags of one text and place are one row.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    rows: List[Tuple[str, int, Place]] = []
    facets: List[Set[int]] = []
    begin = 0
    for number, example in enumerate(examples):
        groups: Dict[Tuple[str, Optional[int], Optional[int]], List[Tag]] = {}
        for tag in get_tags(example.reference):
            if tag.facet in numbers:
                groups.setdefault((tag.text, tag.start, tag.end), []).append(tag)
        first = [group[0] for group in groups.values()]
        for group, place in zip(groups.values(), find_places(example.predicted.text, first, begin)):
            wanted = {numbers[tag.facet] for tag in group}
            for where in (place, _NOWHERE) if both_ways and place != _NOWHERE else (place,):
                rows.append((group[0].text, number, where))
                facets.append(wanted)
        begin += text_length(example.predicted)
    targets = np.zeros((len(rows), len(labels)), dtype="f")
    for row, wanted in enumerate(facets):
        targets[row, list(wanted)] = 1.0
    return _to_rows(rows, find_aliases), targets


def gold_facets(example: Example, labels: Sequence[str], other: str = "") -> np.ndarray:
    """Tell which facets the gold has for the predicted doc's tags that have none.

    example (Example): The example.
    labels (Sequence[str]): The facets.
    other (str): The facet that says that there is none.
    RETURNS (ndarray): bool (tags without a facet, F), in their order; a tag that gold hasn't has none.
    """
    gold = _facets(example.reference, other)
    tags = open_tags(example.predicted)
    rows = [[label in gold.get(_place(tag), ()) for label in labels] for tag in tags]
    return np.array(rows, dtype=bool).reshape(len(tags), len(labels))


def _to_rows(rows: Sequence[Tuple[str, int, Place]], find_aliases: FindAliases) -> TagRows:
    known = find_aliases({text for text, _, _ in rows})
    return TagRows(
        [text for text, _, _ in rows],
        np.array([number for _, number, _ in rows], dtype=np.int64),
        np.array([place for _, _, place in rows], dtype=np.int64).reshape(-1, 2),
        [known[text] for text, _, _ in rows],
    )


def find_places(text: str, tags: Sequence[Tag], begin: int = 0) -> List[Place]:
    """Find where tags stand in a text: where they say, else where their words first occur.

    text (str): The text.
    tags (Sequence[Tag]): Tags; case and width of what has no offsets don't count, but it must be whole words and
        numbers: red is not in redmi.
    begin (int): Added to what is found.
    RETURNS (List[Place]): First and last character of each; (-1, -1) = nowhere.
    """
    places: List[Place] = []
    folded: Optional[str] = None
    for tag in tags:
        start, end = tag.start, tag.end
        # A tag may come from elsewhere: what is behind the text is nowhere.
        if start is None or end is None or end > len(text):
            if folded is None:
                folded = fold_in_place(text)
                starts, ends = run_bounds(classify(code_points([text])), np.zeros(len(text), dtype=np.int64))
            start, end = _find(folded, fold_in_place(tag.text).strip(), starts, ends)
        places.append((begin + start, begin + end - 1) if start >= 0 else _NOWHERE)
    return places


def _find(text: str, wanted: str, starts: np.ndarray, ends: np.ndarray) -> Tuple[int, int]:
    """Find words whole. RETURNS (Tuple[int, int]): Start and end; -1 = nowhere."""
    at = text.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        if starts[at] == at and ends[end - 1] == end:
            return at, end
        at = text.find(wanted, at + 1)
    return -1, -1


def score_facets(examples: Iterable[Example], *, other: str = "", **kwargs: Any) -> Dict[str, Any]:
    """Score the facets of tags, those that gold and prediction both have (the same text, start and end).

    A gold tag that got no facet, or that the prediction lacks, counts as missed.

    examples (Iterable[Example]): Docs with predicted and with gold tags.
    other (str): The facet that says that there is none, in predictions and in gold.
    **kwargs (Any): Other settings of the component; not used.
    RETURNS (Dict[str, Any]): ``facet_macro_f``, the mean of the F1 of all facets that gold or prediction has;
        ``facet_micro_f``, the F1 over all tags; ``facet_per_facet``, a dict of p, r and f by facet; ``facet_ece``, the
        calibration error of the likeliest facet of each tag that had none. None where there is no gold, the last also
        where no tag was without a facet.
    """
    micro = PRFScore()
    per_facet: Dict[str, PRFScore] = {}
    confidences, right = [], []
    for example in examples:
        predicted, gold = _facets(example.predicted, other), _facets(example.reference, other)
        for place, wanted in gold.items():
            found = predicted.get(place, set())
            micro.score_set(found, wanted)
            for facet in found | wanted:
                per_facet.setdefault(facet, PRFScore()).score_set(found & {facet}, wanted & {facet})
        for step in example.predicted.user_data.get(USER_DATA_KEY, {}).get(FACETS, ()):
            meant = gold.get((step["raw"] or step["text"], step["start"], step["end"]))
            if meant:
                # The likeliest comes first.
                likeliest, probability = next(iter(step["probabilities"].items()))
                confidences.append(probability)
                right.append(likeliest in meant)
    if not per_facet:
        return dict.fromkeys(("facet_macro_f", "facet_micro_f", "facet_per_facet", "facet_ece"))
    return {
        "facet_macro_f": sum(score.fscore for score in per_facet.values()) / len(per_facet),
        "facet_micro_f": micro.fscore,
        "facet_per_facet": {facet: score.to_dict() for facet, score in sorted(per_facet.items())},
        "facet_ece": ece(np.array(confidences), np.array(right)) if confidences else None,
    }


def _facets(doc: Doc, other: str) -> Dict[Tuple[str, Optional[int], Optional[int]], Set[str]]:
    facets: Dict[Tuple[str, Optional[int], Optional[int]], Set[str]] = {}
    for tag in get_tags(doc):
        if tag.facet and tag.facet != other:
            facets.setdefault(_place(tag), set()).add(tag.facet)
    return facets


def _place(tag: Tag) -> Tuple[str, Optional[int], Optional[int]]:
    return tag.raw or tag.text, tag.start, tag.end


def make_facet_scorer() -> Callable[..., Dict[str, Any]]:
    """Make the scorer `spacy-product-tags.facet_scorer.v1`. RETURNS (Callable): `score_facets`."""
    return score_facets
