import json

import pytest

LISTING = {"title": "耐克纯棉短袖T恤白色男士3件装", "lang": "zh", "category": ["Apparel & Accessories"]}
TAGS = {"耐克": "brand", "纯棉": "material", "T恤": "product", "白色": "color", "男士": "gender", "3件装": "quantity"}


@pytest.fixture
def train(tmp_path):
    title = LISTING["title"]
    tags = [
        {"text": text, "facet": facet, "start": title.index(text), "end": title.index(text) + len(text)}
        for text, facet in TAGS.items()
    ]
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({**LISTING, "tags": tags}), encoding="utf8")
    return path


@pytest.fixture
def taxonomy(tmp_path):
    shirts = {"en": "Shirts", "zh-CN": "衬衫", "de": "Hemden"}
    rows = [
        {"id": "a", "parent": None, "labels": {"en": "Clothing", "zh-CN": "服装", "de": "Kleidung"}},
        {"id": "b", "parent": "a", "attributes": ["color"], "labels": shirts},
        {"id": "color", "values": ["c"], "labels": {"en": "Color", "zh-CN": "颜色", "de": "Farbe"}},
        {"id": "c", "attribute": "color", "labels": {"en": "Navy", "zh-CN": "海军蓝", "de": "Marineblau"}},
    ]
    path = tmp_path / "taxonomy.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf8")
    return path


def test_titles_are_written_the_same_each_time(run, train, taxonomy, tmp_path):
    texts = []
    for name in ("a.txt", "new/b.txt"):
        output = tmp_path / name
        result = run("generate", train, "--values", taxonomy, "--count", 200, "--seed", 3, "--output", output)
        assert result.exit_code == 0, result.output
        assert f"{output}: 200 titles" in result.stdout
        texts.append(output.read_text(encoding="utf8"))
    assert texts[0] == texts[1]
    assert texts[0].count("\n") == 200
    assert "Hemden" in texts[0] and "衬衫" in texts[0]
    assert not list(tmp_path.rglob("*.part"))


def test_excluded_titles_do_not_come_out(run, train, taxonomy, tmp_path):
    titles = tmp_path / "titles.txt"
    arguments = ("generate", train, "--values", taxonomy, "--count", 100, "--output", titles)
    assert run(*arguments).exit_code == 0
    dev = tmp_path / "dev.jsonl"
    first = titles.read_text(encoding="utf8").splitlines()[:20]
    dev.write_text("\n".join(json.dumps({"title": title}) for title in first), encoding="utf8")
    assert run(*arguments, "--exclude", dev).exit_code == 0
    again = titles.read_text(encoding="utf8").splitlines()
    assert len(again) == 100 and not set(first) & set(again)


def test_bad_lines_are_reported_once_and_the_rest_is_used(run, train, taxonomy, tmp_path):
    for path in (train, taxonomy):
        path.write_text("{broken\n" + path.read_text(encoding="utf8"), encoding="utf8")
    output = tmp_path / "titles.txt"
    result = run("generate", train, "--values", taxonomy, "--count", 50, "--output", output)
    assert result.exit_code == 1
    assert result.stderr.count("train.jsonl:1: line: not valid JSON") == 1
    assert result.stderr.count("taxonomy.jsonl:1: line: not valid JSON") == 1
    assert "2 bad line(s) left out" in result.stderr
    assert output.read_text(encoding="utf8").count("\n") == 50


def test_small_sources_say_that_they_are(run, train, tmp_path):
    train.write_text(json.dumps({"title": "耐克纯棉短袖T恤", "lang": "zh", "tags": [
        {"text": "耐克", "facet": "brand", "start": 0, "end": 2}]}), encoding="utf8")  # fmt: skip
    result = run("generate", train, "--count", 10**6, "--output", tmp_path / "titles.txt")
    assert result.exit_code == 0, result.output
    assert "different titles; add listings or --values" in result.stderr


@pytest.mark.parametrize(
    "change, problem",
    [
        (("--values", "nowhere.jsonl"), "nowhere.jsonl: no such file"),
        (("--exclude", "nowhere.jsonl"), "nowhere.jsonl: no such file"),
        (("--count", "-1"), "--count"),
    ],
)
def test_what_a_user_can_mend(run, train, tmp_path, change, problem):
    result = run("generate", train, "--output", tmp_path / "titles.txt", *change)
    assert result.exit_code != 0
    assert problem in result.stderr
    assert not (tmp_path / "titles.txt").exists()


def test_nothing_to_generate_from(run, train, tmp_path):
    train.write_text('{"title": "no tags"}', encoding="utf8")
    result = run("generate", train, "--output", tmp_path / "titles.txt")
    assert result.exit_code == 1
    assert "nothing to generate from" in result.stderr
    assert not list(tmp_path.glob("titles*"))
