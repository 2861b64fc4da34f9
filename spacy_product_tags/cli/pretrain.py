"""`product-tags pretrain`: train a backbone on unlabelled product text."""
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import typer

from ._util import CommandError, Complaints, GpuOpt, one_writer

if TYPE_CHECKING:
    from ..pretraining.settings import PretrainSettings


@one_writer("output")
def pretrain_cli(
    # fmt: off
    inputs: List[Path] = typer.Argument(..., metavar="FILE...", help="Texts: JSONL with title or text (.jsonl, .jsonl.gz), or a text a line (.txt)"),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="Folder for the model, checkpoints and log; the same command goes on with a run that was killed"),
    init: str = typer.Option("", "--init", help="Model to go on from: product-tags-mini, a folder or a hub name [default: a new BERT]"),
    teacher: str = typer.Option("", "--teacher", help="Larger model whose hidden states the one of --init learns, instead of masked pieces; both made of one source by 'product-tags backbone'"),
    names: List[Path] = typer.Option([], "--names", help="Taxonomies and values with their names: learn to put a listing's title near its category's name and names of one thing near each other, instead of masked pieces; repeat"),
    layers: int = typer.Option(4, help="Layers of the new BERT"),
    width: int = typer.Option(256, help="Width of the new BERT"),
    heads: int = typer.Option(0, help="Attention heads of the new BERT; 0 = one for each 64 of width"),
    vocab_size: int = typer.Option(12000, help="Wordpieces of the new BERT"),
    segmenter: Optional[Path] = typer.Option(None, "--segmenter", help="pkuseg model of 'product-tags segmenter', whose words are masked whole [default: jieba's words]"),
    length: int = typer.Option(128, help="Wordpieces in a row; short texts share one"),
    batch_size: int = typer.Option(64, help="Rows in a batch"),
    steps: int = typer.Option(10000, help="Batches to train on"),
    learn_rate: float = typer.Option(0.0, help="Highest learning rate; 0 = 5e-4 for a new model, 5e-5 with --init"),
    weight_decay: float = typer.Option(0.01, help="Weight decay"),
    dropout: float = typer.Option(0.0, help="Dropout while pretraining"),
    mask_share: float = typer.Option(0.15, help="Share of wordpieces to guess"),
    seed: int = typer.Option(0, help="Seed of weights, order and masks"),
    bf16: bool = typer.Option(True, "--bf16/--no-bf16", help="Compute in bfloat16, on CPU as well"),
    half: bool = typer.Option(False, "--half", help="Save in half precision: half the size, loads in full precision"),
    save_every: int = typer.Option(500, help="Steps from checkpoint to checkpoint; the last two are kept"),
    log_every: int = typer.Option(10, help="Steps that a row of log.jsonl sums up"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Start anew where the output holds another run"),
    bench: bool = typer.Option(False, "--bench", help="Train nothing: time a few steps against a plain loop over the same model and rows"),
    gpu_id: GpuOpt = -1,
    # fmt: on
) -> None:
    """
    Train a masked language model on unlabelled listings, from nothing or further, as a backbone for any config; or a
    small encoder to give the hidden states of a large one, or an encoder to find categories and values by their names.
    """
    for path in (*inputs, *names):
        if not path.is_file():
            raise CommandError(f"{path}: no such file")
    if output is None and not bench:
        raise CommandError("give a folder for the model: --output FOLDER")
    use_gpu(gpu_id)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    from ..pretraining.pretrain import pretrain
    from ..pretraining.settings import PretrainSettings

    logging.set_verbosity_error()
    complaints = Complaints()
    try:
        settings = PretrainSettings(
            init=init,
            teacher=teacher,
            pairs=bool(names),
            layers=layers,
            width=width,
            heads=heads or max(1, width // 64),
            vocab_size=vocab_size,
            segmenter=str(segmenter or ""),
            length=length,
            batch_size=batch_size,
            steps=steps,
            learn_rate=learn_rate,
            weight_decay=weight_decay,
            dropout=dropout,
            mask_share=mask_share,
            bf16=bf16,
            seed=seed,
        )
        if bench or output is None:
            _bench(inputs, settings, gpu_id >= 0)
            return
        pretrain(
            inputs,
            output,
            settings,
            names=names,
            save_every=save_every,
            log_every=log_every,
            half=half,
            overwrite=overwrite,
            use_gpu=gpu_id >= 0,
            progress=True,
            # Also where it ran as `python -m spacy product-tags pretrain`.
            command=shlex.join(["product-tags", *sys.argv[1 + (sys.argv[1:2] == ["product-tags"]) :]]),
            on_error=complaints,
        )
    except (ValueError, ImportError) as err:
        raise CommandError(str(err)) from err
    except KeyboardInterrupt:
        typer.echo(f"\n{output}: stopped; the same command goes on from the newest checkpoint", err=True)
        raise
    if complaints.count:
        typer.echo(f"{complaints.count} bad line(s) left out; see above", err=True)
    typer.echo(str(output))


def _bench(inputs: List[Path], settings: "PretrainSettings", on_gpu: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..pretraining.bench import bench_pretraining

    timings = bench_pretraining(inputs, settings, use_gpu=on_gpu)
    table = Table("what", "tokens/s", "pretrain by this", "cpu/wall")
    for timing in timings:
        table.add_row(timing.name, f"{timing.rate:,.0f}", f"{timing.ratio:.2f}", f"{timing.busy:.2f}")
    Console().print(table)


def use_gpu(gpu_id: int) -> None:
    """Let torch see one GPU, or none, before it starts. RAISES (CommandError): Where there is no such GPU."""
    # The trainer takes all the GPUs that it sees.
    if gpu_id < 0:
        return
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = seen.split(",") if seen else None
    if names is not None and gpu_id >= len(names):
        raise CommandError(f"--gpu-id {gpu_id}: CUDA_VISIBLE_DEVICES lists {len(names)}")
    os.environ["CUDA_VISIBLE_DEVICES"] = names[gpu_id] if names else str(gpu_id)
    import torch

    if not torch.cuda.is_available():
        raise CommandError(f"--gpu-id {gpu_id}: torch sees no such GPU; leave the option out for the CPU")
