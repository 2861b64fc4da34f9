"""`product-tags check`: find the mistakes in a corpus."""
from pathlib import Path
from typing import Annotated, List

import typer

from ..listings.check import Report, check_corpus, load_facets
from ._util import FacetsOpt, show_problem


def check_cli(
    paths: Annotated[
        List[Path],
        typer.Argument(metavar="PATH...", help="Listings (.jsonl, .jsonl.gz), markup (.txt), or folders of them"),
    ],
    facets: FacetsOpt = None,
    phrases: Annotated[
        bool, typer.Option("--phrases", help="Warn of phrases that few listings annotate otherwise than most")
    ] = False,
) -> None:
    """
    Check corpora: offsets, facets, duplicates, products in two splits.

    Each mistake is shown with file, line, field and what to do; the exit code is 1 where there is any.
    """
    show_report(check_corpus(paths, load_facets(facets) if facets else None, phrases=phrases))


def show_report(report: Report) -> None:
    """Show what a check found. RAISES (Exit): With code 1 where there are errors."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    for kind, problems in (("warning", report.warnings), ("error", report.errors)):
        for problem in problems:
            show_problem(f"{kind}: {problem}")
    table = Table("", "count", show_header=False)
    table.add_row("listings", str(report.listings))
    for lang, count in report.languages.most_common():
        table.add_row(Text(f"  {lang or '(no language)'}"), str(count))
    table.add_row("tags", str(report.tags))
    for facet, count in report.facets.most_common():
        table.add_row(Text(f"  {facet or '(no facet)'}"), str(count))
    table.add_row("errors", str(len(report.errors)))
    table.add_row("warnings", str(len(report.warnings)))
    Console().print(table)
    if report.errors:
        raise typer.Exit(1)
