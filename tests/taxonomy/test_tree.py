import gzip
import json
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.taxonomy.tree import Taxonomy

SHOPIFY = Path(__file__).parents[2].parent / "shared" / "datasets" / "tax_shopify"


def row(id, parent=None, **labels):
    return {"id": id, "parent": parent, "labels": labels or {"en": id}}


ROWS = [
    row("s-2", "s", en="Boots", ja="ブーツ"),
    row("s", en="Shoes", **{"zh-CN": "鞋", "zh-TW": "鞋類"}),
    row("s-1", "s", en="T-Strap Shoes"),
    row("a", en="Apparel"),
    row("s-2-1", "s-2", en="Snow Boots"),
]


@st.composite
def forests(draw):
    """Rows of a random forest, in random order."""
    count = draw(st.integers(1, 30))
    parents = [draw(st.integers(-1, number - 1)) for number in range(count)]
    names = draw(st.permutations([f"n{number}" for number in range(count)]))
    rows = [row(names[at], names[parent] if parent >= 0 else None, en=f"Label {at}") for at, parent in enumerate(parents)]
    return draw(st.permutations(rows))


def test_a_tree():
    taxonomy = Taxonomy(ROWS)
    assert len(taxonomy) == 5 and taxonomy.ids == ("a", "s", "s-1", "s-2", "s-2-1")
    assert taxonomy.parents.tolist() == [-1, -1, 1, 1, 3] and taxonomy.parents.dtype == np.int32
    assert taxonomy.depths.tolist() == [0, 0, 1, 1, 2]
    assert taxonomy.terminal.tolist() == [True, False, True, False, True]
    assert taxonomy.children() == (0, 1) and taxonomy.children(1) == (2, 3) and taxonomy.children(4) == ()
    assert taxonomy.ancestors(4) == (1, 3, 4)
    assert taxonomy.row("s-2") == 3 and "s-2" in taxonomy and "x" not in taxonomy
    with pytest.raises(KeyError, match="id 'x'"):
        taxonomy.row("x")


def test_it_never_changes():
    taxonomy = Taxonomy(ROWS)
    for array in (taxonomy.parents, taxonomy.depths, taxonomy.terminal):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    taxonomy.names(0)["en"] = "x"
    assert taxonomy.names(0) == {"en": "Apparel"}


def test_labels_by_locale():
    taxonomy = Taxonomy(ROWS)
    assert taxonomy.path(3) == ("Shoes", "Boots")
    assert taxonomy.path(3, "ja") == ("Shoes", "ブーツ")
    assert taxonomy.path(1, "zh") == ("鞋",) and taxonomy.path(1, "zh-TW") == ("鞋類",)
    assert taxonomy.path(1, "en-GB") == ("Shoes",)
    assert Taxonomy([row("x", fi="K", de="S")]).path(0) == ("S",)


def test_find():
    taxonomy = Taxonomy(ROWS)
    assert taxonomy.find(("鞋", "ブーツ")) == 3
    assert taxonomy.find(("shoes", "T strap  SHOES")) == 2
    assert taxonomy.find(["鞋類"]) == 1
    for path in (("Boots",), ("Shoes", "Hats"), ()):
        assert taxonomy.find(path) is None


def test_the_one_written_just_so_is_found():
    taxonomy = Taxonomy([row("a", en="TShirts", ja="シャツ"), row("b", en="T-Shirts", ja="シャツ"), row("c", en="Shirts", fr="T-Shirts")])
    assert [taxonomy.find((label,)) for label in ("TShirts", "T-Shirts", "t shirts", "シャツ", "shirts")] == [0, 1, 0, 0, 2]


def test_siblings_called_the_same_are_told_apart_by_their_english_labels():
    taxonomy = Taxonomy([row("a", en="Track Pants", de="Sporthosen"), row("b", en="Training Pants", de="Sporthosen")])
    assert [taxonomy.path(number, "de") for number in (0, 1)] == [("Track Pants",), ("Training Pants",)]
    assert taxonomy.path(0, "en") == ("Track Pants",)
    alone = Taxonomy([row("a", en="Track Pants", de="Sporthosen"), row("b", en="Hats", de="Hüte")])
    assert alone.path(0, "de") == ("Sporthosen",)


def test_of_paths():
    taxonomy = Taxonomy.from_paths([("A", "B", "C"), ("A", "D"), ["A", "D"]], "de")
    assert taxonomy.ids == ("A", "A > B", "A > B > C", "A > D")
    assert taxonomy.names(2) == {"de": "C"} and taxonomy.path(2) == ("A", "B", "C")
    assert len(Taxonomy.from_paths([("A", "A")])) == 2
    for paths in ([("A > B",)], [("A", " ")], [("A", 3)]):
        with pytest.raises(ValueError, match="must be a text"):
            Taxonomy.from_paths(paths)


def test_joined_paths_stay_apart():
    # Without a separator inside, but written alike.
    with pytest.raises(ValueError, match="another path"):
        Taxonomy.from_paths([("A >", "B"), ("A", "> B")])


@pytest.mark.parametrize(
    "rows, line, field, problem",
    [
        ([row("a"), row("a")], 2, "id", "'a' is in line 1 already"),
        ([row("a"), row("b", "x")], 2, "parent", "no category has the id 'x'"),
        ([row("a", "b"), row("b", "a")], 1, "parent", "goes in a circle (a under b under a)"),
        ([row("a", "a")], 1, "parent", "goes in a circle (a under a)"),
        ([row("")], 1, "id", "must be a text"),
        ([row("a", 3)], 1, "parent", "must be an id (a text), or null at the top, not 3"),
        ([{"id": "a"}], 1, "labels", "must be at least one label by locale"),
        ([{"id": "a", "labels": {"en": " "}}], 1, "labels.en", "must be a text"),
        ([["a"]], 1, "line", "must be"),
    ],
)
def test_errors_tell_where(tmp_path, rows, line, field, problem):
    with pytest.raises(ListingError) as caught:
        Taxonomy(rows, name="mine")
    assert (caught.value.path, caught.value.line, caught.value.field) == ("mine", line, field)
    path = tmp_path / "t.jsonl"
    path.write_text("\n" + "".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ListingError) as caught:
        Taxonomy.from_disk(path)
    assert (caught.value.path, caught.value.line, caught.value.field) == (str(path), line + 1, field)
    # Whose line it counts from: the blank one shifts all numbers.
    assert problem.replace("line 1", "line 2") in caught.value.problem


def test_bad_rows_lose_no_good_ones():
    errors = []
    rows = [row("a"), row("a"), row("b", "x"), row("b-1", "b"), row("c", "d"), row("d", "c"), row("c-1", "c"), row("e", "a")]
    taxonomy = Taxonomy(rows, on_error=errors.append)
    assert taxonomy.ids == ("a", "e")
    assert [err.line for err in errors] == [2, 3, 4, 5, 6, 7]
    assert "mend it first" in errors[2].problem and "mend it first" in errors[5].problem
    assert "circle" in errors[3].problem


def test_a_line_that_is_no_json(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(row("a")) + "\n{\n" + json.dumps(row("b")))
    errors = []
    assert Taxonomy.from_disk(path, on_error=errors.append).ids == ("a", "b")
    assert [(err.line, err.field) for err in errors] == [(2, "line")]


@settings(deadline=None, max_examples=100)
@given(forests())
def test_order_of_rows_is_nothing(rows):
    taxonomy = Taxonomy(rows)
    assert taxonomy.to_bytes() == Taxonomy(rows[::-1]).to_bytes()
    for at in range(len(taxonomy)):
        assert taxonomy.find(taxonomy.path(at)) == at
        assert len(taxonomy.ancestors(at)) == taxonomy.depths[at] + 1
        assert all(taxonomy.parents[child] == at for child in taxonomy.children(at))
    assert sorted(child for at in range(-1, len(taxonomy)) for child in taxonomy.children(at)) == list(range(len(taxonomy)))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=4), max_size=8))
def test_bytes(paths):
    try:
        taxonomy = Taxonomy.from_paths(paths)
    except ValueError:
        return
    again = Taxonomy.from_bytes(taxonomy.to_bytes())
    assert again.ids == taxonomy.ids and again.parents.tolist() == taxonomy.parents.tolist()
    assert [again.names(at) for at in range(len(again))] == [taxonomy.names(at) for at in range(len(again))]


def test_disk_and_pickle(tmp_path):
    # A line separator of Unicode is no end of a line of JSONL.
    taxonomy = Taxonomy([*ROWS, row("z", en="a\u2028b\x85c", zh="\ud83d")])
    for path in (tmp_path / "t.jsonl", tmp_path / "t.jsonl.gz"):
        taxonomy.to_disk(path)
        assert Taxonomy.from_disk(path).to_bytes() == taxonomy.to_bytes()
    again = pickle.loads(pickle.dumps(taxonomy))
    assert again.to_bytes() == taxonomy.to_bytes() and not again.parents.flags.writeable


def test_more_rows():
    taxonomy = Taxonomy(ROWS)
    new, mapping = taxonomy.with_rows([row("n-1", "n"), row("n", "s-2"), row("0")])
    assert new.ids == ("0", "a", "n", "n-1", "s", "s-1", "s-2", "s-2-1") and len(taxonomy) == 5
    assert mapping.tolist() == [1, 4, 5, 6, 7] and mapping.dtype == np.int32
    assert new.path(3) == ("Shoes", "Boots", "n", "n-1")
    with pytest.raises(ListingError, match="new categories:1: id: 'a' is in the taxonomy already"):
        taxonomy.with_rows([row("a")])
    with pytest.raises(ListingError, match="new categories:1: parent: no category"):
        taxonomy.with_rows([row("q", "x")])
    errors = []
    assert len(taxonomy.with_rows([row("a"), row("q", "a")], on_error=errors.append)[0]) == 6 and len(errors) == 1


@pytest.mark.skipif(not SHOPIFY.exists(), reason="needs ../shared/datasets/tax_shopify")
def test_shopify_reads_as_it_is():
    path = SHOPIFY / "categories.jsonl.gz"
    start = time.process_time()
    taxonomy = Taxonomy.from_disk(path)
    assert time.process_time() - start < 3  # 0.25 s on the build machine
    with gzip.open(path, "rt", encoding="utf8") as file:
        rows = {data["id"]: data for data in map(json.loads, file)}
    assert len(taxonomy) == len(rows) == 10595 and int(taxonomy.depths.max()) == 7
    for at, id in enumerate(taxonomy.ids):
        assert " > ".join(taxonomy.path(at)) == rows[id]["path_en"]
    for at in range(0, len(taxonomy), 53):
        for locale in ("en", "zh-CN"):
            assert taxonomy.find(taxonomy.path(at, locale)) == at
