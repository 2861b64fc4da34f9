import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.ml.models import build_hash_embed_cnn_tok2vec
from spacy.tokens import Doc

from spacy_product_tags.encoders.pieces import (
    Pieces,
    spread,
    text_starts,
    token_offsets,
    with_pieces,
)
from spacy_product_tags.graphemes import surrogates_replaced

VALID = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BLANK = {lang: spacy.blank(lang) for lang in ("xx", "en", "zh")}


@settings(deadline=None)
@given(VALID, st.sampled_from(sorted(BLANK)))
def test_token_offsets_are_spacy_s(text, lang):
    doc = BLANK[lang].make_doc(text)
    starts, ends = token_offsets(doc)
    assert starts.tolist() == [token.idx for token in doc]
    assert ends.tolist() == [token.idx + len(token) for token in doc]
    assert starts.dtype == ends.dtype == np.int64


def test_token_offsets_of_tokens_without_spaces_and_of_none():
    vocab = BLANK["xx"].vocab
    starts, ends = token_offsets(Doc(vocab, words=["苹果", "15", "Pro"], spaces=[False, True, False]))
    assert (starts.tolist(), ends.tolist()) == ([0, 2, 5], [2, 4, 8])
    assert [len(array) for array in token_offsets(Doc(vocab))] == [0, 0]


@settings(deadline=None)
@given(st.lists(VALID, max_size=4))
def test_text_starts(texts):
    docs = [BLANK["xx"].make_doc(text) for text in texts]
    assert text_starts(docs).tolist() == [len("".join(texts[:n])) for n in range(len(texts) + 1)]


@settings(deadline=None)
@given(st.text(st.characters(), max_size=20))
def test_surrogates_are_replaced_one_to_one(text):
    replaced = surrogates_replaced(text)
    replaced.encode("utf8")
    assert len(replaced) == len(text)
    assert all(a == b or ("\ud800" <= a <= "\udfff" and b == "\ufffd") for a, b in zip(text, replaced))


def test_spread():
    pieces = Pieces(np.zeros((3, 2), "f"), np.array([1, 4, 5]), np.array([3, 5, 8]))
    row, offset, rest = spread(pieces, 9)
    assert row.tolist() == [0, 1, 1, 0, 2, 3, 3, 3, 0]
    assert offset.tolist() == [0, 0, 1, 0, 0, 0, 1, 2, 0]
    assert rest.tolist() == [0, 1, 0, 0, 0, 2, 1, 0, 0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=8))
def test_spread_is_what_a_loop_gives(gaps_and_lengths):
    at, starts, ends = 0, [], []
    for gap, length in gaps_and_lengths:
        starts.append(at + gap)
        at += gap + length
        ends.append(at)
    expected = [(0, 0, 0)] * (at + 2)
    for number, (start, end) in enumerate(zip(starts, ends), 1):
        for char in range(start, end):
            expected[char] = (number, char - start, end - char - 1)
    pieces = Pieces(np.zeros((len(starts), 1), "f"), np.array(starts, "i8"), np.array(ends, "i8"))
    assert list(zip(*(array.tolist() for array in spread(pieces, at + 2)))) == expected


def test_any_token_encoder_of_spacy_gives_pieces():
    tok2vec = build_hash_embed_cnn_tok2vec(
        width=8, depth=1, embed_size=50, window_size=1, maxout_pieces=2, subword_features=True, pretrained_vectors=None
    )
    nlp = BLANK["en"]
    docs = [nlp.make_doc("red shirt"), nlp.make_doc(""), nlp.make_doc(" a")]
    tok2vec.initialize(X=docs)
    pieces, backprop = with_pieces(tok2vec, docs, True)
    assert (pieces.starts.tolist(), pieces.ends.tolist()) == ([0, 4, 9, 10], [3, 9, 10, 11])
    assert pieces.vectors.shape == (4, 8)
    expected = tok2vec.predict(docs)
    np.testing.assert_allclose(pieces.vectors[:2], expected[0], atol=1e-6)
    assert backprop(np.ones_like(pieces.vectors)) is not None
    assert any(node.has_grad("W") for node in tok2vec.walk() if node.has_param("W"))


def test_no_docs_at_all():
    tok2vec = build_hash_embed_cnn_tok2vec(
        width=8, depth=1, embed_size=50, window_size=1, maxout_pieces=2, subword_features=True, pretrained_vectors=None
    )
    doc = BLANK["en"].make_doc("")
    tok2vec.initialize()
    pieces, _ = with_pieces(tok2vec, [doc], False)
    assert len(pieces.starts) == len(pieces.ends) == len(pieces.vectors) == 0


def test_a_gradient_of_the_wrong_length_is_not_taken_silently():
    pieces = Pieces(np.zeros((1, 2), "f"), np.array([0]), np.array([3]))
    with pytest.raises(IndexError):
        spread(pieces, 2)
