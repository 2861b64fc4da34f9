"""The command line: ``product-tags …``, and ``python -m spacy product-tags …`` where spaCy loads it (`spacy_hook`).

spaCy loads this on each of its own commands, and ``--help`` should be there at once, so whatever is slow to import, spaCy
itself too, is imported in the functions that need it.
"""
from importlib.metadata import version
from typing import Annotated

import typer

from .._version import __version__
from ._util import ProductTagsGroup
from .aliases import aliases_app
from .backbone import backbone_cli
from .bench import bench_cli
from .calibrate import calibrate_cli
from .check import check_cli
from .compile import compile_cli
from .convert import convert_cli
from .distill import CONTEXT as DISTILL_CONTEXT
from .distill import distill_cli
from .docbin import docbin_cli
from .evaluate import evaluate_cli
from .generate import generate_cli
from .names import names_cli
from .package import package_cli
from .pretrain import pretrain_cli
from .profiles import profiles_app
from .render import render_cli
from .rules import rules_app
from .segmenter import segmenter_cli
from .tag import tag_cli
from .taxonomy import taxonomy_app

HELP = "Tags for product listings: make corpora, check them, tag, evaluate and look at the result."

app = typer.Typer(
    name="product-tags",
    help=HELP,
    cls=ProductTagsGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"product-tags {__version__} (spaCy {version('spacy')})")
        raise typer.Exit()


@app.callback()
def _main(
    show: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the versions and exit.")
    ] = False,
) -> None:
    pass


app.command("tag")(tag_cli)
app.command("convert")(convert_cli)
app.command("compile")(compile_cli)
app.command("check")(check_cli)
app.command("docbin")(docbin_cli)
app.command("evaluate")(evaluate_cli)
app.command("render")(render_cli)
app.command("segmenter")(segmenter_cli)
app.command("package")(package_cli)
app.command("bench")(bench_cli)
app.command("backbone")(backbone_cli)
app.command("generate")(generate_cli)
app.command("pretrain")(pretrain_cli)
app.command("names")(names_cli)
app.command("calibrate")(calibrate_cli)
app.command("distill", context_settings=DISTILL_CONTEXT)(distill_cli)
app.add_typer(aliases_app)
app.add_typer(profiles_app)
app.add_typer(rules_app)
app.add_typer(taxonomy_app)


def main() -> None:
    """Run the script `product-tags`."""
    app(prog_name="product-tags")
