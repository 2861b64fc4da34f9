"""Stretches of titles, and how they are compared with the names of categories."""
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_product_tags.encoders.name_encoder import SHIPPED, NameEncoder
from spacy_product_tags.heads import name_matcher
from spacy_product_tags.heads.name_matcher import N_FEATURES, NameMatcher, find_stretches


@pytest.fixture(scope="module")
def encoder():
    return NameEncoder.from_disk(SHIPPED)


def make_matcher(encoder):
    return NameMatcher(encoder.width).eval()


def score(matcher, titles, names, most=4):
    found = find_stretches(titles, most)
    vectors = torch.from_numpy(NameEncoder.from_disk(SHIPPED).encode(found.texts))
    with torch.inference_mode():
        return matcher(vectors, torch.from_numpy(found.features), found.counts.tolist(), torch.from_numpy(names)).numpy()


def test_stretches_are_words_in_a_row():
    found = find_stretches(["iPhone 15 Pro, 手机壳", "", "Men's T-Shirt"], 2)
    assert found.texts[:6] == ["iPhone", "Pro", "手", "手机", "机", "机壳"]
    assert found.texts[7:] == ["Men", "Men's", "s", "s T", "T", "T-Shirt", "Shirt"]
    assert found.counts.tolist() == [7, 0, 7]
    assert "iPhone 15 Pro" in find_stretches(["iPhone 15 Pro"], 3).texts


@given(st.lists(st.text(max_size=30), max_size=4), st.integers(1, 5))
def test_every_stretch_stands_in_its_title(titles, most):
    found = find_stretches(titles, most)
    assert len(found.counts) == len(titles)
    assert found.features.shape == (len(found.texts), N_FEATURES) and np.isfinite(found.features).all()
    owners = np.repeat(np.arange(len(titles)), found.counts)
    assert all(text and text in titles[owner] for text, owner in zip(found.texts, owners))


@pytest.mark.parametrize("gap", [" ", "\u00a0", "\u3000", "\t", "-", "·", "’", " & "])
def test_what_may_stand_within_a_name(gap):
    assert f"desk{gap}lamp" in find_stretches([f"desk{gap}lamp"], 2).texts


@pytest.mark.parametrize("gap", [",", "，", "(", "【", "/"])
def test_what_ends_a_name(gap):
    assert find_stretches([f"desk{gap}lamp"], 2).texts == ["desk", "lamp"]


def test_neighbours_in_the_batch_change_nothing():
    title = "red shoes"
    alone, between = find_stretches([title], 3), find_stretches(["abc", title, "xyz"], 3)
    assert between.texts[1:-1] == alone.texts
    assert np.array_equal(between.features[1:-1], alone.features)


def test_a_very_long_word_is_no_name():
    assert find_stretches(["a" * 5000 + " lamp"], 2).texts == ["lamp"]


def test_the_likest_stretch_counts(encoder):
    names = encoder.encode(["refrigerators", "laptops", "running shoes"])
    matcher = make_matcher(encoder)
    scores = score(matcher, ["海尔 refrigerators 510L, A+", "nike running shoes men", "", "12 34"], names)
    assert scores.shape == (4, 3)
    assert scores[0].argmax() == 0 and scores[1].argmax() == 2
    # Before any training a perfect match has the whole scale.
    assert scores[0, 0] == pytest.approx(25, abs=0.2) and scores[1, 2] == pytest.approx(25, abs=0.2)
    assert not scores[2:].any()


def test_other_categories_change_no_score(encoder):
    names = encoder.encode(["refrigerators", "laptops", "running shoes"])
    matcher = make_matcher(encoder)
    titles = ["海尔 refrigerators 510L, A+", "nike running shoes men"]
    assert np.array_equal(score(matcher, titles, names)[:, :1], score(matcher, titles, names[:1]))


def test_half_precision_is_near(encoder, monkeypatch):
    names, titles = encoder.encode(["refrigerators", "laptops", "running shoes"]), ["cheap laptops for students", "冰箱"]
    found = []
    for fast in (True, False):
        monkeypatch.setattr(name_matcher, "has_fast_bfloat16", lambda fast=fast: fast)
        found.append(score(make_matcher(encoder), titles, names))
    assert np.abs(found[0] - found[1]).max() < 0.15, "about 0.1 of 25"
    assert (found[0] != found[1]).any(), "the processor's half precision was not used"


def test_before_training_every_word_of_a_long_title_is_compared(encoder):
    names = encoder.encode(["refrigerators", "desk lamps"])
    words = "one two three four five six seven eight nine ten".split() * 3
    for place in range(len(words)):
        title = " ".join([*words[:place], "refrigerators", *words[place:]])
        assert score(make_matcher(encoder), [title], names).argmax() == 0, title


def test_training_goes_on_where_no_title_has_a_stretch(encoder):
    matcher = make_matcher(encoder).train()
    empty = torch.zeros(0, encoder.width), torch.zeros(0, N_FEATURES)
    scores = matcher(*empty, [0, 0], torch.from_numpy(encoder.encode(["lamps"])))
    scores.sum().backward()
    assert scores.shape == (2, 1) and not scores.any()


def test_of_many_stretches_those_of_most_weight_are_compared(encoder, monkeypatch):
    monkeypatch.setattr(name_matcher, "_MOST_STRETCHES", 2)
    matcher = make_matcher(encoder)
    with torch.no_grad():
        # Whoever stands last weighs most.
        matcher.weigh[0].weight.zero_()
        matcher.weigh[0].weight[0, -N_FEATURES + 1] = 1.0
        matcher.weigh[2].weight[0, 0] = 1.0
    names = encoder.encode(["laptops", "shoes"])
    scores = score(matcher, ["laptops and so on and on for shoes"], names, most=1)
    assert scores[0, 1] > 25 and scores[0, 0] < 20
