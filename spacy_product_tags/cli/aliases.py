"""`product-tags aliases`: build the alias table, look things up in it, change it."""
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional

import typer

from ._util import CommandError, Complaints, make_group, one_writer

if TYPE_CHECKING:
    from ..values.index import AliasIndex

aliases_app = make_group("aliases", "The alias table: which value a text means.")

IndexArg = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder that 'aliases build' wrote")]


@aliases_app.command("build")
@one_writer("output")
def aliases_build_cli(
    inputs: Annotated[List[Path], typer.Argument(metavar="FILE...", help="Values: Shopify's (with categories and attributes) or Open Food Facts' taxonomy files, JSONL, CSV; also .gz")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the index")],
    merge: Annotated[bool, typer.Option("--merge/--no-merge", help="Make one value of those of one facet and name")] = True,
    names: Annotated[str, typer.Option("--names", help="Name encoder, with which names in languages that the table lacks are found: product-tags-names, a folder, or '' for none")] = "product-tags-names",
    conflicts: Annotated[bool, typer.Option("--conflicts", help="List the names that mean several values of one facet")] = False,
) -> None:
    """
    Build an index of files of values. Bad rows are shown and left out; the exit code is then 1.
    """
    from ..values.build import build_index, iter_conflicts
    from ..values.log import open_index

    complaints = Complaints()
    try:
        index = build_index(inputs, merge=merge, names=names or None, on_error=complaints)
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


@aliases_app.command("check")
def aliases_check_cli(
    inputs: Annotated[List[Path], typer.Argument(metavar="FILE...", help="Values, as 'aliases build' takes them")],
    locale: Annotated[str, typer.Option("--locale", "-l", help="Labels of this locale only, such as zh-CN")] = "",
) -> None:
    """
    List labels that may be wrong: a word that no such value has (a color that ends in 酒), another number, the label of another value of the attribute. The exit code is 1 where there are any.
    """
    from ..values.overlay import iter_doubts
    from ..values.sources import iter_values

    complaints = Complaints()
    found = 0
    for path in inputs:
        for doubt in iter_doubts(iter_values(path, on_error=complaints)):
            if not locale or doubt.locale == locale:
                typer.echo("\t".join(doubt))
                found += 1
    typer.echo(f"{found} labels that may be wrong", err=True)
    complaints.exit("bad rows left out")
    if found:
        raise typer.Exit(1)


@aliases_app.command("find")
def aliases_find_cli(
    folder: IndexArg,
    texts: Annotated[List[str], typer.Argument(metavar="TEXT...", help="What to look up")],
    facet: Annotated[str, typer.Option("--facet", "-f", help="The facet that is meant")] = "",
    category: Annotated[str, typer.Option("--category", "-c", help="The listing's category: id, or path with ' > ' in any language")] = "",
    context: Annotated[Optional[List[str]], typer.Option("--with", "-w", help="Another tag of the listing; may be given several times")] = None,
) -> None:
    """
    Look texts up: what each means and how likely, and what else it may mean.
    """
    from ..values.linking import choose, find_candidates
    from ..values.surroundings import Surroundings

    index = _open(folder)
    if facet and facet not in index.facets:
        raise CommandError(f"--facet {facet}: no value has it; the facets are {', '.join(index.facets)}")
    if category and (index.usage is None or index.usage.locate(category) < 0):
        raise CommandError(f"--category {category}: the index knows no such category")
    listing = Surroundings(index, category, [(text, "") for text in context or ()])
    for text in texts:
        found = find_candidates(index, text, facet)
        best, probability = choose(index, text, facet, found, listing)
        typer.echo(f"{text}: {probability:.2f}")
        for candidate in sorted(found, key=best.__ne__):
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
    from ..values.table import make_id

    _open(folder)
    fields: Dict[str, Any] = {"date": date, "by": by, "why": why, "change": change, "id": value_id, "alias": alias, "into": into}
    if change == "add":
        fields.update(id="", alias="", value={"id": value_id or make_id(facet, alias), "facet": facet, "aliases": [alias]})
    _log(folder, fields)


@aliases_app.command("compact")
def aliases_compact_cli(folder: IndexArg) -> None:
    """
    Fold the logged changes into the index; the log stays as a record.
    """
    from ..locks import PATIENCE, exclusive
    from ..values.log import compact

    # What is opened must not change before it is written.
    with exclusive(folder, wait=PATIENCE):
        index = compact(_open(folder), folder)
    typer.echo(f"{folder}: version {index.version}, {len(index)} values")


@aliases_app.command("fit")
def aliases_fit_cli(
    folder: IndexArg,
    count: Annotated[int, typer.Option(help="Made-up queries, half to fit and half to judge")] = 12000,
    seed: Annotated[int, typer.Option(help="Seed")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the weights, as values/linking.toml has them, and keep the old ones")] = False,
    by: Annotated[str, typer.Option("--by", help="Who changes them")] = "",
    why: Annotated[str, typer.Option("--why", help="The reason")] = "",
    date: Annotated[Optional[str], typer.Option("--date", help="The day [default: today]")] = None,
) -> None:
    """
    Fit the weights of "none of these" on names of the index's values, of hidden ones too, with slips of the pen. They hold from now on, as a logged change.
    """
    from ..values.fitting.linking import fit_linking

    index = _open(folder)
    try:
        weights, reports = fit_linking(index, count=count, seed=seed)
    except ValueError as err:
        raise CommandError(str(err)) from err
    typer.echo("[weights]\n" + "".join(f"{name} = {value}\n" for name, value in weights.items()), nl=False)
    for name, report in reports.items():
        typer.echo(
            f"{name}: at 0.8 precision {report.precision:.3f}, recall {report.recall:.3f}, none of these F1 "
            f"{report.null_f:.3f} on {report.queries} queries",
            err=True,
        )
    if not dry_run:
        _log(folder, {"date": date, "by": by, "why": why, "change": "weigh", "weights": weights})


@aliases_app.command("evaluate")
def aliases_evaluate_cli(
    folder: IndexArg,
    count: Annotated[int, typer.Option(help="Queries of each kind")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed")] = 1,
) -> None:
    """
    Measure how often the first meaning of a name of several values is right, by what is known of the listing.
    """
    from ..values.fitting.linking import measure_ambiguous

    try:
        found = measure_ambiguous(_open(folder), count=count, seed=seed)
    except ValueError as err:
        raise CommandError(f"{folder}: {err}") from err
    for kind, accuracies in found.items():
        typer.echo(f"{kind}: " + ", ".join(f"{name} {share:.3f}" for name, share in accuracies.items()))


@aliases_app.command("languages")
def aliases_languages_cli(
    folder: IndexArg,
    steps: Annotated[int, typer.Option(help="Batches to fit the name encoder on what is left")] = 2000,
    share: Annotated[float, typer.Option(min=0.01, max=0.4, help="Share of the values that lose a language; as many are hidden in whole")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of all choices")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep the weights that the index has")] = False,
    by: Annotated[str, typer.Option("--by", help="Who changes them")] = "",
    why: Annotated[str, typer.Option("--why", help="The reason")] = "",
    date: Annotated[Optional[str], typer.Option("--date", help="The day [default: today]")] = None,
) -> None:
    """
    Hide names in one language, and measure whether exact, fuzzy and dense look-up find them by the others. The weights of "none of these" for dense look-up hold from now on, as a logged change.
    """
    from tqdm import tqdm

    from ..values.fitting.languages import fit_hidden_encoder, hide_languages, measure_languages
    from ..values.fitting.names import Report
    from ..values.linking import weights as usual_weights

    index = _open(folder)
    hidden = hide_languages(list(index), share, seed)
    try:
        with tqdm(total=steps, desc="names", unit="step") as bar:

            def show(report: Report) -> None:
                bar.update()

            encoder = fit_hidden_encoder(hidden, steps=steps, seed=seed, on_step=show)
    except ValueError as err:
        raise CommandError(f"{folder}: {err}") from err
    weights, scores = measure_languages(hidden, encoder, seed=seed)
    for (stages, spelling), score in scores.items():
        typer.echo(
            f"{stages}, names {spelling}: first right {score.accuracy:.3f}; at 0.8 precision {score.precision:.3f}, "
            f"recall {score.recall:.3f}, none of these F1 {score.null_f:.3f}, false links {score.false_links:.3f}"
        )
    found = {name: value for name, value in weights.items() if name.startswith("dense_")}
    typer.echo("".join(f"{name} = {value}\n" for name, value in found.items()), nl=False)
    if not dry_run:
        fields: Dict[str, Any] = {"date": date, "by": by, "why": why, "change": "weigh"}
        _log(folder, {**fields, "weights": {**(index.weights or usual_weights()), **found}})


@aliases_app.command("bench")
def aliases_bench_cli(
    folder: IndexArg,
    count: Annotated[int, typer.Option(help="Exact look-ups in a round")] = 20000,
    repeats: Annotated[int, typer.Option(help="Rounds; the median counts")] = 5,
) -> None:
    """
    Time look-ups by processor time, and opening; tell the memory.
    """
    from ..values.fitting.bench import bench_index

    try:
        bench = bench_index(folder, count=count, repeats=repeats)
    except ValueError as err:
        raise CommandError(str(err)) from err
    typer.echo(f"{bench.values:,} values, {bench.names:,} names")
    typer.echo(f"exact look-ups     {bench.exact:>10,.0f} /s")
    typer.echo(f"fuzzy look-ups     {bench.fuzzy:>10,.0f} /s")
    typer.echo(f"linked             {bench.linked:>10,.0f} /s")
    typer.echo(f"linked in category {bench.placed:>10,.0f} /s")
    typer.echo(f"opened in          {bench.seconds * 1000:>10,.1f} ms")
    typer.echo(f"resident memory    {bench.memory / 2**20:>10,.1f} MB")
    typer.echo(f"cpu/wall           {bench.busy:>10.2f}")


def _log(folder: Path, fields: Dict[str, Any]) -> None:
    """Log a change that can be made. RAISES (CommandError): Where it can't; nothing is logged then."""
    from datetime import date as Date

    from ..errors import ListingError
    from ..values.log import log_change, log_of

    try:
        done = log_change(folder, **{**fields, "date": fields["date"] or Date.today().isoformat()})
    except ListingError as err:
        raise CommandError(f"{err.field}: {err.problem}") from err
    typer.echo(f"{log_of(folder)}: version {done.version}")


def _open(folder: Path) -> "AliasIndex":
    """Open an index with its logged changes; bad ones are shown. RAISES (CommandError): Where there is none."""
    from ..values.log import open_index

    try:
        return open_index(folder, on_error=Complaints())
    except ValueError as err:
        raise CommandError(str(err)) from err
