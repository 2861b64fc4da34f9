import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import Adam, fix_random_seed, set_dropout_rate

from spacy_product_tags.encoders import char_encoder
from spacy_product_tags.encoders.char_encoder import build_char_encoder_v1, cut_windows

NLP = spacy.blank("xx")
SIZES = {"width": 32, "depth": 1, "rows": 500, "features": 8, "dropout": 0.0, "word_dropout": 0.0}
TITLE = "耐克Nike2024新款纯棉T恤 男士"


@pytest.fixture(scope="module")
def encoder():
    fix_random_seed(0)
    model = build_char_encoder_v1(**SIZES)
    model.initialize()
    return model


def make_docs(*texts):
    return [NLP.make_doc(text) for text in texts]


@settings(deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=5))
def test_every_character_belongs_to_one_window_that_sees_it(lengths):
    windows = cut_windows(lengths)
    spoken_for = [char for _, _, first, last in windows for char in range(first, last)]
    assert spoken_for == list(range(sum(lengths)))
    ends = np.cumsum([0, *lengths])
    for seen_from, seen_to, first, last in windows:
        assert seen_from <= first < last <= seen_to
        assert seen_to - seen_from <= char_encoder._WINDOW + 2 * char_encoder._MARGIN
        # A window stays in its text, and sees its margin unless the text ends there.
        text = np.searchsorted(ends, first, side="right") - 1
        assert ends[text] <= seen_from and seen_to <= ends[text + 1]
        assert first - seen_from == min(char_encoder._MARGIN, first - ends[text])
        assert seen_to - last == min(char_encoder._MARGIN, ends[text + 1] - last)


def test_a_piece_a_character(encoder):
    docs = make_docs(TITLE, "", "\n", "a")
    pieces = encoder.predict(docs)
    size = sum(len(doc.text) for doc in docs)
    assert pieces.starts.tolist() == list(range(size))
    assert pieces.ends.tolist() == list(range(1, size + 1))
    assert pieces.vectors.shape == (size, 32)
    assert len(encoder.predict(make_docs("", "")).vectors) == len(encoder.predict([]).vectors) == 0


def test_the_texts_beside_it_do_not_matter_to_a_text(encoder):
    texts = [TITLE, "a" * 700, "克", TITLE * 30, " "]
    together, begin = encoder.predict(make_docs(*texts)).vectors, 0
    for text in texts:
        alone = encoder.predict(make_docs(text)).vectors
        np.testing.assert_allclose(together[begin : begin + len(text)], alone, atol=1e-5)
        begin += len(text)


def test_small_batches_give_what_one_does(encoder, monkeypatch):
    docs = make_docs(TITLE, TITLE * 100, "T恤")
    expected = encoder.predict(docs).vectors
    monkeypatch.setattr(char_encoder, "_MAX_PADDED", 400)
    np.testing.assert_allclose(encoder.predict(docs).vectors, expected, atol=1e-5)


def test_windows_give_what_whole_texts_give_away_from_their_edges(encoder, monkeypatch):
    """Convolutions reach four characters; with attention cut off, a window's margin hides that there are windows."""
    docs = make_docs(TITLE * 60)
    shim = encoder.shims[0]
    layers = shim.module.attentions
    shim.module.attentions = torch.nn.ModuleList()
    try:
        windowed = encoder.predict(docs).vectors
        monkeypatch.setattr(char_encoder, "_WINDOW", 10_000)
        np.testing.assert_allclose(encoder.predict(docs).vectors, windowed, atol=1e-5)
    finally:
        shim.module.attentions = layers


def test_training_sees_what_prediction_sees(encoder):
    docs = make_docs(TITLE * 40, "T恤", "")
    shim = encoder.shims[0]
    for module in shim.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    pieces, backprop = encoder.begin_update(docs)
    np.testing.assert_allclose(pieces.vectors, encoder.predict(docs).vectors, atol=1e-5)
    assert backprop(np.ones_like(pieces.vectors)) == docs
    gradients = {name: weight.grad for name, weight in shim.module.named_parameters()}
    assert not [name for name, gradient in gradients.items() if gradient is None]
    before = {name: weight.detach().clone() for name, weight in shim.module.named_parameters()}
    encoder.finish_update(Adam(0.001))
    assert all((before[name] != weight).any() for name, weight in shim.module.named_parameters())
    assert not shim.module.ngrams.weight[0].any()


def test_an_empty_batch_trains_nothing(encoder):
    pieces, backprop = encoder.begin_update(make_docs("", ""))
    assert backprop(pieces.vectors) == []


def test_case_and_width_share_features_but_not_all():
    ngrams, kinds = char_encoder._read(["nike", "NIKE", "ＮＩＫＥ", "adid"], 1000)
    assert (ngrams[:4] == ngrams[4:8]).all() and (ngrams[:4] == ngrams[8:12]).all()
    assert (kinds[:4] != kinds[4:8]).all()
    assert (ngrams[:4, 0] != ngrams[12:, 0]).any()
    assert ngrams.min() == 0 or ngrams.min() >= 1
    assert ngrams.max() < 1000


def test_features_do_not_reach_into_the_next_text():
    together, _ = char_encoder._read(["苹果", "手机", "ab", "cd"], 1000)
    alone = np.concatenate([char_encoder._read([text], 1000)[0] for text in ("苹果", "手机", "ab", "cd")])
    assert (together == alone).all()


def test_saved_and_loaded(encoder):
    again = build_char_encoder_v1(**SIZES).from_bytes(encoder.to_bytes())
    docs = make_docs(TITLE, "T恤")
    np.testing.assert_array_equal(again.predict(docs).vectors, encoder.predict(docs).vectors)


def test_initializing_again_starts_anew():
    model = build_char_encoder_v1(**SIZES)
    model.initialize()
    first = model.predict(make_docs(TITLE)).vectors
    model.initialize()
    assert np.abs(model.predict(make_docs(TITLE)).vectors - first).max() > 0.01


@pytest.mark.parametrize("text", ["\x00\x01", "Ａ１！", "😀👨‍👩‍👧", "e\u0301", "\u200b", "\u2028\x85", "𠀀𠀁"])
def test_odd_characters(encoder, text):
    vectors = encoder.predict(make_docs(text)).vectors
    assert vectors.shape == (len(text), 32)
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("start", [0.0, 0.4])
def test_dropout_is_what_training_says_and_before_that_the_setting(start):
    model = build_char_encoder_v1(**{**SIZES, "dropout": start})
    model.initialize()

    def varies():
        first, second = (model.begin_update(make_docs(TITLE))[0].vectors for _ in range(2))
        return not np.array_equal(first, second)

    assert varies() == (start > 0)
    for rate in (0.3, 0.0):
        set_dropout_rate(model, rate)
        assert varies() == (rate > 0)
        network = model.shims[0].module
        inner = {layer.dropout.p for layer in (*network.convolutions, *network.attentions)}
        assert network.dropout.p == rate and inner == {rate / 2}
