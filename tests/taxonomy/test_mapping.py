import json
from pathlib import Path

import pytest

from spacy_product_tags.errors import ListingError
from spacy_product_tags.taxonomy.mapping import CategoryMapping, load_mapping, split_path

SHOPIFY = Path(__file__).parents[2].parent / "shared" / "datasets" / "tax_shopify"
PAIRS = [(("Shoes",), ("Apparel", "Shoes")), (("Shoes", "Boots", "Snow Boots"), ("Apparel", "Boots"))]


def test_nearest_mapped_ancestor():
    mapping = CategoryMapping(PAIRS)
    assert len(mapping) == 2
    assert mapping.to(["Shoes", "Boots", "Snow Boots", "Red"]) == ("Apparel", "Boots")
    assert mapping.to(("SHOES", "boots")) == ("Apparel", "Shoes")
    assert mapping.to(("Hats", "Shoes")) is None and mapping.to(()) is None


def test_a_category_becomes_one():
    assert len(CategoryMapping([*PAIRS, *PAIRS])) == 2
    with pytest.raises(ValueError, match="'SHOES' is mapped to 'Apparel > Shoes' already"):
        CategoryMapping([*PAIRS, (("SHOES",), ("Hats",))])


def test_files(tmp_path):
    path = tmp_path / "m.jsonl"
    rows = [{"a": "Shoes > Boots", "b": ["Boots"]}, {"a": "shoes>boots", "b": "Hats"}, {"a": "Hats"}, {"a": "Hats", "b": [""]}, {"a": ["Hats"], "b": "H"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    errors = []
    mapping = load_mapping(path, "a", "b", on_error=errors.append)
    assert mapping.to(("Shoes", "Boots")) == ("Boots",) and mapping.to(("Hats",)) == ("H",)
    assert [(err.path, err.line, err.field) for err in errors] == [(str(path), 2, "a"), (str(path), 3, "b"), (str(path), 4, "b")]
    with pytest.raises(ListingError, match="m.jsonl:2: a: "):
        load_mapping(path, "a", "b")


def test_split_path():
    assert split_path(" Shoes>Boots > ") == ("Shoes", "Boots")
    assert split_path(" ") == split_path("\t") == ()
    assert split_path("Shoes\t>\tBoots") == split_path("Shoes > \u3000 > Boots >\n") == ("Shoes", "Boots")
    assert split_path("鞋\u3000>\u3000靴") == ("鞋", "靴")
    assert split_path("Toys > >3 years") == ("Toys", ">3 years")
    assert split_path("Toys > Age >3 years") == ("Toys", "Age >3 years")


@pytest.mark.skipif(not SHOPIFY.exists(), reason="needs ../shared/datasets/tax_shopify")
def test_shopify_to_google():
    mapping = load_mapping(SHOPIFY / "shopify_to_google.jsonl.gz")
    path = ("Services", "Entertainment & Recreation Services", "Outdoor Activities")
    assert mapping.to(("Vehicles & Parts", "Vehicles", "Watercraft", "Yachts"))[-1] == "Yachts"
    assert mapping.to(path) is None
    assert mapping.to(("Animals & Pet Supplies", "New")) == ("Animals & Pet Supplies",)
