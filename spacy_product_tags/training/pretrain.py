"""Train a masked language model on product text: `pretrain`."""
import hashlib
import importlib.util
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Union

from ..errors import ListingError
from ..models.shipped import find_backbone
from .listings import raise_error

SETTINGS = "pretrain.json"
# Positions of a new model.
POSITIONS = 512


@dataclass(frozen=True)
class PretrainSettings:
    """What decides the weights that come out; a run is continued with the same settings only.

    init (str): Model to go on from, with its tokenizer: `product-tags-mini`, a folder or a hub name; "" = a new BERT.
    layers, width, heads (int): Sizes of the new BERT; its inner layers have four times the width.
    vocab_size (int): Pieces of the new vocabulary.
    segmenter (str): Folder of a pkuseg model that cuts Chinese into words; "" = jieba's dictionary.
    length (int): Pieces in a row.
    batch_size (int): Rows in a batch.
    steps (int): Batches.
    learn_rate (float): At its peak; 0 = 5e-4 for a new model, 5e-5 for another.
    weight_decay (float): Of all weights but biases and norms.
    dropout (float): While training; the saved config keeps the model's own.
    mask_share (float): Pieces to guess.
    bf16 (bool): Compute in bfloat16.
    seed (int): Of weights, order and masks.
    """

    init: str = ""
    layers: int = 4
    width: int = 256
    heads: int = 4
    vocab_size: int = 12000
    segmenter: str = ""
    length: int = 128
    batch_size: int = 64
    steps: int = 10000
    learn_rate: float = 0.0
    weight_decay: float = 0.01
    dropout: float = 0.0
    mask_share: float = 0.15
    bf16: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "vocab_size", "batch_size", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be 1 or more, not {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} must divide the width {self.width}")
        if not 8 <= self.length <= POSITIONS:
            raise ValueError(f"length: must be from 8 to {POSITIONS}, not {self.length}")
        if not 0 < self.mask_share < 1:
            raise ValueError(f"mask_share: must be between 0 and 1, not {self.mask_share}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: must be from 0 to below 1, not {self.dropout}")


def pretrain(
    paths: Sequence[Union[str, Path]],
    output: Union[str, Path],
    settings: PretrainSettings = PretrainSettings(),  # noqa: B008
    *,
    save_every: int = 500,
    log_every: int = 10,
    half: bool = False,
    overwrite: bool = False,
    use_gpu: bool = False,
    progress: bool = False,
    command: str = "",
    on_error: Callable[[ListingError], None] = raise_error,
) -> Path:
    """Train a masked language model on texts and save it as a plain `transformers` folder.

    A run that was killed goes on from its newest whole checkpoint when it is started again, to the same weights.

    paths (Sequence[Union[str, Path]]): Files of texts; see `read_texts`.
    output (Union[str, Path]): Folder for the model, and for the run's checkpoints, cache and log.
    settings (PretrainSettings): What decides the weights.
    save_every (int): Steps from one checkpoint to the next; the last two are kept.
    log_every (int): Steps that a row of the log sums up.
    half (bool): Save the weights in half precision, in half the size; they load in full precision.
    overwrite (bool): Start anew, whatever the folder holds of another run.
    use_gpu (bool): Train on the GPU, the first that torch sees.
    progress (bool): Show a progress bar on stderr.
    command (str): How to make the model again, for its card.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on.
    RETURNS (Path): The folder.
    RAISES (ValueError): Where the folder holds a run with other settings, or a setting can't be used.
    """
    from .pretrain_report import write_report
    from .pretrain_setup import make_trainer, prepare_texts, save_model
    from .pretrain_trainer import find_checkpoint

    for name, value in (("save_every", save_every), ("log_every", log_every)):
        if value < 1:
            raise ValueError(f"{name}: must be 1 or more, not {value}")
    # Told at once, not when all texts are encoded.
    if importlib.util.find_spec("accelerate") is None:
        raise ValueError("pretraining needs transformers' trainer: pip install 'spacy-product-tags[pretrain]'")
    output = Path(output)
    start_run(output, {"settings": asdict(settings), "inputs": digest_inputs(paths, settings)}, overwrite=overwrite)
    tokenizer, texts = prepare_texts(paths, output / "cache", settings, on_error)
    trainer = make_trainer(
        texts,
        tokenizer,
        output,
        settings,
        save_every=save_every,
        log_every=log_every,
        use_gpu=use_gpu,
        progress=progress,
    )
    checkpoint = find_checkpoint(output / "checkpoints")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    save_model(trainer.model, tokenizer, output, settings, half=half)
    write_report(output, settings, texts.info, trainer, command=command)
    return output


def start_run(output: Path, run: Dict[str, Any], *, overwrite: bool = False) -> None:
    """Make the folder of a run, or check that what it holds is the same run.

    output (Path): The folder.
    run (Dict[str, Any]): What tells the run from others: ``settings`` and ``inputs``.
    overwrite (bool): Drop another run that is in there.
    RAISES (ValueError): Where the folder holds another run, naming what differs, or something else.
    """
    path = output / SETTINGS
    differ = _differences(path, run) if path.exists() and not overwrite else []
    # A run that failed before it had learnt anything is no loss.
    if differ and any((output / "checkpoints").glob("checkpoint-*")):
        raise ValueError(
            f"{output}: holds a run with other settings: {', '.join(differ)}; give the same ones or another "
            "folder, or start anew with --overwrite"
        )
    if path.exists():
        if overwrite or differ:
            for name in ("checkpoints", "cache"):
                shutil.rmtree(output / name, ignore_errors=True)
            for name in ("log.jsonl", "model.safetensors", "curves.png", "README.md"):
                (output / name).unlink(missing_ok=True)
    elif output.is_dir() and any(output.iterdir()):
        raise ValueError(f"{output}: holds files that are of no pretraining run; give another folder")
    output.mkdir(parents=True, exist_ok=True)
    write_json(path, run)


def _differences(path: Path, run: Dict[str, Any]) -> List[str]:
    try:
        stored = json.loads(path.read_text(encoding="utf8"))
        old, new = dict(stored["settings"]), run["settings"]
        same_inputs = stored["inputs"] == run["inputs"]
    except (ValueError, KeyError, TypeError) as err:
        raise ValueError(f"{path}: is broken ({err}); start anew with --overwrite") from None
    differ = [f"{name} ({old.get(name)!r} then, {new[name]!r} now)" for name in new if old.get(name) != new[name]]
    return differ if same_inputs else [*differ, "what is in the input files, the segmenter or the tokenizer"]


def digest_inputs(paths: Sequence[Union[str, Path]], settings: PretrainSettings) -> str:
    """Sum up the files that the texts, their pieces and their words come from. RETURNS (str): A digest."""
    files = [Path(path) for path in paths]
    if settings.segmenter:
        files.extend(sorted(path for path in Path(settings.segmenter).iterdir() if path.is_file()))
    tokenizer = Path(find_backbone(settings.init)) / "tokenizer.json"
    if settings.init and tokenizer.is_file():
        files.append(tokenizer)
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file, never half of it."""
    write_whole(path, json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it's never seen half-written."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf8")
    os.replace(part, path)
