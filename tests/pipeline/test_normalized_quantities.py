"""What the normalizer makes of quantities: nothing is lost, and what surrounds a tag tells what its unit means."""
import pytest
import spacy

from spacy_product_tags import Tag
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value
from spacy_product_tags.values.usage import Category, Usage


def run(text, *tags, lang="zh", category=(), aliases=None):
    nlp = spacy.blank(lang)
    component = nlp.add_pipe("product_tag_normalizer")
    component.initialize(aliases=aliases)
    doc = nlp.make_doc(text)
    doc._.tags = list(tags)
    if category:
        doc._.category = category
    return component(doc)._.tags


def at(text, part, facet=""):
    return Tag(part, facet, 0.9, text.index(part), text.index(part) + len(part))


@pytest.mark.parametrize(
    "text, part, facet",
    [
        ("精华24H保湿", "24H", "function"), ("3D立体眼罩", "3D", "function"), ("5D手机膜", "5D", "style"), ("9H钢化膜", "9H", "material"), ("加厚1200D", "1200D", "material"),
        ("8K电视", "8K", "resolution"), ("2.0T涡轮", "2.0T", "engine"), ("蓝牙5.0耳机", "5.0", "version"), ("桌子宽107厘米", "宽107厘米", "size"), ("size 00", "00", "size"),
    ],
)  # fmt: skip
def test_specifications_stay_as_they_are(text, part, facet):
    (tag,) = run(text, at(text, part, facet))
    assert (tag.text, tag.raw, tag.canonical_id) == (part, "", "")


@pytest.mark.parametrize(
    "text, part, facet, written, name",
    [
        ("男童加绒卫衣110码", "110码", "size", "110码", "quantity/size 110"), ("运动鞋男42码", "42码", "size", "EU 42", "quantity/EU 42"), ("棉布面料10码", "10码", "size", "10英码", "quantity/914.4 cm"),
        ("60支长绒棉四件套", "60支", "", "60支纱", "quantity/60 Ne"), ("农夫山泉550ml*24瓶*2箱", "550ml*24瓶*2箱", "size", "550毫升 × 24瓶 × 2箱", "quantity/550 ml × 24 bottles × 2 cases"),
    ],
)  # fmt: skip
def test_the_words_around_decide(text, part, facet, written, name):
    (tag,) = run(text, at(text, part, facet))
    assert (tag.text, tag.canonical_id, tag.raw) == (written, name, part if written != part else "")
    (again,) = run(text, tag)
    assert again == tag
    # A seller's tag stands nowhere; the title tells.
    (seller,) = run(text, Tag(part, facet, source="seller"))
    assert (seller.text, seller.canonical_id) == (written, name)


def test_the_category_and_the_facet_decide():
    assert run("Model 7", Tag("42码", "size"), category=("鞋靴", "运动鞋"))[0].canonical_id == "quantity/EU 42"
    assert run("Model 7", Tag("24 ct", "pack size"), lang="en")[0].canonical_id == "quantity/24 pcs"
    assert run("Model 7", Tag("24 ct"), lang="en")[0].canonical_id == ""
    assert run("Pods", Tag("24 ct"), lang="en", category=("Coffee Pods",))[0].canonical_id == "quantity/24 pcs"


@pytest.mark.parametrize(
    "lang, text, written, name",
    [
        ("zh", "10片", "10片", "10 pcs"), ("zh", "3只装", "3只装", "3 pcs/pack"), ("zh", "三件套", "三件套", "3 pcs/set"), ("zh", "5包", "5包", "5 bags"), ("zh", "2斤装", "2斤装", "1000 g/pack"),
        ("zh", "50抽*6包", "50抽*6包", "50 sheets × 6 bags"), ("zh", "12 bottles", "12瓶", "12 bottles"), ("zh", "500ml*12瓶", "500毫升 × 12瓶", "500 ml × 12 bottles"),
        ("en", "Pack of 6", "Pack of 6", "6 pcs/pack"), ("en", "6 count", "6 count", "6 pcs"), ("en", "500毫升*12瓶", "500 ml × 12 bottles", "500 ml × 12 bottles"), ("en", "20lbs", "20 lb", "9071.8474 g"),
        ("es", "6 unidades", "6 unidades", "6 pcs"),
    ],
)  # fmt: skip
def test_what_is_counted_keeps_its_word(lang, text, written, name):
    (tag,) = run("Model 7", Tag(text), lang=lang)
    assert (tag.text, tag.canonical_id) == (written, f"quantity/{name}")


DRUMS = AliasIndex.build(
    [
        Value("drums/10", "drum_configuration", {"en": "10 pcs", "zh-CN": "10 件"}, attributes=("drum_configuration",)),
        Value("battery/12v", "battery_size", {"en": "12V"}, attributes=("battery_size",)),
        Value("own/6v", "voltage", {"en": "6V"}),
    ],
    usage=Usage.build([Category("drums", "", ("drum_configuration",), {"en": "Drums"}), Category("masks", "", ("battery_size",), {"en": "Masks"})], []),
)  # fmt: skip


@pytest.mark.parametrize(
    "text, facet, category, name",
    [
        ("10片", "", (), "quantity/10 pcs"), ("10件", "", (), "quantity/10 pcs"), ("10片", "", ("Masks",), "quantity/10 pcs"), ("10件", "", ("Drums",), "drums/10"),
        ("12V", "", (), "quantity/12 V"), ("12V", "battery_size", (), "battery/12v"), ("12V", "", ("Masks",), "battery/12v"), ("6V", "", (), "own/6v"),
    ],
)  # fmt: skip
def test_a_quantity_is_a_value_of_the_table_where_the_listing_says_so(text, facet, category, name):
    assert run("title", Tag(text, facet), category=category, aliases=DRUMS)[0].canonical_id == name


def test_the_language_decides():
    assert run("Wasser 1.000 ml", Tag("1.000 ml", "size"), lang="de")[0].canonical_id == "quantity/1000 ml"
    assert run("water 1.000 ml", Tag("1.000 ml", "size"), lang="en")[0].canonical_id == "quantity/1 ml"


@pytest.mark.parametrize("text", ["10 KİLOGRAM", "fİve", "3 ſ", "5 ﬀ", "ı2", "K8", "1" * 100_000, "一" * 100_000, "1*" * 50_000])
def test_no_tag_stops_a_run(text):
    (tag,) = run("title", Tag(text, "size", source="seller"))
    assert tag.raw in ("", text)
