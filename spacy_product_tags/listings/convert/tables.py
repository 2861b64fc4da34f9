"""Convert tables (CSV, TSV, or JSONL with its own keys) to listings: a user's columns, or a shop's export."""
from itertools import chain
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence, Set, Union

from ...errors import ListingError
from ...io import OnError, iter_lines, parse_json, raise_error
from ...listing import Listing
from ...tables.dialect import DELIMITERS, Dialect, detect_dialect, open_table
from ...tables.rows import read_rows, undecoded
from .layouts import Layout, TableColumns, fit_layout, own_layout, plain_names, shipped_layouts
from .rows import Reading, Row, make_listings

_DEFAULT = TableColumns()
# Called with what a user may want to know that is no error.
OnNotice = Callable[[str], None]


def say_nothing(notice: str) -> None:
    """Pass over what is worth knowing: the default of functions that tell it."""


def never_known(text: str) -> bool:
    """Know no value. RETURNS (bool): False."""
    return False


def convert_table(
    path: Union[str, Path],
    columns: Optional[TableColumns] = None,
    *,
    layouts: Optional[Sequence[Layout]] = None,
    fallback: Optional[TableColumns] = _DEFAULT,
    encoding: Optional[str] = None,
    delimiter: Optional[str] = None,
    skip_rows: Optional[int] = None,
    strip_html: bool = True,
    is_known: Callable[[str], bool] = never_known,
    on_error: OnError = raise_error,
    on_notice: OnNotice = say_nothing,
) -> Iterator[Listing]:
    """Stream the listings of a table with a header; the format is told by the name: .csv, .tsv, .txt or .jsonl (+ .gz).

    path (Union[str, Path]): The file. It is read row by row: memory holds the largest product's rows.
    columns (Optional[TableColumns]): Which column holds what. An attribute's value becomes a span tag wherever
        `find_value` finds it in the text, otherwise an implicit tag. None = as the layout says whose header it is.
    layouts (Optional[Sequence[Layout]]): Formats of shops; None = those that ship with the package.
    fallback (Optional[TableColumns]): The columns where no layout has the header; None = that is an error.
    encoding (Optional[str]): The file's encoding, such as gb18030; None = it is told from the file.
    delimiter (Optional[str]): What stands between cells; None = it is told from the file.
    skip_rows (Optional[int]): Lines before the header; None = it is looked for.
    strip_html (bool): Whether HTML is taken out of cells.
    is_known (Callable[[str], bool]): Whether a text is a value, so that `Red/Navy` is two; what stands in the text is.
    on_error (OnError): Called with each bad row's or cell's error; where it returns, reading goes on. A bad category,
        seller tag or attribute costs only itself.
    on_notice (OnNotice): Called with how the table was read, and what was chosen of several categories.
    YIELDS (Listing): One listing a row, or a product; blank rows are passed over.
    RAISES (ListingError): Where `on_error` raises; always where the header lacks a column or the format is unknown.
    """
    suffix = Path(str(path).removesuffix(".gz")).suffix.lower()
    if suffix not in DELIMITERS and suffix != ".jsonl":
        known = ", ".join((*DELIMITERS, ".jsonl"))
        raise ListingError(path, 0, "path", f"a table is told by its name, which must end in one of {known} (or + .gz)")
    if suffix == ".jsonl":
        own = columns or fallback or _DEFAULT
        with open_table(path, encoding or "utf-8-sig") as file:
            reading = Reading(own_layout(own), strip_html, is_known)
            yield from make_listings(_json_rows(_decoded(file), own), reading, path, on_error)
        _give(reading, on_notice)
        return
    choices = [own_layout(columns)] if columns else [*(shipped_layouts() if layouts is None else layouts)]

    def is_header(cells: Sequence[str]) -> bool:
        return any(layout.is_header(cells) for layout in choices)

    dialect = detect_dialect(path, is_header, encoding=encoding, delimiter=delimiter, skip_rows=skip_rows)
    with open_table(path, dialect.encoding) as file:
        try:
            header, rows = read_rows(_decoded(file), dialect.delimiter, dialect.skip_rows)
            rest = own_layout(fallback) if fallback and not columns else choices[0]
            layout = next((layout for layout in choices if layout.is_header(header)), rest)
            names = plain_names(header, layout.strip)
            fitted = fit_layout(layout, names)
        except ListingError as err:
            raise err.at(path, err.line or dialect.skip_rows + 1) from None
        _say_how(dialect, layout, on_notice)
        named: Iterator[Row] = (
            (line, row if isinstance(row, ListingError) else dict(zip(names, row))) for line, row in rows
        )
        reading = Reading(fitted, strip_html, is_known)
        yield from make_listings(named, reading, path, on_error)
    _give(reading, on_notice)


def _say_how(dialect: Dialect, layout: Layout, on_notice: OnNotice) -> None:
    about = f"{layout.name} ({layout.about}); " if layout.name else ""
    on_notice(f"read as {about}{dialect}")


def _give(reading: Reading, on_notice: OnNotice) -> None:
    for notice, count in reading.notices.items():
        on_notice(f"{count} listings {notice}")


def _decoded(file: Iterator[str]) -> Iterator[str]:
    try:
        first = next(file, "")
        yield from chain([first.removeprefix("\ufeff")] if first else [], file)
    except UnicodeError:
        # UTF-16 and UTF-32 can't escape single bytes: the rest of the file is one line that is found undecoded.
        yield "\udc80"


def _json_rows(lines: Iterator[str], columns: TableColumns) -> Iterator[Row]:
    number = 0
    seen: Set[str] = set()
    for number, line in iter_lines(lines):
        try:
            problem = undecoded(line)
            if problem:
                raise ListingError("row", number, "line", problem)
            row = parse_json(line)
        except ListingError as err:
            yield number, err
        else:
            seen.update(row)
            yield number, row
    # JSON rows may leave a key out, so a mistyped column shows only at the end.
    for name in columns.names() if seen else ():
        if name not in seen:
            problem = f"no row has this column; the rows have {', '.join(sorted(seen))}"
            yield number, ListingError("row", number, name, problem)
