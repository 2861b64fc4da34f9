"""The command line as a whole: how it hooks in, what it imports, how it says no."""
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy

from spacy_product_tags import ListingError, __version__
from spacy_product_tags.cli import app, main

COMMANDS = ("tag", "convert", "compile", "check", "evaluate", "render")


def test_spacy_has_the_commands():
    done = subprocess.run(
        [sys.executable, "-m", "spacy", "product-tags", "--help"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "python -m spacy product-tags" in done.stdout
    for command in COMMANDS:
        assert f" {command} " in done.stdout


def test_entry_points():
    script = [point for point in entry_points(group="console_scripts") if point.name == "product-tags"]
    assert script[0].load() is main
    hook = [point for point in entry_points(group="spacy_cli") if point.name == "product-tags"]
    assert hook[0].load() is app


def test_import_is_light():
    # spaCy itself imports torch where it's installed; without it, spaCy's other commands must still start.
    code = (
        "import sys; sys.modules['torch'] = None; import spacy_product_tags.cli.spacy_hook; "
        "print([name for name in sys.modules if name.startswith(('transformers', 'spacy_transformers', 'jieba', "
        "'spacy_product_tags.encoders', 'spacy_product_tags.heads', 'spacy_product_tags.pipeline'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_help_comes_without_spacy():
    """It takes seconds to import: torch comes with it."""
    code = (
        "import sys; sys.modules['spacy'] = sys.modules['torch'] = None; import spacy_product_tags; "
        "from spacy_product_tags import Listing, Tag, tag_listings; from spacy_product_tags.cli import main; "
        "sys.argv[1:] = ['tag', '-h']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Usage: product-tags tag" in done.stdout


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help(run, command, option):
    result = run(command, option)
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_version(run):
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout == f"product-tags {__version__} (spaCy {spacy.__version__})\n"


@pytest.mark.parametrize("command", [("tag", "{}", "x"), ("render", "{}", "x"), ("evaluate", "{}", "{data}")])
def test_missing_model(run, tmp_path, command):
    (tmp_path / "data.jsonl").write_text('{"title": "x"}\n', encoding="utf8")
    model = tmp_path / "nowhere"
    args = [arg.format(model, data=tmp_path / "data.jsonl") for arg in command]
    result = run(*args)
    assert result.exit_code == 1
    assert str(model) in result.stderr and "no such folder" in result.stderr
    assert "Traceback" not in result.stderr


def test_folder_without_pipeline(run, tmp_path):
    result = run("tag", tmp_path, "x")
    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr and "can't be loaded" in result.stderr


def test_damaged_pipeline(run, pipeline, tmp_path):
    copy = tmp_path / "model"
    copy.mkdir()
    for file in pipeline.rglob("*"):
        target = copy / file.relative_to(pipeline)
        target.mkdir() if file.is_dir() else target.write_bytes(file.read_bytes())
    (copy / "product_tag_generator" / "model").write_bytes(b"nonsense")
    result = run("tag", copy, "x")
    assert result.exit_code == 1
    assert str(Path("product_tag_generator") / "model") in result.stderr


def test_missing_gpu(run, pipeline):
    result = run("tag", pipeline, "x", "--gpu-id", 99)
    assert result.exit_code == 1
    assert "--gpu-id 99" in result.stderr and "leave the option out for the CPU" in result.stderr


def test_a_gpu_needs_cupy_and_that_is_said(run, pipeline, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", {}.get)
    result = run("tag", pipeline, "x", "--gpu-id", 0)
    assert result.exit_code == 1 and "pip install 'cupy-cuda12x>=13.2'" in result.stderr


def test_an_error_of_a_whole_file_names_no_line():
    assert str(ListingError("nofile.jsonl", 0, "path", "no such file")) == "nofile.jsonl: path: no such file"
    error = ListingError("a", 1, "x" * 1000, f"is {'y' * 1000}, not what is needed; do this")
    assert len(str(error)) < 500 and str(error).endswith("y, not what is needed; do this") and "…" in str(error)
