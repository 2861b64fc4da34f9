import pytest
import spacy

from spacy_product_tags.errors import ListingError
from spacy_product_tags.text.tokenizer import ProductTokenizer
from spacy_product_tags.text.words import read_words


def write(tmp_path, text):
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf8")
    return path


def test_a_dictionary_of_jieba(tmp_path):
    path = write(tmp_path, "\ufeff青眼白龙 100 nz\r\n云计算 5\n凱特琳 nz\n\n台中\n雪纺 3 n\n")
    expected = [("青眼白龙", "nz"), ("云计算", ""), ("凱特琳", "nz"), ("台中", ""), ("雪纺", "n")]
    assert list(read_words(path)) == expected
    tokenizer = ProductTokenizer(spacy.blank("zh").vocab)
    tokenizer.initialize(pkuseg_user_dict=path)
    doc = tokenizer("青眼白龙雪纺裙")
    assert [(token.text, token.tag_) for token in doc] == [("青眼白龙", "nz"), ("雪纺", "n"), ("裙", "")]


@pytest.mark.parametrize("line", ["云计算 5", "小米 14", "凱特琳 nz"])
def test_what_may_be_jiebas_is_refused(tmp_path, line):
    with pytest.raises(ListingError, match="may be a word of jieba's") as caught:
        list(read_words(write(tmp_path, f"雪纺\n{line}\n")))
    assert (caught.value.line, caught.value.field) == (2, "word")
    # With a tab it's a word with a blank.
    assert list(read_words(write(tmp_path, f"雪纺\n{line}\t\n"))) == [("雪纺", ""), (line, "")]


def test_words_with_blanks_stay_words(tmp_path):
    lines = ["iPhone 15 Pro", "小米14 Pro", "Windows 11", "Galaxy S24 5 G", "iPhone 15 pro"]
    assert list(read_words(write(tmp_path, "\n".join(lines)))) == [(line, "") for line in lines]


def test_another_line_in_a_dictionary_of_jieba(tmp_path):
    with pytest.raises(ListingError, match="'word count tag'") as caught:
        list(read_words(write(tmp_path, "雪纺 3 n\n雪 纺 裙 子\n")))
    assert caught.value.line == 2
