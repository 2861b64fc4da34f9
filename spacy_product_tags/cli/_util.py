"""What several commands need: errors without a traceback, pipelines, inputs."""
import io
import itertools
import sys
import zlib
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Callable, Iterator, List, Optional, Sequence, Tuple

import typer
from spacy.language import Language
from typer.core import TyperGroup

from ..batch import Record, read_records
from ..errors import ListingError
from ..io import open_text
from ..listing import Listing
from ..listings.convert import split_of
from ..locks import exclusive

STDIO = "-"

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


def load_pipeline(model: str, gpu_id: int = -1) -> Language:
    """Load a pipeline.

    model (str): A folder or the name of an installed package.
    gpu_id (int): The GPU to use; -1 = none.
    RETURNS (Language): The pipeline.
    RAISES (CommandError): Where there is no such pipeline or GPU.
    """
    import spacy

    if gpu_id >= 0:
        try:
            spacy.require_gpu(gpu_id)
        except Exception as err:  # CuPy has its own for each of the many ways that a GPU is missing.
            raise CommandError(f"--gpu-id {gpu_id}: can't use it ({err}); leave the option out for the CPU") from err
    if not Path(model).exists() and not spacy.util.is_package(model):
        raise CommandError(
            f"no pipeline {model!r}: there is no such folder, and no package of this name is installed; give the "
            "folder that 'spacy train' wrote, such as training/model-best"
        )
    try:
        return spacy.load(model)
    except (OSError, ValueError, ImportError) as err:
        raise CommandError(f"the pipeline {model!r} can't be loaded: {err}") from err


@contextmanager
def open_records(texts: Optional[List[str]], source: Optional[Path], max_length: int) -> Iterator[Iterator[Record]]:
    """Open what to tag: texts, a file, or stdin where neither is given.

    texts (Optional[List[str]]): Titles.
    source (Optional[Path]): A .jsonl (or .jsonl.gz) file of listings, a .txt file with a title a line, or "-".
    max_length (int): Most characters that a text may have.
    YIELDS (Iterator[Record]): Listings, and errors in place of bad lines.
    RAISES (CommandError): On an input that can't be read.
    """
    check_source(texts, source)
    if texts:
        yield iter([Listing(title=text) for text in texts])
    elif source is None or str(source) == STDIO:
        stdin = io.TextIOWrapper(typer.get_binary_stream("stdin"), encoding="utf8", errors="surrogateescape")
        try:
            head, plain = _peek(stdin)
            yield read_records(itertools.chain(head, stdin), "stdin", plain=plain, max_length=max_length)
        finally:
            stdin.detach()
    else:
        with open_text(source) as lines:
            plain = source.name.removesuffix(".gz").endswith(".txt")
            yield read_records(lines, str(source), plain=plain, max_length=max_length)


def check_source(texts: Optional[List[str]], source: Optional[Path]) -> None:
    """Check that there is one input, before anything slow starts. RAISES (CommandError): Where there is none or two."""
    if texts and source is not None:
        raise CommandError("give texts or --input, not both")
    if not texts and source is None and sys.stdin.isatty():
        raise CommandError("nothing to read; give texts, --input FILE, or lines on stdin")
    if source is not None and str(source) != STDIO:
        if not source.is_file():
            raise CommandError(f"--input {source}: no such file")
        if not source.name.endswith((".jsonl", ".jsonl.gz", ".txt", ".txt.gz")):
            raise CommandError(
                f"--input {source}: must end in .jsonl, .jsonl.gz (listings) or .txt (a title a line); "
                "'product-tags convert' makes listings of tables"
            )


def _peek(lines: Iterator[str]) -> Any:
    """Read up to the first line with text. RETURNS (Tuple[List[str], bool]): What was read; True = it's not JSON."""
    head: List[str] = []
    for line in lines:
        head.append(line)
        if line.strip("\ufeff \t\r\n"):
            return head, not line.lstrip("\ufeff \t").startswith("{")
    return head, True
