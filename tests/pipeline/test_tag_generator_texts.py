"""Texts of every kind: what any gold span becomes under any tokenization, long texts, odd characters."""
import re
import time
import unicodedata
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markup_files import read_markup
from spacy.tokens import Doc

from spacy_product_tags.encoders import char_encoder
from spacy_product_tags.encoders.pieces import spread, with_pieces
from spacy_product_tags.graphemes import clean
from spacy_product_tags.heads import tag_generator as model_module
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.convert import convert_dataset
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag
from spacy_product_tags.text.tokenizer import ProductTokenizer

CORPUS = Path(__file__).parents[2] / "corpus" / "listings"
ENCODERS = ["chars", "wordpieces", "stock"]
NOTHING = np.zeros((0, 2), dtype=np.int64)


# Share of gold spans that the head can represent


class WhitespaceTokenizer:
    """A token is whatever stands between blanks: most tags stand inside one."""

    def __init__(self, vocab):
        self.vocab = vocab

    def __call__(self, text):
        words, spaces = [], []
        for word, space in re.findall(r"(\S+|[^\S ]| (?= )|^ | $)( ?)", text):
            words.append(word)
            spaces.append(bool(space))
        doc = Doc(self.vocab, words=words, spaces=spaces)
        return doc if doc.text == text else spacy.blank("xx", vocab=self.vocab).make_doc(text)


def _product_tokenizer(vocab):
    tokenizer = ProductTokenizer(vocab)
    # Words that begin and end inside tags.
    tokenizer.add_words(["士纯", "女夏季", "新款男", "包邮儿", "size", "men's cotton"])
    return tokenizer


class LanguageTokenizer:
    """The tokens of one of spaCy's languages, for a vocabulary of another."""

    def __init__(self, lang, vocab):
        self.nlp, self.vocab = spacy.blank(lang), vocab

    def __call__(self, text):
        tokens = self.nlp.make_doc(text)
        return Doc(self.vocab, words=[t.text for t in tokens], spaces=[t.whitespace_ != "" for t in tokens])


TOKENIZERS = {
    "characters": partial(LanguageTokenizer, "zh"),
    "english": partial(LanguageTokenizer, "en"),
    "whitespace": WhitespaceTokenizer,
    "product": _product_tokenizer,
}


def make_pipeline(make_nlp, kind, tokenizer, listings):
    """Make an initialized, untrained pipeline whose labels are the listings'."""
    nlp = make_nlp(kind, lang="xx", max_width=256)
    nlp.tokenizer = TOKENIZERS[tokenizer](nlp.vocab)
    facets = sorted({tag.facet for listing in listings for tag in listing.tags if tag.start is not None})
    examples = [to_example(nlp, Listing("T恤", tags=tuple(Tag("T恤", facet, 1.0, 0, 2) for facet in facets)))]
    nlp.initialize(lambda: examples)
    return nlp


def missing_spans(nlp, listings, covered=True):
    """Send listings through the model with their gold spans and read its candidates back as places in the texts.

    covered (bool): Whether the first and last character, unless it is a blank, must have a vector of the encoder, too.
    RETURNS (Tuple[int, List]): Number of gold spans, and those that no candidate stands for.
    """
    component = nlp.get_pipe("product_tag_generator")
    total, missing = 0, []
    for begin in range(0, len(listings), 32):
        batch = listings[begin : begin + 32]
        examples = [to_example(nlp, listing) for listing in batch]
        docs = [example.predicted for example in examples]
        if nlp.has_pipe("transformer"):
            docs = list(nlp.get_pipe("transformer").pipe(docs))
        gold = component._gold_spans(examples)
        scores, _ = component.model.begin_update((docs, gold[:, :2]))
        candidates = set(map(tuple, scores.pairs.tolist()))
        pieces, _ = with_pieces(component.model.get_ref("tok2vec"), docs, False)
        row, _, _ = spread(pieces, len(scores.boundaries))
        at = 0
        for doc, listing in zip(docs, batch):
            assert doc.text == listing.text
            for tag in listing.tags:
                if tag.start is None:
                    continue
                total += 1
                first, last = at + tag.start, at + tag.end - 1
                # A BERT's tokenizer strips the marks of Thai letters, so that no piece covers them.
                ends = [char for char in (first, last) if covered and _is_letter(doc.text[char - at])]
                if (first, last) not in candidates or not row[ends].all():
                    missing.append((listing.id, tag.text))
                assert doc.text[first - at : last + 1 - at] == (tag.raw or tag.text)
            at += len(doc.text)
        assert len(gold) == sum(tag.start is not None for listing in batch for tag in listing.tags)
    return total, missing


def _is_letter(char):
    return not char.isspace() and not unicodedata.category(char).startswith("M")


@pytest.fixture(scope="module")
def corpus():
    # One in five: of every file, thus of every language.
    return [listing for file in sorted(CORPUS.rglob("*.txt")) for listing in list(read_markup(file))[::5]]


@pytest.mark.parametrize("tokenizer", sorted(TOKENIZERS))
@pytest.mark.parametrize("kind", ENCODERS)
def test_every_gold_span_of_the_corpus_is_representable(kind, tokenizer, make_nlp, corpus):
    # spacy-transformers' own model cuts what is too long of a span of tokens without a word.
    covered = kind != "stock" or tokenizer == "characters"
    total, missing = missing_spans(make_pipeline(make_nlp, kind, tokenizer, corpus), corpus, covered)
    assert missing == []
    assert total > 6000


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", sorted(TOKENIZERS))
@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(
    "file",
    ["zh_ner_jd_gaiic2022/dev", "zh_ner_taobao/dev", "zh_ner_alibaba_prodbrand/dev", "en_attr_oamine/train"],
)
def test_every_gold_span_of_real_data_is_representable(file, kind, tokenizer, make_nlp, datasets):
    rows = convert_dataset(datasets / f"{file}.jsonl.gz", on_error=lambda error: None)
    listings = list(islice((row for row in rows if row.tags), 500))
    covered = kind != "stock" or tokenizer == "characters"
    total, missing = missing_spans(make_pipeline(make_nlp, kind, tokenizer, listings), listings, covered)
    assert missing == []
    assert total > 500


def test_the_trained_tags_are_exact_whatever_the_tokens(trained, listings):
    for kind in ("chars", "wordpieces"):
        for name, make in TOKENIZERS.items():
            nlp = spacy.load(trained(kind))
            nlp.tokenizer = make(nlp.vocab)
            for listing in listings:
                assert [(t.start, t.end, t.facet) for t in nlp(listing.title)._.tags] == sorted(
                    (t.start, t.end, t.facet) for t in listing.tags
                ), (kind, name)


# Long texts


def scores_of(nlp, text):
    docs = list(nlp.get_pipe("transformer").pipe([nlp.make_doc(text)])) if nlp.has_pipe("transformer") else [nlp.make_doc(text)]
    return nlp.get_pipe("product_tag_generator").model.predict((docs, NOTHING))


@pytest.mark.parametrize("kind", ["chars", "wordpieces"])
@pytest.mark.parametrize("stretch", [7, 100, 333])
def test_stretches_give_what_one_pass_gives(stretch, kind, trained, listings, monkeypatch):
    nlp = spacy.load(trained(kind))
    nlp.get_pipe("product_tag_generator").model.attrs["settings"]["max_width"] = 128
    text = "\n".join(listing.title for listing in listings) * 8
    whole = scores_of(nlp, text)
    monkeypatch.setattr(model_module, "STRETCH", stretch)
    parts = scores_of(nlp, text)
    assert len(whole.pairs) > 100
    np.testing.assert_array_equal(parts.pairs, whole.pairs)
    np.testing.assert_allclose(parts.boundaries, whole.boundaries, atol=1e-4)
    np.testing.assert_allclose(parts.facets, whole.facets, atol=1e-3)


@pytest.mark.parametrize("kind", ENCODERS)
def test_tags_are_found_all_over_a_long_text(kind, trained, listings):
    nlp = spacy.load(trained(kind))
    title = listings[0].title
    text = (title + "\n") * 180
    assert len(text) > 3000
    doc = nlp(text)
    assert all(tag.text == text[tag.start : tag.end] for tag in doc._.tags)
    # Of a sixteenth of the text each has its share of tags.
    places = np.array([tag.start for tag in doc._.tags])
    counts = np.histogram(places, bins=16, range=(0, len(text)))[0]
    assert counts.min() >= max(1, counts.max() // 3)
    assert {tag.facet for tag in doc._.tags} >= {tag.facet for tag in listings[0].tags} - {"product"}


def test_away_from_the_edges_a_window_gives_what_a_short_text_gives(trained, listings, monkeypatch):
    nlp = spacy.load(trained("chars"))
    monkeypatch.setattr(char_encoder, "_WINDOW", 64)
    monkeypatch.setattr(char_encoder, "_MARGIN", 16)
    text = "\n".join(listing.title for listing in listings) * 6
    whole = scores_of(nlp, text)
    compared = 0
    for low, high, first, last in char_encoder.cut_windows([len(text)])[1:-1]:
        monkeypatch.setattr(char_encoder, "_WINDOW", 10_000)
        part = scores_of(nlp, text[low:high])
        # What stands at a window's outermost characters reads its neighbours beyond, as the short text can't.
        inner = slice(first - low, last - low)
        np.testing.assert_allclose(part.boundaries[inner], whole.boundaries[first:last], atol=0.5)
        compared += last - first
        monkeypatch.setattr(char_encoder, "_WINDOW", 64)
    assert compared > 200


@pytest.mark.parametrize(
    "kind, size",
    [
        ("chars", 60_000),
        ("wordpieces", 60_000),
        pytest.param("chars", 1_000_000, marks=pytest.mark.slow),
        pytest.param("wordpieces", 1_000_000, marks=pytest.mark.slow),
    ],
)
def test_a_very_long_text_takes_time_in_proportion(kind, size, trained, listings):
    nlp = spacy.load(trained(kind))
    nlp.tokenizer = ProductTokenizer(nlp.vocab)
    nlp.get_pipe("product_tag_generator").cfg["max_tags"] = size
    title = listings[0].title + "，"
    text = (title * (size // len(title) + 1))[:size]
    started = time.process_time()
    doc = nlp(text)
    spent = time.process_time() - started
    assert all(tag.text == text[tag.start : tag.end] for tag in doc._.tags)
    assert max(tag.end for tag in doc._.tags) > size * 0.99
    assert len(doc._.tags) > size / 40
    # Generous: what is quadratic needs a hundred times as long.
    assert spent < 30 + size / 5_000


# Odd characters


@pytest.mark.parametrize("kind", ["chars", "wordpieces", "stock", "tokens"])
@pytest.mark.parametrize(
    "text",
    [
        "\ud800红色\udfffT恤",
        "\x00耐克\x00T恤\x00",
        "\x01\x02\x1b[0m耐克\x7f",
        "ＮＩＫＥ　Ｔ恤１２３",
        "e\u0301\u0301a\u200d😀👨\u200d👩\u200d👧🇨🇳",
        "\ufeff耐克\u2028T恤\u2029\x85",
        "\u202e克耐\u202c‮",
        "𠀀𠮷野家 ﷽ ㎏ ½ ﬁ",
        " 耐克 ",
        "a" * 700,
        "\ufffd\ufffe\uffff",
    ],
)
def test_odd_characters(text, kind, make_nlp, odd_pipelines):
    nlp = odd_pipelines(kind)
    doc = nlp(text)
    assert len(doc.text) == len(text)
    for tag in doc._.tags:
        assert tag.text == doc.text[tag.start : tag.end] == tag.text.strip() != ""
    assert list(nlp.pipe([text, "", text]))[2]._.tags == tuple(
        Tag(t.text, t.facet, pytest.approx(t.score, abs=1e-4), t.start, t.end) for t in doc._.tags
    )
    assert Doc(nlp.vocab).from_bytes(doc.to_bytes(exclude=["user_data_keys", "user_data_values"])).text == doc.text


@pytest.fixture(scope="module")
def odd_pipelines(trained):
    """A function that gives a trained pipeline on our tokenizer that lets nearly every candidate pass."""
    pipelines = {}

    def get(kind):
        if kind not in pipelines:
            nlp = spacy.load(trained(kind))
            nlp.tokenizer = ProductTokenizer(nlp.vocab)
            nlp.get_pipe("product_tag_generator").cfg.update(min_score=0.02, overlap="any")
            pipelines[kind] = nlp
        return pipelines[kind]

    return get


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80), kind=st.sampled_from(ENCODERS))
@example(text="@\U000e0047", kind="chars")
def test_any_text_gives_tags_that_stand_in_it(text, kind, odd_pipelines):
    doc = odd_pipelines(kind)(text)
    assert len(doc.text) == len(text)
    for tag in doc._.tags:
        assert 0 <= tag.start < tag.end <= len(text)
        # What nobody sees is not in the tag's text; `raw` then has what stands there.
        assert (tag.raw or tag.text) == doc.text[tag.start : tag.end]
        assert tag.text == clean(tag.text) == tag.text.strip() != ""
        assert 0 < tag.score <= 1
    assert [(tag.start, tag.end) for tag in doc._.tags] == sorted((tag.start, tag.end) for tag in doc._.tags)
