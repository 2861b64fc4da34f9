"""Package a trained pipeline as a wheel that carries nothing of the machine it was trained on."""
import shutil
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Dict, Union

from spacy.util import load_config


def package_pipeline(
    model: Union[str, Path], output: Union[str, Path], *, name: str = "product_tags", version: str = "0.1.0"
) -> Path:
    """Build the wheel of a trained pipeline.

    model (Union[str, Path]): Folder of the pipeline, such as ``training/zh/model-best``.
    output (Union[str, Path]): Folder for the package; made where it is missing.
    name (str): Name behind the language: "product_tags" gives zh_product_tags.
    version (str): Version of the package.
    RETURNS (Path): The wheel.
    RAISES (ValueError): Where the folder holds no pipeline or the wheel can't be built.
    """
    from spacy.cli.package import package

    model, output = Path(model), Path(output)
    if not (model / "config.cfg").exists():
        raise ValueError(f"{model}: no pipeline there (no config.cfg); train one first: weasel run train")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "model"
        shutil.copytree(model, clean)
        config = load_config(clean / "config.cfg", interpolate=False)
        _forget_paths(config)
        config.to_disk(clean / "config.cfg")
        try:
            package(clean, output, name=name, version=version, create_sdist=False, create_wheel=True, force=True)
        except SystemExit as err:
            raise ValueError(f"{model}: spacy package gave up, see above (exit code {err.code})") from err
    wheels = sorted(output.glob(f"*_{name}-{version}/dist/*.whl"))
    if not wheels:
        raise ValueError(f"{output}: no wheel was built; is the package 'build' installed? (pip install build)")
    return wheels[-1]


def _forget_paths(config: Dict[str, Any]) -> None:
    """Take out of a config where files lay in training: a package brings its own."""
    for key in config.get("paths", {}):
        # The transformer's name must be a string; its weights and tokenizer come from the package.
        config["paths"][key] = "packaged" if key == "backbone" else None
    for key in ("vocab_data", "vectors", "init_tok2vec", "lookups"):
        if key in config.get("initialize", {}):
            config["initialize"][key] = None
    # Some write them where they are used.
    for section in ("initialize", "corpora"):
        _forget_places(config.get(section, {}))


def _forget_places(section: Dict[str, Any]) -> None:
    for key, value in section.items():
        if isinstance(value, dict):
            _forget_places(value)
        elif isinstance(value, str) and any(kind(value).is_absolute() for kind in (PurePosixPath, PureWindowsPath)):
            section[key] = None
