"""Scores: precision, recall and F1 of tags, over all and per facet."""
import warnings
from typing import Any, Callable, Dict, Iterable, Optional, Set, Tuple

from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example

from ..tag import TRACE, USER_DATA_KEY, Tag, get_tags, span_tags


def tag_spans(doc: Doc) -> Set[Tuple[int, int, str]]:
    """Give the spans that count: those of merged tags too, wherever the normalizer found them.

    doc (Doc): The doc.
    RETURNS (Set[Tuple[int, int, str]]): Start, end and facet of each tag in the text.
    """
    spans = {(*tag.span, tag.facet) for tag in span_tags(doc)}
    steps = doc.user_data.get(USER_DATA_KEY, {}).get(TRACE, ())
    if steps:
        # Not of tags that a later component has taken out.
        left = {(tag.text, tag.facet) for tag in get_tags(doc)}
        places = [step for step in steps if _is_span(step) and (step["became"], step["facet"]) in left]
        spans.update((step["start"], step["end"], step["facet"]) for step in places)
    return spans


def _is_span(step: Dict[str, Any]) -> bool:
    return step["start"] is not None and step["source"] == "span"


def score_tags(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """Score the tags that stand in the text: right is who has start, end and facet right.

    examples (Iterable[Example]): Docs with predicted and with gold tags.
    **kwargs (Any): Settings of the component; not used.
    RETURNS (Dict[str, Any]): ``tags_p``, ``tags_r``, ``tags_f`` over all tags (micro average), ``tags_per_facet``, a
        dict of p, r and f by facet, and ``values_p``, ``values_r``, ``values_f`` as in `score_values`; None where
        there is neither gold nor prediction. The same figures are ``spans_tags_p`` and so on, which is what
        ``spacy evaluate --spans-key tags`` prints.
    """
    examples = list(examples)
    if not examples:
        # `spacy evaluate FILE.jsonl` ends well and shows nothing.
        warnings.warn(
            "there is nothing to score; if the data are listings (.jsonl), 'product-tags evaluate' reads them, and "
            "'product-tags docbin' makes the .spacy file of them that spaCy's own commands read",
            stacklevel=2,
        )
    micro = PRFScore()
    per_facet: Dict[str, PRFScore] = {}
    for example in examples:
        predicted, gold = tag_spans(example.predicted), tag_spans(example.reference)
        micro.score_set(predicted, gold)
        for facet in {span[2] for span in predicted | gold}:
            own = per_facet.setdefault(facet, PRFScore())
            own.score_set({s for s in predicted if s[2] == facet}, {s for s in gold if s[2] == facet})
    scores: Dict[str, Any] = dict.fromkeys(("tags_p", "tags_r", "tags_f", "tags_per_facet"))
    if len(micro):
        scores.update({"tags_p": micro.precision, "tags_r": micro.recall, "tags_f": micro.fscore})
        scores["tags_per_facet"] = {facet: score.to_dict() for facet, score in sorted(per_facet.items())}
    known_to_spacy = {f"spans_{name}".replace("per_facet", "per_type"): score for name, score in scores.items()}
    return {**score_values(examples), **scores, **known_to_spacy}


def score_values(examples: Iterable[Example]) -> Dict[str, Optional[float]]:
    """Score one value per facet and listing, as attribute extraction is scored (ExtractGPT, Brinkmann et al. 2024).

    Of each facet the likeliest tag counts, and it's right if its text is that of any gold tag of the facet, wherever it
    stands. Gold values that are not in the text count too, as missed.

    examples (Iterable[Example]): Docs with predicted and with gold tags.
    RETURNS (Dict[str, Optional[float]]): ``values_p``, ``values_r``, ``values_f``; None where there is neither gold nor
        prediction.
    """
    right = predicted = wanted = 0
    for example in examples:
        gold: Dict[str, Set[str]] = {}
        for tag in get_tags(example.reference):
            gold.setdefault(tag.facet, set()).add(tag.raw or tag.text)
        best: Dict[str, Tag] = {}
        for tag in get_tags(example.predicted):
            if tag.source == "span" and (tag.facet not in best or tag.score > best[tag.facet].score):
                best[tag.facet] = tag
        # As it stood in the text, whatever it was renamed to.
        right += sum((tag.raw or tag.text) in gold.get(facet, ()) for facet, tag in best.items())
        predicted += len(best)
        wanted += len(gold)
    if not predicted and not wanted:
        return dict.fromkeys(("values_p", "values_r", "values_f"))
    precision, recall = right / max(predicted, 1), right / max(wanted, 1)
    fscore = 2 * right / max(predicted + wanted, 1)
    return {"values_p": precision, "values_r": recall, "values_f": fscore}


def make_tag_scorer() -> Callable[..., Dict[str, Any]]:
    """Make the scorer `spacy-product-tags.tag_scorer.v1`. RETURNS (Callable): `score_tags`."""
    return score_tags
