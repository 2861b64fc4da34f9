"""Which spans become tags: the likely ones, of those that may not overlap the likelier."""
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from typing import Iterable, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Ops

from ...graphemes import cluster_starts, fit_span, without_invisible
from ...heads.span_head import SpanScores
from ...tag import Tag, span_tags
from ...text.html import markup_spans
from ...text.promotions import find_promotions
from ..rounding import certainty, rounded

OVERLAPS = ("none", "nested", "any")
# Overlaps in the training data that are rarer than this are slips: one crossing pair among 7,342 tags of OA-Mine, taken
# at its word, cost 1.4 points of F1.
_SLIPS = 0.005
# Facets that are nearly as likely as the likeliest of their span (this share of it), and together this likely, are all
# facets of it. Two of one span, as in training, share its probability about evenly: a third of it is no share, and
# below nine in ten the span itself is in doubt.
_RIVAL = 0.75
_SURE = 0.9


def likely_spans(ops: Ops, scores: SpanScores, min_score: float) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pick the spans and facets that are likely.

    ops (Ops): Of the arrays in `scores`.
    scores (SpanScores): What the model gave.
    min_score (float): What is less likely than this is left out, unless it shares a sure span. Both are rounded, or a
        tag as likely as this would come and go with the batch.
    RETURNS (Tuple[ndarray, ndarray, ndarray]): (K, 2) first and last character in the batch, (K,) facet and (K,)
        probability.
    """
    xp = ops.xp
    logits = scores.facets - scores.facets.max(axis=1, keepdims=True) if len(scores.facets) else scores.facets
    chances = xp.exp(logits)  # (N, 1 + F)
    chances /= chances.sum(axis=1, keepdims=True)
    own, min_score = rounded(chances[:, 1:]), rounded(min_score)  # (N, F)
    # Facets that share a span share its probability: about equal, and together sure.
    rivals = own >= _RIVAL * own.max(axis=1, initial=0.0, keepdims=True)  # (N, F)
    together = (own * rivals).sum(axis=1, keepdims=True)  # (N, 1)
    shared = (rivals.sum(axis=1, keepdims=True) > 1) & (together >= max(_SURE, min_score))  # (N, 1)
    spans, facets = xp.nonzero((own >= min_score) | (rivals & shared))
    return ops.to_numpy(scores.pairs[spans]), ops.to_numpy(facets), ops.to_numpy(own[spans, facets])


def choose(
    docs: Sequence[Doc],
    spans: Tuple[np.ndarray, np.ndarray, np.ndarray],
    labels: Sequence[str],
    *,
    overlap: Optional[str],
    widest: int,
    keep_promotions: bool,
) -> List[List[Tag]]:
    """Make tags of likely spans, the likelier one where two may not overlap; none touches HTML markup.

    docs (Sequence[Doc]): The docs.
    spans (Tuple[ndarray, ndarray, ndarray]): From `likely_spans`.
    labels (Sequence[str]): The facets.
    overlap (Optional[str]): Which tags may overlap, of `OVERLAPS`.
    widest (int): Longest tag in characters.
    keep_promotions (bool): Whether to keep tags that are promotion words.
    RETURNS (List[List[Tag]]): The tags of each doc, in the order of the text.
    """
    pairs, facets, values = spans
    tags: List[List[Tag]] = []
    begin = 0
    for doc in docs:
        text = doc.text
        promotions = [] if keep_promotions else find_promotions(text, doc.vocab.lang or "")
        markup = markup_spans(text)
        low, high = np.searchsorted(pairs[:, 0], (begin, begin + len(text)))
        starts = cluster_starts(text)
        kept: List[Tuple[int, int, int, float]] = []
        there: Set[Tuple[int, int, int]] = set()
        order = np.argsort(-certainty(values[low:high]), kind="stable") + low
        for i in order.tolist():
            start, end = int(pairs[i, 0]) - begin, int(pairs[i, 1]) + 1 - begin
            if touches(markup, start, end):
                continue
            start, end = fit_span(text, start, end, starts)
            # Spans that differ in a blank or half a character are one.
            name = start, end, int(facets[i])
            if not 0 < end - start <= widest or name in there or is_inside(promotions, start, end):
                continue
            # A character may be wider than what the span had of it.
            if touches(markup, start, end):
                continue
            there.add(name)
            if overlap == "any":
                kept.append((*name, float(values[i])))
            elif not clashes(kept, start, end, widest, overlap == "nested"):
                insort(kept, (*name, float(values[i])))
        kept.sort()
        tags.append([_make_tag(text, span, labels) for span in kept])
        begin += len(text)
    return tags


def _make_tag(text: str, span: Tuple[int, int, int, float], labels: Sequence[str]) -> Tag:
    start, end, facet, score = span
    surface = text[start:end]
    shown = without_invisible(surface)
    return Tag(shown, labels[facet], score, start, end, raw=surface if shown != surface else "")


def is_inside(ranges: Sequence[Tuple[int, int]], start: int, end: int) -> bool:
    """Say whether a span lies in one of some ranges, in order and apart. RETURNS (bool): True = it does."""
    at = bisect_right(ranges, start, key=_first)
    return at > 0 and end <= ranges[at - 1][1]


def touches(ranges: Sequence[Tuple[int, int]], start: int, end: int) -> bool:
    """Say whether a span shares a character with one of some ranges, in order and apart. RETURNS (bool): It does."""
    at = bisect_left(ranges, end, key=_first)
    return at > 0 and start < ranges[at - 1][1]


def _first(span: Tuple[int, int]) -> int:
    return span[0]


def clashes(kept: List[Tuple[int, int, int, float]], start: int, end: int, widest: int, nested: bool) -> bool:
    """Say whether a span overlaps a kept one in a way that's not allowed.

    kept (List[Tuple[int, int, int, float]]): In order; none is wider than `widest`, so only those nearby are looked at.
    RETURNS (bool): True = it does.
    """
    for first, last, _, _ in kept[bisect_left(kept, (start - widest,)) : bisect_left(kept, (end,))]:
        if start < last and first < end:
            inside = (first <= start and end <= last) or (start <= first and last <= end)
            if not (nested and inside):
                return True
    return False


def survey(examples: Iterable[Example]) -> Tuple[Set[str], str, Counter]:
    """Read off the gold tags what there is.

    examples (Iterable[Example]): The training data.
    RETURNS (Tuple[Set[str], str, Counter]): Facets, a name of `OVERLAPS`, and how many tags have which width.
    """
    facets: Set[str] = set()
    widths: Counter = Counter()
    total = nested = crossing = 0
    for example in examples:
        tags = [tag for tag in span_tags(example.reference) if tag.facet]
        spans = sorted((start, -end) for start, end in (tag.span for tag in tags))
        facets.update(tag.facet for tag in tags)
        widths.update(-minus_end - start for start, minus_end in spans)
        open_ends: List[int] = []
        for start, minus_end in spans:
            while open_ends and open_ends[-1] <= start:
                open_ends.pop()
            if open_ends and -minus_end > open_ends[-1]:
                crossing += 1
            elif open_ends:
                nested += 1
            open_ends.append(-minus_end)
        total += len(spans)
    if crossing > _SLIPS * total:
        return facets, "any", widths
    return facets, "nested" if nested + crossing > _SLIPS * total else "none", widths
