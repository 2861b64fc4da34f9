"""`product-tags aliases`: build the alias table, look things up in it, change it."""
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional

import typer

from ._util import CommandError, Complaints, make_group

if TYPE_CHECKING:
    from ..kb.alias_index import AliasIndex

aliases_app = make_group("aliases", "The alias table: which value a text means.")

IndexArg = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder that 'aliases build' wrote")]


@aliases_app.command("build")
def aliases_build_cli(
    inputs: Annotated[List[Path], typer.Argument(metavar="FILE...", help="Values: Shopify's or Open Food Facts' taxonomy files, JSONL, CSV; also .gz")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the index")],
    merge: Annotated[bool, typer.Option("--merge/--no-merge", help="Make one value of those of one facet and name")] = True,
    conflicts: Annotated[bool, typer.Option("--conflicts", help="List the names that mean several values of one facet")] = False,
) -> None:
    """
    Build an index of files of values. Bad rows are shown and left out; the exit code is then 1.
    """
    from ..kb.alias_build import build_index, iter_conflicts
    from ..kb.alias_log import open_index

    complaints = Complaints()
    try:
        index = build_index(inputs, merge=merge, on_error=complaints)
        index.to_disk(output)
        # Changes that were logged for the index that stood there: those that can't be made now are shown.
        open_index(output, on_error=complaints)
    except ValueError as err:
        raise CommandError(str(err)) from err
    if conflicts:
        for text, ids in iter_conflicts(index):
            typer.echo(f"{text}\t{' '.join(ids)}")
    typer.echo(f"{output}: {len(index)} values")
    complaints.exit("bad rows left out")


@aliases_app.command("find")
def aliases_find_cli(
    folder: IndexArg,
    texts: Annotated[List[str], typer.Argument(metavar="TEXT...", help="What to look up")],
    facet: Annotated[str, typer.Option("--facet", "-f", help="The facet that is meant")] = "",
) -> None:
    """
    Look texts up: what each may mean, and how likely the first is meant.
    """
    from ..kb.linking import find_candidates, link

    index = _open(folder)
    if facet and facet not in index.facets:
        raise CommandError(f"--facet {facet}: no value has it; the facets are {', '.join(index.facets)}")
    for text in texts:
        typer.echo(f"{text}: {link(index, text, facet).probability:.2f}")
        for candidate in find_candidates(index, text, facet):
            typer.echo(f"  {candidate.score:.2f} {candidate.how} {candidate.id} ({candidate.facet}) {candidate.alias}")


@aliases_app.command("change")
def aliases_change_cli(
    folder: IndexArg,
    change: Annotated[str, typer.Argument(help="add (a value), alias, merge or retire")],
    value_id: Annotated[str, typer.Option("--id", help="The value that is changed or added")] = "",
    alias: Annotated[str, typer.Option("--alias", help="Its new alias, or with 'add' its name")] = "",
    facet: Annotated[str, typer.Option("--facet", "-f", help="With 'add': its facet")] = "",
    into: Annotated[str, typer.Option("--into", help="What it is merged into, or what takes its place")] = "",
    by: Annotated[str, typer.Option("--by", help="Who changes it")] = "",
    why: Annotated[str, typer.Option("--why", help="The reason")] = "",
    date: Annotated[Optional[str], typer.Option("--date", help="The day [default: today]")] = None,
) -> None:
    """
    Change the table without building it again: the change is logged beside the index and holds from now on.
    """
    from datetime import date as Date

    from ..errors import ListingError
    from ..kb.alias_log import Change, append_change, apply_changes, log_of
    from ..kb.aliases import make_id

    index = _open(folder)
    fields = {"date": date or Date.today().isoformat(), "by": by, "why": why, "change": change, "id": value_id, "alias": alias, "into": into}
    if change == "add":
        fields.update(id="", alias="", value={"id": value_id or make_id(facet, alias), "facet": facet, "aliases": [alias]})
    try:
        # What can't be done must not get into the log.
        apply_changes(index, [Change.from_dict({**fields, "version": index.version + 1})])
        done = append_change(log_of(folder), after=index.version, **fields)
    except ListingError as err:
        raise CommandError(f"{err.field}: {err.problem}") from err
    typer.echo(f"{log_of(folder)}: version {done.version}")


@aliases_app.command("compact")
def aliases_compact_cli(folder: IndexArg) -> None:
    """
    Fold the logged changes into the index; the log stays as a record.
    """
    from ..kb.alias_log import compact

    index = compact(_open(folder), folder)
    typer.echo(f"{folder}: version {index.version}, {len(index)} values")


@aliases_app.command("fit")
def aliases_fit_cli(
    inputs: Annotated[List[Path], typer.Argument(metavar="FILE...", help="Values, as for 'aliases build'")],
    count: Annotated[int, typer.Option(help="Made-up queries, half to fit and half to judge")] = 6000,
    seed: Annotated[int, typer.Option(help="Seed")] = 0,
) -> None:
    """
    Fit the weights of "none of these" (kb/linking.toml) on names of values, of hidden ones too, with slips of the pen.
    """
    from ..kb.alias_sources import iter_values
    from ..training.fit_linking import fit_linking

    complaints = Complaints()
    try:
        values = [value for path in inputs for value in iter_values(path, on_error=complaints)]
        weights, report = fit_linking(values, count=count, seed=seed)
    except (OSError, ValueError) as err:
        raise CommandError(str(err)) from err
    typer.echo("[weights]\n" + "".join(f"{name} = {value}\n" for name, value in weights.items()), nl=False)
    typer.echo(
        f"at 0.8: precision {report.precision:.3f}, recall {report.recall:.3f}, none of these F1 {report.null_f:.3f} "
        f"on {report.queries} queries",
        err=True,
    )
    complaints.exit("bad rows left out")


def _open(folder: Path) -> "AliasIndex":
    """Open an index with its logged changes; bad ones are shown. RAISES (CommandError): Where there is none."""
    from ..kb.alias_log import open_index

    try:
        return open_index(folder, on_error=Complaints())
    except ValueError as err:
        raise CommandError(str(err)) from err
