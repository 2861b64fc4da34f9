"""Clues: what is known of each character before the encoder has read it, from preprocessing and from a lexicon.

Where a word begins and ends, its part of speech, whether it is a promotion word, and in which known values of which
facet it stands (SoftLexicon, Ma et al. 2020: the places B, M, E and S of a match, here of the longest one). Known
values are masked in training, or the head would learn the lexicon by heart and trust nothing else.
"""
import gzip
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from spacy.attrs import POS
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc
from thinc.api import Shim

from ..encoders.pieces import list_chars, text_starts, token_offsets
from ..graphemes import inside_clusters
from ..saving import seal, unseal
from ..text.chars import classify, code_points, doc_index
from ..text.folding import fold_in_place
from ..text.promotions import SPANS_KEY
from .alias_spans import KnownTexts

# What there is: word boundaries, parts of speech, promotion words, known values.
KINDS = ("words", "pos", "promotions", "lexicon")
# Places in a word: first, within, last, alone.
_FIRST, _WITHIN, _LAST, _ALONE = range(4)
_PLACES = 4
# Known values are no longer than this, in characters.
_WIDEST = 64
_POS = {number: row for row, number in enumerate(sorted(POS_IDS.values()))}


class Clues(NamedTuple):
    """Clues of a batch, several to a character or none.

    chars (np.ndarray): (K,) characters, counted over the batch, ascending.
    rows (np.ndarray): (K,) what is known of each, as a row of the head's table.
    """

    chars: np.ndarray
    rows: np.ndarray


class Lexicon(Shim):
    """Known values by facet. A thinc shim, so that it's saved with the model; nothing is learnt.

    words (Mapping[str, Sequence[str]]): Values by facet; "" = of no facet.
    """

    def __init__(self, words: Mapping[str, Sequence[str]] = {}) -> None:  # noqa: B006
        super().__init__(None)
        self._set({})
        self.add(words)

    def _set(self, words: Mapping[str, Iterable[str]]) -> None:
        facets: Dict[str, Tuple[str, ...]] = {}
        for facet in sorted(words):
            for word in words[facet]:
                if word:
                    facets[word] = (*facets.get(word, ()), facet)
        # At once: other threads may be reading.
        self._known = facets, KnownTexts(facets)

    @property
    def words(self) -> Dict[str, List[str]]:
        """RETURNS (Dict[str, List[str]]): The folded values by facet, sorted."""
        words: Dict[str, List[str]] = {}
        for word, facets in self._known[0].items():
            for facet in facets:
                words.setdefault(facet, []).append(word)
        return {facet: sorted(words[facet]) for facet in sorted(words)}

    def add(self, words: Mapping[str, Iterable[str]]) -> None:
        """Add values, which count from the next text on.

        words (Mapping[str, Iterable[str]]): Values by facet.
        """
        merged: Dict[str, set] = {facet: set(each) for facet, each in self.words.items()}
        for facet, each in words.items():
            merged.setdefault(facet, set()).update(fold_in_place(word).strip() for word in each)
        self._set(merged)

    def find(self, texts: Sequence[str]) -> Tuple[np.ndarray, List[Tuple[str, ...]]]:
        """Find the longest known values in texts.

        texts (Sequence[str]): The texts.
        RETURNS (Tuple[np.ndarray, List[Tuple[str, ...]]]): (N, 2) first and last characters, counted over the texts, by
            start; and the facets of each.
        """
        facets, finder = self._known
        if not facets:
            return np.zeros((0, 2), dtype=np.int64), []
        folded = fold_in_place("".join(texts))
        kinds = classify(code_points(texts))  # (T,)
        pairs = finder.find(folded, kinds, doc_index(texts), _WIDEST, inside_clusters(texts))
        return pairs, [facets[folded[first : last + 1]] for first, last in pairs.tolist()]

    def to_bytes(self) -> bytes:
        """Save the values. RETURNS (bytes): Compressed lines of facet, tab, value."""
        lines = "".join(f"{facet}\t{word}\n" for facet, each in self.words.items() for word in each)
        return seal(gzip.compress(lines.encode("utf8"), mtime=0))

    def from_bytes(self, bytes_data: bytes) -> "Lexicon":
        """Read what `to_bytes` gave. RETURNS (Lexicon): Itself. RAISES (ValueError): Where it's damaged."""
        words: Dict[str, List[str]] = {}
        try:
            lines = gzip.decompress(unseal(bytes_data, "the lexicon")).decode("utf8").split("\n")
            for line in lines[:-1]:
                facet, word = line.split("\t")
                words.setdefault(facet, []).append(word)
        except (OSError, EOFError, ValueError) as err:
            raise ValueError(f"the lexicon is damaged ({err})") from err
        self._set(words)
        return self

    def finish_update(self, optimizer: Any) -> None:
        """Learn nothing."""


def count_rows(kinds: Sequence[str], facets: int) -> int:
    """Count the rows of the table of clues. RETURNS (int): 0 where there are none."""
    sizes = {"words": _PLACES, "pos": len(_POS), "promotions": 1, "lexicon": _PLACES * (1 + facets)}
    return sum(sizes[kind] for kind in kinds)


def find_clues(
    docs: Sequence[Doc],
    kinds: Sequence[str],
    lexicon: Optional[Lexicon] = None,
    facets: Mapping[str, int] = {},  # noqa: B006
    masked: float = 0.0,
) -> Clues:
    """Collect the clues of a batch.

    docs (Sequence[Doc]): The batch.
    kinds (Sequence[str]): Which, of `KINDS`.
    lexicon (Optional[Lexicon]): The known values, where "lexicon" is one of them.
    facets (Mapping[str, int]): Numbers of the lexicon's facets from 1; values of others count as of none, which is 0.
    masked (float): Share of the found values to pass over.
    RETURNS (Clues): The clues.
    """
    parts = [_NOTHING]
    base = 0
    for kind in kinds:
        if kind == "words":
            chars, rows = _place(*_tokens(docs))
        elif kind == "pos":
            chars, rows = _find_tags(docs)
        elif kind == "promotions":
            chars, rows = _find_promoted(docs)
        else:
            chars, rows = _find_known(docs, lexicon or Lexicon(), facets, masked)
        parts.append((chars, base + rows))
        base += count_rows([kind], len(facets))
    chars, rows = (np.concatenate(column) for column in zip(*parts))
    order = np.argsort(chars, kind="stable")
    return Clues(chars[order], rows[order])


_NOTHING = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _tokens(docs: Sequence[Doc]) -> Tuple[np.ndarray, np.ndarray]:
    """Give the tokens of a batch. RETURNS (Tuple[np.ndarray, np.ndarray]): (W,) starts and (W,) ends in the batch."""
    parts = [_NOTHING]
    for doc, begin in zip(docs, text_starts(docs)):
        starts, ends = token_offsets(doc)
        parts.append((starts + begin, ends + begin))
    starts, ends = (np.concatenate(column) for column in zip(*parts))
    return starts, ends


def _find_tags(docs: Sequence[Doc]) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): (K,) characters of tokens, and the row of the part of speech of each."""
    tags = np.array([_POS.get(number, 0) for doc in docs for number in doc.to_array([POS]).ravel().tolist()], np.int64)
    chars, token = list_chars(*_tokens(docs))
    return chars, tags[token]


def _find_promoted(docs: Sequence[Doc]) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): (K,) characters of promotion words, and zeros."""
    pairs = [
        (span.start_char + begin, span.end_char + begin)
        for doc, begin in zip(docs, text_starts(docs))
        for span in doc.spans.get(SPANS_KEY, ())
    ]
    starts, ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    chars, _ = list_chars(starts, ends)
    return chars, np.zeros(len(chars), dtype=np.int64)


def _find_known(
    docs: Sequence[Doc], lexicon: Lexicon, facets: Mapping[str, int], masked: float
) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): (K,) characters of known values, and rows by facet and place."""
    pairs, found = lexicon.find([doc.text for doc in docs])
    kept = np.arange(len(pairs))
    if masked:
        kept = np.flatnonzero(np.random.random(len(pairs)) >= masked)
    value = kept.repeat([len(found[number]) for number in kept])  # (V,) once for each of its facets
    codes = np.array([facets.get(facet, 0) for number in kept for facet in found[number]], dtype=np.int64)  # (V,)
    return _place(pairs[value, 0], pairs[value, 1] + 1, _PLACES * codes)


def _place(
    starts: np.ndarray, ends: np.ndarray, rows: Optional[np.ndarray] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """Say of each character of spans where in them it stands, from each span's row on; None = from 0.

    RETURNS (Tuple[np.ndarray, np.ndarray]): (K,) characters and rows.
    """
    chars, span = list_chars(starts, ends)
    is_first, is_last = chars == starts[span], chars == ends[span] - 1
    place = np.select([is_first & is_last, is_first, is_last], [_ALONE, _FIRST, _LAST], _WITHIN)
    return chars, place if rows is None else rows[span] + place
