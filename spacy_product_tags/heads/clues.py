"""Clues: what is known of each character before the encoder has read it, from preprocessing and from a lexicon.

Where a word begins and ends, its part of speech, whether it is a promotion word, and in which known values of which
facet it stands (SoftLexicon, Ma et al. 2020: the places B, M, E and S of a match, here of the longest one). Known
values are masked in training, or the head would learn the lexicon by heart and trust nothing else.
"""
import gzip
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.attrs import POS
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc
from thinc.api import Shim

from ..encoders.pieces import text_starts, token_offsets
from ..graphemes import inside_clusters
from ..saving import seal, unseal
from ..text.chars import classify, doc_index
from ..text.folding import fold_in_place
from .alias_spans import KnownTexts

# What there is: word boundaries, parts of speech, promotion words, known values.
KINDS = ("words", "pos", "promotions", "lexicon")
# Places in a word: first, within, last, alone.
_FIRST, _WITHIN, _LAST, _ALONE = range(4)
_PLACES = 4
# Known values are no longer than this, in characters.
_WIDEST = 64
_POS = {number: row for row, number in enumerate(sorted(POS_IDS.values()))}
# Key of the group of spans that the preprocessor makes.
_PROMOTIONS = "promotions"


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
        self._set({facet: {fold_in_place(word).strip() for word in each} for facet, each in words.items()})

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
        kinds = classify(np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="<u4"))
        pairs = finder.find(folded, kinds, doc_index(texts), _WIDEST, inside_clusters(list(texts)))
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
    docs: Sequence[Doc], kinds: Sequence[str], lexicon: Lexicon, facets: Mapping[str, int], masked: float = 0.0
) -> Clues:
    """Collect the clues of a batch.

    docs (Sequence[Doc]): The batch.
    kinds (Sequence[str]): Which, of `KINDS`.
    lexicon (Lexicon): The known values.
    facets (Mapping[str, int]): Numbers of the lexicon's facets from 1; values of others count as of none, which is 0.
    masked (float): Share of the found values to pass over.
    RETURNS (Clues): The clues.
    """
    begins = text_starts(docs)
    parts: List[Tuple[np.ndarray, np.ndarray]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    base = 0
    spans = [token_offsets(doc) for doc in docs] if {"words", "pos"} & set(kinds) else []
    first = np.concatenate([np.zeros(0, np.int64), *(s + b for (s, _), b in zip(spans, begins))])  # (W,)
    last = np.concatenate([np.zeros(0, np.int64), *(e + b - 1 for (_, e), b in zip(spans, begins))])  # (W,)
    for kind in kinds:
        if kind == "words":
            parts.append(_place(first, last, np.full(len(first), base)))
        elif kind == "pos":
            numbers = np.concatenate([np.zeros(0, np.int64), *(doc.to_array([POS]).ravel() for doc in docs)])
            tags = np.array([_POS.get(number, 0) for number in numbers.tolist()], dtype=np.int64)  # (W,)
            chars, word = _spread(first, last)
            parts.append((chars, base + tags[word]))
        elif kind == "promotions":
            marked = [
                (span.start_char + begin, span.end_char + begin - 1)
                for doc, begin in zip(docs, begins)
                for span in doc.spans.get(_PROMOTIONS, ())
            ]
            low, high = np.array(marked, dtype=np.int64).reshape(-1, 2).T
            chars, _ = _spread(low, high)
            parts.append((chars, np.full(len(chars), base)))
        else:
            pairs, found = lexicon.find([doc.text for doc in docs])
            keep = np.random.random(len(pairs)) >= masked if masked else np.ones(len(pairs), dtype=bool)
            number = np.flatnonzero(keep).repeat([len(found[row]) for row in np.flatnonzero(keep)])
            codes = [facets.get(facet, 0) for row in np.flatnonzero(keep) for facet in found[row]]
            rows = base + _PLACES * np.array(codes, dtype=np.int64)
            parts.append(_place(pairs[number, 0], pairs[number, 1], rows))
        base += count_rows([kind], len(facets))
    chars, rows = (np.concatenate(column) for column in zip(*parts))
    order = np.argsort(chars, kind="stable")
    return Clues(chars[order], rows[order])


def _spread(first: np.ndarray, last: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """List the characters of spans. RETURNS (Tuple[np.ndarray, np.ndarray]): (K,) characters and number of the span."""
    lengths = last - first + 1
    span = np.repeat(np.arange(len(first)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return first[span] + within, span


def _place(first: np.ndarray, last: np.ndarray, rows: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Say of each character of spans where in them it stands. RETURNS (Tuple): (K,) characters and rows."""
    chars, span = _spread(first, last)
    is_first, is_last = chars == first[span], chars == last[span]
    place = np.select([is_first & is_last, is_first, is_last], [_ALONE, _FIRST, _LAST], _WITHIN)
    return chars, rows[span] + place
