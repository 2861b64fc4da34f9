"""Names in several languages get vectors, the same as in training."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.encoders.name_encoder import NameEncoder, name_ngrams, name_vectors
from spacy_product_tags.values.fitting.names import fit_names, merge_things

COLORS = {"red": "红色", "blue": "蓝色", "green": "绿色", "black": "黑色", "white": "白色", "yellow": "黄色"}
NOUNS = {"shirt": "衬衫", "shoes": "鞋", "bag": "包", "hat": "帽子", "table": "桌子"}
THINGS = [
    {"en": [f"{en} {noun}"], "zh-CN": [zh + name]} for en, zh in COLORS.items() for noun, name in NOUNS.items()
]


@pytest.fixture(scope="module")
def fitted():
    reports = []
    # One thing is left out: its two names never met.
    encoder = fit_names(
        THINGS[1:], steps=150, batch_size=29, buckets=2048, width=32, hidden=64, on_step=reports.append
    )
    return encoder, reports


def test_names_of_one_thing_get_near(fitted):
    encoder, reports = fitted
    assert reports[-1].step == 150 and reports[-1].loss < 0.3 * reports[0].loss
    vectors = name_vectors(encoder, [{"zh-CN": thing["zh-CN"][0]} for thing in THINGS])
    query = encoder.encode([THINGS[0]["en"][0]])
    assert np.argmax(query @ vectors.T) == 0
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_saved_and_read_again(fitted, tmp_path):
    encoder = fitted[0]
    encoder.to_disk(tmp_path / "names")
    again = NameEncoder.from_disk(tmp_path / "names")
    names = [name for thing in THINGS for each in thing.values() for name in each]
    assert np.abs(encoder.encode(names) - again.encode(names)).max() < 0.01
    assert again.width == 32


def test_a_file_that_was_rewritten_is_read_again(fitted, tmp_path):
    encoder = fitted[0]
    encoder.to_disk(tmp_path)
    first = NameEncoder.from_disk(tmp_path)
    assert NameEncoder.from_disk(tmp_path) is first
    NameEncoder({name: -w for name, w in encoder.weights.items()}).to_disk(tmp_path)
    again = NameEncoder.from_disk(tmp_path)
    assert np.array_equal(again.weights["bias"], -first.weights["bias"]) and first.weights["bias"].any()


def test_a_file_with_a_flipped_bit_or_a_wrong_shape_is_refused(fitted, tmp_path):
    from safetensors.numpy import save_file

    encoder = fitted[0]
    encoder.to_disk(tmp_path)
    file = tmp_path / "names.safetensors"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="the checksum differs"):
        NameEncoder.from_disk(tmp_path)
    for wrong, said in (
        ({"bias": None}, "bias: must be numbers in 1 dimensions, and is missing"),
        ({"skip": np.zeros((2, 3), "f")}, "skip: must be of shape"),
        ({"table": np.zeros(3, "f")}, "table: must be numbers in 2 dimensions"),
        ({"out": encoder.weights["out"] * np.nan}, "out: holds what is no number"),
        ({"more": np.zeros(3, "f")}, "'more': not known"),
    ):
        weights = {name: w for name, w in {**encoder.weights, **wrong}.items() if w is not None}
        save_file({name: np.ascontiguousarray(w) for name, w in weights.items()}, file)
        with pytest.raises(ValueError, match=said):
            NameEncoder.from_disk(tmp_path)


def test_a_folder_without_an_encoder_says_so(tmp_path):
    with pytest.raises(ValueError, match="nothing.*holds no name encoder.*product-tags names"):
        NameEncoder.from_disk(tmp_path / "nothing")


@settings(deadline=None, max_examples=60)
@given(names=st.lists(st.text(max_size=12), max_size=8))
def test_a_name_is_encoded_alike_in_any_company(fitted, names):
    encoder = fitted[0]
    together = encoder.encode(names)
    assert together.shape == (len(names), 32) and np.isfinite(together).all()
    for name, vector in zip(names, together):
        assert np.allclose(encoder.encode([name])[0], vector, atol=1e-5)


def test_case_and_width_make_no_difference():
    grams = [set(name_ngrams([name], 10000)[0].tolist()) for name in ("Navy Blue", "NAVY BLUE ", "ｎａｖｙ　ｂｌｕｅ")]
    assert grams[0] == grams[1] == grams[2]
    assert name_ngrams([], 100)[0].shape == (0,)


def test_too_few_things_are_refused():
    with pytest.raises(ValueError, match="1 things have names in two languages"):
        fit_names([THINGS[0], {"en": ["cap"]}, {"en": ["Cap"], "de": ["cap"]}], steps=1)


def test_one_thing_of_one_english_name():
    rows = [{"en": ["Red"], "de": ["Rot"]}, {"en": ["red"], "de": ["Rote", "Rot"]}, {"fr": ["Rouge"]}]
    assert merge_things(rows) == [{"en": ["Red", "red"], "de": ["Rot", "Rote"]}, {"fr": ["Rouge"]}]
