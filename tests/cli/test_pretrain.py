import json

import pytest
from typer.testing import CliRunner

from spacy_product_tags.cli import app
from spacy_product_tags.pretraining.settings import PretrainSettings

TINY = "--layers 1 --width 16 --heads 2 --vocab-size 1 --length 32 --batch-size 4 --steps 3 --no-bf16".split()


@pytest.fixture
def titles(tmp_path):
    path = tmp_path / "titles.jsonl"
    lines = [json.dumps({"title": f"苹果手机壳 {number}"}) for number in range(20)]
    path.write_text("\n".join([*lines, "{broken", ""]), encoding="utf8")
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, ["pretrain", *map(str, arguments)])


def test_a_backbone_is_trained_and_a_bad_line_reported_once(titles, tmp_path):
    result = invoke(titles, "--output", tmp_path / "out", *TINY, "--half")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "out")
    assert result.stderr.count("titles.jsonl:21: line: not valid JSON") == 1
    assert "1 bad line(s) left out" in result.stderr
    assert (tmp_path / "out" / "model.safetensors").is_file()
    stored = json.loads((tmp_path / "out" / "pretrain.json").read_text())["settings"]
    assert (stored["steps"], stored["bf16"], stored["width"]) == (3, False, 16)
    again = invoke(titles, "--output", tmp_path / "out", *TINY, "--seed", 5)
    assert again.exit_code == 1
    assert "seed (0 then, 5 now)" in again.stderr and "--overwrite" in again.stderr
    assert invoke(titles, "--output", tmp_path / "out", *TINY, "--seed", 5, "--overwrite").exit_code == 0


def test_defaults_are_those_of_the_settings(titles, tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr("spacy_product_tags.pretraining.pretrain.pretrain", lambda *args, **_: called.append(args[2]))
    assert invoke(titles, "-o", tmp_path / "out").exit_code == 0
    assert called == [PretrainSettings()]


def test_bench_shows_three_rates(titles):
    good = titles.with_name("good.txt")
    good.write_text("\n".join(f"苹果手机壳 {number}" for number in range(200)), encoding="utf8")
    result = invoke(good, "--bench", *TINY)
    assert result.exit_code == 0, result.output
    assert "plain loop" in result.stdout and "tokens/s" in result.stdout


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (("nowhere.txt", "-o", "out"), "nowhere.txt: no such file"),
        (("{titles}",), "--output FOLDER"),
        (("{titles}", "-o", "out", "--steps", "0"), "steps: must be 1 or more, not 0"),
        (("{titles}", "-o", "out", "--save-every", "0"), "save_every: must be 1 or more"),
        (("{titles}", "-o", "out", "--segmenter", "nowhere"), "nowhere"),
        (("{titles}", "-o", "out", "--gpu-id", "7"), "--gpu-id 7"),
    ],
)
def test_what_a_user_can_mend_is_said_in_a_line(arguments, problem, titles, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    result = invoke(*(argument.format(titles=titles) for argument in arguments))
    assert result.exit_code == 1
    assert problem in result.stderr and result.stderr.startswith("Error: ")
