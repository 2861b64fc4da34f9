"""Where values are used: categories by id and path, and how likely a listing belongs to them."""
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.surroundings import Surroundings
from spacy_product_tags.values.table import Value
from spacy_product_tags.values.usage import Attribute, Category, Usage

CATEGORIES = [
    Category("a", "", ("color",), {"en": "Apparel", "zh-CN": "服饰"}),
    Category("a-1", "a", ("color", "size"), {"en": "Shirts", "zh-CN": "衬衫"}),
    # English only, as some of Shopify's.
    Category("a-1-1", "a-1", ("color", "collar_of_shirts"), {"en": "T-Shirts"}),
    Category("b", "", ("flavor",), {"en": "Food", "zh-CN": "食品"}),
]
SOURCES = [Attribute("collar_of_shirts", "collar"), Attribute("color", "")]


def build(categories=CATEGORIES):
    return Usage.build(categories, SOURCES)


@pytest.mark.parametrize(
    "category, row",
    [
        ("a-1", 1),
        ("Apparel > Shirts", 1),
        (("apparel", "SHIRTS"), 1),
        ("服飾 > 襯衫 > t-shirts", 2),
        # The nearest one above.
        (["Apparel", "Shirts", "Polo"], 1),
        (("Shirts",), -1),
        ("", -1),
        ((), -1),
        ("c", -1),
        (3, 3),
    ],
)
def test_a_category_is_found_by_id_or_path_in_any_language(category, row):
    assert build().locate(category) == row


def test_which_attributes_and_where():
    usage = build()
    assert usage.attributes_of(2) == ["collar", "color"] and usage.attributes_of(3) == ["flavor"]
    assert usage.categories_of(["color"]).tolist() == [0, 1, 2] and usage.categories_of(["collar", "flavor"]).tolist() == [2, 3]
    assert usage.categories_of(["collar_of_shirts", "nothing"]).tolist() == []


def test_the_nearer_the_likelier():
    usage = build()
    weights = usage.weigh(usage.locate("a-1"))
    assert weights[1] > weights[2] > weights[0] > weights[3] > 0
    assert usage.weigh(-1, [usage.categories_of(["flavor"])]).argmax() == 3
    assert usage.weigh().tolist() == [0.25] * 4


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5), st.integers(-1, 3), st.lists(st.sampled_from(["color", "collar", "flavor", "size"]), max_size=4))
def test_weights_are_probabilities_whatever_the_order(seed, category, context):
    categories = list(CATEGORIES)
    random.Random(seed).shuffle(categories)
    usage = build(categories)
    assert {name: array.tolist() for name, array in usage.arrays.items()} == {name: array.tolist() for name, array in build().arrays.items()}
    weights = usage.weigh(category, [usage.categories_of([name]) for name in context])
    assert (weights > 0).all() and weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "row, said",
    [
        (Category("b", "", (), {"en": "Drinks"}), "categories:5: id: 'b' is in line 4 already"),
        (Category("c", "z", (), {"en": "Drinks"}), "categories:5: parent: no category has the id 'z'"),
        (Category("c", "c", (), {"en": "Drinks"}), "categories:5: parent: goes in a circle"),
    ],
)
def test_a_bad_category_is_named_and_costs_no_other(row, said):
    with pytest.raises(ListingError, match=said):
        build([*CATEGORIES, row])
    errors = []
    usage = Usage.build([*CATEGORIES, row], SOURCES, on_error=errors.append)
    assert len(errors) == 1 and usage.locate("Apparel > Shirts > T-Shirts") >= 0 and usage.locate("Food") >= 0
    assert usage.locate("Drinks") == usage.locate("c") == -1


def test_a_ring_of_categories_ends():
    errors = []
    usage = Usage.build([Category("x", "y", (), {}), Category("y", "x", (), {})], on_error=errors.append)
    assert [error.line for error in errors] == [1, 2] and len(usage) == 0


def test_surroundings_tell_nothing_of_themselves_or_without_a_taxonomy():
    values = [Value("red", "color", {"en": "Red"}, attributes=("color",)), Value("own", "color", {"en": "Rouge"})]
    index = AliasIndex.build(values, usage=build())
    listing = Surroundings(index, "b", [("red", "")])
    assert listing.tells and listing.use("red").lift < -0.3 and listing.use("own").lift == 0
    # Red alone speaks for apparel, but not where red itself is in question.
    assert Surroundings(index, (), [("red", "")]).use("red").lift == 0
    assert not Surroundings(index).tells
    plain = Surroundings(AliasIndex.build(values), "b", [("red", "")])
    assert not plain.tells and plain.use("red").lift == 0


def test_an_index_keeps_its_usage(tmp_path):
    index = AliasIndex.build([Value("red", "color", {"en": "Red"}, attributes=("color",))], usage=build())
    changed = index.changed({"mint": Value("mint", "flavor", {"en": "Mint"}, attributes=("flavor",))}, {}, 1)
    changed.to_disk(tmp_path / "index")
    for other in (changed, AliasIndex.from_disk(tmp_path / "index"), AliasIndex.from_bytes(changed.to_bytes())):
        assert other.usage.locate("Apparel > Shirts") == 1
        assert other.categories_of("mint").tolist() == [3] and other["red"].attributes == ("color",)
        assert np.array_equal(other.categories_of("red"), index.categories_of("red"))


def test_a_value_that_no_taxonomy_mentions_comes_between_those_that_few_and_many_categories_have():
    many = [Category(f"c{number}", "", ("color",) if number % 4 == 0 else ("rare",) if number == 1 else (), {"en": f"C{number}"}) for number in range(100)]
    values = [Value(name, name, {"en": "Rose"}, attributes=(name,)) for name in ("color", "rare", "unknown")]
    listing = Surroundings(AliasIndex.build(values, usage=Usage.build(many)))
    # A quarter of all categories, one in a hundred, nobody knows.
    assert listing.use("color").weight > listing.use("unknown").weight > listing.use("rare").weight
    # What its category has, what nobody mentions, what it hasn't.
    told = Surroundings(AliasIndex.build(values, usage=Usage.build(many)), "c0")
    assert told.use("color").weight > told.use("unknown").weight > told.use("rare").weight


@pytest.mark.parametrize("category, allowed", [("a-1", True), ("Apparel", True), ("a-1-1", False), ("b", False), ("nowhere", None), ("", None)])
def test_what_a_category_or_one_below_it_lists_is_allowed(category, allowed):
    index = AliasIndex.build([Value("m", "size", {"en": "M"}, attributes=("size",)), Value("x", "size", {"en": "X"})], usage=build())
    assert Surroundings(index, category).allows("m") is allowed
    assert Surroundings(index, category).allows("x") is None
