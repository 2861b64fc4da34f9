import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from spacy_product_tags.encoders import transformer, windows
from spacy_product_tags.encoders.transformer import build_transformer_model_v1
from spacy_product_tags.encoders.windows import OFFSETS, _once_each, cut_windows

NLP = spacy.blank("zh")
TITLE = "耐克2024新款男士纯棉短袖T恤 iPhone15 Pro手机壳"
LONG = (TITLE + "，") * 92


@pytest.fixture(scope="module")
def model(tiny_bert):
    model = build_transformer_model_v1(tiny_bert, stride=16)
    model.initialize(X=[NLP.make_doc("耐克")])
    return model


def predict(model, *texts):
    return model.predict([NLP.make_doc(text) for text in texts]).doc_data


def pieces_of(data):
    """Give what the listeners read. RETURNS (Tuple[ndarray, ndarray]): (P, 2) offsets and (P, D) vectors, by start."""
    offsets = data.model_output[OFFSETS].reshape(-1, 2)
    vectors = data.model_output.last_hidden_state.reshape(len(offsets), -1)
    rows = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    rows = rows[np.argsort(offsets[rows, 0], kind="stable")]
    return offsets[rows], vectors[rows]


def test_offsets_are_those_of_the_text(model):
    (data,) = predict(model, "耐克 T恤iPhone")
    offsets, vectors = pieces_of(data)
    assert offsets.tolist() == [[0, 1], [1, 2], [3, 4], [4, 5], [5, 11]]
    assert vectors.shape == (5, 32)


def test_no_character_of_a_long_text_is_without_a_wordpiece(model):
    assert len(LONG) > 3000
    (data,) = predict(model, LONG)
    offsets, _ = pieces_of(data)
    assert len(data.model_output.last_hidden_state) > 40
    assert data.model_output.last_hidden_state.shape[1] <= 64
    assert (offsets[1:, 0] >= offsets[:-1, 1]).all()
    covered = {char for start, end in offsets.tolist() for char in range(start, end)}
    assert [i for i, char in enumerate(LONG) if i not in covered and not char.isspace()] == []


def test_a_window_of_a_long_text_gives_what_its_own_text_gives(model):
    (whole,) = predict(model, LONG)
    offsets, vectors = pieces_of(whole)
    compared = 0
    for window in cut_windows(model, [LONG])[1:20:6]:
        real = [offset for offset in window.offsets if offset[1] > offset[0]]
        start, end = real[0][0], real[-1][1]
        (part,) = predict(model, LONG[start:end])
        own_offsets, own_vectors = pieces_of(part)
        # Away from the edges the window speaks for its wordpieces.
        inner = [(n, place) for n, place in enumerate((own_offsets + start).tolist()) if 8 <= n < len(own_offsets) - 8]
        rows = {tuple(place): n for n, place in enumerate(offsets.tolist())}
        for n, place in inner:
            np.testing.assert_allclose(vectors[rows[tuple(place)]], own_vectors[n], atol=1e-4)
            compared += 1
    assert compared > 100


def test_the_texts_beside_it_do_not_matter_to_a_text(model):
    texts = [TITLE, "", "克", LONG[:500], " \n", "T恤" * 9]
    for text, together in zip(texts, predict(model, *texts)):
        (alone,) = predict(model, text)
        assert (pieces_of(alone)[0] == pieces_of(together)[0]).all()
        np.testing.assert_allclose(pieces_of(alone)[1], pieces_of(together)[1], atol=1e-4)


def test_training_sees_what_prediction_sees(model):
    docs = [NLP.make_doc(text) for text in (TITLE, "", LONG[:300])]
    model = model.copy()
    for layer in model.transformer.modules():
        for name in ("p", "dropout_prob"):
            if hasattr(layer, name):
                setattr(layer, name, 0.0)
    full, backprop = model.begin_update(docs)
    for trained, predicted in zip(full.doc_data, model.predict(docs).doc_data):
        assert (pieces_of(trained)[0] == pieces_of(predicted)[0]).all()
        np.testing.assert_allclose(pieces_of(trained)[1], pieces_of(predicted)[1], atol=1e-4)
    full.model_output = full.unsplit_by_doc(
        [[np.ones_like(data.model_output.last_hidden_state)] for data in full.doc_data]
    ).model_output
    assert backprop(full) == docs


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(6, 20), st.integers(0, 5))
def test_windows_share_nothing_and_leave_nothing_out(widths, length, stride):
    stride = min(stride, (length - 2) // 4)
    ends = np.cumsum(widths)
    pieces = [[int(end) - width, int(end)] for end, width in zip(ends, widths)]
    room, rows, at = length - 2, [], 0
    while True:
        rows.append([[0, 0], *pieces[at : at + room], [0, 0]])
        if at + room >= len(pieces):
            break
        at += room - stride
    padded = np.zeros((len(rows), length, 2), dtype=np.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    kept = _once_each(padded).reshape(-1, 2)
    assert sorted(kept[kept[:, 1] > 0].tolist()) == pieces


@settings(deadline=None, max_examples=60)
@given(text=st.text(st.sampled_from("耐克T恤iphone15 \n,.Ａé\u0301😀\x00\ufffd\u200b"), max_size=150))
def test_any_text(model, text):
    doc = NLP.make_doc(text)
    (data,) = model.predict([doc]).doc_data
    offsets, vectors = pieces_of(data)
    assert offsets.size == 0 or (offsets.min() >= 0 and offsets.max() <= len(text))
    assert np.isfinite(vectors).all()
    # Every token with a wordpiece is aligned with those that overlap it, and with no others.
    aligned = data.align
    every = data.model_output[OFFSETS].reshape(-1, 2)
    assert aligned.lengths.sum() == len(aligned.dataXd)
    parts = np.split(aligned.dataXd.ravel(), np.cumsum(aligned.lengths)[:-1]) if len(doc) else []
    for token, rows in zip(doc, parts):
        start, end = token.idx, token.idx + len(token)
        expected = np.flatnonzero((every[:, 0] < end) & (every[:, 1] > start))
        assert sorted(rows.tolist()) == sorted(expected.tolist())


def test_lone_surrogates(model):
    # BERT's normalizer drops what stands in for a surrogate; the characters behind it keep their places.
    assert cut_windows(model, ["a\ud800耐"])[0].offsets[1:-1] == [(0, 1), (2, 3)]


def test_the_data_travel(model):
    doc = NLP.make_doc(TITLE)
    Doc.set_extension("trf_data", default=None, force=True)
    doc._.trf_data = model.predict([doc]).doc_data[0]
    for other in (
        Doc(NLP.vocab).from_bytes(doc.to_bytes()), pickle.loads(pickle.dumps(doc)), doc.copy()
    ):  # fmt: skip
        data = other._.trf_data
        np.testing.assert_array_equal(pieces_of(data)[1], pieces_of(doc._.trf_data)[1])
        np.testing.assert_array_equal(pieces_of(data)[0], pieces_of(doc._.trf_data)[0])
        np.testing.assert_array_equal(data.align.dataXd, doc._.trf_data.align.dataXd)


def test_small_batches_give_what_one_does(model, monkeypatch):
    texts = [TITLE * n for n in (1, 2, 3, 9)]
    expected = [pieces_of(data)[1] for data in predict(model, *texts)]
    monkeypatch.setattr(windows, "_MAX_PADDED", 64)
    for found, vectors in zip(predict(model, *texts), expected):
        np.testing.assert_allclose(pieces_of(found)[1], vectors, atol=1e-4)


def test_roberta_s_positions_start_behind_the_padding_index():
    def window_length(**config):
        config = SimpleNamespace(**{"max_position_embeddings": 514, "model_type": "bert", "pad_token_id": 1, **config})
        fake = SimpleNamespace(transformer=SimpleNamespace(config=config), tokenizer=SimpleNamespace(model_max_length=9e9))
        return windows.window_length(fake)

    assert window_length() == 514
    assert window_length(model_type="xlm-roberta") == 512
    assert window_length(model_type="camembert") == 512
    assert window_length(max_position_embeddings=None) == 512


def test_copy_bytes_and_another_copy(model):
    expected = pieces_of(predict(model, TITLE)[0])[1]
    copied = model.copy()
    again = build_transformer_model_v1("nowhere").from_bytes(model.to_bytes())
    for other in (copied, again, copied.copy()):
        np.testing.assert_allclose(pieces_of(predict(other, TITLE)[0])[1], expected, atol=1e-5)
    weight = next(copied.transformer.parameters())
    weight.data += 1
    np.testing.assert_allclose(pieces_of(predict(model, TITLE)[0])[1], expected, atol=1e-5)


@pytest.mark.parametrize("cut", [0, 10, -10])
def test_damaged_data_is_a_plain_error(model, cut):
    with pytest.raises(ValueError, match="saved transformer .*damaged"):
        build_transformer_model_v1("nowhere").from_bytes(model.to_bytes()[:cut])


def test_a_missing_backbone_and_a_slow_tokenizer_say_what_to_do(tiny_bert, tmp_path):
    with pytest.raises(ValueError, match=r"'/nowhere/bert' can't be loaded.*\[paths\] backbone"):
        build_transformer_model_v1("/nowhere/bert").initialize()
    with pytest.raises(ValueError, match=r"can't be loaded"):
        build_transformer_model_v1(str(tmp_path)).initialize()


def test_other_components_of_spacy_listen_too(tiny_bert):
    nlp = spacy.blank("zh")
    config = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert, "stride": 16}
    nlp.add_pipe("transformer", config={"model": config})
    listener = {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}})
    texts = ["耐克T恤", "", LONG[:400]]
    examples = []
    for text in texts:
        doc = nlp.make_doc(text)
        tags = ["A" if token.text < "t" else "B" for token in doc]
        examples.append(Example.from_dict(doc, {"tags": tags, "words": [t.text for t in doc], "spaces": [t.whitespace_ != "" for t in doc]}))
    nlp.initialize(lambda: examples)
    optimizer, first = Adam(0.005), None
    for _ in range(25):
        losses = {}
        nlp.update(examples, sgd=False, losses=losses)
        for _, component in nlp.pipeline:
            component.finish_update(optimizer)
        first = first or losses["tagger"]
    assert losses["tagger"] < first / 2


def test_half_precision_on_cpu_is_for_training_and_nearly_the_same(model, tiny_bert, monkeypatch):
    half = build_transformer_model_v1(tiny_bert, mixed_precision=True, stride=16)
    half.initialize(X=[NLP.make_doc("耐克")])
    half.from_bytes(model.to_bytes())
    (full,), (data,) = predict(model, TITLE), predict(half, TITLE)
    ours, theirs = data.model_output.last_hidden_state, full.model_output.last_hidden_state
    assert (ours == theirs).all(), "what is predicted doesn't depend on the processor"
    # No dropout, to compare.
    half.transformer.eval()
    monkeypatch.setattr(half.transformer, "train", lambda mode=True: half.transformer)
    output, backprop = half.begin_update([NLP.make_doc(TITLE)])
    rounded = output.model_output.last_hidden_state
    assert rounded.dtype is torch.float32
    if transformer._has_bfloat16():
        assert 0 < np.abs(rounded.detach().numpy() - theirs).max() < 0.1, "rounded, but only a little"
    output.model_output = output.unsplit_by_doc([[np.ones_like(ours)]]).model_output
    before = {name: value.clone() for name, value in half.transformer.state_dict().items()}
    backprop(output)
    half.finish_update(Adam(0.1))
    after = half.transformer.state_dict()
    assert all(value.dtype is not torch.bfloat16 for value in after.values())
    assert sum(not torch.equal(after[name], before[name]) for name in before) > 10
    assert half.copy().attrs["mixed_precision"]


def test_a_copy_is_another_one_to_the_optimizer(model):
    numbers = {shim.id for other in (model, model.copy(), model.copy()) for shim in other.layers[0].shims}
    assert len(numbers) == 3


def test_predicting_leaves_the_tokenizer_as_it_is(model):
    backend = model.tokenizer.backend_tokenizer
    backend.enable_truncation(5)
    backend.enable_padding(length=9)
    before = backend.to_str()
    try:
        (data,) = predict(model, TITLE)
        assert backend.to_str() == before
        assert pieces_of(data)[0][-1].tolist() == [len(TITLE) - 1, len(TITLE)], "nor does it heed how that is set"
    finally:
        backend.no_truncation()
        backend.no_padding()


def test_the_tokenizer_s_copy_follows_it(model):
    model = model.copy()
    (before,) = predict(model, "闪闪")
    model.tokenizer.add_tokens(["闪闪"])
    model.transformer.resize_token_embeddings(len(model.tokenizer))
    (after,) = predict(model, "闪闪")
    assert (len(pieces_of(before)[0]), len(pieces_of(after)[0])) == (2, 1)
    model.attrs["stride"] = 8
    assert len(cut_windows(model, [LONG])) < len(cut_windows(model.copy(), [LONG])) * 2
