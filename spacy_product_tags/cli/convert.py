"""`product-tags convert`: make listings of data sets and tables."""
import itertools
import json
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Dict, Iterator, List, Optional, Tuple

import typer

from ..listing import Listing, open_text
from ..listings.check import SPLITS
from ..listings.convert import convert_dataset, split_of
from ..listings.convert_csv import TableColumns, convert_table
from ._util import CommandError, Complaints, FractionsOpt, check_fractions, one_writer

_TABLES = (".csv", ".tsv", ".tab")


class Source(StrEnum):
    """What to convert."""

    dataset = "dataset"
    table = "table"


def _column(name: str, text: str) -> Any:
    return typer.Option(f"--{name}-column", help=text)


@one_writer("output")
def convert_cli(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Data set (.jsonl) or table (.csv, .tsv, .jsonl), also packed (.gz)")
    ],
    output: Annotated[Path, typer.Argument(help="File to write (.jsonl, .jsonl.gz); with --split a folder")],
    form: Annotated[
        Optional[Source],
        typer.Option("--format", "-f", help="dataset = known by its keys, table = your columns; default: as INPUT is"),
    ] = None,
    lang: Annotated[str, typer.Option("--lang", "-l", help="Language of listings that name none")] = "",
    split: Annotated[
        bool, typer.Option("--split", "-s", help="Write train, dev and test, no product in two of them")
    ] = False,
    fractions: FractionsOpt = (0.8, 0.1, 0.1),
    title: Annotated[Optional[str], _column("title", "Column of the title [default: title]")] = None,
    description: Annotated[Optional[str], _column("description", "Column of more text")] = None,
    id: Annotated[Optional[str], _column("id", "Column of the row's id")] = None,
    product: Annotated[Optional[str], _column("product", "Column that tells which rows show one product")] = None,
    lang_column: Annotated[Optional[str], _column("lang", "Column of the language")] = None,
    category: Annotated[Optional[str], _column("category", "Column of the category path")] = None,
    seller_tags: Annotated[Optional[str], _column("seller-tags", "Column of the tags that a seller typed")] = None,
    attributes: Annotated[
        Optional[List[str]], _column("attribute", "Column of tags, whose name is their facet; may be repeated")
    ] = None,
    category_separator: Annotated[Optional[str], typer.Option(help="Between category levels [default: >]")] = None,
    tag_separator: Annotated[Optional[str], typer.Option(help="Between seller tags [default: ,]")] = None,
    max_description: Annotated[
        Optional[int], typer.Option(min=0, help="Characters of a description to keep: long ones take long to train on")
    ] = None,
    encoding: Annotated[Optional[str], typer.Option(help="Of a table, such as gb18030 [default: utf-8]")] = None,
) -> None:
    """
    Make listings of a public data set or of your own table.

    Rows, cells and tags that are refused are reported on stderr, and the exit code is then 1; all others are written.
    """
    given = {
        "title": title,
        "description": description,
        "id": id,
        "product": product,
        "lang": lang_column,
        "category": category,
        "seller_tags": seller_tags,
        "attributes": tuple(attributes or ()) or None,
        "category_separator": category_separator,
        "tag_separator": tag_separator,
    }
    columns = {name: value for name, value in given.items() if value is not None}
    check_fractions(fractions)
    if not source.is_file():
        raise CommandError(f"{source}: no such file")
    complaints = Complaints()
    listings = _read(source, form, columns, encoding, complaints)
    # The first listing shows whether the input can be read at all, before an older output is overwritten.
    head = list(itertools.islice(listings, 1))
    listings = (listing if listing.lang else replace(listing, lang=lang) for listing in itertools.chain(head, listings))
    if max_description is not None:
        listings = map(partial(_shorten, max_description), listings)
    files = {name: output / f"{name}.jsonl" for name in SPLITS} if split else {"": output}
    for file in files.values():
        if file.exists() and file.samefile(source):
            raise CommandError(f"{file}: is the input too; choose another output")
    counts = _write(listings, files, fractions)
    for name, (count, tags) in counts.items():
        typer.echo(f"{files[name]}: {count} listings, {tags} tags")
    complaints.exit("rows, cells or tags were left out")


def _shorten(longest: int, listing: Listing) -> Listing:
    short = replace(listing, description=listing.description[:longest].rstrip(), tags=())
    # A tag that is cut off would stand for other text.
    tags = tuple(tag for tag in listing.tags if tag.end is None or tag.end <= len(short.text))
    return replace(short, tags=tags)


def _read(
    source: Path, form: Optional[Source], columns: Dict[str, Any], encoding: Optional[str], complaints: Complaints
) -> Iterator[Listing]:
    is_table = bool(columns or encoding) or source.name.lower().removesuffix(".gz").endswith(_TABLES)
    form = form or (Source.table if is_table else Source.dataset)
    if form is Source.dataset:
        if columns or encoding:
            raise CommandError("--format dataset: columns and encodings are settings of --format table")
        return convert_dataset(source, on_error=complaints)
    try:
        "".encode(encoding or "utf8")
    except LookupError:
        raise CommandError(f"--encoding {encoding}: no such encoding; try gb18030, big5 or utf-16") from None
    return convert_table(source, TableColumns(**columns), encoding=encoding or "utf-8-sig", on_error=complaints)


def _write(
    listings: Iterator[Listing], files: Dict[str, Path], fractions: Tuple[float, float, float]
) -> Dict[str, List[int]]:
    """Write listings to one file, or to one a split. RETURNS (Dict[str, List[int]]): Listings and tags of each."""
    counts = {name: [0, 0] for name in files}
    with ExitStack() as stack:
        opened = {}
        for name, file in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            opened[name] = stack.enter_context(open_text(file, "wt"))
        for listing in listings:
            name = split_of(listing, fractions) if len(files) > 1 else ""
            opened[name].write(json.dumps(listing.to_dict(), ensure_ascii=False) + "\n")
            counts[name][0] += 1
            counts[name][1] += len(listing.tags)
    return counts
