"""Inference with a pkuseg model: the same words as `spacy_pkuseg`, several times faster.

pkuseg looks up some ninety feature strings per character. Most of them cannot exist: a word feature needs a known word
at that place. Here the features are sorted by what they ask for once, when the model is loaded, so that a character
costs about four look-ups. Decoding is pkuseg's own. pkuseg's dictionaries and pickled files are left out.
"""
import io
import tokenize
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Union

import numpy
import srsly

from ..saving import BROKEN

FEATURES, WEIGHTS = "features.msgpack", "weights.npz"
# pkuseg sees these as one character; it has neither 一 nor 百 among them.
_NUMERALS = "几二三四五六七八九十千万亿兆零"
_CHAR = {"c": 0, "c-1": 1, "c1": 2, "c-2": 3, "c2": 4}
_PAIR = {"c-1c": 0, "cc1": 1, "c-2c-1": 2}
_WORD = {"w-1": 0, "w1": 1}
_MIN_WORD, _MAX_WORD = 2, 6
# What numpy raises on a file of arrays that is none; it reads their headers as Python.
_BROKEN_ARRAYS = (*BROKEN, MemoryError, zipfile.BadZipFile, SyntaxError, tokenize.TokenError)


class PkusegModel:
    """A segmenter for runs of Chinese characters."""

    def __init__(self, features: bytes, weights: bytes) -> None:
        """Read a model.

        features (bytes): What ``features.msgpack`` holds.
        weights (bytes): What ``weights.npz`` holds.
        RAISES (ValueError): Where the bytes are no pkuseg model, saying which of the two is wrong.
        """
        try:
            from spacy_pkuseg.inference import getLogYY, run_viterbi
        except ImportError:
            raise ImportError("the pkuseg segmenter needs spacy-pkuseg: pip install 'spacy-pkuseg>=0.0.27'") from None
        self._get_scores, self._decode = getLogYY, run_viterbi
        self._bytes = (features, weights)
        index, known_words, tags = _read_features(features)
        self.n_tag, self.n_feature, self.w = _read_weights(weights, len(index), len(tags))
        self._starts = [name.startswith("B") for name, _ in sorted(tags.items(), key=_second)]
        # One feature more, of weight zero, stands for all that the model does not know: no test is needed for it.
        nothing = self.n_feature
        node_weights = self.n_feature * self.n_tag
        self.w = numpy.concatenate([self.w[:node_weights], numpy.zeros(self.n_tag), self.w[node_weights:]])
        self.n_feature += 1
        self._no_char, self._no_pair = (nothing,) * 5, (nothing, nothing, nothing, ())
        self._chars: Dict[str, Tuple[int, ...]] = {}
        self._pairs: Dict[str, Tuple[Any, ...]] = {}
        self._words: Dict[str, Tuple[int, ...]] = {}
        self._neighbours: Dict[Tuple[str, str], Tuple[int, ...]] = {}
        self._sort_features(index, known_words)

    @classmethod
    def from_disk(cls, path: Union[str, Path]) -> "PkusegModel":
        """Load a folder with ``features.msgpack`` and ``weights.npz``. RETURNS (PkusegModel): The model.

        RAISES (FileNotFoundError): Where a file is missing.
        RAISES (ValueError): Where one is broken; the message names it.
        """
        path = Path(path)
        data = []
        for name in (FEATURES, WEIGHTS):
            if not (path / name).is_file():
                raise FileNotFoundError(
                    f"{path / name} is missing, so that {path} is no pkuseg model; train one with train_segmenter"
                )
            data.append((path / name).read_bytes())
        try:
            return cls(*data)
        except ValueError as err:
            raise ValueError(f"{path}: {err}; copy the folder again, or train anew with train_segmenter") from None

    def to_disk(self, path: Union[str, Path]) -> None:
        """Save a folder that `from_disk` and `spacy_pkuseg.pkuseg` can read."""
        path = Path(path)
        path.mkdir(parents=True, exist_ok=True)
        for name, data in zip((FEATURES, WEIGHTS), self._bytes):
            (path / name).write_bytes(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PkusegModel":
        """Load what `to_bytes` gave. RETURNS (PkusegModel): The model."""
        return cls(*srsly.msgpack_loads(data))

    def to_bytes(self) -> bytes:
        """Serialize. RETURNS (bytes): The bytes."""
        return srsly.msgpack_dumps(self._bytes)

    def cut(self, run: str) -> Tuple[str, ...]:
        """Segment a run of Chinese characters. RETURNS (Tuple[str, ...]): Its words, ``"".join(words) == run``."""
        if len(run) < 2:
            return (run,) if run else ()
        scores = self._get_scores(self._features(run), self.n_tag, self.n_feature * self.n_tag, self.w, 1.0)
        tags = self._decode(*scores)[1].tolist()
        starts = self._starts
        cuts = [at for at, tag in enumerate(tags) if starts[tag] and at]
        return tuple([run[start:end] for start, end in zip([0, *cuts], [*cuts, len(run)])])

    def _features(self, run: str) -> List[List[int]]:
        """List the features of each character; the numbers are rows of the weights."""
        get_char, get_pair, no_char, no_pair = self._chars.get, self._pairs.get, self._no_char, self._no_pair
        chars = [no_char, no_char, *[get_char(char, no_char) for char in run], no_char, no_char]
        pairs = [get_pair(first + second, no_pair) for first, second in zip(run, run[1:])]
        padded = [no_pair, no_pair, *pairs, no_pair]
        rows = [
            [0, here[0], before[1], behind[2], far_before[3], far_behind[4], pair[0], next_pair[1], last_pair[2]]
            for far_before, before, here, behind, far_behind, last_pair, pair, next_pair in zip(
                chars, chars[1:], chars[2:], chars[3:], chars[4:], padded, padded[1:], padded[2:]
            )
        ]
        words = self._words
        found: Dict[int, List[str]] = {}
        spans = []
        for start, pair in enumerate(pairs):
            for length in pair[3]:
                word = run[start : start + length]
                if word in words and len(word) == length:
                    last = start + length - 1
                    ends, begins = words[word]
                    rows[last].append(ends)
                    rows[start].append(begins)
                    found.setdefault(start, []).append(word)
                    spans.append((word, last))
        if self._neighbours:
            get_both, nothing = self._neighbours.get, no_char[:2]
            for word, last in spans:
                for follower in found.get(last + 1, ()):
                    left, right = get_both((word, follower), nothing)
                    rows[last + 1].append(left)
                    rows[last].append(right)
        return rows

    def _sort_features(self, index: Dict[str, int], known_words: List[str]) -> None:
        """Sort the features into tables by what has to stand in the text."""
        nothing = self._no_char[0]
        chars: Dict[str, List[int]] = {}
        pairs: Dict[str, List[Any]] = {}
        lengths: Dict[str, List[int]] = {}
        # Words with a numeral never match in pkuseg, which compares them with the text after numerals were replaced.
        for word in known_words:
            if _MIN_WORD <= len(word) <= _MAX_WORD and not set(word).intersection(_NUMERALS):
                self._words[word] = (index.get(f"w-1.{word}", nothing), index.get(f"w1.{word}", nothing))
                lengths.setdefault(word[:2], []).append(len(word))
        for feature, number in index.items():
            kind, _, value = feature.partition(".")
            if kind in _CHAR:
                for char in _spellings(value):
                    chars.setdefault(char, [nothing] * 5)[_CHAR[kind]] = number
            elif kind in _PAIR:
                first, _, second = value.partition(".")
                for char in _spellings(first):
                    for other in _spellings(second):
                        pairs.setdefault(char + other, [nothing] * 3)[_PAIR[kind]] = number
            elif kind == "ww":
                side, _, both = value.partition(".")
                first, _, second = both.partition("*")
                left, right = self._neighbours.get((first, second), (nothing, nothing))
                self._neighbours[first, second] = (number, right) if side == "l" else (left, number)
        self._chars = {char: tuple(numbers) for char, numbers in chars.items()}
        for pair in pairs.keys() | lengths.keys():
            self._pairs[pair] = (*pairs.get(pair, self._no_pair[:3]), tuple(sorted(set(lengths.get(pair, ())))))


def _spellings(char: str) -> Iterator[str]:
    yield from _NUMERALS if char == "**Num" else (char,)


def _second(item: Tuple[str, int]) -> int:
    return item[1]


def _read_features(data: bytes) -> Tuple[Dict[str, int], List[str], Dict[str, int]]:
    try:
        loaded = srsly.msgpack_loads(data)
        index, words, tags = loaded["feature_to_idx"], list(loaded["unigram"]), loaded["tag_to_idx"]
        # Decoding reads the weights without checking bounds: a wrong number must not get there.
        for numbers in (index, tags):
            if not numbers or sorted(numbers.values()) != list(range(len(numbers))):
                raise ValueError("the numbers of the features or tags have gaps")
    except BROKEN as err:
        raise ValueError(f"{FEATURES} is broken or no pkuseg model ({err})") from None
    return index, words, tags


def _read_weights(data: bytes, n_feature: int, n_tag: int) -> Tuple[int, int, numpy.ndarray]:
    try:
        with numpy.load(io.BytesIO(data), allow_pickle=False) as loaded:
            sizes, weights = loaded["sizes"].tolist(), numpy.ascontiguousarray(loaded["w"], dtype="float64")
    except _BROKEN_ARRAYS as err:
        raise ValueError(f"{WEIGHTS} is broken or no pkuseg model ({err})") from None
    if sizes != [n_tag, n_feature] or weights.shape != (n_tag * (n_feature + n_tag),):
        raise ValueError(f"{WEIGHTS} does not belong to {FEATURES}")
    return n_tag, n_feature, weights
