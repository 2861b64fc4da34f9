"""The component: paths, probabilities, abstention, axes, new categories, saving."""
from dataclasses import replace

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import Adam, fix_random_seed

from spacy_product_tags import Listing, Tag
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.pipeline.category.tree import category_gradient, make_tree, softmax
from spacy_product_tags.pipeline.product_classifier import Prediction, ProductClassifier
from spacy_product_tags.taxonomy.tree import Taxonomy
from spacy_product_tags.training.calibrate import calibrate_pipeline

TITLES = {
    "耐克男士纯棉T恤": ("服饰", "上衣", "T恤"),
    "红色连衣裙女": ("服饰", "裙子"),
    "nike red shirt": ("服饰", "上衣", "衬衫"),
    "苹果手机壳防摔": ("数码", "手机壳"),
    "不锈钢保温杯500毫升": ("家居",),
}
LISTINGS = [
    Listing(title=title, category=path, tags=(Tag(title[:2], "brand", start=0, end=2),) if "耐克" in title else ())
    for title, path in TITLES.items()
]


def make_nlp(tiny_bert, encoder="wordpieces", name_words=4, **config):
    nlp = spacy.blank("zh")
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "dropout": 0.0}
    model.update({"buckets": 512, "bag_width": 8, "lr_scale": 3.0, "name_dropout": 0.0, "gram_dropout": 0.0})
    model["name_words"] = name_words
    if encoder == "wordpieces":
        transformer = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert}
        nlp.add_pipe("transformer", config={"model": transformer})
        model["tok2vec"] = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
    else:
        model["tok2vec"] = {
            "@architectures": "spacy.HashEmbedCNN.v2",
            "pretrained_vectors": None,
            "width": 32,
            "depth": 1,
            "embed_size": 500,
            "window_size": 1,
            "maxout_pieces": 2,
            "subword_features": True,
        }
    nlp.add_pipe("product_classifier", config={"model": model, "min_probability": 0.4, **config})
    nlp.config["initialize"]["components"]["product_classifier"] = {"names": None}
    return nlp


def train(nlp, listings=LISTINGS, steps=40):
    fix_random_seed(0)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.003)
    for _ in range(steps):
        losses = {}
        nlp.update([to_example(nlp, listing) for listing in listings], sgd=optimizer, losses=losses)
    return losses


@pytest.fixture(scope="module")
def trained(tiny_bert):
    nlp = make_nlp(tiny_bert)
    train(nlp)
    return nlp


def cats(nlp, text):
    return nlp(text).cats


@pytest.mark.parametrize("encoder", ["wordpieces", "tokens"])
def test_overfit_reload_and_bytes(tiny_bert, encoder, tmp_path):
    nlp = make_nlp(tiny_bert, encoder)
    losses = train(nlp)
    assert losses["product_classifier"] < 0.2
    nlp.to_disk(tmp_path / "nlp")
    again = spacy.load(tmp_path / "nlp")
    other = make_nlp(tiny_bert, encoder)
    other.from_bytes(nlp.to_bytes())
    for title, path in TITLES.items():
        assert nlp(title)._.category == path
        for copy in (again, other):
            assert copy(title)._.category == path
            assert cats(copy, title) == pytest.approx(cats(nlp, title), abs=1e-4)
    scores = nlp.evaluate([to_example(nlp, listing) for listing in LISTINGS])
    assert scores["cats_path_acc"] == 1.0 and scores["category_hf"] == 1.0


def test_pipe_is_call_and_types_are_built_in(trained):
    docs = list(trained.pipe(TITLES, batch_size=3))
    for doc in docs:
        alone = trained(doc.text)
        assert doc._.category == alone._.category
        assert doc.cats == pytest.approx(alone.cats, abs=1e-4)
        assert all(type(name) is str and type(share) is float for name, share in doc.cats.items())
    doc = spacy.tokens.Doc(trained.vocab).from_bytes(docs[0].to_bytes())
    assert doc._.category == docs[0]._.category and doc.cats == docs[0].cats


@pytest.mark.parametrize("text", ["", " ", "\n\n \n", "🙂", "a" * 3000])
def test_odd_texts(trained, text):
    doc = trained(text)
    assert bool(doc.cats) == bool(text.strip())
    assert not doc._.category or text.strip()
    trained.update([spacy.training.Example(trained.make_doc(text), trained.make_doc(text))], sgd=None, losses={})


def test_other_cats_stay(trained):
    doc = trained.make_doc("红色连衣裙女")
    doc.cats = {"POSITIVE": 0.3}
    assert trained(doc).cats["POSITIVE"] == 0.3 and len(doc.cats) > 1


def test_a_category_that_a_doc_came_with_stays_where_there_is_none(trained):
    component = trained.get_pipe("product_classifier")
    doc = trained.make_doc("红色连衣裙女")
    doc._.category = ("服饰",)
    component.set_annotations([doc], [Prediction((), {})])
    assert doc._.category == ("服饰",)


def test_a_given_category_stays_and_a_predicted_one_is_made_anew(trained):
    doc = trained.make_doc("红色连衣裙女")
    doc._.category = ("家居",)
    assert trained(doc)._.category == ("家居",)
    # What the classifier itself thinks is told, too; and a doc that is saved knows what it was given.
    assert doc.cats["服饰"] > doc.cats.get("家居", 0)
    copy = spacy.tokens.Doc(trained.vocab).from_bytes(doc.to_bytes())
    assert trained(copy)._.category == ("家居",)
    predicted = trained("红色连衣裙女")
    component = trained.get_pipe("product_classifier")
    component.set_annotations([predicted], [Prediction(("数码",), {})])
    assert predicted._.category == ("数码",)
    copy = spacy.tokens.Doc(trained.vocab).from_bytes(predicted.to_bytes())
    assert trained(copy)._.category == ("服饰", "裙子")
    predicted._.category = ("家居",)
    assert trained(predicted)._.category == ("家居",)
    predicted._.category = ()
    assert trained(predicted)._.category == ("服饰", "裙子")


def test_gold_categories_reach_no_score_and_no_second_epoch(trained):
    """Examples that are kept over epochs are predicted anew, and the gold path stands in the reference alone."""
    wrong = Listing(title="红色连衣裙女", category=("家居",))
    example = to_example(trained, wrong)
    assert trained.evaluate([example])["cats_path_acc"] == 0.0
    component = trained.get_pipe("product_classifier")
    for path in (("数码",), ("服饰",)):
        component.set_annotations([example.predicted], [Prediction(path, {})])
        assert example.predicted._.category == path


def test_categories_learn_after_they_were_looked_up(trained):
    """What is kept of the categories' vectors is made anew once they change."""
    nlp = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    nlp.from_bytes(trained.to_bytes())
    before = cats(nlp, "红色连衣裙女")
    optimizer = Adam(0.01)
    wrong = Listing(title="红色连衣裙女", category=("家居",))
    for _ in range(5):
        nlp.update([to_example(nlp, wrong)], sgd=optimizer)
    after = cats(nlp, "红色连衣裙女")
    assert after["家居"] > before["家居"] + 0.1
    fresh = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    assert cats(fresh.from_bytes(nlp.to_bytes()), "红色连衣裙女") == pytest.approx(after, abs=1e-5)
    nlp.from_bytes(trained.to_bytes())
    assert cats(nlp, "红色连衣裙女") == pytest.approx(before, abs=1e-5)


def test_stops_where_it_is_unsure(trained):
    component = trained.get_pipe("product_classifier")
    text = "耐克男士纯棉T恤"
    usual = component.cfg["min_probability"]
    try:
        # As sure as it is, there would be nothing between the levels.
        component.temperatures["category"] = 5.0
        component.cfg["min_probability"] = 0.0
        assert trained(text)._.category == ("服饰", "上衣", "T恤")
        shares = [trained(text).cats[name] for name in ("服饰", "服饰 > 上衣", "服饰 > 上衣 > T恤")]
        component.cfg["min_probability"] = (shares[1] + shares[2]) / 2
        assert trained(text)._.category == ("服饰", "上衣")
        component.cfg["min_probability"] = 1.0
        assert len(trained(text)._.category) < 3
    finally:
        component.cfg["min_probability"] = usual
        component.temperatures.clear()


def test_axes_in_the_same_pass(tiny_bert, tmp_path):
    listings = [
        Listing(title=f"{brand}{noun}", category=(noun,), tags=(Tag(brand, "brand", start=0, end=2),))
        for brand in ("耐克", "苹果")
        for noun in ("手机壳", "连衣裙", "保温杯")
    ] + [Listing(title="红色礼盒", category=("礼盒",), tags=(Tag("红色", "color", start=0, end=2),))]
    nlp = make_nlp(tiny_bert, axes=["brand", "size/length"])
    train(nlp, listings)
    nlp.to_disk(tmp_path / "nlp")
    for pipeline in (nlp, spacy.load(tmp_path / "nlp")):
        doc = pipeline("苹果保温杯")
        assert doc._.category == ("保温杯",)
        assert doc.cats["brand > 苹果"] > 0.5 > doc.cats["brand > 耐克"]
        assert pipeline("红色礼盒").cats["brand > (none)"] > 0.5
    with pytest.raises(ValueError, match=r"\[components.product_classifier\] axes"):
        make_nlp(tiny_bert, axes=["brand", "brand"])


def test_new_categories_take_only_their_share(trained):
    nlp = spacy.blank("zh")
    nlp = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    nlp.from_bytes(trained.to_bytes())
    component = nlp.get_pipe("product_classifier")
    component.cfg["top_k"] = 2000
    before = cats(nlp, "红色连衣裙女")
    rows = [{"id": f"new {n}", "parent": "数码" if n % 2 else None, "labels": {"": f"new {n}"}} for n in range(1000)]
    component.add_categories(rows, names=None)
    after = cats(nlp, "红色连衣裙女")
    assert len(after) == len(before) + 1000
    taken = sum(after[row["id"]] for row in rows)
    assert 0 < taken < 1
    for leaf in ("服饰 > 裙子", "服饰 > 上衣 > T恤", "服饰 > 上衣 > 衬衫", "数码 > 手机壳", "家居"):
        assert after[leaf] == pytest.approx(before[leaf] * (1 - taken), rel=1e-4)
    # It is saved with them.
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
    again.from_bytes(nlp.to_bytes())
    again.get_pipe("product_classifier").cfg["top_k"] = 2000
    assert cats(again, "红色连衣裙女") == pytest.approx(after, abs=1e-5)
    with pytest.raises(ValueError, match="数码"):
        component.add_categories([{"id": "数码", "parent": None, "labels": {"": "数码"}}], names=None)


def test_learning_goes_on_with_new_categories(tiny_bert):
    nlp = make_nlp(tiny_bert)
    examples = [to_example(nlp, listing) for listing in LISTINGS]
    nlp.initialize(lambda: examples)
    # With the optimizer that nlp keeps, which knows the weights in their old sizes.
    nlp.update(examples)
    nlp.get_pipe("product_classifier").add_categories([{"id": "new", "parent": None, "labels": {"": "宠物"}}], names=None)
    before = cats(nlp, "狗粮")
    for _ in range(10):
        nlp.update([to_example(nlp, listing) for listing in (*LISTINGS, Listing(title="狗粮", category=("宠物",)))])
    assert cats(nlp, "狗粮")["new"] > before["new"] + 0.1


def test_names_tell_categories_without_examples(tiny_bert, tmp_path):
    """A category that no listing has is known by a name that is near those of others."""
    from spacy_product_tags.encoders.name_encoder import NameEncoder, name_vectors
    from spacy_product_tags.values.fitting.names import fit_names

    things = [{"en": [f"{a} {b}"], "zh": [f"{c}{d}"]} for a, c in zip("abcdefg", "红黑白棉杯壳裙") for b, d in zip("xyz", "裙衣鞋")]
    encoder = fit_names(things, steps=60, batch_size=16, buckets=512, width=16, hidden=16)
    encoder.to_disk(tmp_path / "names")
    nlp = make_nlp(tiny_bert, name_words=0)
    taxonomy = Taxonomy.from_paths([*TITLES.values(), ("数码", "红裙")])
    examples = [to_example(nlp, listing) for listing in LISTINGS]
    component = nlp.get_pipe("product_classifier")
    nlp.config["initialize"]["components"]["product_classifier"] = {"names": str(tmp_path / "names")}
    nlp.initialize(lambda: examples)
    component.initialize(lambda: examples, nlp=nlp, taxonomy=taxonomy, names=str(tmp_path / "names"))
    assert "数码 > 红裙" in component.labels
    expected = name_vectors(NameEncoder.from_disk(tmp_path / "names"), [taxonomy.names(row) for row in range(len(taxonomy))])
    assert np.allclose(component._head.trees[0].names.numpy(), expected, atol=1e-5)
    before = cats(nlp, "红色连衣裙女")
    with pytest.raises(ValueError, match="is not the one of the training"):
        component.add_categories([{"id": "new", "parent": None, "labels": {"": "new"}}], names=None)
    assert cats(nlp, "红色连衣裙女") == before


def test_names_alone_tell_categories_before_training(tmp_path):
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "tok2vec": None, "buckets": 0}
    component = nlp.add_pipe("product_classifier", config={"model": model, "min_probability": 0.0, "locale": "en"})
    rows = [
        {"id": "home", "parent": None, "labels": {"en": "Home", "zh": "家居"}},
        {"id": "fridge", "parent": "home", "labels": {"en": "Refrigerators", "zh": "冰箱"}},
        {"id": "lamp", "parent": "home", "labels": {"en": "Desk Lamps", "zh": "台灯"}},
        {"id": "shoes", "parent": None, "labels": {"en": "Shoes", "zh": "鞋"}},
    ]
    component.initialize(lambda: [to_example(nlp, Listing(title="x"))], nlp=nlp, taxonomy=Taxonomy(rows))
    titles = {"海尔冰箱510升 家用": "Refrigerators", "Philips LED desk lamp, white": "Desk Lamps", "阿迪达斯运动鞋": "Shoes"}
    for title, name in titles.items():
        assert nlp(title)._.category[-1] == name
    for nothing in ("...", "12345", "🙂"):
        assert nlp(nothing)._.category == () and not nlp(nothing).cats, "there is nothing to compare"
    assert nlp("\n 阿迪达斯运动鞋\n冰箱")._.category == ("Shoes",), "the first line that says something is the title"
    together = [doc.cats for doc in nlp.pipe(["abc", *titles, "12", "xyz"])]
    assert together[1:-2] == [pytest.approx(nlp(title).cats, abs=1e-6) for title in titles]
    component.model.shims[0].module.train()
    nlp.update([to_example(nlp, Listing(title="12 34", category=("Shoes",)))], sgd=Adam(0.001))
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    for title in titles:
        assert loaded(title).cats == pytest.approx(nlp(title).cats, abs=1e-6)
    component.add_categories([{"id": "bottle", "parent": "home", "labels": {"en": "Water Bottles", "zh": "水杯"}}])
    assert nlp("大容量水杯 夏季")._.category == ("Home", "Water Bottles")


def test_parts_learn_apart_and_are_averaged(tiny_bert):
    nlp = make_nlp(tiny_bert)
    examples = [to_example(nlp, listing) for listing in LISTINGS]
    nlp.initialize(lambda: examples)
    component = nlp.get_pipe("product_classifier")
    docs = [nlp.get_pipe("transformer")(example.predicted) for example in examples]
    for part, size in (("pieces", 2), ("grams", 2)):
        assert part in component._head.readers and len(component._head.readers) == size
    head = component._head
    (apart,), _ = component.model.begin_update(docs)
    assert apart.shape == (2 * len(docs), 5)
    assert component.logits(docs)["category"] == pytest.approx((apart[: len(docs)] + apart[len(docs) :]) / 2, abs=1e-5)
    loss, (gradient,) = component.get_loss(examples, [apart])
    assert gradient.shape == apart.shape and np.abs(gradient).sum(axis=1).all() and loss > 0
    assert not head.matchers, "without a name encoder no title is compared with names"


def test_calibration_learns_which_part_to_trust(tiny_bert):
    nlp = make_nlp(tiny_bert, name_words=0)
    train(nlp, steps=20)
    component = nlp.get_pipe("product_classifier")
    examples = [to_example(nlp, listing) for listing in LISTINGS]
    docs = [nlp.get_pipe("transformer")(example.predicted) for example in examples]
    with torch.no_grad():
        # The n-grams find nothing but what is wrong.
        component._head.scorers["grams"][0].added.mul_(-1)
        component._head.scorers["grams"][0].name_in.weight.mul_(-1)
    assert component.shares == {"category": {"pieces": 1.0, "grams": 1.0}}
    calibrate_pipeline(nlp, examples)
    shares = component.shares["category"]
    assert shares["pieces"] > 1.5 and sum(shares.values()) == pytest.approx(2.0, abs=1e-5)
    (apart,), _ = component.model.begin_update(docs)
    mean = (shares["pieces"] * apart[: len(docs)] + shares["grams"] * apart[len(docs) :]) / 2
    assert component.logits(docs)["category"] == pytest.approx(mean, abs=1e-4)
    copy = spacy.util.load_model_from_config(nlp.config, auto_fill=True).from_bytes(nlp.to_bytes())
    assert copy.get_pipe("product_classifier").shares == component.shares
    component.add_categories([{"id": "new", "parent": None, "labels": {"zh": "宠物"}}], names=None)
    assert component.shares["category"] == shares


def test_an_update_shows_at_once(tiny_bert):
    """Nothing that predictions keep outlives a change of the weights."""
    nlp = make_nlp(tiny_bert, encoder="tokens")
    examples = [to_example(nlp, listing) for listing in LISTINGS]
    optimizer = nlp.initialize(lambda: examples)
    component = nlp.get_pipe("product_classifier")
    for _ in range(3):
        nlp.update(examples, sgd=False)
        nlp("红色连衣裙女")
        component.finish_update(optimizer)
    copy = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
    copy.from_bytes(nlp.to_bytes())
    assert cats(nlp, "红色连衣裙女") == pytest.approx(cats(copy, "红色连衣裙女"), abs=1e-6)


def test_averaged_weights_are_used_for_a_while(tiny_bert):
    nlp = make_nlp(tiny_bert, encoder="tokens")
    examples = [to_example(nlp, listing) for listing in LISTINGS]
    nlp.initialize(lambda: examples)
    optimizer, text = Adam(0.0003, use_averages=True), "红色连衣裙女"
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
        optimizer.step_schedules()
    usual = cats(nlp, text)
    with nlp.use_params(optimizer.averages):
        averaged = cats(nlp, text)
    assert averaged != pytest.approx(usual, abs=1e-3) and cats(nlp, text) == usual


def test_moves_to_another_pipeline_with_its_own_transformer(tiny_bert, tmp_path):
    nlp = make_nlp(tiny_bert)
    train(nlp, steps=5)
    text = "红色连衣裙女"
    usual = cats(nlp, text)
    nlp.replace_listeners("transformer", "product_classifier", ["model.tok2vec"])
    assert cats(nlp, text) == pytest.approx(usual, abs=1e-5)
    other = spacy.blank("zh")
    other.add_pipe("product_classifier", source=nlp)
    other.to_disk(tmp_path / "other")
    for copy in (other, spacy.load(tmp_path / "other")):
        assert copy.pipe_names == ["product_classifier"]
        assert cats(copy, text) == pytest.approx(usual, abs=1e-5)


def test_nothing_to_read_says_so():
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "tok2vec": None, "buckets": 0, "name_words": 0}
    with pytest.raises(ValueError, match="without tok2vec, buckets and name_words"):
        spacy.blank("xx").add_pipe("product_classifier", config={"model": model})
    nlp = spacy.blank("xx")
    component = nlp.add_pipe("product_classifier", config={"model": {**model, "name_words": 4}})
    with pytest.raises(ValueError, match="both name_words and a name encoder"):
        component.initialize(lambda: [to_example(nlp, LISTINGS[0])], nlp=nlp, names=None)


def test_calibration_lowers_the_loss_and_is_saved(trained, tmp_path):
    nlp = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    nlp.from_bytes(trained.to_bytes())
    component = nlp.get_pipe("product_classifier")
    # Some of the gold is wrong: sure answers should become unsure.
    wrong = [Listing(title=title, category=("家居",)) for title in list(TITLES)[:2]]
    examples = [to_example(nlp, listing) for listing in [*LISTINGS, *wrong]]
    for example in examples:
        example.predicted = nlp.get_pipe("transformer")(example.predicted)
    before, loss = cats(nlp, "红色连衣裙女")["服饰 > 裙子"], mean_loss(component, examples)
    assert calibrate_pipeline(nlp, examples).temperatures["category"] > 1
    assert cats(nlp, "红色连衣裙女")["服饰 > 裙子"] < before and mean_loss(component, examples) < loss - 0.1
    nlp.to_disk(tmp_path / "nlp")
    assert spacy.load(tmp_path / "nlp").get_pipe("product_classifier").temperatures == pytest.approx(component.temperatures)
    with pytest.raises(ValueError, match="no listing has a category"):
        calibrate_pipeline(nlp, [_without_category(examples[0])])


def mean_loss(component, examples):
    tree = component.trees["category"]
    logits = component.logits([example.predicted for example in examples])["category"]
    shares = softmax(logits / component.temperatures.get("category", 1.0))
    gold = [tree.column_of(tree.taxonomy.find(example.reference._.category)) for example in examples]
    return -np.log(shares[np.arange(len(gold)), gold]).mean()


def _without_category(example):
    example.reference._.category = ()
    return example


def test_what_a_second_calibration_has_no_data_for_stays(tiny_bert):
    nlp = make_nlp(tiny_bert, axes=["brand"])
    train(nlp, [replace(listing, tags=(*listing.tags, Tag("x", "color"))) for listing in LISTINGS * 2], steps=3)
    component = nlp.get_pipe("product_classifier")
    examples = [to_example(nlp, replace(listing, tags=(Tag("x", "color"),))) for listing in LISTINGS]
    calibrate_pipeline(nlp, examples)
    brand = component.temperatures["brand"], component.shares["brand"]
    assert brand[0] != 1.0
    for example in examples:
        example.reference._.tags = ()
    calibrate_pipeline(nlp, examples)
    assert (component.temperatures["brand"], component.shares["brand"]) == brand


def test_a_second_initialization_starts_from_nothing_and_a_failed_one_changes_nothing(trained, tiny_bert):
    nlp = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    nlp.from_bytes(trained.to_bytes())
    component, text = nlp.get_pipe("product_classifier"), "红色连衣裙女"
    component.temperatures["category"] = 3.0
    before, examples = cats(nlp, text), [to_example(nlp, listing) for listing in LISTINGS]
    with pytest.raises(ValueError, match="nowhere"):
        component.initialize(lambda: examples, nlp=nlp, names="nowhere")
    assert cats(nlp, text) == before
    component.initialize(lambda: examples, nlp=nlp, names=None)
    assert component.temperatures == {} and cats(nlp, text) != before


def test_earlier_categories_leave_no_trace_in_a_doc(trained):
    component = trained.get_pipe("product_classifier")
    doc = trained("红色连衣裙女")
    component.set_annotations([doc], [Prediction(("数码",), {"数码": 1.0})])
    assert doc.cats == {"数码": 1.0}


def test_axes_outlive_saving_before_training(tiny_bert, tmp_path):
    make_nlp(tiny_bert, axes=["brand"]).to_disk(tmp_path / "nlp")
    nlp = spacy.load(tmp_path / "nlp")
    assert nlp.get_pipe("product_classifier").axes == ("brand",)


def test_a_category_and_a_value_of_one_id_are_refused(tiny_bert):
    nlp = make_nlp(tiny_bert, axes=["color"])
    listings = [Listing(title="红色", category=("color", "红"), tags=(Tag("红", "color", start=0, end=1),))] * 2
    with pytest.raises(ValueError, match=r"axes: the category 'color > 红' begins as"):
        nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])


def test_diverged_weights_say_so(trained):
    nlp = spacy.util.load_model_from_config(trained.config, auto_fill=True)
    nlp.from_bytes(trained.to_bytes())
    with torch.no_grad():
        nlp.get_pipe("product_classifier")._head.scorers["grams"][0].added.fill_(float("nan"))
    with pytest.raises(ValueError, match="product_classifier: its scores are no numbers"):
        nlp("红色连衣裙女")


def test_a_network_without_its_categories_says_so(trained, tiny_bert):
    nlp = make_nlp(tiny_bert)
    train(nlp, LISTINGS[:2], steps=1)
    component = nlp.get_pipe("product_classifier")
    component.from_bytes(trained.get_pipe("product_classifier").to_bytes(), exclude=["tree0.jsonl"])
    with pytest.raises(ValueError, match="its categories and its network are of two trainings"):
        nlp("红色连衣裙女")


@pytest.mark.parametrize("name, value", [("dropout", 1.0), ("name_dropout", -0.1), ("buckets", -5), ("bag_width", 0), ("name_words", -1)])
def test_bad_settings_of_the_model_name_themselves(name, value):
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "tok2vec": None, name: value}
    with pytest.raises(ValueError, match=rf"\[model\] {name}: must be"):
        spacy.blank("xx").add_pipe("product_classifier", config={"model": model})


def test_without_a_category_and_without_a_transformer(tiny_bert):
    nlp = make_nlp(tiny_bert)
    with pytest.raises(ValueError, match='no category; give each listing one, such as "category"'):
        nlp.initialize(lambda: [to_example(nlp, Listing(title="红色"))])
    nlp = make_nlp(tiny_bert)
    nlp.remove_pipe("transformer")
    with pytest.raises(ValueError, match="listens to a transformer"):
        nlp.initialize(lambda: [to_example(nlp, LISTINGS[0])])


@pytest.mark.parametrize("settings, field", [({"min_probability": 2}, "min_probability"), ({"top_k": 0}, "top_k")])
def test_bad_settings_name_themselves(tiny_bert, settings, field):
    with pytest.raises(ValueError, match=rf"\[components.product_classifier\] {field}"):
        make_nlp(tiny_bert, **settings)


def test_a_damaged_folder_is_named(trained, tmp_path):
    trained.to_disk(tmp_path / "nlp")
    (tmp_path / "nlp" / "product_classifier" / "tree0.jsonl").unlink()
    with pytest.raises(ValueError, match="tree0.jsonl: is missing"):
        spacy.load(tmp_path / "nlp")


PATHS = [("a", "b", "c"), ("a", "b", "d"), ("a", "e"), ("f",), ("g", "h"), ("g", "i", "j", "k"), ("g", "i", "j", "l")]


def test_the_loss_asks_for_all_leaves_below_the_gold_category():
    tree = make_tree(Taxonomy.from_paths(PATHS))
    logits = np.random.default_rng(0).normal(size=(3, len(tree.leaves))).astype("f")
    inner, leaf = (tree.taxonomy.find(path) for path in (("g", "i"), ("a", "b", "d")))
    loss, gradient = category_gradient(tree, logits, [inner, -1, leaf], size=3)
    probabilities = softmax(logits)
    below = [[inner in path for path in tree.paths], [leaf in path for path in tree.paths]]
    assert [sum(row) for row in below] == [2, 1]
    shares = [probabilities[0, below[0]].sum(), probabilities[2, below[1]].sum()]
    assert loss == pytest.approx(-np.log(shares).sum() / 3, abs=1e-5)
    assert not gradient[1].any(), "of an unknown category nothing is learnt"
    wanted = (probabilities[0] - np.where(below[0], probabilities[0] / shares[0], 0)) / 3
    assert gradient[0] == pytest.approx(wanted, abs=1e-5)
    assert category_gradient(tree, logits, [-1] * 3, size=3)[0] == 0.0


def count_contradictions(logits, min_probability, top_k=3):
    """Say how many of the texts get a path that contradicts itself. RETURNS (int): Should be 0."""
    tree = make_tree(Taxonomy.from_paths(PATHS))
    component = ProductClassifier(spacy.blank("xx").vocab, None, min_probability=min_probability, top_k=top_k)
    component.trees = {"category": tree}
    wrong = 0
    for node, found in component._choose("category", logits):
        taxonomy = tree.taxonomy
        path = [taxonomy.ids[row] for row in taxonomy.ancestors(node)] if node >= 0 else []
        shares = [found[name] for name in path]
        ordered = all(
            found[taxonomy.ids[taxonomy.parents[taxonomy.row(name)]]] >= share
            for name, share in found.items()
            if taxonomy.parents[taxonomy.row(name)] >= 0
        )
        leaves = sum(share for name, share in found.items() if taxonomy.terminal[taxonomy.row(name)])
        sure = all(share >= min_probability for share in shares)
        wrong += not (ordered and sure and leaves <= 1 + 1e-6 and all(0 <= share <= 1 for share in found.values()))
    return wrong


@settings(deadline=None, max_examples=200)
@given(
    logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=7, max_size=7),
    min_probability=st.floats(0, 1),
    top_k=st.integers(1, 9),
)
def test_no_path_contradicts_itself(logits, min_probability, top_k):
    assert count_contradictions(np.array([logits], dtype="f"), min_probability, top_k) == 0


@pytest.mark.slow
def test_no_path_of_100000_contradicts_itself():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(100_000, 7)) * rng.uniform(0.1, 50, size=(100_000, 1))
    assert count_contradictions(logits.astype("f"), 0.5) == 0
