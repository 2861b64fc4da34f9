"""Which value a text means, and when it means none."""
import random

import pytest

from spacy_product_tags.kb.alias_index import AliasIndex
from spacy_product_tags.kb.aliases import Value
from spacy_product_tags.kb.linking import FEATURES, fit_weights, link, weights
from spacy_product_tags.training.fit_linking import fit_linking, misspell

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
    fitted, report = fit_linking(values, count=400, min_probability=0.5)
    assert set(fitted) == set(FEATURES)
    assert report.precision > 0.9 and report.recall > 0.8 and report.null_f > 0.8
    assert fit_linking(values, count=400)[0] == fitted, "the same from the same seed"
    with pytest.raises(ValueError, match="8 are too few"):
        fit_linking(values[:8])


@pytest.mark.parametrize("text", ["navy blue", "藏青色", "ネイビー"])
def test_misspelt_texts_differ_a_little(text):
    rng = random.Random(1)
    made = {misspell(text, rng) for _ in range(50)}
    assert len(made) > 1 and all(made_one[0] == text[0] and abs(len(made_one) - len(text)) <= 1 for made_one in made)
    assert misspell("ab", rng) is None and misspell("色", rng) is None
