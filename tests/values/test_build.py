"""Files of values become an index; values of one name become one."""
import json

import pytest

from spacy_product_tags.values.build import build_index, create_alias_index, iter_conflicts, merge_names
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value

ROWS = [
    {"id": "frame__aluminum", "attribute": "frame_material", "labels": {"en": "Aluminum", "zh-CN": "铝"}},
    {"id": "blade__aluminum", "attribute": "blade_material", "labels": {"en": "Aluminum", "zh-CN": "铝合金"}},
    {"id": "color__navy", "attribute": "color", "labels": {"en": "Navy", "zh-CN": "海军蓝"}},
]


@pytest.fixture()
def taxonomy(tmp_path):
    path = tmp_path / "values.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf8")
    return path


def test_values_of_one_facet_and_name_are_one(taxonomy):
    index = build_index([taxonomy])
    assert len(index) == 2
    (found,) = index.exact("铝合金", "material")
    assert found.id == "blade__aluminum" and found.freq == 2
    assert index.resolve("frame__aluminum") == "blade__aluminum", "the other id is still understood"
    assert set(index["frame__aluminum"].surfaces) == {"Aluminum", "铝", "铝合金"}
    assert len(build_index([taxonomy], merge=False)) == 3


def test_merging_does_not_depend_on_order_and_leaves_facets_apart():
    values = [Value("b", "color", {"en": "Rose"}), Value("a", "color", {"en": "rose", "zh": "玫瑰色"}), Value("c", "scent", {"en": "Rose"})]
    merged, moved = merge_names(values)
    assert [value.id for value in merged] == ["a", "c"] and moved == {"b": "a"}
    assert merge_names(values[::-1]) == (merged, moved)
    nameless = [Value("x", "color", aliases=("red",)), Value("y", "color", aliases=("rot",))]
    assert len(merge_names(nameless)[0]) == 2


def test_names_of_several_values_are_found():
    index = AliasIndex.build([Value("a", "color", {"en": "Rose"}, ("pink",)), Value("b", "color", {"en": "Pink"})])
    assert list(iter_conflicts(index)) == [("pink", ("a", "b"))]


def test_the_reader_takes_files_or_a_folder(taxonomy, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("id,facet,label_zh,aliases\nred,color,红色,大红|正红\n", encoding="utf8")
    index = create_alias_index(f"{taxonomy}, {own}")
    assert index.exact("正红")[0].id == "red" and len(index) == 3
    index.to_disk(tmp_path / "index")
    assert len(create_alias_index(tmp_path / "index")) == 3
    with pytest.raises(ValueError, match="has no path"):
        create_alias_index(None)
    with pytest.raises(ValueError, match="gone.csv: no such file"):
        create_alias_index(tmp_path / "gone.csv")


def test_a_saved_index_in_bytes(taxonomy):
    index = build_index([taxonomy])
    data = index.to_bytes()
    assert data == build_index([taxonomy]).to_bytes()
    again = type(index).from_bytes(data)
    assert again.exact("铝", "material") == index.exact("铝", "material") and again.resolve("frame__aluminum") == "blade__aluminum"
    with pytest.raises(ValueError, match="is damaged"):
        type(index).from_bytes(data[: len(data) // 2])


def test_values_that_become_one_belong_to_the_attributes_of_all():
    pair = [Value(f"{part}__steel", "material", {"en": "Steel"}, attributes=(part,)) for part in ("frame", "blade")]
    (value,), moved = merge_names(pair)
    assert value.id == "blade__steel" and value.attributes == ("blade", "frame") and moved == {"frame__steel": "blade__steel"}


def test_categories_are_read_from_any_of_the_files(tmp_path):
    rows = {
        "values": {"id": "v", "attribute": "frame_color", "labels": {"en": "Red"}},
        "categories": {"id": "c", "parent": None, "attributes": ["lens_color"], "labels": {"en": "Glasses"}},
        "attributes": {"id": "lens_color", "values_from": "frame_color"},
    }
    paths = [tmp_path / f"{name}.jsonl" for name in rows]
    for path in paths:
        path.write_text(json.dumps(rows[path.stem]) + "\n", encoding="utf8")
    for files in (paths, paths[::-1]):
        index = build_index(files)
        assert index.categories_of("v").tolist() == [index.usage.locate("Glasses")] == [0]
    assert build_index(paths[:1]).usage is None
