"""`product-tags tag`: tag texts or listings."""
import io
import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Iterator, Optional

import typer

from .._version import __version__
from ..batch import tag_records, to_line
from ..errors import ListingError
from ..io import open_text
from ..isolate import MAX_TAG_LENGTH, MAX_TAGS, Limits, Record
from ..runs import Run, digest_files, digest_pipeline
from ._util import (
    STDIO,
    CommandError,
    Complaints,
    GpuOpt,
    InputFormat,
    InputOpt,
    ModelArg,
    Rows,
    TextsArg,
    check_source,
    load_pipeline,
    one_writer,
    open_records,
)

if TYPE_CHECKING:
    from spacy.language import Language

    from ..taxonomy.mapping import CategoryMapping


class Format(StrEnum):
    """How to write tags."""

    jsonl = "jsonl"
    table = "table"


@one_writer("output")
def tag_cli(
    model: ModelArg,
    texts: TextsArg = None,
    source: InputOpt = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, or - for stdout")] = Path(STDIO),
    form: Annotated[
        Format, typer.Option("--format", "-f", help="jsonl = listings, table = to look at")
    ] = Format.jsonl,
    n_process: Annotated[int, typer.Option("--n-process", "-n", help="Processes, -1 = one a core")] = 1,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Listings a batch")] = 128,
    gpu_id: GpuOpt = -1,
    taxonomy: Annotated[
        Optional[Path],
        typer.Option("--taxonomy", help="Pairs of paths (.jsonl, .jsonl.gz), such as Shopify's to Google's: categories that it has come out as the second says"),
    ] = None,
    input_format: Annotated[
        Optional[InputFormat],
        typer.Option(help="jsonl = listings, txt = a title a line [default: as the file is called; stdin tells by its first line]"),
    ] = None,
    max_tags: Annotated[int, typer.Option(min=1, help="Most seller tags of a listing; more are left out")] = MAX_TAGS,
    max_tag_length: Annotated[
        int, typer.Option(min=1, help="Most characters of a seller tag; a longer one is left out")
    ] = MAX_TAG_LENGTH,
    strip_html: Annotated[
        bool, typer.Option("--strip-html/--keep-html", help="Read listings with HTML in them as plain text, or as they are")
    ] = True,
    resume: Annotated[bool, typer.Option(help="Go on where the output file was left, or overwrite it")] = True,
    progress: Annotated[
        Optional[bool], typer.Option(help="Show a progress bar on stderr; by default on a terminal")
    ] = None,
) -> None:
    """
    Tag texts, a file or stdin.

    Each listing comes out with its predicted tags. A bad line is reported on stderr and comes out as an object with
    "error" and "line", so that the output has one line for each input; the exit code is then 1. So it is where a
    seller tag was left out, or tags of a text that has more than the generator's max_tags. Beside an output file
    stands NAME.run.json, by which the same command goes on where it was left, and no other does.
    """
    to_file = str(output) != STDIO
    _check_processes(n_process, gpu_id)
    check_source(texts, source)
    if to_file:
        _check_output(output, source, form)
    if n_process != 1:
        _use_one_thread()
    nlp = load_pipeline(model, gpu_id)
    run = None
    if to_file and form is Format.jsonl:
        limits = {"max_tags": max_tags, "max_tag_length": max_tag_length, "strip_html": strip_html}
        files = {"taxonomy": "" if taxonomy is None else digest_files(taxonomy)}
        settings = {**limits, **files, "spacy_product_tags": __version__}
        run = Run(output, {"pipeline": digest_pipeline(nlp), "settings": settings})
    mapping = None if taxonomy is None else _open_mapping(taxonomy, nlp)
    convert = to_line if form is Format.jsonl else to_table
    show = progress if progress is not None else sys.stderr.isatty() and (to_file or not sys.stdout.isatty())
    complaints = Complaints()
    with open_records(texts, source, nlp.max_length, input_format) as rows:
        records = iter(rows)
        if run is not None:
            records = run.resume(records) if resume else run.start(records)
            rows.skip(run.count)
            # They were shown when they were written; the exit code still tells of them.
            complaints.count = run.bad
        tagged = rows.track(
            tag_records(
                nlp,
                records,
                batch_size=batch_size,
                n_process=n_process,
                strip_html=strip_html,
                limits=Limits(max_tags, max_tag_length),
                on_tag_error=partial(_complain, rows, complaints),
            )
        )
        with _open_output(output, append=run is not None) as file, _say_how_to_go_on(run):
            for number, record in enumerate(_track(tagged, source) if show else tagged, 1):
                if isinstance(record, ListingError):
                    complaints(record)
                elif mapping is not None:
                    record = replace(record, category=mapping.to(record.category) or record.category)
                if run is None:
                    file.write(convert(record))
                else:
                    run.write(file, convert(record))
                # A run that is cut off loses a batch at most.
                if number % batch_size == 0:
                    file.flush()
                    if run is not None:
                        run.save()
    if run is not None:
        run.save(complete=True)
        before = f", {run.before} of them there before" if run.before else ""
        typer.echo(f"{output}: complete, {run.count} lines{before}")
    complaints.exit("lines hold no tags or not all of them")


def _complain(rows: Rows, complaints: Complaints, error: ListingError) -> None:
    complaints(rows.place(error))


@contextmanager
def _say_how_to_go_on(run: Optional[Run]) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if run is not None:
            typer.echo(f"\n{run.output}: {run.count} lines so far; the same command goes on from there", err=True)
        raise


def to_table(record: Record) -> bytes:
    """Draw a record as a table for people. RETURNS (bytes): UTF-8; nothing for an error."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if isinstance(record, ListingError):
        return b""
    # Text, since rich takes "[…]" in a string for markup.
    # A category and ids are there where something in the pipeline gives them.
    title = Text("\n").join([Text(record.title), *([Text(" > ".join(record.category))] if record.category else [])])
    ids = ["id"] if any(tag.canonical_id for tag in record.tags) else []
    table = Table("tag", "facet", "score", *ids, title=title, title_justify="left", title_style="bold")
    for tag in record.tags:
        source = "" if tag.source == "span" else f" ({tag.source})"
        table.add_row(
            Text(tag.text + source), Text(tag.facet), f"{tag.score:.2f}", *([Text(tag.canonical_id)] if ids else [])
        )
    drawn = io.StringIO()
    Console(file=drawn).print(table)
    return drawn.getvalue().encode("utf8")


def _open_mapping(path: Path, nlp: "Language") -> "CategoryMapping":
    """Read a mapping, and let the classifier name categories in its language. RAISES (CommandError): On a bad line."""
    from ..pipeline.product_classifier import ProductClassifier
    from ..taxonomy.mapping import load_mapping

    try:
        mapping = load_mapping(path)
    except (OSError, ValueError) as err:
        raise CommandError(str(err)) from err
    for _, component in nlp.pipeline:
        if isinstance(component, ProductClassifier):
            component.cfg["locale"] = "en"
    return mapping


def _check_processes(n_process: int, gpu_id: int) -> None:
    if n_process < -1 or n_process == 0:
        raise CommandError(f"--n-process {n_process}: must be 1 or more, or -1 for one a core")
    if n_process != 1 and gpu_id >= 0:
        raise CommandError("--n-process: several processes can't share the GPU; use one and a larger --batch-size")


def _check_output(output: Path, source: Optional[Path], form: Format) -> None:
    if output.suffix == ".gz":
        raise CommandError(f"--output {output}: a packed file can't be resumed; write .jsonl and pack it afterwards")
    ending = ".jsonl" if form is Format.jsonl else ".txt"
    if output.suffix != ending and (output.is_file() or not output.exists()):
        raise CommandError(
            f"--output {output}: must end in {ending}, as --format {form} is what it gets: "
            + ("a JSON object a line" if form is Format.jsonl else "tables to look at")
        )
    if output.exists() and source is not None and source.exists() and source.samefile(output):
        raise CommandError(f"--output {output}: is the input too; choose another file")
    output.parent.mkdir(parents=True, exist_ok=True)


def _use_one_thread() -> None:
    """Let each process compute with one thread, as more of them wait for each other; workers inherit the settings."""
    import torch

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)


@contextmanager
def _open_output(path: Path, append: bool) -> Iterator[IO[bytes]]:
    if str(path) == STDIO:
        file = typer.get_binary_stream("stdout")
        yield file
        file.flush()
    else:
        with path.open("ab" if append else "wb") as file:
            yield file


def _track(records: Iterator[Record], source: Optional[Path]) -> Iterator[Record]:
    """Show a progress bar on stderr. YIELDS (Record): The records."""
    from rich.console import Console
    from rich.progress import track

    total = None
    if source is not None and str(source) != STDIO:
        with open_text(source) as lines:
            total = sum(1 for line in lines if line.strip())
    yield from track(records, "Tagging", total=total, console=Console(stderr=True), show_speed=True)
