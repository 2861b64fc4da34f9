import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training import Example
from thinc.api import NumpyOps

from spacy_product_tags.heads.span_head import SpanScores
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.pipeline.spans.loss import Targets, gold_targets, likely_pairs, soft_targets, span_loss

OPS = NumpyOps()


def random_scores(seed, size=12, n_facets=3, pairs=((0, 1), (0, 4), (3, 3), (5, 9), (10, 11))):
    rng = np.random.default_rng(seed)
    pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return SpanScores(3 * rng.normal(size=(size, 2)), pairs, 3 * rng.normal(size=(len(pairs), 1 + n_facets)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


# Gold


def test_gold_boundaries_pairs_and_shared_facets():
    spans = np.array([[3, 5, 1], [0, 1, 2], [3, 5, 0], [3, 5, 1]])
    boundaries, pairs, facets = gold_targets(spans, 6, 3)
    assert np.argwhere(boundaries).tolist() == [[0, 0], [1, 1], [3, 0], [5, 1]]
    assert pairs.tolist() == [[0, 1], [3, 5]]
    assert facets.tolist() == [[0, 0, 0, 1], [0, 0.5, 0.5, 0]]


@pytest.mark.parametrize("size", [0, 5])
def test_no_gold(size):
    targets = gold_targets(np.zeros((0, 3), np.int64), size, 2)
    assert targets.boundaries.shape == (size, 2) and not targets.boundaries.any()
    assert targets.pairs.shape == (0, 2) and targets.facets.shape == (0, 3)
    scores = SpanScores(np.zeros((size, 2), "f"), np.zeros((0, 2), np.int64), np.zeros((0, 3), "f"))
    loss, (d_boundaries, d_facets) = span_loss(OPS, scores, targets, 1)
    assert loss == pytest.approx(2 * size * np.log(2))
    assert d_boundaries.shape == (size, 2) and d_facets.shape == (0, 3)


def test_the_loss_falls_to_nothing_where_all_is_right(trained, listings):
    nlp = spacy.load(trained("chars"))
    component = nlp.get_pipe("product_tag_generator")
    right = [to_example(nlp, listing) for listing in listings]
    wrong = [Example(nlp.make_doc(listing.title), nlp.make_doc(listing.title)) for listing in listings]
    losses = []
    for examples in (right, wrong):
        docs = [example.predicted for example in examples]
        scores, _ = component.model.begin_update((docs, component._gold_spans(examples)[:, :2]))
        loss, (d_boundaries, d_facets) = component.get_loss(examples, scores)
        assert d_boundaries.shape == scores.boundaries.shape and d_facets.shape == scores.facets.shape
        losses.append(loss)
    assert losses[0] < 0.1 < 5 < losses[1]


# Teachers


def test_one_teacher_is_taken_at_its_word():
    scores = random_scores(0)
    targets = soft_targets(OPS, [scores], ["abc"], list("abc"), 1.0)
    np.testing.assert_allclose(targets.boundaries, sigmoid(scores.boundaries), rtol=1e-5)
    np.testing.assert_allclose(targets.facets, softmax(scores.facets), rtol=1e-5)
    assert targets.pairs.tolist() == scores.pairs.tolist()


def test_facets_are_matched_by_name():
    scores = random_scores(0)
    targets = soft_targets(OPS, [scores], [["c", "a", "b"]], ["a", "b", "c", "new"], 1.0)
    chances = softmax(scores.facets)
    np.testing.assert_allclose(targets.facets[:, [0, 3, 1, 2]], chances, rtol=1e-5)
    assert not targets.facets[:, 4].any()
    without = soft_targets(OPS, [scores], [["c", "a", "b"]], ["a", "b"], 1.0)
    np.testing.assert_allclose(without.facets[:, 0], chances[:, 0] + chances[:, 1], rtol=1e-5)
    np.testing.assert_allclose(without.facets[:, 1:], chances[:, 2:], rtol=1e-5)


def test_several_teachers_give_their_mean_and_what_one_does_not_propose_is_none_to_it():
    first, second = random_scores(0), random_scores(1, pairs=((0, 4), (2, 2), (10, 11)))
    targets = soft_targets(OPS, [first, second], ["abc", "cba"], list("abc"), 1.0)
    assert targets.pairs.tolist() == [[0, 1], [0, 4], [2, 2], [3, 3], [5, 9], [10, 11]]
    np.testing.assert_allclose(targets.boundaries, (sigmoid(first.boundaries) + sigmoid(second.boundaries)) / 2, rtol=1e-5)
    ours, theirs = softmax(first.facets), softmax(second.facets)[:, [0, 3, 2, 1]]
    none = np.array([1.0, 0, 0, 0])
    wanted = [(ours[0] + none) / 2, (ours[1] + theirs[0]) / 2, (none + theirs[1]) / 2]
    np.testing.assert_allclose(targets.facets[:3], wanted, rtol=1e-5)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 1000), st.integers(1, 3), st.floats(0.5, 8), st.sets(st.sampled_from("abcd"), min_size=1))
def test_soft_targets_are_chances(seed, n_teachers, temperature, labels):
    rng = np.random.default_rng(seed)
    scores, facets = [], []
    for number in range(n_teachers):
        pairs = sorted({(int(first), int(first + rng.integers(0, 3))) for first in rng.integers(0, 9, rng.integers(0, 6))})
        scores.append(random_scores(seed + number, pairs=pairs))
        facets.append(rng.permutation(list("abc")).tolist())
    targets = soft_targets(OPS, scores, facets, sorted(labels), temperature)
    assert ((targets.boundaries >= 0) & (targets.boundaries <= 1)).all()
    assert (targets.facets >= 0).all()
    np.testing.assert_allclose(targets.facets.sum(axis=1), 1, rtol=1e-4)
    assert sorted(set(map(tuple, targets.pairs.tolist()))) == list(map(tuple, targets.pairs.tolist()))
    likely = likely_pairs(targets, 0.3, 2)
    wanted = [row for row, chance in zip(targets.pairs.tolist(), targets.facets[:, 0]) if chance < 0.7 and row[1] - row[0] < 2]
    assert likely.tolist() == wanted


def test_a_higher_temperature_is_softer():
    scores = random_scores(0)
    sharp, soft = (soft_targets(OPS, [scores], ["abc"], list("abc"), temperature).facets for temperature in (1.0, 4.0))
    assert (soft.max(axis=1) < sharp.max(axis=1)).all()
    assert (soft.argmax(axis=1) == sharp.argmax(axis=1)).all()


def test_very_sure_teachers_overflow_nothing():
    scores = random_scores(0)
    scores = SpanScores(scores.boundaries * 1e4, scores.pairs, scores.facets * 1e4)
    targets = soft_targets(OPS, [scores], ["abc"], list("abc"), 1.0)
    loss, gradients = span_loss(OPS, scores, targets, 1)
    assert abs(loss) < 1e-3
    assert not any(gradient.any() for gradient in gradients)


# The loss


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_gradient_is_that_of_the_loss(temperature):
    targets = soft_targets(
        OPS, [random_scores(0), random_scores(1, pairs=((0, 4), (2, 2)))], ["abc", "cba"], list("abc"), temperature
    )
    # Candidates that are no targets are none, targets that are no candidates don't count.
    scores = random_scores(2, pairs=((0, 1), (0, 4), (2, 2), (7, 8)))
    _, (d_boundaries, d_facets) = span_loss(OPS, scores, targets, 3, temperature)
    for name, gradient in (("boundaries", d_boundaries), ("facets", d_facets)):
        for place in np.ndindex(gradient.shape):
            moved = []
            for step in (1e-4, -1e-4):
                values = getattr(scores, name).copy()
                values[place] += step
                moved.append(span_loss(OPS, scores._replace(**{name: values}), targets, 3, temperature)[0])
            assert gradient[place] == pytest.approx((moved[0] - moved[1]) / 2e-4, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_a_student_that_scores_as_its_teacher_does_has_nothing_to_learn(temperature):
    scores = random_scores(0)
    targets = soft_targets(OPS, [scores], ["abc"], list("abc"), temperature)
    _, gradients = span_loss(OPS, scores, targets, 1, temperature)
    assert all(np.abs(gradient).max() < 1e-5 for gradient in gradients)
    other = span_loss(OPS, random_scores(1), targets, 1, temperature)
    assert other[0] > span_loss(OPS, scores, targets, 1, temperature)[0]


def test_what_is_no_target_should_be_none():
    scores = random_scores(0)
    targets = Targets(np.zeros((12, 2), "f"), np.array([[3, 3]]), np.array([[0, 1, 0, 0]], "f"))
    _, (_, d_facets) = span_loss(OPS, scores, targets, 1)
    wanted = np.zeros((5, 4))
    wanted[:, 0] = 1
    wanted[2] = (0, 1, 0, 0)
    np.testing.assert_allclose(d_facets, softmax(scores.facets) - wanted, atol=1e-5)
