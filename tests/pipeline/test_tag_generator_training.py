"""Training: the shared transformer learns through the listener, whatever a batch holds and whoever listens beside it."""
import numpy as np
import pytest
import spacy
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_product_tags import Listing
from spacy_product_tags.listings.corpus import to_example

LISTENER = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
HEAD = {"@architectures": "spacy-product-tags.TagGenerator.v1", "hidden_width": 32, "dropout": 0.0, "tok2vec": LISTENER}
# Not the ensemble: ahead of another listener it fails with any transformer (None as gradient, in thinc's concatenate).
TEXTCAT = {
    "@architectures": "spacy.TextCatReduce.v1",
    "exclusive_classes": True,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": False,
    "use_reduce_mean": True,
    "tok2vec": {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    },
}


def weights(nlp):
    state = nlp.get_pipe("transformer").model.transformer.state_dict()
    return {name: weight.clone() for name, weight in state.items()}


def changed(nlp, before):
    # The pooler has no part in the output, and the positions are no weights.
    after = weights(nlp)
    return {name for name in before if not before[name].equal(after[name])}


def all_weights(nlp):
    model = nlp.get_pipe("transformer").model.transformer
    return {name for name, _ in model.named_parameters() if not name.startswith("pooler")}


def step(nlp, examples, optimizer, **settings):
    """Train one batch as spaCy's loop does. RETURNS (Dict[str, float]): The losses."""
    losses = {}
    nlp.update(examples, sgd=False, losses=losses, **settings)
    for name, component in nlp.pipeline:
        if name not in settings.get("exclude", ()):
            component.finish_update(optimizer)
    return losses


@pytest.fixture()
def nlp(make_nlp, listings):
    """An initialized pipeline: transformer, product_tag_generator."""
    fix_random_seed(0)
    nlp = make_nlp("wordpieces")
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    return nlp


@pytest.mark.parametrize("kind", ["wordpieces", "stock"])
def test_training_changes_every_weight_of_the_transformer(kind, make_nlp, listings):
    nlp = make_nlp(kind)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    before = weights(nlp)
    step(nlp, examples, Adam(0.01))
    assert changed(nlp, before) == all_weights(nlp)


def test_texts_of_a_batch_without_any_gold_tag_train_too(nlp):
    before = weights(nlp)
    examples = [to_example(nlp, Listing(text)) for text in ("耐克T恤", "", " ")]
    losses = step(nlp, examples, Adam(0.01))
    assert losses["product_tag_generator"] > 0
    assert changed(nlp, before) == all_weights(nlp)


@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_a_batch_without_text_changes_nothing_and_the_next_one_trains(texts, nlp, listings):
    before = weights(nlp)
    optimizer = Adam(0.01)
    losses = step(nlp, [to_example(nlp, Listing(text)) for text in texts], optimizer)
    assert losses.get("product_tag_generator", 0.0) == 0.0
    assert not changed(nlp, before)
    step(nlp, [to_example(nlp, listing) for listing in listings], optimizer)
    assert changed(nlp, before) == all_weights(nlp)


@pytest.mark.parametrize("kind", ["chars", "wordpieces", "stock", "tokens", "tok2vec"])
def test_odd_batches(kind, make_nlp, listings):
    nlp = make_nlp(kind)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for texts in ([], [""], [" "], ["\n", ""], ["克"], ["", "a", ""], ["x" * 500]):
        losses = step(nlp, [to_example(nlp, Listing(text)) for text in texts], optimizer)
        assert np.isfinite(losses.get("product_tag_generator", 0.0))
    assert np.isfinite(step(nlp, [*examples, to_example(nlp, Listing(""))], optimizer)["product_tag_generator"])


@pytest.mark.parametrize("generator_last", [True, False])
def test_a_classifier_beside_it_learns_and_so_does_it(generator_last, make_nlp, listings):
    fix_random_seed(0)
    nlp = make_nlp("wordpieces")
    place = {"before": "product_tag_generator"} if generator_last else {"last": True}
    nlp.add_pipe("textcat", config={"model": TEXTCAT}, **place)
    examples = [to_example(nlp, listing) for listing in listings]
    for number, example in enumerate(examples):
        example.reference.cats = {"A": float(number == 0), "B": float(number != 0)}
    nlp.initialize(lambda: examples)
    optimizer, first, before = Adam(0.005), {}, weights(nlp)
    for number in range(50):
        losses = step(nlp, examples, optimizer)
        first = first or losses
        if number == 0:
            assert changed(nlp, before) == all_weights(nlp)
    assert losses["product_tag_generator"] < first["product_tag_generator"] / 10
    assert losses["textcat"] < first["textcat"] / 2
    doc = nlp(listings[0].title)
    assert doc.cats["A"] > 0.5 and len(doc._.tags) == 4


def test_two_generators_on_one_transformer_both_learn(make_nlp, listings):
    fix_random_seed(0)
    nlp = make_nlp("wordpieces")
    nlp.add_pipe("product_tag_generator", name="second", config={"model": HEAD})
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    optimizer, first = Adam(0.005), {}
    for _ in range(40):
        losses = step(nlp, examples, optimizer)
        first = first or losses
    for name in ("product_tag_generator", "second"):
        assert losses[name] < first[name] / 10
        tags = nlp.get_pipe(name).predict([nlp.get_pipe("transformer")(nlp.make_doc(listings[0].title))])[0]
        assert [(tag.start, tag.end) for tag in tags] == [(tag.start, tag.end) for tag in listings[0].tags]


def test_the_last_listener_gives_its_gradient_on_and_the_first_one_s_counts(make_nlp, listings):
    """Two listeners with like gradients give the transformer twice the gradient of one."""
    def gradient(copies):
        fix_random_seed(0)
        nlp = make_nlp("wordpieces")
        examples = [to_example(nlp, listing) for listing in listings]
        nlp.initialize(lambda: examples)
        head = nlp.get_pipe("product_tag_generator").model.shims[0].to_bytes()
        for number in range(copies - 1):
            nlp.add_pipe("product_tag_generator", name=f"copy{number}", config={"model": HEAD})
            copy = nlp.get_pipe(f"copy{number}")
            with nlp.select_pipes(enable=["transformer", f"copy{number}"]):
                copy.initialize(lambda: examples, nlp=nlp)
            copy.model.shims[0].from_bytes(head)
        transformer = nlp.get_pipe("transformer").model.transformer
        for module in transformer.modules():
            for name in ("p", "dropout_prob"):
                if hasattr(module, name):
                    setattr(module, name, 0.0)
        nlp.update(examples, sgd=False)
        return transformer.encoder.layer[0].output.dense.weight.grad.numpy()

    once, thrice = gradient(1), gradient(3)
    assert np.abs(once).max() > 0
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-2, atol=1e-4)


def test_a_grad_factor_of_zero_leaves_the_transformer_as_it_is(make_nlp, listings):
    nlp = spacy.blank("zh")
    config = make_nlp("wordpieces").get_pipe_config("transformer")
    nlp.add_pipe("transformer", config={"model": config["model"]})
    model = {**HEAD, "tok2vec": {**LISTENER, "grad_factor": 0.0}}
    nlp.add_pipe("product_tag_generator", config={"model": model})
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    before = weights(nlp)
    nlp.update(examples, sgd=False)
    gradients = [weight.grad for weight in nlp.get_pipe("transformer").model.transformer.parameters()]
    assert not any(gradient is not None and gradient.any() for gradient in gradients)
    assert not changed(nlp, before)


def test_a_frozen_transformer_that_annotates(nlp, listings):
    before, optimizer, first = weights(nlp), Adam(0.02), None
    for _ in range(60):
        examples = [to_example(nlp, listing) for listing in listings]
        losses = step(nlp, examples, optimizer, annotates=["transformer"], exclude=["transformer"])
        first = first or losses["product_tag_generator"]
    assert not changed(nlp, before)
    assert losses["product_tag_generator"] < first / 10


def test_a_frozen_transformer_that_does_not_annotate_is_a_clear_error(nlp, listings):
    examples = [to_example(nlp, listing) for listing in listings]
    with pytest.raises(ValueError, match="none ahead of it in the pipeline|annotating_components"):
        nlp.update(examples, sgd=False, exclude=["transformer"])


def test_gold_tags_that_do_not_fit_are_left_out_of_training(make_nlp, listings):
    nlp = make_nlp("chars", max_width=3)
    examples = [to_example(nlp, listing) for listing in listings]
    with pytest.warns(UserWarning, match=r"\d+ of \d+ tags .* longer than max_width = 3 characters"):
        nlp.initialize(lambda: examples)
    component = nlp.get_pipe("product_tag_generator")
    rows = component._gold_spans(examples)
    widths = rows[:, 1] - rows[:, 0] + 1
    assert widths.max() == 3
    assert len(rows) == sum(tag.end - tag.start <= 3 for listing in listings for tag in listing.tags)
    assert component.update(examples)["product_tag_generator"] > 0


def test_it_trains_with_sgd_given_directly(make_nlp, listings):
    nlp = make_nlp("chars")
    examples = [to_example(nlp, listing) for listing in listings]
    optimizer = nlp.initialize(lambda: examples)
    first = nlp.update(examples, sgd=optimizer)["product_tag_generator"]
    for _ in range(20):
        last = nlp.update(examples, sgd=optimizer)["product_tag_generator"]
    assert last < first


def test_what_is_no_example_is_refused(nlp):
    component = nlp.get_pipe("product_tag_generator")
    with pytest.raises(TypeError):
        component.update([nlp.make_doc("x")])
    with pytest.raises(TypeError):
        component.initialize([Example(nlp.make_doc("x"), nlp.make_doc("x"))])
