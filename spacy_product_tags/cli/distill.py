"""`product-tags distill`: train a small pipeline on what larger ones make of unlabelled texts."""
import sys
from pathlib import Path
from typing import List, Tuple

import typer

from ._util import CommandError, Complaints, GpuOpt, load_pipeline, one_writer

# What `app.command` needs so that the config's settings can be given as options.
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


@one_writer("output")
def distill_cli(
    # fmt: off
    config: Path = typer.Argument(..., metavar="CONFIG", help="The student's config, such as configs/zh.cfg"),
    rest: List[str] = typer.Argument(..., metavar="TEACHER... [--section.setting VALUE]...", help="Trained pipelines, folders or packages; then settings of the config, as 'spacy train' takes them"),
    texts: List[Path] = typer.Option(..., "--texts", "-t", help="Unlabelled texts: JSONL with title or text (.jsonl, .jsonl.gz), or a text a line (.txt); may be given more than once"),
    output: Path = typer.Option(..., "--output", "-o", help="Folder for model-best and model-last"),
    component: str = typer.Option("product_tag_generator", help="Name of the component that learns, in every pipeline"),
    temperature: float = typer.Option(1.0, help="What the logits are divided by; higher = softer labels"),
    weight_hidden: float = typer.Option(0.0, "--weight-hidden", help="Weight of the first teacher's hidden states; 0 = not compared"),
    gold_share: float = typer.Option(0.5, help="Share of batches that are of the config's train corpus (none without --paths.train)"),
    gpu_id: GpuOpt = -1,
    # fmt: on
) -> None:
    """
    Train a small pipeline on what larger ones make of unlabelled texts, and on gold listings beside them.
    """
    from spacy.cli._util import show_validation_error
    from spacy.util import load_config

    from ..training.distill import distill

    teachers, overrides = split_arguments(rest)
    for path in (config, *texts):
        if not path.is_file():
            raise CommandError(f"{path}: no such file")
    with show_validation_error(config):
        settings = load_config(config, overrides=overrides, interpolate=False)
    pipelines = [load_pipeline(teacher, gpu_id) for teacher in teachers]
    complaints = Complaints()
    try:
        with show_validation_error(config, hint_fill=False):
            distill(
                settings,
                pipelines,
                texts,
                output,
                component=component,
                temperature=temperature,
                hidden_weight=weight_hidden,
                gold_share=gold_share,
                use_gpu=gpu_id,
                stdout=sys.stdout,
                stderr=sys.stderr,
                on_error=complaints,
            )
    except ValueError as err:
        raise CommandError(str(err)) from err
    if complaints.count:
        typer.echo(f"{complaints.count} bad line(s) left out; see above", err=True)
    typer.echo(str(output / "model-best"))


def split_arguments(rest: List[str]) -> Tuple[List[str], dict]:
    """Tell teachers from settings, which the command line hands over together.

    rest (List[str]): Teachers, then ``--section.setting value``.
    RETURNS (Tuple[List[str], dict]): The teachers, and the settings' values.
    RAISES (CommandError): Where no teacher stands ahead of the settings, or one is no setting.
    """
    from click import NoSuchOption
    from spacy.cli._util import parse_config_overrides

    count = next((number for number, part in enumerate(rest) if part.startswith("--")), len(rest))
    if not count:
        raise CommandError("no teacher; the pipelines stand behind the config and ahead of its settings")
    try:
        return rest[:count], parse_config_overrides(rest[count:])
    except NoSuchOption as err:
        problem = "neither an option of distill nor a setting of a config, such as --training.max_steps"
        raise CommandError(f"{err.option_name}: {problem}") from err
