"""`product-tags generate`: made-up product titles to pretrain on."""
import json
from pathlib import Path
from typing import Annotated, Iterable, List, Optional

import typer

from ..listing import read_listings
from ._util import CommandError, Complaints, one_writer

_PROGRESS = 50_000


@one_writer("output")
def generate_cli(
    listings: Annotated[Path, typer.Argument(help="Tagged listings (.jsonl) to vary: the training split")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .txt, a title a line; .jsonl, listings with their category")],
    values: Annotated[
        Optional[List[Path]],
        typer.Option("--values", help="Taxonomy file (.jsonl, .jsonl.gz) of categories, attributes or values; repeat"),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="Titles to write")] = 100_000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all chance")] = 0,
    exclude: Annotated[
        Optional[List[Path]], typer.Option("--exclude", help="Listings whose titles must not come out: dev, test; repeat")
    ] = None,
    without: Annotated[
        Optional[List[Path]],
        typer.Option("--without-categories", help="With .jsonl: listings of whose categories no title is made; repeat"),
    ] = None,
) -> None:
    """
    Write made-up product titles in many languages: varied listings, titles composed from a taxonomy, short texts. As
    .jsonl: titles composed from the taxonomy alone, with their category, to train a classifier on.

    Bad lines of the inputs are reported and left out, and the exit code is then 1.
    """
    from ..generate.categories import generate_listings
    from ..generate.titles import generate_titles

    for path in (listings, *(values or ()), *(exclude or ()), *(without or ())):
        if not path.is_file():
            raise CommandError(f"{path}: no such file")
    complaints = Complaints()
    unseen = (listing.title for path in exclude or () for listing in read_listings(path, on_error=complaints))
    read = read_listings(listings, on_error=complaints)
    output.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    # The file appears when all is in it.
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("w", encoding="utf8") as file:
            if output.name.endswith(".jsonl"):
                held = [listing.category for path in without or () for listing in read_listings(path, on_error=complaints)]
                made = generate_listings(values or (), count, seed, without=held, on_error=complaints)
                lines: Iterable[str] = (json.dumps(listing.to_dict(), ensure_ascii=False) for listing in made)
            else:
                lines = generate_titles(read, values or (), count, seed, unseen=unseen, on_error=complaints)
            for line in lines:
                file.write(line + "\n")
                written += 1
                if written % _PROGRESS == 0:
                    typer.echo(f"{written} of {count}", err=True)
        part.replace(output)
    except ValueError as err:
        raise CommandError(str(err)) from err
    finally:
        part.unlink(missing_ok=True)
    typer.echo(f"{output}: {written} titles")
    if written < count:
        typer.echo(f"the sources give no more than {written} different titles; add listings or --values", err=True)
    complaints.exit("bad line(s) left out")
