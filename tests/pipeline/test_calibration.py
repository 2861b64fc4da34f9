import builtins

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.pipeline.calibration import ece, fit_shares, fit_temperature, reliability, reliability_plot


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(logits, gold, temperature):
    return -np.log(softmax(logits / temperature)[np.arange(len(gold)), gold]).mean()


@settings(deadline=None, max_examples=15)
@given(st.floats(0.2, 5), st.integers(0, 2**31))
def test_the_temperature_that_was_put_in_is_found(temperature, seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(20000, 4)) * 2
    draws = rng.random(len(logits))[:, None]
    gold = (softmax(logits).cumsum(axis=1) < draws).sum(axis=1).clip(max=3)
    assert fit_temperature(logits * temperature, gold) == pytest.approx(temperature, rel=0.08)
    right = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    assert fit_temperature(logits * temperature, right) == pytest.approx(temperature, rel=0.08)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**31))
def test_no_other_temperature_is_better(rows, columns, seed):
    rng = np.random.default_rng(seed)
    logits, gold = rng.normal(size=(rows, columns)) * 5, rng.integers(columns, size=rows)

    def cost(temperature):
        return cross_entropy(logits, gold, temperature) + np.log(temperature) ** 2 / (2 * rows)

    best = cost(fit_temperature(logits, gold))
    # The search ends a hundred-thousandth before the end of the scale, where the valley is steep.
    for other in np.geomspace(0.05, 20, 50):
        assert best <= cost(other) + 2e-3


def test_the_pull_is_as_strong_with_many_sigmoids():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20, 48)) * 3
    gold = rng.random(logits.shape) < 1 / (1 + np.exp(-logits / 3))
    # 960 answers outweigh a standard normal prior.
    losses = {t: np.logaddexp(0.0, np.where(gold, -logits, logits) / t).sum() + np.log(t) ** 2 / 2 for t in np.geomspace(1, 9, 400)}
    assert fit_temperature(logits, gold) == pytest.approx(min(losses, key=losses.get), rel=0.01)
    assert fit_temperature(logits, gold) == pytest.approx(3, rel=0.25)


def test_ruled_out_columns_change_nothing():
    rng = np.random.default_rng(0)
    logits, gold = rng.normal(size=(200, 3)) * 4, rng.integers(3, size=200)
    more = np.concatenate([logits, np.full((200, 2), -np.inf)], axis=1)
    assert fit_temperature(more, gold) == fit_temperature(logits, gold)


def test_a_few_right_answers_are_no_proof():
    rows = [10, 1000, 100000]
    right = [fit_temperature(np.array([[1.0, 0.0]] * size), np.zeros(size, dtype=int)) for size in rows]
    wrong = [fit_temperature(np.array([[1.0, 0.0]] * size), np.ones(size, dtype=int)) for size in rows]
    assert 1 > right[0] > 0.3 > right[1] > right[2] > 0.05
    assert 1 < wrong[0] < 10 < wrong[1] and wrong[2] == pytest.approx(20, rel=1e-3)
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) == 1.0


@pytest.mark.parametrize(
    "logits, gold, problem",
    [
        (np.zeros((2, 3)), np.zeros(3, dtype=int), "gold: must be"),
        (np.zeros(3), np.zeros(3, dtype=int), "gold: must be"),
        (np.zeros((2, 3)), np.array([0, 3]), "gold: has columns from 0 to 3"),
        (np.zeros((2, 3)), np.array([-1, 0]), "gold: has columns from -1"),
        (np.full((1, 3), np.nan), np.array([0]), "logits: some are NaN"),
        (np.array([[0.0, -np.inf]]), np.array([1]), "gold: a right column is ruled out"),
        (np.array([[0.0, -np.inf]]), np.array([[True, False]]), "logits: with a sigmoid"),
    ],
)
def test_bad_input(logits, gold, problem):
    with pytest.raises(ValueError, match=problem):
        fit_temperature(logits, gold)


def test_ece_by_hand():
    assert ece(np.array([0.9, 0.9, 0.3, 0.3]), np.array([True, False, False, False])) == pytest.approx(0.35)
    assert ece(np.array([0.0, 1.0]), np.array([False, True])) == 0
    # In one bin, errors of both signs make up for each other; in two they don't.
    probabilities, right = np.array([0.25, 0.75]), np.array([True, False])
    assert ece(probabilities, right, bins=1) == 0 and ece(probabilities, right, bins=2) == 0.75
    # The upper end belongs to a bin: 1/15 is in the first of 15.
    assert reliability(np.array([1 / 15]), np.array([True]))[2].tolist() == [1] + [0] * 14


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.integers(1, 20))
def test_ece_is_at_least_the_mean_distance(pairs, bins):
    probabilities, right = (np.array(side) for side in zip(*pairs))
    found = ece(probabilities, right, bins)
    assert abs(probabilities.mean() - right.mean()) - 1e-9 <= found <= 1
    assert reliability(probabilities, right, bins)[2].sum() == len(pairs)


def test_ece_of_nothing():
    for probabilities, right in ([[], []], [[0.5], [True, False]], [[1.5], [True]], [[np.nan], [True]]):
        with pytest.raises(ValueError, match="probabilities"):
            ece(np.array(probabilities), np.array(right))


def test_plot(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"
    reliability_plot(np.array([0.2, 0.9]), np.array([False, True]), path, title="category")
    assert path.read_bytes().startswith(b"\x89PNG")
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        reliability_plot(np.array([0.2]), np.array([False]), path)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.1, 1.9), st.integers(0, 2**31))
def test_the_shares_that_were_put_in_are_found(share, seed):
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(2, 20000, 4)) * 3
    wanted = np.array([share, 2 - share])
    draws = rng.random(parts.shape[1])[:, None]
    gold = (softmax(np.tensordot(wanted / 2, parts, 1)).cumsum(axis=1) < draws).sum(axis=1).clip(max=3)
    assert fit_shares(parts * 1.7, gold) == pytest.approx(wanted, abs=0.08)


def test_shares_do_not_hang_on_how_many_rows_are_weighed_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    parts, gold = rng.normal(size=(2, 50, 4)).astype("f"), rng.integers(4, size=50)
    whole = fit_shares(parts, gold)
    monkeypatch.setattr("spacy_product_tags.pipeline.calibration._ROWS", 7)
    assert fit_shares(parts, gold) == pytest.approx(whole, abs=1e-4)


def test_without_evidence_shares_are_equal():
    assert fit_shares(np.zeros((3, 0, 4)), np.zeros(0, dtype=int)).tolist() == [1.0, 1.0, 1.0]
    alike = np.repeat(np.eye(4)[None] * 50, 2, axis=0)
    assert fit_shares(alike, np.arange(4)) == pytest.approx([1.0, 1.0], abs=1e-6)
    assert fit_shares(alike[:1], np.arange(4)).tolist() == [1.0]


@pytest.mark.parametrize(
    "parts, gold, message",
    [
        (np.zeros((2, 3, 4)), np.zeros(2, dtype=int), r"must be \(B,\)"),
        (np.zeros((3, 4)), np.zeros(3, dtype=int), r"must be \(B,\)"),
        (np.full((2, 1, 4), np.nan), np.zeros(1, dtype=int), "NaN or infinite"),
    ],
)
def test_shares_of_what_does_not_fit_say_so(parts, gold, message):
    with pytest.raises(ValueError, match=message):
        fit_shares(parts, gold)
