"""A score that is as good as the least one that counts is on the same side whatever the batch."""
import numpy as np
import pytest
import spacy
import torch
from thinc.api import NumpyOps

from spacy_product_tags.heads.span_head import SpanHead, SpanScores
from spacy_product_tags.pipeline.category.tree import decode, make_tree
from spacy_product_tags.pipeline.rounding import certainty, rounded
from spacy_product_tags.pipeline.spans.decoding import likely_spans
from spacy_product_tags.taxonomy.tree import Taxonomy

# How much a score differed with the batch.
NOISE = 1.8e-6
EITHER_SIDE = pytest.mark.parametrize("off", [-NOISE, 0.0, NOISE])


def logits_of(*chances):
    """Give logits of none and the facets. RETURNS (ndarray): float32 (1, 1 + F)."""
    return np.log(np.array([[1 - sum(chances), *chances]])).astype("f")


def scores_of(logits):
    return SpanScores(np.zeros((1, 2), dtype="f"), np.array([[0, 0]] * len(logits)), logits)


@EITHER_SIDE
@pytest.mark.parametrize("least", [0.4, 0.55, 0.6173])
def test_a_span_as_likely_as_min_score_is_a_tag(least, off):
    _, facets, values = likely_spans(NumpyOps(), scores_of(logits_of(least + off, 0.1)), least)
    assert facets.tolist() == [0] and values.tolist() == [least]
    _, facets, _ = likely_spans(NumpyOps(), scores_of(logits_of(least + off - 2e-5, 0.1)), least)
    assert facets.tolist() == []


@EITHER_SIDE
def test_facets_that_share_a_span_are_rivals_whatever_the_batch(off):
    # 0.39 is three quarters of 0.52, and together they are sure.
    _, facets, _ = likely_spans(NumpyOps(), scores_of(logits_of(0.52, 0.39 + off)), 0.4)
    assert facets.tolist() == [0, 1]


@pytest.mark.parametrize(
    "chances, facets",
    [
        # Rivals, but together not sure: the likelier one alone.
        ((0.48, 0.40), [0]),
        # Together sure, but the second is less than half as likely: no rival.
        ((0.65, 0.28), [0]),
        ((0.49, 0.42), [0, 1]),
    ],
)
def test_facets_share_a_span_only_where_they_are_about_equal_and_together_sure(chances, facets):
    _, found, _ = likely_spans(NumpyOps(), scores_of(logits_of(*chances)), 0.45)
    assert found.tolist() == facets


@EITHER_SIDE
def test_a_span_whose_ends_are_as_likely_as_the_threshold_is_proposed_or_not(off):
    head = SpanHead(4, 1, threshold=0.05).eval()
    at = torch.tensor(0.05).logit()
    doc, none = torch.zeros(3, dtype=torch.long), torch.zeros((0, 2), dtype=torch.long)
    boundaries = torch.full((3, 2), -9.0)
    boundaries[0] = at + off
    exact = torch.full((3, 2), -9.0)
    exact[0] = at
    assert head.propose(boundaries, doc, none).tolist() == head.propose(exact, doc, none).tolist()


@EITHER_SIDE
def test_ends_that_are_equally_likely_keep_their_order(off):
    head = SpanHead(4, 1, threshold=0.05).eval()
    doc, none = torch.zeros(12, dtype=torch.long), torch.zeros((0, 2), dtype=torch.long)
    boundaries = torch.full((12, 2), -9.0)
    boundaries[0, 0] = boundaries[:, 1] = -1.0
    # Of twelve ends eight are kept, and these are as likely as the others.
    boundaries[9:, 1] += off
    assert head.propose(boundaries, doc, none)[:, 1].tolist() == list(range(8))


@EITHER_SIDE
def test_a_category_as_likely_as_the_least_is_given(off):
    tree = make_tree(Taxonomy.from_paths([("a", "b"), ("a", "c"), ("d",)]))
    leaves = np.zeros((1, 3), dtype="f")
    for name, share in (("b", 0.5 + off), ("c", 0.3), ("d", 0.2 - off)):
        leaves[0, tree.column_of(next(row for row in range(4) if tree.taxonomy.path(row)[-1] == name))] = share
    ((node, cats),) = decode(tree, leaves, 0.5, 3)
    assert tree.taxonomy.path(node) == ("a", "b")
    ((node, _),) = decode(tree, leaves, 0.50002, 3)
    assert tree.taxonomy.path(node) == ("a",)
    assert sum(cats.values()) == pytest.approx(1.8, abs=1e-5), "what is told is not rounded"


@EITHER_SIDE
def test_of_equally_likely_categories_the_first_is_given(off):
    tree = make_tree(Taxonomy.from_paths([("a",), ("b",)]))
    ((node, _),) = decode(tree, np.array([[0.5 - off, 0.5 + off]], dtype="f"), 0.4, 2)
    assert node == tree.leaves[0]


@EITHER_SIDE
def test_a_facet_as_likely_as_the_least_is_given_and_of_equals_the_first(off):
    classifier = spacy.blank("zh").add_pipe("product_tag_classifier", config={"min_score": 0.3})
    classifier.cfg["labels"] = ["brand", "color"]
    facets, told = classifier._decide(np.array([0.3 + off, 0.3 - off], dtype="f"))
    assert facets == ["brand"] and told == pytest.approx({"brand": 0.3, "color": 0.3}, abs=1e-5)
    assert classifier._decide(np.array([0.9999, 0.99999], dtype="f"))[0] == ["color"], "the surer one"
    assert classifier._decide(np.array([0.1, 0.29998 + off], dtype="f"))[0] == [""]


def test_a_rounded_number_is_the_one_that_a_config_holds():
    assert rounded(np.array([0.4, 0.30000001], dtype="f")).tolist() == [0.4, 0.3]
    assert rounded(0.400004) == 0.4 and rounded(1) == 1.0
    assert rounded(0.9999999) == rounded(np.array([0.9999999]))[0] == 0.99999 < 1
    assert certainty(np.array([0.0, 0.5, 0.5 + NOISE, 1.0], dtype="f")).tolist()[1:3] == [0.0, 0.0]
