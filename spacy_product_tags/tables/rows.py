"""Read a table's rows, and after a broken quote go on only where a row of the table starts.

A quote that is not closed, or that stands in a cell undoubled, leaves it open where the cell ends: the lines below may
be rows, or lines of a description that look like rows. What follows is taken for a row only where it has the shape of
the rows read so far; lines in between are left out and reported. So a broken cell may cost a good row, and never makes
one up.
"""
import csv
import re
import threading
from collections import deque
from typing import Deque, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from ..errors import ListingError
from ..io import bad
from .cells import kind_of

# The largest cell, in characters.
MAX_CELL = 2**20
# A table of texts alone has no shape but its number of cells: this many rows in a row with it are the table.
_SURE_ROWS = 20
# Rows of which a shape is learnt before the length of texts counts.
_LENGTHS_FROM = 5
# What errors="surrogateescape" makes of bytes that the encoding doesn't have.
_UNDECODED = re.compile("[\udc80-\udcff]")
# `csv` has one limit for the whole process.
_LIMIT = threading.Lock()


class Record(NamedTuple):
    """What was read of some lines.

    line (int): The first of them.
    lines (List[str]): All of them.
    cells (List[str]): The cells, where there is no problem.
    problem (str): Why it is no record.
    """

    line: int
    lines: List[str]
    cells: List[str]
    problem: str = ""


# The line that a row starts on, and its cells or what is wrong with it.
Row = Tuple[int, Union[List[str], ListingError]]


def read_rows(
    lines: Iterator[str], delimiter: str, skip_rows: int = 0, *, may_end_early: bool = False
) -> Tuple[List[str], Iterator[Row]]:
    """Read a table with a header.

    lines (Iterator[str]): Its lines with their ends.
    delimiter (str): What stands between cells.
    skip_rows (int): Lines before the header.
    may_end_early (bool): Whether a row may leave out its last cells; they are then blank.
    RETURNS (Tuple[List[str], Iterator[Row]]): The header, and for each row that is not blank the line that it starts on
        and its cells, as many as the header's, or what is wrong with it.
    RAISES (ListingError): Where there is no header, with the line.
    """
    reader = _Reader(lines, delimiter)
    for _ in range(skip_rows):
        reader.skip_line()
    while (record := reader.read()) is not None:
        if record.problem or any(cell.strip() for cell in record.cells):
            break
    if record is None:
        raise ListingError("table", skip_rows + 1, "line", "the file is empty; its first line must name the columns")
    problem = record.problem or undecoded("".join(record.lines))
    if problem:
        raise ListingError("table", record.line, "line", f"the header {problem}")
    header = [" ".join(cell.split()) for cell in record.cells]
    return header, _rows(reader, header, may_end_early)


def undecoded(text: str) -> str:
    """Say what is wrong with a text that was read in a wrong encoding. RETURNS (str): The problem; "" = none."""
    if _UNDECODED.search(text):
        return "has bytes that the encoding lacks; give the right one, for example --encoding gb18030"
    return ""


def _rows(reader: "_Reader", header: List[str], may_end_early: bool) -> Iterator[Row]:
    shape = _Shape(len(header))
    while (record := reader.read()) is not None:
        if not record.problem and not any(cell.strip() for cell in record.cells):
            continue
        if may_end_early and not record.problem and len(record.lines) == 1:
            record.cells.extend([""] * (len(header) - len(record.cells)))
        problem = record.problem or _miscounted(record, reader.delimiter, shape.width)
        if problem:
            first = record.lines[0]
            cells = first.rstrip("\r\n").split(reader.delimiter)
            if reader.delimiter == "\t" and len(cells) == len(header):
                # Many tools write tabs without quoting: there a quote is a character like others.
                reader.unread(record)
                record, problem = Record(record.line, [first], cells), ""
        if problem:
            reader.unread(record)
            if '"' in first or len(record.lines) > 1:
                left_out = _resynchronize(reader, shape, record)
                if left_out > record.line:
                    problem += f"; lines {record.line} to {left_out} are left out, for what is a row there is not sure"
                yield record.line, bad(_column(first, reader.delimiter, header), problem)
            else:
                yield record.line, bad("line", problem)
            continue
        problem = undecoded("".join(record.lines))
        if problem:
            yield record.line, bad("line", problem)
            continue
        shape.learn(record.cells)
        yield record.line, record.cells


def _resynchronize(reader: "_Reader", shape: "_Shape", broken: Record) -> int:
    """Pass over lines up to the next row. RETURNS (int): The last line that is left out."""
    last = broken.line
    # Records with the right number of cells, one behind the other, that may be rows.
    run: List[Record] = []
    closing = _closes(broken.lines[0], opened=True)
    # Where the line has as many quotes as it needs, and all lines to the end may be rows, no cell is open.
    sound = broken.lines[0].count('"') % 2 == 0
    while (record := reader.read()) is not None:
        blank = not record.problem and not any(cell.strip() for cell in record.cells)
        fits = not record.problem and not blank and len(record.cells) == shape.width
        if fits and shape.is_telling and shape.fits(record.cells):
            reader.unread(record, whole=True)
            return last
        if fits and not shape.is_telling:
            if closing or len(run) + 1 >= _SURE_ROWS:
                for earlier in reversed([*run, record]):
                    reader.unread(earlier, whole=True)
                return last if not run else run[0].line - 1
            run.append(record)
            continue
        if not blank:
            # The rows before were lines of a cell; so is the first line of this one.
            run.clear()
            sound = False
            reader.unread(record)
            closing = _closes(record.lines[0], opened=False)
        last = record.line if not blank else record.line + len(record.lines) - 1
    if run and sound:
        for earlier in reversed(run):
            reader.unread(earlier, whole=True)
        return run[0].line - 1
    return reader.line - 1


def _closes(line: str, opened: bool) -> bool:
    """Tell whether a line closes a cell that is open before it (or that it opens itself). RETURNS (bool): It does."""
    quotes = line.count('"')
    ends = re.search(r'[^",;\t|]"(?:[,;\t|]|\s*$)', line) is not None
    return ends and quotes % 2 == (0 if opened else 1)


def _column(line: str, delimiter: str, header: Sequence[str]) -> str:
    for name, cell in zip(header, line.rstrip("\r\n").split(delimiter)):
        if cell.count('"') % 2 or '"' in cell.strip().strip('"').replace('""', ""):
            return name or "line"
    return "line"


class _Shape:
    """What a table's rows look like, learnt from those that were read.

    width (int): The number of columns.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.count = 0
        self._kinds: List[Set[str]] = [set() for _ in range(width)]
        self._shortest = [MAX_CELL] * width

    @property
    def is_telling(self) -> bool:
        """Whether a column holds but numbers, addresses or codes."""
        return any(map(_is_telling, self._kinds))

    def learn(self, cells: Sequence[str]) -> None:
        """Learn a row's shape."""
        self.count += 1
        for number, cell in enumerate(cells):
            kind = kind_of(cell)
            if kind:
                self._kinds[number].add(kind)
            self._shortest[number] = min(self._shortest[number], len(cell.strip()))

    def fits(self, cells: Sequence[str]) -> bool:
        """Tell whether cells may be a row. RETURNS (bool): True where none speaks against it, and one for it."""
        told = False
        for cell, kinds, shortest in zip(cells, self._kinds, self._shortest):
            kind = kind_of(cell)
            if _is_telling(kinds):
                if kind and kind not in kinds:
                    return False
                told = told or kind != ""
            elif kind == "number" and kinds and kind not in kinds:
                return False
            if self.count >= _LENGTHS_FROM and 2 * len(cell.strip()) < shortest:
                return False
        return told


def _miscounted(record: Record, delimiter: str, width: int) -> str:
    if len(record.cells) == width:
        return ""
    return f"has {len(record.cells)} cells, the header has {width}; quote cells that hold {delimiter!r}"


def _is_telling(kinds: Set[str]) -> bool:
    return bool(kinds) and kinds <= {"number", "url", "code"}


class _Reader:
    """Read records, and take back those that were none.

    lines (Iterator[str]): The lines.
    delimiter (str): What stands between cells.
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self.delimiter = delimiter
        self.line = 1
        self._lines = lines
        self._pending: Deque[str] = deque()

    def skip_line(self) -> None:
        """Pass over a line."""
        self.line += next(self._lines, "") != ""

    def read(self) -> Optional[Record]:
        """Read a record. RETURNS (Optional[Record]): The record, which may be none; None = the table ends."""
        used: List[str] = []
        cells: List[str] = []
        problem = ""
        line = self.line
        with _LIMIT:
            limit = csv.field_size_limit(MAX_CELL)
            try:
                cells = next(csv.reader(self._take(used), delimiter=self.delimiter, strict=True))
            except StopIteration:
                return None
            except csv.Error as err:
                problem = f"is no row of the table ({err}); check its quotes"
                if "field larger" in str(err):
                    problem = f"has a cell of more than {MAX_CELL} characters, or a quote that is not closed"
            finally:
                csv.field_size_limit(limit)
        self.line += len(used)
        return Record(line, used, cells, problem)

    def unread(self, record: Record, *, whole: bool = False) -> None:
        """Take back all lines of a record but the first, or all of them."""
        taken = record.lines if whole else record.lines[1:]
        self._pending.extendleft(reversed(taken))
        self.line = record.line + (0 if whole else 1)

    def _take(self, used: List[str]) -> Iterator[str]:
        while line := self._pending.popleft() if self._pending else next(self._lines, ""):
            used.append(line)
            yield line
