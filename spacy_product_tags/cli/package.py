"""`product-tags package`: the wheel of a trained pipeline."""
from pathlib import Path

import typer

from ._util import CommandError, one_writer


@one_writer("output")
def package_cli(
    # fmt: off
    model: Path = typer.Argument(..., help="Folder of the trained pipeline, such as training/whole/model-best"),
    output: Path = typer.Argument(..., help="Folder for the package"),
    name: str = typer.Option("product_tags", "--name", "-n", help="Name behind the language"),
    version: str = typer.Option("0.1.0", "--version", "-v", help="Version of the package"),
    half: bool = typer.Option(False, "--half", help="Round the weights to half precision: about half the size"),
    # fmt: on
) -> None:
    """
    Build a wheel of a trained pipeline, without the paths of the machine it was trained on.
    """
    from ..packaging import package_pipeline

    try:
        wheel = package_pipeline(model, output, name=name, version=version, half=half)
    except ValueError as err:
        raise CommandError(str(err)) from err
    typer.echo(str(wheel))
