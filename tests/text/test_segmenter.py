"""Silver segmentation and the training of a segmenter."""
import random
import sys
from pathlib import Path

import pytest
import spacy_pkuseg
from markup_files import read_markup

from spacy_product_tags.listing import Listing
from spacy_product_tags.tag import Tag
from spacy_product_tags.text.pkuseg import PkusegModel
from spacy_product_tags.text.segmenter import silver_segmentation, train_segmenter

CORPUS = Path(__file__).parents[2] / "corpus" / "listings"


@pytest.fixture(scope="module")
def silver():
    return list(silver_segmentation(read_markup(CORPUS / "zh" / "apparel.txt")))


def test_silver_keeps_the_text_and_the_tags_bounds(silver):
    for listing, words in zip(read_markup(CORPUS / "zh" / "apparel.txt"), silver, strict=True):
        assert "".join(words) == listing.text
        starts = {len("".join(words[:number])) for number in range(len(words) + 1)}
        for tag in listing.tags:
            if tag.start is not None:
                assert {tag.start, tag.end} <= starts


def test_silver_tags_cut_where_the_dictionary_does_not():
    text = "连衣裙 iPhone壳"
    assert next(silver_segmentation([Listing(title=text)])) == ["连衣裙", " iPhone", "壳"]
    tagged = Listing(title=text, tags=(Tag("裙", "product", start=2, end=3), Tag("x", "style", source="implicit")))
    assert next(silver_segmentation([tagged])) == ["连衣", "裙", " iPhone", "壳"]
    assert list(silver_segmentation([Listing(title="")])) == [[]]


def test_silver_without_jieba(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ImportError, match="pip install jieba"):
        list(silver_segmentation([Listing(title="x")]))


def test_training_learns_and_is_deterministic_and_silent(silver, tmp_path, capfd):
    random.seed(7)
    expected = random.random()
    settings = dict(vars(spacy_pkuseg.config))
    random.seed(7)
    first = train_segmenter(silver, tmp_path / "a" / "b", iterations=5)
    assert random.random() == expected, "the caller's random state changed"
    second = train_segmenter(silver, tmp_path / "second", iterations=5)
    assert capfd.readouterr() == ("", "")
    assert first == tmp_path / "a" / "b"
    assert sorted(path.name for path in first.iterdir()) == ["features.msgpack", "weights.npz"]
    for name in ("features.msgpack", "weights.npz"):
        assert (first / name).read_bytes()[-5000:] == (second / name).read_bytes()[-5000:]
    model, again = PkusegModel.from_disk(first), PkusegModel.from_disk(second)
    assert (model.w == again.w).all()
    assert model.cut("纯棉短袖") == ("纯棉", "短袖")
    changed = {name for name, value in vars(spacy_pkuseg.config).items() if settings.get(name) != value}
    assert changed <= {"_tmp_dir"}
    assert not Path(spacy_pkuseg.config.tempFile).exists()


def test_training_learns_only_from_neighbours(tmp_path):
    # 甲乙 are neighbours in no text: what stands between them is not Chinese.
    texts = [["甲", "T", "乙丙"], ["丙丁", " ", "甲"], [], ["x"]] * 10
    train_segmenter(texts, tmp_path, iterations=1)
    import srsly

    features = srsly.read_msgpack(tmp_path / "features.msgpack")
    assert set(features["unigram"]) == {"甲", "乙丙", "丙丁"}
    assert features["bigram"] == []


def test_training_refuses_too_little(tmp_path):
    with pytest.raises(ValueError, match="texts: 1 runs of Chinese words are too few"):
        train_segmenter([["纯棉", "短袖"], ["abc"]], tmp_path)
    with pytest.raises(ValueError, match="iterations"):
        train_segmenter([], tmp_path, iterations=0)
    assert list(tmp_path.iterdir()) == []
