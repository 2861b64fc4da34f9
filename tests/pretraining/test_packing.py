import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.pretraining.packing import PackedRows, pack_rows, split_texts
from spacy_product_tags.pretraining.texts import Texts
from spacy_product_tags.pretraining.vocabulary import train_vocabulary

TOKENIZER = train_vocabulary(["棉"] * 3, 1)


def make_texts(lengths, digests=None):
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
    ids = np.arange(starts[-1]) + 100
    words = np.concatenate([np.arange(length) for length in lengths]).astype(int)
    return Texts(ids, words, starts, np.arange(len(lengths)) if digests is None else np.array(digests), {})


@given(st.lists(st.integers(1, 32), max_size=80))
@settings(deadline=None, max_examples=150)
def test_every_text_is_in_one_row_and_rows_are_full(lengths):
    lengths = np.array(lengths, dtype=int)
    order, starts = pack_rows(lengths, 32)
    assert sorted(order) == list(range(len(lengths)))
    sums = [lengths[order[start:end]].sum() for start, end in zip(starts, starts[1:])]
    assert sum(sums) == lengths.sum() and all(0 < total <= 32 for total in sums)
    assert sum(total <= 16 for total in sums) <= 1  # two such rows would have been one


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200))
@settings(deadline=None, max_examples=100)
def test_the_held_out_texts_are_nowhere_else(digests):
    texts = make_texts([1] * len(digests), digests)
    if len(set(digests)) < 2:
        with pytest.raises(ValueError, match="two different texts"):
            split_texts(texts)
        return
    train, dev = split_texts(texts)
    assert len(dev) >= 1 and len(train) >= 1
    kept = texts.digests[np.concatenate([train, dev])]
    assert sorted(kept) == sorted(set(digests))


def test_two_per_cent_are_held_out_and_500_at_most():
    for size, held_out in ((1000, 20), (60000, 500)):
        texts = Texts(None, None, None, np.arange(size), {})
        assert [len(part) for part in split_texts(texts)] == [size - held_out, held_out]


def test_rows_hold_the_texts_with_positions_that_start_anew():
    rows = PackedRows(make_texts([4, 2, 20]), np.arange(3), TOKENIZER, 12)
    assert len(rows) == 2
    long, both = rows[0], rows[1]
    assert long["input_ids"].tolist() == [TOKENIZER.cls_token_id, *range(106, 116), TOKENIZER.sep_token_id]
    assert both["texts"].tolist() == [1] * 6 + [2] * 4 + [0] * 2
    assert both["position_ids"].tolist()[:10] == [*range(6), *range(4)]
    assert both["words"].tolist() == [-1, 0, 1, 2, 3, -1, -1, 0, 1, -1, -1, -1]
    assert both["input_ids"].tolist()[-2:] == [TOKENIZER.pad_token_id] * 2


def test_unpacked_rows_hold_one_text_each():
    rows = PackedRows(make_texts([4, 2]), np.arange(2), TOKENIZER, 12, packed=False, first_position=2)
    assert [row["texts"].max() for row in (rows[0], rows[1])] == [1, 1]
    assert rows[1]["position_ids"][:4].tolist() == [2, 3, 4, 5]


def test_a_run_goes_round_after_round_and_can_start_anywhere():
    texts = make_texts([3] * 10)
    rows = PackedRows(texts, np.arange(10), TOKENIZER, 5, size=25, seed=7)
    seen = [int(rows[index]["input_ids"][1]) for index in range(25)]
    assert sorted(seen[:10]) == sorted(seen[10:20]) and seen[:10] != seen[10:20]
    again = PackedRows(texts, np.arange(10), TOKENIZER, 5, size=25, seed=7)
    assert [int(again[index]["input_ids"][1]) for index in (23, 4, 11)] == [seen[index] for index in (23, 4, 11)]
