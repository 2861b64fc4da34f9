from unittest.mock import Mock

import numpy as np
import pytest
import torch
from thinc.api import Adam, Model

from spacy_product_tags.encoders import shim as module
from spacy_product_tags.encoders.shim import ModuleShim


def make_shim(size=3):
    shim = ModuleShim(torch.nn.Linear)
    shim.setup(in_features=size, out_features=2)
    return shim


def step(shim, optimizer):
    for weight in shim._model.parameters():
        weight.grad = torch.ones_like(weight)
    shim.finish_update(optimizer)


def weights(shim):
    return {name: tensor.detach().clone() for name, tensor in shim._model.named_parameters()}


def test_the_optimizers_averages_are_used_for_a_while():
    shim, optimizer = make_shim(), Adam(0.1, use_averages=True)
    for _ in range(20):
        step(shim, optimizer)
        optimizer.step_schedules()
    last = weights(shim)
    with Model("model", lambda *_: None, shims=[shim]).use_params(optimizer.averages):
        for name, weight in weights(shim).items():
            assert np.allclose(weight, optimizer.averages[shim.id, name])
            assert not torch.equal(weight, last[name])
    assert all(torch.equal(weight, last[name]) for name, weight in weights(shim).items())


def test_the_weights_come_back_after_an_error():
    shim, optimizer = make_shim(), Adam(0.1, use_averages=True)
    step(shim, optimizer)
    step(shim, optimizer)
    last = weights(shim)
    with pytest.raises(KeyError), shim.use_params(optimizer.averages):
        raise KeyError
    assert all(torch.equal(weight, last[name]) for name, weight in weights(shim).items())


def test_averages_of_others_change_nothing():
    shim, other, optimizer = make_shim(), make_shim(), Adam(0.1, use_averages=True)
    step(other, optimizer)
    before = weights(shim)
    with shim.use_params(optimizer.averages), ModuleShim(torch.nn.Linear).use_params(optimizer.averages):
        assert all(torch.equal(weight, before[name]) for name, weight in weights(shim).items())


def test_some_weights_learn_faster():
    shim, optimizer = make_shim(), Adam(0.1, L2=0.0)
    shim.lr_scale = 2.0
    shim._model.lr_scales = {"bias": 3.0}
    before = weights(shim)
    step(shim, optimizer)
    moved = {name: (before[name] - weight).abs().mean().item() for name, weight in weights(shim).items()}
    assert moved == pytest.approx({"weight": 0.2, "bias": 0.6}, rel=1e-4), "Adam's first step is the learning rate"


def test_freed_memory_is_returned_now_and_then(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "_return_freed_memory", lambda: calls.append(1))
    shim, optimizer = make_shim(), Adam(0.1)
    for _ in range(2 * module._UPDATES + 1):
        step(shim, optimizer)
    assert len(calls) == 2
    monkeypatch.undo()
    module._return_freed_memory()
    monkeypatch.setattr(module.ctypes, "CDLL", Mock(side_effect=OSError))
    module._return_freed_memory()
