"""Train a masked language model on product text, or a small encoder after a large one: `pretrain`."""
import hashlib
import importlib.util
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Sequence, Union

from ..encoders.shipped import find_backbone
from ..errors import ListingError
from ..io import raise_error, write_json
from .settings import PretrainSettings

if TYPE_CHECKING:
    from .pairs import Pairs
    from .texts import Texts

SETTINGS = "pretrain.json"


def pretrain(
    paths: Sequence[Union[str, Path]],
    output: Union[str, Path],
    settings: PretrainSettings = PretrainSettings(),  # noqa: B008
    *,
    names: Sequence[Union[str, Path]] = (),
    save_every: int = 500,
    log_every: int = 10,
    half: bool = False,
    overwrite: bool = False,
    use_gpu: bool = False,
    progress: bool = False,
    command: str = "",
    on_error: Callable[[ListingError], None] = raise_error,
) -> Path:
    """Train a masked language model on texts, a teacher's smaller copy, or an encoder of names; save a plain
    `transformers` folder.

    A run that was killed goes on from its newest whole checkpoint when it is started again, to the same weights.

    paths (Sequence[Union[str, Path]]): Files of texts; see `read_texts`.
    output (Union[str, Path]): Folder for the model, and for the run's checkpoints, cache and log.
    settings (PretrainSettings): What decides the weights.
    names (Sequence[Union[str, Path]]): For pairs, files of categories and values with their names.
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
    from .backbone import load_tokenizer
    from .pairs import read_pairs
    from .report import write_report
    from .setup import make_trainer, prepare_texts, save_model
    from .trainer import find_checkpoint

    if settings.pairs and not names:
        raise ValueError("pairs: need files of categories and values with their names")
    for name, value in (("save_every", save_every), ("log_every", log_every)):
        if value < 1:
            raise ValueError(f"{name}: must be 1 or more, not {value}")
    # Told at once, not when all texts are encoded.
    if importlib.util.find_spec("accelerate") is None:
        raise ValueError(
            "pretraining needs the package accelerate, for transformers' trainer: pip install accelerate, or, in a "
            "checkout of spacy_product_tags, all that it needs: pip install -e '.[pretrain]'"
        )
    output = Path(output)
    inputs = digest_inputs([*paths, *names], settings)
    start_run(output, {"settings": asdict(settings), "inputs": inputs}, overwrite=overwrite)
    data: Union["Texts", "Pairs"]
    if settings.pairs:
        tokenizer, data = load_tokenizer(settings.init), read_pairs(paths, names, on_error=on_error)
    else:
        tokenizer, data = prepare_texts(paths, output / "cache", settings, on_error)
    trainer = make_trainer(
        data,
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
    write_report(output, settings, data.info, trainer, command=command)
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
    inputs = "what is in the input files, the segmenter, the tokenizer or the teacher"
    return differ if same_inputs else [*differ, inputs]


def digest_inputs(paths: Sequence[Union[str, Path]], settings: PretrainSettings) -> str:
    """Sum up the files that the texts, their pieces and their words come from. RETURNS (str): A digest."""
    files = [Path(path) for path in paths]
    if settings.segmenter:
        files.extend(sorted(path for path in Path(settings.segmenter).iterdir() if path.is_file()))
    tokenizer = Path(find_backbone(settings.init)) / "tokenizer.json"
    if settings.init and tokenizer.is_file():
        files.append(tokenizer)
    teacher = Path(find_backbone(settings.teacher)) / "model.safetensors"
    if settings.teacher and teacher.is_file():
        files.append(teacher)
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]
