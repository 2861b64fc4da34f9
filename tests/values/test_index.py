import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
from forging import forge_array, forge_index
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from spacy_product_tags.text.folding import lookup_key
from spacy_product_tags.values import fuzzy, packed
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import AliasTable, Value

# Few names and ids, so that they collide; signs, wide and damaged characters among them.
NAMES = st.text("abAＢ红紅é -\u200b\0\ud800😀", min_size=1, max_size=4)
VALUES = st.builds(
    Value,
    st.sampled_from(["v1", "v2", "值", "v4"]),
    st.just("color"),
    st.dictionaries(st.sampled_from(["zh", "en", ""]), NAMES, max_size=2),
    st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    st.integers(1, 3),
)
COLORS = [
    Value("navy", "color", {"zh": "藏青", "en": "Navy"}, ("藏蓝色", "navy blue"), 3),
    Value("nave", "color", {"en": "Nave"}, ("red",), 9),
    Value("apple/brand", "brand", {"zh": "苹果", "en": "Apple"}, freq=9),
    Value("apple/fruit", "product", {"zh": "苹果", "en": "apple"}),
    Value("apple/scent", "scent", {"zh": "苹果", "en": "Apple"}),
]


def ids(candidates):
    return [candidate.id for candidate in candidates]


@pytest.fixture(scope="module")
def index():
    return AliasIndex.build(COLORS)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers(), NAMES)
def test_the_order_of_loading_does_not_matter(values, seed, text):
    shuffled = list(values)
    random.Random(seed).shuffle(shuffled)
    first, second = AliasIndex.build(values), AliasIndex.build(shuffled)
    assert list(first) == list(second) == list(AliasTable(values))
    for surface in (text, *(surface for value in values for surface in value.surfaces)):
        assert first.exact(surface, "color") == second.exact(surface, "color")
        assert first.fuzzy(surface) == second.fuzzy(surface)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=8), NAMES, st.sampled_from(["", "color", "brand"]))
def test_the_only_value_of_a_name_is_what_is_found_alone(values, text, facet):
    index = AliasIndex.build([*values, Value("nike", "brand", {"en": "a"})])
    for surface in (text, "a", *(surface for value in values for surface in value.surfaces)):
        found = [candidate.id for candidate in index.exact(surface, facet) if facet in ("", candidate.facet)]
        # The second time it's at hand.
        assert index.only(surface, facet) == index.only(surface, facet) == (found[0] if len(found) == 1 else "")


@settings(deadline=None)
@given(st.lists(VALUES, max_size=8))
def test_every_alias_is_found_under_every_value_that_has_it(values):
    index = AliasIndex.build(values)
    by_key = {}
    for value in index:
        for surface in value.surfaces:
            by_key.setdefault(lookup_key(surface), {}).setdefault(value.id, []).append(surface)
    for text, expected in by_key.items():
        for surface in {surface for surfaces in expected.values() for surface in surfaces}:
            found = index.exact(surface)
            assert {candidate.id for candidate in found} == (set(expected) if text else set())
            assert [(-c.freq, c.id) for c in found] == sorted((-c.freq, c.id) for c in found)
            for candidate in found:
                assert candidate.alias in expected[candidate.id] and (candidate.score, candidate.how) == (1, "exact")
                assert candidate.alias == surface or surface not in expected[candidate.id]


@settings(deadline=None, max_examples=30)
@given(st.lists(VALUES, max_size=8), NAMES)
def test_an_index_survives_its_folder_and_pickling(tmp_path_factory, values, text):
    path = tmp_path_factory.mktemp("index") / "colors"
    built = AliasIndex.build(values, moved={"old": "v1", "gone": ""}, version=7)
    built.to_disk(path)
    opened = AliasIndex.from_disk(path)
    for index in (opened, pickle.loads(pickle.dumps(opened)), pickle.loads(pickle.dumps(built))):
        assert list(index) == list(built) and len(index) == len(built) and index.version == 7
        assert index.exact(text) == built.exact(text) and index.fuzzy(text) == built.fuzzy(text)
        assert index.resolve("old") == "v1" and index.resolve("gone") == "" and "gone" not in index


@settings(deadline=None)
@given(st.lists(st.text("abc红é\0 ", max_size=6), max_size=6, unique=True))
def test_pieces_are_cut_alike_one_by_one_and_all_at_once(texts):
    keys = sorted(texts, key=len)
    arrays = fuzzy.build_postings(keys)
    starts, codes = arrays["gram_starts"], arrays["gram_codes"].tolist()
    held = {number: set() for number in range(len(keys))}
    for code, start, end in zip(codes, starts, starts[1:]):
        for number in arrays["gram_keys"][start:end].tolist():
            held[number].add(code)
    assert [held[number] for number in held] == [fuzzy.query_grams(text) for text in keys]
    assert arrays["key_grams"].tolist() == [len(held[number]) for number in held]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text("abc红青", min_size=1, max_size=6), max_size=8, unique=True), st.text("abc红青", min_size=1, max_size=6), st.sampled_from([0, 0.3, 0.6, 0.9, 1]))
def test_fuzzy_gives_what_comparing_with_all_gives(texts, query, min_score):
    index = AliasIndex.build(Value(text, "color", {"": text}) for text in texts)
    near = {text: Indel.normalized_similarity(query, text) for text in texts if fuzzy.query_grams(query) & fuzzy.query_grams(text)}
    expected = sorted((-score, text) for text, score in near.items() if score >= min_score)[:10]
    found = index.fuzzy(query, min_score=min_score)
    assert [(-candidate.score, candidate.id) for candidate in found] == expected
    assert all((c.how == "exact") == (c.id == query) for c in found)


def test_exact(index):
    assert ids(index.exact("ＮＡＶＹ-Blue")) == ["navy"] and index.exact("NAVY")[0].alias == "Navy"
    # All meanings: the most frequent first, or the facet's that is meant.
    assert ids(index.exact("蘋果")) == ["apple/brand", "apple/fruit", "apple/scent"]
    assert ids(index.exact("苹果", "scent")) == ["apple/scent", "apple/brand", "apple/fruit"]
    assert [candidate.alias for candidate in index.exact("apple")] == ["Apple", "apple", "Apple"]
    assert index.exact("") == index.exact("navyish") == index.exact("x" * 999) == ()


def test_fuzzy(index):
    found = index.fuzzy("navyy blue")
    assert (found[0].id, found[0].alias, found[0].how) == ("navy", "navy blue", "fuzzy") and 0.9 < found[0].score < 1
    # Each value once, by its best alias.
    assert ids(index.fuzzy("navy")) == ["navy", "nave"] and index.fuzzy("navy")[0].how == "exact"
    assert ids(index.fuzzy("appel", "scent")) == ["apple/scent", "apple/brand", "apple/fruit"]
    assert ids(index.fuzzy("appel", limit=1)) == ["apple/brand"]
    assert ids(index.fuzzy("藏蓝")) == ["navy"] and index.fuzzy("藏蓝")[0].alias == "藏蓝色"
    assert index.fuzzy("appel", min_score=0.95) == index.fuzzy("") == index.fuzzy("x" * 999) == ()


def test_the_right_key_is_found_among_many():
    rng = random.Random(1)
    texts = sorted({"".join(rng.choices("aeionrst", k=rng.randint(5, 12))) for _ in range(4000)})
    index = AliasIndex.build(Value(text, "color", {"": text}) for text in texts)
    asked = rng.sample([text for text in texts if len(text) > 7], 100)
    # One letter less in the middle.
    right = sum(text in ids(index.fuzzy(text[:4] + text[5:])) for text in asked)
    assert right >= 98
    assert all(index.fuzzy(text)[0].id == text for text in asked)


def test_values_by_id(index):
    assert index["navy"] == AliasTable(COLORS)["navy"] and "navy" in index and "red" not in index and 5 not in index
    assert len(index) == 5 and len(list(index)) == 5
    with pytest.raises(KeyError, match="'red': no value has this id"):
        index["red"]
    with pytest.raises(ValueError, match="'navy' is a value of 'color' already"):
        AliasIndex.build([*COLORS, Value("navy", "brand", {"en": "Navy"})])


def test_a_folder_is_replaced_in_whole_and_nothing_else_is(index, tmp_path):
    path = tmp_path / "new" / "index"
    index.to_disk(path)
    opened = AliasIndex.from_disk(path)
    AliasIndex.build(COLORS[:1]).to_disk(path)
    assert len(AliasIndex.from_disk(path)) == 1
    # Who had it open reads on.
    assert list(opened) == list(index) and ids(opened.exact("Apple")) == ids(index.exact("Apple"))
    assert sorted(path.parent.iterdir()) == [path]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("a")
    for other in (tmp_path / "mine", tmp_path / "mine" / "a.txt"):
        with pytest.raises(ValueError, match="no alias index"):
            index.to_disk(other)
    assert (tmp_path / "mine" / "a.txt").read_text() == "a"


def test_a_folder_is_replaced_also_where_mapped_files_cannot_be_removed(index, tmp_path, monkeypatch):
    path = tmp_path / "index"
    index.to_disk(path)
    opened = AliasIndex.from_disk(path)

    def refuse(*args, **kwargs):
        if not kwargs.get("ignore_errors"):
            raise PermissionError("the file is in use")

    # As on Windows, where the old arrays are mapped: neither the folder nor what is in it can be moved or removed.
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", refuse)
        patch.setattr("pathlib.Path.rename", refuse)
        AliasIndex.build(COLORS[:1]).to_disk(path)
        assert len(AliasIndex.from_disk(path)) == 1 and list(opened) == list(index)
    assert len(list(path.iterdir())) == 3
    del opened
    AliasIndex.build(COLORS[:2]).to_disk(path)
    assert len(AliasIndex.from_disk(path)) == 2
    assert sorted(entry.name for entry in path.iterdir()) == ["arrays-3", "meta.json"]


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda path: (path / "meta.json").unlink(), "holds no meta.json"),
        (lambda path: (path / "meta.json").write_text("{"), "meta.json: can't be read"),
        (lambda path: (path / "meta.json").write_text("[]"), "meta.json: can't be read"),
        (lambda path: edit(path, kind="other.v2"), "kind: is 'other.v2'"),
        (lambda path: edit(path, probe="x"), "other rules"),
        (lambda path: edit(path, folder="../other"), "folder: must be such as arrays-1"),
        (lambda path: edit(path, arrays={}), "holds no 'entry_starts'"),
        (lambda path: (path / "arrays-1" / "freqs.npy").unlink(), "freqs.npy: can't be read"),
        (lambda path: (path / "arrays-1" / "freqs.npy").write_bytes((path / "arrays-1" / "freqs.npy").read_bytes()[:-1]), "freqs.npy: can't be read"),
        (lambda path: np.save(path / "arrays-1" / "freqs.npy", np.zeros(2)), "freqs.npy: .*checksum differs"),
        (lambda path: forge_array(path, "freqs", np.zeros(2)), "freqs: must be <i8"),
        (lambda path: forge_array(path, "freqs", np.array([{}]), allow_pickle=True), "freqs.npy: can't be read"),
    ],
)
def test_damage_is_named(index, tmp_path, damage, said):
    index.to_disk(tmp_path / "index")
    damage(tmp_path / "index")
    with pytest.raises(ValueError, match=said) as caught:
        AliasIndex.from_disk(tmp_path / "index")
    assert str(tmp_path / "index") in str(caught.value)


def edit(path, **fields):
    forge_index(path, lambda meta: meta.update(fields))


def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, spacy_product_tags.values.log, spacy_product_tags.values.sources; print({'rapidfuzz', 'opencc'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_index_that_is_replaced_while_it_is_opened_is_opened_anew(tmp_path, monkeypatch):
    AliasIndex.build([Value("a", "color", {"en": "Old"})]).to_disk(tmp_path / "index")
    checksum, replaced = packed._checksum_of, []

    def replace_first(file):
        if not replaced:
            replaced.append(True)
            AliasIndex.build([Value("a", "color", {"en": "New"})]).to_disk(tmp_path / "index")
        return checksum(file)

    monkeypatch.setattr(packed, "_checksum_of", replace_first)
    assert AliasIndex.from_disk(tmp_path / "index")["a"].labels == {"en": "New"}
