"""Files of ours: how a text file is opened, and the one loop over lines of JSON."""
import ctypes
import gzip
import json
import os
import shutil
import sys
from pathlib import Path
from typing import IO, Any, Callable, Iterable, Iterator, Literal, Mapping, Tuple, TypeVar, Union

from .errors import ListingError

# Of renameat2: AT_FDCWD and RENAME_EXCHANGE.
_HERE, _EXCHANGE = -100, 2

Made = TypeVar("Made")
OnError = Callable[[ListingError], None]


def raise_error(error: ListingError) -> None:
    """Raise the error: the default of what to do with a bad line."""
    raise error


def pass_over(error: ListingError) -> None:
    """Leave out a bad line that was reported before: an `on_error` for a second reading."""


def bad(field: str, problem: str) -> ListingError:
    """Make an error whose file and line are filled in by who knows them. RETURNS (ListingError): The error."""
    return ListingError("row", 0, field, problem)


def open_text(path: Union[str, Path], mode: Literal["rt", "wt"] = "rt") -> IO[str]:
    """Open a text file, gzipped or not, in UTF-8. RETURNS (IO[str]): The open file.

    A byte that is no UTF-8 reads as a surrogate, so that it loses no line; a surrogate is written as its JSON escape,
    so that it reads as itself. A byte order mark, as Windows programs write one, is passed over.
    """
    encoding, errors = ("utf8", "backslashreplace") if mode == "wt" else ("utf-8-sig", "surrogateescape")
    if str(path).endswith(".gz"):
        return gzip.open(path, mode, encoding=encoding, errors=errors)
    return open(path, mode, encoding=encoding, errors=errors)


def parse_json(line: str) -> Mapping[str, Any]:
    """Parse one line of JSONL. RETURNS (Mapping[str, Any]): The row. RAISES (ListingError): Where it is no object."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as err:
        # A line break at its end is no line of its own.
        column = min(err.pos, len(line.rstrip())) + 1
        raise bad("line", f"not valid JSON ({err.msg} at column {column}); each line is one JSON object") from None
    except (ValueError, RecursionError) as err:
        raise bad("line", f"JSON that can't be read ({err}); each line is one JSON object") from None
    if not isinstance(row, Mapping):
        raise bad("line", f'must be a JSON object such as {{"title": "…"}}, not {type(row).__name__}')
    return row


def iter_lines(lines: Iterable[str]) -> Iterator[Tuple[int, str]]:
    """Number lines and pass over blank ones. YIELDS (Tuple[int, str]): Number, from 1, and line without a BOM."""
    for number, line in enumerate(lines, 1):
        line = line.removeprefix("\ufeff") if number == 1 else line
        if line.strip():
            yield number, line


def parse_rows(
    lines: Iterable[str], name: Union[str, Path], make: Callable[[Mapping[str, Any]], Made], on_error: OnError
) -> Iterator[Tuple[int, Made]]:
    """Make something of each line of JSON.

    lines (Iterable[str]): The lines; blank ones are passed over.
    name (Union[str, Path]): What to call them in errors.
    make (Callable[[Mapping[str, Any]], Made]): Makes it of a row, or raises a ListingError that names the field.
    on_error (OnError): Called with each bad line's error; where it returns, reading goes on.
    YIELDS (Tuple[int, Made]): The line's number and what was made of it.
    """
    for number, line in iter_lines(lines):
        try:
            made = make(parse_json(line))
        except ListingError as err:
            on_error(err.at(name, number))
            continue
        yield number, made


def iter_jsonl(
    path: Union[str, Path], make: Callable[[Mapping[str, Any]], Made], on_error: OnError = raise_error
) -> Iterator[Made]:
    """Stream what is made of the rows of a JSONL file (``.gz`` is unpacked on the way).

    path (Union[str, Path]): The file.
    make (Callable[[Mapping[str, Any]], Made]): As in `parse_rows`.
    on_error (OnError): As in `parse_rows`.
    YIELDS (Made): One for each line that is neither blank nor bad.
    """
    with open_text(path) as file:
        for _, made in parse_rows(file, path, make, on_error):
            yield made


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file, never half of it."""
    write_whole(path, json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it's never seen half-written."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf8")
    os.replace(part, path)


def swap_folders(new: Path, old: Path) -> None:
    """Put a folder in another's place, so that there is always a whole one; what was there is removed.

    new (Path): The folder, beside the other.
    old (Path): Its place. On Linux the two are exchanged in one step; elsewhere there's a moment between two renamings.
    """
    if not old.exists():
        new.rename(old)
        return
    if not _exchange(new, old):
        aside = old.with_name(old.name + ".old")
        shutil.rmtree(aside, ignore_errors=True)
        old.rename(aside)
        new.rename(old)
        new = aside
    shutil.rmtree(new, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Let two folders change names, as Linux can. RETURNS (bool): False = this system or disk can't."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    return rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0
