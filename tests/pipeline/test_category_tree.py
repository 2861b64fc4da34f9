"""What listings teach the trees of the classifier."""
from collections import Counter

import spacy

from spacy_product_tags import Tag
from spacy_product_tags.pipeline.category.scores import NONE
from spacy_product_tags.pipeline.category.tree import gold_rows, make_axis

NLP = spacy.blank("xx")


def doc_with(*tags):
    doc = NLP.make_doc("red shirt")
    doc._.tags = list(tags)
    return doc


def test_a_listing_without_tags_teaches_an_axis_nothing():
    axis = make_axis(Counter({"red": 5, "blue": 5}))
    red, shirt, green = Tag("red", "color", 1.0, 0, 3), Tag("shirt", "product", 1.0, 4, 9), Tag("green", "color")
    docs = [doc_with(), doc_with(shirt), doc_with(shirt, red), doc_with(green)]
    row = axis.taxonomy.row
    # It wasn't annotated; one with other tags has no color; a color that is not on the axis is none of them.
    assert gold_rows(docs, "color", axis) == [-1, row(NONE), row("red"), row(NONE)]
