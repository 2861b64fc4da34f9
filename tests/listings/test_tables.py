"""Users' tables: dialects, broken quotes, values in cells."""
import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.convert import TableColumns, convert_table


def table(tmp_path, text, columns, name="t.csv", encoding="utf-8", read=None):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    errors = []
    return list(convert_table(path, columns, encoding=read, on_error=errors.append)), errors


def spans(listing):
    return [(tag.start, tag.end, tag.facet) for tag in listing.tags if tag.start is not None]


def implicit(listing):
    return [(tag.text, tag.facet, tag.source) for tag in listing.tags if tag.start is None]


COLUMNS = TableColumns("标题", "描述", "id", "款", "lang", "类目", "标签", ("材质", "颜色"), tag_separator="，")
HEADER = "id,款,lang,标题,描述,类目,标签,材质,颜色,多余\n"


def test_csv(tmp_path):
    text = (
        HEADER
        + '1,p1,zh,纯棉T恤 纯棉,"柔软,\n纯棉",服饰 > 男装>T恤,"夏季，, 红",纯棉,红色,x\n\n,,,,,,,,,\n2,,,杯子,,,,,,\n'
    )
    (first, second), errors = table(tmp_path, text, COLUMNS, encoding="utf-8-sig")
    assert not errors
    assert (first.id, first.product, first.lang, first.title, first.description) == (
        *("1", "p1", "zh", "纯棉T恤 纯棉", "柔软,\n纯棉"),
    )
    assert first.category == ("服饰", "男装", "T恤")
    assert first.seller_tags == ("夏季", ", 红")
    assert spans(first) == [(0, 2, "材质"), (5, 7, "材质"), (12, 14, "材质")]
    assert implicit(first) == [("红色", "颜色", "implicit")]
    assert second == Listing("杯子", id="2")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_encodings(tmp_path, encoding):
    (listing,), errors = table(tmp_path, "标题\n红色\n", TableColumns("标题"), encoding=encoding, read=encoding)
    assert (listing.title, errors) == ("红色", [])


def test_wrong_encoding_is_told(tmp_path):
    with pytest.raises(ListingError, match="header has bytes that the encoding lacks.*gb18030"):
        table(tmp_path, "标题\n红色\n", TableColumns("标题"), encoding="gb18030", read="utf-8")
    data = b"title\na\n\xff\xfe\nb\n"
    listings, (error,) = table(tmp_path, data, TableColumns(), read="utf-8")
    assert [listing.title for listing in listings] == ["a", "b"]
    assert (error.line, error.field) == (3, "line")
    data = "title\na\n".encode("utf-16-le") + b"\x00"
    listings, (error,) = table(tmp_path, data, TableColumns(), read="utf-16-le")
    assert [listing.title for listing in listings] == ["a"]


@pytest.mark.parametrize(
    "bad",
    ['2,"open,red', "2,a,red,more", "2,a", '2,"a"b,red', "2, ,red", '2,"open,red\n3"'],
    ids=["open quote", "too many", "too few", "text behind a quote", "no title", "open quote over two rows"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bad_csv_row_loses_nothing_else(tmp_path, bad, end):
    text = "\n".join(
        ["id,title,color", "1,cup,red", bad, '4,"red, cup",red', '5,"a\nred cup",red', "6,cup,red", "7", ""]
    )
    listings, errors = table(tmp_path, text.replace("\n", end), TableColumns(id="id", attributes=("color",)))
    assert [listing.id for listing in listings] == ["1", "4", "5", "6"]
    # Lines are those of the file, also behind a cell of two lines.
    assert [error.line for error in errors] == [3, 8 + bad.count("\n")]
    assert ("lines 3 to 4 are left out" in errors[0].problem) == ("\n" in bad)


def test_tsv_without_quoting(tmp_path):
    text = 'id\ttitle\n1\t"复古" 风衣\n2\t15" screen\n3\t"open\n4\t"a\tb"\n'
    listings, errors = table(tmp_path, text, TableColumns(id="id"), name="t.tsv")
    assert [listing.title for listing in listings] == ['"复古" 风衣', '15" screen', '"open', "a\tb"]
    assert not errors


def test_jsonl_with_own_keys(tmp_path):
    rows = [
        {"name": "red cup 38", "color": ["red", "blue"], "size": 38, "cat": ["A > B", "C"], "typed": ["x,y"]},
        {"name": "bad", "color": {"a": 1}, "size": True, "cat": "A > > B"},
        {"name": ["two", "titles"]},
        {"color": "red"},
        {"name": "cup", "size": float("nan"), "color": None},
    ]
    columns = TableColumns("name", category="cat", seller_tags="typed", attributes=("color", "size"))
    text = "\n".join(["{", *map(json.dumps, rows)])
    (first, second, third), errors = table(tmp_path, text, columns, name="t.jsonl")
    assert (spans(first), implicit(first)) == ([(0, 3, "color"), (8, 10, "size")], [("blue", "color", "implicit")])
    assert first.category == ("A > B", "C") and first.seller_tags == ("x,y",)
    assert (second, third) == (Listing("bad"), Listing("cup"))
    expected = [(1, "line"), (3, "color"), (3, "size"), (3, "cat"), (4, "name"), (5, "name")]
    assert [(error.line, error.field) for error in errors] == expected


def test_mistyped_column_is_told(tmp_path):
    columns = TableColumns(attributes=("colour",))
    with pytest.raises(ListingError, match="t.csv:1: colour: stands 0 times in the header.*title, color"):
        table(tmp_path, "title,color\ncup,red\n", columns)
    with pytest.raises(ListingError, match="t.csv:1: title: stands 2 times"):
        table(tmp_path, "title,title\ncup,red\n", TableColumns())
    (listing,), (error,) = table(tmp_path, '{"title": "cup", "color": "red"}\n', columns, name="t.jsonl")
    assert (listing.title, error.field) == ("cup", "colour")


@pytest.mark.parametrize("name,match", [("t.csv", "the file is empty"), ("t.xlsx", "must end in one of .csv")])
def test_no_table(tmp_path, name, match):
    with pytest.raises(ListingError, match=match):
        table(tmp_path, "", TableColumns(), name=name)


def test_gzipped_table(tmp_path):
    (listing,), errors = table(tmp_path, gzip.compress(b"title\ncup\n"), TableColumns(), name="t.csv.gz")
    assert (listing.title, errors) == ("cup", [])


@given(st.lists(st.text("ab红,\"\t'; \r\n", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5))
@settings(deadline=None, max_examples=100)
def test_quoted_tables_round_trip(tmp_path_factory, titles):
    quoted = ['"' + title.replace('"', '""') + '",1' for title in titles]
    listings, errors = table(tmp_path_factory.mktemp("t"), "\n".join(["title,x", *quoted]), TableColumns())
    assert [listing.title for listing in listings] == [title.strip() for title in titles]
    assert not errors


# Broken quotes


SIZES = "尺码,胸围,衣长\nM,100,70\n38,104,71\n"


@pytest.mark.parametrize(
    "row",
    [
        f'2,蓝色T恤,"描述 "加大" 款\n{SIZES}完"',
        f'2,蓝色T恤,"描述\n{SIZES}完',
        f'2,"蓝色"T恤,"描述\n{SIZES}完"',
    ],
)
def test_lines_of_a_description_are_no_rows(tmp_path, row):
    text = f"id,title,desc\n1,红色长裙,好看\n{row}\n3,绿色T恤,好\n"
    listings, errors = table(tmp_path, text, TableColumns(id="id", description="desc"))
    assert [listing.title for listing in listings] == ["红色长裙", "绿色T恤"]
    assert [error.line for error in errors] == [3] and "lines 3 to" in errors[0].problem


def test_a_cell_that_stays_open_to_the_end_makes_nothing_up(tmp_path):
    rows = f"红色长裙,好看\n蓝色T恤,\"描述\n{SIZES}".replace(",100", "").replace(",104", "").replace(",胸围", "")
    listings, (error,) = table(tmp_path, "title,desc\n" + rows, TableColumns(description="desc"))
    assert [listing.title for listing in listings] == ["红色长裙"]
    assert (error.line, error.field) == (3, "desc") and "lines 3 to 6 are left out" in error.problem


def test_rows_of_texts_alone_go_on_behind_the_closing_quote(tmp_path):
    rows = ["title,desc", "红色长裙,好看", '蓝色T恤,"描述 "加大" 款', "尺码,胸围", "M,100", '完"', "绿色T恤,好", "黄色T恤,好"]
    listings, (error,) = table(tmp_path, "\n".join(rows), TableColumns(description="desc"))
    assert [listing.title for listing in listings] == ["红色长裙", "绿色T恤", "黄色T恤"]
    assert (error.line, error.field) == (3, "desc") and "lines 3 to 6" in error.problem


def test_large_cells(tmp_path):
    text = "好" * 200_000 + "\n尺码,胸围,衣长"
    rows = f'id,title,desc\n1,长裙,"{text}"\n2,T恤,短\n'
    (first, second), errors = table(tmp_path, rows, TableColumns(id="id", description="desc"))
    assert (first.description, second.title, errors) == (text, "T恤", [])
    # The limit is ours, not the process's.
    assert csv.field_size_limit() == 131_072
    rows = f'id,title,desc\n1,长裙,短\n2,x,"{"好" * (2**20 + 1)}"\n3,T恤,短\n'
    listings, (error,) = table(tmp_path, rows, TableColumns(id="id", description="desc"))
    assert [listing.id for listing in listings] == ["1", "3"]
    assert (error.line, error.field) == (3, "line") and "1048576 characters" in error.problem


TITLES = ["红色 长裙", "Blue, warm shirt", '15" screen', "纯棉T恤 男士", "Mug; large"]
TEXTS = ["", "好", SIZES, "a\nb, c\n", 'der "große", 5', "L,104,71"]


@given(
    st.lists(st.tuples(st.sampled_from(TITLES), st.sampled_from(TEXTS), st.sampled_from(["红", "L", "", "a,b"])), min_size=1, max_size=8),
    st.data(),
)
@settings(deadline=None, max_examples=200)
def test_a_broken_quote_makes_no_listing_up(tmp_path_factory, rows, data):
    file = io.StringIO()
    writer = csv.writer(file, quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])))
    writer.writerow(["id", "title", "desc", "color"])
    writer.writerows([number, *row] for number, row in enumerate(rows, 100))
    text = file.getvalue()
    start = text.index("\n") + 1
    quotes = [at for at in range(start, len(text)) if text[at] == '"']
    if quotes and data.draw(st.booleans()):
        at = data.draw(st.sampled_from(quotes))
        text = text[:at] + text[at + 1 :]
    else:
        at = data.draw(st.integers(start, len(text)))
        text = text[:at] + '"' + text[at:]
    columns = TableColumns(id="id", description="desc", attributes=("color",))
    listings, errors = table(tmp_path_factory.mktemp("t"), text, columns)
    assert len(listings) <= len(rows)
    known = {title.replace('"', "") for title, _, _ in rows}
    assert {listing.title.replace('"', "") for listing in listings} <= known


# Dialects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "cp1252"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n", "Exported 2024\r\n\r\n"])
def test_dialects_are_told(tmp_path, delimiter, encoding, first):
    word = {"gb18030": "纯棉T恤，男士", "cp1252": "Größe für Männer, weiß"}.get(encoding, "纯棉 crème")
    rows = [["Title", "COLOR"], [word, "red"], [f"a{delimiter}b", "x"]]
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    text = first.format(delimiter) + file.getvalue()
    notices = []
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    columns = TableColumns("title", attributes=("color",), attribute_separator="")
    listings = list(convert_table(path, columns, on_notice=notices.append))
    assert [(x.title, x.tags[0].facet) for x in listings] == [(word, "color"), (rows[2][0], "color")]
    assert encoding.removesuffix("-sig") in notices[0]


WORDS = st.text("ab红é\"'\t,;| \r\n", min_size=1, max_size=8).filter(str.strip)


@given(
    st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\r\n", "\n"]),
)
@settings(deadline=None, max_examples=200)
def test_what_csv_writes_is_read_again(tmp_path_factory, rows, delimiter, encoding, quoting, end):
    if end == "\n":
        # Python's writer doesn't quote it then.
        rows = [(a.replace("\r", "\n"), b.replace("\r", "\n")) for a, b in rows]
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows([("title", "description"), *rows])
    read = encoding if encoding == "gb18030" else None
    columns = TableColumns(description="description")
    listings, errors = table(tmp_path_factory.mktemp("t"), file.getvalue().encode(encoding), columns, read=read)
    assert not errors
    assert [(x.title, x.description) for x in listings] == [(a.strip(), b.strip()) for a, b in rows]


@pytest.mark.parametrize("data, problem", [(b"PK\x03\x04abc", "save it as CSV"), (b"a,\0b\x01\0\0cd\0", "zero bytes")])
def test_no_text_is_told(tmp_path, data, problem):
    with pytest.raises(ListingError, match=problem):
        table(tmp_path, data, TableColumns())


# Ids that a spreadsheet has damaged


@pytest.mark.parametrize("cell", ["1E+05", "1.00E+05", "6,9E+12", "5-Jan", "Mar-05", "1月5日", "2024/1/5", "#N/A", "#REF!"])
def test_damaged_ids(tmp_path, cell):
    text = f'id,title\n"{cell}",红色\n"{cell}",蓝色\nA-5,绿色\n'
    listings, errors = table(tmp_path, text, TableColumns(id="id", product="id"))
    assert [(error.line, error.field) for error in errors if error.field == "id"][0] == (2, "id")
    assert not [x for x in listings if cell in (x.id, x.product)] and listings[-1].id == "A-5"


# Several values in a cell


@pytest.mark.parametrize(
    "cell, title, values",
    [
        ("红色,白色", "红色白色T恤", ["红色", "白色"]),
        ("红色,白色", "T恤", ["红色,白色"]),
        ("Red/Navy", "Shirt Red, Navy", ["Red", "Navy"]),
        ("Red/Navy", "Shirt Red", ["Red/Navy"]),
        ("red|navy", "T", ["red", "navy"]),
        ("全棉，夏季、圆领；长袖", "T", ["全棉", "夏季", "圆领", "长袖"]),
        ('"Breathable","Easy care"', "T", ["Breathable", "Easy care"]),
        ("1,5 L", "1,5 L Flasche", ["1,5 L"]),
        ("1/2", "1/2 inch", ["1/2"]),
        ("A&amp;B;C", "T", ["A&B", "C"]),
        ("a;a; ", "T", ["a"]),
    ],
)
def test_values_of_a_cell(tmp_path, cell, title, values):
    quoted = cell.replace('"', '""')
    (listing,), errors = table(tmp_path, f'title,x\n"{title}","{quoted}"\n', TableColumns(attributes=("x",)))
    assert (list(dict.fromkeys(tag.text for tag in listing.tags)), errors) == (values, [])


def test_known_values_split(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("title,x\nT,Red/Navy\nT,Red/Nvy\n", encoding="utf8")
    listings = convert_table(path, TableColumns(attributes=("x",)), is_known={"Red", "Navy"}.__contains__)
    assert [[tag.text for tag in x.tags] for x in listings] == [["Red", "Navy"], ["Red/Nvy"]]


def test_a_separator_of_ones_own(tmp_path):
    columns = TableColumns(attributes=("x",), attribute_separator="+")
    (listing,), _ = table(tmp_path, "title,x\nT,a;b + c\\+d\n", columns)
    assert [tag.text for tag in listing.tags] == ["a;b", "c+d"]


def test_several_categories(tmp_path):
    notices = []
    path = tmp_path / "t.csv"
    path.write_text('title,cat\nT,"Body Care > Perfume\\, Cologne > Unisex, Gifts"\n', encoding="utf8")
    (listing,) = convert_table(path, TableColumns(category="cat"), on_notice=notices.append)
    assert listing.category == ("Body Care", "Perfume, Cologne", "Unisex")
    assert notices[1:] == ["1 listings have several categories; the deepest is taken, of those the first"]


def test_html_is_taken_out(tmp_path):
    text = 'title,d,x\n<b>耐克</b><br/>T恤,"<p>柔软</p><img src=""c.jpg"">",<i>红</i>\n'
    columns = TableColumns(description="d", attributes=("x",))
    (listing,), _ = table(tmp_path, text, columns)
    assert (listing.title, listing.description, listing.tags[0].text) == ("耐克 T恤", "柔软", "红")
    path = tmp_path / "t.csv"
    (listing,) = convert_table(path, columns, strip_html=False)
    assert listing.title == "<b>耐克</b><br/>T恤"
