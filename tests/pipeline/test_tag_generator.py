"""The component: what it finds and keeps, settings, labels, saving. Training, sharing and odd texts have files of their own."""
import numpy as np
import pytest
import regex
import spacy
from spacy.tokens import Doc
from strategies import random_texts

from spacy_product_tags import Listing, Tag
from spacy_product_tags.graphemes import clean
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.pipeline.spans.decoding import choose
from spacy_product_tags.pipeline.tag_generator import TagGenerator

KINDS = ["chars", "wordpieces", "stock", "tokens", "tok2vec"]
ENCODERS = KINDS[:3]


def found(doc):
    return [(tag.start, tag.end, tag.facet) for tag in doc._.tags]


def gold(listing):
    return sorted((tag.start, tag.end, tag.facet) for tag in listing.tags)


def close(first, second):
    """Say whether two docs have the same tags with the same scores."""
    assert found(first) == found(second)
    assert [tag.score for tag in first._.tags] == pytest.approx([tag.score for tag in second._.tags], abs=1e-4)
    return True


@pytest.fixture()
def decoder():
    """What is chosen of spans that are given by hand."""
    nlp = spacy.blank("zh")

    def decode(spans, overlap, text="abcdefghij", keep_promotions=False):
        spans = sorted(spans)
        pairs = np.array([(start, end - 1) for start, end, _, _ in spans], dtype=np.int64).reshape(-1, 2)
        facets = np.array(["AB".index(facet) for _, _, facet, _ in spans], dtype=np.int64)
        values = np.array([value for *_, value in spans], dtype="f")
        likely = (pairs, facets, values)
        settings = {"overlap": overlap, "keep_promotions": keep_promotions, "widest": 128}
        (tags,) = choose([nlp.make_doc(text)], likely, ["A", "B"], **settings)
        return [(tag.start, tag.end, tag.facet) for tag in tags]

    return decode


def test_no_tag_touches_markup(decoder):
    text = "<b>耐克</b>T恤&amp;"
    spans = [(1, 2, "A", 0.9), (3, 5, "A", 0.8), (2, 4, "B", 0.95), (3, 6, "A", 0.99), (9, 11, "B", 0.7), (9, 13, "B", 0.9)]
    assert decoder(spans, "any", text) == [(3, 5, "A"), (9, 11, "B")]


# Overfit and reload


@pytest.mark.parametrize("kind", KINDS)
def test_overfit_and_reload(kind, trained, listings):
    nlp = spacy.load(trained(kind))
    docs = list(nlp.pipe(listing.title for listing in listings))
    for doc, listing in zip(docs, listings):
        assert found(doc) == gold(listing)
        assert [tag.text for tag in doc._.tags] == [doc.text[tag.start : tag.end] for tag in doc._.tags]
        assert all(0.5 < tag.score <= 1 and type(tag.score) is float and tag.source == "span" for tag in doc._.tags)
    assert nlp.evaluate([to_example(nlp, listing) for listing in listings])["tags_f"] == 1.0
    # From bytes, into a pipeline made of the config alone.
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=False).from_bytes(nlp.to_bytes())
    for doc, listing in zip(docs, listings):
        assert close(doc, again(listing.title))


@pytest.mark.parametrize("kind", KINDS)
def test_pipe_is_call_and_the_texts_beside_it_do_not_matter(kind, trained, listings):
    nlp = spacy.load(trained(kind))
    texts = [listing.title for listing in listings]
    texts += ["", " ", texts[0] * 9, "克", texts[1] + "\n" + texts[2], "完全 other text 1234 " * 5]
    alone = [nlp(text) for text in texts]
    for batch_size in (1, 3, 100):
        for doc, expected in zip(nlp.pipe(texts, batch_size=batch_size), alone):
            assert close(doc, expected)
    for doc, expected in zip(nlp.pipe(reversed(texts)), reversed(alone)):
        assert close(doc, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_component_is_batch_independent_too(kind, make_nlp, listings):
    # Here every limit of the head bites.
    nlp = make_nlp(kind, min_score=0.05, overlap="any")
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    texts = [listing.title * 4 for listing in listings]
    for doc, expected in zip(nlp.pipe(texts), [nlp(text) for text in texts]):
        assert close(doc, expected)
    assert any(expected._.tags for expected in nlp.pipe(texts))


@pytest.mark.parametrize("kind", KINDS)
def test_empty_and_blank_docs(kind, trained, listings):
    nlp = spacy.load(trained(kind))
    for text in ("", " ", "\n\t\u3000", "\u200b"):
        doc = nlp(text)
        assert all(tag.text.strip() for tag in doc._.tags)
        assert doc.text == text
    assert nlp("")._.tags == ()
    assert [doc._.tags for doc in nlp.pipe(["", ""])] == [(), ()]
    assert found(list(nlp.pipe(["", listings[0].title, " "]))[1]) == gold(listings[0])


# The config


def test_config_round_trip(make_nlp, tmp_path):
    nlp = make_nlp("chars", min_score=0.5, overlap="any", keep_promotions=True)
    nlp.get_pipe("product_tag_generator").add_label("color")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.config.to_str() == nlp.config.to_str()
    assert again.get_pipe("product_tag_generator").cfg == {
        "labels": ["color"], "min_score": 0.5, "overlap": "any", "keep_promotions": True, "max_tags": 1000,
    }  # fmt: skip
    # The config fills itself in with nothing left over.
    filled = spacy.util.load_model_from_config(again.config, auto_fill=True, validate=True)
    assert filled.config["components"] == again.config["components"]


@pytest.mark.parametrize(
    "setting, value", [("overlap", "some"), ("min_score", 1.1), ("min_score", -0.1)]
)
def test_a_wrong_setting_is_named(setting, value, make_nlp):
    with pytest.raises(ValueError, match=rf"\[components\.product_tag_generator\] {setting}: must be"):
        make_nlp("chars", **{setting: value})


# Labels


def test_labels_come_from_the_data(make_nlp, listings):
    nlp = make_nlp("chars")
    component = nlp.get_pipe("product_tag_generator")
    assert component.labels == ()
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    assert component.labels == ("brand", "color", "compatibility", "gender", "material", "model", "product")
    assert component.label_data == list(component.labels)
    assert nlp.pipe_labels["product_tag_generator"] == list(component.labels)
    assert component.cfg["overlap"] == "nested"
    assert component.is_trainable


def test_given_labels_are_taken_and_the_others_are_not_learnt(make_nlp, train, listings):
    nlp = make_nlp("chars")
    component = nlp.get_pipe("product_tag_generator")
    examples = [to_example(nlp, listing) for listing in listings]
    component.initialize(lambda: examples, nlp=nlp, labels=["product", "brand"])
    assert component.labels == ("product", "brand")
    assert component.model.get_dim("nO") == 2
    losses = component.update(examples, sgd=None)
    assert losses["product_tag_generator"] > 0


def test_add_label(make_nlp, listings):
    nlp = make_nlp("chars")
    component = nlp.get_pipe("product_tag_generator")
    assert (component.add_label("origin"), component.add_label("origin")) == (1, 0)
    nlp.initialize(lambda: [to_example(nlp, listings[0])])
    assert component.labels == ("origin", "brand", "gender", "material", "product")
    assert component.add_label("brand") == 0
    with pytest.raises(ValueError, match="'color': the network of 'product_tag_generator' is built"):
        component.add_label("color")


def test_initializing_again_with_other_data_builds_anew(make_nlp, train, listings):
    nlp = make_nlp("chars")
    train(nlp, listings[:1], steps=1)
    train(nlp, listings)
    assert [found(nlp(listing.title)) for listing in listings] == [gold(listing) for listing in listings]


def test_without_labels_it_says_so(make_nlp, listings):
    nlp = make_nlp("chars")
    with pytest.raises(ValueError, match="hold no tag with a facet and a span"):
        nlp.initialize(lambda: [to_example(nlp, Listing("T恤", tags=(Tag("夏季", "season", source="implicit"),)))])
    for text in ("T恤", "   "):
        with pytest.raises(ValueError, match="E109"):
            nlp(text)
    with pytest.raises(ValueError, match="E109"):
        nlp.update([to_example(nlp, listings[0])])


@pytest.mark.parametrize(
    "spans, overlap",
    [
        ([(0, 2), (2, 4)], "none"),
        ([(0, 4), (1, 2)], "nested"),
        ([(0, 4), (0, 4)], "nested"),
        ([(0, 4), (0, 2), (2, 4)], "nested"),
        ([(0, 3), (2, 4)], "any"),
        ([(0, 2), (1, 3), (4, 9), (5, 6)], "any"),
        ([(0, 9), (1, 3), (2, 4)], "any"),
    ],
)
def test_the_overlap_is_that_of_the_data(spans, overlap, make_nlp):
    nlp = make_nlp("chars")
    text = "abcdefghij"
    tags = tuple(Tag(text[s:e], f"F{n}", 1.0, s, e) for n, (s, e) in enumerate(spans))
    nlp.initialize(lambda: [to_example(nlp, Listing(text, tags=tags)), to_example(nlp, Listing(text, tags=tags[:1]))])
    assert nlp.get_pipe("product_tag_generator").cfg["overlap"] == overlap


@pytest.mark.parametrize("slips, overlap", [(1, "none"), (3, "any")])
def test_a_slip_among_many_tags_does_not_decide_the_overlap(slips, overlap, make_nlp):
    flat = Listing("abcdefghij", tags=tuple(Tag(char, "A", 1.0, n, n + 1) for n, char in enumerate("abcdefghij")))
    slip = Listing("abcdefghij", tags=(Tag("abc", "A", 1.0, 0, 3), Tag("cd", "B", 1.0, 2, 4)))
    nlp = make_nlp("chars")
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in [*[flat] * 40, *[slip] * slips]])
    assert nlp.get_pipe("product_tag_generator").cfg["overlap"] == overlap


# What is kept


def test_no_overlap_keeps_the_likelier(decoder):
    assert decoder([(0, 3, "A", 0.6), (2, 5, "B", 0.9), (5, 6, "A", 0.5)], "none") == [(2, 5, "B"), (5, 6, "A")]
    assert decoder([(0, 5, "A", 0.6), (1, 2, "B", 0.5)], "none") == [(0, 5, "A")]


def test_nested_keeps_what_is_inside_and_drops_what_crosses(decoder):
    spans = [(0, 5, "A", 0.6), (1, 2, "B", 0.9), (4, 7, "A", 0.5), (0, 5, "B", 0.5)]
    assert decoder(spans, "nested") == [(0, 5, "A"), (0, 5, "B"), (1, 2, "B")]


def test_any_keeps_everything(decoder):
    spans = [(0, 5, "A", 0.6), (0, 5, "B", 0.5), (1, 2, "B", 0.9), (4, 7, "A", 0.5)]
    assert decoder(spans, "any") == [(0, 5, "A"), (0, 5, "B"), (1, 2, "B"), (4, 7, "A")]


def test_decoding_is_what_a_plain_search_gives(decoder):
    rng = np.random.default_rng(0)
    text = "x" * 300
    for overlap in ("none", "nested"):
        starts = rng.integers(0, 250, 400)
        ends = starts + rng.integers(1, 50, 400)
        spans = [(int(s), int(e), "A", float(v)) for s, e, v in zip(starts, ends, rng.random(400))]
        kept = []
        for start, end, _, _ in sorted(sorted(spans), key=lambda span: -np.float32(span[3])):
            crossing = [k for k in kept if start < k[1] and k[0] < end]
            if overlap == "nested":
                crossing = [k for k in crossing if not (k[0] <= start and end <= k[1] or start <= k[0] and k[1] <= end)]
            if not crossing and (start, end) not in kept:
                kept.append((start, end))
        assert [(s, e) for s, e, _ in decoder(spans, overlap, text)] == sorted(kept)


def test_blanks_and_promotions_are_no_tags_and_push_no_other_out(decoder):
    assert decoder([(0, 2, "A", 0.9), (1, 5, "B", 0.5)], "none", "  abc") == [(2, 5, "B")]
    text = "包邮T恤"
    spans = [(0, 2, "A", 0.9), (0, 1, "A", 0.6), (2, 4, "B", 0.9)]
    assert decoder(spans, "any", text) == [(2, 4, "B")]
    assert decoder(spans, "any", text, keep_promotions=True) == [(0, 1, "A"), (0, 2, "A"), (2, 4, "B")]
    # A tag that only holds a promotion is one.
    assert decoder([(0, 2, "A", 0.9), (0, 4, "B", 0.6)], "none", text, keep_promotions=False) == [(0, 4, "B")]


def test_two_facets_of_one_span_are_both_learnt(make_nlp, train):
    listing = Listing("ins风T恤", tags=(
        Tag("ins风", "style", 1.0, 0, 4), Tag("ins风", "pattern", 1.0, 0, 4), Tag("T恤", "product", 1.0, 4, 6),
    ))  # fmt: skip
    nlp = make_nlp("chars")
    train(nlp, [listing])
    doc = nlp(listing.title)
    assert set(found(doc)) == set(gold(listing))
    # They share their probability.
    assert [tag.score for tag in doc._.tags if tag.end == 4] == pytest.approx([0.5, 0.5], abs=0.05)
    nlp.get_pipe("product_tag_generator").cfg["overlap"] = "none"
    assert len(nlp(listing.title)._.tags) == 2


def test_three_facets_of_one_span(make_nlp, train):
    facets = ("style", "pattern", "series")
    nlp = make_nlp("chars", overlap="any")
    listing = Listing("ins风T恤", tags=tuple(Tag("ins风", facet, 1.0, 0, 4) for facet in facets))
    train(nlp, [listing])
    assert {tag.facet for tag in nlp(listing.title)._.tags} == set(facets)


def test_settings_can_be_changed_on_loading(trained, listings):
    nlp = spacy.load(trained("chars"), config={"components.product_tag_generator.min_score": 0.99999})
    assert nlp.get_pipe("product_tag_generator").cfg["min_score"] == 0.99999
    assert len(nlp(listings[0].title)._.tags) < len(spacy.load(trained("chars"))(listings[0].title)._.tags)


def test_min_score(trained, listings):
    nlp = spacy.load(trained("chars"))
    doc = nlp.make_doc(listings[0].title[:9] + "x" + listings[2].title)
    component = nlp.get_pipe("product_tag_generator")
    component.cfg["overlap"] = "any"
    scores = {}
    for limit in (0.0001, 0.4, 0.99):
        component.cfg["min_score"] = limit
        scores[limit] = [tag.score for tag in component.predict([doc])[0]]
        assert min(scores[limit], default=1.0) >= limit
    assert len(scores[0.0001]) > len(scores[0.99])


# Tags that the doc comes with


def test_a_seller_s_tags_survive_and_older_spans_do_not(trained, listings):
    nlp = spacy.load(trained("chars"))
    doc = nlp.make_doc(listings[0].title)
    seller = Tag("全棉", "material", source="seller")
    here = Tag("纯棉", "material", 1.0, 8, 10, source="seller")
    implicit = Tag("夏季", "season", 0.7)
    doc._.tags = [seller, Tag("耐", "old", 0.5, 0, 1), here, implicit]
    (doc,) = nlp.pipe([doc])
    assert found(doc)[:4] == gold(listings[0])
    assert doc._.tags[4:] == (seller, here, Tag("夏季", "season", 0.7, source="implicit"))


def test_predict_changes_no_doc(trained, listings):
    nlp = spacy.load(trained("chars"))
    doc = nlp.make_doc(listings[0].title)
    before = doc.to_bytes()
    nlp.get_pipe("product_tag_generator").predict([doc])
    assert doc.to_bytes() == before


def test_it_is_what_the_factory_says(make_nlp):
    component = make_nlp("chars").get_pipe("product_tag_generator")
    assert type(component) is TagGenerator
    assert spacy.blank("xx").get_factory_meta("product_tag_generator").assigns == ["doc._.tags"]
    assert make_nlp("chars").analyze_pipes()["summary"]["product_tag_generator"]["assigns"] == ["doc._.tags"]


def test_a_user_s_own_span_survives_and_is_there_once(trained, listings):
    nlp = spacy.load(trained("chars"))
    title = listings[0].title
    doc = nlp.make_doc(title)
    mine, same = {"text": "2024", "facet": "mine", "start": 2, "end": 6}, {"text": "耐克", "facet": "brand", "start": 0, "end": 2}
    doc._.tags = [mine, same, {**mine, "facet": "old", "source": "span"}]
    doc = nlp(doc)
    own = [Tag("2024", "mine", 1.0, 2, 6, "seller"), Tag("耐克", "brand", 1.0, 0, 2, "seller")]
    assert [tag for tag in doc._.tags if tag.source == "seller"] == own
    assert sorted(found(doc)) == sorted([*gold(listings[0]), (2, 6, "mine")])
    once = doc._.tags
    assert nlp(doc)._.tags == once
    # A copy or bytes in between change nothing.
    doc = nlp.make_doc(title)
    doc._.tags = [mine]
    again = nlp(Doc(nlp.vocab).from_bytes(doc.to_bytes()))
    assert [tag.facet for tag in again._.tags if tag.source == "seller"] == ["mine"]


def test_predicting_twice_doubles_nothing_and_gold_tags_are_no_predictions(trained, listings):
    nlp = spacy.load(trained("chars"))
    doc = nlp(listings[0].title)
    once = doc._.tags
    assert nlp(doc)._.tags == once
    doc._.tags = doc._.tags
    assert nlp(doc)._.tags == once
    wrong = Listing(listings[0].title, tags=(Tag("2024", "brand", 1.0, 2, 6),))
    example = to_example(nlp, wrong)
    example.predicted._.tags = example.reference._.tags
    scores = nlp.evaluate([example])
    assert (scores["tags_p"], scores["tags_r"]) == (0.0, 0.0)
    # The gold of training data may be set as dicts, too.
    example.reference._.tags = [{"text": "耐克", "facet": "brand", "start": 0, "end": 2}]
    assert nlp.evaluate([example])["tags_r"] == 1.0


# Characters


class Given:
    """Docs of a text each, and spans with their scores as `likely_spans` gives them."""

    def __init__(self, *spans):
        self.texts = list(dict.fromkeys(text for text, _, _ in spans))
        begins = dict(zip(self.texts, np.cumsum([0, *map(len, self.texts)])))
        rows = sorted((begins[t] + t.index(s), begins[t] + t.index(s) + len(s) - 1, score) for t, s, score in spans)
        self.spans = np.array([row[:2] for row in rows]), np.zeros(len(rows), int), np.array([row[2] for row in rows])

    def choose(self, overlap="none", **settings):
        docs = [spacy.blank("xx").make_doc(text) for text in self.texts]
        return choose(docs, self.spans, ["x"], overlap=overlap, widest=128, keep_promotions=False, **settings)


@pytest.mark.parametrize(
    "text, surface, shown",
    [
        ("ﾒﾝｽﾞ T", "ﾒﾝｽ", "ﾒﾝｽﾞ"),
        ("メンス\u3099", "メンス", "メンス\u3099"),
        ("Cre\u0300me Bru\u0302le\u0301e", "Cre\u0300me Brule"[:6], "Cre\u0300me"),
        ("8 Black👍🏿❤", "Black👍🏿❤", "Black"),
        ("8 Black👍🏿❤", "Black👍", "Black"),
        ("👨‍👩‍👧‍👦蘋果", "👦蘋果", "蘋果"),
        ("红\u200b色\u200b", "红\u200b色\u200b", "红色"),
    ],
)
def test_tags_cut_no_character_and_show_no_decoration(text, surface, shown):
    ((tag,),) = Given((text, surface, 0.9)).choose()
    assert tag.text == shown
    assert text[tag.start : tag.end] == (tag.raw or tag.text)
    assert Listing.from_dict(Listing(text, tags=(tag,)).to_dict()).tags == (tag,)


@pytest.mark.parametrize("overlap", ["none", "nested", "any"])
def test_spans_that_differ_in_half_a_character_are_one_tag(overlap):
    text = " ﾒﾝｽﾞ❤"
    ((tag,),) = Given((text, "ﾒﾝｽ", 0.5), (text, " ﾒﾝｽ", 0.8), (text, "ﾒﾝｽﾞ❤", 0.7), (text, "❤", 0.9)).choose(overlap)
    assert (tag.start, tag.end, tag.score) == (1, 5, 0.8)


def test_no_tag_of_odd_texts_cuts_a_character(odd_texts_nlp):
    nlp, checked = odd_texts_nlp, 0
    for doc in nlp.pipe(random_texts(300, seed=15)):
        starts = {match.start() for match in regex.finditer(r"\X", doc.text)} | {len(doc.text)}
        for tag in doc._.tags:
            checked += 1
            assert {tag.start, tag.end} <= starts
            assert doc.text[tag.start : tag.end] == (tag.raw or tag.text)
            assert tag.text == clean(tag.text)
    assert checked > 1000


@pytest.fixture(scope="module")
def odd_texts_nlp(trained):
    nlp = spacy.load(trained("chars"))
    nlp.get_pipe("product_tag_generator").cfg.update(min_score=0.02, overlap="any")
    return nlp


def test_there_is_a_most_of_tags_and_an_issue_says_where_it_was_met(odd_texts_nlp):
    component, text = odd_texts_nlp.get_pipe("product_tag_generator"), "耐克男士纯棉T恤 " * 20
    every = odd_texts_nlp(text)
    assert len(every._.tags) > 50 and every._.tag_issues == ()
    try:
        component.cfg["max_tags"] = 50
        doc = odd_texts_nlp.make_doc(text)
        doc._.tag_issues = [{"tag": 0, "reason": "spelling"}]
        doc._.tags = ["全棉"]
        doc = odd_texts_nlp(odd_texts_nlp(doc))
    finally:
        component.cfg["max_tags"] = 1000
    assert doc._.tag_issues[1:] == ({"reason": "too_many_tags", "found": len(every._.tags), "kept": 50},)
    *likeliest, seller = doc._.tags
    assert len(likeliest) == 50 and seller.source == "seller"
    assert min(tag.score for tag in likeliest) >= sorted((tag.score for tag in every._.tags), reverse=True)[50] - 1e-4
    assert [tag.start for tag in likeliest] == sorted(tag.start for tag in likeliest)
    assert odd_texts_nlp(doc)._.tag_issues == ({"tag": 0, "reason": "spelling"},)
    with pytest.raises(ValueError, match=r"\[components.x\] max_tags: must be at least 1, not 0"):
        TagGenerator(odd_texts_nlp.vocab, component.model, "x", max_tags=0)
