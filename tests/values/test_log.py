import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.log import Change, append_change, apply_changes, compact, read_log
from spacy_product_tags.values.table import Value

SIGNED = {"date": "2026-11-23", "by": "ana", "why": "a test"}
NAVY = Value("navy", "color", {"zh": "藏青", "en": "Navy"}, freq=3)
DARK = Value("dark", "color", {"zh": "深蓝", "en": "Dark blue"}, freq=2)
RED = Value("red", "color", {"en": "Red"})
IDS = st.sampled_from(["navy", "dark", "red", "new", "none"])
NAMES = st.sampled_from(["藏青", "Red", "teal", "rouge", "dark-blue"])
CHANGES = st.lists(
    st.one_of(
        st.builds(dict, change=st.just("add"), value=st.builds(dict, id=IDS, facet=st.sampled_from(["color", "color", "brand"]), aliases=st.lists(NAMES, min_size=1))),
        st.builds(dict, change=st.just("alias"), id=IDS, alias=NAMES),
        st.builds(dict, change=st.just("merge"), id=IDS, into=IDS),
        st.builds(dict, change=st.just("retire"), id=IDS, into=st.sampled_from(["", "red", "new"])),
    ),
    max_size=8,
)


@pytest.fixture
def index():
    return AliasIndex.build([NAVY, DARK, RED])


def change(version, kind, **fields):
    return Change.from_dict({"version": version, **SIGNED, "change": kind, **fields})


def ids(candidates):
    return [candidate.id for candidate in candidates]


def contents(index):
    return sorted((json.dumps(value.to_dict(), sort_keys=True) for value in index), key=str)


def test_changes(index):
    changes = [
        change(1, "add", value={"id": "teal", "facet": "color", "labels": {"en": "Teal"}}),
        change(2, "alias", id="navy", alias="藏蓝色"),
        change(3, "merge", id="dark", into="navy"),
        change(4, "retire", id="red"),
        change(5, "alias", id="dark", alias="midnight"),
        change(6, "add", value={"id": "navy", "facet": "color", "labels": {"de": "Marineblau"}}),
    ]
    changed = apply_changes(index, changes)
    assert ids(changed.exact("TEAL")) == ["teal"] and ids(changed.exact("藏藍色")) == ["navy"]
    # What was merged or retired resolves to what it became; its names go on, or are gone.
    assert changed.resolve("dark") == "navy" and changed["dark"].id == "navy" and "dark" in changed
    assert ids(changed.exact("深蓝")) == ids(changed.exact("midnight")) == ["navy"]
    assert changed["navy"].labels == {"zh": "藏青", "en": "Navy", "de": "Marineblau"} and changed["navy"].freq == 6
    assert changed.exact("Red") == () and ids(changed.fuzzy("red")) == [] and changed.resolve("red") == ""
    with pytest.raises(KeyError, match="'red': was retired"):
        changed["red"]
    assert ids(changed.fuzzy("midnigt")) == ["navy"]
    assert (len(changed), changed.version) == (2, 6) and sorted(value.id for value in changed) == ["navy", "teal"]
    # The index that was changed is as it was.
    assert (len(index), index.version) == (3, 0) and ids(index.exact("深蓝")) == ["dark"]
    # What is in it is not done again.
    assert contents(apply_changes(changed, changes)) == contents(changed)
    assert contents(pickle.loads(pickle.dumps(changed))) == contents(changed)


@settings(deadline=None, max_examples=50)
@given(CHANGES, st.integers(0, 8))
def test_changes_do_the_same_at_once_in_steps_and_compacted(tmp_path_factory, rows, step):
    changes = [change(number, row.pop("change"), **row) for number, row in enumerate([dict(row) for row in rows], 1)]
    errors = []
    start = AliasIndex.build([NAVY, DARK, RED])
    whole = apply_changes(start, changes, on_error=errors.append)
    steps = apply_changes(start, changes[:step], on_error=[].append)
    folder = tmp_path_factory.mktemp("index") / "index"
    folded = apply_changes(compact(steps, folder), changes, on_error=[].append)
    steps = apply_changes(steps, changes, on_error=[].append)
    final = compact(whole, folder)
    for other in (steps, folded, final, pickle.loads(pickle.dumps(whole))):
        assert contents(other) == contents(whole) and len(other) == len(whole) == len(contents(whole))
        assert other.version == whole.version == len(changes)
        for name in ("navy", "dark", "red", "new", "none"):
            assert other.resolve(name) == whole.resolve(name) and (name in other) == (name in whole)
        for text in ("藏青", "red", "Teal", "rouge", "dark blue", "深蓝"):
            assert other.exact(text, "color") == whole.exact(text, "color")
            assert other.fuzzy(text) == whole.fuzzy(text)
            assert all(candidate.alias in whole[candidate.id].surfaces for candidate in whole.fuzzy(text))


@pytest.mark.parametrize(
    "kind, fields, field, said",
    [
        ("alias", {"id": "none", "alias": "x"}, "id", "'none' is no value"),
        ("alias", {"id": "gone", "alias": "x"}, "id", "'gone' was retired"),
        ("merge", {"id": "navy", "into": "none"}, "into", "'none' is no value"),
        ("merge", {"id": "navy", "into": "old"}, "into", "one value already"),
        ("retire", {"id": "navy", "into": "navy"}, "into", "one value"),
        ("retire", {"id": "gone"}, "id", "was retired"),
        ("add", {"value": {"id": "old", "facet": "color", "aliases": ["x"]}}, "value.id", "is 'navy' now"),
        ("add", {"value": {"id": "navy", "facet": "brand", "aliases": ["x"]}}, "value.facet", "already"),
    ],
)
def test_a_change_that_can_not_be_made_is_named_and_costs_no_other(kind, fields, field, said):
    index = AliasIndex.build([NAVY], moved={"old": "navy", "gone": ""})
    changes = [change(3, kind, **fields), change(5, "alias", id="navy", alias="marine")]
    with pytest.raises(ListingError, match=said) as caught:
        apply_changes(index, changes)
    assert (caught.value.line, caught.value.field) == (3, field)
    errors = []
    changed = apply_changes(index, changes, on_error=errors.append)
    assert len(errors) == 1 and ids(changed.exact("marine")) == ["navy"] and changed.version == 5


def test_the_log_is_appended_to(tmp_path):
    path = tmp_path / "changes.jsonl"
    first = append_change(path, **SIGNED, change="add", value=replace(RED, id="\udce9"), after=7)
    with path.open("ab") as file:
        file.write(b'{"version": 9, "date')
    second = append_change(path, **SIGNED, change="retire", id="red")
    assert (first.version, second.version) == (8, 9)
    errors = []
    assert list(read_log(path, on_error=errors.append)) == [first, second]
    assert [(error.line, error.field) for error in errors] == [(2, "line")]
    before = path.read_bytes()
    with pytest.raises(ListingError, match="'merge' needs id and into"):
        append_change(path, **SIGNED, change="merge", id="red")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": 1}, "version"),
        ({"date": "yesterday"}, "date"),
        ({"change": "delete"}, "change"),
        ({"change": []}, "change"),
        ({"by": 5}, "by"),
        ({"id": " "}, "id"),
        ({"who": "ana"}, "who"),
        ({"change": "add"}, "value"),
        ({"change": "add", "value": ["x"]}, "value"),
        ({"change": "add", "value": {"facet": "color"}}, "value.aliases"),
    ],
)
def test_a_bad_line_is_named_and_costs_no_good_one(tmp_path, fields, field):
    good = [change(1, "retire", id="red"), change(3, "retire", id="navy")]
    bad = {**change(2, "retire", id="dark").to_dict(), **fields}
    path = tmp_path / "changes.jsonl"
    rows = [good[0].to_dict(), bad, good[1].to_dict()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    with pytest.raises(ListingError) as caught:
        list(read_log(path))
    assert (caught.value.path, caught.value.line, caught.value.field) == (str(path), 2, field)
    assert list(read_log(path, on_error=[].append)) == good


def test_weights_are_a_change_like_others_and_outlive_all_that_comes(index, tmp_path):
    weights = {"bias": -1.5, "exact": 2}
    weighed = apply_changes(index, [change(1, "weigh", weights=weights)])
    assert weighed.weights == weights and index.weights == {}
    later = apply_changes(weighed, [change(2, "alias", id="navy", alias="marine")])
    assert later.weights == weights and contents(later) != contents(index)
    others = [compact(weighed, tmp_path / "index"), compact(later, tmp_path / "later"), AliasIndex.from_bytes(later.to_bytes())]
    for other in (*others, pickle.loads(pickle.dumps(weighed)), pickle.loads(pickle.dumps(later)), pickle.loads(pickle.dumps(others[0]))):
        assert other.weights == weights and other.version in (1, 2)
    assert apply_changes(later, [change(3, "weigh", weights={"bias": 1.0})]).weights == {"bias": 1.0}


@pytest.mark.parametrize("weights", [{}, None, {"colour": 1.0}, {"bias": "1"}, {"bias": float("nan")}, {"bias": True}, [1]])
def test_bad_weights_are_named(weights):
    with pytest.raises(ListingError, match="weights"):
        change(1, "weigh", weights=weights)
