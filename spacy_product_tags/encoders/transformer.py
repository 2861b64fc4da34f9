"""The shared transformer, with the character offsets of its wordpieces and windows for long texts.

The component is spacy-transformers' own (factory `transformer`), and so are the weights' format and the listeners;
what differs is this model's forward pass. It keeps the fast tokenizer's character offsets in ``doc._.trf_data``, reads
texts over the transformer's limit in overlapping windows of wordpieces (spacy-transformers' span getters count tokens,
and what is too long is cut without a word), pads only texts of like length together, and aligns tokens only if somebody
asks.
"""
import copy
from functools import lru_cache
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, HFObjects, TransformerData, WordpieceBatch
from spacy_transformers.layers import TransformerModel
from spacy_transformers.layers.transformer_model import init as init_backbone
from spacy_transformers.span_getters import get_doc_spans
from thinc.api import Model, get_torch_default_device, torch2xp
from thinc.types import Ragged
from transformers.file_utils import ModelOutput
from transformers.utils import logging

from ..graphemes import surrogates_replaced
from .backbone import BackboneShim
from .backbone_files import refuse_remote_code
from .pieces import token_offsets
from .shipped import SHIPPED, find_backbone

# Key in the model output under which a doc's data hold the offsets.
OFFSETS = "char_offsets"
# Padded wordpieces that are predicted at once.
_MAX_PADDED = 4096
# Longest over shortest in such a batch.
_MOST_PADDING = 1.2


class Window(NamedTuple):
    """One input of the transformer: a text, or a part of a long one."""

    doc: int
    ids: List[int]
    type_ids: List[int]
    strings: List[str]
    offsets: List[Tuple[int, int]]


class WordpieceData(TransformerData):
    """A doc's wordpieces, their vectors and character offsets. The token alignment is worked out when it is read."""

    def __init__(self, wordpieces: WordpieceBatch, model_output: ModelOutput, doc: Doc) -> None:
        self.wordpieces = wordpieces
        self.model_output = model_output
        self.token_starts, self.token_ends = token_offsets(doc)

    @property
    def align(self) -> Ragged:
        """Align tokens with the wordpieces that overlap them. RETURNS (Ragged): One row of indices a token."""
        offsets = self.model_output[OFFSETS].reshape(-1, 2)  # (W * L, 2)
        real = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
        order = real[np.argsort(offsets[real, 0], kind="stable")]
        starts = offsets[order, 0]
        ends = np.maximum.accumulate(offsets[order, 1])
        low = np.searchsorted(ends, self.token_starts, side="right")  # (N,)
        high = np.maximum(np.searchsorted(starts, self.token_ends, side="left"), low)  # (N,)
        lengths = high - low
        flat = np.arange(lengths.sum()) + np.repeat(low - (np.cumsum(lengths) - lengths), lengths)
        return Ragged(order[flat].astype("i"), lengths.astype("i"))


class WindowedTransformerModel(TransformerModel):
    """`TransformerModel` with this module's forward pass.

    name (str): Name on the hub or folder of the pretrained model, or `product-tags-mini`, which ships with the package.
    tokenizer_config (Dict[str, Any]): Settings of the tokenizer.
    transformer_config (Dict[str, Any]): Settings of the transformer.
    mixed_precision (bool): Half precision: float16 on GPU, bfloat16 in training on CPUs that have it.
    grad_scaler_config (Dict[str, Any]): Settings of the gradient scaler.
    stride (int): Wordpieces that the windows of a long text share.
    """

    def __init__(
        self,
        name: str,
        tokenizer_config: Dict[str, Any],
        transformer_config: Dict[str, Any],
        mixed_precision: bool,
        grad_scaler_config: Dict[str, Any],
        stride: int,
    ) -> None:
        # The shim's own half precision is for GPUs; `_precision` sees to it on CPU. The shim fills its settings in.
        on_gpu = mixed_precision and get_torch_default_device().type != "cpu"
        tokenizer_config = refuse_remote_code(tokenizer_config, "tokenizer_config")
        transformer_config = refuse_remote_code(transformer_config, "transformer_config")
        super().__init__(name, get_doc_spans, tokenizer_config, transformer_config, on_gpu, dict(grad_scaler_config))
        empty = HFObjects(None, None, None, tokenizer_config, transformer_config)
        self.layers[0].shims[0] = BackboneShim(
            empty, mixed_precision=on_gpu, grad_scaler_config=dict(grad_scaler_config)
        )
        self._func = forward
        self.init = init
        self.attrs["stride"] = stride
        self.attrs["mixed_precision"] = mixed_precision
        self.attrs["replace_listener_cfg"] = replace_listener_cfg

    def copy(self) -> "WindowedTransformerModel":
        """Copy the model with its weights. RETURNS (WindowedTransformerModel): The copy."""
        half, stride = self.attrs["mixed_precision"], self.attrs["stride"]
        copied = WindowedTransformerModel(self.attrs["name"], {}, {}, half, {}, stride)
        copied._layers[0] = self.layers[0].copy()
        copied._dims = copy.deepcopy(self._dims)
        copied.attrs["has_transformer"] = self.attrs["has_transformer"]
        return copied

    def to_bytes(self) -> bytes:
        """Save the model. RETURNS (bytes): Weights, tokenizer and their settings; its own stand in the config."""
        return self.layers[0].shims[0].to_bytes()

    def from_bytes(self, bytes_data: bytes) -> "WindowedTransformerModel":
        """Load the model. RAISES (ValueError): Where the data is damaged, or holds what it must not; naming the field.

        Name, precision and stride stay as the config says, where `spacy.load(…, config=…)` can change them.
        """
        try:
            self.layers[0].shims[0].from_bytes(bytes_data)
        except ValueError as err:
            raise ValueError(
                "the saved transformer (the file 'model' in its component's folder) is damaged, not allowed or was "
                f"saved by another version: {err}; install the pipeline again, or train it anew"
            ) from err
        if self.transformer is not None:
            self.attrs["has_transformer"] = True
            self.set_dim("nO", self.transformer.config.hidden_size, force=True)
        return self


def build_transformer_model_v1(
    name: str,
    tokenizer_config: Dict[str, Any] = {"use_fast": True},
    transformer_config: Dict[str, Any] = {},
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = {},
    stride: int = 64,
) -> Model[List[Doc], FullTransformerBatch]:
    """Build the model of the shared `transformer` component.

    name (str): Name on the hub or folder of the pretrained model, or `product-tags-mini`, which ships with the package.
    tokenizer_config (Dict[str, Any]): Settings of the tokenizer, which must be a fast one.
    transformer_config (Dict[str, Any]): Settings of the transformer.
    mixed_precision (bool): Half precision: float16 on GPU, bfloat16 in training on CPUs that have it.
    grad_scaler_config (Dict[str, Any]): Settings of the gradient scaler.
    stride (int): Wordpieces that the windows of a long text share.
    RETURNS (Model[List[Doc], FullTransformerBatch]): The model.
    """
    return WindowedTransformerModel(
        name, tokenizer_config, transformer_config, mixed_precision, grad_scaler_config, stride
    )


def replace_listener_cfg(model_config: Dict[str, Any], listener_config: Dict[str, Any]) -> Dict[str, Any]:
    """Give the config of a listener's place once the transformer itself stands there (`nlp.replace_listeners`).

    model_config (Dict[str, Any]): Config of the transformer's model.
    listener_config (Dict[str, Any]): Config of the listener.
    RETURNS (Dict[str, Any]): Config of a model that gives what the listener gave.
    """
    config = {**model_config, "@architectures": "spacy-product-tags.WordpieceTransformer.v1"}
    if "grad_factor" in listener_config:
        config["grad_factor"] = listener_config["grad_factor"]
    return config


def init(model: WindowedTransformerModel, X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    """Load the pretrained model. RAISES (ValueError): Where it is neither a folder nor on the hub within reach."""
    name = model.attrs["name"]
    verbosity = logging.get_verbosity()
    try:
        model.attrs["name"] = find_backbone(name)
        if name == SHIPPED:
            # Says that the pooler is new, which nothing here uses.
            logging.set_verbosity_error()
        init_backbone(model, X, Y)
    except (OSError, ValueError) as err:
        if name == SHIPPED:
            problem = f"{find_backbone(name)} is not whole; install spacy-product-tags again"
        else:
            problem = (
                f"it is neither {SHIPPED!r}, nor a folder with a saved transformers model, nor a name that the hub or "
                "its local cache knows. Set [paths] backbone (vars.backbone in project.yml) to a folder with "
                "config.json, the weights and tokenizer.json"
            )
        raise ValueError(f"the backbone {name!r} can't be loaded: {problem}. ({err})") from err
    finally:
        model.attrs["name"] = name
        logging.set_verbosity(verbosity)
    # The config is saved with the model; where this machine keeps the backbone should not be.
    model.transformer.config._name_or_path = ""
    if not model.tokenizer.is_fast:
        raise ValueError(
            f"the tokenizer of {model.attrs['name']!r} is a slow one and gives no character offsets; save the backbone "
            "with a tokenizer.json (AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(…))"
        )


def forward(
    model: WindowedTransformerModel, docs: List[Doc], is_train: bool
) -> Tuple[FullTransformerBatch, Callable[[FullTransformerBatch], List[Doc]]]:
    """Run the transformer over the docs' texts.

    docs (List[Doc]): The batch.
    RETURNS (Tuple[FullTransformerBatch, Callable]): Its `doc_data` hold the vectors and offsets of each doc.
    """
    windows = cut_windows(model, [doc.text for doc in docs])
    layer = model.layers[0]
    if not is_train:
        vectors: List[Any] = [None] * len(windows)
        for batch in _alike(windows):
            output = layer.predict(_to_batch(model, [windows[i] for i in batch]))
            hidden = torch2xp(output.last_hidden_state.float())  # (W, L, D)
            for row, i in enumerate(batch):
                vectors[i] = hidden[row, : len(windows[i].ids)]  # (n, D)
        data = _split(model, docs, windows, vectors)
        return FullTransformerBatch([], WordpieceBatch.empty(), ModelOutput(), None, data), _no_backprop
    batch = _to_batch(model, windows)
    with _precision(model):
        output, backprop = layer(batch, True)
    hidden = torch2xp(output.last_hidden_state)  # (W, L, D)
    output = ModelOutput(last_hidden_state=output.last_hidden_state)
    data = _split(model, docs, windows, list(hidden), hidden.shape[1])

    def backprop_transformer(d_output: FullTransformerBatch) -> List[Doc]:
        backprop(d_output.model_output)
        return docs

    return FullTransformerBatch([], batch, output, None, data), backprop_transformer


def _precision(model: WindowedTransformerModel) -> torch.autocast:
    """Train in bfloat16 on CPU if that's asked for; weights and the last layer's output stay in float32.

    CPUs that can't do it themselves would be several times slower, so there it stays off. What is predicted would
    depend on the processor and on what else is in the batch, so that is in full precision.
    """
    half = model.attrs["mixed_precision"] and get_torch_default_device().type == "cpu" and _has_bfloat16()
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=half)


@lru_cache(maxsize=1)
def _has_bfloat16() -> bool:
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _no_backprop(d_output: FullTransformerBatch) -> List[Doc]:
    return []


def window_length(model: WindowedTransformerModel) -> int:
    """Give the most wordpieces that the transformer takes, special ones counted. RETURNS (int): The limit."""
    config = model.transformer.config
    limit = getattr(config, "max_position_embeddings", None) or 512
    # RoBERTa's positions start behind the padding index.
    if "roberta" in config.model_type or config.model_type in ("camembert", "xlm"):
        limit -= (config.pad_token_id or 0) + 1
    return min(limit, model.tokenizer.model_max_length)


def cut_windows(model: WindowedTransformerModel, texts: Sequence[str]) -> List[Window]:
    """Tokenize the texts, the long ones in overlapping windows.

    model (WindowedTransformerModel): The model.
    texts (Sequence[str]): The texts.
    RETURNS (List[Window]): At least one a text, in order.
    """
    shim: BackboneShim = model.layers[0].shims[0]
    limit = window_length(model)
    encodings = shim.encode(
        [surrogates_replaced(text) for text in texts], limit, min(model.attrs["stride"], limit // 4)
    )
    windows: List[Window] = []
    for number, encoding in enumerate(encodings):
        for part in (encoding, *encoding.overflowing):
            windows.append(Window(number, part.ids, part.type_ids, part.tokens, part.offsets))
        # A tokenizer without special tokens gives nothing for an empty text, but every doc needs its row.
        if not windows[-1].ids:
            windows[-1] = Window(number, [model.tokenizer.pad_token_id or 0], [0], [""], [(0, 0)])
    return windows


def _alike(windows: List[Window]) -> List[List[int]]:
    """Group windows of like length, so that padding costs little. RETURNS (List[List[int]]): Indices."""
    order = sorted(range(len(windows)), key=[len(window.ids) for window in windows].__getitem__)
    groups: List[List[int]] = [[]]
    for i in order:
        shortest = len(windows[groups[-1][0]].ids) if groups[-1] else len(windows[i].ids)
        length = len(windows[i].ids)
        # A new batch costs about as much as padding by a sixth.
        if length * (len(groups[-1]) + 1) > _MAX_PADDED or length > shortest * _MOST_PADDING + 1:
            groups.append([])
        groups[-1].append(i)
    return groups


def _to_batch(model: WindowedTransformerModel, windows: List[Window]) -> WordpieceBatch:
    lengths = [len(window.ids) for window in windows]
    ids = np.full((len(windows), max(lengths)), model.tokenizer.pad_token_id or 0, dtype=np.int64)  # (W, L)
    types = np.zeros_like(ids)
    mask = np.zeros(ids.shape, dtype="f")
    for row, window in enumerate(windows):
        ids[row, : lengths[row]] = window.ids
        types[row, : lengths[row]] = window.type_ids
        mask[row, : lengths[row]] = 1.0
    with_types = "token_type_ids" in model.tokenizer.model_input_names
    return WordpieceBatch([window.strings for window in windows], ids, mask, lengths, types if with_types else None)


def _split(
    model: WindowedTransformerModel, docs: List[Doc], windows: List[Window], vectors: List[Any], width: int = 0
) -> List[TransformerData]:
    """Give each doc its windows, padded to the longest (or to `width`). RETURNS (List[TransformerData]): One a doc."""
    data: List[TransformerData] = []
    begin = 0
    for number, doc in enumerate(docs):
        end = begin + 1
        while end < len(windows) and windows[end].doc == number:
            end += 1
        own = windows[begin:end]
        length = width or max(len(window.ids) for window in own)
        offsets = np.zeros((len(own), length, 2), dtype=np.int64)  # (W, L, 2)
        for row, window in enumerate(own):
            offsets[row, : len(window.offsets)] = window.offsets
        xp = model.ops.xp
        if end - begin == 1:
            hidden = vectors[begin][None]  # (1, L, D)
        else:
            hidden = xp.zeros((len(own), length, vectors[begin].shape[1]), dtype="f")  # (W, L, D)
            for row in range(len(own)):
                hidden[row, : len(vectors[begin + row])] = vectors[begin + row]
        output = ModelOutput(last_hidden_state=hidden)
        output[OFFSETS] = _once_each(offsets)
        data.append(WordpieceData(_to_batch(model, own), output, doc))
        begin = end
    return data


def _once_each(offsets: np.ndarray) -> np.ndarray:
    """Leave each stretch that two windows share to the one in which it lies farther from the edge.

    offsets (ndarray): (W, L, 2); special wordpieces are (0, 0).
    RETURNS (ndarray): (W, L, 2) with (0, 0) for wordpieces that the other window speaks for.
    """
    for row in range(1, len(offsets)):
        shared_from = offsets[row][offsets[row, :, 1] > offsets[row, :, 0]][:1, 0]
        shared_to = offsets[row - 1, :, 1].max()
        if len(shared_from) and shared_from[0] < shared_to:
            middle = (shared_from[0] + shared_to) // 2
            offsets[row - 1][offsets[row - 1, :, 0] >= middle] = 0
            offsets[row][offsets[row, :, 0] < middle] = 0
    return offsets
