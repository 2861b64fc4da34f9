import random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from spacy.training import Example

from spacy_product_tags import Tag
from spacy_product_tags.pipeline.category.scores import (
    macro_f,
    make_category_scorer,
    score_categories,
    score_paths,
    weighted_f,
)
from spacy_product_tags.taxonomy.tree import Taxonomy

GOLD = [("A", "B", "C"), ("A", "B", "D"), ("A", "E"), ("F", "B")]
labels = st.lists(st.tuples(*[st.sampled_from(["a", "b", "c", "d"])] * 2), min_size=1, max_size=30)
paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)


def example(nlp, predicted, gold, cats=None):
    made = Example(nlp.make_doc("x"), nlp.make_doc("x"))
    made.predicted._.category, made.reference._.category = predicted, gold
    made.predicted.cats = cats or {}
    return made


def test_by_hand():
    scores = score_paths([("A", "B", "C"), ("A", "B"), ("A", "E"), ("G",)], GOLD)
    assert scores["cats_path_acc"] == 0.5
    assert scores["category_f_level1"] == pytest.approx(3 / 4)
    # B under F is missed, E and B under A are right.
    assert scores["category_f_level2"] == pytest.approx(3 / 4)
    assert scores["category_f_level3"] == pytest.approx(1 / 2)
    assert scores["category_f"] == pytest.approx(2 / 3)
    assert [scores[f"category_coverage_level{level}"] for level in (1, 2, 3)] == [1, 0.75, 0.5]
    # Of the four paths the first and the third are found.
    assert scores["category_macro_f"] == pytest.approx(2 / 4)
    assert scores["category_hp"] == pytest.approx(7 / 8) and scores["category_hr"] == pytest.approx(7 / 10)
    assert scores["category_hf"] == pytest.approx(14 / 18)


def test_all_right_and_none():
    assert set(score_paths(GOLD, GOLD).values()) == {1.0}
    assert set(score_paths([()] * 4, GOLD).values()) == {0.0}


def test_a_label_counts_with_what_is_above_it():
    assert score_paths([("F", "B")], [("A", "B")])["category_f_level2"] == 0


def test_axes():
    nlp = spacy.blank("xx")
    found = [{"brand > Nike": 0.7, "brand > (none)": 0.3}, {"brand > Nike": 0.2, "brand > (none)": 0.8}, {"brand > Nike": 1.0}]
    gold = [[Tag("Nike", "brand")], [Tag("Puma", "brand")], []]
    examples = [example(nlp, (), (), cats) for cats in found]
    for made, tags in zip(examples, gold):
        made.reference._.tags = tags
    # Nike is found, Puma is missed, and the last has no gold at all.
    values = {"p": 1.0, "r": 0.5, "f": pytest.approx(2 / 3)}
    assert score_categories(examples, axes=["brand"])["category_axes"] == {"brand": values}
    assert "category_axes" not in score_categories(examples)


def test_a_class_without_gold_does_not_count_in_the_macro_mean():
    assert macro_f(["a", "b", None], ["a", "a", "c"]) == pytest.approx((2 / 3 + 0) / 2)
    assert macro_f([None], [None]) == 0


def test_what_is_predicted_where_no_gold_is_counts_against_its_class():
    assert weighted_f(["a", "a"], ["a", None]) == pytest.approx(2 / 3)
    assert weighted_f(["b"], [None]) == 0


@settings(deadline=None, max_examples=100)
@given(labels)
def test_weighted_and_macro_f_are_those_of_scikit_learn(pairs):
    predicted, gold = zip(*pairs)
    theirs = f1_score(gold, predicted, average="weighted", zero_division=0)
    assert weighted_f(predicted, gold) == pytest.approx(theirs)
    theirs = f1_score(gold, predicted, average="macro", labels=sorted(set(gold)), zero_division=0)
    assert macro_f(predicted, gold) == pytest.approx(theirs)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.one_of(st.just(()), paths), paths), min_size=1, max_size=20), st.integers(0, 99))
def test_properties(pairs, seed):
    predicted, gold = zip(*pairs)
    scores = score_paths(predicted, gold)
    assert all(0 <= score <= 1 for score in scores.values())
    shuffled = random.Random(seed).sample(pairs, len(pairs))
    assert score_paths(*zip(*shuffled)) == pytest.approx(scores)
    # A right answer is never scored below the same answer cut short.
    cut = score_paths([path[:-1] for path in gold], gold)
    assert all(cut[name] <= 1 for name in cut) and cut["category_hp"] in (0.0, 1.0)


def test_docs():
    nlp = spacy.blank("en")
    examples = [example(nlp, ("A",), ("A", "B"), {"A": 0.7}), example(nlp, ("A", "C"), ("A", "B"), {"A > C": 0.4, "A": 0.6})]
    scores = make_category_scorer()(examples, threshold=0.5)
    assert scores["category_hf"] == pytest.approx(2 * 2 / 7)
    # A stop at the right parent is right; each answer by its own probability.
    assert scores["category_ece"] == pytest.approx((0.3 + 0.4) / 2)
    assert score_categories([*examples, example(nlp, ("Z",), ())]) == pytest.approx(scores)


def test_ids_of_a_taxonomy():
    nlp = spacy.blank("en")
    taxonomy = Taxonomy([{"id": "x-1", "parent": None, "labels": {"en": "A"}}])
    examples = [example(nlp, ("A",), ("A",), {"x-1": 0.8})]
    assert score_categories(examples)["category_ece"] is None
    assert score_categories(examples, taxonomy=taxonomy)["category_ece"] == pytest.approx(0.2)


def test_writing_and_language_are_nothing_to_a_taxonomy():
    nlp = spacy.blank("en")
    taxonomy = Taxonomy([{"id": "x", "parent": None, "labels": {"en": "T-Shirts", "zh": "T恤"}}])
    examples = [example(nlp, ("T恤",), ("t shirts",)), example(nlp, ("New",), ("New",))]
    assert score_categories(examples)["cats_path_acc"] == 0.5
    assert score_categories(examples, taxonomy=taxonomy)["cats_path_acc"] == 1


def test_no_gold():
    nlp = spacy.blank("en")
    for examples in ([], [example(nlp, ("A",), ())]):
        scores = score_categories(examples)
        assert set(scores.values()) == {None} and "category_f" in scores and "category_ece" in scores
