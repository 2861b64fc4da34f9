"""Tell a table's encoding, delimiter and header row from its beginning."""
import codecs
import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, List, Optional, Sequence, Tuple, Union

from ..errors import ListingError

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
# What a file is read of to tell these things, and how many of its first rows may be the header.
_SAMPLE = 2**18
_HEADER_ROWS = 12
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What spreadsheets write in the languages that shops are in; of two that are as likely, the first.
_ENCODINGS = ("gb18030", "big5", "cp932", "cp949", "cp1252", "cp1251", "cp1250", "cp1254", "cp874")
_HANGUL, _HAN = re.compile("[\uac00-\ud7a3]"), re.compile("[\u4e00-\u9fff]")
_SEP = re.compile(r'"?sep=(\\t|.)"?\s*$', re.IGNORECASE)

# Whether a row of cells is the header that is looked for.
IsHeader = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written.

    encoding (str): Its encoding.
    delimiter (str): What stands between its cells.
    skip_rows (int): Lines before the header.
    """

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    skip_rows: int = 0

    def __str__(self) -> str:
        cells = _NAMES.get(self.delimiter, f"{self.delimiter!r}")
        skipped = f", the header is line {self.skip_rows + 1}" if self.skip_rows else ""
        return f"{self.encoding.removesuffix('-sig')}, {cells} between the cells{skipped}"


def open_table(path: Union[str, Path], encoding: str) -> IO[str]:
    """Open a table, gzipped or not. RETURNS (IO[str]): The file; bytes that the encoding lacks read as surrogates."""
    opener: Any = gzip.open if str(path).endswith(".gz") else open
    # newline="" leaves line breaks inside quoted cells to `csv`.
    return opener(path, "rt", encoding=encoding, errors="surrogateescape", newline="")


def detect_dialect(
    path: Union[str, Path],
    is_header: IsHeader,
    *,
    encoding: Optional[str] = None,
    delimiter: Optional[str] = None,
    skip_rows: Optional[int] = None,
) -> Dialect:
    """Tell how a table is written; what is given is not looked for.

    path (Union[str, Path]): The file, gzipped or not.
    is_header (IsHeader): Knows the header. Without a row that it knows, the first is the header, and the delimiter is
        the one that most rows have as often as the first, or the one that the file's name says.
    encoding (Optional[str]): The encoding; None = by its byte order mark, as UTF-8, or what charset-normalizer says.
    delimiter (Optional[str]): What stands between the cells.
    skip_rows (Optional[int]): Lines before the header.
    RETURNS (Dialect): The dialect.
    RAISES (ListingError): Where the file is no text.
    """
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rb") as file:
        sample = file.read(_SAMPLE)
    encoding = encoding or detect_encoding(path, sample)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample).removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=""))
    if len(sample) == _SAMPLE and len(lines) > 1:
        del lines[-1]  # it may be cut short
    sep = _SEP.match(lines[0]) if lines else None
    if sep and skip_rows is None:
        skip_rows = 1
    if sep and delimiter is None:
        delimiter = "\t" if sep[1] == "\\t" else sep[1]
    own = DELIMITERS.get(Path(str(path).removesuffix(".gz")).suffix.lower(), ",")
    candidates = [delimiter] if delimiter else [own, *(other for other in _NAMES if other != own)]
    starts = range(_HEADER_ROWS) if skip_rows is None else (skip_rows,)
    for start in starts[: len(lines)]:
        for candidate in candidates:
            if is_header(_cells(lines[start], candidate)):
                return Dialect(encoding, candidate, start)
    start = skip_rows or 0
    return Dialect(encoding, max(candidates, key=lambda candidate: _regularity(lines[start:], candidate)), start)


def detect_encoding(path: Union[str, Path], sample: bytes) -> str:
    """Tell a text's encoding.

    path (Union[str, Path]): What to call it in errors.
    sample (bytes): Its beginning.
    RETURNS (str): A name that Python knows.
    RAISES (ListingError): Where it is no text, such as a spreadsheet's own file.
    """
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if sample.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ListingError(path, 1, "line", "is a spreadsheet's own file; save it as CSV (UTF-8) first")
    if b"\0" in sample:
        # ASCII in UTF-16: the zeros all stand on one side.
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if max(even, odd) < 10 * min(even, odd) + 1:
            raise ListingError(path, 1, "line", "holds zero bytes, so it is no text; save the table as CSV (UTF-8)")
        return "utf-16-be" if even > odd else "utf-16-le"
    text = codecs.getincrementaldecoder("utf8")("surrogateescape").decode(sample)
    foreign = sum("\udc80" <= char <= "\udcff" for char in text)
    # A few broken bytes in UTF-8 are rows to be reported, not another encoding.
    if foreign * 10 <= sum(char > "\x7f" for char in text):
        return "utf-8-sig"
    import charset_normalizer

    # Lines of ASCII say nothing, and make little of what speaks against an encoding.
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    found = charset_normalizer.from_bytes(telling, cp_isolation=list(_ENCODINGS), threshold=0.5)
    best = min(found, key=_likelihood, default=None)
    # Several may read the same; a later line may not.
    return "utf-8-sig" if best is None else min(best.could_be_from_charset, key=_ENCODINGS.index)


def _likelihood(match: Any) -> Tuple[float, float, int]:
    # Short Chinese texts read as Korean become Hangul among Chinese characters, which nobody writes today.
    hangul, han = len(_HANGUL.findall(str(match))), len(_HAN.findall(str(match)))
    mixed = min(hangul, han) / max(hangul + han, 1)
    return match.chaos + mixed, -match.coherence, _ENCODINGS.index(match.encoding)


def _cells(line: str, delimiter: str) -> List[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _regularity(lines: List[str], delimiter: str) -> Tuple[float, int]:
    """Say how much like a table the lines are. RETURNS (Tuple[float, int]): Rows like the header; its cells."""
    try:
        rows = [row for row in csv.reader(lines[:200], delimiter=delimiter) if row]
    except csv.Error:
        rows = [line.split(delimiter) for line in lines[:200]]
    if not rows or len(rows[0]) < 2:
        return 0.0, 0
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])
