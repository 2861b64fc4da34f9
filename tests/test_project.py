"""project.yml: it loads, and what its commands need is there or made by another command."""
import shutil
from pathlib import Path

import yaml
from weasel.cli.document import project_document
from weasel.util.config import load_project_config

ROOT = Path(__file__).parents[1]


def test_commands_and_workflows_fit_together():
    project = load_project_config(ROOT)
    commands = {command["name"]: command for command in project["commands"]}
    for steps in project["workflows"].values():
        assert set(steps) <= set(commands)
    made = {output for c in commands.values() for output in (*c.get("outputs", ()), *c.get("outputs_no_cache", ()))}
    made |= {asset["dest"] for asset in project["assets"]}
    for command in commands.values():
        assert command["help"]
        for dep in command.get("deps", ()):
            assert dep in made or (ROOT / dep).exists(), f"{command['name']} needs {dep}, which nothing makes"


def test_a_change_of_any_listing_runs_the_corpus_command_again(tmp_path):
    # weasel runs a command again only if what it depends on has changed.
    from weasel.util.hashing import get_checksum

    commands = {command["name"]: command for command in load_project_config(ROOT)["commands"]}
    assert "corpus/listings" in commands["corpus"]["deps"]
    shutil.copytree(ROOT / "corpus" / "listings", tmp_path / "listings")
    before = get_checksum(tmp_path / "listings")
    with (tmp_path / "listings" / "zh" / "food.txt").open("a", encoding="utf8") as file:
        file.write("# changed\n")
    assert get_checksum(tmp_path / "listings") != before


def test_checksums_of_the_real_data(datasets):
    from weasel.util.hashing import get_checksum

    for asset in load_project_config(ROOT)["assets"]:
        assert get_checksum(ROOT / asset["url"]) == asset["checksum"], asset["dest"]


def test_docs_have_the_generated_part(tmp_path):
    output = tmp_path / "project.md"
    project_document(ROOT, output)
    # The page stands one folder below the project.
    generated = output.read_text(encoding="utf8").strip().replace("](project.yml)", "](../project.yml)")
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf8")
    assert generated in page, "run: weasel document --output docs/commands.md, and link to ../project.yml there"
    assert yaml.safe_load((ROOT / "project.yml").read_text(encoding="utf8"))["vars"]["gpu_id"] == -1
