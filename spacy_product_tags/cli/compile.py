"""`product-tags compile`: make a training corpus of files with inline markup."""
from collections import Counter
from pathlib import Path
from typing import Annotated, Dict, List

import typer

from ..listing import Listing, write_listings
from ..listings.check import SPLITS, Report, check_listings, load_facets
from ..listings.convert import split_of
from ._util import CommandError, FacetsOpt, FractionsOpt, check_fractions, one_writer
from .check import show_report


@one_writer("output")
def compile_cli(
    source: Annotated[Path, typer.Argument(metavar="SOURCE_DIR", help="Folder of .txt files with inline markup, also in folders")],
    output: Annotated[Path, typer.Argument(metavar="OUT_DIR", help="Folder for train, dev and test.jsonl")],
    facets: FacetsOpt = None,
    fractions: FractionsOpt = (0.8, 0.1, 0.1),
) -> None:
    """
    Make train, dev and test of inline markup, and no product in two of them.

    Listings are checked as 'check' does: those with a mistake are reported and left out, and the exit code is then 1.
    """
    check_fractions(fractions)
    if not source.is_dir():
        raise CommandError(f"{source}: no such folder")
    files = sorted(source.rglob("*.txt"))
    if not files:
        raise CommandError(f"{source}: holds no .txt file with markup")
    report = Report()
    splits: Dict[str, List[Listing]] = {name: [] for name in SPLITS}
    for listing in check_listings(files, load_facets(facets) if facets else None, report):
        splits[split_of(listing, fractions)].append(listing)
    for name, listings in splits.items():
        path = output / f"{name}.jsonl"
        write_listings(path, listings)
        languages = Counter(listing.lang for listing in listings)
        by_language = ", ".join(f"{lang} {count}" for lang, count in languages.most_common())
        typer.echo(f"{path}: {len(listings)} listings, {len({x.product for x in listings})} products ({by_language})")
    show_report(report)
