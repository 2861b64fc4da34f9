"""What is left to read of a pretraining run: the curves and the model card."""
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List

from .trainer import LOG, read_log

if TYPE_CHECKING:
    from .settings import PretrainSettings
    from .trainer import BackboneTrainer

_CARD = """# A backbone for product text

{what} ({kind}, {layers} layers of width {width}, {pieces} pieces in the vocabulary), {start} on the
texts below by `product-tags pretrain`. It is a plain `transformers` folder:

```
AutoModel.from_pretrained("{folder}")
python -m spacy train configs/zh_trf.cfg --paths.backbone {folder} …
```

## What it saw
{files}

{texts:,} texts{text_pieces} ({bad} bad lines left out); {tokens:,} pieces in all, each text about
{rounds:.1f} times.{words} Whether the weights may be passed on depends on these
texts{and_models}.

## How it was trained
{seconds:.0f} s on {device}, {speed:,.0f} tokens/s (median).
Last: loss {loss:.3f}, {score} {last:.3f}; on the held-out texts: loss {dev_loss:.3f}, {score} {dev_last:.3f}.

![curves](curves.png)

| setting | value |
|---|---|
{settings}

```
{command}
```
"""


def write_report(
    output: Path, settings: "PretrainSettings", info: Dict[str, Any], trainer: "BackboneTrainer", *, command: str
) -> None:
    """Write ``README.md`` and, if matplotlib is installed, ``curves.png``.

    output (Path): Folder of the run, with its log.
    settings (PretrainSettings): The settings.
    info (Dict[str, Any]): About the texts, as `encode_texts` left it.
    trainer (BackboneTrainer): What has trained.
    command (str): How to make the model again.
    """
    import torch

    rows = read_log(output / LOG)
    draw_curves(rows, output / "curves.png")
    config = trainer.model.config
    device = torch.cuda.get_device_name() if trainer.args.device.type == "cuda" else _cpu_name()
    speeds = sorted(row["tokens_per_s"] for row in rows)
    score = trainer.score
    start = f"trained further from {settings.init}" if settings.init else "trained from nothing"
    text = _CARD.format(
        what="An encoder" if settings.teacher or settings.pairs else "A masked language model",
        kind=config.model_type,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        pieces=config.vocab_size,
        start=start + _lesson(settings),
        folder=output.name,
        files="\n".join(f"- {Path(name).name}" for name in info["files"]),
        texts=info["texts"],
        text_pieces=f" of {info['pieces']:,} pieces" if "pieces" in info else "",
        bad=info["bad"],
        words=f" Chinese words cut by: {info['words']}." if "words" in info else "",
        tokens=rows[-1]["tokens"],
        rounds=settings.steps * settings.batch_size / trainer.train_dataset.n_rows,
        seconds=sum(row["seconds"] for row in rows),
        speed=speeds[len(speeds) // 2],
        device=f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        and_models=" and on the models above" if settings.init else "",
        settings="\n".join(f"| {name} | {value} |" for name, value in _used(settings).items()),
        command=command or "product-tags pretrain …",
        score=score,
        last=rows[-1][score],
        dev_last=rows[-1][f"dev_{score}"],
        **{name: rows[-1][name] for name in ("loss", "dev_loss")},
    )
    (output / "README.md").write_text(text, encoding="utf8")


def _lesson(settings: "PretrainSettings") -> str:
    if settings.pairs:
        return ", to put titles near their categories and names near those in other languages,"
    return f", to give the hidden states of {settings.teacher}," if settings.teacher else ""


def _used(settings: "PretrainSettings") -> Dict[str, Any]:
    """Give the settings that had a say: not those of a new model, or of masks, where there is none."""
    idle = {name for name in ("teacher", "pairs") if not getattr(settings, name)}
    if settings.teacher or settings.pairs:
        idle |= {"mask_share", "segmenter"}
    idle |= {"layers", "width", "heads", "vocab_size"} if settings.init else {"init"}
    return {name: value for name, value in asdict(settings).items() if name not in idle}


def draw_curves(rows: List[Dict[str, Any]], path: Path) -> bool:
    """Draw loss and score against the tokens seen.

    rows (List[Dict[str, Any]]): The log.
    path (Path): The .png file.
    RETURNS (bool): Whether it was drawn: not without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    dev = [row for row in rows if "dev_loss" in row]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "cosine" if "cosine" in rows[0] else "accuracy")):
        axes.plot([row["tokens"] for row in rows], [row[name] for row in rows], label="train", linewidth=1)
        axes.plot([row["tokens"] for row in dev], [row[f"dev_{name}"] for row in dev], "o-", label="dev", markersize=3)
        axes.set_xlabel("tokens seen")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
    return True


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
