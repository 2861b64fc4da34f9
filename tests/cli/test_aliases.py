"""`product-tags aliases`: build, find, change, compact, fit."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_product_tags.locks import exclusive
from spacy_product_tags.values.log import compact, log_change, log_of, open_index, read_log


@pytest.fixture()
def values(tmp_path):
    path = tmp_path / "values.jsonl"
    rows = [
        {"id": "navy", "facet": "color", "labels": {"en": "Navy", "zh": "藏青"}},
        {"id": "red", "facet": "color", "labels": {"en": "Red"}},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


@pytest.fixture()
def index(run, values, tmp_path):
    result = run("aliases", "build", values, "--output", tmp_path / "index")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'index'}: 2 values\n"
    return tmp_path / "index"


def test_find(run, index):
    result = run("aliases", "find", index, "藏青", "scarlet", "--facet", "color")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("藏青: ") and float(lines[0].partition(": ")[2]) > 0.9
    assert lines[1] == "  1.00 exact navy (color) 藏青"
    # Nothing is written so; what is near by its vector is shown, and is no link.
    assert lines[2].startswith("scarlet: ") and float(lines[2].partition(": ")[2]) < 0.5
    assert [line.split()[1] for line in lines[3:]] == ["dense", "dense"]


def test_changes_hold_at_once_are_logged_and_folded_in(run, index):
    day = ("--date", "2026-11-23", "--by", "kim", "--why", "sellers write it so")
    assert run("aliases", "change", index, "alias", "--id", "navy", "--alias", "藏蓝", *day).exit_code == 0
    assert run("aliases", "change", index, "add", "--facet", "color", "--alias", "墨绿", *day).exit_code == 0
    assert run("aliases", "change", index, "merge", "--id", "red", "--into", "navy", *day).exit_code == 0
    found = run("aliases", "find", index, "藏蓝", "墨绿", "red").stdout
    assert "navy (color) 藏蓝" in found and "color/墨绿 (color) 墨绿" in found and "navy (color) Red" in found
    log = index.with_name("index.changes.jsonl")
    rows = [json.loads(line) for line in log.read_text(encoding="utf8").splitlines()]
    assert [(row["version"], row["change"], row["by"]) for row in rows] == [(1, "alias", "kim"), (2, "add", "kim"), (3, "merge", "kim")]
    result = run("aliases", "compact", index)
    assert result.stdout == f"{index}: version 3, 2 values\n"
    assert "navy (color) 藏蓝" in run("aliases", "find", index, "藏蓝").stdout


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (("alias", "--id", "gone", "--alias", "x"), "id: "),
        (("paint", "--id", "navy"), "change: must be one of"),
        (("alias", "--id", "navy", "--alias", "x", "--date", "today"), "date: must be a day"),
    ],
)
def test_what_can_t_be_done_is_not_logged(run, index, arguments, problem):
    result = run("aliases", "change", index, *arguments)
    assert result.exit_code == 1 and problem in result.stderr
    assert not index.with_name("index.changes.jsonl").exists()


def test_a_table_that_is_built_anew_outlives_its_log(run, index, values):
    assert run("aliases", "change", index, "alias", "--id", "red", "--alias", "rouge", "--date", "2026-11-23").exit_code == 0
    values.write_text('{"id": "navy", "facet": "color", "labels": {"en": "Navy"}}\n', encoding="utf8")
    result = run("aliases", "build", values, "--output", index)
    assert result.exit_code == 1 and "'red' is no value of the index" in result.stderr
    result = run("aliases", "find", index, "navy")
    assert result.exit_code == 0 and "exact navy" in result.stdout
    result = run("aliases", "find", index, "navy", "--facet", "colour")
    assert result.exit_code == 1 and "the facets are color" in result.stderr


def test_bad_rows_are_shown_and_left_out(run, values, tmp_path):
    with values.open("a", encoding="utf8") as file:
        file.write('{"facet": ""}\n')
    result = run("aliases", "build", values, "--output", tmp_path / "index")
    assert result.exit_code == 1
    assert "values.jsonl:3: facet" in result.stderr and "1 bad rows left out" in result.stderr
    assert "2 values" in result.stdout


def test_missing_files_and_folders_are_named(run, tmp_path):
    result = run("aliases", "build", tmp_path / "gone.jsonl", "--output", tmp_path / "x")
    assert result.exit_code == 1 and "gone.jsonl: no such file" in result.stderr
    result = run("aliases", "find", tmp_path, "x")
    assert result.exit_code == 1 and "holds no meta.json" in result.stderr


def test_fit_shows_weights_and_how_good_they_are(run, tmp_path):
    path = tmp_path / "many.csv"
    words = [f"{a} {b}" for a in ("crimson", "emerald", "lavender", "mustard", "turquoise", "burgundy") for b in ("cotton", "leather", "polyester", "cashmere", "corduroy", "chiffon", "velvet", "bamboo", "linen")]
    path.write_text("facet,label\n" + "".join(f"stuff,{word}\n" for word in words), encoding="utf8")
    index = tmp_path / "index"
    assert run("aliases", "build", path, "--output", index).exit_code == 0
    result = run("aliases", "fit", index, "--count", 200, "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("[weights]\nbias = ") and "queries" in result.stderr
    log = index.with_name("index.changes.jsonl")
    assert not log.exists()
    # The same from the same seed; now it is a change like others.
    done = run("aliases", "fit", index, "--count", 200, "--date", "2026-11-23", "--by", "kim")
    assert done.stdout == f"{result.stdout}{log}: version 1\n"
    row = json.loads(log.read_text(encoding="utf8"))
    assert row["change"] == "weigh" and row["by"] == "kim" and f"bias = {row['weights']['bias']}\n" in result.stdout
    assert run("aliases", "compact", index).stdout == f"{index}: version 1, 54 values\n"
    assert json.loads((index / "meta.json").read_text(encoding="utf8"))["weights"] == row["weights"]


def test_bench_and_evaluate(run, index, tmp_path):
    result = run("aliases", "bench", index, "--count", 50, "--repeats", 2)
    assert result.exit_code == 0 and "2 values, 3 names" in result.stdout, result.output
    rates = [line for line in result.stdout.splitlines() if line.endswith("/s")]
    assert len(rates) == 4 and all(float(line.split()[-2].replace(",", "")) > 0 for line in rates)
    result = run("aliases", "evaluate", index)
    assert result.exit_code == 1 and "the index knows no categories" in result.stderr
    files = [tmp_path / name for name in ("v.jsonl", "c.jsonl", "a.jsonl")]
    name = {"en": "Rose"}
    rows = [
        [{"id": "c", "attribute": "color", "labels": name}, {"id": "f", "attribute": "fragrance", "labels": name}, {"id": "n", "attribute": "color", "labels": {"en": "Navy"}}, {"id": "m", "attribute": "fragrance", "labels": {"en": "Musk"}}],
        [{"id": "1", "parent": None, "attributes": ["color"], "labels": {"en": "Bags"}}, {"id": "2", "parent": None, "attributes": ["note"], "labels": {"en": "Oils"}}],
        [{"id": "note", "values_from": "fragrance"}],
    ]
    for file, lines in zip(files, rows):
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    assert run("aliases", "build", *files, "--output", tmp_path / "roses").exit_code == 0
    result = run("aliases", "find", tmp_path / "roses", "rose", "--category", "Oils")
    assert result.stdout.splitlines()[1] == "  1.00 exact f (scent) Rose"
    result = run("aliases", "evaluate", tmp_path / "roses", "--count", 20)
    assert result.exit_code == 0 and "category 1.000" in result.stdout, result.output
    result = run("aliases", "find", tmp_path / "roses", "rose", "--category", "Shoes")
    assert result.exit_code == 1 and "no such category" in result.stderr


def test_what_a_killed_first_build_left_holds_nobody_up(run, values, tmp_path):
    left = tmp_path / "index" / "arrays-1"
    left.mkdir(parents=True)
    (left / "key_blob.npy").write_bytes(b"half of it")
    result = run("aliases", "build", values, "--output", tmp_path / "index")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["arrays-2", "meta.json"]
    # What isn't ours stays.
    (tmp_path / "mine" / "arrays-1").mkdir(parents=True)
    (tmp_path / "mine" / "arrays-1" / "notes.txt").write_text("mine", encoding="utf8")
    result = run("aliases", "build", values, "--output", tmp_path / "mine")
    assert result.exit_code == 1 and "no alias index" in result.stderr
    assert (tmp_path / "mine" / "arrays-1" / "notes.txt").exists()


def test_changes_of_many_writers_are_all_there(index):
    """Each change is made on the index as the others leave it, whether it's folded in meanwhile or not."""

    def write(number):
        for turn in range(6):
            log_change(index, date="2026-11-28", change="alias", id="navy", alias=f"名{number}{turn}")
            if turn % 3 == number % 3:
                with exclusive(index, wait=60):
                    compact(open_index(index), index)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    names = {f"名{number}{turn}" for number in range(4) for turn in range(6)}
    assert names <= set(open_index(index)["navy"].aliases)
    with exclusive(index):
        assert names <= set(compact(open_index(index), index)["navy"].aliases)
    assert [change.version for change in read_log(log_of(index))] == list(range(1, 25))
    assert sorted(path.name.partition("-")[0] for path in index.iterdir()) == ["arrays", "meta.json"]
