import pickle
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from thinc.api import Adam, ArgsKwargs, Model

from spacy_product_tags.encoders import process
from spacy_product_tags.encoders import shim as module
from spacy_product_tags.encoders.shim import ModuleShim


def make_shim(size=3):
    shim = ModuleShim(torch.nn.Linear)
    shim.setup(in_features=size, out_features=2)
    return shim


def step(shim, optimizer):
    for weight in shim.module.parameters():
        weight.grad = torch.ones_like(weight)
    shim.finish_update(optimizer)


def weights(shim):
    return {name: tensor.detach().clone() for name, tensor in shim.module.named_parameters()}


def test_a_module_that_is_not_built_is_missed():
    with pytest.raises(ValueError, match=r"the network is not built; call nlp.initialize\(\) first"):
        ModuleShim(torch.nn.Linear).module  # noqa: B018
    assert isinstance(make_shim().module, torch.nn.Linear)


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
    shim.module.lr_scales = {"bias": 3.0}
    before = weights(shim)
    step(shim, optimizer)
    moved = {name: (before[name] - weight).abs().mean().item() for name, weight in weights(shim).items()}
    assert moved == pytest.approx({"weight": 0.2, "bias": 0.6}, rel=1e-4), "Adam's first step is the learning rate"


def test_freed_memory_is_returned_now_and_then(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "return_freed_memory", partial(calls.append, 1))
    shim, optimizer = make_shim(), Adam(0.1)
    for _ in range(2 * module._UPDATES + 1):
        step(shim, optimizer)
    assert len(calls) == 2
    monkeypatch.undo()
    process.return_freed_memory()
    monkeypatch.setattr(process.ctypes, "CDLL", Mock(side_effect=OSError))
    process.return_freed_memory()


def test_predicting_returns_freed_memory_where_there_is_more_and_more(monkeypatch):
    calls, clock, used = [], [1000.0], [100]
    monkeypatch.setattr(process.time, "monotonic", partial(clock.__getitem__, 0))
    monkeypatch.setattr(process, "memory_in_use", partial(used.__getitem__, 0))

    def give_back():
        calls.append(used[0])
        used[0] = 110

    monkeypatch.setattr(process, "return_freed_memory", give_back)
    monkeypatch.setattr(module, "PROCESS", process.Process())
    shim, x = make_shim(), ArgsKwargs((torch.zeros(1, 3),), {})
    for grown in (100, 150, 151, 150, 165, 166, 150):
        used[0] = grown
        for _ in range(5):
            shim.predict(x)
            clock[0] += process._PAUSE / 4
    assert calls == [151, 166]
    monkeypatch.undo()
    assert 2**24 < process.memory_in_use() < 2**40 or not Path("/proc").exists()


def test_a_forked_process_computes_with_one_thread(monkeypatch):
    calls = []
    monkeypatch.setattr(process.torch, "set_num_threads", calls.append)
    monkeypatch.setattr(module, "PROCESS", process.Process())
    shim, x = make_shim(), ArgsKwargs((torch.zeros(1, 3),), {})
    shim.predict(x)
    assert calls == []
    monkeypatch.setattr(process.os, "getpid", lambda: -1)
    shim.predict(x)
    shim.predict(x)
    assert calls == [1]


def test_only_an_update_leaves_evaluation_mode():
    shim, x = ModuleShim(_with_dropout), ArgsKwargs((torch.ones(4, 8),), {})
    shim.setup()
    parts = [shim.module, *shim.module.children()]
    for other in (shim, shim.copy(), pickle.loads(pickle.dumps(shim))):
        assert torch.equal(other.predict(x), x.args[0])
        assert not any(part.training for part in (other.module, *other.module.children()))
    output, _ = shim.begin_update(x)
    assert not torch.equal(output, x.args[0]) and all(part.training for part in parts)
    assert torch.equal(shim.predict(x), x.args[0]) and not any(part.training for part in parts)
    # As another thread may leave it that has only begun to switch all parts to evaluation mode.
    shim.module.train()
    shim.module.training, shim._evaluated = False, None
    assert torch.equal(shim.predict(x), x.args[0])


def _with_dropout():
    return torch.nn.Sequential(torch.nn.Dropout(0.9))


def test_a_copy_is_another_one_to_the_optimizer():
    shim = make_shim()
    copied = Model("model", lambda *_: None, shims=[shim]).copy().shims[0]
    assert copied.id != shim.id and copied.module is not shim.module
    optimizer = Adam(0.1)
    step(shim, optimizer)
    step(copied, optimizer)
    for (name, one), other in zip(weights(shim).items(), weights(copied).values()):
        assert torch.allclose(one, other), f"{name}: each took its first step"
