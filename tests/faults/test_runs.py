"""Runs that are killed, run out of disk, or meet another: nothing is lost, doubled or stale."""
import json
import random
import signal
import subprocess
import sys
import time

import pytest
import spacy

from spacy_product_tags.listing import Listing, read_listings, write_listings
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.log import log_of, open_index, read_log
from spacy_product_tags.values.table import Value

MAIN = [sys.executable, "-c", "from spacy_product_tags.cli import main; main()"]
# No file may grow beyond so many bytes, as on a full disk.
LIMITED = (
    "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2); from spacy_product_tags.cli import main; main()"
)
KILLS = 20


def start(*args, code=MAIN):
    return subprocess.Popen([*code, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A pipeline that takes its time."""
    nlp = spacy.blank("zh")
    nlp.add_pipe("product_tag_normalizer")
    folder = tmp_path_factory.mktemp("model") / "nlp"
    nlp.to_disk(folder)
    return folder


@pytest.fixture()
def listings(tmp_path):
    made = [Listing(f"红色手机壳 {number}", id=str(number), seller_tags=(f"{number}ml", "红")) for number in range(3000)]
    write_listings(tmp_path / "in.jsonl", made)
    return tmp_path / "in.jsonl"


@pytest.fixture()
def index(tmp_path):
    values = [Value(f"color/{number}", "color", {"en": f"shade {number}"}) for number in range(2000)]
    AliasIndex.build(values).to_disk(tmp_path / "index")
    return tmp_path / "index"


def ids(path):
    return [listing.id for listing in read_listings(path)]


def is_whole(index):
    """RETURNS (bool): Whether no lock, no half of a thing is left that would hold the next up."""
    return sorted(path.name.partition("-")[0] for path in index.iterdir()) == ["arrays", "meta.json"]


@pytest.mark.slow
def test_tag_is_killed_again_and_again(model, listings, tmp_path):
    output, rng = tmp_path / "out.jsonl", random.Random(0)
    command = ("tag", model, "-i", listings, "-o", output, "-b", 16)
    most = 0
    for _ in range(KILLS):
        process = start(*command)
        # Far enough for the run to write, at a moment that nobody chose.
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None and _lines(output) <= most:
            time.sleep(0.005)
        time.sleep(rng.random() * 0.05)
        process.kill()
        finish(process)
        assert _lines(output) >= most, "what was written stays"
        most = _lines(output)
    code, out, err = finish(start(*command))
    assert code == 0 and out.startswith(f"{output}: complete, 3000 lines"), err
    assert ids(output) == [str(number) for number in range(3000)]


def _lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_two_tag_one_output(model, listings, tmp_path):
    output = tmp_path / "out.jsonl"
    command = ("tag", model, "-i", listings, "-o", output)
    ended = [finish(process) for process in [start(*command) for _ in range(2)]]
    codes = sorted(code for code, _, _ in ended)
    # Where the one had ended before the other began, there was nothing left to do.
    assert codes in ([0, 1], [0, 0])
    assert all(code == 0 or "is writing it" in err for code, _, err in ended)
    assert ids(output) == [str(number) for number in range(3000)]


@pytest.mark.slow
def test_tag_on_a_full_disk(model, listings, tmp_path):
    output = tmp_path / "out.jsonl"
    command = ("tag", model, "-i", listings, "-o", output, "-b", 16)
    code, _, err = finish(start(100_000, *command, code=[sys.executable, "-c", LIMITED]))
    assert code == 1 and "File too large" in err and "Traceback" not in err
    assert 0 < _lines(output) < 3000
    code, out, err = finish(start(*command))
    assert code == 0, err
    assert ids(output) == [str(number) for number in range(3000)]


@pytest.mark.slow
def test_changes_and_foldings_are_killed(index):
    """A change that was acknowledged is there; the table opens at any time."""
    rng, told = random.Random(1), []
    for number in range(KILLS):
        name = f"name {number}"
        change = ("aliases", "change", index, "alias", "--id", "color/7", "--alias", name)
        process = start(*(change if number % 2 else ("aliases", "compact", index)))
        time.sleep(rng.random() * 3)
        process.send_signal(signal.SIGKILL)
        _, out, _ = finish(process)
        if "version" in out and number % 2:
            told.append(name)
        opened = open_index(index, on_error=[].append)
        assert len(opened) == 2000 and set(told) <= set(opened["color/7"].aliases)
    code, out, err = finish(start("aliases", "compact", index))
    assert code == 0 and "2000 values" in out, err
    assert is_whole(index) and set(told) <= set(AliasIndex.from_disk(index)["color/7"].aliases)


@pytest.mark.slow
def test_many_change_and_fold_one_table(index):
    processes = []
    for number in range(6):
        processes.append(start("aliases", "change", index, "alias", "--id", "color/7", "--alias", f"name {number}"))
        if number % 3 == 0:
            processes.append(start("aliases", "compact", index))
    for code, _, err in map(finish, processes):
        assert code == 0, err
    assert set(open_index(index)["color/7"].aliases) == {f"name {number}" for number in range(6)}
    assert [change.version for change in read_log(log_of(index))] == [1, 2, 3, 4, 5, 6]
    assert is_whole(index)


@pytest.mark.slow
def test_a_table_on_a_full_disk(index):
    before = json.loads((index / "meta.json").read_text(encoding="utf8"))
    assert finish(start("aliases", "change", index, "alias", "--id", "color/7", "--alias", "new"))[0] == 0
    code, _, err = finish(start(2000, "aliases", "compact", index, code=[sys.executable, "-c", LIMITED]))
    assert code == 1 and "Traceback" not in err, err
    assert json.loads((index / "meta.json").read_text(encoding="utf8")) == before
    assert open_index(index)["color/7"].aliases == ("new",)
    code, _, err = finish(start("aliases", "compact", index))
    assert code == 0 and is_whole(index), err
    assert AliasIndex.from_disk(index)["color/7"].aliases == ("new",)
