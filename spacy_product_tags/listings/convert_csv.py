"""Convert users' tables (CSV, TSV, or JSONL with their own keys) to listings; values are looked up in the text."""
import csv
import gzip
import math
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Deque, Dict, Iterator, List, Mapping, Tuple, Union

from ..errors import ListingError
from ..io import bad, iter_lines, parse_json, raise_error
from ..listing import Listing
from ..tag import Tag
from .convert import Problems, find_value

# A row as it was read, or why it could not be.
Row = Union[Mapping[str, Any], ListingError]
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_NAMED = ("title", "description", "id", "product", "lang")
# What errors="surrogateescape" makes of bytes that the encoding doesn't have.
_UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which column of a table (key of a JSONL row) holds what; "" = the table has none.

    title (str): The title.
    description (str): More text.
    id (str): The row's id.
    product (str): The product shown; rows of one product share a split.
    lang (str): Language code.
    category (str): Category path from the top, as one text or a JSON list.
    seller_tags (str): Tags that a seller typed, as one text or a JSON list.
    attributes (Tuple[str, ...]): Attribute columns; each name becomes a facet.
    category_separator (str): What stands between the levels of a category; "" = one level.
    tag_separator (str): What stands between seller tags; "" = one tag.
    """

    title: str = "title"
    description: str = ""
    id: str = ""
    product: str = ""
    lang: str = ""
    category: str = ""
    seller_tags: str = ""
    attributes: Tuple[str, ...] = ()
    category_separator: str = ">"
    tag_separator: str = ","

    def names(self) -> List[str]:
        """Give the columns that the table must have. RETURNS (List[str]): Their names, each once."""
        single = (getattr(self, field) for field in (*_NAMED, "category", "seller_tags"))
        return list(dict.fromkeys(name for name in (*single, *self.attributes) if name))


def convert_table(
    path: Union[str, Path],
    columns: TableColumns,
    *,
    encoding: str = "utf-8-sig",
    on_error: Callable[[ListingError], None] = raise_error,
) -> Iterator[Listing]:
    """Stream the listings of a table with a header; the format is told by the name: .csv, .tsv or .jsonl (or + .gz).

    path (Union[str, Path]): The file.
    columns (TableColumns): Which column holds what. An attribute's value becomes a span tag wherever `find_value`
        finds it in the text, otherwise an implicit tag.
    encoding (str): The file's encoding, such as gb18030; a byte order mark is dropped.
    on_error (Callable[[ListingError], None]): Called with each bad row's or cell's error; where it returns, reading
        goes on. A bad category, seller tag or attribute costs only itself.
    YIELDS (Listing): One listing a row; blank rows are passed over.
    RAISES (ListingError): Where `on_error` raises; always where the header lacks a column or the format is unknown.
    """
    suffix = Path(str(path).removesuffix(".gz")).suffix.lower()
    if suffix not in _DELIMITERS and suffix != ".jsonl":
        known = ", ".join((*_DELIMITERS, ".jsonl"))
        raise ListingError(path, 0, "path", f"a table is told by its name, which must end in one of {known} (or + .gz)")
    with _open(path, encoding) as file:
        lines = _decoded_lines(file)
        rows = _json_rows(lines, columns) if suffix == ".jsonl" else _csv_rows(lines, str(path), suffix, columns)
        for number, row in rows:
            problems: Problems = []
            try:
                # A row that could not be read comes as its error.
                if isinstance(row, ListingError):
                    raise row
                listing = _convert_cells(row, columns, problems)
            except ListingError as err:
                on_error(ListingError(path, number, err.field, err.problem))
                continue
            for field, problem in problems:
                on_error(ListingError(path, number, field, problem))
            yield listing


def _open(path: Union[str, Path], encoding: str) -> IO[str]:
    opener = gzip.open if str(path).endswith(".gz") else open
    # newline="" leaves line breaks inside quoted cells to `csv`; undecodable bytes are found row by row.
    return opener(path, "rt", encoding=encoding, errors="surrogateescape", newline="")


def _decoded_lines(file: IO[str]) -> Iterator[str]:
    try:
        for number, line in enumerate(file):
            yield line if number else line.removeprefix("\ufeff")
    except UnicodeError:
        # UTF-16 and UTF-32 can't escape single bytes: the rest of the file is one line that fails `_check_decoded`.
        yield "\udc80"


def _check_decoded(line: str) -> None:
    if _UNDECODED.search(line):
        raise bad("line", "has bytes that the encoding lacks; give the right one, for example encoding='gb18030'")


def _json_rows(lines: Iterator[str], columns: TableColumns) -> Iterator[Tuple[int, Row]]:
    number, seen = 0, set()
    for number, line in iter_lines(lines):
        try:
            _check_decoded(line)
            row = parse_json(line)
        except ListingError as err:
            yield number, err
        else:
            seen.update(row)
            yield number, row
    # JSON rows may leave a key out, so a mistyped column shows only at the end.
    for name in columns.names() if seen else ():
        if name not in seen:
            yield number, bad(name, f"no row has this column; the rows have {', '.join(sorted(seen))}")


def _csv_rows(lines: Iterator[str], path: str, suffix: str, columns: TableColumns) -> Iterator[Tuple[int, Row]]:
    header: List[str] = []
    for number, cells in _csv_records(lines, _DELIMITERS[suffix], header):
        if header:
            yield number, cells if isinstance(cells, ListingError) else dict(zip(header, cells))
            continue
        # Without a good header every row would lose tags in silence: that is not for `on_error`.
        if isinstance(cells, ListingError):
            raise ListingError(path, number, cells.field, f"the header {cells.problem}")
        header.extend(cell.strip() for cell in cells)
        for name in columns.names():
            if header.count(name) != 1:
                problem = f"stands {header.count(name)} times in the header, not once: {', '.join(header)}"
                raise ListingError(path, number, name, problem)
    if not header:
        raise ListingError(path, 1, "line", "the file is empty; its first line must name the columns")


def _csv_records(
    lines: Iterator[str], delimiter: str, header: List[str]
) -> Iterator[Tuple[int, Union[List[str], ListingError]]]:
    """Stream a CSV file's records with the line that each starts on.

    An unclosed quote would swallow the rows below it, so a record that fails costs its first line only: the other
    lines that it took are read again. (`csv.field_size_limit` bounds how far a quote reaches.)
    """
    pending: Deque[str] = deque()
    number = 1
    while True:
        used: List[str] = []
        cells: List[str] = []
        problem = ""
        try:
            cells = next(csv.reader(_take(pending, lines, used), delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except csv.Error as err:
            problem = f"is no row of the table ({err}); check its quotes"
        blank = not problem and not any(cell.strip() for cell in cells)
        if cells and not blank and header and len(cells) != len(header):
            problem = f"has {len(cells)} cells, the header has {len(header)}; quote cells that hold {delimiter!r}"
        if problem:
            pending.extendleft(reversed(used[1:]))
            del used[1:]
            cells = used[0].rstrip("\r\n").split(delimiter)
            # Many tools write tabs without quoting: there a quote is a character like others.
            if delimiter == "\t" and len(cells) == len(header):
                problem = ""
        try:
            _check_decoded("".join(used))
            if problem:
                raise bad("line", problem)
        except ListingError as err:
            yield number, err
        else:
            if not blank:
                yield number, cells
        number += len(used)


def _take(pending: Deque[str], lines: Iterator[str], used: List[str]) -> Iterator[str]:
    while line := pending.popleft() if pending else next(lines, ""):
        used.append(line)
        yield line


def _convert_cells(row: Mapping[str, Any], columns: TableColumns, problems: Problems) -> Listing:
    named = {}
    for name in _NAMED:
        values = _values(row, getattr(columns, name))
        if len(values) > 1:
            raise bad(getattr(columns, name), f"must be one value, not {len(values)}")
        named[name] = values[0] if values else ""
    if not named["title"]:
        raise bad(columns.title, "missing or blank; a listing needs a title")
    listing = Listing(**named)
    tags: Dict[Tag, None] = {}
    for column in columns.attributes:
        for value in _try_values(row, column, problems):
            hits = find_value(listing.text, value)
            tags.update(dict.fromkeys(Tag(value, column, 1.0, start, end) for start, end in hits))
            if not hits:
                tags[Tag(value, column, source="implicit")] = None
    seller = _parts(row, columns.seller_tags, columns.tag_separator, problems)
    category = _parts(row, columns.category, columns.category_separator, problems)
    if not all(category):
        problems.append((columns.category, "has an empty level; write 'A > B > C'"))
        category = []
    return Listing(**named, tags=tuple(tags), seller_tags=tuple(filter(None, seller)), category=tuple(category))


def _parts(row: Mapping[str, Any], column: str, separator: str, problems: Problems) -> List[str]:
    values = _try_values(row, column, problems)
    if not separator or isinstance(row.get(column), list):
        return values
    return [part.strip() for value in values for part in value.split(separator)]


def _try_values(row: Mapping[str, Any], column: str, problems: Problems) -> List[str]:
    try:
        return _values(row, column)
    except ListingError as err:
        problems.append((err.field, err.problem))
        return []


def _values(row: Mapping[str, Any], column: str) -> List[str]:
    """Read a cell: blank or null is no value, a JSON list is several."""
    cell = row.get(column) if column else None
    values = []
    for item in cell if isinstance(cell, list) else [cell]:
        # JSON has numbers where CSV has text; NaN is what pandas writes for an empty cell.
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            item = "" if isinstance(item, float) and not math.isfinite(item) else str(item)
        if not isinstance(item, (str, type(None))):
            raise bad(column, f"must be a string, a number or a list of them, not {item!r}")
        if item and item.strip():
            values.append(item.strip())
    return values
