"""Thinc shims of torch modules: what threads may predict with at once, and what saves as safetensors.

`ModuleShim` is for our own modules: it builds the module when it loads.
"""
import copy
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Tuple

import srsly
import torch
from safetensors import SafetensorError
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim, Shim, get_torch_default_device, xp2torch

from ..saving import BROKEN, seal, unseal
from .halves import shorten
from .process import PROCESS, return_freed_memory

# Updates between two returns of freed memory.
_UPDATES = 25


class SharedShim(PyTorchShim):
    """A `PyTorchShim` that threads may predict with at once.

    Its module is in training mode from an update to the next prediction only; thinc's own is whenever it doesn't
    predict, so that each thread's prediction would switch dropout on for the others.
    """

    # The module that was put into evaluation mode, in whole: its root says so before its parts do.
    _evaluated: Any = None

    def predict(self, inputs: ArgsKwargs) -> Any:
        """Run the module. RETURNS (Any): What it gives."""
        module = self._model
        PROCESS.before_predicting()
        if self._evaluated is not module or module.training:
            module.eval()
            self._evaluated = module
        with torch.no_grad(), torch.autocast(device_type="cuda", enabled=self._mixed_precision):
            outputs = module(*inputs.args, **inputs.kwargs)
        PROCESS.after_predicting()
        return outputs

    def begin_update(self, inputs: ArgsKwargs) -> Tuple[Any, Callable]:
        """Run the module for an update. RETURNS (Tuple[Any, Callable]): What it gives, and the backward pass."""
        self._evaluated = None
        return super().begin_update(inputs)

    def copy(self) -> "SharedShim":
        """Copy the shim. RETURNS (SharedShim): One with a number of its own, as optimizers know weights by it."""
        copied = copy.deepcopy(self)
        copied.id = Shim(None).id
        return copied


class ModuleShim(SharedShim):
    """Hold a torch module that is built once its sizes are known.

    build (Callable[..., torch.nn.Module]): Makes the module from `sizes`. The module's `lr_scales`, where it has any,
        are further factors on the learning rate, by the start of a weight's name.
    lr_scale (float): Factor on the learning rate.
    """

    def __init__(self, build: Callable[..., torch.nn.Module], lr_scale: float = 1.0) -> None:
        super().__init__(None)
        self.build = build
        self.lr_scale = lr_scale
        self.sizes: Dict[str, Any] = {}
        self.updates = 0

    @property
    def is_built(self) -> bool:
        """Say whether there is a module. RETURNS (bool): False before `setup` or loading."""
        return self._model is not None

    @property
    def module(self) -> torch.nn.Module:
        """RETURNS (torch.nn.Module): The module. RAISES (ValueError): Before it is built."""
        if not self.is_built:
            raise ValueError("the network is not built; call nlp.initialize() first, or load a saved pipeline")
        return self._model

    def setup(self, **sizes: Any) -> None:
        """Build the module; where that fails, all stays as it is.

        **sizes (Any): Arguments of `build`; numbers, strings, lists.
        """
        module = self.build(**sizes).to(get_torch_default_device())
        if self.is_built:
            # A new number: what an optimizer knows of the old weights has the old sizes.
            self.id = Shim(None).id
        self.sizes, self._model = sizes, module

    def finish_update(self, optimizer: Optimizer) -> None:
        """Update the weights.

        optimizer (Optimizer): The optimizer.
        """
        scales = getattr(self._model, "lr_scales", {})

        def step(key: Tuple[int, str], weights: Any, gradient: Any) -> Tuple[Any, Any]:
            own = next((scale for start, scale in scales.items() if key[1].startswith(start)), 1.0)
            return optimizer(key, weights, gradient, lr_scale=self.lr_scale * own)

        super().finish_update(step)
        # thinc changes weights in a way that torch doesn't count.
        if hasattr(self._model, "forget"):
            self._model.forget()
        self.updates += 1
        if self.updates % _UPDATES == 0:
            return_freed_memory()

    @contextmanager
    def use_params(self, params: Dict[Any, Any]) -> Iterator[None]:
        """Use other weights for a while, such as the optimizer's averages; `PyTorchShim` looks for keys that none has.

        params (Dict): Weights by (shim id, name); others' are skipped.
        """
        own = {} if not self.is_built else dict(self._model.named_parameters())
        usual = {}
        for name, weight in own.items():
            if (self.id, name) in params:
                usual[name] = weight.data
                weight.data = xp2torch(params[self.id, name], device=weight.device)
        try:
            yield
        finally:
            for name, data in usual.items():
                own[name].data = data

    def to_bytes(self) -> bytes:
        """Save sizes and weights. RETURNS (bytes): msgpack around a safetensors file; nothing is pickled."""
        from safetensors.torch import save

        if not self.is_built:
            return seal(srsly.msgpack_dumps({"sizes": None}))
        state = {name: tensor.contiguous().cpu() for name, tensor in self._model.state_dict().items()}
        return seal(srsly.msgpack_dumps({"sizes": self.sizes, "weights": save(shorten(state))}))

    def from_bytes(self, bytes_data: bytes) -> "ModuleShim":
        """Build the module from what `to_bytes` gave.

        bytes_data (bytes): The saved module.
        RETURNS (ModuleShim): Itself.
        RAISES (ValueError): Where the data is damaged or fits another version.
        """
        from safetensors.torch import load

        try:
            message = srsly.msgpack_loads(unseal(bytes_data, "the saved weights"))
            if message["sizes"] is not None:
                self.setup(**message["sizes"])
                self._model.load_state_dict(load(message["weights"]))
        except (*BROKEN, AssertionError, SafetensorError) as err:
            raise ValueError(f"the saved weights are damaged or of another version ({err})") from err
        return self
