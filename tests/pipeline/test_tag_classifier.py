"""The component: facets for tags that have none, what it keeps, settings, saving, training beside others."""
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_product_tags import Listing, Tag
from spacy_product_tags.listings.corpus import hide_facets, to_example
from spacy_product_tags.pipeline.facets import find_places, score_facets
from spacy_product_tags.training.calibrate import calibrate_pipeline
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value

NAME = "product_tag_classifier"
CHARS = {
    "@architectures": "spacy-product-tags.CharEncoder.v1",
    "width": 32,
    "depth": 1,
    "rows": 2000,
    "features": 16,
    "dropout": 0.0,
    "word_dropout": 0.0,
}
LISTENER = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
ALIASES = AliasIndex.build([Value("red", "color", {"zh": "红色"}), Value("summer", "season", {"zh": "夏季"})])


@pytest.fixture(scope="module")
def make(tiny_bert):
    return partial(_make, tiny_bert)


def _make(tiny_bert, kind="chars", **config):
    nlp = spacy.blank("zh")
    if kind == "wordpieces":
        model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert, "stride": 16}
        nlp.add_pipe("transformer", config={"model": model})
    own = {name: config.pop(name) for name in ("min_score", "multi", "other") if name in config}
    model = {
        "@architectures": "spacy-product-tags.TagClassifier.v1",
        "hidden_width": 32,
        "rows": 500,
        "dropout": 0.0,
        "tok2vec": CHARS if kind == "chars" else LISTENER,
    }
    nlp.add_pipe(NAME, config={"model": {**model, **config}, **own})
    return nlp


def step(nlp, examples, optimizer, **kwargs):
    losses = {}
    nlp.update(examples, sgd=False, losses=losses, **kwargs)
    for _, component in nlp.pipeline:
        if hasattr(component, "finish_update"):
            component.finish_update(optimizer)
    return losses


def train(nlp, listings, steps=50, **kwargs):
    fix_random_seed(0)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    if kwargs:
        nlp.get_pipe(NAME).initialize(lambda: examples, nlp=nlp, **kwargs)
    optimizer = Adam(0.01)
    for _ in range(steps):
        losses = step(nlp, [to_example(nlp, listing) for listing in listings], optimizer)
    return losses


def bare(nlp, listing, place=True):
    """A doc with the listing's tags without their facets."""
    doc = nlp.make_doc(listing.text)
    gone = {} if place else {"start": None, "end": None, "source": "seller"}
    doc._.tags = [replace(tag, facet="", **gone) for tag in listing.tags]
    return doc


def facets(doc):
    return [(tag.text, tag.facet) for tag in doc._.tags]


def gold(listing):
    return [(tag.text, tag.facet) for tag in listing.tags]


@pytest.fixture(scope="module")
def trained(make, tmp_path_factory):
    """A function that gives the folder of a pipeline trained on the three listings, each kind once."""
    folders = {}

    def get(kind, listings):
        if kind not in folders:
            nlp = make(kind)
            train(nlp, listings)
            folders[kind] = tmp_path_factory.mktemp(kind)
            nlp.to_disk(folders[kind])
        return folders[kind]

    return get


@pytest.mark.parametrize("kind", ["chars", "wordpieces"])
def test_overfit_and_reload(kind, trained, listings):
    nlp = spacy.load(trained(kind, listings))
    docs = [nlp(bare(nlp, listing)) for listing in listings]
    assert [facets(doc) for doc in docs] == [gold(listing) for listing in listings]
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=False).from_bytes(nlp.to_bytes())
    for doc, listing in zip(docs, listings):
        assert again(bare(again, listing)).user_data["spacy_product_tags"]["facets"] == told(doc)
        # A seller's tag, without a place.
        assert facets(nlp(bare(nlp, listing, place=False))) == gold(listing)
    examples = [Example(bare(nlp, listing), to_example(nlp, listing).reference) for listing in listings]
    scores = nlp.evaluate(examples)
    assert scores["facet_macro_f"] == scores["facet_micro_f"] == 1.0


def told(doc):
    steps = doc.user_data["spacy_product_tags"]["facets"]
    chances = [pytest.approx(step["probabilities"], abs=1e-4) for step in steps]
    return [{**step, "probabilities": chance} for step, chance in zip(steps, chances)]


@pytest.mark.parametrize("kind", ["chars", "wordpieces"])
def test_pipe_is_call_and_the_docs_beside_it_do_not_matter(kind, trained, listings):
    nlp = spacy.load(trained(kind, listings))
    many = [*listings, Listing(""), Listing(" "), Listing("没有标签"), replace(listings[0], title=listings[0].title + "大" * 90)]
    alone = [nlp(bare(nlp, listing)) for listing in many]
    for size in (1, 3, 100):
        for doc, other in zip(nlp.pipe([bare(nlp, listing) for listing in many], batch_size=size), alone):
            assert facets(doc) == facets(other)
            if doc._.tags:
                assert doc.user_data["spacy_product_tags"]["facets"] == told(other)


@pytest.mark.parametrize("kind", ["chars", "wordpieces"])
def test_empty_and_blank_docs(kind, trained, listings):
    nlp = spacy.load(trained(kind, listings))
    for text in ("", " ", "\n\t\u3000"):
        doc = nlp(text)
        assert doc._.tags == () and "facets" not in doc.user_data.get("spacy_product_tags", {})
        doc = nlp.make_doc(text)
        doc._.tags = ["纯棉"]
        (tag,) = nlp(doc)._.tags
        assert tag.facet and tag.source == "seller", "the text of the tag is enough"


def test_tags_that_have_a_facet_are_never_touched(trained, listings):
    nlp = spacy.load(trained("chars", listings))
    doc = nlp.make_doc(listings[0].title)
    odd = Tag("纯棉", "season", 0.3, 10, 12)
    doc._.tags = [odd, "纯棉", Tag("耐克", "x", source="generated"), Tag("男士", "", 0.7, 8, 10)]
    first, second, third, last = nlp(doc)._.tags
    assert first == odd and third == Tag("耐克", "x", source="generated")
    assert second == Tag("纯棉", "material", source="seller")
    assert last == Tag("男士", "gender", 0.7, 8, 10), "its score is that of the tag"
    steps = doc.user_data["spacy_product_tags"]["facets"]
    assert [(step["text"], step["facets"], step["start"]) for step in steps] == [("纯棉", ["material"], None), ("男士", ["gender"], 8)]
    assert all(type(value) is float for step in steps for value in step["probabilities"].values())
    # It travels.
    again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again._.tags == doc._.tags and again.user_data["spacy_product_tags"]["facets"] == steps
    # Nothing is left to do.
    assert nlp(doc)._.tags == doc._.tags


TWO = Listing("ins风T恤", tags=(Tag("ins风", "style", 1.0, 0, 4), Tag("ins风", "pattern", 1.0, 0, 4), Tag("T恤", "product", 1.0, 4, 6)))


def test_two_facets(make):
    nlp = make()
    train(nlp, [TWO])
    doc = nlp.make_doc(TWO.title)
    doc._.tags = ["ins风", Tag("T恤", "", 0.5, 4, 6)]
    one, shirt = nlp(doc.copy())._.tags
    assert one.facet in ("style", "pattern") and shirt.facet == "product", "a tag has one facet"
    nlp.get_pipe(NAME).cfg["multi"] = True
    assert sorted(facets(nlp(doc))) == [("T恤", "product"), ("ins风", "pattern"), ("ins风", "style")]
    assert {tag.score for tag in doc._.tags} == {0.5, 1.0}
    chances = doc.user_data["spacy_product_tags"]["facets"][0]["probabilities"]
    assert chances["style"] > 0.8 and chances["pattern"] > 0.8, "they do not share their probability"


def test_unsure_is_no_facet_or_other(trained, listings):
    folder = trained("chars", listings)
    for other in ("", "other"):
        settings = {f"components.{NAME}.min_score": 1.0, f"components.{NAME}.other": other}
        nlp = spacy.load(folder, config=settings)
        doc = nlp(bare(nlp, listings[0]))
        assert {tag.facet for tag in doc._.tags} == {other}
        assert len(doc.user_data["spacy_product_tags"]["facets"][0]["probabilities"]) == 3
        example = Example(doc, to_example(nlp, listings[0]).reference)
        assert nlp.get_pipe(NAME).score([example])["facet_micro_f"] == 0.0


def test_the_temperature_is_saved_and_changes_no_choice(trained, listings):
    nlp = spacy.load(trained("chars", listings))
    component = nlp.get_pipe(NAME)
    doc = bare(nlp, listings[0])
    (cold,) = component.predict([doc])
    (logits,) = component.logits([doc])
    assert cold == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)
    component.cfg["temperature"] = 4.0
    (warm,) = component.predict([doc])
    assert (cold.argmax(1) == warm.argmax(1)).all() and warm.max() < cold.max()
    assert pickle.loads(pickle.dumps(nlp)).get_pipe(NAME).cfg["temperature"] == 4.0


def test_calibration_makes_probabilities_truer(trained, listings):
    nlp = spacy.load(trained("chars", listings))
    component = nlp.get_pipe(NAME)
    # Every tag once with a wrong facet: half of the answers are right.
    turned = dict(zip(component.labels, (*component.labels[1:], component.labels[0])))
    wrong = [
        replace(listing, tags=tuple(replace(tag, facet=turned[tag.facet]) for tag in listing.tags)) for listing in listings
    ]
    report = calibrate_pipeline(nlp, [to_example(nlp, listing) for listing in (*listings, *wrong)], NAME)
    assert report.right.mean() == pytest.approx(0.5, abs=0.05) and report.before > report.after + 0.05
    assert report.temperatures == {"facet": component.cfg["temperature"]} and report.temperatures["facet"] > 1
    nothing = [to_example(nlp, replace(listings[0], tags=()))]
    for examples in ([], nothing):
        with pytest.raises(ValueError, match="no listing has a tag of a facet that it knows"):
            calibrate_pipeline(nlp, examples, NAME)


@pytest.mark.parametrize("raw", ["", "raw"])
def test_what_calibration_says_is_what_evaluation_says(raw, trained, listings):
    nlp = spacy.load(trained("chars", listings))
    # What the tags are called now is not what the gold's were.
    renamed = [replace(listing, tags=tuple(replace(tag, raw=raw and tag.text) for tag in listing.tags)) for listing in listings]
    turned = dict(zip(nlp.get_pipe(NAME).labels, nlp.get_pipe(NAME).labels[::-1]))
    wrong = replace(renamed[0], tags=tuple(replace(tag, facet=turned[tag.facet]) for tag in renamed[0].tags))
    examples = [to_example(nlp, listing) for listing in (*renamed, wrong)]
    for example in examples:
        example.predicted._.tags = example.reference._.tags
    report = calibrate_pipeline(nlp, examples, NAME)
    assert all(example.predicted._.tags == example.reference._.tags for example in examples), "they are the caller's"
    assert 0 < report.right.mean() < 1 and len(report.right) == sum(len(example.reference._.tags) for example in examples)
    for example in examples:
        hide_facets(example)
    assert nlp.evaluate(examples)["facet_ece"] == pytest.approx(report.after, abs=1e-5) and report.after > 0.01


def test_a_generator_before_it_adds_nothing_to_what_is_calibrated(make_nlp, trained, listings):
    nlp = make_nlp("chars")
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    source = spacy.load(trained("chars", listings))
    nlp.add_pipe(NAME, source=source)
    generator = nlp.get_pipe("product_tag_generator")
    generator.predict = lambda docs: pytest.fail("it must not run")
    examples = [to_example(nlp, listing) for listing in listings]
    assert len(calibrate_pipeline(nlp, examples, NAME).right) == sum(len(set(listing.tags)) for listing in listings)


def test_how_many_docs_come_at_once_does_not_matter(trained, listings, monkeypatch):
    nlp = spacy.load(trained("chars", listings))
    docs = [bare(nlp, listing) for listing in listings]
    together = nlp.get_pipe(NAME).logits(docs)
    monkeypatch.setattr("spacy_product_tags.pipeline.tag_classifier._BATCH", 1)
    apart = nlp.get_pipe(NAME).logits(docs)
    assert len(apart) == len(docs)
    for one, other in zip(together, apart):
        assert one == pytest.approx(other, abs=1e-4)


def test_what_it_told_of_earlier_tags_goes_with_them(trained, listings):
    nlp = spacy.load(trained("chars", listings))
    doc = nlp(bare(nlp, listings[0]))
    assert doc.user_data["spacy_product_tags"]["facets"]
    doc._.tags = listings[0].tags
    assert "facets" not in doc.user_data["spacy_product_tags"]
    again = nlp(bare(nlp, listings[0]))
    assert "facets" not in nlp(again).user_data["spacy_product_tags"], "all have one by then"


def test_diverged_weights_say_so(trained, listings):
    nlp = spacy.load(trained("chars", listings))
    with torch.no_grad():
        for weights in nlp.get_pipe(NAME).model.shims[0].module.parameters():
            weights.fill_(float("nan"))
    with pytest.raises(ValueError, match=f"{NAME}: its scores are no numbers"):
        nlp(bare(nlp, listings[0]))


def test_an_alias_table_that_was_left_out_stays(trained, listings, tmp_path):
    nlp = spacy.load(trained("chars", listings))
    component = nlp.get_pipe(NAME)
    without = component.to_bytes()
    component.aliases = ALIASES
    component.from_bytes(component.to_bytes(exclude=["aliases"]))
    assert component.aliases is ALIASES
    component.to_disk(tmp_path)
    assert len(nlp.get_pipe(NAME).from_disk(tmp_path).aliases) == 2
    assert component.from_bytes(without).aliases is None
    component.to_disk(tmp_path)
    assert not (tmp_path / "aliases").exists(), "it is of the component that was saved there before"


def test_a_component_loaded_without_its_table_does_not_take_it_from_the_disk(make, listings, tmp_path):
    nlp = make()
    train(nlp, listings, steps=1, aliases=ALIASES)
    component = nlp.get_pipe(NAME)
    component.to_disk(tmp_path)
    other = make().get_pipe(NAME).from_disk(tmp_path, exclude=["aliases"])
    assert other.aliases is None
    other.to_disk(tmp_path)
    assert len(other.from_disk(tmp_path).aliases) == 2
    other.aliases = None
    assert component.from_bytes(other.to_bytes()).aliases is ALIASES


def test_the_context_decides_what_a_word_means(make):
    first = Listing("苹果手机", tags=(Tag("苹果", "brand", 1.0, 0, 2), Tag("手机", "product", 1.0, 2, 4)))
    second = Listing("苹果礼盒", tags=(Tag("苹果", "product", 1.0, 0, 2),))
    for kind in ("chars", "wordpieces"):
        nlp = make(kind)
        train(nlp, [first, second])
        for place in (True, False):
            assert [facets(nlp(bare(nlp, listing, place)))[0][1] for listing in (first, second)] == ["brand", "product"]
    nlp = make(context=False)
    train(nlp, [first, second])
    chances = [nlp.get_pipe(NAME).predict([bare(nlp, listing)])[0][0] for listing in (first, second)]
    assert (chances[0] == chances[1]).all() and chances[0].tolist() == pytest.approx([0.5, 0.5], abs=0.1)


def test_the_alias_table_tells_of_words_that_are_new(make, tmp_path):
    colors, seasons = "红白黑蓝绿紫橙灰粉青", "春秋冬早晚暖寒凉热温"
    words = [(word, "color") for word in colors] + [(word, "season") for word in seasons]
    table = AliasIndex.build(
        [Value(word, f"shop_{facet}", {"zh": word}) for word, facet in words]
        + [Value("new1", "shop_color", {"zh": "卡其"}), Value("new2", "shop_season", {"zh": "旺月"})]
    )
    listings = [Listing(word, tags=(Tag(word, facet, 1.0, 0, 1),)) for word, facet in words]
    nlp = make(dropout=0.2, context=False)
    train(nlp, listings, steps=80, aliases=table)
    doc = nlp.make_doc("x")
    doc._.tags = ["卡其", "旺月"]
    assert facets(nlp(doc.copy())) == [("卡其", "color"), ("旺月", "season")]
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert facets(again(doc.copy())) == [("卡其", "color"), ("旺月", "season")]
    assert len(spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes()).get_pipe(NAME).aliases) == 22
    # Values added later count, facets that are new don't.
    component = again.get_pipe(NAME)
    component.aliases = AliasIndex.build([Value("n", "shop_season", {"zh": "卡其"}), Value("m", "nothing", {"zh": "卡其"})])
    assert facets(again(doc.copy()))[0] == ("卡其", "season")
    (tmp_path / NAME / "aliases").rename(tmp_path / "elsewhere")
    with pytest.raises((ValueError, OSError), match="aliases"):
        spacy.load(tmp_path)


def test_tokens_that_cut_through_tags_do_not_matter(make, listings):
    nlp = make()
    nlp.tokenizer = spacy.tokenizer.Tokenizer(nlp.vocab)  # blanks only
    train(nlp, listings)
    assert [facets(nlp(bare(nlp, listing))) for listing in listings] == [gold(listing) for listing in listings]


def test_config_round_trip(make, listings, tmp_path):
    nlp = make(min_score=0.6, multi=True, other="misc")
    nlp.get_pipe(NAME).add_label("origin")
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.config.to_str() == nlp.config.to_str()
    assert again.get_pipe(NAME).cfg == nlp.get_pipe(NAME).cfg
    assert again.get_pipe(NAME).labels[0] == "origin" and len(again.get_pipe(NAME).labels) == 8
    assert again.get_pipe(NAME).cfg["min_score"] == 0.6
    filled = spacy.util.load_model_from_config(again.config, auto_fill=True, validate=True)
    assert filled.config["components"] == again.config["components"]


def test_wrong_use_is_named(make, listings, trained, tmp_path):
    with pytest.raises(ValueError, match=rf"\[components\.{NAME}\] min_score: must be from 0 to 1"):
        make(min_score=1.1)
    nlp = make()
    with pytest.raises(ValueError, match="hold no tag with a facet"):
        nlp.initialize(lambda: [to_example(nlp, Listing("T恤", tags=(Tag("T恤", "", 1.0, 0, 2),)))])
    with pytest.raises(ValueError, match="E109"):
        nlp(bare(nlp, listings[0]))
    nlp = spacy.load(trained("chars", listings))
    with pytest.raises(ValueError, match="'color2': the network"):
        nlp.get_pipe(NAME).add_label("color2")
    nlp.to_disk(tmp_path)
    (tmp_path / NAME / "model").write_bytes(b"\x93garbage")
    with pytest.raises(ValueError, match=rf"{NAME}.model: is not what was saved"):
        spacy.load(tmp_path)


def test_a_listener_without_its_transformer_raises(trained, listings):
    source = spacy.load(trained("wordpieces", listings))
    nlp = spacy.blank("zh")
    nlp.add_pipe(NAME, source=source)
    with pytest.raises(ValueError, match="there is none ahead of it in the pipeline"):
        nlp(bare(nlp, listings[0]))


def test_added_to_someone_else_s_pipeline(trained, listings, tmp_path):
    source = spacy.load(trained("wordpieces", listings))
    source.replace_listeners("transformer", NAME, ["model.tok2vec"])
    nlp = spacy.blank("zh")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe(NAME, source=source)
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert facets(nlp(bare(nlp, listings[1]))) == gold(listings[1])


# Training


def weights(nlp):
    return {name: tensor.clone() for name, tensor in nlp.get_pipe("transformer").model.transformer.state_dict().items()}


def changed(nlp, before):
    return {name for name, tensor in weights(nlp).items() if not tensor.equal(before[name])}


def test_a_batch_without_tags_passes_the_transformer_its_turn(make, make_nlp, listings):
    """The last listener triggers the backward pass: the generator before it must learn all the same."""
    nlp = make_nlp("wordpieces")
    nlp.add_pipe(NAME, config={"model": {"@architectures": "spacy-product-tags.TagClassifier.v1", "tok2vec": LISTENER}})
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    before = weights(nlp)
    losses = step(nlp, [to_example(nlp, Listing(text)) for text in ("耐克T恤", "", " ")], Adam(0.01))
    assert losses[NAME] == 0.0 and losses["product_tag_generator"] > 0
    assert len(changed(nlp, before)) > 20
    # And with tags both learn.
    optimizer, first = Adam(0.005), {}
    for _ in range(40):
        losses = step(nlp, [to_example(nlp, listing) for listing in listings], optimizer)
        first = first or losses
    assert losses[NAME] < first[NAME] / 5 and losses["product_tag_generator"] < first["product_tag_generator"] / 5


@pytest.mark.parametrize("context", [True, False])
def test_the_transformer_learns_from_it_alone(context, make, listings):
    nlp = make("wordpieces", context=context)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.initialize(lambda: examples)
    before = weights(nlp)
    # At first what the doc says has no weight in the head's last layers' gradient, so twice.
    for _ in range(2):
        losses = step(nlp, examples, Adam(0.01))
    assert losses[NAME] > 0
    assert bool(len(changed(nlp, before)) > 20) is context


def test_odd_batches(make, listings):
    nlp = make()
    train(nlp, listings, steps=1)
    for texts in ([], [""], [" "], ["克"], ["", "a", ""]):
        losses = step(nlp, [to_example(nlp, Listing(text)) for text in texts], Adam(0.01))
        assert losses.get(NAME, 0.0) == 0.0
    implicit = Listing("", tags=(Tag("夏季", "gender", source="implicit"),))
    assert np.isfinite(step(nlp, [to_example(nlp, implicit), to_example(nlp, listings[0])], Adam(0.01))[NAME])


def test_the_gradient_is_that_of_the_loss(make, listings):
    nlp = make()
    train(nlp, [*listings, TWO], steps=1)
    component = nlp.get_pipe(NAME)
    examples = [to_example(nlp, listing) for listing in (*listings, TWO)]
    rows, targets = component._gold_rows(examples)
    assert len(rows.texts) == 2 * 13 and targets.sum() == 2 * 14, "each once in its place and once nowhere"
    scores = np.random.default_rng(0).normal(size=targets.shape)
    loss, gradient = component.get_loss(examples, scores)
    for row, column in ((0, 0), (3, 2), (25, 7)):
        near = scores.copy()
        near[row, column] += 1e-4
        assert (component.get_loss(examples, near)[0] - loss) / 1e-4 == pytest.approx(gradient[row, column], abs=1e-3)


# Places


def span(text, wanted, **place):
    (found,) = find_places(text, [Tag(wanted, "", source="seller", **place)])
    return None if found[0] < 0 else (found[0], found[1] + 1)


def test_a_place_is_found_for_whole_words_only():
    assert span("Redmi red case", "red") == (6, 9)
    assert span("redmi", "red") is None and span("2024款 24", "24") == (6, 8)
    assert span("ＮＩＫＥ耐克", "nike") == (0, 4)
    assert span("纯棉T恤", "棉") == (1, 2), "Chinese has no word boundaries"
    assert span("a b", " ") is None
    assert span("纯棉T恤", "纯棉", start=1, end=3) == (1, 3)
    assert span("ab", "b", start=1, end=9) is None, "offsets of another text"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=20), st.data())
def test_a_piece_of_a_chinese_text_is_always_found(noise, data):
    chinese = data.draw(st.text("纯棉短袖恤红色", min_size=1, max_size=8))
    text = noise + chinese
    place = span(text, chinese)
    assert place is not None and text[slice(*place)] == chinese
    assert span(text, "不" + chinese) is None or "不" in noise


# Scores


def scored(predicted, wanted, **settings):
    nlp = spacy.blank("zh")
    docs = [nlp.make_doc("abcdef"), nlp.make_doc("abcdef")]
    for doc, tags in zip(docs, (predicted, wanted)):
        doc._.tags = [Tag("abcdef"[at], facet, 1.0, at, at + 1) for at, facet in tags]
    return score_facets([Example(*docs)], **settings)


def test_scores():
    wanted = [(0, "A"), (1, "A"), (2, "B"), (3, "C")]
    scores = scored([(0, "A"), (1, "B"), (2, "B"), (3, ""), (4, "A")], wanted)
    # A: one of two; B: right once, wrong once; C: missed; what gold lacks does not count.
    assert scores["facet_per_facet"]["A"] == {"p": 1.0, "r": 0.5, "f": pytest.approx(2 / 3)}
    assert scores["facet_macro_f"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert scores["facet_micro_f"] == pytest.approx(2 * 2 / (3 + 4))
    assert scored(wanted, wanted)["facet_macro_f"] == 1.0
    assert scored([], wanted)["facet_micro_f"] == 0.0, "lost tags count as missed"
    assert scored([(3, "other")], wanted, other="other")["facet_per_facet"].keys() == {"A", "B", "C"}
    both = [(0, "A"), (0, "B")]
    assert scored([(0, "A")], both)["facet_micro_f"] == pytest.approx(2 / 3)
    assert scored([(0, "A")], []) == dict.fromkeys(("facet_macro_f", "facet_micro_f", "facet_per_facet", "facet_ece"))
    perfect = scored([(0, "A"), (3, "other")], [(0, "A"), (3, "other")], other="other")
    assert perfect["facet_macro_f"] == 1.0, "what has none of the facets is no mistake"


def test_it_is_what_the_factory_says(make):
    nlp = make()
    assert nlp.get_factory_meta(NAME).assigns == ["doc._.tags"] and nlp.get_pipe(NAME).is_trainable
    assert {"facet_macro_f", "facet_micro_f", "facet_per_facet"} <= set(nlp.get_factory_meta(NAME).default_score_weights)
