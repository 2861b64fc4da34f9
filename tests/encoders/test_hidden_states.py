import numpy as np
import pytest
from thinc.api import Adam, fix_random_seed

from spacy_product_tags.encoders.hidden_states import HiddenStates, tapped
from spacy_product_tags.encoders.pieces import Pieces
from spacy_product_tags.listings.corpus import to_example


def pieces(seed, width, bounds):
    vectors = np.random.default_rng(seed).normal(size=(len(bounds), width)).astype("f")
    bounds = np.array(bounds, dtype=np.int64).reshape(-1, 2)
    return Pieces(vectors, bounds[:, 0], bounds[:, 1])


# Other pieces than the teacher's; character 5 has one on one side only, character 9 on neither.
STUDENT = pieces(0, 4, [(0, 2), (2, 3), (3, 5), (6, 9)])
TEACHER = pieces(1, 6, [(0, 1), (1, 4), (4, 6), (6, 7), (7, 9)])


def test_it_is_the_mean_squared_error_of_each_character_that_both_know():
    hidden = HiddenStates(0.5, learn_rate=0.0)
    loss, _ = hidden.compare(STUDENT, TEACHER, 10, 2)
    weights, bias = hidden.projection.get_param("W"), hidden.projection.get_param("b")
    total = 0.0
    for char in (0, 1, 2, 3, 4, 6, 7, 8):
        ours, theirs = (
            side.vectors[np.flatnonzero((side.starts <= char) & (char < side.ends))[0]] for side in (STUDENT, TEACHER)
        )
        total += ((weights @ ours + bias - theirs) ** 2).mean()
    assert loss == pytest.approx(0.5 * total / 2, rel=1e-4)


def test_the_gradient_is_that_of_the_loss():
    hidden = HiddenStates(2.0, learn_rate=0.0)
    _, gradient = hidden.compare(STUDENT, TEACHER, 10, 3)
    for place in np.ndindex(gradient.shape):
        moved = []
        for step in (1e-2, -1e-2):
            vectors = STUDENT.vectors.copy()
            vectors[place] += step
            moved.append(hidden.compare(STUDENT._replace(vectors=vectors), TEACHER, 10, 3)[0])
        # The loss is a parabola, so a wide step is exact.
        assert gradient[place] == pytest.approx((moved[0] - moved[1]) / 2e-2, rel=1e-2, abs=1e-3)


def test_the_layer_learns_too():
    fix_random_seed(0)
    hidden = HiddenStates(1.0, learn_rate=0.05)
    losses = [hidden.compare(STUDENT, TEACHER, 10, 1)[0] for _ in range(100)]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("bounds", [[], [(9, 10)]])
def test_nothing_in_common(bounds):
    student = pieces(0, 4, bounds)
    loss, gradient = HiddenStates(1.0).compare(student, TEACHER, 10, 1)
    assert loss == 0 and gradient.shape == student.vectors.shape and not gradient.any()


@pytest.mark.parametrize("kind", ["chars", "tokens"])
def test_a_tap_sees_what_passes_adds_its_gradient_and_leaves_nothing_behind(kind, make_nlp, listings):
    fix_random_seed(0)
    nlp = make_nlp(kind)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    model = nlp.get_pipe("product_tag_generator").model
    before = list(model.walk())
    docs = [example.predicted for example in examples]
    nothing = np.zeros((0, 2), dtype=np.int64)
    with tapped(model) as tap:
        scores, backprop = model.begin_update((docs, nothing))
        assert tap.attrs["pieces"].ends.max() == sum(len(doc.text) for doc in docs)
    assert list(model.walk()) == before and model.get_ref("tok2vec") is before[1]
    tap.attrs["gradient"] = np.ones_like(tap.attrs["pieces"].vectors)
    backprop((scores.boundaries * 0, scores.facets * 0))
    saved = model.get_ref("tok2vec").to_bytes()
    model.finish_update(Adam(0.01))
    assert model.get_ref("tok2vec").to_bytes() != saved


def test_a_tap_is_taken_out_after_an_error_too(make_nlp):
    nlp = make_nlp("chars")
    model = nlp.get_pipe("product_tag_generator").model
    before = list(model.walk())
    with pytest.raises(KeyError):
        with tapped(model):
            raise KeyError
    assert list(model.walk()) == before
