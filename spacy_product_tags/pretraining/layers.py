"""Leave out what a smaller encoder has none of: layers, and inner units of those that stay."""
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def keep_layers(model: "PreTrainedModel", layers: int) -> None:
    """Keep some layers of an encoder, evenly spread, the first and the last among them.

    model (PreTrainedModel): The encoder, which is changed.
    layers (int): How many.
    RAISES (ValueError): Where it has fewer, or its layers stand elsewhere than a BERT's.
    """
    stack = _layers(model)
    if not 1 <= layers <= len(stack):
        raise ValueError(f"the model has {len(stack)} layers; keep 1 to {len(stack)}, not {layers}")
    chosen = np.linspace(0, len(stack) - 1, layers).round().astype(int) if layers > 1 else [len(stack) - 1]
    model.encoder.layer = torch.nn.ModuleList(stack[number] for number in chosen)
    model.config.num_hidden_layers = layers


def keep_inner(model: "PreTrainedModel", size: int) -> None:
    """Keep some inner units of each layer: those whose weights, coming and going, are the largest (Li et al. 2017).

    model (PreTrainedModel): The encoder, which is changed.
    size (int): How many, in each layer.
    RAISES (ValueError): Where it has fewer, or they stand elsewhere than a BERT's.
    """
    layers = _layers(model)
    inner = model.config.intermediate_size
    if not 1 <= size <= inner:
        raise ValueError(f"the model has {inner} inner units in a layer; keep 1 to {inner}, not {size}")
    for layer in layers:
        coming, going = layer.intermediate.dense, layer.output.dense
        with torch.no_grad():
            weight = coming.weight.norm(dim=1) * going.weight.norm(dim=0)  # (I,)
            kept = weight.topk(size).indices.sort().values  # (K,)
            coming.weight = torch.nn.Parameter(coming.weight[kept])  # (K, D)
            coming.bias = torch.nn.Parameter(coming.bias[kept])  # (K,)
            going.weight = torch.nn.Parameter(going.weight[:, kept])  # (D, K)
        coming.out_features = going.in_features = size
    model.config.intermediate_size = size


def _layers(model: "PreTrainedModel") -> Any:
    """Find an encoder's layers. RETURNS (torch.nn.ModuleList): They. RAISES (ValueError): Where there are none."""
    stack = getattr(getattr(model, "encoder", None), "layer", None)
    if stack is None:
        raise ValueError(f"a {type(model).__name__} can't be made smaller; BERT and RoBERTa can")
    return stack
