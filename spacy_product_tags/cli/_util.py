"""What several commands need: errors without a traceback, pipelines, inputs."""
import importlib.util
import io
import itertools
import os
import re
import sys
import zlib
from collections import deque
from contextlib import contextmanager
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, Deque, Iterable, Iterator, List, Optional, Sequence, Tuple

import typer
from typer.core import TyperGroup

from ..batch import number_records
from ..errors import ListingError, shorten
from ..io import open_text, parse_json
from ..isolate import Numbered, Record
from ..listing import Listing
from ..listings.convert import split_of
from ..locks import exclusive

if TYPE_CHECKING:
    from spacy.language import Language

STDIO = "-"
_CUPY = (
    "spaCy computes on a GPU with CuPy, of the driver's version of CUDA: pip install 'cupy-cuda12x>=13.2' for CUDA 12"
)
# What nobody calls a product.
_FILE_NAME = re.compile(r"^\S+\.(?:jsonl|ndjson|json|txt|csv|tsv|xlsx?)(?:\.gz)?$", re.I)
_ARRAY = re.compile(r"\[\s*(?:[\[{\"\]]|$)")
# Byte order marks of UTF-16, as they read where UTF-8 is expected.
_UTF16 = ("\udcff\udcfe", "\udcfe\udcff")

# Arguments that several commands take.
ModelArg = Annotated[str, typer.Argument(help="Folder or package of the pipeline")]
TextsArg = Annotated[Optional[List[str]], typer.Argument(metavar="[TEXT]...", help="Titles to tag")]
InputOpt = Annotated[
    Optional[Path],
    typer.Option("--input", "-i", help="Listings (.jsonl, .jsonl.gz), titles (.txt, one a line), or - for stdin"),
]
GpuOpt = Annotated[int, typer.Option("--gpu-id", "-g", help="GPU, -1 = CPU")]
FacetsOpt = Annotated[
    Optional[Path],
    typer.Option("--facets", "-f", help="Facet file (.toml), such as corpus/facets.toml; other facets are errors"),
]
FractionsOpt = Annotated[Tuple[float, float, float], typer.Option(help="Shares of train, dev and test")]


class CommandError(Exception):
    """What a user can mend; shown without a traceback."""


class ProductTagsGroup(TyperGroup):
    """The commands, with errors as messages and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. RAISES (Exit): After a user's error was shown."""
        try:
            return super().invoke(ctx)
        except (CommandError, ListingError) as err:
            problem = str(err)
        except (EOFError, zlib.error) as err:
            problem = f"an input file is damaged or cut short: {err}"
        except OSError as err:
            # A reader that hung up (`| head`) is typer's business.
            if isinstance(err, BrokenPipeError):
                raise
            problem = str(err)
        typer.echo(f"Error: {problem}", err=True)
        raise typer.Exit(1)


class Complaints:
    """Show bad input on stderr as it turns up, and count it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: ListingError) -> None:
        """Show an error."""
        self.count += 1
        show_problem(str(error))

    def exit(self, what: str) -> None:
        """End the command. what (str): What is bad, in words. RAISES (Exit): With code 1 where anything was."""
        if self.count:
            typer.echo(f"{self.count} {what}; see above", err=True)
            raise typer.Exit(1)


def show_problem(text: str) -> None:
    """Write a line to stderr, also where a file's name or content in it is no UTF-8."""
    typer.echo(text.encode("utf8", "backslashreplace").decode("utf8"), err=True)


def make_group(name: str, help: str) -> typer.Typer:
    """Make a group of commands such as `product-tags profiles …`. RETURNS (typer.Typer): The group, still empty."""
    return typer.Typer(
        name=name, help=help, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )


def one_writer(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a decorator for a command that writes one output: two of them at once would lose or double what they write.

    name (str): The parameter that is the output's path; None and "-" are no path.
    RETURNS (Callable): The decorator. The command then raises a `BusyError` where another writes its output.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**values: Any) -> None:
            if values[name] is None or str(values[name]) == STDIO:
                return command(**values)
            with exclusive(values[name]):
                return command(**values)

        return run

    return decorate


def check_fractions(fractions: Sequence[float]) -> None:
    """Check the shares of train, dev and test. RAISES (CommandError): Where they are none."""
    try:
        split_of(Listing(title="x"), fractions)
    except ValueError as err:
        raise CommandError(f"--{err}") from None


def load_pipeline(model: str, gpu_id: int = -1) -> "Language":
    """Load a pipeline.

    model (str): A folder or the name of an installed package.
    gpu_id (int): The GPU to use; -1 = none.
    RETURNS (Language): The pipeline.
    RAISES (CommandError): Where there is no such pipeline or GPU.
    """
    import spacy
    from thinc.api import require_gpu

    if gpu_id >= 0:
        try:
            require_gpu(gpu_id)
        except Exception as err:  # CuPy has its own for each of the many ways that a GPU is missing.
            hint = f"; {_CUPY}" if importlib.util.find_spec("cupy") is None else ""
            problem = f"--gpu-id {gpu_id}: can't use it ({shorten(str(err), 200)}){hint}"
            raise CommandError(f"{problem}; leave the option out for the CPU") from err
    if not Path(model).exists() and not spacy.util.is_package(model):
        raise CommandError(
            f"no pipeline {model!r}: there is no such folder, and no package of this name is installed; give the "
            "folder that 'spacy train' wrote, such as training/model-best"
        )
    try:
        return spacy.load(model)
    except (OSError, ValueError, ImportError) as err:
        raise CommandError(f"the pipeline {model!r} can't be loaded: {err}") from err


class InputFormat(StrEnum):
    """What an input holds."""

    jsonl = "jsonl"
    txt = "txt"


class Rows:
    """The records of an input; each knows its line.

    numbered (Iterator[Numbered]): Lines and records.
    name (str): What the input is called.
    """

    def __init__(self, numbered: Iterator[Numbered], name: str) -> None:
        self.numbered, self.name = numbered, name
        self._lines: Deque[int] = deque()

    def __iter__(self) -> Iterator[Record]:
        for line, record in self.numbered:
            self._lines.append(line)
            yield record

    def skip(self, count: int) -> None:
        """Forget the first records, which don't come out any more. count (int): How many."""
        for _ in range(count):
            self._lines.popleft()

    def place(self, error: ListingError) -> ListingError:
        """Say where the next record's error is. RETURNS (ListingError): With the input's name and line."""
        return error.at(self.name, self._lines[0])

    def track(self, tagged: Iterable[Record]) -> Iterator[Record]:
        """Follow the records as they come out, one for one. YIELDS (Record): The records, errors with their place."""
        for record in tagged:
            yield self.place(record) if isinstance(record, ListingError) else record
            self._lines.popleft()


@contextmanager
def open_records(
    texts: Optional[List[str]], source: Optional[Path], max_length: int, form: Optional[InputFormat] = None
) -> Iterator[Rows]:
    """Open what to tag: texts, a file, or stdin where neither is given.

    texts (Optional[List[str]]): Titles.
    source (Optional[Path]): A .jsonl (or .jsonl.gz) file of listings, a .txt file with a title a line, or "-".
    max_length (int): Most characters that a text may have.
    form (Optional[InputFormat]): What the input holds; None = as the file is called; stdin tells by its first line.
    YIELDS (Rows): Listings, and errors in place of bad lines.
    RAISES (CommandError): On an input that can't be read, or may mean several things.
    """
    check_source(texts, source)
    if texts:
        yield Rows(enumerate((Listing(title=text) for text in texts), 1), "texts")
        return
    name = "stdin" if source is None or str(source) == STDIO else str(source)
    with _open_stdin() if source is None or name == "stdin" else open_text(source) as lines:
        head = _peek(lines)
        guessed = name == "stdin" and form is None
        if form is None:
            plain = _is_plain(head[-1], name) if guessed else name.removesuffix(".gz").endswith(".txt")
        else:
            plain = form is InputFormat.txt
        _check_head(head[-1], name, plain and not guessed)
        lines = itertools.chain(head, lines)
        yield Rows(number_records(lines, name, plain=plain, guessed=guessed, max_length=max_length), name)


@contextmanager
def _open_stdin() -> Iterator[Iterator[str]]:
    stdin = io.TextIOWrapper(typer.get_binary_stream("stdin"), encoding="utf8", errors="surrogateescape")
    try:
        yield stdin
    finally:
        stdin.detach()


def check_source(texts: Optional[List[str]], source: Optional[Path]) -> None:
    """Check that there is one input, before anything slow starts. RAISES (CommandError): Where there is none or two."""
    if texts and source is not None:
        raise CommandError("give texts or --input, not both")
    if not texts and source is None and sys.stdin.isatty():
        raise CommandError("nothing to read; give texts, --input FILE, or lines on stdin")
    for text in texts or ():
        # A file's name is no title, and a mistyped one neither.
        if _FILE_NAME.search(text) or os.path.isfile(text):
            is_there = "is a file" if os.path.isfile(text) else "looks like a file that isn't there"
            raise CommandError(
                f"{shorten(text)}: {is_there}; tag what is in a file with --input FILE, or give a title that is called so on stdin"
            )
    if source is not None and str(source) != STDIO:
        if not source.is_file():
            raise CommandError(f"--input {source}: no such file")
        if not source.name.endswith((".jsonl", ".jsonl.gz", ".txt", ".txt.gz")):
            raise CommandError(
                f"--input {source}: must end in .jsonl, .jsonl.gz (listings, a JSON object a line) or .txt, .txt.gz (a "
                "title a line); 'product-tags convert' makes listings of tables, and jq -c '.[]' of a JSON array"
            )


def _peek(lines: Iterator[str]) -> List[str]:
    """Read up to the first line with text. RETURNS (List[str]): What was read, at least one line."""
    head: List[str] = []
    for line in lines:
        head.append(line)
        if line.strip("\ufeff \t\r\n"):
            break
    return head or [""]


def _is_plain(line: str, name: str) -> bool:
    """Tell titles from JSON by the first line. RETURNS (bool): Titles. RAISES (CommandError): Where it may be either."""
    text = line.strip("\ufeff \t\r\n")
    if not text.startswith("{") or text == "{":
        return not text.startswith("{")
    try:
        parse_json(text)
    except ListingError as err:
        raise CommandError(
            f"{name}: its first line starts with '{{' and is {err.problem}; say whether it holds listings "
            "(--input-format jsonl) or titles (--input-format txt)"
        ) from None
    return False


def _check_head(line: str, name: str, titles: bool) -> None:
    """Check the first line of an input. line (str): The line. titles (bool): Whether it's said to be a title.

    RAISES (CommandError): Where the whole input is of a kind that isn't read.
    """
    if line.startswith(_UTF16) or "\0" in line:
        raise CommandError(f"{name}: is in UTF-16; save it as UTF-8, such as with: iconv -f UTF-16 -t UTF-8 FILE")
    text = line.strip("\ufeff \t\r\n")
    if not titles and _ARRAY.match(text):
        problem = f"{name}: is a JSON array; needed is an object a line: jq -c '.[]' FILE"
        raise CommandError(f"{problem}; where it's a title, give --input-format txt")
    if not titles and text == "{":
        raise CommandError(f"{name}: has an object over several lines; needed is an object a line: jq -c . FILE")
