"""Which value a text means, and when it means none."""
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.values.fitting.linking import fit_linking
from spacy_product_tags.values.fitting.queries import misspell
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.linking import FEATURES, fit_weights, link, weights
from spacy_product_tags.values.table import Value
from spacy_product_tags.values.usage import Attribute, Category, Usage

NAVY = Value("navy", "color", {"en": "Navy", "zh-CN": "藏青色", "ja": "ネイビー"}, ("藏青", "藏蓝色", "navy blue"))
INDEX = AliasIndex.build(
    [
        NAVY,
        Value("green", "color", {"en": "Dark green", "zh-CN": "深绿色"}),
        Value("cotton", "material", {"en": "Cotton", "zh-CN": "棉"}, ("纯棉", "全棉")),
        Value("apple", "brand", {"en": "Apple", "zh-CN": "苹果"}, freq=5),
        Value("fruit", "flavor", {"en": "Apple", "zh-CN": "苹果味"}),
        Value("ten", "size", {"en": "Width 10 centimetres"}),
    ]
)


@pytest.mark.parametrize("text", ["藏青", "藏蓝色", "Navy", "ﾈｲﾋﾞｰ", "navy blue", "NAVY-BLUE", "藏藍色"])
def test_all_writings_of_a_value_are_one(text):
    found, probability = link(INDEX, text, "color")
    assert found.id == "navy" and probability > 0.9


SIBLINGS = [
    ("牛仔短裤", "牛仔裤"), ("运动凉鞋", "运动鞋"), ("深灰蓝色", "深蓝色"), ("深红色", "深绿色"), ("Vans", "Van"), ("XXL", "XL"),
    ("AAA", "AA"), ("MM", "M"), ("Vitamin C", "Vitamin D"), ("90×100cm", "90-100cm"), ("Skirt", "Shirt"), ("Type C", "Type A"),
    ("12 inches wide", "10 inches wide"),
]  # fmt: skip


@pytest.mark.parametrize("text, known", SIBLINGS)
def test_a_sibling_is_no_slip(text, known):
    index = AliasIndex.build([Value("known", "brand", {"en": known})])
    assert link(index, text, "brand").probability < 0.8


def test_other_forms_are_found_before_slips():
    index = AliasIndex.build([Value("nike", "brand", {"en": "Nike"}), Value("shirt", "product", {"en": "Shirts"})])
    for text in ("NIKE/耐克", "Nike 耐克"):
        found, probability = link(index, text, "brand")
        assert (found.id, found.how) == ("nike", "variant") and probability > 0.8
    assert link(index, "shirt", "product").candidate.how == "variant"


def test_a_name_of_two_facets_is_none_where_no_facet_is_given():
    index = AliasIndex.build([Value("a", "color", {"en": "Rose"}), Value("b", "scent", {"en": "Rose"}), Value("c", "color", {"en": "Navy"})])
    assert link(index, "rose").probability < 0.8 < link(index, "navy").probability
    assert link(index, "rose", "scent").candidate.id == "b"


@pytest.mark.parametrize("text, value", [("navy bleu", "navy"), ("Dark gren", "green")])
def test_a_slip_of_the_pen_is_forgiven(text, value):
    found, probability = link(INDEX, text, "color")
    assert (found.id, found.how) == (value, "fuzzy") and probability > 0.8
    assert link(INDEX, text, "color", fuzzy=False) == (None, 0.0)


@pytest.mark.parametrize("text, facet", [("Dark grey", "color"), ("Width 12 centimetres", "size"), ("深红色", "color")])
def test_another_value_is_none_of_these(text, facet):
    assert link(INDEX, text, facet).probability < 0.8


def test_the_facet_decides_between_two_of_a_name():
    assert link(INDEX, "Apple", "flavor").candidate.id == "fruit"
    assert link(INDEX, "Apple", "brand").candidate.id == "apple"
    assert link(INDEX, "Apple", "color").probability < 0.5, "no colour of that name"


def test_an_empty_table_means_nothing():
    assert link(AliasIndex.build(()), "navy") == (None, 0.0)


def test_weights_are_of_the_features():
    assert set(weights()) == set(FEATURES)


def test_fitting_finds_what_decides():
    rng = random.Random(0)
    rows = []
    for _ in range(400):
        row = {name: rng.random() for name in FEATURES} | {"bias": 1.0}
        rows.append((row, row["likeness"] + 0.1 * rng.random() > 0.6))
    found = fit_weights(rows)
    assert found["likeness"] > 5 * max(abs(found[name]) for name in FEATURES if name not in ("bias", "likeness"))


def test_fit_tells_slips_from_other_values():
    colors = ["crimson", "emerald", "lavender", "mustard", "turquoise", "burgundy", "charcoal", "magenta", "olive drab"]
    stuffs = ["cotton", "leather", "polyester", "cashmere", "corduroy", "chiffon", "velvet", "bamboo fibre"]
    values = [Value(f"{color} {stuff}", "stuff", {"en": f"{color} {stuff}"}) for color in colors for stuff in stuffs]
    index = AliasIndex.build(values)
    fitted, reports = fit_linking(index, count=400, min_probability=0.5)
    assert set(fitted) == set(FEATURES) and set(reports) == {"all"}
    report = reports["all"]
    assert report.precision > 0.9 and report.recall > 0.8 and report.null_f > 0.8
    assert fit_linking(index, count=400)[0] == fitted, "the same from the same seed"
    with pytest.raises(ValueError, match="8 are too few"):
        fit_linking(AliasIndex.build(values[:8]))


@pytest.mark.parametrize("text", ["navy blue", "藏青色", "ネイビー"])
def test_misspelt_texts_differ_a_little(text):
    rng = random.Random(1)
    made = {misspell(text, rng) for _ in range(50)}
    assert len(made) > 1 and all(made_one[0] == text[0] and abs(len(made_one) - len(text)) <= 1 for made_one in made)
    assert misspell("ab", rng) is None and misspell("色", rng) is None


CATEGORIES = [
    Category("top", "", ("color",), {"en": "Everything", "zh-CN": "全部"}),
    Category("dress", "top", ("color", "fabric"), {"en": "Dresses", "zh-CN": "连衣裙"}),
    Category("perfume", "top", ("note",), {"en": "Perfume", "zh-CN": "香水"}),
    Category("plant", "top", ("color", "flower"), {"en": "Plants", "zh-CN": "植物"}),
]
ROSES = [
    Value("color/rose", "color", {"en": "Rose"}, attributes=("color",)),
    Value("scent/rose", "scent", {"en": "Rose"}, attributes=("scent",)),
    Value("plant/rose", "plant", {"en": "Rose"}, attributes=("flower",)),
    Value("scent/musk", "scent", {"en": "Musk"}, attributes=("scent",)),
    Value("material/silk", "material", {"en": "Silk"}, attributes=("fabric",)),
]
USAGE = Usage.build(CATEGORIES, [Attribute("note", "scent")])
GARDEN = AliasIndex.build(ROSES, usage=USAGE)


@pytest.mark.parametrize(
    "listing, meant",
    [
        ({}, "color/rose"),
        ({"category": "perfume"}, "scent/rose"),
        ({"category": ("全部", "香水")}, "scent/rose"),
        ({"category": "Everything > Perfume > Unheard of"}, "scent/rose"),
        ({"category": "dress"}, "color/rose"),
        # Listed there as a color too, but a plant is what such a category is about.
        ({"category": "plant"}, "plant/rose"),
        ({"context": [("musk", "")]}, "scent/rose"),
        ({"context": [("silk", "material"), ("nonsense", "")]}, "color/rose"),
        # What may mean several values says nothing, not even of itself.
        ({"context": [("rose", "")]}, "color/rose"),
        ({"category": "nowhere"}, "color/rose"),
    ],
)
def test_the_listing_tells_what_a_name_of_several_values_means(listing, meant):
    found, probability = link(GARDEN, "rose", **listing)
    assert found.id == meant
    # Color is what is listed most, so without a listing it is likelier; but no one knows. Of a dress or a perfume all do.
    assert (probability > 0.8) == (meant != "plant/rose" and listing.get("category") not in (None, "nowhere"))
    assert link(GARDEN, "rose").probability < 0.6
    if listing.get("category") not in (None, "nowhere", "plant"):
        assert probability > link(GARDEN, "rose").probability + 0.1


def test_the_facet_weighs_more_than_the_listing():
    assert link(GARDEN, "rose", "plant", category="perfume").candidate.id == "plant/rose"


def test_a_category_without_the_value_makes_it_less_likely():
    assert link(GARDEN, "silk", category="dress").probability > link(GARDEN, "silk").probability > link(GARDEN, "silk", category="perfume").probability


@settings(deadline=None, max_examples=60)
@given(st.randoms(), st.sampled_from(["rose", "silk", "musks", "sylk road"]), st.sampled_from(["", "perfume", "plant"]), st.lists(st.sampled_from([("musk", ""), ("silk", ""), ("rose", "")]), max_size=3))
def test_the_order_of_loading_changes_no_link(random, text, category, context):
    values, categories = list(ROSES), list(CATEGORIES)
    random.shuffle(values)
    random.shuffle(categories)
    index = AliasIndex.build(values, usage=Usage.build(categories, [Attribute("note", "scent")]))
    random.shuffle(context)
    expected = link(GARDEN, text, category=category, context=sorted(context))
    found = link(index, text, category=category, context=context)
    assert found.candidate == expected.candidate and found.probability == pytest.approx(expected.probability)


def test_weights_of_the_index_are_taken():
    index = INDEX.changed({}, {}, 1, weights={"bias": -9.0})
    assert link(index, "navy", "color").probability < 0.01 < 0.9 < link(INDEX, "navy", "color").probability
