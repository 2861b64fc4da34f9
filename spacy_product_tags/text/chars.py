"""Character features of a text as arrays, computed for a whole batch at once."""
from typing import List, Sequence

import numpy as np

# Half-open code point ranges and their class; the classes are what title writers switch between.
_RANGES = [
    (0x00, 0), (0x09, 1), (0x0E, 0), (0x20, 1), (0x21, 2), (0x30, 3), (0x3A, 2), (0x41, 4), (0x5B, 2), (0x61, 5),
    (0x7B, 2), (0x7F, 0), (0xA0, 1), (0xA1, 2), (0xC0, 6), (0xD7, 2), (0xD8, 6), (0xF7, 2),
    (0xF8, 6), (0x2000, 1), (0x200B, 2), (0x3000, 1), (0x3001, 2),
    (0x3040, 7), (0x3100, 8), (0xA000, 6), (0xAC00, 9), (0xD7B0, 6), (0xF900, 8), (0xFB00, 6), (0xFE30, 2), (0xFE70, 6),
    (0xFF01, 2), (0xFF10, 3), (0xFF1A, 2), (0xFF21, 4), (0xFF3B, 2), (0xFF41, 5), (0xFF5B, 2), (0xFF66, 7), (0xFFA0, 9),
    (0xFFE0, 2), (0x10000, 6), (0x1F000, 2), (0x20000, 8), (0x40000, 6),
]  # fmt: skip
_STARTS = np.array([start for start, _ in _RANGES], dtype=np.int64)
_CLASSES = np.array([kind for _, kind in _RANGES], dtype=np.int64)
N_CLASSES = 10
SPACE, DIGIT, UPPER, LOWER, LETTER = 1, 3, 4, 5, 6
# Any odd multiplier works; this one is from Knuth's multiplicative hashing, its inverse mod 2**64 undoes a shift.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)


def code_points(texts: Sequence[str]) -> np.ndarray:
    """Give the code points of all texts, one after the other.

    texts (Sequence[str]): The texts; lone surrogates are kept.
    RETURNS (ndarray): (T,) int64, T = characters in all.
    """
    raw = "".join(texts).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(raw, dtype="<u4").astype(np.int64)


def classify(points: np.ndarray) -> np.ndarray:
    """Give each character's class: space, punctuation, digit, upper, lower, other letter, kana, CJK, hangul, control.

    points (ndarray): (T,) code points.
    RETURNS (ndarray): (T,) int64 in [0, N_CLASSES).
    """
    return _CLASSES[np.searchsorted(_STARTS, points, side="right") - 1]  # (T,)


def run_bounds(kinds: np.ndarray, doc_of_char: np.ndarray) -> "tuple[np.ndarray, np.ndarray]":
    """Find the run of Latin letters or of digits that each character stands in; other characters stand alone.

    kinds (ndarray): (T,) classes from `classify`.
    doc_of_char (ndarray): (T,) text number of each character.
    RETURNS (tuple[ndarray, ndarray]): (T,) start and (T,) end of the run of each character.
    """
    if not len(kinds):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    group = np.where((kinds == UPPER) | (kinds == LETTER), LOWER, kinds)
    joined = (group == LOWER) | (group == DIGIT)
    new = np.ones(len(kinds), dtype=bool)
    new[1:] = (group[1:] != group[:-1]) | ~joined[1:] | (doc_of_char[1:] != doc_of_char[:-1])
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(kinds))
    run = np.cumsum(new) - 1  # (T,)
    return starts[run], ends[run]


class SubstringHash:
    """Hash any substring of a batch of texts in O(1), by a polynomial prefix hash mod 2**64 (Karp and Rabin, 1987).

    points (ndarray): (T,) code points of all texts, one after the other.
    """

    def __init__(self, points: np.ndarray) -> None:
        size = len(points)
        powers = np.ones(size + 1, dtype=np.uint64)
        inverses = np.ones(size + 1, dtype=np.uint64)
        # The wrap-around of unsigned multiplication is the modulus.
        powers[1:] = np.multiply.accumulate(np.full(size, _BASE, dtype=np.uint64))
        inverses[1:] = np.multiply.accumulate(np.full(size, _INVERSE, dtype=np.uint64))
        self.prefix = np.zeros(size + 1, dtype=np.uint64)
        self.prefix[1:] = np.cumsum((points.astype(np.uint64) + np.uint64(1)) * powers[:-1])
        self.inverses = inverses

    def __call__(self, starts: np.ndarray, ends: np.ndarray, buckets: int, seed: int) -> np.ndarray:
        """Hash the substrings [start, end).

        starts (ndarray): (N,) first characters.
        ends (ndarray): (N,) characters behind the last.
        buckets (int): Size of the table.
        seed (int): Tells feature kinds apart.
        RETURNS (ndarray): (N,) int64 in [0, buckets).
        """
        value = (self.prefix[ends] - self.prefix[starts]) * self.inverses[starts]
        value ^= np.uint64(seed * 0xC2B2AE3D27D4EB4F % 2**64)
        # Mix the high bits into the low ones (the finalizer of MurmurHash3).
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xFF51AFD7ED558CCD)
        value ^= value >> np.uint64(33)
        return (value % np.uint64(buckets)).astype(np.int64)


def doc_index(texts: Sequence[str]) -> np.ndarray:
    """Give the text number of each character. RETURNS (ndarray): (T,) int64."""
    lengths: List[int] = [len(text) for text in texts]
    return np.repeat(np.arange(len(lengths)), lengths)
