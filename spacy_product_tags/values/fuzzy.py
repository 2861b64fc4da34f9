"""Find keys that are written almost alike: shared pieces narrow them down, rapidfuzz scores what is left."""
from functools import cache, partial
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set, Tuple

import numpy as np

# From here on a character says as much as several Latin letters do: pieces are of two characters, not three.
_WIDE = 0x2E80
_PAIR = np.uint64(1 << 63)
# What a query looks at: pieces that more keys share say little and cost much.
_MAX_POSTINGS = 20_000
_MIN_PIECES = 3
# How many keys are scored.
_MAX_SCORED = 64


def build_postings(keys: Sequence[str]) -> Dict[str, np.ndarray]:
    """Index keys by their pieces.

    keys (Sequence[str]): The keys, short ones first.
    RETURNS (Dict[str, np.ndarray]): Arrays by name: `gram_codes` (the pieces, sorted), `gram_starts` (where each one's
        keys start), `gram_keys` (numbers of the keys that hold it, in order), `key_grams` (how many pieces a key has)
        and `key_blocks` (the first key of each length).
    """
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    codes, at = _grams("".join(f"\0{key}\0" for key in keys))
    pairs = np.stack((codes, np.repeat(np.arange(len(keys), dtype=np.uint64), lengths + 2)[at]))
    pairs = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    if pairs.shape[1]:
        # A piece counts once in a key.
        pairs = pairs[:, np.append(True, np.any(pairs[:, 1:] != pairs[:, :-1], axis=0))]
    gram_codes, starts = np.unique(pairs[0], return_index=True)
    sizes = np.bincount(pairs[1].astype(np.int64), minlength=len(keys))
    return {
        "gram_codes": gram_codes,
        "gram_starts": np.append(starts, pairs.shape[1]).astype(np.int64),
        "gram_keys": pairs[1].astype(np.int32),
        "key_grams": sizes.astype(np.int32),
        "key_blocks": np.searchsorted(lengths, np.arange((int(lengths[-1]) if len(keys) else 0) + 2)).astype(np.int64),
    }


def _grams(text: str) -> Tuple[np.ndarray, np.ndarray]:
    """Cut keys that stand between NULs into pieces. RETURNS (Tuple[np.ndarray, np.ndarray]): Pieces; where each starts.

    Three letters are a piece, and two characters where one is Han, kana or Hangul, or the key's start or end.
    """
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    bound, wide = points == 0, points >= _WIDE
    first, second = points[:-1], points[1:]
    loose = (bound | wide)[:-1] | (bound | wide)[1:]
    two = np.flatnonzero(loose & ~(bound[:-1] & bound[1:]))
    three = np.flatnonzero(~(wide[:-2] | wide[1:-1] | wide[2:] | bound[1:-1]))
    shift = np.uint64(21)
    pairs = _PAIR | (first[two] << shift) | second[two]
    triples = (points[three] << (shift + shift)) | (points[three + 1] << shift) | points[three + 2]
    return np.concatenate((pairs, triples)), np.concatenate((two, three))


def narrow(arrays: Mapping[str, np.ndarray], query: str, min_score: float) -> np.ndarray:
    """Pick the keys that are worth scoring.

    arrays (Mapping[str, np.ndarray]): What `build_postings` made.
    query (str): The key to look for.
    min_score (float): The least score of interest, which bounds the length of what can reach it.
    RETURNS (np.ndarray): Numbers of keys, in order.
    """
    low, high = _block_range(arrays["key_blocks"], len(query), min_score)
    codes = np.array(sorted(query_grams(query)), dtype=np.uint64)
    known = arrays["gram_codes"]
    found = np.searchsorted(known, codes)
    # Those behind the last are the last, as both are sorted.
    found = found[found < len(known)]
    found = found[known[found] == codes[: len(found)]]
    starts, postings = arrays["gram_starts"], arrays["gram_keys"]
    # Of the postings' type, or each list would be copied to be searched.
    bounds = np.array((low, high), dtype=postings.dtype)
    lists = []
    for start, end in zip(starts[found].tolist(), starts[found + 1].tolist()):
        keys = postings[start:end]
        first, last = keys.searchsorted(bounds).tolist()
        if first < last:
            lists.append(keys[first:last])
    lists.sort(key=len)
    counts = np.zeros(high - low, dtype=np.uint8)
    total = looked = 0
    for keys in lists[:255]:
        total += len(keys)
        if total > _MAX_POSTINGS and looked >= _MIN_PIECES:
            break
        counts[keys - low] += 1
        looked += 1
    # Most keys share one piece by chance: they are looked at only where few share more.
    keys = np.flatnonzero(counts > 1) if looked > 1 else np.zeros(0, dtype=np.int64)
    if len(keys) < _MAX_SCORED:
        keys = np.flatnonzero(counts)
    if len(keys) > _MAX_SCORED:
        # Dice's coefficient, whole as far as the pieces looked at go.
        likeness = counts[keys] / (arrays["key_grams"][keys + low] + len(codes))
        keys = np.sort(keys[np.argpartition(-likeness, _MAX_SCORED)[:_MAX_SCORED]])
    return keys + low


def query_grams(query: str) -> Set[int]:
    """Cut one key into pieces, which `build_postings` does for all at once. RETURNS (Set[int]): The pieces."""
    points = [0, *map(ord, query), 0]
    grams = set()
    for place in range(len(points) - 1):
        first, second = points[place : place + 2]
        if (first or second) and (not first or not second or max(first, second) >= _WIDE):
            grams.add(1 << 63 | first << 21 | second)
    for place in range(len(points) - 2):
        first, second, third = points[place : place + 3]
        if second and max(first, second, third) < _WIDE:
            grams.add(first << 42 | second << 21 | third)
    return grams


def _block_range(blocks: np.ndarray, length: int, min_score: float) -> Tuple[int, int]:
    """RETURNS (Tuple[int, int]): First and last + 1 of the keys that are neither too short nor too long."""
    # With l shared characters of a and b the score is 2 l / (a + b), and l is at most the shorter one's length.
    ratio = min_score / (2 - min_score)
    shortest = int(np.ceil(length * ratio - 1e-9))
    longest = int(min(length / ratio + 1e-9, len(blocks))) if ratio else len(blocks)
    return int(blocks[min(shortest, len(blocks) - 1)]), int(blocks[min(longest + 1, len(blocks) - 1)])


def score(query: str, keys: Sequence[str], min_score: float) -> List[Tuple[float, int]]:
    """Score keys by the characters that they share with a query in order (`rapidfuzz.fuzz.ratio`).

    query (str): The key to look for.
    keys (Sequence[str]): The keys.
    min_score (float): The least score.
    RETURNS (List[Tuple[float, int]]): Score from 0 to 1 and position of each key that reaches it.
    """
    # rapidfuzz rounds: it loses scores that are the cut-off itself.
    found = _extract()(query, keys, score_cutoff=max(min_score - 1e-6, 0), limit=None)
    return [(likeness, position) for _, likeness, position in found if likeness >= min_score]


@cache
def _extract() -> Callable[..., Any]:
    # rapidfuzz is imported by the first look-up that needs it.
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import extract

    return partial(extract, scorer=Indel.normalized_similarity)
