"""The component that prepares Chinese titles: part-of-speech tags from a lexicon, and marked promotion words.

A title is a list of words more than a sentence, so that each word simply gets its most frequent tag: one look-up a
token, no model. Tokens that have a tag keep it.
"""
import gzip
import importlib.util
import re
import unicodedata
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union

import srsly
from spacy.language import Language
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.parts_of_speech import NAMES as POS_NAMES
from spacy.pipeline import Pipe
from spacy.tokens import Doc, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab

from ..caching import keep
from ..errors import naming_setting
from ..saving import Part, SavedInParts, Settings, read_settings
from ..text.promotions import SPANS_KEY, find_promotions
from ..text.tokenizer import HAN
from ..text.words import read_words

DEFAULT_CONFIG: Dict[str, Any] = {"langs": ["zh"], "mark_promotions": True}

# jieba's tags to universal ones, by the longest prefix. Its zg holds every kind of word, from 很 to 车.
_UPOS = {
    "a": "ADJ", "ad": "ADV", "an": "NOUN", "b": "ADJ", "c": "CCONJ", "d": "ADV", "e": "INTJ", "f": "ADP", "g": "NOUN",
    "h": "PART", "i": "NOUN", "j": "NOUN", "k": "PART", "l": "NOUN", "m": "NUM", "n": "NOUN", "nr": "PROPN",
    "ns": "PROPN", "nt": "PROPN", "nz": "PROPN", "o": "INTJ", "p": "ADP", "q": "NOUN", "r": "PRON", "s": "NOUN",
    "t": "NOUN", "u": "PART", "v": "VERB", "vn": "NOUN", "x": "X", "y": "PART", "z": "ADJ", "zg": "X", "w": "PUNCT",
    "eng": "X",
}  # fmt: skip
_HAN_WORD = re.compile(f"[{HAN}]+")
_NUMBER = re.compile(r"\d+(?:[.,．]\d+)*")
_LETTERS = re.compile(r"[^\W\d_]")
# What a Chinese word is that the lexicon lacks: in titles, most are names of things.
_UNKNOWN = ("n", "NOUN")
_CACHED_WORDS = 20_000


@Language.factory(
    "product_preprocessor", default_config=DEFAULT_CONFIG, assigns=["token.tag", "token.pos", "doc.spans"]
)
def make_preprocessor(
    nlp: Language, name: str, langs: List[str], mark_promotions: bool
) -> "ProductPreprocessor":
    """Make the component.

    nlp (Language): The pipeline.
    name (str): The component's name in it.
    langs (List[str]): Languages of the pipeline in which tokens are tagged; elsewhere tags are left alone.
    mark_promotions (bool): Whether to set ``doc.spans["promotions"]``.
    RETURNS (ProductPreprocessor): The component.
    """
    return ProductPreprocessor(nlp.vocab, name, langs=langs, mark_promotions=mark_promotions)


class PreprocessorSettings(Settings):
    """What the component's ``cfg`` holds."""

    langs: List[str]
    mark_promotions: bool


class ProductPreprocessor(SavedInParts, Pipe):
    """Set ``token.tag_`` and ``token.pos_`` where they are missing, and ``doc.spans["promotions"]``.

    Chinese words get jieba's tag and its universal counterpart from the lexicon. Whatever the lexicon says, numbers are
    m/NUM, punctuation is w/PUNCT, symbols are w/SYM, blanks are _SP/SPACE, and a word of another script is nz/PROPN
    where it has a capital letter (as brands and models do) and eng/X where it has none.
    """

    def __init__(
        self, vocab: Vocab, name: str = "product_preprocessor", *, langs: Iterable[str], mark_promotions: bool = True
    ) -> None:
        """Make the component with an empty lexicon; see `initialize`.

        vocab (Vocab): The shared vocabulary.
        name (str): The component's name.
        langs (Iterable[str]): Languages of the pipeline in which tokens are tagged.
        mark_promotions (bool): Whether to set ``doc.spans["promotions"]``.
        """
        self.vocab = vocab
        self.name = name
        self.cfg: Dict[str, Any] = {"langs": list(langs), "mark_promotions": mark_promotions}
        self.lexicon: Dict[str, str] = {}
        # By text and with names, not by the vocabulary's numbers: `nlp.memory_zone` frees what these stand for.
        self._tags: Dict[str, Tuple[str, int]] = {}

    def __call__(self, doc: Doc) -> Doc:
        """Prepare one doc. RETURNS (Doc): The same doc."""
        lang = doc.lang_
        if lang in self.cfg["langs"]:
            known = self._tags
            for token in doc:
                if not token.tag or not token.pos:
                    text = token.orth_
                    tag, pos = known.get(text) or self._look_up(text)
                    if not token.tag:
                        token.tag_ = tag
                    elif not token.pos:
                        pos = POS_IDS[to_upos(token.tag_, POS_NAMES[pos])]
                    if not token.pos:
                        token.pos = pos
        if self.cfg["mark_promotions"]:
            spans = []
            for start, end in find_promotions(doc.text, lang):
                span = doc.char_span(start, end, label="promotion", alignment_mode="expand")
                if span is not None:
                    spans.append(span)
            doc.spans[SPANS_KEY] = SpanGroup(doc, name=SPANS_KEY, spans=spans)
        return doc

    def initialize(
        self,
        get_examples: Optional[Callable[[], Iterable[Example]]] = None,
        *,
        nlp: Optional[Language] = None,
        lexicon: Optional[Union[str, Path]] = None,
        size: int = 60000,
    ) -> None:
        """Load the lexicon, which the component keeps from then on.

        get_examples (Optional[Callable[[], Iterable[Example]]]): Not used.
        nlp (Optional[Language]): The pipeline, whose config an error names.
        lexicon (Optional[Union[str, Path]]): A file of lines ``word<tab>tag``, a word without a tag being a noun;
            None = the dictionary of jieba, unless there is a lexicon already or the pipeline's language needs none.
        size (int): How many words to take from jieba's dictionary, the most frequent first.
        RAISES (ListingError): On a bad line; ImportError where jieba is needed and not installed.
        """
        if lexicon is not None:
            with naming_setting(nlp, "components", self.name, "lexicon"):
                self._set_lexicon({word: tag or "n" for word, tag in read_words(lexicon)})
        elif not self.lexicon and self.vocab.lang in self.cfg["langs"]:
            self._set_lexicon(read_jieba_lexicon(size))

    def _parts(self) -> Dict[str, Part]:
        lexicon = Part(self._lexicon_to_bytes, self._lexicon_from_bytes, file="lexicon.tsv.gz")
        return {"cfg": Part(self._cfg_to_bytes, self._cfg_from_bytes), "lexicon": lexicon}

    def _set_lexicon(self, lexicon: Dict[str, str]) -> None:
        self.lexicon = lexicon
        self._tags = {}

    def _look_up(self, text: str) -> Tuple[str, int]:
        """Find a word's tags and remember them. RETURNS (Tuple[str, int]): Tag, and number of the universal tag."""
        known = self._tags
        tag, pos = self._classify(text)
        return keep(known, text, (tag, POS_IDS[pos]), _CACHED_WORDS)

    def _classify(self, text: str) -> Tuple[str, str]:
        """Classify a word. RETURNS (Tuple[str, str]): Its tag and universal tag."""
        tag = self.lexicon.get(text)
        if tag is not None and _LETTERS.search(text):
            return tag, to_upos(tag)
        if _HAN_WORD.fullmatch(text):
            return _UNKNOWN
        if _NUMBER.fullmatch(text):
            return "m", "NUM"
        if text.isspace():
            return "_SP", "SPACE"
        if _LETTERS.search(text):
            return ("eng", "X") if text == text.lower() else ("nz", "PROPN")
        return "w", {"P": "PUNCT", "S": "SYM"}.get(unicodedata.category(text[0])[0], "X")

    def _cfg_to_bytes(self) -> bytes:
        return srsly.json_dumps(self.cfg).encode("utf8")

    def _cfg_from_bytes(self, data: bytes) -> None:
        self.cfg = read_settings(data, PreprocessorSettings)

    def _lexicon_to_bytes(self) -> bytes:
        text = "".join(f"{word}\t{tag}\n" for word, tag in self.lexicon.items())
        # Without a time stamp, the same lexicon gives the same bytes.
        return gzip.compress(text.encode("utf8"), mtime=0)

    def _lexicon_from_bytes(self, data: bytes) -> None:
        lexicon = {}
        for number, line in enumerate(gzip.decompress(data).decode("utf8").split("\n"), 1):
            word, tab, tag = line.partition("\t")
            if line and not (word and tab and tag) or "\t" in tag:
                raise ValueError(f"line {number}: must be 'word<tab>tag', not {line!r:.80}")
            if line:
                lexicon[word] = tag
        self._set_lexicon(lexicon)


def to_upos(tag: str, default: str = "X") -> str:
    """Turn a tag of jieba into a universal one.

    tag (str): Such as n or nrt.
    default (str): What to give for a tag that is not jieba's.
    RETURNS (str): Such as NOUN.
    """
    for length in range(len(tag), 0, -1):
        if tag[:length] in _UPOS:
            return _UPOS[tag[:length]]
    return default


def read_jieba_lexicon(size: int) -> Dict[str, str]:
    """Read the most frequent words of jieba's dictionary, without importing jieba.

    size (int): How many.
    RETURNS (Dict[str, str]): Words and their tags, the most frequent first.
    RAISES (ImportError): Where jieba is not installed.
    """
    spec = importlib.util.find_spec("jieba")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "the lexicon of product_preprocessor comes from jieba, which is not installed: pip install jieba, or name "
            "a file of lines 'word<tab>tag' as lexicon in [initialize.components.product_preprocessor]"
        )
    path = Path(spec.submodule_search_locations[0]) / "dict.txt"
    rows = [line.split() for line in path.read_text(encoding="utf8").splitlines()]
    rows.sort(key=_frequency, reverse=True)
    return {word: tag for word, _, tag in rows[:size]}


def _frequency(row: List[str]) -> int:
    return int(row[1])
