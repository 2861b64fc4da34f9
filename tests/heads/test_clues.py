"""Clues: what the span head is told beside the text."""
import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_product_tags.heads.clues import KINDS, Lexicon, count_rows, find_clues

FACETS = {"brand": 1, "color": 2}
# Places of a character in a word.
B, M, E, S = range(4)


@pytest.fixture(scope="module")
def vocab():
    return spacy.blank("xx").vocab


def doc(vocab, *words, spaces=None):
    return Doc(vocab, words=list(words), spaces=spaces or [False] * len(words))


def rows_of(clues, size):
    return [clues.rows[clues.chars == char].tolist() for char in range(size)]


def test_words(vocab):
    docs = [doc(vocab, "耐克", "鞋", "运动裤", spaces=[True, False, False]), doc(vocab, "红")]
    found = rows_of(find_clues(docs, ["words"], Lexicon(), FACETS), 8)
    assert found == [[B], [E], [], [S], [B], [M], [E], [S]]


def test_parts_of_speech(vocab):
    one = Doc(vocab, words=["耐克", "红"], spaces=[False, False], pos=["PROPN", "ADJ"])
    clues = find_clues([one], ["words", "pos"], Lexicon(), FACETS)
    tags = [sorted(rows)[1] for rows in rows_of(clues, 3)]
    assert tags[0] == tags[1] != tags[2] and min(tags) >= 4 and max(tags) < count_rows(["words", "pos"], 2)


def test_promotions(vocab):
    one = doc(vocab, "包邮", "鞋")
    assert rows_of(find_clues([one], ["promotions"], Lexicon(), FACETS), 3) == [[], [], []]
    one.spans["promotions"] = [Span(one, 0, 1, "promotion")]
    assert rows_of(find_clues([doc(vocab, "鞋"), one], ["promotions"], Lexicon(), FACETS), 4) == [[], [0], [0], []]


def test_lexicon(vocab):
    lexicon = Lexicon({"brand": ["耐克", "红蜻蜓", "RED"], "color": ["红", "红色", "red"], "fit": ["修身"]})
    docs = [doc(vocab, "耐克红色修身"), doc(vocab, "红蜻蜓"), doc(vocab, "Red", "redder", spaces=[True, False])]
    found = rows_of(find_clues(docs, ["lexicon"], lexicon, FACETS), 19)
    brand, color, none = 4, 8, 0
    assert found[:2] == [[brand + B], [brand + E]]
    assert found[2:4] == [[color + B], [color + E]]
    # A facet that the head doesn't know.
    assert found[4:6] == [[none + B], [none + E]]
    # The longest counts.
    assert found[6:9] == [[brand + B], [brand + M], [brand + E]]
    # Case doesn't; a value of two facets has both; a word isn't cut.
    assert [sorted(rows) for rows in found[9:12]] == [[brand + p, color + p] for p in (B, M, E)]
    assert found[12:] == [[]] * 7


def test_kinds_don_t_share_rows(vocab):
    lexicon = Lexicon({"brand": ["耐克"]})
    one = Doc(vocab, words=["耐克"], spaces=[False], pos=["PROPN"])
    one.spans["promotions"] = [Span(one, 0, 1, "promotion")]
    clues = find_clues([one], KINDS, lexicon, FACETS)
    assert len(clues.rows) == 8 and len(set(clues.rows.tolist())) == 6
    assert clues.rows.max() < count_rows(KINDS, 2) == 4 + count_rows(["pos"], 2) + 1 + 12
    assert (np.diff(clues.chars) >= 0).all()


def test_masking_passes_values_over(vocab):
    lexicon = Lexicon({"brand": ["耐克"]})
    docs = [doc(vocab, "耐克")] * 400
    np.random.seed(0)
    found = len(find_clues(docs, ["lexicon"], lexicon, FACETS, 0.3).rows) / 800
    assert 0.6 < found < 0.8
    assert len(find_clues(docs, ["lexicon"], lexicon, FACETS).rows) == 800


def test_saved_and_read(vocab):
    lexicon = Lexicon({"brand": ["耐克", "Ｎike"], "": ["超值"]})
    again = Lexicon().from_bytes(lexicon.to_bytes())
    assert again.words == lexicon.words == {"": ["超值"], "brand": ["nike", "耐克"]}
    data = bytearray(lexicon.to_bytes())
    data[-3] ^= 1
    with pytest.raises(ValueError, match="lexicon"):
        Lexicon().from_bytes(bytes(data))


def test_no_docs_and_nothing_known(vocab):
    for docs in ([], [doc(vocab)], [doc(vocab), doc(vocab, "红")]):
        assert len(find_clues(docs, ["lexicon", "promotions"], Lexicon(), FACETS).rows) == 0
