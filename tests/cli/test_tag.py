"""`product-tags tag`."""
import gzip
import json
import os
import shutil

import pytest
import spacy

from spacy_product_tags import Listing
from spacy_product_tags.cli.tag import to_table
from spacy_product_tags.listing import read_listings, write_listings
from spacy_product_tags.tag import Tag


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


def test_a_table_has_category_and_ids_where_there_are_any():
    tags = (Tag("纯棉", "material", 0.9, 0, 2, canonical_id="material__cotton"), Tag("T恤", "product", 0.8, 2, 4))
    drawn = to_table(Listing("纯棉T恤", tags=tags, category=("服饰", "[上衣]"))).decode("utf8")
    lines = drawn.splitlines()
    assert [line.strip() for line in lines[:2]] == ["纯棉T恤", "服饰 > [上衣]"]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.count("│") == 5]
    assert rows == [["纯棉", "material", "0.90", "material__cotton"], ["T恤", "product", "0.80", ""]]
    bare = to_table(Listing("T恤", tags=(Tag("T恤", "product", 0.8, 0, 2),))).decode("utf8")
    assert "id" not in bare.split() and ">" not in bare


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz"])
def test_listings(run, pipeline, gold, tmp_path, name):
    listings = [Listing(title=listing.title, id=str(n), seller_tags=("全棉",)) for n, listing in enumerate(gold)]
    write_listings(tmp_path / name, listings)
    output = tmp_path / "new" / "out.jsonl"
    result = run("tag", pipeline, "--input", tmp_path / name, "--output", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{output}: complete, 3 lines\n"
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


@pytest.mark.parametrize("n_process", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_too_many_tags_are_said_and_the_likeliest_come_out(run, pipeline, gold, tmp_path, n_process):
    few = tmp_path / "few"
    spacy.load(pipeline, config={"components.product_tag_generator.max_tags": 1}).to_disk(few)
    path, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("\n".join(["", gold[0].title, "x"]), encoding="utf8")
    result = run("tag", few, "-i", path, "-o", output, "--n-process", n_process)
    assert result.exit_code == 1
    assert f"{path}:2: tags: {len(expected(gold[0]))} stand in the text, the likeliest 1 are kept" in result.stderr
    first, second = map(json.loads, output.read_text(encoding="utf8").splitlines())
    assert len(first["tags"]) == 1 and second["title"] == "x"


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
    assert run("tag", pipeline, "-i", tmp_path / "in.jsonl", "-o", output).exit_code == 0
    # Tags as no pipeline would write them show who wrote a line.
    mark = json.dumps({"title": gold[0].title, "tags": [{"text": "mark", "facet": "mine"}]}, ensure_ascii=False)
    output.write_text(mark + "\n", encoding="utf8")
    result = run("tag", pipeline, "-i", tmp_path / "in.jsonl", "-o", output)
    assert (result.exit_code, result.stdout) == (0, f"{output}: complete, 3 lines, 1 of them there before\n")
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
    stopped = run("tag", pipeline, "-i", tmp_path / "in.txt", "-o", output, "-b", 2)
    assert stopped.exit_code != 0
    assert f"{output}: 5 lines so far; the same command goes on from there" in stopped.stderr
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
        (("x", "--output", "{here}"), "must end in .jsonl, as --format jsonl is what it gets"),
        (("x", "--output", "new.csv"), "must end in .jsonl"),
        (("x", "--output", "new.jsonl", "--format", "table"), "must end in .txt, as --format table"),
        (("{here}",), "is a file; tag what is in a file with --input FILE"),
        (("耐克", "titles.txt"), "titles.txt: looks like a file that isn't there"),
        (("new.jsonl.gz",), "looks like a file that isn't there"),
        (("--input", "{array}"), "in.json: must end in"),
        (("--input", "{data}", "--output", "{data}"), "is the input"),
    ],
)
def test_refused(run, tmp_path, args, message):
    (tmp_path / "data.jsonl").write_text('{"title": "x"}\n', encoding="utf8")
    (tmp_path / "data.csv").write_text("title\nx\n", encoding="utf8")
    (tmp_path / "in.json").write_text("[]", encoding="utf8")
    names = {"here": tmp_path / "data.csv", "data": tmp_path / "data.jsonl", "array": tmp_path / "in.json"}
    args = [arg.format(**names) for arg in args]
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


@pytest.mark.parametrize("way", ["stdin", "in.jsonl", "in.txt"])
@pytest.mark.parametrize(
    "content, problem",
    [
        ("title\n".encode("utf-16"), "is in UTF-16; save it as UTF-8"),
        ("\n title\n".encode("utf-16-be"), "is in UTF-16"),
        ("title\n".encode("utf-16-le"), "is in UTF-16"),
        (b'[{"title": "x"}]\n', "is a JSON array; needed is an object a line: jq -c '.[]' FILE"),
        (b'\n[\n  {"title": "x"}\n]\n', "is a JSON array"),
        (b'{\n  "title": "x"\n}\n', "has an object over several lines; needed is an object a line: jq -c . FILE"),
        (b'{"title": broken\n{"title": "x"}\n', "stdin: its first line starts with '{' and is not valid JSON"),
        (b"{new} shoes\nred shirt\n", "say whether it holds listings (--input-format jsonl) or titles (--input-format txt)"),
    ],
)  # fmt: skip
def test_what_may_mean_several_things_is_refused(run, pipeline, tmp_path, way, content, problem):
    if way == "stdin":
        result = run("tag", pipeline, input=content)
    else:
        (tmp_path / way).write_bytes(content)
        result = run("tag", pipeline, "-i", tmp_path / way)
    # A file says what it holds: of a .txt each line is a title, of a .jsonl a bad line is only that.
    if way == "stdin" or "UTF-16" in problem or (way == "in.jsonl" and "first line" not in problem and "say" not in problem):
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        assert problem in result.stderr
    else:
        assert len(result.stdout.splitlines()) == content.count(b"\n") - content.startswith(b"\n")


def test_the_format_can_be_said(run, pipeline):
    titles = run("tag", pipeline, "--input-format", "txt", input=b'{new} shoes\n[{"a"\n')
    assert [json.loads(line)["title"] for line in titles.stdout.splitlines()] == ["{new} shoes", '[{"a"']
    listings = run("tag", pipeline, "--input-format", "jsonl", input=b'{broken\n{"title": "x"}\n')
    assert [json.loads(line).get("title") for line in listings.stdout.splitlines()] == [None, "x"]
    mixed = run("tag", pipeline, input='耐克\n{"title": "x"}\n{x}\n'.encode())
    assert [json.loads(line).get("title") for line in mixed.stdout.splitlines()] == ["耐克", None, "{x}"]
    assert mixed.exit_code == 1 and "stdin:2: line: is a listing among titles" in mixed.stderr


def test_half_a_character_costs_no_listing(run, pipeline, gold, tmp_path):
    """Text that was cut within an emoji, as JavaScript cuts it."""
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps({"title": gold[0].title + "\ud83d", "id": "7", "seller_tags": ["\udc4d"]}), encoding="utf8")
    result = run("tag", pipeline, "-i", path, "-o", output)
    assert (result.exit_code, result.stderr) == (0, "")
    (tagged,) = read_listings(output)
    assert (tagged.title, tagged.id, tagged.seller_tags) == (gold[0].title + "\ufffd", "7", ("\ufffd",))
    assert [tag.text for tag in tagged.tags][:2] == ["耐克", "男士"]


def test_limits_leave_out_and_say_so(run, pipeline, gold, tmp_path):
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = ["", Listing(title="x"), "", Listing(title=gold[0].title, seller_tags=("全棉", "长" * 300, "夏季", "红"))]
    path.write_text("".join(row and json.dumps(row.to_dict()) + "\n" or "\n" for row in rows), encoding="utf8")
    result = run("tag", pipeline, "-i", path, "-o", output, "--max-tags", 2)
    assert result.exit_code == 1
    assert f"{path}:4: seller_tags[1]: '{'长' * 20}'… has 300 characters, the most is 255" in result.stderr
    assert f"{path}:4: seller_tags: has more than 2 tags; those from number 4 on are left out" in result.stderr
    _, tagged = read_listings(output)
    assert [tag.text for tag in tagged.tags if tag.source == "seller"] == ["全棉", "夏季"]
    assert tagged.seller_tags == rows[3].seller_tags
    result = run("tag", pipeline, "-i", path, "-o", output)
    assert "settings: max_tags (2 then, 250 now); give the same" in result.stderr


def test_a_run_with_something_else_does_not_go_on(run, pipeline, gold, tmp_path):
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_listings(path, [Listing(title=listing.title) for listing in gold])
    assert run("tag", pipeline, "-i", path, "-o", output).exit_code == 0
    before = output.read_bytes()
    other = tmp_path / "other"
    shutil.copytree(pipeline, other)
    assert run("tag", other, "-i", path, "-o", output).stdout == f"{output}: complete, 3 lines, 3 of them there before\n"
    nlp = spacy.load(other)
    nlp.get_pipe("product_tag_generator").model.shims[0].module.boundary.bias.data.add_(9)
    nlp.to_disk(other)
    result = run("tag", other, "-i", path, "-o", output)
    assert result.exit_code == 1 and "pipeline: product_tag_generator; give the same" in result.stderr
    write_listings(path, [Listing(title="new"), *(Listing(title=listing.title) for listing in gold[1:])])
    result = run("tag", pipeline, "-i", path, "-o", output)
    assert result.exit_code == 1 and f"{output}:1: title: is '{gold[0].title}', and 'new' in the input" in result.stderr
    assert output.read_bytes() == before


def test_long_texts_are_shortened_in_errors(run, pipeline, tmp_path):
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps({"title": ["x" * 100_000]}) + "\n" + json.dumps({"y" * 100_000: 1}) + "\n", encoding="utf8")
    result = run("tag", pipeline, "-i", path, "-o", output)
    assert result.exit_code == 1
    assert len(result.stderr) < 2500 and output.stat().st_size < 2500
    assert ":1: title: must be a string, not ['xxx" in result.stderr and "the fields are title" in result.stderr
