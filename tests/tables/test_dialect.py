import gzip
import io
import tracemalloc

import pytest
from growth import assert_linear, repeated

from spacy_product_tags.errors import ListingError
from spacy_product_tags.tables.cells import kind_of, spreadsheet_damage
from spacy_product_tags.tables.dialect import Dialect, detect_dialect, detect_encoding
from spacy_product_tags.tables.rows import read_rows

SHORT = [
    ("gb18030", "标题,颜色\n纯棉短袖T恤,红色\n"),
    ("gb18030", "标题\n红色\n"),
    ("big5", "標題,顏色\n純棉短袖T恤,紅色\n"),
    ("cp932", "商品名,色\nメンズ綿Tシャツ,赤\n"),
    ("cp949", "상품명,색상\n남성 면 티셔츠,빨강\n"),
    ("cp1252", "titre,couleur\nCrème brûlée à la carte,doré\n"),
    ("cp1252", "Titel;Farbe\nGrüne Hose für Männer;grün\n"),
    ("cp1251", "название,цвет\nКрасная футболка мужская,красный\n"),
]


@pytest.mark.parametrize("encoding, text", SHORT)
def test_short_tables_in_their_encodings(encoding, text):
    assert detect_encoding("t.csv", text.encode(encoding)) == encoding
    assert detect_encoding("t.csv", text.encode()) == "utf-8-sig"
    assert detect_encoding("t.csv", text.encode("utf-16")) == "utf-16"


def test_a_few_broken_bytes_are_still_utf_8():
    assert detect_encoding("t.csv", ("标题\n" + "红色\n" * 20).encode() + b"\xff\n") == "utf-8-sig"
    # A character that the end of the sample cuts is none of them.
    assert detect_encoding("t.csv", "红".encode()[:-1]) == "utf-8-sig"


def test_without_a_known_header_the_rows_tell(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a;b;c\n1,5;2;3\n2,5;x,y;3\n"))
    assert detect_dialect(path, lambda cells: False) == Dialect("utf-8-sig", ";", 0)
    assert str(detect_dialect(path, lambda cells: "2" in cells)) == "utf-8, semicolons between the cells, the header is line 2"
    assert detect_dialect(path, lambda cells: False, delimiter=",", skip_rows=1, encoding="cp1252") == Dialect("cp1252", ",", 1)


@pytest.mark.parametrize(
    "cell, kind",
    [("", ""), (" ", ""), ("12", "number"), ("¥1,299.00", "number"), ("50 %", "number"), ("https://x", "url"), ("AB-12", "code")]
    + [("M", "text"), ("红色", "text"), ("5kg 红", "text"), ("x" * 50 + "1", "text")],
)
def test_kinds_of_cells(cell, kind):
    assert kind_of(cell) == kind


@pytest.mark.parametrize("cell", ["100000", "1E5", "A1E+05", "1-5", "2024", "12-345-6", "MAY-2024X", "", "3/4"])
def test_sound_ids(cell):
    assert spreadsheet_damage(cell) == ""


def read(text, delimiter=",", **settings):
    header, rows = read_rows(iter(io.StringIO(text, newline="")), delimiter, **settings)
    return header, list(rows)


def test_rows_that_end_early():
    header, rows = read("\n\na,b\n1\n2,3\n4,5,6\n", may_end_early=True)
    assert (header, rows[:2]) == (["a", "b"], [(4, ["1", ""]), (5, ["2", "3"])])
    assert (rows[2][0], rows[2][1].field) == (6, "line")
    assert [type(row) for _, row in read("a,b\n1\n2,3\n")[1]] == [ListingError, list]


def test_a_table_of_texts_goes_on_where_many_rows_have_its_shape():
    text = 'title,desc\n红裙,"开\n' + "标题,好\n" * 25
    _, found = read(text)
    assert [line for line, row in found if isinstance(row, ListingError)] == [2]
    assert [line for line, row in found if not isinstance(row, ListingError)] == list(range(3, 28))


def test_no_header():
    for text in ("", "\n \n"):
        with pytest.raises(ListingError, match="the file is empty"):
            read(text)


UNITS = ['2,"x,b\n', '2,"y"",b\n', '2,"a "b" c,b\n', "c,d\n", '"', '""', ',"\n', '尺,"",""\n', "\n"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("head", ["id,title\n1,a\n", 'title,desc\na,"b\n'])
@pytest.mark.slow
def test_time_is_linear(unit, head):
    assert_linear(lambda text: read(head + text), repeated(unit))


@pytest.mark.parametrize("unit", ['2,"x,b\n', '""'])
def test_broken_quotes_take_linear_time(unit):
    assert_linear(lambda text: read("id,title\n1,a\n" + text), repeated(unit))


def test_memory_stays_flat():
    def lines(count):
        yield "id,title\n"
        for number in range(count):
            yield f'{number},"红色 ""长裙"" {number}"\n'

    peaks = []
    for count in (500, 5000):
        tracemalloc.start()
        _, rows = read_rows(lines(count), ",")
        assert sum(1 for _ in rows) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000
