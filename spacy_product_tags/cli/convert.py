"""`product-tags convert`: make listings of data sets and tables."""
import codecs
import itertools
import json
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, Iterator, List, Optional, Tuple

import typer

from ..io import open_text
from ..listing import Listing
from ..listings.check import SPLITS
from ..listings.convert import (
    Layout,
    TableColumns,
    convert_dataset,
    convert_feed,
    convert_table,
    is_feed,
    read_layouts,
    shipped_layouts,
    split_of,
)
from ._util import CommandError, Complaints, FractionsOpt, check_fractions, one_writer, show_problem

if TYPE_CHECKING:
    from ..values.index import AliasIndex

_TABLES = (".csv", ".tsv", ".tab", ".txt")
# What may be told of an input, besides the names of shops' formats.
_DATASET, _TABLE = "dataset", "table"
# A split that has none of so few listings is chance, and users should know.
_LEAST = 30


def _column(name: str, text: str) -> Any:
    return typer.Option(f"--{name}-column", help=text)


@one_writer("output")
def convert_cli(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="Data set (.jsonl), table (.csv, .tsv, .txt, .jsonl) or feed (.xml), also packed (.gz)"
        ),
    ],
    output: Annotated[Path, typer.Argument(help="File to write (.jsonl, .jsonl.gz); with --split a folder")],
    form: Annotated[
        Optional[str],
        typer.Option(
            "--format",
            "-f",
            help="dataset = known by its keys, table = your columns, or a shop's: shopify, woocommerce, amazon, google; "
            "default: as INPUT is",
        ),
    ] = None,
    layouts: Annotated[
        Optional[Path], typer.Option("--layouts", help="File (.toml) of more shops' formats, as the package's layouts.toml")
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
    attribute_separator: Annotated[
        Optional[str],
        typer.Option(
            help="Between the values of a cell, '' = one value [default: ，、;| and, where the parts are known, comma and /]"
        ),
    ] = None,
    aliases: Annotated[
        Optional[Path], typer.Option("--aliases", "-a", help="Known values (an alias table): Red/Navy is then two values")
    ] = None,
    max_description: Annotated[
        Optional[int], typer.Option(min=0, help="Characters of a description to keep: long ones take long to train on")
    ] = None,
    encoding: Annotated[Optional[str], typer.Option(help="Of a table, such as gb18030 [default: told from it]")] = None,
    delimiter: Annotated[
        Optional[str], typer.Option(help="Between a table's cells, such as ; or \\t [default: told from it]")
    ] = None,
    skip_rows: Annotated[
        Optional[int], typer.Option(min=0, help="Lines before a table's header [default: told from it]")
    ] = None,
    keep_html: Annotated[bool, typer.Option("--keep-html", help="Leave HTML in titles and descriptions")] = False,
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
        "attribute_separator": attribute_separator,
    }
    columns = {name: value for name, value in given.items() if value is not None}
    check_fractions(fractions)
    if not source.is_file():
        raise CommandError(f"{source}: no such file")
    complaints = Complaints()
    dialect = {"encoding": encoding, "delimiter": delimiter, "skip_rows": skip_rows}
    dialect = {name: value for name, value in dialect.items() if value is not None}
    reading = {"on_error": complaints, "on_notice": partial(_notice, source)}
    if aliases is not None:
        from ..values.build import create_alias_index

        try:
            index = create_alias_index(str(aliases), names=None)
        except ValueError as err:
            raise CommandError(f"--aliases: {err}") from err
        if index is not None:
            reading["is_known"] = partial(_is_known, index)
    if keep_html:
        reading["strip_html"] = False
    listings = _read(source, form, layouts, columns, dialect, reading)
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
    total = sum(count for count, _ in counts.values())
    empty = [name for name, (count, _) in counts.items() if split and not count and fractions[SPLITS.index(name)] > 0]
    if empty:
        few = f"{total} listings are too few to split; " if total < _LEAST else "their products fell elsewhere; "
        show_problem(f"{output}: no listing in {' and '.join(empty)}: {few}add listings, or change --fractions")
    complaints.exit("rows, cells or tags were left out")


def _shorten(longest: int, listing: Listing) -> Listing:
    short = replace(listing, description=listing.description[:longest].rstrip(), tags=())
    # A tag that is cut off would stand for other text.
    tags = tuple(tag for tag in listing.tags if tag.end is None or tag.end <= len(short.text))
    return replace(short, tags=tags)


def _notice(source: Path, notice: str) -> None:
    show_problem(f"{source}: {notice}")


def _is_known(index: "AliasIndex", text: str) -> bool:
    return bool(index.exact(text))


def _read(
    source: Path,
    form: Optional[str],
    layouts_path: Optional[Path],
    columns: Dict[str, Any],
    dialect: Dict[str, Any],
    reading: Dict[str, Any],
) -> Iterator[Listing]:
    layouts: Tuple[Layout, ...] = shipped_layouts()
    if layouts_path is not None:
        # A format of one's own goes before ours.
        layouts = (*read_layouts(layouts_path), *layouts)
    name, given = source.name.lower().removesuffix(".gz"), form
    if form is None and is_feed(source):
        form = "google"
    if form is None:
        is_table = bool(columns or dialect) or name.endswith(_TABLES)
        form = _TABLE if is_table else _DATASET
    if form == _DATASET:
        if columns or dialect:
            raise CommandError("--format dataset: columns and encodings are settings of --format table")
        return convert_dataset(source, on_error=reading["on_error"], on_notice=reading["on_notice"])
    if form != _TABLE:
        layouts = tuple(layout for layout in layouts if layout.name == form or layout.name.startswith(f"{form}_"))
        if not layouts:
            names = ", ".join((_DATASET, _TABLE, *(layout.name for layout in shipped_layouts())))
            raise CommandError(f"--format {form}: no such format; there are {names}, and those of --layouts")
    if is_feed(source):
        if columns or dialect or form == _TABLE:
            raise CommandError(f"{source}: a feed in XML has no columns, delimiter or encoding to set")
        return convert_feed(source, layouts=layouts, **reading)
    if "encoding" in dialect:
        try:
            codecs.lookup(dialect["encoding"])
            "".encode(dialect["encoding"])
        except LookupError:
            problem = "no such encoding; try gb18030, big5 or utf-16"
            raise CommandError(f"--encoding {dialect['encoding']}: {problem}") from None
    if "delimiter" in dialect:
        dialect["delimiter"] = dialect["delimiter"].replace("\\t", "\t")
        if len(dialect["delimiter"]) != 1 or dialect["delimiter"] in '"\r\n':
            raise CommandError("--delimiter: must be one character, such as ; or \\t")
    separators = {name: value for name, value in columns.items() if name.endswith("_separator")}
    own = TableColumns(**columns)
    if given == _TABLE or separators != columns:
        return convert_table(source, own, **dialect, **reading)
    # A shop's columns, maybe with separators of one's own.
    layouts = tuple(replace(layout, **separators) for layout in layouts)
    return convert_table(source, layouts=layouts, fallback=own if form == _TABLE else None, **dialect, **reading)


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
