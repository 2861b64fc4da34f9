"""Where a value may stand: known texts, and runs of tokens."""
from typing import Iterable, Sequence

import numpy as np
from spacy.attrs import IS_STOP
from spacy.tokens import Doc

from ..encoders.pieces import text_starts, token_offsets
from ..graphemes import inside_clusters
from ..text.chars import SubstringHash, code_points, run_bounds
from ..text.promotions import find_promotions

_BUCKETS = 2**62
# Classes of characters up to this one, control characters, blanks and signs, neither start nor end a tag.
_SIGN = 2


class KnownTexts:
    """Find known texts in a batch of texts, all at once.

    texts (Iterable[str]): The known texts, folded, none empty.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = set(texts)
        joined = sorted(self.texts)
        lengths = np.array([len(text) for text in joined], dtype=np.int64)  # (K,)
        ends = np.cumsum(lengths)
        hashes = SubstringHash(code_points(joined))(ends - lengths, ends, _BUCKETS, 0)  # (K,)
        self.hashes = {int(length): np.sort(hashes[lengths == length]) for length in np.unique(lengths)}

    def find(self, text: str, kinds: np.ndarray, doc: np.ndarray, widest: int, inside: np.ndarray) -> np.ndarray:
        """Find those that don't cut through a Latin word, a number or a character, nor lie in a longer one.

        text (str): The texts of the batch, folded, one after the other.
        kinds (ndarray): (T,) character classes.
        doc (ndarray): (T,) text number of each character.
        widest (int): Most characters.
        inside (ndarray): (T,) from `inside_clusters`.
        RETURNS (ndarray): (N, 2) first and last characters, by start.
        """
        hashed = SubstringHash(code_points([text]))
        begins, stops = run_bounds(kinds, doc)
        each = np.arange(len(text))
        starts = np.flatnonzero((begins == each) & ~inside)
        is_end = (stops == each + 1) & ~np.append(inside[1:], False)
        found = [np.zeros((0, 2), dtype=np.int64)]
        for length, hashes in self.hashes.items():
            if length > widest:
                continue
            first = starts[: np.searchsorted(starts, len(text) - length, side="right")]
            first = first[is_end[first + length - 1] & (doc[first] == doc[first + length - 1])]
            own = hashed(first, first + length, _BUCKETS, 0)
            first = first[hashes[np.minimum(np.searchsorted(hashes, own), len(hashes) - 1)] == own]
            found.append(np.stack([first, first + length - 1], axis=1))
        pairs = np.concatenate(found)
        # Two texts may share a hash.
        real = [text[first : last + 1] in self.texts for first, last in pairs.tolist()]
        pairs = pairs[np.array(real, dtype=bool)]
        pairs = pairs[np.lexsort((-pairs[:, 1], pairs[:, 0]))]
        reach = np.maximum.accumulate(pairs[:, 1])
        return pairs[np.append(True, reach[:-1] < pairs[1:, 1])[: len(pairs)]]


def find_runs(docs: Sequence[Doc], kinds: np.ndarray, max_tokens: int, widest: int) -> np.ndarray:
    """Give all runs of tokens that neither start nor end with a stop word, a promotion word, a sign or a blank.

    docs (Sequence[Doc]): The batch.
    kinds (ndarray): (T,) character classes.
    max_tokens (int): Most tokens.
    widest (int): Most characters.
    RETURNS (ndarray): (N, 2) first and last characters, by start.
    """
    begins = text_starts(docs)
    offsets = [token_offsets(doc) for doc in docs]
    counts = [len(doc) for doc in docs]
    shift = np.repeat(begins[:-1], counts)  # (W,)
    first = np.concatenate([starts for starts, _ in offsets]) + shift  # (W,)
    last = np.concatenate([ends for _, ends in offsets]) + shift - 1  # (W,)
    stop = np.concatenate([doc.to_array([IS_STOP]).ravel() for doc in docs]).astype(bool)  # (W,)
    promoted = np.zeros(len(kinds), dtype=bool)
    for doc, begin in zip(docs, begins):
        for start, end in find_promotions(doc.text, doc.vocab.lang or ""):
            promoted[begin + start : begin + end] = True
    good = (kinds > _SIGN) & ~promoted  # (T,)
    inside = np.append(inside_clusters([doc.text for doc in docs]), False)  # (T + 1,)
    opens, closes = good[first] & ~stop & ~inside[first], good[last] & ~stop & ~inside[last + 1]  # (W,) each
    number = np.repeat(np.arange(len(docs)), counts)  # (W,)
    found = [np.zeros((0, 2), dtype=np.int64)]
    for more in range(min(max_tokens, len(first))):
        end = len(first) - more
        keep = opens[:end] & closes[more:] & (number[:end] == number[more:]) & (last[more:] - first[:end] < widest)
        found.append(np.stack([first[:end][keep], last[more:][keep]], axis=1))
    runs = np.concatenate(found)
    return runs[np.lexsort((runs[:, 1], runs[:, 0]))]


def overlap_any(runs: np.ndarray, others: np.ndarray, size: int) -> np.ndarray:
    """Say which runs share a character with one of the others. RETURNS (ndarray): (N,) True = it does."""
    edges = np.zeros(size + 1, dtype=np.int64)
    np.add.at(edges, others[:, 0], 1)
    np.add.at(edges, others[:, 1] + 1, -1)
    taken = np.append(0, np.cumsum(np.cumsum(edges)[:size] > 0))  # (1 + T,)
    return taken[runs[:, 1] + 1] > taken[runs[:, 0]]
