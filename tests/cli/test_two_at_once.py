"""Commands that write one output: the second is told who writes it, and changes nothing."""
import pytest
from holding import held_by_another

COMMANDS = {
    "tag": ("tag", "model", "text", "--output", "{}"),
    "convert": ("convert", "in.csv", "{}"),
    "compile": ("compile", "folder", "{}"),
    "generate": ("generate", "in.jsonl", "--output", "{}"),
    "render": ("render", "model", "text", "--output", "{}"),
    "segmenter": ("segmenter", "in.jsonl", "--output", "{}"),
    "docbin": ("docbin", "in.jsonl", "{}"),
    "package": ("package", "model", "{}"),
    "backbone": ("backbone", "{}", "--package", "nothing"),
    "pretrain": ("pretrain", "in.jsonl", "--output", "{}"),
    "distill": ("distill", "config", "teacher", "--texts", "in.jsonl", "--output", "{}"),
    "names": ("names", "in.jsonl", "--output", "{}"),
    "calibrate": ("calibrate", "model", "in.jsonl", "--output", "{}"),
    "rules fit": ("rules", "fit", "in.jsonl", "--output", "{}"),
    "aliases build": ("aliases", "build", "in.jsonl", "--output", "{}"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_second_is_refused(name, run, tmp_path):
    output = tmp_path / "out.jsonl"
    with held_by_another(output):
        result = run(*(part.format(output) for part in COMMANDS[name]))
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {output}: process ") and "wait until" in result.stderr
    assert list(tmp_path.iterdir()) == []
    # Alone it gets further.
    assert "is writing it" not in run(*(part.format(output) for part in COMMANDS[name])).stderr
