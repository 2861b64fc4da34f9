import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags import Listing, ListingError, Tag
from spacy_product_tags.io import parse_rows
from spacy_product_tags.listing import open_text, read_listings, write_listings

FULL = Listing(
    title="耐克纯棉T恤",
    description="面料柔软",
    id="1",
    product="tee",
    lang="zh",
    category=("服饰", "T恤"),
    tags=(
        Tag("耐克", "brand", 1.0, 0, 2),
        Tag("Nike", "brand", 0.5, 0, 2, canonical_id="b1", raw="耐克"),
        Tag("柔软", "function", 1.0, 9, 11),
        Tag("夏季", "season", source="implicit"),
    ),
    seller_tags=("全棉", "包邮"),
    seller_answers=("纯棉", None),
)


def read(lines):
    """Read lines of JSON. RETURNS (Tuple[List[Listing], List[ListingError]]): Listings and errors."""
    errors = []
    return [listing for _, listing in parse_rows(lines, "a.jsonl", Listing.from_dict, errors.append)], errors


def test_text_is_title_line_break_description():
    assert FULL.text == "耐克纯棉T恤\n面料柔软"
    assert Listing("T恤").text == "T恤"


def test_to_dict_leaves_out_what_is_empty_and_survives():
    assert Listing("T恤").to_dict() == {"title": "T恤"}
    assert FULL.to_dict()["tags"][0] == {"text": "耐克", "facet": "brand", "start": 0, "end": 2}
    assert Listing.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL


@pytest.mark.parametrize(
    "data, field, problem",
    [
        ([], "line", "JSON object"),
        ({}, "title", "missing"),
        ({"title": 1}, "title", "string"),
        ({"title": "x", "titel": "y"}, "titel", "not a field"),
        ({"title": "x", "category": "a > b"}, "category", "list"),
        ({"title": "x", "category": ["a", 1]}, "category[1]", "str"),
        ({"title": "x", "seller_tags": [None]}, "seller_tags[0]", "str"),
        ({"title": "x", "seller_tags": ["a"], "seller_answers": []}, None, ""),
        ({"title": "x", "seller_tags": ["a"], "seller_answers": [None, "b"]}, "seller_answers", "one answer"),
        ({"title": "x", "tags": {}}, "tags", "list"),
        ({"title": "x", "tags": ["x"]}, "tags[0]", "dict"),
        ({"title": "x", "tags": [{"text": "x", "start": 0, "end": 2}]}, "tags[0].end", "behind the text"),
        ({"title": "ab", "tags": [{"text": "b", "start": 0, "end": 1}]}, "tags[0].start", "stands at 1"),
        ({"title": "ab", "tags": [{"text": "c", "start": 0, "end": 1}]}, "tags[0].start", "does not stand"),
        ({"title": "ab", "tags": [{"text": "a"}, {"text": ""}]}, "tags[1].text", "blank"),
        ({"title": "ab", "tags": [{"text": "a", "score": 2}]}, "tags[0].score", "0 to 1"),
    ],
)
def test_a_bad_field_is_named(data, field, problem):
    if field is None:
        assert Listing.from_dict(data).seller_answers == ()
        return
    with pytest.raises(ListingError) as info:
        Listing.from_dict(data)
    assert info.value.field == field
    assert problem in info.value.problem


def test_text_is_taken_for_title_and_numbers_for_ids():
    assert Listing.from_dict({"text": "x", "id": 7, "description": None}) == Listing("x", id="7")


def test_one_bad_line_costs_no_good_one():
    lines = [
        '{"title": "a"}',
        "",
        "{",
        "null",
        "[" * 100_000,
        '{"title": "b", "tags": [{"text": "b", "start": %s, "end": 1}]}' % ("1" * 5000),
        '{"title": "b", "tags": [{"text": "b", "score": NaN}]}',
        '{"title": "c"}',
    ]
    listings, errors = read(lines)
    assert [listing.title for listing in listings] == ["a", "c"]
    assert [error.line for error in errors] == [3, 4, 5, 6, 7]
    assert str(errors[0]).startswith("a.jsonl:3: line: not valid JSON")


def test_reading_raises_at_the_first_bad_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"title": "a"}\n{"title": 1}\n', encoding="utf8")
    with pytest.raises(ListingError, match=r"x\.jsonl:2: title: must be a string"):
        list(read_listings(path))


@pytest.mark.parametrize("name", ["a.jsonl", "deep/er/a.jsonl.gz"])
def test_files_round_trip(tmp_path, name):
    path = tmp_path / name
    assert write_listings(path, [FULL, Listing("x")]) == 2
    assert list(read_listings(path)) == [FULL, Listing("x")]
    if name.endswith(".gz"):
        assert gzip.decompress(path.read_bytes()).startswith(b"{")


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"title": "T恤"}\r\n'.encode())
    assert list(read_listings(path)) == [Listing("T恤")]


def test_lone_surrogates_and_bytes_that_are_no_utf8_stay_as_they_are(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"title": "a\xffred"}\n{"title": "b\\ud800"}\n')
    first, second = read_listings(path)
    assert (first.title, second.title) == ("a\udcffred", "b\ud800")
    tagged = Listing(first.title, tags=(Tag("red", "color", 1.0, 2, 5),))
    write_listings(path, [tagged, second])
    assert list(read_listings(path)) == [tagged, second]
    with open_text(path) as file:
        assert "\\udcff" in file.readline()


TEXTS = st.text(max_size=12)
VALUES = st.text(min_size=1, max_size=6).filter(str.strip)


@st.composite
def listing_strategy(draw):
    parts = draw(st.lists(VALUES, min_size=1, max_size=5))
    title = "".join(parts)
    tags = []
    for number, part in enumerate(parts):
        start = len("".join(parts[:number]))
        raw = draw(st.booleans())
        tags.append(
            Tag(
                draw(VALUES) if raw else part,
                draw(TEXTS),
                draw(st.floats(0, 1)),
                start,
                start + len(part),
                draw(st.sampled_from(["span", "seller"])),
                draw(TEXTS),
                part if raw else "",
            )
        )
    seller = draw(st.lists(TEXTS, max_size=3))
    return Listing(
        title=title,
        description=draw(TEXTS),
        id=draw(TEXTS),
        category=tuple(draw(st.lists(TEXTS, max_size=3))),
        tags=(*tags, *(Tag(value, source="implicit") for value in draw(st.lists(VALUES, max_size=2)))),
        seller_tags=tuple(seller),
        seller_answers=tuple(draw(st.one_of(st.none(), TEXTS)) for _ in seller),
    )


@settings(deadline=None)
@given(listing_strategy())
def test_round_trip_through_json(listing):
    line = json.dumps(listing.to_dict(), ensure_ascii=False)
    (again,), errors = read([line])
    assert not errors
    assert again == listing


@pytest.mark.parametrize("line, column", [('{"title": "x"\n', 14), ('{"title": x}\n', 11), ('{"title": "x",\r\n', 15)])
def test_the_column_of_broken_json_is_one_of_its_line(line, column):
    errors = []
    assert list(parse_rows(["\n", line], "in", Listing.from_dict, errors.append)) == []
    assert ["in:2: line: not valid JSON" in str(err) and f"at column {column})" in str(err) for err in errors] == [True]
