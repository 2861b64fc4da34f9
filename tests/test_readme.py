"""What README prints is what a run prints."""
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from weasel.util.config import load_project_config

ROOT = Path(__file__).parents[1]
_FIRST = re.compile(r"```python\n(?P<code>.*?)```\n```\n(?P<printed>.*?)```", re.DOTALL)


def build(folder, *names):
    """Run commands of project.yml in a folder with copies of the project's files."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "corpus", folder / "corpus", ignore=shutil.ignore_patterns("compiled", "converted"))
    commands = {command["name"]: command for command in load_project_config(ROOT)["commands"]}
    for name in names:
        for line in commands[name]["script"]:
            words = shlex.split(line)
            assert words[0] == "python"
            subprocess.run([sys.executable, *words[1:]], cwd=folder, check=True)


@pytest.mark.slow
def test_the_example_prints_what_readme_says(tmp_path, capsys, monkeypatch):
    # Training differs a little from processor to processor: tags, facets and offsets are the same, scores nearly so.
    build(tmp_path, "corpus", "segmenter", "train")
    trained = spacy.load(tmp_path / "training" / "whole" / "model-best")
    code, printed = _FIRST.search((ROOT / "README.md").read_text(encoding="utf8")).group("code", "printed")
    monkeypatch.setattr(spacy, "load", {"zh_product_tags": trained}.__getitem__)
    capsys.readouterr()
    exec(code, {})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    wanted = [line.split() for line in printed.splitlines()]
    # Scores stand behind tag and facet; the first line is the category.
    assert [line[:2] + line[3:] for line in lines] == [line[:2] + line[3:] for line in wanted]
    assert [float(line[2]) for line in lines[1:]] == pytest.approx([float(line[2]) for line in wanted[1:]], abs=0.2)
