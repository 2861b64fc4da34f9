"""`product-tags taxonomy`: check a tree of categories, show a category, map it to another taxonomy."""
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional

import typer

from ._util import CommandError, Complaints, make_group

if TYPE_CHECKING:
    from ..taxonomy.tree import Taxonomy

taxonomy_app = make_group("taxonomy", "Taxonomies: trees of product categories.")

TaxonomyArg = Annotated[Path, typer.Argument(metavar="FILE", help="Categories (.jsonl, .jsonl.gz): id, parent, labels")]
LocaleOpt = Annotated[str, typer.Option("--locale", "-l", help="Language of the labels")]


@taxonomy_app.command("check")
def taxonomy_check_cli(file: TaxonomyArg) -> None:
    """
    Check that the categories of a file make a tree.

    Each mistake is shown with line and field; the exit code is 1 where there is any.
    """
    from ..taxonomy.tree import Taxonomy

    complaints = Complaints()
    taxonomy = Taxonomy.from_disk(file, on_error=complaints)
    locales = {locale for row in range(len(taxonomy)) for locale in taxonomy.names(row)}
    levels = int(taxonomy.depths.max(initial=-1)) + 1
    typer.echo(
        f"{file}: {len(taxonomy)} categories on {levels} levels, {int(taxonomy.terminal.sum())} without children, "
        f"{len(locales)} locales"
    )
    complaints.exit("bad rows left out")


@taxonomy_app.command("show")
def taxonomy_show_cli(
    file: TaxonomyArg,
    category: Annotated[Optional[str], typer.Argument(help="Its id or path, such as 'Shoes > Boots'; none = the top")] = None,
    locale: LocaleOpt = "en",
) -> None:
    """
    Show a category: its path, its names, and what is right below it.
    """
    from ..listing import SEPARATOR
    from ..taxonomy.tree import Taxonomy

    taxonomy = Taxonomy.from_disk(file)
    row = -1 if category is None else _find(taxonomy, category, file)
    if row >= 0:
        typer.echo(f"{taxonomy.ids[row]}  {SEPARATOR.join(taxonomy.path(row, locale))}")
        for name, label in sorted(taxonomy.names(row).items()):
            typer.echo(f"  {name or '-'}: {label}")
    for child in taxonomy.children(row):
        typer.echo(f"{taxonomy.ids[child]}  {taxonomy.path(child, locale)[-1]}")


@taxonomy_app.command("map")
def taxonomy_map_cli(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="Pairs of paths (.jsonl, .jsonl.gz)")],
    categories: Annotated[List[str], typer.Argument(metavar="CATEGORY...", help="Paths such as 'Shoes > Boots'; with --taxonomy also ids and other languages")],
    taxonomy: Annotated[Optional[Path], typer.Option("--taxonomy", "-t", help="Categories of the taxonomy that is mapped")] = None,
    source: Annotated[str, typer.Option("--from", help="Field of the pairs that is mapped")] = "shopify",
    target: Annotated[str, typer.Option("--to", help="Field of the pairs that it becomes")] = "google",
    locale: LocaleOpt = "en",
) -> None:
    """
    Give the category of another taxonomy, one a line; a category that has none gives its nearest ancestor's.

    Where no ancestor has one either, the line is empty and the exit code is 1.
    """
    from ..listing import SEPARATOR
    from ..taxonomy.mapping import load_mapping, split_path
    from ..taxonomy.tree import Taxonomy

    complaints = Complaints()
    loaded = load_mapping(mapping, source, target, on_error=complaints)
    tree = Taxonomy.from_disk(taxonomy) if taxonomy else None
    missing = []
    for category in categories:
        path = tree.path(_find(tree, category, taxonomy), locale) if tree else split_path(category)
        found = loaded.to(path)
        typer.echo(SEPARATOR.join(found or ()))
        if found is None:
            missing.append(category)
    if missing:
        typer.echo(f"no category of {target} for: {', '.join(missing)}", err=True)
        raise typer.Exit(1)
    complaints.exit("bad pairs left out")


def _find(taxonomy: "Taxonomy", category: str, file: Optional[Path]) -> int:
    """Find a category by id or path. RAISES (CommandError): Where there is none."""
    from ..taxonomy.mapping import split_path

    row = taxonomy.row(category) if category in taxonomy else taxonomy.find((category,))
    # A label may have a ">" of its own.
    row = taxonomy.find(split_path(category)) if row is None else row
    if row is None:
        raise CommandError(f"{category}: {file} has no category with this id or full path; see 'taxonomy show {file}'")
    return row
