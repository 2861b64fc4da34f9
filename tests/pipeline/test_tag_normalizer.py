"""`product_tag_normalizer`: one value, one id; what is the same is merged; what is unknown says so."""
import pickle

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_product_tags import Tag
from spacy_product_tags.pipeline.scorers import score_tags, tag_spans
from spacy_product_tags.pipeline.tag_normalizer import TagNormalizer, trace
from spacy_product_tags.quantities import quantity
from spacy_product_tags.rules.rules import ValueRules
from spacy_product_tags.tag import store_tags
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value, find_label
from spacy_product_tags.values.usage import Category, Usage

VALUES = [
    Value("navy", "color", {"en": "Navy", "zh-CN": "藏青色", "zh-TW": "藏青", "ja": "ネイビー"}, ("藏蓝色", "navy blue")),
    Value("cotton", "material", {"en": "Cotton", "zh-CN": "棉", "ja": "コットン"}, ("纯棉", "全棉")),
    Value("nike", "brand", {"en": "Nike"}, ("耐克",)),
    Value("size_xl", "size", {"en": "XL"}),
]


@pytest.fixture()
def nlp():
    nlp = spacy.blank("zh")
    nlp.add_pipe("product_tag_normalizer").initialize(aliases=AliasIndex.build(VALUES))
    return nlp


def run(nlp, text, *tags, **settings):
    component = nlp.get_pipe("product_tag_normalizer")
    for name, value in settings.items():
        setattr(component, name, value)
    doc = nlp.make_doc(text)
    doc._.tags = list(tags)
    return component(doc)


def span(text, part, facet="", score=0.9):
    start = text.index(part)
    return Tag(part, facet, score, start, start + len(part))


@pytest.mark.parametrize("text", ["藏青", "藏蓝色", "Navy", "ﾈｲﾋﾞｰ", "navy blue", "NAVY BLUE"])
def test_all_writings_become_one_value(nlp, text):
    (tag,) = run(nlp, text + "T恤", span(text, text, "color"))._.tags
    assert (tag.canonical_id, tag.text, tag.facet) == ("navy", "藏青色", "color")
    assert tag.raw == text and (tag.start, tag.end, tag.score) == (0, len(text), 0.9)


def test_the_same_value_is_one_tag_and_every_place_is_kept(nlp):
    text = "Nike耐克藏青navy blue"
    doc = run(nlp, text, span(text, "Nike", "brand"), span(text, "耐克", "brand", 0.95), span(text, "navy blue", "color"), "全棉", "纯棉")
    assert [(tag.canonical_id, tag.source) for tag in doc._.tags] == [
        ("nike", "span"), ("navy", "span"), ("cotton", "seller"),
    ]  # fmt: skip
    assert doc._.tags[0].score == 0.95, "the surest speaks for all"
    steps = trace(doc)
    assert [(step["text"], step["canonical_id"], step["how"]) for step in steps] == [
        ("Nike", "nike", "exact"), ("耐克", "nike", "exact"), ("navy blue", "navy", "exact"), ("全棉", "cotton", "exact"),
        ("纯棉", "cotton", "exact"),
    ]  # fmt: skip
    assert {(step["became"], step["facet"]) for step in steps} == {(tag.text, tag.facet) for tag in doc._.tags}
    assert tag_spans(doc) == {(0, 4, "brand"), (4, 6, "brand"), (8, 17, "color")}, "no place is lost for the scores"
    doc._.tags = []
    assert not trace(doc)
    assert [text[step["start"] : step["end"]] for step in steps[:3]] == ["Nike", "耐克", "navy blue"]


def test_a_seller_s_tag_gets_the_facet_and_joins_the_text_s(nlp):
    doc = run(nlp, "藏青T恤", "navy", span("藏青T恤", "藏青", "color", 0.5))
    (tag,) = doc._.tags
    assert (tag.source, tag.start, tag.facet, tag.canonical_id) == ("span", 0, "color", "navy")


def test_what_is_not_in_the_table_stays_and_says_so(nlp):
    doc = run(nlp, "磁吸手机壳", span("磁吸手机壳", "磁吸", "function"))
    (tag,) = doc._.tags
    assert tag == span("磁吸手机壳", "磁吸", "function") and not tag.canonical_id and not tag.raw
    (step,) = trace(doc)
    assert step["how"] == "none" and step["probability"] == 1.0


@pytest.mark.parametrize(
    "text, same", [("500毫升*12瓶", "500ml×12瓶"), ("2斤装", "2斤"), ("3.5oz×2", "3.5 oz × 2"), ("10×20cm", "10*20 cm")]
)
def test_quantities(nlp, text, same):
    first, second = run(nlp, text, span(text, text, "quantity"))._.tags, run(nlp, same, span(same, same, "quantity"))._.tags
    assert first[0].canonical_id.startswith("quantity/")
    if text != "2斤装":
        assert first[0].canonical_id == second[0].canonical_id
    assert first[0].raw in (text, "") and (first[0].raw or first[0].text) == text
    (left,) = run(nlp, text, span(text, text, "quantity"), quantities=False)._.tags
    assert left.text == text and not left.canonical_id


def test_localize(nlp):
    component = nlp.get_pipe("product_tag_normalizer")
    (tag,) = run(nlp, "藏青", span("藏青", "藏青", "color"))._.tags
    assert [component.localize(tag, locale) for locale in ("ja", "en", "zh-TW", "zh", "en-GB")] == [
        "ネイビー", "Navy", "藏青", "藏青色", "Navy",
    ]  # fmt: skip
    assert component.localize(tag, "ko") == tag.text, "no label there"
    (size,) = run(nlp, "500毫升*12瓶", span("500毫升*12瓶", "500毫升*12瓶", "quantity"))._.tags
    assert "500" in component.localize(size, "en") and "ml" in component.localize(size, "en")
    assert component.localize(Tag("磁吸", "function"), "en") == "磁吸"


@pytest.mark.parametrize("texts", [("1斤", "500g"), ("500克", "0.5kg", "1斤")])
def test_equal_amounts_are_merged_and_each_keeps_its_place(nlp, texts):
    text = "大米".join(texts)
    doc = run(nlp, text, *(span(text, part, "quantity") for part in texts))
    (tag,) = doc._.tags
    assert tag.canonical_id == "quantity/500 g" and (tag.raw or tag.text) in texts
    assert [(step["text"], text[step["start"] : step["end"]]) for step in trace(doc)] == [(part, part) for part in texts]
    assert {step["canonical_id"] for step in trace(doc)} == {"quantity/500 g"}


@pytest.mark.parametrize(
    "text, locale, shown",
    [("1斤", "zh", "1斤"), ("0.5kg", "zh", "0.5千克"), ("500毫升*12瓶", "en", "500 ml × 12 bottles"), ("98.6°F", "de", "98,6°F"), ("42欧码", "en", "EU 42"), ("42码", "en", "size 42")],
)
def test_a_quantity_is_shown_in_the_unit_that_it_was_written_in(nlp, text, locale, shown):
    (tag,) = run(nlp, text, span(text, text, "quantity"))._.tags
    assert nlp.get_pipe("product_tag_normalizer").localize(tag, locale) == shown


def test_a_quantity_without_a_written_form_is_shown_in_its_base_unit(nlp):
    localize = nlp.get_pipe("product_tag_normalizer").localize
    assert localize(Tag("a pound of it", "quantity", canonical_id="quantity/500 g"), "zh") == "500克"
    assert localize(Tag("3 bottles", "quantity", canonical_id="quantity/500 g"), "zh") == "500克"
    assert localize(Tag("a pound", "quantity", canonical_id="quantity/much"), "zh") == "a pound"


ROSES = AliasIndex.build(
    [
        *VALUES,
        Value("color/rose", "color", {"en": "Rose"}, attributes=("color",)),
        Value("scent/rose", "scent", {"en": "Rose"}, attributes=("scent",)),
        Value("scent/musk", "scent", {"en": "Musk", "zh-CN": "麝香"}, attributes=("scent",)),
        Value("scent/vanilla", "scent", {"en": "Vanilla"}, attributes=("scent",)),
    ],
    usage=Usage.build([Category(f"c{n}", "", ("color",), {"en": f"Fashion {n}"}) for n in range(99)] + [Category("oil", "", ("scent",), {"en": "Oils"})]),
)


def test_category_and_other_tags_tell_what_is_meant(nlp):
    component = nlp.get_pipe("product_tag_normalizer")
    component.aliases = ROSES
    for category, others, expected in [((), (), ""), (("Oils",), (), "scent/rose"), ((), ("musk", "vanilla"), "scent/rose")]:
        doc = nlp.make_doc("rose musk")
        doc._.category = category
        doc._.tags = ["rose", *others]
        assert component(doc)._.tags[0].canonical_id == expected
        assert trace(doc)[0]["given"] == "" and doc._.tags[0].facet == expected.partition("/")[0]


def test_what_was_looked_up_once_is_at_hand_in_other_listings(nlp, monkeypatch):
    component = nlp.get_pipe("product_tag_normalizer")
    component.aliases = ROSES
    words = ["rose", "navy blue", "musk", "7公斤", "12瓶", "全棉", "no such thing"]

    def normalize(title, category):
        doc = nlp.make_doc(title)
        doc._.category = category
        doc._.tags = words
        return [(tag.text, tag.canonical_id) for tag in component(doc)._.tags]

    for number, category in enumerate(("Fashion 7", "Oils")):
        normalize(f"{number}", (category,))
    calls = []
    for place, name in ((AliasIndex, "_read"), (AliasIndex, "_exact"), (AliasIndex, "_fuzzy"), (quantity, "_read")):
        monkeypatch.setattr(place, name, counted(getattr(place, name), calls))
    found = normalize("another", ("Oils",))
    assert not calls
    assert found[0] == ("rose", "scent/rose") and ("7千克", "quantity/7000 g") in found
    component.aliases = AliasIndex.build(ROSES)
    assert normalize("another", ("Oils",)) != found and calls, "another table says something else"


def counted(function, calls):
    """Wrap a function so that each call adds to a list. RETURNS (Callable): The function."""

    def call(*args):
        calls.append(function.__name__)
        return function(*args)

    return call


def test_what_is_at_hand_depends_on_the_settings(nlp):
    assert run(nlp, "x", Tag("navy bleu", "color"))._.tags[0].canonical_id == "navy"
    assert run(nlp, "x", Tag("navy bleu", "color"), fuzzy=False)._.tags[0].canonical_id == ""
    assert run(nlp, "x", Tag("navy", "color"))._.tags[0].text == "藏青色"
    assert run(nlp, "x", Tag("navy", "color"), locale="en")._.tags[0].text == "Navy"


def test_rename_off_keeps_the_words_of_the_text(nlp):
    (tag,) = run(nlp, "navy blue", span("navy blue", "navy blue", "color"), rename=False)._.tags
    assert (tag.text, tag.canonical_id, tag.raw) == ("navy blue", "navy", "")


def test_locale_and_threshold_are_settings(nlp):
    (tag,) = run(nlp, "藏青", span("藏青", "藏青", "color"), locale="ja")._.tags
    assert tag.text == "ネイビー"
    (tag,) = run(nlp, "navvy blue", span("navvy blue", "navvy blue", "color"), min_probability=0.0)._.tags
    assert tag.canonical_id == "navy"
    (tag,) = run(nlp, "navvy blue", span("navvy blue", "navvy blue", "color"), min_probability=1.0)._.tags
    assert not tag.canonical_id
    with pytest.raises(ValueError, match=r"\[components.product_tag_normalizer\] min_probability: must be from 0 to 1, not 2"):
        TagNormalizer(nlp.vocab, min_probability=2)


TEXTS = st.sampled_from(["藏青", "navy blue", "NIKE/耐克", "纯棉", "磁吸", "500ml*12", "2斤装", "XL", "xl码", "-5 件套×2", "navvy", "约3kg", "10-20cm", "½寸", "1斤", "500克", "rose", "musk", "muskk"]) | st.text(min_size=1, max_size=8)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["", "color", "brand", "quantity", "size"])), max_size=6), st.sampled_from([(), ("Oils",), ("Fashion 1",), ("?",)]))
@settings(deadline=None, max_examples=150)
def test_normalizing_twice_changes_nothing(pairs, category):
    nlp = spacy.blank("zh")
    component = nlp.add_pipe("product_tag_normalizer")
    component.initialize(aliases=ROSES)
    doc = nlp.make_doc("x")
    doc._.category = category
    doc._.tags = [Tag(text, facet, source="seller") for text, facet in pairs if text.strip()]
    once = component(doc)._.tags
    steps = trace(doc)
    assert component(doc)._.tags == once
    assert len(steps) == sum(bool(text.strip()) for text, _ in pairs)
    assert sorted(map(str, trace(doc))) == sorted(map(str, steps))
    assert {(step["became"], step["facet"]) for step in steps} == {(tag.text, tag.facet) for tag in once}
    keys = [(tag.canonical_id or tag.text, tag.facet) for tag in once]
    assert len(set(keys)) == len(keys)


def test_what_a_seller_typed_joins_the_tag_of_the_text(nlp):
    doc = run(nlp, "磁吸手机壳", span("磁吸手机壳", "磁吸", "function"), "磁吸")
    assert doc._.tags == (span("磁吸手机壳", "磁吸", "function"),)
    doc = run(nlp, "磁吸手机壳", span("磁吸手机壳", "磁吸", "function"), span("磁吸手机壳", "磁吸", "material"), "磁吸")
    assert len(doc._.tags) == 3, "nobody knows which one is meant"


def test_an_id_is_not_taken_for_a_text(nlp):
    nlp.get_pipe("product_tag_normalizer").aliases = AliasIndex.build([Value("red", "color", {"zh": "红色"})])
    doc = run(nlp, "x", Tag("红色", "color", source="seller"), Tag("red", "color", source="seller"))
    assert [tag.canonical_id for tag in doc._.tags] == ["red", ""]


def test_ids_of_others_stay(nlp):
    tag = Tag("磁吸", "function", 0.9, 0, 2, canonical_id="wikidata:Q42")
    assert run(nlp, "磁吸手机壳", tag)._.tags == (tag,)


@pytest.mark.parametrize("text, facet", [("361°", "brand"), ("5.11", "brand"), ("A4", "model"), ("S", ""), ("360", "")])
def test_brands_and_bare_numbers_are_no_quantities(nlp, text, facet):
    (tag,) = run(nlp, text, Tag(text, facet, source="seller"))._.tags
    assert (tag.text, tag.canonical_id) == (text, "")
    assert run(nlp, "XL", Tag("XL", "size", source="seller"))._.tags[0].canonical_id


def test_a_quantity_may_be_a_value_of_the_table(nlp):
    nlp.get_pipe("product_tag_normalizer").aliases = AliasIndex.build([Value("size_xl", "size", {"en": "XL"})])
    doc = run(nlp, "XL", Tag("xl码", "size", source="seller"), Tag("XL", "size", source="seller"))
    assert [(tag.canonical_id, tag.text) for tag in doc._.tags] == [("size_xl", "XL")]


def test_running_again_after_new_tags_keeps_what_was_found_out(nlp):
    text = "藏青navy blue纯棉"
    doc = run(nlp, text, span(text, "藏青", "color"), span(text, "navy blue", "color"))
    before = trace(doc)
    doc.user_data["spacy_product_tags"]["tags"].append(span(text, "纯棉", "material").to_dict())
    nlp.get_pipe("product_tag_normalizer")(doc)
    assert trace(doc)[:2] == before and trace(doc)[2]["text"] == "纯棉"
    assert len(tag_spans(doc)) == 3
    store_tags(doc, doc._.tags[1:])
    assert tag_spans(doc) == {(11, 13, "material")}, "a tag that was taken out counts no more"


def test_renaming_does_not_change_the_scores(nlp):
    text = "navy blue"
    doc = run(nlp, text, span(text, text, "color"))
    gold = nlp.make_doc(text)
    gold._.tags = [span(text, text, "color")]
    scores = score_tags([Example(doc, gold)])
    assert doc._.tags[0].text != text and scores["tags_f"] == scores["values_f"] == 1.0


def test_config_with_a_table_and_worker_processes(tmp_path):
    table = tmp_path / "values.csv"
    table.write_text("id,facet,label_zh,aliases\nnavy,color,藏青色,藏青|藏蓝\n", encoding="utf8")
    nlp = spacy.blank("zh")
    nlp.add_pipe("product_tag_normalizer")
    reader = {"@readers": "spacy-product-tags.alias_index.v1", "path": str(table)}
    nlp.config["initialize"]["components"]["product_tag_normalizer"] = {"aliases": reader}
    nlp = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
    nlp.initialize()
    docs = [nlp.make_doc("x") for _ in range(2)]
    for doc in docs:
        doc._.tags = [Tag("藏蓝", "color", source="seller")]
    stored = DocBin(store_user_data=True, docs=nlp.pipe(docs)).to_bytes()
    for doc in DocBin().from_bytes(stored).get_docs(nlp.vocab):
        assert doc._.tags[0].canonical_id == "navy" and trace(doc)[0]["text"] == "藏蓝"


def test_a_retired_value_is_forgotten(nlp):
    component = nlp.get_pipe("product_tag_normalizer")
    component.aliases = component.aliases.changed({}, {"navy": ""}, 1)
    (tag,) = run(nlp, "藏青", Tag("藏青色", "color", 0.9, 0, 2, canonical_id="navy", raw="藏青"))._.tags
    assert tag.canonical_id == "" and tag.raw == "藏青"


def test_no_tags_and_pipe(nlp):
    assert nlp("")._.tags == () and trace(nlp("")) == ()
    docs = [nlp.make_doc("藏青") for _ in range(3)]
    for doc in docs:
        doc._.tags = ["藏青"]
    assert [doc._.tags[0].canonical_id for doc in nlp.pipe(docs)] == ["navy"] * 3


def test_to_disk_to_bytes_pickle_and_as_part_of_a_pipeline(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    other = spacy.blank("zh")
    other.add_pipe("product_tag_normalizer").from_bytes(nlp.get_pipe("product_tag_normalizer").to_bytes())
    for loaded in (spacy.load(tmp_path), other, pickle.loads(pickle.dumps(nlp))):
        (tag,) = run(loaded, "藏青", "藏青")._.tags
        assert tag.canonical_id == "navy"


def test_labels_of_a_language():
    value = Value("x", "color", {"pt-BR": "azul-marinho", "zh-TW": "藏青", "en": "navy"})
    assert find_label(value, "pt") == find_label(value, "pt-PT") == "azul-marinho"
    assert find_label(value, "zh") == "藏青" and find_label(value, "ko") == ""


def test_rules_of_the_shop_hold_once():
    names = {"facet": "brand", "operation": "name", "names": {"a": "b", "b": "c"}}
    nlp = spacy.blank("en")
    rules = ValueRules.from_dict({"format": ValueRules().to_dict()["format"], "rules": [names]})
    nlp.add_pipe("product_tag_normalizer").initialize(rules=rules)
    doc = nlp.make_doc("a")
    doc._.tags = [{"text": "a", "facet": "brand", "source": "seller"}]
    assert [(tag.text, tag.raw) for tag in nlp(doc)._.tags] == [("b", "a")]
    assert [(tag.text, tag.raw) for tag in nlp(doc)._.tags] == [("b", "a")], "what was written by a rule is not raw"


def test_rules_of_the_shop_come_first_and_are_saved(tmp_path):
    rules = ValueRules.from_dict(
        {
            "format": ValueRules().to_dict()["format"],
            "rules": [
                {"facet": "width", "operation": "conversion", "unit": "cm", "decimals": 1, "factors": {"in": "2.54"}},
                {"facet": "brand", "operation": "name", "names": {"HP": "Hewlett-Packard"}},
            ],
        }
    )
    nlp = spacy.blank("en")
    normalizer = nlp.add_pipe("product_tag_normalizer")
    normalizer.initialize(rules=rules)
    doc = nlp.make_doc("HP printer 6in")
    doc._.tags = [{"text": "HP", "facet": "brand", "start": 0, "end": 2}, {"text": "6in", "facet": "width", "start": 11, "end": 14}]
    doc = nlp(doc)
    assert [(tag.text, tag.raw) for tag in doc._.tags] == [("Hewlett-Packard", "HP"), ("15.2", "6in")]
    assert trace(doc)[0]["how"] == "rule"
    once = doc._.tags
    assert nlp(doc)._.tags == once
    # What was only cleaned goes through the rules; once.
    doc = nlp.make_doc("printer")
    doc._.tags = [Tag("6in", "width", source="seller", raw="6\u200bin")]
    assert [(tag.text, tag.raw) for tag in nlp(nlp(doc))._.tags] == [("15.2", "6\u200bin")]
    nlp.to_disk(tmp_path / "nlp")
    other = spacy.blank("en")
    other.add_pipe("product_tag_normalizer")
    for again in (spacy.load(tmp_path / "nlp"), other.from_bytes(nlp.to_bytes())):
        assert len(again.get_pipe("product_tag_normalizer").rules) == 2
    (tmp_path / "nlp" / "product_tag_normalizer" / "rules.json").unlink()
    with pytest.raises(ValueError, match="rules.json: is missing"):
        spacy.load(tmp_path / "nlp")


def test_a_rule_that_writes_nothing_is_none():
    nlp = spacy.blank("en")
    normalizer = nlp.add_pipe("product_tag_normalizer")
    entry = {"facet": "brand", "operation": "name", "names": {"n/a": " "}}
    normalizer.rules = ValueRules.from_dict({"format": ValueRules().to_dict()["format"], "rules": [entry]})
    doc = nlp.make_doc("n/a")
    doc._.tags = [{"text": "n/a", "facet": "brand"}]
    assert [tag.text for tag in nlp(doc)._.tags] == ["n/a"]
