"""`product-tags names`: fit the name encoder on values and categories with names in several languages."""
from pathlib import Path
from typing import Annotated, List

import typer

from ._util import CommandError, Complaints, one_writer


@one_writer("output")
def names_cli(
    inputs: Annotated[List[Path], typer.Argument(metavar="FILE...", help="Values and categories, as for 'aliases build'")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the encoder")],
    steps: Annotated[int, typer.Option(help="Batches of 512 pairs of names")] = 4000,
    buckets: Annotated[int, typer.Option(help="Rows of the table of n-grams; half of a megabyte for 2,048")] = 32768,
    width: Annotated[int, typer.Option(help="Size of a name's vector")] = 128,
    seed: Annotated[int, typer.Option(help="Seed of all choices")] = 0,
) -> None:
    """
    Fit a name encoder, with which the alias table finds names in languages that it lacks, and the classifier
    categories without examples. On one core about 10 steps a second.
    """
    from tqdm import tqdm

    from ..values.fitting.names import Report, fit_names, read_things

    complaints = Complaints()
    try:
        things = read_things(inputs, on_error=complaints)
        with tqdm(total=steps, desc="names", unit="step") as bar:

            def show(report: Report) -> None:
                bar.update()
                bar.set_postfix(loss=f"{report.loss:.3f}", refresh=False)

            encoder = fit_names(things, steps=steps, buckets=buckets, width=width, seed=seed, on_step=show)
    except ValueError as err:
        raise CommandError(str(err)) from err
    encoder.to_disk(output)
    typer.echo(f"{output}: fitted on {len(things)} values and categories")
    complaints.exit("bad rows left out")
