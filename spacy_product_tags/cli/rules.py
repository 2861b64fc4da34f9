"""`product-tags rules`: learn how a shop writes its values, apply that, measure it."""
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List

import typer

from ._util import CommandError, Complaints, make_group, one_writer

if TYPE_CHECKING:
    from ..rules.pairs import ValueRow
    from ..rules.rules import ValueRules

rules_app = make_group("rules", "Value rules: how a shop writes the values of its facets.")

PairsArg = Annotated[
    List[Path],
    typer.Argument(metavar="PAIRS...", help="JSON lines with facet, raw, wanted and maybe category, title, product"),
]
RulesArg = Annotated[Path, typer.Argument(metavar="RULES", help="File that 'rules fit' wrote")]


@rules_app.command("fit")
@one_writer("output")
def rules_fit_cli(
    inputs: PairsArg,
    output: Annotated[Path, typer.Option("--output", "-o", help="File for the rules (.json)")],
    cost: Annotated[float, typer.Option(help="What a wrong generalization costs, against 1 for a missing one")] = 1.0,
) -> None:
    """
    Learn rules from pairs of raw and wanted values. Bad rows are shown and left out; the exit code is then 1.
    """
    from ..rules.fit import fit_value_rules

    complaints = Complaints()
    rows = _read(inputs, complaints)
    if not rows:
        raise CommandError("there is no pair to learn from")
    try:
        rules = fit_value_rules(rows, cost=cost)
    except ValueError as err:
        raise CommandError(f"--{err}") from err
    rules.to_disk(output)
    typer.echo(f"{output}: {len(rules)} rules for {len(rules.facets)} facets, of {len(rows)} rows")
    complaints.exit("bad rows left out")


@rules_app.command("apply")
def rules_apply_cli(
    file: RulesArg,
    facet: Annotated[str, typer.Argument(help="The facet of the values")],
    texts: Annotated[List[str], typer.Argument(metavar="TEXT...", help="Raw values")],
    category: Annotated[str, typer.Option("--category", "-c", help="The product's category, levels joined by ' > '")] = "",
    title: Annotated[str, typer.Option("--title", help="The product's title")] = "",
) -> None:
    """
    Say what to write for raw values, and by which operation.
    """
    rules = _load(file)
    if facet not in rules.facets:
        raise CommandError(f"{facet}: there is no rule for this facet; the facets are {', '.join(rules.facets)}")
    for text in texts:
        found = rules.find(text, facet, category, title)
        if found is None:
            typer.echo(f"{text}: no rule")
        else:
            sure = f" {found.probability:.2f}" if found.probability < 1 else ""
            typer.echo(f"{text}: {' | '.join(found.texts)} ({found.operation}{sure})")


@rules_app.command("eval")
def rules_eval_cli(
    file: RulesArg,
    inputs: PairsArg,
    by: Annotated[str, typer.Option("--by", help="Figures for each operation (as the pairs say it), facet or rule")] = "operation",
    wrong: Annotated[bool, typer.Option("--wrong", help="List what isn't as wanted, one JSON object a line")] = False,
) -> None:
    """
    Measure rules on pairs: how many rows come out exactly as wanted.
    """
    from ..rules.evaluate import evaluate

    complaints = Complaints()
    rows = _read(inputs, complaints)
    try:
        report = evaluate(_load(file), rows, by=by)
    except ValueError as err:
        raise CommandError(f"--{err}") from err
    if wrong:
        for row, got in report.wrong:
            shown = {"facet": row.facet, "category": row.category, "raw": row.raw, "got": got, "wanted": row.wanted}
            typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        typer.echo(f"{by:<16}{'rows':>6}{'exact':>8}{'single':>8}{'exact':>8}{'F1':>8}{'no rule':>9}")
        for name, part in report.parts.items():
            numbers = f"{part.rows:>6}{part.exact:>8.4f}{part.single:>8}{part.single_exact:>8.4f}{part.f:>8.4f}"
            typer.echo(f"{name:<16}{numbers}{part.silent:>9}")
    complaints.exit("bad rows left out")


def _read(inputs: List[Path], complaints: Complaints) -> "List[ValueRow]":
    from ..rules.pairs import read_value_rows

    return [row for path in inputs for row in read_value_rows(path, on_error=complaints)]


def _load(file: Path) -> "ValueRules":
    from ..rules.rules import ValueRules

    try:
        return ValueRules.from_disk(file)
    except ValueError as err:
        raise CommandError(str(err)) from err
