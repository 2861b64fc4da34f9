"""The tokenizer of product text: scripts first, then pkuseg for the Chinese runs only.

A title such as ``小米14 Pro手机壳`` mixes scripts. Runs of letters, of digits, of kana and of hangul stay whole tokens,
punctuation and blanks stand alone, and only runs of Chinese characters go to the segmenter, which therefore never
shreds a Latin word. Words of a dictionary are cut out before all that. Without a trained segmenter, Chinese is split
into characters.
"""
import re
import shutil
import unicodedata
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, Iterable, Iterator, List, Literal, Optional, Tuple, Union

import srsly
from spacy import util
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab

from ..errors import naming_setting
from ..graphemes import cluster_starts, find_wholes, surrogates_replaced
from ..saving import Part, SavedInParts, Settings, read_settings
from .folding import fold_in_place
from .pkuseg import PkusegModel
from .words import read_words

SEGMENTERS = ("pkuseg", "char")

# Character classes of the script split, without their brackets.
HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"
# Vowel signs, accents, joiners and variation selectors belong to the character before them.
_MARKS = "".join(chr(c) for c in range(0x300, 0x1100) if unicodedata.category(chr(c))[0] == "M")
_MARKS += "\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
_CIRCLED = "\u2460-\u24ff\u2776-\u2793"
_LETTER = rf"[^\W\d_{HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_MARKS}{_CIRCLED}]"
_NUMBER = r"\d+(?:[.,．]\d+)*+"
# Groups: a Chinese run, any other word, the one blank behind either, other blanks. Every character is in one of them.
_SPLIT = re.compile(
    rf"(?:([{HAN}]+)"
    rf"|({_LETTER}+(?:[{_MARKS}]+{_LETTER}*)*+|{_NUMBER}|[{_HIRAGANA}][{_HIRAGANA}ー]*|[{_KATAKANA}]+|[{_HANGUL}]+"
    rf"|\S[{_MARKS}]*))( ?)|(\s+)"
)
# Matches where a cut would fall inside a run of letters or a number.
_INSIDE = re.compile(
    rf"(?<={_LETTER}|[{_MARKS}])(?:{_LETTER})|(?<!\s)[{_MARKS}]|(?<=\d)(?:\d|[.,．]\d)|(?<=\d[.,．])\d"
)
# A longer run is segmented piece by piece, so that memory stays small on a text without punctuation.
_MAX_RUN = 256
_CACHED_RUNS = 32768


def create_product_tokenizer(segmenter: str = "pkuseg") -> Callable[[Language], "ProductTokenizer"]:
    """Build the tokenizer of a config's ``[nlp.tokenizer]``.

    segmenter (str): How Chinese runs are split: "pkuseg" (by characters as long as it has no model) or "char".
    RETURNS (Callable[[Language], ProductTokenizer]): Makes the tokenizer of an `nlp`.
    RAISES (ValueError): On another segmenter.
    """
    _check_segmenter(segmenter)
    return partial(make_product_tokenizer, segmenter=segmenter)


def make_product_tokenizer(nlp: Language, segmenter: str) -> "ProductTokenizer":
    """Make the tokenizer of an `nlp`. RETURNS (ProductTokenizer): The tokenizer."""
    return ProductTokenizer(nlp.vocab, segmenter=segmenter)


def _check_segmenter(segmenter: str) -> None:
    if segmenter not in SEGMENTERS:
        raise ValueError(f"segmenter: must be one of {', '.join(SEGMENTERS)}, not {segmenter!r}")


class TokenizerSettings(Settings):
    """What the tokenizer's ``cfg`` holds."""

    # pydantic reads the names when it runs; mypy wants them written out.
    segmenter: Literal[SEGMENTERS]  # type: ignore[valid-type]


# spaCy's base saves nothing, and takes any keyword to do so.
class ProductTokenizer(SavedInParts, util.DummyTokenizer):  # type: ignore[misc]
    """Tokenize product text; ``doc.text`` is the text, character by character.

    The one exception: spaCy keeps strings in UTF-8, which has no lone surrogates, so each of them becomes one U+FFFD.
    """

    def __init__(self, vocab: Vocab, segmenter: str = "pkuseg") -> None:
        """Make a tokenizer without model and dictionary; see `initialize`.

        vocab (Vocab): The shared vocabulary.
        segmenter (str): "pkuseg" or "char".
        """
        _check_segmenter(segmenter)
        self.vocab = vocab
        self.segmenter = segmenter
        self.words: Dict[str, str] = {}
        self._lengths: Dict[str, Tuple[int, ...]] = {}
        self._set_model(None)

    def __call__(self, text: str) -> Doc:
        """Tokenize one text.

        text (str): Any string.
        RETURNS (Doc): Its tokens; words of the dictionary carry the tag that stands there.
        """
        text = surrogates_replaced(text)
        words: List[str] = []
        spaces: List[bool] = []
        if not self.words:
            self._split(text, words, spaces)
            return Doc(self.vocab, words=words, spaces=spaces)
        at = 0
        tags: Dict[int, str] = {}
        starts = cluster_starts(text)
        breaks = None if starts is None else frozenset(starts)
        for start, end, tag in self._find_words(text, breaks):
            self._split(text[at:start], words, spaces)
            if tag:
                tags[len(words)] = tag
            at = end + _has_blank(text, end, breaks)
            words.append(text[start:end])
            spaces.append(at > end)
        self._split(text[at:], words, spaces)
        doc = Doc(self.vocab, words=words, spaces=spaces)
        for index, tag in tags.items():
            doc[index].tag_ = tag
        return doc

    def initialize(
        self,
        get_examples: Optional[Callable[[], Iterable[Example]]] = None,
        *,
        nlp: Optional[Language] = None,
        pkuseg_model: Optional[Union[str, Path]] = None,
        pkuseg_user_dict: Optional[Union[str, Path]] = None,
    ) -> None:
        """Load a segmenter and a dictionary; what is not given stays as it is.

        get_examples (Optional[Callable[[], Iterable[Example]]]): Not used.
        nlp (Optional[Language]): The pipeline, whose config an error names.
        pkuseg_model (Optional[Union[str, Path]]): A folder that `train_segmenter` or `spacy_pkuseg.train` wrote.
        pkuseg_user_dict (Optional[Union[str, Path]]): A text file with one word a line, a tab and a tag behind it if
            wanted; "default", spaCy's default for Chinese, is none.
        RAISES (ValueError): Where a file cannot be used.
        RAISES (FileNotFoundError): Where there is none; the message names the setting.
        """
        if pkuseg_model is not None:
            if self.segmenter != "pkuseg":
                raise ValueError(
                    f"pkuseg_model: {pkuseg_model} is given, but the tokenizer's segmenter is {self.segmenter!r}; "
                    'write segmenter = "pkuseg" in [nlp.tokenizer], or leave the model out'
                )
            with naming_setting(nlp, "tokenizer", "pkuseg_model"):
                self._set_model(PkusegModel.from_disk(pkuseg_model))
        if pkuseg_user_dict is not None and pkuseg_user_dict != "default":
            with naming_setting(nlp, "tokenizer", "pkuseg_user_dict"):
                self.add_words(read_words(pkuseg_user_dict))

    def add_words(self, words: Iterable[Union[str, Tuple[str, str]]]) -> None:
        """Add words that are always one token: the longest match wins, then the leftmost.

        They match whatever their case and width, may hold blanks, and never cut a Latin word or a number in two.

        words (Iterable[Union[str, Tuple[str, str]]]): Words, or pairs of a word and its tag.
        """
        lengths: Dict[str, set] = {}
        for item in words:
            word, tag = (item, "") if isinstance(item, str) else item
            word = fold_in_place(word.strip())
            if word:
                self.words[word] = tag.strip()
                lengths.setdefault(word[:2], set()).add(len(word))
        for prefix, found in lengths.items():
            self._lengths[prefix] = tuple(sorted(found.union(self._lengths.get(prefix, ())), reverse=True))

    def clear_cache(self) -> None:
        """Forget the runs that were segmented before; only a benchmark needs it."""
        self._set_model(self.model)

    def score(self, examples: Iterable[Example]) -> Dict[str, Any]:
        """Score the tokens of examples. RETURNS (Dict[str, Any]): ``token_acc`` and so on, as spaCy names them."""
        validate_examples(examples, "ProductTokenizer.score")
        return Scorer.score_tokenization(examples)

    def _parts(self) -> Dict[str, Part]:
        model = (self._model_to_bytes, self._model_from_bytes, self._write_model, self._read_model)
        return {
            "cfg": Part(self._cfg_to_bytes, self._cfg_from_bytes),
            "words": Part(self._words_to_bytes, self._words_from_bytes, file="words.json"),
            # A folder that pkuseg itself can read.
            "pkuseg_model": Part(*model),
        }

    def _cfg_to_bytes(self) -> bytes:
        return srsly.json_dumps({"segmenter": self.segmenter}).encode("utf8")

    def _cfg_from_bytes(self, data: bytes) -> None:
        self.segmenter = read_settings(data, TokenizerSettings)["segmenter"]

    def _words_to_bytes(self) -> bytes:
        return srsly.json_dumps(list(self.words.items())).encode("utf8")

    def _words_from_bytes(self, data: bytes) -> None:
        words = srsly.json_loads(data)
        if not isinstance(words, list):
            raise ValueError(f"must be a list of words with their tags, not {words!r:.80}")
        for number, pair in enumerate(words):
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
                raise ValueError(f"[{number}]: must be a word and its tag, not {pair!r:.80}")
        self.words, self._lengths = {}, {}
        self.add_words(map(tuple, words))

    def _model_to_bytes(self) -> bytes:
        return self.model.to_bytes() if self.model is not None else b""

    def _model_from_bytes(self, data: bytes) -> None:
        self._set_model(PkusegModel.from_bytes(data) if data else None)

    def _write_model(self, folder: Path) -> None:
        if self.model is not None:
            self.model.to_disk(folder)
        elif folder.exists():
            # Of a tokenizer that was saved there before.
            shutil.rmtree(folder)

    def _read_model(self, folder: Path) -> None:
        self._set_model(PkusegModel.from_disk(folder) if folder.exists() else None)

    def __getstate__(self) -> Tuple[Vocab, bytes]:
        return self.vocab, self.to_bytes(exclude=["vocab"])

    def __setstate__(self, state: Tuple[Vocab, bytes]) -> None:
        vocab, data = state
        ProductTokenizer.__init__(self, vocab)
        self.from_bytes(data)

    def _set_model(self, model: Optional[PkusegModel]) -> None:
        self.model = model
        # Titles repeat their runs: of 2,000 titles' runs, a third had been seen before.
        self._segment = tuple if model is None else lru_cache(_CACHED_RUNS)(model.cut)

    def _split(self, text: str, words: List[str], spaces: List[bool]) -> None:
        """Split a text and append its tokens, none of which cuts a character."""
        starts = cluster_starts(text)
        if starts is None:
            self._split_by_script(text, words, spaces)
            return
        breaks, at = frozenset(starts), 0
        for start, end in (*find_wholes(text, starts), (len(text), len(text))):
            parts: List[str] = []
            blanks: List[bool] = []
            self._split_by_script(text[at:start], parts, blanks)
            begin = at
            for part, blank in zip(parts, blanks):
                at += len(part) + blank
                if at in breaks:
                    words.append(text[begin : at - blank])
                    spaces.append(blank)
                    begin = at
            if start < end:
                words.append(text[start:end])
                spaces.append(_has_blank(text, end, breaks))
                at = end + spaces[-1]

    def _split_by_script(self, text: str, words: List[str], spaces: List[bool]) -> None:
        """Split a text by script and append its tokens."""
        for run, word, space, blank in _SPLIT.findall(text):
            if run:
                for start in range(0, len(run), _MAX_RUN):
                    found = self._segment(run[start : start + _MAX_RUN])
                    words += found
                    spaces += [False] * len(found)
                if space:
                    spaces[-1] = True
            else:
                words.append(word or blank)
                spaces.append(space != "")

    def _find_words(self, text: str, breaks: Optional[FrozenSet[int]]) -> Iterator[Tuple[int, int, str]]:
        """Find the dictionary's words from left to right. YIELDS (Tuple[int, int, str]): Start, end and tag."""
        cuts = partial(_cuts_through, text, breaks)
        folded = fold_in_place(text)
        words, lengths = self.words, self._lengths
        at, size = 0, len(text)
        while at < size:
            for length in (*lengths.get(folded[at : at + 2], ()), 1):
                end = at + length
                word = folded[at:end]
                if word in words and not cuts(at) and not cuts(end):
                    yield at, end, words[word]
                    at = end
                    break
            else:
                at += 1


def _has_blank(text: str, at: int, breaks: Optional[FrozenSet[int]]) -> bool:
    """Say whether a blank without a mark on it stands at a place. RETURNS (bool): True = it does."""
    return text.startswith(" ", at) and (breaks is None or at + 1 in breaks)


def _cuts_through(text: str, breaks: Optional[FrozenSet[int]], at: int) -> bool:
    return _INSIDE.match(text, at) is not None or (breaks is not None and at not in breaks)
