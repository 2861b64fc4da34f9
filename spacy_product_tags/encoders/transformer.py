"""The shared transformer, with the character offsets of its wordpieces and windows for long texts.

The component is spacy-transformers' own (factory `transformer`), and so are the weights' format and the listeners;
what differs is this model's forward pass. It keeps the fast tokenizer's character offsets in ``doc._.trf_data``, reads
texts over the transformer's limit in overlapping windows of wordpieces (spacy-transformers' span getters count tokens,
and what is too long is cut without a word), pads only texts of like length together, and aligns tokens only if somebody
asks.
"""
import copy
from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, HFObjects, WordpieceBatch
from spacy_transformers.layers import TransformerModel
from spacy_transformers.layers.transformer_model import init as init_backbone
from spacy_transformers.span_getters import get_doc_spans
from thinc.api import Model, get_torch_default_device, torch2xp
from transformers.file_utils import ModelOutput
from transformers.utils import logging

from .backbone import BackboneShim
from .backbone_files import refuse_remote_code
from .shipped import SHIPPED, find_backbone
from .windows import cut_windows, group_alike, split_windows, to_batch


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
        for batch in group_alike(windows):
            output = layer.predict(to_batch(model, [windows[i] for i in batch]))
            hidden = torch2xp(output.last_hidden_state.float())  # (W, L, D)
            for row, i in enumerate(batch):
                vectors[i] = hidden[row, : len(windows[i].ids)]  # (n, D)
        data = split_windows(model, docs, windows, vectors)
        return FullTransformerBatch([], WordpieceBatch.empty(), ModelOutput(), None, data), _no_backprop
    batch = to_batch(model, windows)
    with _precision(model):
        output, backprop = layer(batch, True)
    hidden = torch2xp(output.last_hidden_state)  # (W, L, D)
    output = ModelOutput(last_hidden_state=output.last_hidden_state)
    data = split_windows(model, docs, windows, list(hidden), hidden.shape[1])

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
