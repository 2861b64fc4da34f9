"""Half precision on disk: weights that were rounded to it take half the room, and load as they were."""
from typing import Dict, Iterator, Mapping, Tuple

import torch
from spacy.language import Language
from thinc.api import Model, PyTorchShim, Shim


def shorten(weights: Mapping[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Give weights in half precision where nothing of them is lost.

    weights (Mapping[str, torch.Tensor]): Weights by name.
    RETURNS (Dict[str, torch.Tensor]): The same values.
    """
    return {name: half if fits else weight for name, weight in weights.items() for half, fits in [_halve(weight)]}


def round_weights(nlp: Language) -> Language:
    """Round the weights of all networks to half precision; saved, they take half the room.

    nlp (Language): The pipeline; it changes. A weight that half precision can't hold stays as it is.
    RETURNS (Language): The pipeline.
    """
    for tensor in _weights(nlp):
        half, _ = _halve(tensor)
        if half.isfinite().all():
            tensor.copy_(half)
    return nlp


def _halve(weight: torch.Tensor) -> Tuple[torch.Tensor, bool]:
    if weight.dtype != torch.float32:
        return weight, False
    half = weight.half()
    return half, torch.equal(half.float(), weight)


def _weights(nlp: Language) -> Iterator[torch.Tensor]:
    for shim in iter_shims(nlp):
        if isinstance(shim, PyTorchShim) and shim._model is not None:
            yield from (tensor for tensor in shim._model.state_dict().values() if tensor.dtype == torch.float32)


def iter_shims(nlp: Language) -> Iterator[Shim]:
    """Go through the shims of a pipeline's models. YIELDS (Shim): Each, in the order of the components."""
    for _, component in nlp.components:
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            yield from node.shims
