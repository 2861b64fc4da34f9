"""Tags and spaCy's spans, parts of docs, joined docs, JSON."""
import json

import pytest
import spacy
import srsly
from spacy import displacy
from spacy.tokens import Doc

from spacy_product_tags import Tag, spans_to_tags, tags_in_span, tags_to_spans

NLP = spacy.blank("xx")
TEXT = "Nike 纯棉T恤 red shirt"
NIKE, COTTON = Tag("Nike", "brand", 0.9, 0, 4, canonical_id="nike"), Tag("纯棉", "material", 0.8, 5, 7)
RED, SUMMER = Tag("red", "color", 0.7, 10, 13), Tag("summer", "season", source="implicit")


@pytest.fixture()
def doc():
    doc = NLP.make_doc(TEXT)
    doc._.tags = [NIKE, COTTON, RED, SUMMER]
    return doc


@pytest.mark.parametrize(
    "mode, texts", [("expand", ["Nike", "纯棉T恤", "red"]), ("contract", ["Nike", "red"]), ("strict", ["Nike", "red"])]
)
def test_tags_become_spans_of_tokens(mode, texts, doc):
    # The tokenizer keeps 纯棉T恤 in one piece, so that 纯棉 is no span of tokens.
    group = tags_to_spans(doc, "mine", alignment_mode=mode)
    assert [span.text for span in group] == texts == [span.text for span in doc.spans["mine"]]
    assert (group[0].label_, group[0].kb_id_) == ("brand", "nike")
    assert group.attrs["scores"][0] == 0.9 and len(group.attrs["scores"]) == len(texts)


def test_another_mode_is_refused(doc):
    with pytest.raises(ValueError, match="alignment_mode: must be one of strict, contract, expand, not 'near'"):
        tags_to_spans(doc, alignment_mode="near")


def test_displacy_shows_them(doc):
    tags_to_spans(doc)
    html = displacy.render(doc, style="span", jupyter=False)
    assert all(word in html for word in ("brand", "material", "color", "纯棉T恤"))


def test_spans_come_back_as_tags(doc):
    tags_to_spans(doc, "mine")
    other = NLP.make_doc(TEXT)
    other.spans["mine"] = [other.char_span(span.start_char, span.end_char, span.label) for span in doc.spans["mine"]]
    assert spans_to_tags(doc, "mine") == (NIKE, Tag("纯棉T恤", "material", 0.8, 5, 9), RED)
    assert [tag.score for tag in spans_to_tags(other, "mine")] == [1.0, 1.0, 1.0]
    assert spans_to_tags(doc, "none") == ()
    other._.tags = spans_to_tags(doc, "mine")
    assert other._.tags[0] == NIKE


def test_spans_survive_bytes(doc):
    tags_to_spans(doc)
    assert spans_to_tags(Doc(doc.vocab).from_bytes(doc.to_bytes())) == spans_to_tags(doc)


def test_a_part_of_a_doc_gets_the_tags_in_it(doc):
    part = doc[1:3].as_doc()
    part._.tags = tags_in_span(doc[1:3])
    assert part.text.strip() == "纯棉T恤 red"
    assert [(tag.text, part.text[tag.start : tag.end]) for tag in part._.tags] == [("纯棉", "纯棉"), ("red", "red")]
    assert tags_in_span(doc[3:4]) == ()


def test_offsets_that_do_not_fit_are_no_tags(doc):
    with pytest.raises(ValueError, match=r"text of 19 characters, and this doc has 9,.*tags_in_span"):
        assert doc[1:3].as_doc(copy_user_data=True)._.tags
    # The whole doc is no part.
    assert doc[:].as_doc(copy_user_data=True)._.tags == doc._.tags
    # What was never tagged is not asked.
    assert NLP.make_doc(TEXT)[1:3].as_doc(copy_user_data=True)._.tags == ()


def test_joined_docs_keep_tags_as_spans(doc):
    other = NLP.make_doc("blue cap")
    other._.tags = [Tag("blue", "color", 0.6, 0, 4)]
    for each in (doc, other):
        tags_to_spans(each, "tags")
    joined = Doc.from_docs([doc, other], exclude=["user_data"])
    joined._.tags = spans_to_tags(joined, "tags")
    assert [joined.text[tag.start : tag.end] for tag in joined._.tags] == ["Nike", "纯棉T恤", "red", "blue"]
    assert [tag.facet for tag in joined._.tags] == ["brand", "material", "color", "color"]


def test_tags_go_into_the_json_of_a_doc_and_back(doc):
    data = doc.to_json(underscore=["tags"])
    text = srsly.json_dumps(data)
    assert json.loads(text)["_"]["tags"] == [tag.to_dict() for tag in doc._.tags]
    again = Doc(NLP.vocab).from_json(json.loads(text))
    assert again._.tags == doc._.tags
    assert json.loads(json.dumps(doc._.tags, default=Tag.to_dict)) == json.loads(srsly.json_dumps(doc._.tags))
