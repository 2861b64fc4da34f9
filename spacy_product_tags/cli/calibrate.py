"""`product-tags calibrate`: make a classifier's probabilities shares of right answers."""
from pathlib import Path
from typing import Annotated, Optional

import typer

from ._util import CommandError, GpuOpt, ModelArg, load_pipeline, one_writer


@one_writer("output")
def calibrate_cli(
    model: ModelArg,
    data: Annotated[str, typer.Argument(help="Held-out listings with categories or tags, such as the dev part")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the calibrated pipeline")],
    plot: Annotated[Optional[Path], typer.Option("--plot", help="PNG of probability against share right", dir_okay=False)] = None,
    component: Annotated[str, typer.Option("--component", help="The classifier's name, such as product_tag_classifier")] = "product_classifier",
    gpu_id: GpuOpt = -1,
) -> None:
    """
    Fit the temperature of a pipeline's classifier, of categories or of facets, on listings that it was not trained on, and
    save it; of categories also how much each part of the classifier counts.
    """
    from ..listings.corpus import ListingCorpus
    from ..training.calibrate import calibrate_pipeline

    nlp = load_pipeline(model, gpu_id)
    try:
        report = calibrate_pipeline(nlp, list(ListingCorpus(data)(nlp)), component)
    except ValueError as err:
        raise CommandError(str(err)) from err
    nlp.to_disk(output)
    for name, temperature in report.temperatures.items():
        shares = "".join(f", {part} count {share:.2f}" for part, share in report.shares.get(name, {}).items())
        typer.echo(f"{name}: temperature {temperature:.3f}{shares}")
    unit = "tags" if "facet" in report.temperatures else "listings"
    typer.echo(f"{output}: ECE {report.before:.4f} before, {report.after:.4f} now, on {len(report.right)} {unit}")
    if plot is not None:
        from ..pipeline.calibration import reliability_plot

        reliability_plot(report.probabilities, report.right, plot, title=f"{component} on held-out listings")
