"""Which tags may overlap: read off the training data, and kept to when tags are chosen."""
from bisect import bisect_left, bisect_right
from collections import Counter
from typing import Iterable, List, Sequence, Set, Tuple

from spacy.training import Example

from ..tag import span_tags

OVERLAPS = ("none", "nested", "any")
# Overlaps in the training data that are rarer than this are slips: one crossing pair among 7,342 tags of OA-Mine, taken
# at its word, cost 1.4 points of F1.
_SLIPS = 0.005


def is_inside(ranges: Sequence[Tuple[int, int]], start: int, end: int) -> bool:
    """Say whether a span lies in one of some ranges, in order and apart. RETURNS (bool): True = it does."""
    at = bisect_right(ranges, start, key=_first)
    return at > 0 and end <= ranges[at - 1][1]


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
        spans = sorted((tag.start, -tag.end) for tag in tags)
        facets.update(tag.facet for tag in tags)
        widths.update(tag.end - tag.start for tag in tags)
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
