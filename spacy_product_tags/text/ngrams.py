"""Hashed n-grams of texts: of words, of letters within words, and of characters across them."""
from typing import List, Sequence, Tuple

import numpy as np

from .chars import DIGIT, SubstringHash, classify, code_points, doc_index, run_bounds
from .folding import fold_points


def hash_ngrams(
    texts: Sequence[str],
    buckets: int,
    *,
    words: Sequence[int] = (),
    letters: Sequence[int] = (),
    chars: Sequence[int] = (),
) -> Tuple[np.ndarray, np.ndarray]:
    """Hash the n-grams of texts; ASCII case and full-width forms make no difference.

    texts (Sequence[str]): The texts.
    buckets (int): Size of the table.
    words (Sequence[int]): Lengths in words: a run of letters, a run of digits, one Han character, kana or hangul.
    letters (Sequence[int]): Lengths in letters or digits within a run of them.
    chars (Sequence[int]): Lengths in characters, blanks and all.
    RETURNS (Tuple[ndarray, ndarray]): (G,) hashes in [0, buckets) and (G,) places of their first characters, counted
        over the texts one after the other.
    """
    points = fold_points(code_points(texts))  # (T,)
    owner = doc_index(texts)  # (T,)
    place = np.arange(len(points))  # (T,)
    kinds = classify(points)  # (T,)
    run_starts, run_ends = run_bounds(kinds, owner)  # (T,) each
    first = np.flatnonzero((run_starts == place) & (kinds >= DIGIT))  # (W,)
    last = run_ends[first]  # (W,)
    hashes = SubstringHash(points)
    found: List[np.ndarray] = [np.zeros(0, np.int64)]
    places: List[np.ndarray] = [np.zeros(0, np.int64)]
    # The seeds tell kinds and lengths apart.
    for size in words:
        start, end = first[: max(len(first) - size + 1, 0)], last[size - 1 :]  # (W - size + 1,) each
        same = owner[start] == owner[end - 1]
        found.append(hashes(start[same], end[same], buckets, size))
        places.append(start[same])
    for size in letters:
        start = place[run_ends - place >= size]  # (S,)
        found.append(hashes(start, start + size, buckets, 16 + size))
        places.append(start)
    for size in chars:
        start = place[: max(len(points) - size + 1, 0)]  # (T - size + 1,)
        start = start[owner[start] == owner[start + size - 1]]
        found.append(hashes(start, start + size, buckets, 32 + size))
        places.append(start)
    return np.concatenate(found), np.concatenate(places)
