import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.listing import Listing
from spacy_product_tags.pretraining.texts import encode_texts, make_cutter, open_texts, read_texts, word_starts
from spacy_product_tags.pretraining.vocabulary import train_vocabulary
from spacy_product_tags.text.segmenter import silver_segmentation, train_segmenter

TOKENIZER = train_vocabulary(["苹果iPhone15Pro手机壳", "cotton shirt"] * 3, 8000)


def pairs(run):
    """Cut a run into words of two characters."""
    return [run[at : at + 2] for at in range(0, len(run), 2)]


def test_listings_data_sets_and_plain_text_are_read(tmp_path):
    rows = [
        {"id": "1", "title": "棉T恤", "description": "舒适", "tags": [{"text": "棉", "facet": "material"}]},
        {"text": "手机壳", "spans": [[0, 2, "x"]], "score": 0.1},
        {"title": None, "text": "杯子"},
    ]
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf8") as file:
        file.write("\n\n".join(json.dumps(row) for row in rows))
    (tmp_path / "b.txt").write_text("\ufeff一\r\n\n 二 \n", encoding="utf8")
    texts = list(read_texts([tmp_path / "a.jsonl.gz", tmp_path / "b.txt"]))
    assert texts == ["棉T恤\n舒适", "手机壳", "杯子", "一", "二"]


def test_a_bad_line_is_reported_and_costs_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ['{"title": "好"}', "{", "[]", '{"id": 1}', '{"title": 3}', '{"title": "\\ud800"}', '{"text": "也好"}']
    path.write_bytes("\n".join(lines).encode() + b'\n{"title": "\xff"}\n{"title": "end"}')
    errors = []
    assert list(read_texts([path], on_error=errors.append)) == ["好", "也好", "end"]
    assert [(error.path, error.line) for error in errors] == [(str(path), line) for line in (2, 3, 4, 5, 6, 8)]
    assert [error.field for error in errors] == ["line", "line", "title", "title", "line", "line"]
    with pytest.raises(ListingError, match="a.jsonl:2: line: not valid JSON"):
        list(read_texts([path]))


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a.csv: must end in .jsonl"):
        list(read_texts([tmp_path / "a.csv"]))


def test_words_begin_where_scripts_and_the_segmenter_say():
    text = "苹果手机iPhone15 Pro, ok"
    assert [text[start:] for start in word_starts(text, pairs)][:4] == [text, text[2:], text[4:], text[10:]]
    assert word_starts(text, pairs)[4:] == [12, 16, 17, 20]


@given(st.text(alphabet="棉布a9é-. \n\u3000が", max_size=20))
@settings(deadline=None, max_examples=100)
def test_words_cover_the_text(text):
    starts = word_starts(text, pairs)
    assert starts == sorted(starts)
    assert not text or starts[0] == 0
    words = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)])]
    assert all(len(word.strip()) <= 2 for word in words if "棉" in word or "布" in word)


def test_pieces_and_words_come_back_from_disk(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("手机壳iPhone15\n\ncotton shirt 手机\n" + "棉" * 7, encoding="utf8")
    monkeypatch.setattr("spacy_product_tags.pretraining.texts.make_cutter", lambda _: ("pairs", pairs))
    encode_texts([path], TOKENIZER, tmp_path / "texts", max_pieces=5)
    texts = open_texts(tmp_path / "texts")
    assert isinstance(texts.ids, np.memmap) and texts.ids.dtype == np.uint16
    parts = [slice(*ends) for ends in zip(texts.starts, texts.starts[1:])]
    pieces = [TOKENIZER.convert_ids_to_tokens(texts.ids[part]) for part in parts]
    assert pieces == [["手", "机", "壳", "iphone", "15"], ["cotton", "shirt", "手", "机"], ["棉"] * 5, ["棉"] * 2]
    words = [(texts.words[part] - texts.words[part][0]).tolist() for part in parts]
    assert words == [[0, 0, 1, 2, 3], [0, 1, 2, 2], [0, 0, 1, 1, 2], [0, 1]]
    assert len(set(texts.digests)) == 4
    assert texts.info == {"files": [str(path)], "bad": 0, "texts": 4, "pieces": 16, "words": "pairs"}
    assert not (tmp_path / "texts.part").exists()


def test_no_text_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "a.txt").write_text(" \n")
    with pytest.raises(ValueError, match="no text in .*a.txt"):
        encode_texts([tmp_path / "a.txt"], TOKENIZER, tmp_path / "texts")
    assert not (tmp_path / "texts").exists()


def test_the_segmenter_cuts_if_there_is_one(tmp_path):
    texts = ["苹果手机壳", "手机支架", "苹果手机"] * 20
    train_segmenter(silver_segmentation(Listing(title=text) for text in texts), tmp_path, iterations=2)
    name, cut = make_cutter(tmp_path)
    assert name == "pkuseg" and "".join(cut("苹果手机壳")) == "苹果手机壳"
    name, cut = make_cutter()
    assert name == "jieba" and list(cut("苹果手机")) == ["苹果", "手机"]


def test_without_jieba_characters_are_words(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jieba", None)
    with pytest.warns(UserWarning, match="install jieba"):
        name, cut = make_cutter()
    assert name == "characters" and list(cut("手机")) == ["手", "机"]


def test_a_tokenizer_that_pads_and_cuts_off_does_neither_here(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("手机壳\n" + "棉" * 40 + "\n", encoding="utf8")
    kept = TOKENIZER.backend_tokenizer
    kept.enable_truncation(16)
    kept.enable_padding(length=16, pad_token="[PAD]", pad_id=TOKENIZER.pad_token_id)
    try:
        texts = encode_texts([path], TOKENIZER, tmp_path / "out", max_pieces=100)
    finally:
        kept.no_truncation()
        kept.no_padding()
    assert np.diff(texts.starts).tolist() == [3, 40]
    assert TOKENIZER.pad_token_id not in texts.ids
