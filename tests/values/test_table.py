import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.listing import write_listings
from spacy_product_tags.values.build import create_read_aliases
from spacy_product_tags.values.table import AliasTable, Value, make_id, read_aliases

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(str.strip)
VALUES = st.builds(
    Value,
    st.sampled_from(["v1", "v2", "v3"]),
    st.just("color"),
    st.dictionaries(st.sampled_from(["zh", "en", ""]), NAMES, max_size=2),
    st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    st.integers(1, 9),
)
NAVY = Value("navy", "color", {"zh": "藏青", "en": "Navy"}, ("藏蓝色",), 3)


def write(path, *lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf8")
    return path


def contents(table):
    return [(value.to_dict(), sorted(value.surfaces)) for value in table]


@settings(deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers())
def test_the_order_of_adding_does_not_matter(values, seed):
    shuffled = list(values)
    random.Random(seed).shuffle(shuffled)
    first, second = AliasTable(values), AliasTable(shuffled)
    assert contents(first) == contents(second)
    for value in values:
        for surface in value.surfaces:
            assert first.find(surface) == second.find(surface)
            assert value.id in [found.id for found in first.find(surface)]


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=8))
def test_a_table_survives_its_file(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("table") / "values.jsonl"
    table = AliasTable(values)
    table.to_disk(path)
    assert contents(read_aliases(path)) == contents(table)


def test_find():
    table = AliasTable([NAVY, Value("apple/brand", "brand", aliases=("苹果",), freq=9), Value("apple/fruit", "product", aliases=("苹果",))])
    assert [value.id for value in table.find("ＮＡＶＹ ")] == ["navy"]
    assert [value.id for value in table.find("苹果")] == ["apple/brand", "apple/fruit"]
    assert table.find("navy blue") == ()
    assert table.facets == ["brand", "color", "product"]
    assert "navy" in table and table["navy"].labels["zh"] == "藏青" and len(table) == 3


def test_add_merges_names_and_refuses_another_facet():
    table = AliasTable([NAVY])
    table.add(Value("navy", "color", {"en": "Deep navy", "ja": "ネイビー"}, ("navy blue",), 2))
    navy = table["navy"]
    assert navy.labels == {"zh": "藏青", "en": "Deep navy", "ja": "ネイビー"}
    assert set(navy.aliases) == {"Navy", "navy blue", "藏蓝色"} and navy.freq == 5
    with pytest.raises(ValueError, match="'navy' is a value of 'color' already, not of 'brand'"):
        table.add(Value("navy", "brand", aliases=("Navy",)))
    assert table["navy"] == navy


def test_values_come_from_values_listings_or_facets(tmp_path, listings):
    values = write(tmp_path / "values.jsonl", json.dumps(NAVY.to_dict()), "", '{"facet": "brand", "aliases": ["Nike"]}')
    table = read_aliases(values)
    assert table["navy"] == NAVY and table.find("NIKE")[0].id == make_id("brand", "Nike") == "brand/nike"
    write_listings(tmp_path / "listings.jsonl.gz", listings * 2)
    table = read_aliases(tmp_path / "listings.jsonl.gz")
    assert {value.facet for value in table.find("手机壳")} == {"product"} and table.find("手机壳")[0].freq == 2
    for name, text in (("v.toml", 'color = ["红色", "navy"]'), ("v.json", '{"color": ["红色", "navy"]}')):
        assert [value.id for value in read_aliases(write(tmp_path / name, text))] == ["color/navy", "color/红色"]


@pytest.mark.parametrize(
    "line, field",
    [
        ('{"facet": "color"', "line"),
        ("[]", "line"),
        ('{"aliases": ["a"]}', "facet"),
        ('{"facet": "", "aliases": ["a"]}', "facet"),
        ('{"facet": "color"}', "aliases"),
        ('{"facet": "color", "aliases": "red"}', "aliases"),
        ('{"facet": "color", "aliases": [" "]}', "aliases"),
        ('{"facet": "color", "labels": {"zh": 1}}', "labels"),
        ('{"facet": "color", "aliases": ["a"], "freq": 0}', "freq"),
        ('{"facet": "color", "aliases": ["a"], "colour": 1}', "colour"),
        ('{"facet": "color", "aliases": ["a"], "id": 5}', "id"),
        ('{"id": "brand/nike", "facet": "color", "aliases": ["a"]}', "line"),
        ('{"title": "红裙", "tags": [{"text": "蓝", "start": 0, "end": 1}]}', "tags[0].start"),
    ],
)
def test_a_bad_line_is_named_and_costs_no_good_one(tmp_path, line, field):
    path = write(tmp_path / "values.jsonl", '{"facet": "brand", "aliases": ["Nike"]}', line, '{"facet": "color", "aliases": ["red"]}')
    with pytest.raises(ListingError) as caught:
        read_aliases(path)
    assert (caught.value.path, caught.value.line, caught.value.field) == (str(path), 2, field)
    errors = []
    assert [value.id for value in read_aliases(path, on_error=errors.append)] == ["brand/nike", "color/red"]
    assert len(errors) == 1


def test_the_reader_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="--paths.values"):
        create_read_aliases(None)
    with pytest.raises(ValueError, match="no such file"):
        create_read_aliases(tmp_path / "gone.jsonl")
    with pytest.raises(ListingError, match="holds no value"):
        create_read_aliases(write(tmp_path / "empty.jsonl"))
    assert len(create_read_aliases(write(tmp_path / "one.jsonl", '{"facet": "color", "aliases": ["red"]}'))) == 1
