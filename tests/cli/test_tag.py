"""`product-tags tag`."""
import gzip
import json
import os

import pytest

from spacy_product_tags import Listing
from spacy_product_tags.listing import read_listings, write_listings


def tags_of(line: str) -> list:
    return [(tag["text"], tag["facet"]) for tag in json.loads(line).get("tags", [])]


def expected(listing: Listing) -> list:
    return [(tag.text, tag.facet) for tag in listing.tags]


def test_texts(run, pipeline, gold):
    result = run("tag", pipeline, *(listing.title for listing in gold))
    assert result.exit_code == 0, result.stderr
    assert [tags_of(line) for line in result.stdout.splitlines()] == [expected(listing) for listing in gold]
    assert result.stderr == ""


def test_table(run, pipeline):
    result = run("tag", pipeline, "耐克2024新款男士纯棉短袖T恤", "[red]Nike[/red]", "--format", "table")
    assert result.exit_code == 0, result.stderr
    row = next(line for line in result.stdout.splitlines() if "耐克" in line and "│" in line)
    _, text, facet, score, _ = (cell.strip() for cell in row.split("│"))
    assert (text, facet) == ("耐克", "brand")
    assert 0.4 <= float(score) <= 1
    assert "[red]Nike[/red]" in result.stdout


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz"])
def test_listings(run, pipeline, gold, tmp_path, name):
    listings = [Listing(title=listing.title, id=str(n), seller_tags=("全棉",)) for n, listing in enumerate(gold)]
    write_listings(tmp_path / name, listings)
    output = tmp_path / "new" / "out.jsonl"
    result = run("tag", pipeline, "--input", tmp_path / name, "--output", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    tagged = list(read_listings(output))
    assert [(x.id, x.title, x.seller_tags) for x in tagged] == [(x.id, x.title, x.seller_tags) for x in listings]
    assert [expected(x) for x in tagged] == [[*expected(x), ("全棉", "")] for x in gold]


@pytest.mark.parametrize("option", [(), ("--input", "-")])
@pytest.mark.parametrize("start", ["", "\n \n", "\ufeff"])
def test_stdin(run, pipeline, gold, option, start):
    titles = [listing.title for listing in gold]
    plain = run("tag", pipeline, *option, input=(start + "\n".join(titles)).encode("utf8"))
    rows = [json.dumps({"title": title}) for title in titles]
    listings = run("tag", pipeline, *option, input=(start + "\n".join(rows)).encode("utf8"))
    assert plain.exit_code == listings.exit_code == 0, plain.stderr + listings.stderr
    assert plain.stdout == listings.stdout
    assert [tags_of(line) for line in plain.stdout.splitlines()] == [expected(listing) for listing in gold]


def test_text_file(run, pipeline, gold, tmp_path):
    (tmp_path / "in.txt").write_text(f"{gold[0].title}\n\n{{no JSON\n", encoding="utf8")
    result = run("tag", pipeline, "-i", tmp_path / "in.txt")
    assert result.exit_code == 0, result.stderr
    first, second = result.stdout.splitlines()
    assert tags_of(first) == expected(gold[0])
    assert json.loads(second)["title"] == "{no JSON"


def rounded(lines: bytes) -> list:
    """Parsed lines; the last digits of a score depend on what else is in the batch."""
    rows = [json.loads(line) for line in lines.splitlines()]
    for row in rows:
        for tag in row.get("tags", ()):
            tag["score"] = round(tag.get("score", 1.0), 4)
    return rows


def bad_file(tmp_path, gold):
    path = tmp_path / "bad.jsonl"
    rows = [json.dumps({"title": listing.title}, ensure_ascii=False).encode("utf8") for listing in gold]
    lines = [rows[0], b'{"title": 3}', b"", rows[1], b'{"title": "\xff"}', b"nonsense", rows[2]]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_bad_lines_cost_only_themselves(run, pipeline, gold, tmp_path):
    path, output = bad_file(tmp_path, gold), tmp_path / "out.jsonl"
    result = run("tag", pipeline, "-i", path, "-o", output, "--batch-size", 2)
    assert result.exit_code == 1
    for line, field in ((2, "title"), (5, "line"), (6, "line")):
        assert f"{path}:{line}: {field}: " in result.stderr
    rows = [json.loads(line) for line in output.read_text(encoding="utf8").splitlines()]
    assert [row.get("line") for row in rows] == [None, 2, None, 5, 6, None]
    assert all(str(path) in row["error"] for row in rows if "line" in row)
    assert [row["title"] for row in rows if "title" in row] == [listing.title for listing in gold]


def test_resume(run, pipeline, gold, tmp_path):
    path, output = bad_file(tmp_path, gold), tmp_path / "out.jsonl"
    run("tag", pipeline, "-i", path, "-o", output)
    whole = output.read_bytes()
    lines = whole.splitlines(keepends=True)
    for left in (b"", whole[:5], b"".join(lines[:2]), b"".join(lines[:3]) + lines[3][:-1], whole):
        output.write_bytes(left)
        result = run("tag", pipeline, "-i", path, "-o", output)
        assert rounded(output.read_bytes()) == rounded(whole)
        # Bad lines make the exit code 1, also when an earlier run met them.
        assert result.exit_code == 1


def test_resume_goes_on_and_does_not_begin_again(run, pipeline, gold, tmp_path):
    output = tmp_path / "out.jsonl"
    write_listings(tmp_path / "in.jsonl", [Listing(title=listing.title) for listing in gold])
    # Tags as no pipeline would write them show who wrote a line.
    mark = json.dumps({"title": gold[0].title, "tags": [{"text": "mark", "facet": "mine"}]}, ensure_ascii=False)
    output.write_text(mark + "\n", encoding="utf8")
    assert run("tag", pipeline, "-i", tmp_path / "in.jsonl", "-o", output).exit_code == 0
    assert [tags_of(line) for line in output.read_text(encoding="utf8").splitlines()] == [
        [("mark", "mine")],
        expected(gold[1]),
        expected(gold[2]),
    ]
    assert run("tag", pipeline, "-i", tmp_path / "in.jsonl", "-o", output, "--no-resume").exit_code == 0
    assert [expected(x) for x in read_listings(output)] == [expected(x) for x in gold]


def test_foreign_output_is_kept(run, pipeline, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("my notes\n", encoding="utf8")
    result = run("tag", pipeline, "text", "-o", output)
    assert result.exit_code == 1
    assert str(output) in result.stderr and "--no-resume" in result.stderr
    assert output.read_text(encoding="utf8") == "my notes\n"


def test_writes_batch_by_batch(run, pipeline, gold, tmp_path, monkeypatch):
    from spacy_product_tags.cli import tag as module

    output = tmp_path / "out.jsonl"
    (tmp_path / "in.txt").write_text("\n".join([gold[0].title] * 7), encoding="utf8")
    original, seen = module.to_line, []

    def interrupted(record):
        seen.append(record)
        if len(seen) == 6:
            # What is on the disk now is what a kill would leave.
            assert output.read_bytes().count(b"\n") == 4
            raise KeyboardInterrupt
        return original(record)

    monkeypatch.setattr(module, "to_line", interrupted)
    assert run("tag", pipeline, "-i", tmp_path / "in.txt", "-o", output, "-b", 2).exit_code != 0
    monkeypatch.undo()
    assert run("tag", pipeline, "-i", tmp_path / "in.txt", "-o", output, "-b", 2).exit_code == 0
    assert [expected(x) for x in read_listings(output)] == [expected(gold[0])] * 7


def test_processes_give_the_same(run, pipeline, gold, tmp_path, monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    path = bad_file(tmp_path, gold * 10)
    one = run("tag", pipeline, "-i", path, "-b", 3)
    two = run("tag", pipeline, "-i", path, "-b", 3, "--n-process", 2)
    assert two.exit_code == one.exit_code == 1
    assert rounded(one.stdout_bytes) == rounded(two.stdout_bytes)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--n-process", "2", "--gpu-id", "0", "x"), "--n-process"),
        (("--n-process", "0", "x"), "--n-process"),
        (("x", "--input", "in.jsonl"), "not both"),
        (("--input", "nowhere.jsonl"), "no such file"),
        (("--input", "{here}"), "must end in"),
        (("x", "--output", "out.jsonl.gz"), "packed"),
        (("--input", "{data}", "--output", "{data}"), "is the input"),
    ],
)
def test_refused(run, tmp_path, args, message):
    (tmp_path / "data.jsonl").write_text('{"title": "x"}\n', encoding="utf8")
    (tmp_path / "data.csv").write_text("title\nx\n", encoding="utf8")
    args = [arg.format(here=tmp_path / "data.csv", data=tmp_path / "data.jsonl") for arg in args]
    # Before the pipeline is loaded: nobody waits for a mistyped option.
    result = run("tag", tmp_path / "no-pipeline", *args)
    assert result.exit_code == 1
    assert message in result.stderr
    assert (tmp_path / "data.jsonl").read_text(encoding="utf8") == '{"title": "x"}\n'


def test_cut_gzip(run, pipeline, tmp_path):
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"title": "x"}\n' * 50)[:-9])
    result = run("tag", pipeline, "-i", path)
    assert result.exit_code == 1
    assert "damaged or cut short" in result.stderr


def test_progress(run, pipeline, gold, tmp_path):
    path, output = bad_file(tmp_path, gold), tmp_path / "out.jsonl"
    result = run("tag", pipeline, "-i", path, "-o", output, "--progress")
    assert "Tagging" in result.stderr and "100%" in result.stderr
    assert f"{path}:2: title" in result.stderr
    assert "Tagging" not in run("tag", pipeline, "-i", path, "-o", output, "--no-resume").stderr


def test_nothing_to_do(run, pipeline):
    result = run("tag", pipeline, input=b"\n\n")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
