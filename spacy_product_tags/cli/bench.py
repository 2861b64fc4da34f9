"""`product-tags bench`: how much of the bare encoder's speed the pipeline keeps."""
import os
import statistics
from pathlib import Path
from typing import Any, Optional

import typer
from rich.console import Console
from rich.table import Table

from ..listing import read_listings
from ._util import CommandError, load_pipeline


def bench_cli(
    # fmt: off
    corpus: Path = typer.Argument(..., help="JSONL file of listings, such as corpus/compiled/train.jsonl"),
    model: Optional[str] = typer.Option(None, "--model", "-m", help="Pipeline to time; with --layers, --width or --backbone, or without a transformer, only its tokenizer and preprocessor are used"),
    backbone: Optional[str] = typer.Option(None, "--backbone", "-b", help="Saved backbone under random heads"),
    layers: Optional[int] = typer.Option(None, help="Layers of a new BERT under random heads [default: 4]"),
    width: Optional[int] = typer.Option(None, help="Width of the new BERT [default: 256]"),
    lang: str = typer.Option("zh", "--lang", "-l", help="Language, where no --model is given"),
    limit: int = typer.Option(1024, help="Texts at most"),
    batch_size: int = typer.Option(128, help="Texts in a batch"),
    repeats: int = typer.Option(5, help="Rounds"),
    threads: int = typer.Option(1, help="Torch threads; with busy cores two are far slower than one"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU; -1 = CPU"),
    # fmt: on
) -> None:
    """
    Time the bare transformers forward, the transformer component and the full pipeline on the same texts, side by side.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    import torch

    from ..evaluation.bench import measure, peak_memory, random_pipeline

    torch.set_num_threads(threads)
    texts = [listing.text for listing, _ in zip(read_listings(corpus), range(limit))]
    source = load_pipeline(model, gpu_id) if model else None
    if source is not None and "transformer" in source.pipe_names and not (backbone or layers or width):
        nlp = source
    else:
        size = {"layers": layers or 4, "width": width or 256}
        nlp = random_pipeline(texts, lang=lang, backbone=backbone, source=source, **size)
    try:
        timings = measure(nlp, texts, batch_size=batch_size, repeats=repeats)
    except ValueError as err:
        raise CommandError(str(err)) from err
    transformer: Any = nlp.get_pipe("transformer")
    config = transformer.model.transformer.config
    pieces = statistics.mean(map(len, transformer.model.tokenizer(texts)["input_ids"]))
    title = f"{len(texts)} texts of {pieces:.0f} wordpieces, {config.num_hidden_layers}×{config.hidden_size}, batch {batch_size}"
    table = Table("what", "texts/s", "of bare", "cpu/wall", title=f"{title}, {threads} thread(s)")
    for timing in timings:
        table.add_row(timing.name, f"{timing.rate:.0f}", f"{timing.ratio:.2f}", f"{timing.busy:.2f}")
    Console().print(table)
    peak = peak_memory()
    memory = f"{peak / 2**20:.0f} MB" if peak else "not known on this system"
    typer.echo(f"{' + '.join(nlp.pipe_names)}; peak memory {memory}")
