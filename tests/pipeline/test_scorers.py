import pytest
import spacy
from spacy.training import Example

from spacy_product_tags import Tag
from spacy_product_tags.pipeline.scorers import make_tag_scorer, score_tags, score_values, tag_spans

NLP = spacy.blank("en")
RED, SHIRT = Tag("red", "color", 0.9, 0, 3), Tag("shirt", "product", 0.8, 4, 9)


def make_example(predicted, gold, text="red shirt blue"):
    example = Example(NLP.make_doc(text), NLP.make_doc(text))
    example.predicted._.tags, example.reference._.tags = predicted, gold
    return example


def test_start_end_and_facet_must_be_right():
    predicted = [RED, Tag("shirt", "brand", 0.8, 4, 9), Tag("shir", "product", 0.8, 4, 8)]
    scores = score_tags([make_example(predicted, [RED, SHIRT])])
    assert (scores["tags_p"], scores["tags_r"]) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert scores["tags_f"] == pytest.approx(0.4)
    assert scores["tags_per_facet"]["color"] == {"p": 1.0, "r": 1.0, "f": 1.0}
    assert scores["tags_per_facet"]["product"] == {"p": 0.0, "r": 0.0, "f": 0.0}
    assert list(scores["tags_per_facet"]) == ["brand", "color", "product"]


def test_spacy_evaluate_finds_the_same_scores_under_its_own_names():
    scores = score_tags([make_example([RED], [RED, SHIRT])])
    names = {"spans_tags_p": "tags_p", "spans_tags_r": "tags_r", "spans_tags_f": "tags_f", "spans_tags_per_type": "tags_per_facet"}
    assert {name: scores[name] for name in names} == {name: scores[own] for name, own in names.items()}
    assert set(scores) == {*names, *names.values(), "values_p", "values_r", "values_f"}


def test_the_average_is_over_all_tags_and_not_over_listings():
    examples = [make_example([RED], [RED, SHIRT, Tag("blue", "color", 1.0, 10, 14)]), make_example([SHIRT], [SHIRT])]
    assert score_tags(examples)["tags_r"] == pytest.approx(2 / 4)


def test_nothing_to_score_is_none_and_not_zero():
    scores = score_tags([make_example([], [])])
    assert {name for name in scores if not name.startswith("spans_")} == {
        "tags_p", "tags_r", "tags_f", "tags_per_facet", "values_p", "values_r", "values_f"
    }  # fmt: skip
    assert set(scores.values()) == {None}
    with pytest.warns(UserWarning, match="product-tags docbin"):
        assert score_tags([]) == scores
    assert score_tags([make_example([RED], [])])["tags_f"] == 0.0


def test_only_tags_found_in_the_text_count():
    doc = make_example([], [RED, Tag("summer", "season", source="implicit"), Tag("red", source="seller")]).reference
    assert tag_spans(doc) == {(0, 3, "color")}


def test_values_are_right_wherever_they_stand_and_the_likeliest_of_a_facet_counts():
    gold = [Tag("red", "color", 1.0, 0, 3), Tag("cotton", "material", source="implicit")]
    predicted = [Tag("blue", "color", 0.5, 10, 14), Tag("red", "color", 0.9, 4, 7), Tag("shirt", "product", 0.9, 4, 9)]
    assert score_values([make_example(predicted, gold)]) == {
        "values_p": pytest.approx(1 / 2),
        "values_r": pytest.approx(1 / 2),
        "values_f": pytest.approx(1 / 2),
    }
    assert score_values([make_example(predicted[:1], gold)])["values_f"] == 0.0


def test_the_registered_scorer_takes_the_settings_of_a_component():
    assert make_tag_scorer()([make_example([RED], [RED])], min_score=0.4, labels=["color"])["tags_f"] == 1.0
