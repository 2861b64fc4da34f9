import gzip
import json
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.convert import convert_dataset, find_value, split_of
from spacy_product_tags.tag import Tag

SETS = ("zh_ner_*", "en_ner_*", "zh_attr_*", "en_attr_*", "zh_match_*", "zh_align_*", "zh_cls_*", "en_cls_*")
# Word lists that stand beside the titles: no listings.
WORD_LISTS = ("mention_gazetteer", "attribute_values", "participant_extra_attribute_values")


def convert(tmp_path, *rows, name="set.jsonl"):
    """Convert rows (or raw lines). RETURNS (Tuple[List[Listing], List[ListingError]]): Listings and errors."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    errors = []
    return list(convert_dataset(path, on_error=errors.append)), errors


def spans(listing):
    return [(tag.start, tag.end, tag.facet) for tag in listing.tags if tag.start is not None]


def implicit(listing):
    return [(tag.text, tag.facet, tag.source) for tag in listing.tags if tag.start is None]


# Data sets


def test_span_rows(tmp_path):
    rows = [
        {"id": "a", "lang": "zh", "text": "耐克纯棉T恤", "spans": [[0, 2, "品牌"], [2, 4, "材质"]], "src": "x"},
        {"id": "b", "lang": "zh", "text": "没有标注"},
    ]
    (first, second), errors = convert(tmp_path, *rows)
    assert not errors
    assert (first.id, first.lang, first.title) == ("a", "zh", "耐克纯棉T恤")
    assert first.tags == (Tag("耐克", "品牌", 1.0, 0, 2), Tag("纯棉", "材质", 1.0, 2, 4))
    assert (second.id, second.tags) == ("b", ())


def test_attribute_rows(tmp_path):
    row = {
        "id": "w1",
        "lang": "en",
        "title": "Diesel Sneaker",
        "description": "A red Diesel shoe",
        "category": "Shoes",
        "attributes": [
            ["Brand", "Diesel", [0, 6]],
            ["Color", "red", None],
            ["Gender", "Men", None],
            ["Size", None, None],
            ["Brand", "diesel", [0, 6]],
        ],
        "description_spans": [[0, 6, 12], [1, 2, 5]],
        "cluster": "c7",
    }
    (listing,), errors = convert(tmp_path, row)
    assert not errors
    assert listing.category == ("Shoes",)
    assert (listing.lang, listing.product) == ("en", "c7")
    # In the title and in the description; the second spelling of one span is one tag, written as in the text.
    assert spans(listing) == [(0, 6, "Brand"), (21, 27, "Brand"), (17, 20, "Color")]
    assert all(listing.text[tag.start : tag.end] == tag.text for tag in listing.tags if tag.start is not None)
    assert implicit(listing) == [("Men", "Gender", "implicit")]


def test_case_of_the_text_wins(tmp_path):
    (listing,), errors = convert(tmp_path, {"id": "a", "title": "VIVOZ5i", "attributes": [["品牌", "vivo", [0, 4]]]})
    assert not errors
    assert listing.tags == (Tag("VIVO", "品牌", 1.0, 0, 4),)


def test_attributes_of_another_item_are_no_tags(tmp_path):
    attributes = [["风格", "简约", [0, 2]], ["产地", "韩国", None]]
    wrong = {"id": "a", "lang": "zh", "title": "简约吊坠", "attributes": attributes, "label": 0}
    listings, errors = convert(tmp_path, wrong, {**wrong, "id": "b", "label": 1})
    assert not errors
    assert [len(listing.tags) for listing in listings] == [0, 2]


@pytest.mark.parametrize("label,product", [(1, "p"), (0, "")])
def test_pair_rows(tmp_path, label, product):
    row = {
        "id": "p",
        "lang": "zh",
        "item1": {"title": "红色杯", "attributes": [["颜色", "红色", [0, 2]]]},
        "item2": {"title": "杯子", "attributes": [["颜色", "红色", None]]},
        "label": label,
    }
    (one, two), errors = convert(tmp_path, row)
    assert not errors
    assert [(x.id, x.lang, x.product) for x in (one, two)] == [("p-1", "zh", product), ("p-2", "zh", product)]
    # The label speaks of the pair: the attributes are right either way.
    assert (spans(one), implicit(two)) == ([(0, 2, "颜色")], [("红色", "颜色", "implicit")])


def test_bad_item_of_a_pair_leaves_the_other(tmp_path):
    row = {"id": "p", "item1": {"title": 3, "attributes": []}, "item2": {"title": "杯子", "attributes": []}}
    listings, errors = convert(tmp_path, row)
    assert [listing.id for listing in listings] == ["p-2"]
    assert [error.field for error in errors] == ["item1.title"]


def test_classified_rows(tmp_path):
    plain = {"id": 7, "lang": "en", "text": "Ruby Reds", "description": "Drink mix", "category_path": ["A", "B"]}
    attributed = {
        "id": "c",
        "text": "旋转式剃须刀",
        "attributes": [["剃须", "旋转式", [0, 3]]],
        "category_path": ["电", "刀"],
    }
    (first, second), errors = convert(tmp_path, plain, attributed)
    assert not errors
    assert (first.id, first.text, first.category, first.tags) == ("7", "Ruby Reds\nDrink mix", ("A", "B"), ())
    assert (second.category, spans(second)) == (("电", "刀"), [(0, 3, "剃须")])


def test_a_shops_own_category_stands_before_the_description(tmp_path):
    row = {"text": "Ruby Reds", "site_category": "Shop > Drinks", "description": "Mix", "category_path": ["A"]}
    bare = {**row, "description": ""}
    rows = [row, bare, {**row, "site_category": " "}, {**row, "site_category": None}, {**row, "site_category": 3}]
    listings, errors = convert(tmp_path, *rows)
    assert [listing.description for listing in listings] == ["Shop > Drinks\nMix", "Shop > Drinks", "Mix", "Mix"]
    assert [(error.line, error.field) for error in errors] == [(5, "site_category")]


def test_listings_pass_through(tmp_path):
    listing = Listing("红 T恤", "描述", "1", "p", "zh", ("A",), (Tag("红", "color", 0.5, 0, 1),), ("红",), ("红色",))
    listings, errors = convert(tmp_path, listing.to_dict())
    assert (listings, errors) == ([listing], [])


def test_unknown_shape_names_the_keys(tmp_path):
    listings, (error,) = convert(tmp_path, {"label": "名称", "mention": "手机"})
    assert not listings
    assert (error.line, error.field) == (1, "line")
    assert "label, mention" in error.problem and "spans" in error.problem


@pytest.mark.parametrize(
    "span", [[0, 99, "x"], [-2, 2, "x"], [2, 2, "x"], [0.0, 2, "x"], [True, 2, "x"], [0, 2], "0-2", [0, 2, None], None]
)
def test_bad_span_costs_only_itself(tmp_path, span):
    (listing,), (error,) = convert(
        tmp_path, {"id": "a", "text": "红色杯", "spans": [[0, 2, "颜色"], span, [2, 3, "名"]]}
    )
    assert spans(listing) == [(0, 2, "颜色"), (2, 3, "名")]
    assert (error.line, error.field) == (1, "spans[1]")


@pytest.mark.parametrize(
    "attribute",
    [["c", "blue", [0, 3]], ["c", "red", [1, 4]], ["c", "red", [4, 9]], ["c", 3, None], ["c", " ", None], ["c"], "c"]
    + [[None, "red", None], ["c", "red", [0]], ["c", "red", 0]],
)
def test_bad_attribute_costs_only_itself(tmp_path, attribute):
    row = {"id": "a", "title": "red cup", "description": "cup", "attributes": [attribute, ["item", "cup", [4, 7]]]}
    (listing,), (error,) = convert(tmp_path, row)
    assert listing.tags == (Tag("cup", "item", 1.0, 4, 7),)
    assert error.field == "attributes[0]"


@pytest.mark.parametrize("span", [[5, 0, 3], [-1, 0, 3], [0, 0, 3, 4], [0, 1, 4], [0, 0, 9], [0, -3, 3], None])
def test_bad_description_span_costs_only_itself(tmp_path, span):
    row = {
        "title": "red",
        "description": "cup",
        "attributes": [["item", "cup", None]],
        "description_spans": [[0, 0, 3]],
    }
    (listing,), (error,) = convert(tmp_path, {**row, "description_spans": [[0, 0, 3], span]})
    assert listing.tags == (Tag("cup", "item", 1.0, 4, 7),)
    assert error.field == "description_spans[1]"


@pytest.mark.parametrize(
    "bad,field",
    [
        ("{broken", "line"),
        ("[1]", "line"),
        ("1" * 5000, "line"),
        ("[" * 100_000, "line"),
        ({"id": "x", "text": 3, "spans": []}, "text"),
        ({"id": "x", "title": "a", "attributes": {}}, "attributes"),
        ({"id": "x", "text": "a", "category_path": ["a", 3]}, "category_path[1]"),
        ({"id": "x", "spans": []}, "title"),
        ({"title": "a", "tags": [{"text": "b", "start": 0, "end": 1}]}, "tags[0].start"),
    ],
)
def test_bad_row_loses_nothing_else(tmp_path, bad, field):
    good = {"text": "红色杯", "spans": [[0, 2, "颜色"]]}
    listings, (error,) = convert(tmp_path, {"id": "1", **good}, "", bad, {"id": "2", **good})
    assert [(listing.id, spans(listing)) for listing in listings] == [(i, [(0, 2, "颜色")]) for i in "12"]
    assert (error.line, error.field, error.path) == (3, field, str(tmp_path / "set.jsonl"))


def test_errors_are_raised_unless_handled(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text('{"id": "a", "text": "红", "spans": [[0, 9, "x"]]}\n', encoding="utf8")
    with pytest.raises(ListingError, match=r"set\.jsonl:1: spans\[0\]: .*1 characters"):
        list(convert_dataset(path))


def test_gzip_and_byte_order_mark(tmp_path):
    path = tmp_path / "set.jsonl.gz"
    path.write_bytes(gzip.compress('\ufeff{"id": "a", "text": "红", "spans": []}\n'.encode()))
    assert [listing.id for listing in convert_dataset(path)] == ["a"]


# Looking values up


@pytest.mark.parametrize(
    "text,value,expected",
    [
        ("Women and Men's", "Men", [(10, 13)]),
        ("15kg 5kg 2.5kg", "5kg", [(5, 8)]),
        ("1.5m", "1", []),
        ("size 5. New", "5", [(5, 6)]),
        ("苹果iPhone15手机壳", "iPhone15", [(2, 10)]),
        ("苹果iPhone15手机壳", "iPhone", []),
        ("iPhone15手机壳", "15手机", []),
        ("iPhone 15手机壳", "15手机", [(7, 11)]),
        ("红色大红色", "红色", [(0, 2), (3, 5)]),
        ("红红红", "红红", [(0, 2)]),
        ("나이키신발", "나이키", [(0, 3)]),
        ("Кроссовки", "Кросс", []),
        ("cafe\u0301", "cafe", []),
        ("か\u3099ラス", "か", []),
        ("5m² x", "5m", []),
        ("ＡＢＣ", "ＡＢ", []),
        ("100%棉", "100%", [(0, 4)]),
        ("a b", " ", []),
        ("a b", "", []),
    ],
)
def test_find_value(text, value, expected):
    assert find_value(text, value) == expected


@given(st.text("aB1红色 .-", max_size=30), st.text("aB1红色 -", min_size=1, max_size=3))
@settings(deadline=None, max_examples=300)
def test_hits_are_the_value_on_boundaries(text, value):
    hits = find_value(text, value)
    assert all(text[start:end] == value for start, end in hits)
    assert all(left[1] <= right[0] for left, right in zip(hits, hits[1:]))
    # What may be hit, told by a regular expression: no run is cut, and no number at its decimal point.
    run = "[A-Za-z0-9]"
    before = f"(?<!{run})" if re.match(run, value) else ""
    after = f"(?!{run})" if re.match(run, value[-1]) else ""
    before += r"(?<!\d\.)" if value[0].isdigit() else ""
    after += r"(?!\.\d)" if value[-1].isdigit() else ""
    allowed = [match.span() for match in re.finditer(before + re.escape(value) + after, text)]
    assert hits == (allowed if value.strip() else [])


@given(st.text(max_size=40), st.data())
@settings(deadline=None, max_examples=100)
def test_hits_in_any_script(text, data):
    start = data.draw(st.integers(0, len(text)))
    value = text[start : data.draw(st.integers(start, len(text)))]
    hits = find_value(text, value)
    assert all(text[start:end] == value for start, end in hits)
    if value == text and value.strip():
        assert hits == [(0, len(text))]


# Splits


def test_split_by_product_or_title():
    assert len({split_of(Listing(f"title {n}", product="p")) for n in range(50)}) == 1
    for n in range(50):
        assert split_of(Listing(f"Red  Cup {n} ", id="1")) == split_of(Listing(f"red cup{n}", id="2"))
    shares = [split_of(Listing(f"title {n}")) for n in range(3000)]
    assert shares.count("train") == pytest.approx(2400, abs=100)
    assert shares.count("dev") == pytest.approx(300, abs=75)
    assert {split_of(Listing(f"{n}"), (0, 0, 1)) for n in range(50)} == {"test"}
    assert {split_of(Listing(f"{n}"), (0, 1, 0)) for n in range(50)} == {"dev"}


@given(st.text())
@settings(deadline=None, max_examples=100)
def test_split_takes_any_title(title):
    assert split_of(Listing(title)) in ("train", "dev", "test")
    assert split_of(Listing(title + "\udc80")) in ("train", "dev", "test")


def test_split_is_the_same_in_each_process():
    listings = [Listing(f"标题 {n}") for n in range(40)]
    code = (
        "from spacy_product_tags.listings.convert import split_of; "
        "from spacy_product_tags.listing import Listing; "
        "print(*(split_of(Listing(f'\\u6807\\u9898 {n}')) for n in range(40)))"
    )
    env = {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"}
    output = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert output.split() == [split_of(listing) for listing in listings]


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.8, 0.3, 0.1), (1.2, -0.1, -0.1)])
def test_bad_fractions(fractions):
    with pytest.raises(ValueError, match="fractions"):
        split_of(Listing("a"), fractions)


# The real sets


def raw_spans(row):
    """Read the spans off a raw row of a data set, apart from the converter. RETURNS (Set[Tuple[int, int, str]])."""
    title = row.get("title", row.get("text"))
    found = {tuple(span) for span in row.get("spans", ())}
    attributes = row.get("attributes", ()) if row.get("label") != 0 else ()
    found.update((*span, name) for name, value, span in attributes if value is not None and span)
    shift = len(title) + 1
    found.update((s + shift, e + shift, attributes[n][0]) for n, s, e in row.get("description_spans", ()))
    # Blanks at a span's ends don't belong to a tag.
    text = f"{title}\n{row.get('description') or ''}"
    return {(e - len(text[s:e].lstrip()), s + len(text[s:e].rstrip()), name) for s, e, name in found}


def test_real_sets(datasets):
    folders = sorted(folder for pattern in SETS for folder in datasets.glob(pattern))
    assert folders
    for folder in folders:
        for path in sorted(folder.glob("*.jsonl.gz")):
            if path.name.split(".")[0] in WORD_LISTS:
                with pytest.raises(ListingError, match="has the keys"):
                    next(convert_dataset(path))
                continue
            with gzip.open(path, "rt", encoding="utf8") as file:
                rows = [json.loads(line) for line in islice(file, 300)]
            rows = [item for row in rows for item in ((row["item1"], row["item2"]) if "item1" in row else (row,))]
            listings = list(islice(convert_dataset(path), len(rows)))
            assert len(listings) == len(rows) > 0, path
            for listing, row in zip(listings, rows):
                assert listing.title == row.get("title", row.get("text")), path
                assert set(spans(listing)) == raw_spans(row), (path, listing.id)
                for tag in listing.tags:
                    assert tag.start is None or listing.text[tag.start : tag.end] == tag.text, (path, listing.id)
            labelled = any(listing.tags or listing.category for listing in listings)
            assert labelled or path.name == "unlabeled.jsonl.gz", path
