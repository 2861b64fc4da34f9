"""A pipeline takes no longer than the text is long, whatever stands in it; every component, and decoding alone."""
from functools import partial

import numpy as np
import pytest
import spacy
from growth import LARGE, assert_linear, repeated
from hypothesis import given, settings
from strategies import texts
from whole_pipeline import make_whole

from spacy_product_tags.pipeline.spans.decoding import choose
from spacy_product_tags.text.tokenizer import ProductTokenizer

TITLE = "耐克2024新款男士纯棉短袖T恤，圆领透气包邮 Nike men's red cotton shirt "
UNITS = [TITLE, "红", "a", "1*", " ", "\n", "e\u0301", "👨‍👩‍👧‍👦", "🇨🇳", "\u200b", "<td>红色</td>", "ﾒﾝｽﾞ", "包邮", "\u0600", "&amp;", "[", "红 "]
COMPONENTS = ["make_doc", "product_preprocessor", "transformer", "product_classifier", "product_tag_generator"]


@pytest.fixture(scope="module")
def nlp(tiny_bert, tmp_path_factory):
    nlp = make_whole(tiny_bert, tmp_path_factory.mktemp("whole"))
    nlp.max_length = 10**6
    # As many as it finds: what limits time should be how it is written.
    nlp.get_pipe("product_tag_generator").cfg["max_tags"] = 10**6
    return nlp


@pytest.mark.parametrize("unit", [TITLE, "e\u0301", "🇨🇳", "<td>红色</td>", "[", "包邮"])
def test_time_of_the_whole_pipeline_is_linear(nlp, unit):
    assert_linear(nlp, repeated(unit), sizes=(1_000, 2_000, 4_000), repeats=1)


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
def test_time_of_the_whole_pipeline_is_linear_to_100000_characters(nlp, unit):
    assert_linear(nlp, repeated(unit), sizes=LARGE, repeats=1)


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", COMPONENTS)
def test_time_of_each_component_is_linear(nlp, name, unit):
    if name == "make_doc":
        assert_linear(nlp.make_doc, repeated(unit), sizes=LARGE, repeats=1)
        return
    ahead = nlp.pipe_names[: nlp.pipe_names.index(name)]

    def prepare(size):
        doc = nlp.make_doc(repeated(unit)(size))
        for before in ahead:
            doc = nlp.get_pipe(before)(doc)
        return doc

    assert_linear(nlp.get_pipe(name), prepare, sizes=LARGE, repeats=1)


VOCAB = spacy.blank("zh").vocab


def decode(overlap, given):
    doc, spans = given
    return choose([doc], spans, ["x"], overlap=overlap, widest=64, keep_promotions=False)


def every_span(unit, size):
    # spaCy's own tokenizers take quadratic time on emoji.
    doc = ProductTokenizer(VOCAB)(repeated(unit)(size))
    first = np.repeat(np.arange(size - 4), 3)
    pairs = np.stack([first, first + np.tile([0, 1, 3], size - 4)], axis=1)
    return doc, (pairs, np.zeros(len(pairs), int), np.random.default_rng(0).random(len(pairs)))


@pytest.mark.parametrize("unit", ["红色", "ﾒﾞ", " ", "🇨🇳", "\u0301"])
@pytest.mark.parametrize("overlap", ["none", "nested", "any"])
def test_time_of_decoding_is_linear(overlap, unit):
    assert_linear(partial(decode, overlap), partial(every_span, unit), sizes=(1_000, 2_000, 4_000), repeats=2)


def test_a_text_over_the_pipeline_s_limit_is_refused_by_spacy_with_its_length(nlp):
    nlp.max_length = 100
    try:
        with pytest.raises(ValueError, match=r"\[E088\] Text of length 101 exceeds maximum of 100"):
            nlp("红" * 101)
        assert len(nlp("红" * 100)) == 100
    finally:
        nlp.max_length = 10**6


@settings(max_examples=10, deadline=None)
@given(texts())
def test_the_same_tags_again(nlp, text):
    doc = nlp(text)
    once = doc._.tags
    assert nlp(text)._.tags == once
