import gzip
import json
import pickle
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spacy_product_tags.text.chars import code_points
from spacy_product_tags.text.folding import fold_in_place, fold_points, fold_words, lookup_key, nfkc

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
# What rules look at, more often than chance would have it.
PIECES = st.sampled_from(list("0123a bxsml-–~./,:;'’′\"“”″*×#+&%°$()（【】｜™①½²Ａｶﾞが゛é\u0301藍蓝裏著三两件套十一〇半İßǰ한\u200d★"))
TEXTS = st.one_of(st.text(max_size=12), st.lists(PIECES, max_size=14).map("".join))


@pytest.mark.parametrize(
    "texts",
    [
        ("T-shirt", "t shirt", "TSHIRT", "Ｔ‐Ｓｈｉｒｔ", "t–shirt", "T_shirt"),
        ("ﾈｲﾋﾞｰ", "ネイビー"),
        ("藏藍色", "藏蓝色", "藏 蓝色", "「藏蓝色」", "藏蓝色。"),
        ("三件套", "3件套", "３件套", "三 件套"),
        ("二十四片装", "24片装", "24 片裝"),
        ("3.5oz×2", "3.5 OZ x 2", "3.5oz*2", "３．５oz✕２"),
        ("1/2", "½", "1 / 2", "１／２"),
        ("1 1/2", "1½"),
        ("5'10\"", "5′10″", "5’10”", "5'10''"),
        ("90-100斤", "90~100斤", "90 – 100 斤", "90～100斤"),
        ("SOFINA/苏菲娜", "SOFINA 苏菲娜", "sofina(苏菲娜)"),
        ("Levi's", "LEVI’S", "levis"),
        ("Nike™", "NIKE", "nike®"),
        ("沿著", "沿着"),
        ("Straße", "STRASSE"),
        ("café", "cafe\u0301", "CAFÉ"),
        ("6寸", "六寸"),
    ],
)
def test_key_is_one_for_all_writings(texts):
    assert len({lookup_key(text) for text in texts}) == 1, [lookup_key(text) for text in texts]


@pytest.mark.parametrize(
    "first, second",
    [
        ("3.5", "35"),
        ("C++", "C"),
        ("C#", "C"),
        ("1/2", "12"),
        ("1½", "11/2"),
        ("3 5", "35"),
        ("16:9", "169"),
        ("90-100", "90100"),
        ("H&M", "HM"),
        ("100%", "100"),
        ("M/L", "ml"),
        ("w/o", "wo"),
        ("-18℃", "18℃"),
        ("$5", "5"),
        ('24"', "24"),
        ("が", "か"),
        ("café", "cafe"),
        ("!!!", "???"),
        ("★", "☆"),
        ("1,5", "15"),
    ],
)
def test_key_keeps_what_tells_apart(first, second):
    assert lookup_key(first) != lookup_key(second)


@pytest.mark.parametrize("text", ["一次性", "三星", "双十一", "六神", "两面针", "四川", "三角", "七匹狼", "五粮液", "一一片装"])
def test_key_leaves_numerals_in_words(text):
    assert lookup_key(text) == text


@settings(deadline=None, max_examples=400)
@given(TEXTS)
@example('5"三件套')
@example("1-/-2")
@example('5-"6')
@example('a"b" 6"')
@example("e-\u0301")
@example("1三件套")
def test_key_of_a_key_is_itself(text):
    found = lookup_key(text)
    assert lookup_key(found) == found
    assert lookup_key(text.swapcase()) == lookup_key(text.swapcase().casefold())
    assert found == found.strip() and unicodedata.is_normalized("NFKC", found)


def test_key_of_a_key_is_itself_for_every_character():
    wrong = [hex(point) for point in range(0x3400) if lookup_key(lookup_key(chr(point))) != lookup_key(chr(point))]
    wrong += [hex(point) for point in range(0xD700, 0x11000) if lookup_key(lookup_key(chr(point))) != lookup_key(chr(point))]
    # 薴 becomes 苧, and that 苎.
    wrong += [char for char in "薴苧苎麼乾着著睾痹" if lookup_key(lookup_key(char)) != lookup_key(char)]
    assert not wrong


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="abcdefgh", min_size=1, max_size=6), st.sampled_from([" ", "-", "–", "_", ". ", "  ", "·", "/", "|"]))
def test_separators_between_letters_say_nothing(word, separator):
    text = f"xy{word}{separator}{word}zz"
    assert lookup_key(text) == f"xy{word}{word}zz"


@pytest.mark.parametrize("texts", [("Kırmızı", "KIRMIZI", "kirmizi"), ("İSTANBUL", "istanbul", "I\u0307stanbul"), ("ſilk", "Silk", "SILK")])
def test_key_of_turkish_and_old_letters(texts):
    assert len({lookup_key(text) for text in texts}) == 1
    assert lookup_key(texts[0]).isascii()


def test_marks_without_end_are_cut_and_cost_no_more_than_letters():
    text = "a" + "\u0301\u0316" * 2000
    assert 30 <= len(nfkc(text)) <= 31 and nfkc("e\u0301" * 2000) == "é" * 2000
    assert nfkc("e" + "\u0301" * 40) == "é" + "\u0301" * 39, "a short text stays whole"


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(st.characters(), max_size=20), TEXTS))
@example("İıſΣΟΔΟΣ")
def test_folding_in_place_keeps_the_length_and_is_stable(text):
    folded = fold_in_place(text)
    assert len(folded) == len(text)
    assert fold_in_place(folded) == folded
    assert folded == "".join(map(fold_in_place, text)), "a character is folded the same whatever stands beside it"


def test_folding_in_place():
    assert fold_in_place("ＩＰｈｏｎｅ\u3000１５ ① ﾈ İX 纯棉 ſ ") == "iphone 15 1 ネ İx 纯棉 s "
    # What would be two characters stays one, or offsets would move.
    assert fold_in_place("㎡İﬁ") == "㎡İﬁ"


def test_folding_of_words():
    assert fold_words("【ＢＥＳＴ】國家級 \ud800") == "【best】国家级 ?"


def test_folding_of_points_makes_case_and_width_alike_and_leaves_the_rest():
    assert "".join(map(chr, fold_points(code_points(["ＡbC１！Éß克\u3000İ"])))) == "abc1!Éß克\u3000İ"
    every = np.array([p for p in range(0x21, 0x7F)])
    assert (fold_points(every + 0xFEE0) == fold_points(every)).all()


def test_functions_pickle():
    assert pickle.loads(pickle.dumps(lookup_key)) is lookup_key


@pytest.mark.skipif(not DATASETS.is_dir(), reason="needs ../shared/datasets")
def test_few_shopify_values_share_a_key():
    labels = defaultdict(set)
    with gzip.open(DATASETS / "tax_shopify" / "values.jsonl.gz", "rt", encoding="utf8") as file:
        for row in map(json.loads, file):
            label = row["labels"].get("en")
            if label:
                labels[row["attribute"], lookup_key(label)].add(label.casefold().strip())
    shared = {found: names for found, names in labels.items() if len(names) > 1}
    assert len(labels) > 15000
    # Two blades, E11 and E/11.
    assert len(shared) <= 1, shared
