"""Values found by the vectors of their names: in languages that the table lacks, after changes, after saving."""
import pickle

import numpy as np
import pytest

from spacy_product_tags.values.fitting.languages import hide_languages, measure_languages
from spacy_product_tags.values.fitting.names import fit_names
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.linking import find_candidates, link
from spacy_product_tags.values.table import Value

COLORS = {"red": ("红", "rot"), "blue": ("蓝", "blau"), "green": ("绿", "grün"), "black": ("黑", "schwarz"), "white": ("白", "weiß")}
NOUNS = {"shirt": ("衬衫", "Hemd"), "shoe": ("鞋", "Schuh"), "bag": ("包", "Tasche"), "hat": ("帽", "Hut"), "table": ("桌", "Tisch")}
VALUES = [
    Value(
        f"{color}-{noun}",
        "product" if noun != "table" else "furniture",
        labels={"en": f"{color} {noun}", "zh-CN": hue[0] + thing[0], "de": f"{hue[1]} {thing[1]}"},
    )
    for color, hue in COLORS.items()
    for noun, thing in NOUNS.items()
]
# One value lacks its Chinese name.
TABLE = [Value(v.id, v.facet, labels={"en": "blue hat"}) if v.id == "blue-hat" else v for v in VALUES]


@pytest.fixture(scope="module")
def encoder():
    things = [{locale: [name] for locale, name in value.labels.items()} for value in TABLE]
    return fit_names(things, steps=150, batch_size=24, buckets=2048, width=32, hidden=64)


@pytest.fixture(scope="module")
def index(encoder):
    return AliasIndex.build(TABLE, names=encoder)


def ids(candidates):
    return [candidate.id for candidate in candidates]


def test_a_name_in_another_language_is_found(index):
    found = index.near("蓝帽", "product")
    assert found[0].id == "blue-hat" and found[0].how == "dense" and 0.3 < found[0].score <= 1
    assert found[0].alias == "blue hat" and len(found) == 5
    assert [candidate.score for candidate in found] == sorted((c.score for c in found), reverse=True)
    # Behind the other stages, where they find nothing of the facet.
    assert ids(find_candidates(index, "蓝帽", "product"))[0] == "blue-hat"
    assert not [c for c in find_candidates(index, "蓝帽", "product", dense=False) if c.how == "dense"]
    assert find_candidates(index, "red shirt", "product")[0].how == "exact"


def test_the_facet_that_is_meant_counts(index):
    assert {candidate.facet for candidate in index.near("蓝桌", "product")} == {"product"}
    assert index.near("蓝桌", "furniture")[0].id == "blue-table"
    assert index.near("蓝桌")[0].id == "blue-table"
    assert index.near("蓝桌", "kitchen") == ()


def test_numbers_are_not_near(index):
    assert not [c for c in find_candidates(index, "蓝帽 12 cm", "product") if c.how == "dense"]
    assert AliasIndex.build(TABLE).near("蓝帽") == ()


def test_changes_hold(index):
    new = Value("pink-hat", "product", labels={"en": "pink hat"})
    changed = index.changed({"pink-hat": new}, {"blue-hat": "", "red-hat": "black-hat"}, 1)
    found = ids(changed.near("hat", "product", limit=30))
    assert "pink-hat" in found and "blue-hat" not in found and "red-hat" not in found
    assert len(found) == len(set(found)) == 20 - 2 + 1
    assert len(changed.near("hat", "product", limit=3)) == 3
    whole = AliasIndex.from_bytes(changed.to_bytes())
    assert set(ids(whole.near("hat", "product", limit=30))) == set(found)


def test_saved_and_opened_it_finds_the_same(index, tmp_path):
    index.to_disk(tmp_path / "index")
    for again in (AliasIndex.from_disk(tmp_path / "index"), AliasIndex.from_bytes(index.to_bytes()), pickle.loads(pickle.dumps(index))):
        for text in ("蓝帽", "weiße Tasche", "sombrero"):
            ours, theirs = index.near(text, "product"), again.near(text, "product")
            assert ids(ours) == ids(theirs)
            assert np.allclose([c.score for c in ours], [c.score for c in theirs], atol=1e-5)


def test_without_fitted_weights_a_dense_candidate_is_no_sure_link(index):
    bare = index.changed({}, {}, 1, weights={"bias": 1.0})
    assert link(bare, "蓝帽", "product").probability < 0.8
    fitted = index.changed({}, {}, 1, weights={"dense_bias": -5.0, "dense_cosine": 20.0})
    assert link(fitted, "蓝帽", "product").candidate.id == "blue-hat"
    assert link(fitted, "蓝帽", "product").probability > 0.8


def test_hidden_names_are_looked_up(encoder):
    twins = [Value(f"twin-{v.id}", "material", labels=v.labels) for v in VALUES[::3]]
    hidden = hide_languages([*VALUES, *twins], share=0.3, seed=1)
    known = [(text, value) for text, value, there in hidden.queries if there]
    missing = [value for _, value, there in hidden.queries if not there]
    table = {value.id: value for value in hidden.table}
    assert known and missing
    for text, value in known:
        assert text in value.surfaces and text not in table[value.id].surfaces
        # Nor with a twin: the encoder would have seen it.
        assert not any(text in other.surfaces for other in hidden.table)
    assert not {value.id for value in missing} & set(table)
    assert hidden == hide_languages([*VALUES, *twins], share=0.3, seed=1)
    weights, scores = measure_languages(hidden, encoder)
    plain = {stages: score for (stages, spelling), score in scores.items() if spelling == "as they are"}
    assert plain["exact"].accuracy == 0.0 < plain["exact, fuzzy, dense"].accuracy
    assert all(0 <= share <= 1 for score in scores.values() for share in score)
    assert "dense_cosine" in weights
