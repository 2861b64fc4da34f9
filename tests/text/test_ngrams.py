"""Hashed n-grams: where they are, and that they tell words, letters and characters apart."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.text.ngrams import hash_ngrams


def test_words_and_places():
    grams, places = hash_ngrams(["Red shirt", "红T恤"], 1 << 30, words=(1, 2))
    # red, shirt, 红, t, 恤; then red shirt, 红t, t恤: none across two texts.
    assert places.tolist() == [0, 4, 9, 10, 11, 0, 9, 10]
    assert len(set(grams.tolist())) == 8
    same, _ = hash_ngrams(["ＲＥＤ shirt"], 1 << 30, words=(1, 2))
    assert same.tolist() == [grams[0], grams[1], grams[5]]


def test_kinds_differ_and_lengths_too():
    word, _ = hash_ngrams(["abcd"], 1 << 30, words=(1,))
    letters, _ = hash_ngrams(["abcd"], 1 << 30, letters=(4,))
    chars, places = hash_ngrams(["abcd"], 1 << 30, chars=(4, 3))
    assert len({*word.tolist(), *letters.tolist(), *chars.tolist()}) == 5
    assert places.tolist() == [0, 0, 1]


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.text(max_size=10), max_size=5))
def test_a_text_has_the_same_ngrams_in_any_company(texts):
    settings = {"words": (1, 2, 3), "letters": (2, 4), "chars": (1, 3)}
    grams, places = hash_ngrams(texts, 1000, **settings)
    assert ((grams >= 0) & (grams < 1000)).all()
    starts = np.cumsum([0, *map(len, texts)])
    for number, text in enumerate(texts):
        own = grams[(places >= starts[number]) & (places < starts[number + 1])]
        assert sorted(own.tolist()) == sorted(hash_ngrams([text], 1000, **settings)[0].tolist())
