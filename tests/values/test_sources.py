import gzip
import json
import re
import tomllib
from pathlib import Path

import pytest

from spacy_product_tags.errors import ListingError
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.sources import DATA_PATH, facet_of, iter_entries, iter_values
from spacy_product_tags.values.table import Value
from spacy_product_tags.values.usage import Attribute, Category

ROOT = Path(__file__).parents[2]
DATASETS = ROOT.parent / "shared" / "datasets"
# Not one of those that shopify.toml mends.
NAVY = {"id": "color__navy", "attribute": "color", "labels": {"en": "Ultramarine", "zh-CN": "海军蓝"}}
FOOD = {"id": "en:Plastic", "parents": [], "names": {"en": ["Plastic", "plastics"], "nl_be": ["Plastiek"]}}


def write(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf8")
    return path


def test_each_shape_of_row_is_a_value(tmp_path):
    own = Value("x", "color", {"zh": "青"}, ("cyan",), 2)
    other = {"id": "color__other", "attribute": "color", "labels": {"en": "Other", "zh-CN": "其他"}}
    path = write(tmp_path / "materials.jsonl", NAVY, other, "", FOOD, own.to_dict())
    assert list(iter_values(path)) == [
        Value("color__navy", "color", {"en": "Ultramarine", "zh-CN": "海军蓝"}, attributes=("color",)),
        Value("materials/en:Plastic", "material", {"en": "Plastic", "nl-be": "Plastiek"}, ("plastics",)),
        own,
    ]
    with gzip.open(tmp_path / "spices.jsonl.gz", "wt", encoding="utf8") as file:
        file.write(json.dumps(FOOD))
    (value,) = iter_values(tmp_path / "spices.jsonl.gz")
    assert (value.id, value.facet) == ("spices/en:Plastic", "spices")


def test_a_spreadsheet(tmp_path):
    path = write(
        tmp_path / "values.csv",
        "\ufeffid,facet,label_zh,label_en,aliases,freq",
        'navy,color,藏青," Navy, dark ",藏蓝色| navy blue |,3',
        ",,,,,",
        ",color,,Red,,",
        "teal,color,,,Teal",
    )
    assert list(iter_values(path)) == [
        Value("navy", "color", {"zh": "藏青", "en": "Navy, dark"}, ("藏蓝色", "navy blue"), 3),
        Value("color/red", "color", {"en": "Red"}),
        Value("teal", "color", {}, ("Teal",)),
    ]


def test_a_spreadsheet_in_gbk_with_semicolons(tmp_path):
    path = tmp_path / "values.csv"
    path.write_bytes("颜色表\nID;Facet;Label_zh\n红;color;红色\n藏青;color;藏青，深\n".encode("gb18030"))
    assert list(iter_values(path)) == [Value("红", "color", {"zh": "红色"}), Value("藏青", "color", {"zh": "藏青，深"})]
    # Bytes that no encoding explains are told, in JSON lines, too.
    path.write_bytes(b"facet,label_zh\n" + "color,红色\n".encode() * 20 + b"color,\xff\n")
    errors = []
    assert len(list(iter_values(path, on_error=errors.append))) == 20
    assert [(error.line, error.field) for error in errors] == [(22, "line")]
    path = tmp_path / "values.jsonl"
    path.write_bytes('{"facet": "color", "labels": {"zh": "红色"}}\n'.encode("gb18030"))
    with pytest.raises(ListingError, match="no UTF-8") as caught:
        list(iter_values(path))
    assert (caught.value.line, caught.value.field) == (1, "line")


@pytest.mark.parametrize("cell", ["1E+05", "1.00E+05", "5-Jan"])
def test_damaged_ids_merge_nothing(tmp_path, cell):
    path = write(tmp_path / "v.csv", "id,facet,label_zh", f"{cell},color,红色", f"{cell},color,蓝色", "x,color,绿色")
    errors = []
    assert [value.id for value in iter_values(path, on_error=errors.append)] == ["x"]
    assert [(error.line, error.field) for error in errors] == [(2, "id"), (3, "id")]


@pytest.mark.parametrize(
    "name, head, line, good, field",
    [
        ("v.csv", "facet,label_en", "color", "color,Red", "aliases"),
        ("v.csv", "facet,label_en", ",Red", "color,Red", "facet"),
        ("v.csv", "facet,label_en", "color,Red,Blue", "color,Red", "line"),
        ("v.csv", "facet,label_en", 'color,"Red" x', "color,Red", "label_en"),
        ("v.csv", "facet,label_en,freq", "color,Red,-1", "color,Red,1", "freq"),
        ("v.jsonl", NAVY, "{", NAVY, "line"),
        ("v.jsonl", NAVY, "[]", NAVY, "line"),
        ("v.jsonl", NAVY, {**NAVY, "id": 5}, NAVY, "id"),
        ("v.jsonl", NAVY, {**NAVY, "attribute": ""}, NAVY, "attribute"),
        ("v.jsonl", NAVY, {**NAVY, "labels": {"en": "Navy", "zh": " "}}, NAVY, "zh"),
        ("v.jsonl", NAVY, {**NAVY, "labels": []}, NAVY, "labels"),
        ("v.jsonl", NAVY, {**FOOD, "names": {}}, NAVY, "names"),
        ("v.jsonl", NAVY, {**FOOD, "names": {"en": []}}, NAVY, "names.en"),
        ("v.jsonl", NAVY, {"kind": "synonyms", "lang": "en", "terms": ["a", "b"]}, NAVY, "terms"),
        ("v.jsonl", NAVY, {"facet": "color"}, NAVY, "aliases"),
    ],
)
def test_a_bad_row_is_named_and_costs_no_good_one(tmp_path, name, head, line, good, field):
    path = write(tmp_path / name, head, line, good)
    with pytest.raises(ListingError) as caught:
        list(iter_values(path))
    assert (caught.value.path, caught.value.line, caught.value.field) == (str(path), 2, field)
    errors = []
    values = list(iter_values(path, on_error=errors.append))
    assert len(values) == (1 if name == "v.csv" else 2) and len(errors) == 1


@pytest.mark.parametrize("head, field", [("facet,colour", "colour"), ("id,label_en", "facet"), ("facet,id,id", "id"), ("facet,", "line")])
def test_bad_columns_end_it(tmp_path, head, field):
    with pytest.raises(ListingError, match="column") as caught:
        list(iter_values(write(tmp_path / "v.csv", head, "color,red"), on_error=[].append))
    assert (caught.value.line, caught.value.field) == (1, field)


def test_facets_are_ours_where_one_fits():
    names = {"color": "color", "frame_color": "color", "toy/game_material": "material", "fabric": "material", "pattern": "pattern",
             "shoe_size": "size", "colorway": "colorway", "nut_form": "nut_form", "country": "origin", "video_game_genre": "video_game_genre",
             "color_accuracy_standards": "color_accuracy_standards"}  # fmt: skip
    assert {name: facet_of(name) for name in names} == names
    data = tomllib.loads(DATA_PATH.read_text(encoding="utf8"))
    facets = tomllib.loads((ROOT / "corpus" / "facets.toml").read_text(encoding="utf8"))["facets"]
    assert {*data["shopify"], *data["open_food_facts"].values()} <= facets.keys()
    for pattern in data["shopify"].values():
        re.compile(pattern)


@pytest.mark.skipif(not (DATASETS / "tax_shopify").is_dir(), reason="the real data sets are not there")
def test_real_taxonomies():
    values = [value for value in iter_values(DATASETS / "tax_shopify" / "values.jsonl.gz") if value.facet == "color"]
    values += iter_values(DATASETS / "tax_openfoodfacts" / "materials.jsonl.gz")
    index = AliasIndex.build(values)
    assert [(c.id, c.facet) for c in index.exact("navy")] == [("color__navy", "color")]
    assert "color__navy" in [candidate.id for candidate in index.fuzzy("Marinebla", "color")]
    assert index.exact("Kunststoff")[0].facet == "material"


def test_categories_and_attributes_of_a_taxonomy(tmp_path):
    top = {"id": "aa", "path_en": "Apparel", "parent": None, "attributes": ["color"], "labels": {"en": "Apparel"}}
    sub = {**top, "id": "aa-1", "parent": "aa", "attributes": []}
    frames = {"id": "frame_color", "labels": {"en": "Frame color"}, "descriptions": {}, "values_from": "color"}
    own = {"id": "color", "labels": {"en": "Color"}, "values": ["color__navy"]}
    path = write(tmp_path / "taxonomy.jsonl", top, sub, frames, own, NAVY)
    *entries, value = iter_entries(path)
    assert entries == [
        Category("aa", "", ("color",), {"en": "Apparel"}),
        Category("aa-1", "aa", (), {"en": "Apparel"}),
        Attribute("frame_color", "color"),
        Attribute("color", ""),
    ]
    assert list(iter_values(path)) == [value]
    path = write(tmp_path / "bad.jsonl", {**top, "attributes": "color"}, {**top, "parent": 5}, {**top, "labels": {}}, NAVY)
    errors = []
    assert list(iter_entries(path, on_error=errors.append)) == [value]
    assert [(error.line, error.field) for error in errors] == [(1, "attributes"), (2, "parent"), (3, "labels")]
