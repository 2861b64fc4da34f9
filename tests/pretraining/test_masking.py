import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.pretraining.masking import IGNORE, WordMaskCollator, choose_words
from spacy_product_tags.pretraining.vocabulary import train_vocabulary

TOKENIZER = train_vocabulary(["棉"] * 3, 1)
MASK, PAD, CLS, SEP = (getattr(TOKENIZER, f"{name}_token_id") for name in ("mask", "pad", "cls", "sep"))


def make_row(texts, length=64, index=0):
    """Make a row of texts, each a list of the sizes of its words."""
    row = {name: np.full(length, value) for name, value in (("input_ids", PAD), ("words", -1))}
    row.update(index=index, texts=np.zeros(length, int), position_ids=np.zeros(length, int))
    at = 0
    for place, sizes in enumerate(texts, 1):
        words = [-1, *np.repeat(np.arange(len(sizes)), sizes), -1]
        end = at + len(words)
        row["words"][at:end] = words
        row["texts"][at:end] = place
        row["position_ids"][at:end] = np.arange(len(words))
        row["input_ids"][at:end] = [CLS, *(10 + np.arange(len(words) - 2)), SEP]
        at = end
    return row


def many_rows(count=64, index=0):
    rng = np.random.default_rng(1)
    return [make_row([rng.integers(1, 4, 12).tolist() for _ in range(2)], index=index + n) for n in range(count)]


words = st.lists(st.integers(1, 6), min_size=1, max_size=60)


@given(words, st.integers(0, 100), st.integers(0, 5), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_words_fill_the_budget_and_never_more(lengths, budget, seed, random):
    lengths = np.array(lengths)
    texts = np.sort(np.array([random.randrange(4) for _ in lengths]))
    chosen = choose_words(lengths, texts, budget, np.random.default_rng(seed))
    used = int(lengths[chosen].sum())
    assert used <= budget or chosen.sum() == 1
    # Filled, but for a word that was too long for the rest.
    assert chosen.all() or used + lengths.max() > budget


def test_runs_have_the_lengths_that_were_asked_for():
    lengths = np.ones(40, int)
    counts = np.zeros(5)
    for seed in range(3000):
        chosen = choose_words(lengths, np.zeros(40), 4, np.random.default_rng(seed))
        first = np.flatnonzero(chosen)
        # Budgets of four words hold one whole run at least; two of them seldom touch.
        counts[min(len(first), 4)] += 1
    assert counts[4] == 3000
    one = [choose_words(lengths, np.zeros(40), 1, np.random.default_rng(seed)).sum() for seed in range(50)]
    assert set(one) == {1}
    alone = np.mean([_share_alone(choose_words(lengths, np.zeros(40), 6, np.random.default_rng(s))) for s in range(500)])
    single = np.mean(
        [_share_alone(choose_words(lengths, np.zeros(40), 6, np.random.default_rng(s), (1.0,))) for s in range(500)]
    )
    # .4 of the runs, so .2 of their words, stand alone; chance neighbours take some off.
    assert 0.1 < alone < 0.25 < 0.6 < single


def _share_alone(chosen):
    padded = np.concatenate([[False], chosen, [False]])
    return (padded[1:-1] & ~padded[:-2] & ~padded[2:]).sum() / chosen.sum()


def test_a_run_ends_with_its_text():
    lengths, texts = np.ones(30, int), np.arange(30) // 2
    for seed in range(50):
        runs = choose_words(lengths, texts, 2, np.random.default_rng(seed), (0.0, 1.0))
        first, last = np.flatnonzero(runs)[[0, -1]]
        # A run of two is one text, or the last word of a text and then another run's first.
        assert texts[first] == texts[last] or first % 2 == 1 or last - first > 1


@pytest.fixture(scope="module")
def collator():
    return WordMaskCollator(TOKENIZER, mlm_probability=0.15, seed=3)


def test_whole_words_are_guessed_and_specials_never(collator):
    rows = many_rows()
    batch = collator(rows)
    labels = batch["labels"].numpy()
    length = labels.shape[1]
    words_, texts, ids = (np.stack([row[name][:length] for row in rows]) for name in ("words", "texts", "input_ids"))
    guessed = labels != IGNORE
    assert not guessed[words_ < 0].any()
    for row in range(len(rows)):
        for text in (1, 2):
            for word in range(12):
                place = (texts[row] == text) & (words_[row] == word)
                assert guessed[row][place].all() or not guessed[row][place].any()
    assert (labels[guessed] == ids[guessed]).all()
    assert (batch["input_ids"].numpy()[~guessed] == ids[~guessed]).all()
    share = guessed.sum() / (words_ >= 0).sum()
    assert 0.148 < share <= 0.1501
    assert torch.equal(batch["masked"], torch.from_numpy(np.flatnonzero(guessed)))


def test_eighty_ten_ten(collator):
    replaced, kept, random = 0, 0, 0
    for index in range(30):
        batch = collator(many_rows(index=index * 64))
        now, then = (batch[name].flatten()[batch["masked"]].numpy() for name in ("input_ids", "labels"))
        replaced += (now == MASK).sum()
        kept += (now == then).sum()
        random += ((now != MASK) & (now != then)).sum()
        assert not set(now[now != MASK]) & set(TOKENIZER.all_special_ids)
    total = replaced + kept + random
    assert abs(replaced / total - 0.8) < 0.01 and abs(kept / total - 0.1) < 0.01 and abs(random / total - 0.1) < 0.01


def test_seed_and_place_in_the_run_decide(collator):
    first, again, later = collator(many_rows()), collator(many_rows()), collator(many_rows(index=64))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["labels"], later["labels"])
    other = WordMaskCollator(TOKENIZER, mlm_probability=0.15, seed=4)(many_rows())
    assert not torch.equal(first["labels"], other["labels"])


def test_texts_of_a_row_do_not_see_each_other(collator):
    batch = collator([make_row([[1, 2], [3]]), make_row([[1]])])
    assert batch["attention_mask"].shape == (2, 10, 10)  # the shared padding is cut off
    mask = batch["attention_mask"][0].bool()
    assert mask[:5, :5].all() and mask[5:, 5:].all() and not mask[:5, 5:].any() and not mask[5:, :5].any()
    assert batch["pieces"].tolist() == [10, 3]
    flat = WordMaskCollator(TOKENIZER, seed=3, packed=False)([make_row([[1, 2]]), make_row([[1]])])
    assert flat["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]


@pytest.mark.parametrize("texts", [[[1]], [[4]], [[40]]])
def test_the_smallest_batch_has_something_to_guess(collator, texts):
    assert len(collator([make_row(texts)])["masked"]) == texts[0][0]


def test_a_batch_without_words_has_nothing(collator):
    assert len(collator([make_row([[]])])["masked"]) == 0
