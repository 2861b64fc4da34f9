import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import Model

from spacy_product_tags.encoders.char_encoder import build_char_encoder_v1
from spacy_product_tags.encoders.pieces import Pieces
from spacy_product_tags.heads.tag_classifier import (
    FacetHead,
    TagRows,
    build_tag_classifier_v1,
    hash_texts,
    to_input,
)
from spacy_product_tags.text.chars import code_points
from spacy_product_tags.text.folding import fold_points

WIDTH, ROWS = 12, 1000
TEXTS = ["耐克T恤红色", "", " ", "iPhone15 手机壳", "plain"]


def make_head(n_facets=3, n_aliases=2, **sizes):
    torch.manual_seed(0)
    head = FacetHead(WIDTH, n_facets, n_aliases, **{"hidden": 16, "rows": ROWS, "dropout": 0.0, **sizes}).eval()
    torch.nn.init.normal_(head.aliases.weight)
    if head.context:
        torch.nn.init.normal_(head.absent)
    return head


def make_docs(texts=TEXTS):
    nlp = spacy.blank("zh")
    return [nlp.make_doc(text) for text in texts]


def make_pieces(docs, seed=0):
    """Make a piece of every two characters; blanks have none."""
    starts, ends, begin = [], [], 0
    for doc in docs:
        for at in range(0, len(doc.text), 2):
            if doc.text[at : at + 2].strip():
                starts.append(begin + at)
                ends.append(begin + min(at + 2, len(doc.text)))
        begin += len(doc.text)
    vectors = np.random.default_rng(seed).normal(size=(len(starts), WIDTH)).astype("f")
    return Pieces(vectors, np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))


def make_tags():
    """Tags of the docs above: in the text, not in it, of a doc without text, twice the same."""
    spans = [(0, 1), (4, 5), (-1, -1), (-1, -1), (7, 14), (7, 14), (16, 18)]
    texts = ["耐克", "红色", "夏季", "包邮", "iPhone15", "iPhone15", "手机壳"]
    return TagRows(texts, np.array([0, 0, 0, 1, 3, 3, 3]), np.array(spans), [[0], [], [0, 1], [], [1], [1], []])


def test_logits_are_what_loops_give():
    head, docs, tags = make_head(), make_docs(), make_tags()
    pieces = make_pieces(docs)
    x = to_input(pieces, docs, tags, ROWS)
    logits = head(x)
    assert logits.shape == (7, 3)
    begins = np.cumsum([0, *(len(doc.text) for doc in docs)])
    with torch.no_grad():
        for row, (text, number, (first, last)) in enumerate(zip(tags.texts, tags.docs, tags.spans)):
            vector = head.spelling(head.grams.weight[hash_texts([text], ROWS)[0]].mean(0))
            for known in tags.aliases[row]:
                vector = vector + head.aliases.weight[known] / len(tags.aliases[row])
            if first < 0:
                vector = vector + head.absent
            else:
                own = []
                for char in range(first, last + 1):
                    covers = [n for n in range(len(pieces.starts)) if pieces.starts[n] <= char < pieces.ends[n]]
                    own.append(torch.tensor(pieces.vectors[covers[0]]) if covers else torch.zeros(WIDTH))
                vector = vector + head.inside(torch.cat([own[0], torch.stack(own).mean(0), own[-1]]))
            mine = (pieces.starts >= begins[number]) & (pieces.starts < begins[number + 1])
            seen = torch.tensor(pieces.vectors[mine])
            chances = head.attend(seen).softmax(0)  # of no piece: nothing
            vector = vector + head.around((chances.T @ seen).flatten())
            vector = head.norm(vector)
            vector = vector + torch.nn.functional.gelu(head.mix(vector))
            torch.testing.assert_close(logits[row], head.facets(vector), atol=1e-5, rtol=1e-4)


def test_a_doc_is_scored_as_alone():
    head, docs, tags = make_head(), make_docs(), make_tags()
    pieces = make_pieces(docs)
    logits = head(to_input(pieces, docs, tags, ROWS))
    begin = len(TEXTS[0]) + len(TEXTS[1]) + len(TEXTS[2])
    mine = (pieces.starts >= begin) & (pieces.starts < begin + len(TEXTS[3]))
    alone = Pieces(pieces.vectors[mine], pieces.starts[mine] - begin, pieces.ends[mine] - begin)
    own = TagRows(tags.texts[4:], np.zeros(3, dtype=np.int64), tags.spans[4:] - begin, tags.aliases[4:])
    torch.testing.assert_close(head(to_input(alone, docs[3:4], own, ROWS)), logits[4:])


@pytest.mark.parametrize("context", [True, False])
def test_no_tags_and_no_text(context):
    head = make_head(context=context)
    none = TagRows([], np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.int64), [])
    for texts in ([], [""], TEXTS):
        docs = make_docs(texts)
        assert head(to_input(make_pieces(docs), docs, none, ROWS)).shape == (0, 3)
    docs = make_docs(["", ""])
    nowhere = TagRows(["夏季"], np.array([1]), np.array([[-1, -1]]), [[]])
    assert torch.isfinite(head(to_input(make_pieces(docs), docs, nowhere, ROWS))).all()


def test_without_context_the_doc_does_not_count():
    head, tags = make_head(context=False), make_tags()
    docs = make_docs()
    first, second = (head(to_input(make_pieces(docs, seed), docs, tags, ROWS)) for seed in (0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(*(make_head()(to_input(make_pieces(docs, seed), docs, tags, ROWS)) for seed in (0, 1)))
    assert torch.equal(first[4], first[5])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=12), max_size=6))
def test_hashes_are_those_of_the_text_alone_and_of_its_substrings(texts):
    grams, counts = hash_texts(texts, 2**40)
    assert len(counts) == len(texts) and counts.sum() == len(grams)
    for text, own in zip(texts, np.split(grams, np.cumsum(counts)[:-1]) if texts else []):
        marked = fold_points(code_points(["\x02" + text + "\x03"])).tolist()
        parts = {tuple(marked[at : at + size]) for size in (1, 2, 3, 4) for at in range(len(marked) - size + 1)}
        assert len(set(own.tolist())) == len(parts), "one hash a substring"
        assert own.tolist() == hash_texts([text], 2**40)[0].tolist()


def test_case_and_width_do_not_count_and_ends_do():
    assert (hash_texts(["ＮＩＫＥ"], ROWS)[0] == hash_texts(["nike"], ROWS)[0]).all()
    assert set(hash_texts(["ab"], 2**40)[0]) != set(hash_texts(["ba"], 2**40)[0])


def _encoder(calls):
    encoder = build_char_encoder_v1(width=WIDTH, depth=1, rows=100, features=16, dropout=0.0, word_dropout=0.0)

    def counted(model, docs, is_train):
        calls.append(is_train)
        return encoder(docs, is_train)

    return Model("counted", counted, init=None, layers=[encoder], dims={"nO": WIDTH}), encoder


@pytest.mark.parametrize("context, runs", [(True, 2), (False, 0)])
def test_the_encoder_runs_and_learns_only_where_it_is_asked(context, runs):
    docs, tags, calls = make_docs(), make_tags(), []
    counted, encoder = _encoder(calls)
    model = build_tag_classifier_v1(counted, hidden_width=16, rows=ROWS, context=context, nO=3)
    encoder.initialize(X=docs)
    model.attrs["n_aliases"] = 2
    model.initialize(X=(docs, tags))
    model.predict((docs, tags))
    scores, backprop = model.begin_update((docs, tags))
    assert scores.shape == (7, 3) and len(calls) == runs
    backprop(np.ones_like(scores))
    learns = [weight.grad is not None and bool(weight.grad.any()) for weight in encoder.shims[0].module.parameters()]
    assert any(learns) is context
    head = model.shims[0].module
    assert all(weight.grad is not None for weight in head.parameters())
