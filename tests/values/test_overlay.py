import gzip
import json
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_product_tags.cli.aliases import aliases_app
from spacy_product_tags.text.folding import lookup_key
from spacy_product_tags.values import overlay
from spacy_product_tags.values.build import merge_names
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.linking import link
from spacy_product_tags.values.overlay import Doubt, iter_doubts, mend
from spacy_product_tags.values.sources import iter_entries, iter_values
from spacy_product_tags.values.table import Value, find_label
from spacy_product_tags.values.usage import Attribute, Category, Usage

SHOPIFY = Path(__file__).parents[3] / "shared" / "datasets" / "tax_shopify"
MENDED = tomllib.loads(Path(overlay.__file__).with_name("shopify.toml").read_text(encoding="utf8"))
LANGUAGES = {"zh": "zh-CN", "en": "en", "ja": "ja", "de": "de", "fr": "fr", "es": "es"}
# The top-level base colors: what Shopify has under "color" and a child would name, each in six languages.
BASE = {
    "beige": "米色 Beige ベージュ Beige Beige Beige",
    "black": "黑色 Black ブラック Schwarz Noir Negro",
    "blue": "蓝色 Blue ブルー Blau Bleu Azul",
    "brown": "棕色 Brown ブラウン Braun Marron Marrón",
    "gray": "灰色 Gray グレー Grau Gris Gris",
    "green": "绿色 Green グリーン Grün Vert Verde",
    "orange": "橙色 Orange オレンジ Orange Orange Naranja",
    "pink": "粉色 Pink ピンク Rosa Rose Rosa",
    "purple": "紫色 Purple パープル Lila Violet Morado",
    "red": "红色 Red レッド Rot Rouge Rojo",
    "white": "白色 White ホワイト Weiß Blanc Blanco",
    "yellow": "黄色 Yellow イエロー Gelb Jaune Amarillo",
}
RED = Value("color__red", "color", {"en": "Red", "zh-CN": "红酒", "zh-TW": "紅", "xx": "Roed"}, attributes=("color",))


def test_wrong_labels_go_and_right_ones_stay():
    value = mend(RED)
    assert (value.labels["zh-CN"], value.labels["xx"], value.labels["de"]) == ("红色", "Roed", "Rot")
    assert "红酒" not in value.surfaces and {"红", "正红", "赤", "Rouge"} <= {*value.surfaces}
    other = Value("x", "color", {"en": "Teal", "zh-CN": "水鸭色"})
    assert mend(other) is other
    assert mend(Value("wine__red", "wine_variety", {"en": "Red", "zh-CN": "红酒"})).labels["zh-CN"] == "红酒"


def test_a_number_is_the_same_in_every_language():
    value = mend(Value("size__00", "size", {"en": "00", "ja": "0", "de": "00", "zh-CN": "零零"}, attributes=("size",)))
    assert value.labels == {"en": "00", "ja": "00", "de": "00", "zh-CN": "零零"}
    assert mend(Value("x", "size", {"en": "1.5", "de": "1,5"})).labels["de"] == "1,5"


def test_no_writing_names_two_values_of_a_facet():
    named = defaultdict(set)
    for facet, values in MENDED.items():
        for name, locales in values.items():
            for texts in locales.values():
                for text in texts:
                    named[facet, lookup_key(text)].add(name)
    assert {key: names for key, names in named.items() if len(names) > 1} == {}


def test_doubts():
    values = [
        RED,
        Value("color__maroon", "color", {"en": "Maroon", "zh-CN": "红色"}, attributes=("color",)),
        Value("color__crimson", "color", {"en": "Crimson", "zh-CN": "红色"}, attributes=("color",)),
        Value("size__00", "size", {"en": "00", "ja": "0"}, attributes=("size",)),
        Value("wine", "wine_variety", {"en": "Red wine", "zh-CN": "红酒"}, attributes=("wine_variety",)),
    ]
    assert sorted(iter_doubts(values)) == [
        Doubt("number", "size__00", "ja", "0", "00"),
        Doubt("twice", "color__crimson", "zh-CN", "红色", "Crimson"),
        Doubt("twice", "color__maroon", "zh-CN", "红色", "Maroon"),
        Doubt("word", "color__red", "zh-CN", "红酒", "Red"),
    ]
    assert list(iter_doubts(map(mend, values[:1]))) == []


def test_the_command_lists_doubts(tmp_path):
    rows = [{"id": f"color__{name}", "attribute": "color", "labels": {"en": name, "zh-CN": "绿酒"}} for name in ("Lime", "Olive")]
    path = tmp_path / "values.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    ran = CliRunner().invoke(aliases_app, ["check", str(path), "--locale", "zh-CN"])
    assert ran.exit_code == 1 and ran.stdout.count("word\t") == ran.stdout.count("twice\t") == 2
    assert CliRunner().invoke(aliases_app, ["check", str(path), "--locale", "de"]).exit_code == 0


@pytest.mark.skipif(not SHOPIFY.is_dir(), reason="the real data sets are not there")
def test_things_are_not_called_by_their_colors():
    facets = ("material", "origin", "flavor", "nut_butter_variety", "nutrient_content", "plant_name", "suitable_for_material_type", "suitable_for_pipe_type")
    values = [value for value in iter_values(SHOPIFY / "values.jsonl.gz") if value.facet in facets]
    assert [doubt for doubt in iter_doubts(values) if doubt.reason == "word"] == []
    named = {value.id: value for value in values}
    assert named["region__bordeaux"].labels["zh-CN"] == "波尔多" and "酒紅色" not in named["region__bordeaux"].surfaces
    assert {named[f"{thing}__copper"].labels["zh-CN"] for thing in ("material", "hose_material", "nutrient_content")} == {"铜"}
    wrong = Value("x", "origin", {"en": "Cognac", "zh-CN": "棕色"})
    assert [doubt.reason for doubt in iter_doubts([wrong])] == ["word"]


SIZES = [
    Value("accessory_size__xl", "size", {"en": "Extra large (XL)"}, attributes=("accessory_size",)),
    Value("shoe_size__xl", "size", {"en": "Extra large (XL)"}, attributes=("shoe_size",)),
    Value("size__xl", "size", {"en": "Extra large (XL)"}, attributes=("size",)),
    Value("ring_size__40", "size", {"en": "40"}, attributes=("ring_size",)),
    Value("shoe_size__40", "size", {"en": "40"}, attributes=("shoe_size",)),
    Value("bra/40", "size", {"en": "40"}),
]


def test_unlike_sizes_of_one_name_stay_apart():
    values, moved = merge_names(SIZES)
    assert sorted(value.id for value in values) == ["bra/40", "ring_size__40", "shoe_size__40", "size__xl"]
    assert moved == {"accessory_size__xl": "size__xl", "shoe_size__xl": "size__xl"}


@pytest.fixture(scope="module")
def shopify():
    if not SHOPIFY.is_dir():
        pytest.skip("the real data sets are not there")
    # Colors and sizes, and the categories of clothes, shoes and food: all would take their time.
    entries = [entry for name in ("values", "categories", "attributes") for entry in iter_entries(SHOPIFY / f"{name}.jsonl.gz")]
    values, moved = merge_names(entry for entry in entries if isinstance(entry, Value) and entry.facet in ("color", "size"))
    categories = [
        entry._replace(labels={"en": entry.labels["en"]})
        for entry in entries
        if isinstance(entry, Category) and entry.id.partition("-")[0] in ("aa", "fb")
    ]
    attributes = [entry for entry in entries if isinstance(entry, Attribute)]
    return AliasIndex.build(values, moved=moved, usage=Usage.build(categories, attributes))


def test_base_colors_have_the_right_id_and_label_in_six_languages(shopify):
    wrong = []
    for name, labels in BASE.items():
        value_id = f"color__{name}"
        for language, label in zip(LANGUAGES, labels.split()):
            found, probability = link(shopify, label, "color")
            if found.id != value_id or probability < 0.8 or find_label(shopify[value_id], language) != label:
                wrong.append((language, label, found, find_label(shopify[value_id], language)))
    assert not wrong


def test_every_writing_of_a_color_means_it(shopify):
    for name, locales in MENDED["color"].items():
        for text in {text for texts in locales.values() for text in texts}:
            found, probability = link(shopify, text, "color")
            assert (shopify[found.id].labels["en"], probability >= 0.8) == (name, True), text
    assert link(shopify, "红酒", "color").probability < 0.8


@pytest.mark.parametrize(
    "category, expected",
    [
        ("", {"Medium": "", "M": "", "40": "", "F": "", "Extra Large": "size__extra_large_xl", "大码": "size__large_l", "M/L": ""}),
        (
            "Apparel & Accessories > Clothing > Dresses",
            {
                "Medium": "size__medium_m", "40": "size__40", "F": "", "Extra Large": "size__extra_large_xl", "X-Large": "size__extra_large_xl",
                "3XL": "size__triple_extra_large_xxxl", "XXXL": "size__triple_extra_large_xxxl", "Free size": "size__one_size", "00": "size__00",
            },
        ),
        ("Apparel & Accessories > Shoes > Sneakers", {"40": "shoe_size__40", "F": "", "XL": "size__extra_large_xl", "Medium": "size__medium_m"}),
        ("Apparel & Accessories > Jewelry > Rings", {"40": "ring_size__40", "M": "ring_size__m"}),
        ("Food, Beverages & Tobacco > Beverages > Coffee", {"Medium": "grind_size__medium", "40": ""}),
    ],
)  # fmt: skip
def test_the_category_says_which_size_is_meant(shopify, category, expected):
    found = {text: link(shopify, text, "size", category=category) for text in expected}
    assert {text: one.candidate.id if one.probability >= 0.8 else "" for text, one in found.items()} == expected


def test_few_labels_are_in_doubt(shopify):
    with gzip.open(SHOPIFY / "values.jsonl.gz", "rt", encoding="utf8") as file:
        rows = [json.loads(line) for line in file]
    raw = [Value(row["id"], "color", row["labels"], attributes=(row["attribute"],)) for row in rows if row["attribute"] == "color"]
    wines = {doubt.id for doubt in iter_doubts(raw) if doubt.reason == "word" and doubt.locale == "zh-CN"}
    assert wines == {"color__red", "color__blue", "color__orange"}
    assert not [doubt for doubt in iter_doubts(map(mend, raw)) if doubt.reason != "twice"]
