"""`NameMatcher`: compares stretches of a title with the names of categories, so that none needs an example.

Each category is scored by the stretch that is most like its names (MaxSim: ColBERT, Khattab and Zaharia 2020). A
category's score says nothing of the others, so adding some changes no other.
"""
from typing import List, NamedTuple, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..text.chars import DIGIT, LETTER, SPACE, classify, code_points, doc_index, run_bounds

N_FEATURES = 9
# Of these, the place of a stretch's length.
LENGTH = 3
_HIDDEN = 128
# So that vectors of length one move a layer as much as the features do.
_SPAN_SCALE = 4.0
# What a perfect match is worth, before training.
_MATCH = 25.0
# Titles are short; what stands far behind is no title.
_MOST_WORDS = 64
# Stretches of a title that are compared, those of most weight; what the comparison costs grows with them.
_MOST_STRETCHES = 48
# No name is so long, in characters.
_MOST_LETTERS = 80
# What may stand within a name, beside blanks.
_INSIDE = np.array([ord(char) for char in "-‐‑'’&·"])


class Stretches(NamedTuple):
    """Stretches of words in titles.

    texts (List[str]): What each says.
    features (np.ndarray): float32 (S, F).
    counts (np.ndarray): (B,) stretches of each title, which stand one title after the other.
    """

    texts: List[str]
    features: np.ndarray
    counts: np.ndarray


def find_stretches(titles: Sequence[str], most: int) -> Stretches:
    """List the stretches of words that may be names: digits stand at neither end, and between words only blanks,
    hyphens, apostrophes, ampersands and middle dots.

    One Han character, kana or hangul is a word.

    titles (Sequence[str]): The titles.
    most (int): Words in the longest.
    RETURNS (Stretches): The stretches.
    """
    points = code_points(titles)  # (T,)
    kinds = classify(points)  # (T,)
    owner = doc_index(titles)  # (T,)
    run_starts, run_ends = run_bounds(kinds, owner)  # (T,) each
    first = np.flatnonzero((run_starts == np.arange(len(kinds))) & (kinds >= DIGIT))  # (W,)
    of = owner[first]  # (W,)
    words = np.bincount(of, minlength=len(titles))  # (B,)
    number = np.arange(len(first)) - np.repeat(np.cumsum(words) - words, words)  # (W,) place in the title
    start = np.repeat(np.arange(len(first)), most)  # (W * most,)
    end = start + np.tile(np.arange(most), len(first))  # (W * most,) last word
    inside = (end < len(first)) & (number[start] < _MOST_WORDS)
    start, end = start[inside], end[inside]
    breaks = np.cumsum(np.append(0, (kinds < DIGIT) & (kinds != SPACE) & ~np.isin(points, _INSIDE)))  # (T + 1,)
    inside = (of[start] == of[end]) & (breaks[first[start]] == breaks[first[end]])
    inside &= (kinds[first[start]] != DIGIT) & (kinds[first[end]] != DIGIT)
    inside &= run_ends[first[end]] - first[start] <= _MOST_LETTERS
    start, end = start[inside], end[inside]  # (S,) each
    low, high = first[start], run_ends[first[end]]  # (S,) each
    total = words[of[start]]  # (S,)
    whole = kinds[low] > LETTER  # (S,) scripts without blanks
    # What stands in other titles of the batch says nothing.
    walls = np.append(owner, -1)  # (T + 1,)
    joins = np.append(kinds >= DIGIT, False)  # (T + 1,)
    alone_before = (walls[low - 1] != of[start]) | ~joins[low - 1]  # (S,)
    alone_behind = (walls[high] != of[start]) | ~joins[high]  # (S,)
    features = np.stack(
        [
            number[start] / total,
            (number[end] + 1) / total,
            np.where(whole, 0, (number[end] + 1) / total),
            (number[end] - number[start] + 1) / most,
            number[start] == 0,
            number[end] + 1 == total,
            whole,
            alone_before,
            alone_behind,
        ],
        axis=1,
    )
    joined, texts = "".join(titles), []
    for begin, stop in zip(low.tolist(), high.tolist()):
        texts.append(joined[begin:stop])
    counts = np.bincount(of[start], minlength=len(titles))  # (B,)
    return Stretches(texts, features.astype(np.float32), counts)


class NameMatcher(nn.Module):
    """Score titles against the names of categories.

    width (int): Size E of the vectors of names.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(nn.Linear(width + N_FEATURES, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1))
        nn.init.zeros_(self.weigh[2].weight)
        nn.init.zeros_(self.weigh[2].bias)
        self.log_scale = nn.Parameter(torch.zeros(1))

    def forward(self, stretches: Tensor, features: Tensor, counts: Sequence[int], names: Tensor) -> Tensor:
        """Score a batch.

        stretches (Tensor): (S, E) name vectors of the titles' stretches.
        features (Tensor): (S, F) their features.
        counts (Sequence[int]): (B,) stretches of each title.
        names (Tensor): (T, E) name vectors of the categories, of length one.
        RETURNS (Tensor): (B, T); zeros where a title has no stretch.
        """
        weights = self.weigh(torch.cat([stretches * _SPAN_SCALE, features], dim=1))  # (S, 1)
        query = stretches * (_MATCH * self.log_scale.exp())  # (S, E)
        # Of equal weight, which before training all are, short ones come first: most names are short.
        order = weights.detach().squeeze(1) - 0.001 * features[:, LENGTH]  # (S,)
        # Half the time, and about 0.1 of 25 off.
        if not self.training and names.device.type == "cpu" and has_fast_bfloat16():
            query, names, weights = query.bfloat16(), names.bfloat16(), weights.bfloat16()
        # In the graph, though without a gradient, as a batch may have no stretch at all.
        nothing = names.new_zeros(len(names)) + 0 * self.log_scale.to(names.dtype)  # (T,)
        # Where nothing is learnt, one place for the scores of title after title: fresh memory takes its time.
        place = None if torch.is_grad_enabled() else names.new_empty(_MOST_STRETCHES, len(names))
        scores = []
        # By title: all stretches by all categories would not fit into memory.
        for rows, weight, rank in zip(*(each.split(list(counts)) for each in (query, weights, order))):
            if len(rows) > _MOST_STRETCHES:
                best = rank.argsort(descending=True, stable=True)[:_MOST_STRETCHES]  # (K,)
                rows, weight = rows[best], weight[best]
            out = None if place is None else place[: len(rows)]
            scores.append(torch.addmm(weight, rows, names.T, out=out).amax(dim=0) if len(rows) else nothing)  # (T,)
        return torch.stack(scores).float()


def has_fast_bfloat16() -> bool:
    """Say whether the processor multiplies bfloat16 itself. RETURNS (bool): False where it would only emulate it."""
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(check and check())
