import copy
import pickle

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin
from spacy.tokens.underscore import Underscore

from spacy_product_tags import ListingError, Tag
from spacy_product_tags.tag import as_tag, get_tags, register_extensions, set_category, set_tags, text_length

NLP = spacy.blank("xx")
TEXT = "耐克 red T恤"
SPAN = Tag("red", "color", 0.9, 3, 6)
SELLER = Tag("红色", "color", source="seller")


def make_doc(*tags):
    doc = NLP.make_doc(TEXT)
    doc._.tags = tags
    return doc


# Tag


@pytest.mark.parametrize(
    "data, field",
    [
        ({}, "text"),
        ({"text": " \u3000"}, "text"),
        ({"text": 3}, "text"),
        ({"text": "x", "facett": "color"}, "facett"),
        ({"text": "x", "facet": None}, "facet"),
        ({"text": "x", "start": 1}, "start"),
        ({"text": "x", "end": 1}, "start"),
        ({"text": "x", "start": 2, "end": 2}, "start"),
        ({"text": "x", "start": -1, "end": 2}, "start"),
        ({"text": "x", "start": 1.0, "end": 2}, "start"),
        ({"text": "x", "start": True, "end": 2}, "start"),
        ({"text": "x", "start": 0, "end": "2"}, "end"),
        ({"text": "x", "score": 1.5}, "score"),
        ({"text": "x", "score": float("nan")}, "score"),
        ({"text": "x", "score": "1"}, "score"),
        ({"text": "x", "score": True}, "score"),
        ({"text": "x", "source": "magic"}, "source"),
    ],
)
def test_a_bad_field_is_named(data, field):
    with pytest.raises(ValueError, match=f"^{field}: "):
        Tag.from_dict(data)


def test_what_is_not_in_the_text_is_implicit_and_not_a_span():
    assert Tag.from_dict({"text": "夏季"}).source == "implicit"
    assert Tag.from_dict({"text": "夏季", "source": "span"}).source == "implicit"
    assert Tag.from_dict({"text": "夏季", "source": "seller"}).source == "seller"
    assert Tag.from_dict({"text": "夏季", "start": 0, "end": 2}).source == "span"


def test_dict_round_trip():
    assert Tag.from_dict(SPAN.to_dict()) == SPAN
    assert list(SPAN.to_dict()) == ["text", "facet", "score", "start", "end", "source", "canonical_id", "raw"]


def test_as_tag_takes_tags_dicts_and_texts():
    assert as_tag("红色") == Tag("红色", source="seller")
    assert as_tag({"text": "red", "facet": "color", "score": 0.9, "start": 3, "end": 6}) == SPAN
    with pytest.raises(TypeError, match="not int"):
        as_tag(3)


@pytest.mark.parametrize("typed, shown", [("\u200b全棉\ufeff", "全棉"), (" ❤全棉❤️", "全棉"), ("shock\u00adproof ", "shockproof")])
def test_what_a_seller_typed_loses_what_nobody_sees(typed, shown):
    assert as_tag(typed) == Tag(shown, source="seller", raw=typed)
    assert as_tag("PA+++ 100%") == Tag("PA+++ 100%", source="seller")
    with pytest.raises(ValueError, match="text: missing or blank"):
        as_tag("\u200b\u2060")


def test_lone_surrogates_that_a_seller_typed_stop_nothing():
    doc = make_doc()
    doc._.tags = ["\ud83d红色", "\udc80"]
    assert [(tag.text, tag.raw) for tag in doc._.tags] == [("红色", "\ufffd红色"), ("\ufffd", "")]
    assert Doc(NLP.vocab).from_bytes(doc.to_bytes())._.tags == doc._.tags


# doc._.tags


@pytest.mark.parametrize(
    "bad, message",
    [
        (Tag("red", start=3), r"tags\[1\]\.start"),
        (Tag("red", start=-3, end=2), r"tags\[1\]\.start"),
        (Tag("red", start=6, end=3), r"tags\[1\]\.start"),
        (Tag("red", start=3, end=len(TEXT) + 1), r"tags\[1\]\.end: 10 is behind the text, which has 9"),
        (Tag("red", score=float("nan")), r"tags\[1\]\.score"),
        (Tag(None), r"tags\[1\]\.text"),
        ({"text": "red", "colour": "x"}, r"tags\[1\]\.colour"),
        ("  ", r"tags\[1\]\.text"),
    ],
)
def test_a_bad_tag_is_named_and_the_old_tags_stay(bad, message):
    doc = make_doc(SELLER)
    with pytest.raises(ValueError, match=message):
        doc._.tags = [SPAN, bad]
    assert doc._.tags == (SELLER,)


@pytest.mark.parametrize("value", ["红色", {"text": "红色"}])
def test_one_tag_is_no_list_of_tags(value):
    doc = make_doc(SELLER)
    with pytest.raises(TypeError, match="takes a list of tags"):
        doc._.tags = value
    assert doc._.tags == (SELLER,)


def test_a_lost_append_fails_loudly():
    with pytest.raises(AttributeError):
        make_doc()._.tags.append(SPAN)


def test_numbers_are_stored_as_built_in_types():
    doc = make_doc(Tag("red", "color", np.float32(0.5), np.int64(3), np.int32(6)))
    tag = doc._.tags[0]
    assert (type(tag.score), type(tag.start), type(tag.end)) == (float, int, int)
    assert Doc(NLP.vocab).from_bytes(doc.to_bytes())._.tags == doc._.tags == (Tag("red", "color", 0.5, 3, 6),)


def _through_bytes(doc):
    return Doc(NLP.vocab).from_bytes(doc.to_bytes())


def _through_doc_bin(doc):
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    return next(iter(DocBin(store_user_data=True).from_bytes(data).get_docs(NLP.vocab)))


def _through_pickle(doc):
    return pickle.loads(pickle.dumps(doc))


@pytest.mark.parametrize("travel", [_through_bytes, _through_doc_bin, _through_pickle, Doc.copy])
def test_tags_issues_and_category_travel_with_the_doc(travel):
    doc = make_doc(SPAN, SELLER)
    doc._.tag_issues = [{"tag": 1, "reason": "spelling", "score": 0.5}]
    doc._.category = ["服饰", "T恤"]
    other = travel(doc)
    assert other._.tags == (SPAN, SELLER)
    assert other._.tag_issues == ({"tag": 1, "reason": "spelling", "score": 0.5},)
    assert other._.category == ("服饰", "T恤")
    other._.tags = []
    assert doc._.tags == (SPAN, SELLER)


def test_a_new_doc_has_nothing_and_empty_is_not_missing_a_getter():
    doc = NLP.make_doc("")
    assert (doc._.tags, doc._.tag_issues, doc._.category) == ((), (), ())
    doc._.tags = ["红色"]
    assert doc._.tags == (Tag("红色", source="seller"),)


def test_registering_again_changes_nothing_and_a_foreign_extension_is_named():
    register_extensions()
    assert Doc.get_extension("tags")[2] is get_tags
    Doc.set_extension("tags", default=None, force=True)
    with pytest.raises(ValueError, match=r"doc\._\.tags.*remove_extension\('tags'\)"):
        register_extensions()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_text_length(text):
    for nlp in (NLP, EN):
        doc = nlp.make_doc(text)
        assert text_length(doc) == len(doc.text) == len(text)


EN = spacy.blank("en")


def test_listing_error_says_where_and_pickles():
    error = ListingError("a.jsonl", 3, "tags[2].end", "is behind the text")
    assert str(error) == "a.jsonl:3: tags[2].end: is behind the text"
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line, again.field) == (str(error), 3, "tags[2].end")
    assert isinstance(copy.copy(again), ValueError)


@pytest.mark.parametrize(
    "name", ["product_classifier", "product_tag_generator", "product_tag_classifier", "product_tag_normalizer"]
)
def test_a_component_registers_the_extensions_when_it_is_made(name):
    Underscore.doc_extensions = {}
    nlp = spacy.blank("xx")
    nlp.add_pipe(name)
    assert nlp.make_doc("")._.tags == nlp.make_doc("")._.category == ()


@pytest.mark.parametrize("store", [set_tags, set_category])
def test_who_stores_tags_registers_the_extensions(store):
    # As in a process that unpickled its pipeline.
    Underscore.doc_extensions = {}
    doc = NLP.make_doc(TEXT)
    store(doc, ["red"])
    assert [tag.text for tag in doc._.tags] + list(doc._.category) == ["red"]
