"""Scores: precision, recall and F1 of tags, over all and per facet."""
from typing import Any, Callable, Dict, Iterable, Set, Tuple

from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example


def tag_spans(doc: Doc) -> Set[Tuple[int, int, str]]:
    """Give the spans that count. RETURNS (Set[Tuple[int, int, str]]): Start, end and facet of each tag in the text."""
    return {(tag.start, tag.end, tag.facet) for tag in doc._.tags if tag.start is not None and tag.source == "span"}


def score_tags(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """Score the tags that stand in the text: right is who has start, end and facet right.

    examples (Iterable[Example]): Docs with predicted and with gold tags.
    **kwargs (Any): Settings of the component; not used.
    RETURNS (Dict[str, Any]): ``tags_p``, ``tags_r``, ``tags_f`` over all tags (micro average) and
        ``tags_per_facet``, a dict of p, r and f by facet; None where there is neither gold nor prediction.
    """
    micro = PRFScore()
    per_facet: Dict[str, PRFScore] = {}
    for example in examples:
        predicted, gold = tag_spans(example.predicted), tag_spans(example.reference)
        micro.score_set(predicted, gold)
        for facet in {span[2] for span in predicted | gold}:
            own = per_facet.setdefault(facet, PRFScore())
            own.score_set({s for s in predicted if s[2] == facet}, {s for s in gold if s[2] == facet})
    if not len(micro):
        return {"tags_p": None, "tags_r": None, "tags_f": None, "tags_per_facet": None}
    return {
        "tags_p": micro.precision,
        "tags_r": micro.recall,
        "tags_f": micro.fscore,
        "tags_per_facet": {facet: score.to_dict() for facet, score in sorted(per_facet.items())},
    }


def make_tag_scorer() -> Callable[..., Dict[str, Any]]:
    """Make the scorer `spacy-product-tags.tag_scorer.v1`. RETURNS (Callable): `score_tags`."""
    return score_tags
