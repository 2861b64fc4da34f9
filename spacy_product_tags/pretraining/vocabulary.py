"""Learn a WordPiece vocabulary for product text in Chinese, English and whatever else stands in it."""
import random
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Dict, FrozenSet, Iterable, Iterator, List

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# The trainer holds its texts in memory: of more than these it sees a sample.
_MAX_TEXTS = 1_000_000
# A longer word without a break is [UNK].
_MAX_WORD = 200


def train_vocabulary(
    texts: Iterable[str], size: int = 12000, *, min_count: int = 3, max_positions: int = 512
) -> "PreTrainedTokenizerFast":
    """Learn a vocabulary from texts; the same texts give the same vocabulary, byte for byte.

    Text is normalized (NFKC) and lower-cased, accents stay. Each Chinese character is a piece of its own; runs of
    letters and of digits are words, also where they touch (``iPhone15Pro``), and are cut into pieces. The offsets of
    a piece are those of the text as it was; an accent that is a character of its own there may be left out of them.

    texts (Iterable[str]): The texts; of more than a million a fixed sample is used.
    size (int): Pieces at most; the characters of GB 2312 and Latin-1 and those of the texts are in it in any case.
    min_count (int): Times that any other character must occur.
    max_positions (int): Longest input in pieces.
    RETURNS (PreTrainedTokenizerFast): The tokenizer; save it with `save_pretrained`.
    RAISES (ValueError): Where there is no text or a number is below 1.
    """
    from tokenizers import Tokenizer, decoders, models, processors, trainers
    from transformers import PreTrainedTokenizerFast

    for name, value in (("size", size), ("min_count", min_count), ("max_positions", max_positions)):
        if value < 1:
            raise ValueError(f"{name}: must be 1 or more, not {value}")
    sample = _sample(texts, _MAX_TEXTS)
    if not sample:
        raise ValueError("texts: there is none to learn a vocabulary from")
    blank = _with_rules(Tokenizer(models.WordPiece({}, unk_token="[UNK]", max_input_chars_per_word=_MAX_WORD)))
    normalize = blank.normalizer.normalize_str
    sample = [normalize(text.encode("utf8", "replace").decode("utf8")) for text in sample]
    counts: Counter = Counter()
    for text in sample:
        counts.update(text)
    common = [char for char, count in counts.items() if count >= min_count]
    letters = sorted(_base_characters().union(common) - {" "})
    rare = str.maketrans(dict.fromkeys(counts.keys() - set(letters), " "))
    # The trainer numbers the letters that it meets by chance, and then breaks ties by number. So it is given all of
    # them, in order, as if they were special; the vocabulary is put into a new tokenizer, where they are not.
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters if _in_words(blank, letter))]
    trainer = trainers.WordPieceTrainer(vocab_size=max(size, len(pieces)), special_tokens=pieces, show_progress=False)
    blank.train_from_iterator((text.translate(rare) for text in sample), trainer)
    vocab = _in_order(blank.get_vocab(), pieces)

    backend = _with_rules(Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=_MAX_WORD)))
    backend.decoder = decoders.WordPiece()
    sides = [(name, vocab[name]) for name in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=sides
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=max_positions, **dict(zip(names, SPECIAL))
    )


def _with_rules(tokenizer: "Tokenizer") -> "Tokenizer":
    from tokenizers import Regex, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            # What only chooses an emoji's look would make a word of its own kind.
            normalizers.Replace(Regex("[\ufe00-\ufe0f]"), ""),
            normalizers.BertNormalizer(
                clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=True
            ),
        ]
    )
    digits = pre_tokenizers.Split(Regex(r"\d+"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), digits])
    return tokenizer


def _in_words(tokenizer: "Tokenizer", char: str) -> bool:
    """Tell whether a character can go on a word, so that it needs a piece with ##. RETURNS (bool): Whether it can."""
    texts = [tokenizer.normalizer.normalize_str(before + char) for before in ("a", char)]
    return any(len(tokenizer.pre_tokenizer.pre_tokenize_str(text)) == 1 for text in texts)


@lru_cache(maxsize=1)
def _base_characters() -> FrozenSet[str]:
    """List GB 2312 and Latin-1 as they are after normalization. RETURNS (FrozenSet[str]): Characters."""
    chars = [chr(code) for code in (*range(0x21, 0x7F), *range(0xA1, 0x100))]
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            chars.append(bytes((row, cell)).decode("gb2312", "ignore"))
    return frozenset("".join(unicodedata.normalize("NFKC", char).lower() for char in chars)) - {" ", "\xad"}


def _in_order(vocab: Dict[str, int], first: List[str]) -> Dict[str, int]:
    """Number the pieces: those that were given, then the learnt. RETURNS (Dict[str, int]): Pieces and numbers."""
    learnt = sorted(vocab.keys() - set(first), key=vocab.__getitem__)
    return {piece: number for number, piece in enumerate((*first, *learnt))}


def _sample(texts: Iterable[str], size: int) -> List[str]:
    """Take all texts, or of more a random sample, the same each time. RETURNS (List[str]): The sample."""
    rng = random.Random(0)
    sample: List[str] = []
    for number, text in enumerate(_filled(texts)):
        if number < size:
            sample.append(text)
        elif (place := rng.randrange(number + 1)) < size:
            sample[place] = text
    return sample


def _filled(texts: Iterable[str]) -> Iterator[str]:
    return (text for text in texts if text.strip())
