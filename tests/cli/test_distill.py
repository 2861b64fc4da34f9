from pathlib import Path

import pytest
import spacy

from spacy_product_tags.listing import write_listings

CONFIG = Path(__file__).parents[2] / "configs" / "en.cfg"
TINY = [
    "--components.product_tag_generator.model.hidden_width=16", "--training.max_steps", 2, "--training.eval_frequency", 2,
]  # fmt: skip


@pytest.fixture()
def files(gold, tmp_path):
    """Paths by name: gold listings, titles with a bad line, and the output."""
    write_listings(tmp_path / "gold.jsonl", gold)
    lines = [*((tmp_path / "gold.jsonl").read_text(encoding="utf8").splitlines()), "{broken", ""]
    (tmp_path / "titles.jsonl").write_text("\n".join(lines), encoding="utf8")
    return {"gold": tmp_path / "gold.jsonl", "titles": tmp_path / "titles.jsonl", "out": tmp_path / "out"}


def test_a_student_is_trained_and_a_bad_line_reported_once(run, pipeline, files, tiny_bert):
    result = run(
        "distill", CONFIG, pipeline, pipeline, "--texts", files["titles"], "--output", files["out"], "--temperature", 2,
        "--weight-hidden", 0.5, "--gold-share", 0.25, *TINY, "--paths.train", files["gold"], "--paths.dev", files["gold"],
        "--paths.backbone", tiny_bert,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == str(files["out"] / "model-best")
    assert "TAGS_F" in result.stdout
    assert result.stderr.count("titles.jsonl:4: line: not valid JSON") == 1
    assert "1 bad line(s) left out" in result.stderr
    student = spacy.load(files["out"] / "model-best")
    assert student.config["components"]["product_tag_generator"]["model"]["hidden_width"] == 16
    teacher = spacy.load(pipeline)
    assert student.get_pipe("product_tag_generator").labels == teacher.get_pipe("product_tag_generator").labels


def test_settings_reach_the_function(run, pipeline, files, monkeypatch):
    called = []
    monkeypatch.setattr("spacy_product_tags.training.distill.distill", lambda *args, **kwargs: called.append((args, kwargs)))
    result = run("distill", CONFIG, pipeline, "-t", files["titles"], "-t", files["gold"], "-o", files["out"], "--paths.dev", "x")
    assert result.exit_code == 0, result.output
    ((config, teachers, texts, output), settings), = called
    assert config["paths"]["dev"] == "x" and config["corpora"]["dev"]["path"] == "${paths.dev}"
    assert len(teachers) == 1 and texts == [files["titles"], files["gold"]] and output == files["out"]
    for name in ("on_error", "stdout", "stderr"):
        del settings[name]
    assert settings == {
        "component": "product_tag_generator", "temperature": 1.0, "hidden_weight": 0.0, "gold_share": 0.5, "use_gpu": -1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (("nowhere.cfg", "{teacher}", "--texts", "{titles}"), "nowhere.cfg: no such file"),
        (("{config}", "{teacher}", "--texts", "nowhere.txt"), "nowhere.txt: no such file"),
        (("{config}", "nowhere", "--texts", "{titles}"), "no pipeline 'nowhere'"),
        (("{config}", "--paths.dev", "{titles}", "--texts", "{titles}"), "no teacher"),
        (("{config}", "{teacher}", "--texts", "{titles}", "--temperature", "0"), "temperature: must be above 0"),
        (("{config}", "{teacher}", "--texts", "{titles}", "--component", "other"), "no product_tag_generator named 'other'"),
        (("{config}", "{teacher}", "--texts", "{titles}", "--gpu-id", "7"), "--gpu-id 7"),
        (("{config}", "{teacher}", "--texts", "{titles}", "--temprature", "2"), "--temprature: neither an option"),
    ],
)
def test_what_a_user_can_mend_is_said_in_a_line(arguments, problem, run, pipeline, files):
    names = {"config": CONFIG, "teacher": pipeline, "titles": files["titles"]}
    result = run("distill", *(argument.format(**names) for argument in arguments), "--output", files["out"])
    assert result.exit_code == 1
    assert problem in result.stderr and result.stderr.startswith("Error: ")
    assert not files["out"].exists()
