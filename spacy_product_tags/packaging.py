"""Package a trained pipeline as a wheel that carries nothing of the machine it was trained on."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Dict, Iterable, List, Tuple, Union

# What stands where a path stood that must be a string.
PACKAGED = "packaged"
# Lines of what `spacy package` said that a message shows.
_LAST = 15


def package_pipeline(
    model: Union[str, Path],
    output: Union[str, Path],
    *,
    name: str = "product_tags",
    version: str = "0.1.0",
    half: bool = False,
) -> Path:
    """Build the wheel of a trained pipeline.

    model (Union[str, Path]): Folder of the pipeline, such as ``training/whole/model-best``.
    output (Union[str, Path]): Folder for the package; made where it is missing.
    name (str): Name behind the language: "product_tags" gives zh_product_tags.
    version (str): Version of the package.
    half (bool): Round the weights to half precision, which makes the wheel about half as large.
    RETURNS (Path): The wheel.
    RAISES (ValueError): Where the folder holds no pipeline or the wheel can't be built; with what was said last.
    """
    import spacy
    from spacy.util import load_config

    from .encoders.halves import round_weights
    from .saving import note_config

    model, output = Path(model), Path(output)
    if not (model / "config.cfg").exists():
        raise ValueError(f"{model}: no pipeline there (no config.cfg); train one first: weasel run train")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "model"
        if half:
            round_weights(spacy.load(model)).to_disk(clean)
        else:
            shutil.copytree(model, clean)
        config = load_config(clean / "config.cfg", interpolate=False)
        forget_paths(config)
        config.to_disk(clean / "config.cfg")
        note_config(clean)
        # In a process of its own, as it and what it starts print a hundred lines.
        options = ["--name", name, "--version", version, "--build", "wheel", "--force"]
        command = [sys.executable, "-m", "spacy", "package", str(clean), str(output), *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-_LAST:])
        raise ValueError(f"{model}: spacy package gave up (exit code {done.returncode}):\n{said}")
    wheels = sorted(output.glob(f"*_{name}-{version}/dist/*.whl"))
    if not wheels:
        raise ValueError(f"{output}: no wheel was built; is the package 'build' installed? (pip install build)")
    return wheels[-1]


def forget_paths(config: Dict[str, Any]) -> None:
    """Take out of a config where files lay in training: a package brings its own.

    config (Dict[str, Any]): The config, not interpolated; it's changed. In components, whose settings may have to be
        strings, such as the name of a transformer, "packaged" stands where an absolute path stood; elsewhere nothing.
    """
    for key in config.get("paths", {}):
        # The transformer's name must be a string; its weights and tokenizer come from the package.
        config["paths"][key] = PACKAGED if key == "backbone" else None
    for key in ("vocab_data", "vectors", "init_tok2vec", "lookups"):
        if key in config.get("initialize", {}):
            config["initialize"][key] = None
    # Some write them where they are used.
    for name, section in config.items():
        if name != "paths":
            _forget_places(section, PACKAGED if name in ("components", "nlp") else None)


def _forget_places(section: Union[Dict[str, Any], List[Any]], instead: Union[str, None]) -> None:
    entries: Iterable[Tuple[Any, Any]] = section.items() if isinstance(section, dict) else enumerate(section)
    for key, value in list(entries):
        if isinstance(value, (dict, list)):
            _forget_places(value, instead)
        elif isinstance(value, str) and any(_is_place(kind(value)) for kind in (PurePosixPath, PureWindowsPath)):
            section[key] = instead


def _is_place(path: PurePath) -> bool:
    # A "/" alone is more likely a separator.
    return path.is_absolute() and len(path.parts) > 1
