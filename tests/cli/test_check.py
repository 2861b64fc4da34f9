"""`check_corpus` and `product-tags check`."""
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markup_files import read_markup

from spacy_product_tags import ListingError
from spacy_product_tags.listings.check import check_corpus, load_facets, read_entries

ROOT = Path(__file__).parents[2]
GOOD = {"title": "耐克T恤", "id": "1", "product": "p", "lang": "zh", "category": ["服饰", "T恤"]}
TAG = {"text": "T恤", "facet": "product", "start": 2, "end": 4}


def write(path: Path, *rows) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes("\n".join([*lines, ""]).encode("utf8", "surrogateescape"))
    return path


def places(problems: list) -> list:
    return [(problem.line, problem.field) for problem in problems]


def test_good(tmp_path):
    implicit = {"text": "夏季", "facet": "season"}
    path = write(tmp_path / "a.jsonl", {**GOOD, "tags": [TAG, implicit], "seller_tags": ["x"], "seller_answers": [None]})
    report = check_corpus([path], {"product": "", "season": ""})
    assert (report.errors, report.warnings) == ([], [])
    assert (report.listings, report.tags) == (1, 2)
    assert (report.facets, report.languages) == ({"product": 1, "season": 1}, {"zh": 1})


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"tags": [TAG, {**TAG, "start": 1, "end": 3}]}, "tags[1].start", "it stands at 2"),
        ({"tags": [{**TAG, "end": 9}]}, "tags[0].end", "behind the text"),
        ({"tags": [{**TAG, "facet": "produkt"}]}, "tags[0].facet", "did you mean 'product'?"),
        ({"tags": [{**TAG, "facet": ""}]}, "tags[0].facet", "not in the facet file"),
        ({"tags": [{"text": " T恤", "facet": "product"}]}, "tags[0].text", "blanks"),
        ({"tags": [TAG, TAG]}, "tags[1]", "twice"),
        ({"category": ["服饰", " "]}, "category[1]", "empty level"),
        ({"title": " "}, "title", "blank"),
        ({"seller_tags": ["a"], "seller_answers": ["a", "b"]}, "seller_answers", "one answer"),
        ({"seller_tags": ["a"], "seller_answers": [""]}, "seller_answers[0]", "null"),
        ({"seller_tags": [" "]}, "seller_tags[0]", "blank"),
        ({"colour": "red"}, "colour", "not a field"),
    ],
)
def test_bad_listing(tmp_path, change, field, says):
    path = write(tmp_path / "a.jsonl", "", {**GOOD, **change}, {**GOOD, "id": "2", "title": "good"})
    report = check_corpus([path], {"product": "", "color": ""})
    assert places(report.errors) == [(2, field)]
    assert says in str(report.errors[0])
    assert str(report.errors[0]).startswith(f"{path}:2: {field}: ")
    assert report.listings == 1


def test_all_that_is_wrong_comes_out_at_once(tmp_path):
    tags = [{**TAG, "end": 9}, TAG, {"text": ""}, {**TAG, "facet": "colour"}, {**TAG, "score": 2}]
    path = write(tmp_path / "a.jsonl", {**GOOD, "lang": 3, "extra": 1, "tags": tags}, "nonsense", "[]", '{"title": "\udcff"}')
    errors = places(check_corpus([path]).errors)
    assert sorted(errors) == sorted(
        [(1, "lang"), (1, "extra"), (1, "tags[0].end"), (1, "tags[2].text"), (1, "tags[4].score")]
        + [(2, "line"), (3, "line"), (4, "line")]
    )


def test_duplicates(tmp_path):
    first = write(tmp_path / "a.jsonl", GOOD, {**GOOD, "id": "2"}, {**GOOD, "title": "other"})
    second = write(tmp_path / "b.jsonl", {**GOOD, "title": "third", "id": "2"}, {"title": "x"}, {"title": "y"})
    report = check_corpus([first, second])
    assert places(report.errors) == [(3, "id"), (1, "id")]
    assert f"{first}:2" in report.errors[1].problem
    assert places(report.warnings) == [(2, "title")]
    assert f"{first}:1" in report.warnings[0].problem


def test_product_in_two_splits(tmp_path):
    rows = [{"title": "a", "product": "p"}, {"title": "b", "product": "p"}, {"title": "c", "product": "q"}]
    train = write(tmp_path / "train.jsonl", rows[0], rows[2])
    dev = write(tmp_path / "dev.jsonl", rows[1])
    other = write(tmp_path / "more.jsonl", {"title": "d", "product": "p"})
    errors = check_corpus([tmp_path]).errors
    # "dev" comes first in the folder.
    assert [(error.path, error.line, error.field) for error in errors] == [(str(train), 1, "product")]
    assert f"{dev}:1" in errors[0].problem
    assert check_corpus([train, other]).errors == []


def test_markup(tmp_path):
    blocks = "== A > > B\n\n1 p\n[耐克|brnd]T恤\n~ a\n\n2 p\n[broken\n\n# fine\n3 q\ntitle\n+ 夏季|season; 夏季|season\n"
    path = tmp_path / "zh-1.txt"
    path.write_text(blocks, encoding="utf8")
    report = check_corpus([path], {"brand": "", "season": ""})
    assert places(report.errors) == [(1, "category"), (3, "tags[0].facet"), (8, "markup"), (11, "tags[1]")]
    assert "'brand'" in report.errors[1].problem


def test_our_own_corpus():
    folder = ROOT / "corpus" / "listings"
    report = check_corpus([folder], load_facets(ROOT / "corpus" / "facets.toml"))
    assert report.errors == []
    for path in sorted(folder.rglob("*.txt")):
        entries = list(read_entries(path))
        assert [listing for _, listing, _ in entries] == list(read_markup(path))
        lines = path.read_text(encoding="utf8").splitlines()
        assert all(lines[number - 1].split() == [listing.id, listing.product] for number, listing, _ in entries)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, *TAG, "tags", "x"]), inner),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(data=st.dictionaries(st.sampled_from([*GOOD, "tags", "seller_tags", "seller_answers", "text", "x", "tags[0]"]), JSON))
def test_any_line_is_judged(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("any") / "a.jsonl", data, {"title": "good"})
    report = check_corpus([path])
    assert report.listings == (1 if report.errors else 2)
    assert all(error.line == 1 for error in report.errors)


@pytest.mark.parametrize("content", ["", "facets = 3", "[facets]", "[facets]\na = 1", "[[", "[other]\na = 'b'"])
def test_bad_facet_file(tmp_path, content):
    path = tmp_path / "facets.toml"
    path.write_text(content, encoding="utf8")
    with pytest.raises(ListingError, match="facets.toml"):
        load_facets(path)


def test_command(run, tmp_path):
    facets = tmp_path / "facets.toml"
    facets.write_text('[facets]\nproduct = "x"\n', encoding="utf8")
    path = write(tmp_path / "a.jsonl", {**GOOD, "tags": [TAG]}, {**GOOD, "id": "2", "tags": [{**TAG, "facet": "[red]x"}]})
    result = run("check", path, "--facets", facets)
    assert result.exit_code == 1
    assert f"error: {path}:2: tags[0].facet: " in result.stderr
    assert f"warning: {path}:2: title: " in result.stderr
    assert run("check", path).exit_code == 0
    assert "[red]x" in run("check", path).stdout


@pytest.mark.parametrize("name", ["nowhere.jsonl", "empty", "a.csv"])
def test_bad_path(run, tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.csv").write_text("title\n", encoding="utf8")
    result = run("check", tmp_path / name)
    assert result.exit_code == 1
    assert str(tmp_path / name) in result.stderr
    assert "Traceback" not in result.stderr
