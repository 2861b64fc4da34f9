import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.text import chars
from spacy_product_tags.text.chars import SubstringHash, classify, code_points, doc_index, run_bounds

TEXTS = st.lists(st.text(st.sampled_from("abAB1２克テ가é .-\n\ud800ＡＢ😀"), max_size=10), max_size=4)


def points_of(text):
    return code_points([text])


@pytest.mark.parametrize(
    "text, kind",
    [
        (" \t\n\u3000\u00a0\u2003", 1), ("-.,!【，。～￥😀", 2), ("09０９", 3), ("AZＡＺ", 4), ("azａｚ", 5),
        ("éßЖαع", 6), ("あカｶー", 7), ("克汉\u3400𠀀", 8), ("가각ﾡ", 9), ("\x00\x1f\x7f", 0),
    ],
)  # fmt: skip
def test_classes(text, kind):
    assert classify(points_of(text)).tolist() == [kind] * len(text)


def test_every_code_point_has_a_class():
    kinds = classify(np.arange(0x110000))
    assert kinds.min() == 0 and kinds.max() == chars.N_CLASSES - 1
    assert list(chars._STARTS) == sorted(set(chars._STARTS))


@settings(deadline=None)
@given(TEXTS)
def test_code_points_keep_every_character(texts):
    assert "".join(map(chr, code_points(texts))) == "".join(texts)
    assert [texts[number] for number in doc_index(texts)] == [text for text in texts for _ in text]


def runs_one_by_one(texts):
    """Find the runs with a plain loop. RETURNS (List[Tuple[int, int]]): Start and end for each character."""
    bounds, begin = [], 0
    for text in texts:
        kinds = ["d" if k == 3 else "l" if k in (4, 5, 6) else "" for k in classify(points_of(text)).tolist()]
        for i in range(len(text)):
            start, end = i, i + 1
            while kinds[i] and start and kinds[start - 1] == kinds[i]:
                start -= 1
            while kinds[i] and end < len(text) and kinds[end] == kinds[i]:
                end += 1
            bounds.append((begin + start, begin + end))
        begin += len(text)
    return bounds


@settings(deadline=None)
@given(TEXTS)
def test_runs_of_letters_and_digits(texts):
    starts, ends = run_bounds(classify(code_points(texts)), doc_index(texts))
    assert list(zip(starts.tolist(), ends.tolist())) == runs_one_by_one(texts)


@settings(deadline=None)
@given(st.text(st.sampled_from("ab克"), min_size=1, max_size=24), st.integers(1, 5), st.integers(0, 8))
def test_equal_strings_have_equal_hashes_wherever_they_stand_and_others_do_not(text, length, seed):
    hashed = SubstringHash(points_of(text))
    starts = np.arange(len(text) - min(length, len(text)) + 1)
    ends = starts + min(length, len(text))
    values = hashed(starts, ends, 2**40, seed).tolist()
    found = {}
    for start, end, value in zip(starts, ends, values):
        assert found.setdefault(text[start:end], value) == value
    assert len(set(found.values())) == len(found)
    # The same string in another batch is the same row.
    alone = SubstringHash(points_of(text[: ends[0]]))
    assert alone(starts[:1], ends[:1], 2**40, seed).tolist() == values[:1]


def test_hashes_fill_the_table_evenly_and_seeds_differ():
    each = np.arange(20000)
    hashed = SubstringHash(each)
    rows = hashed(each, each + 1, 100, 1)
    counts = np.bincount(rows, minlength=100)
    assert counts.min() > 120 and counts.max() < 280
    assert (rows == hashed(each, each + 1, 100, 2)).mean() < 0.05


def test_strings_that_only_differ_in_a_zero_at_an_end_differ():
    values = [SubstringHash(np.array(p))(np.array([0]), np.array([len(p)]), 2**40, 0)[0] for p in ([5], [5, 0], [0, 5])]
    assert len(set(values)) == 3


def test_a_megabyte():
    points = points_of("耐克Nike T恤" * 100_000)
    hashed = SubstringHash(points)
    first, last = hashed(np.array([0, len(points) - 9]), np.array([9, len(points)]), 2**40, 0)
    assert first == last
    assert unicodedata.category(chr(points[0])) == "Lo"
