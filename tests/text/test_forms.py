import gzip
import json
import pickle
import subprocess
import sys
import unicodedata
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spacy_product_tags.text.chinese_numbers import format_chinese_number, parse_chinese_number
from spacy_product_tags.text.forms import key, split_brand_pair, to_script, variants

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
    assert len({key(text) for text in texts}) == 1, [key(text) for text in texts]


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
    assert key(first) != key(second)


@pytest.mark.parametrize("text", ["一次性", "三星", "双十一", "六神", "两面针", "四川", "三角", "七匹狼", "五粮液", "一一片装"])
def test_key_leaves_numerals_in_words(text):
    assert key(text) == text


@settings(deadline=None, max_examples=400)
@given(TEXTS)
@example('5"三件套')
@example("1-/-2")
@example('5-"6')
@example('a"b" 6"')
@example("e-\u0301")
@example("1三件套")
def test_key_of_a_key_is_itself(text):
    found = key(text)
    assert key(found) == found
    assert key(text.swapcase()) == key(text.swapcase().casefold())
    assert found == found.strip() and unicodedata.is_normalized("NFKC", found)


def test_key_of_a_key_is_itself_for_every_character():
    wrong = [hex(point) for point in range(0x3400) if key(key(chr(point))) != key(chr(point))]
    wrong += [hex(point) for point in range(0xD700, 0x11000) if key(key(chr(point))) != key(chr(point))]
    # 薴 becomes 苧, and that 苎.
    wrong += [char for char in "薴苧苎麼乾着著睾痹" if key(key(char)) != key(char)]
    assert not wrong


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="abcdefgh", min_size=1, max_size=6), st.sampled_from([" ", "-", "–", "_", ". ", "  ", "·", "/", "|"]))
def test_separators_between_letters_say_nothing(word, separator):
    text = f"xy{word}{separator}{word}zz"
    assert key(text) == f"xy{word}{word}zz"


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10**16 - 1))
@example(10)
@example(10**8)
@example(10**12 + 5)
@example(10010)
def test_chinese_numbers_survive(number):
    assert parse_chinese_number(format_chinese_number(number)) == number


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 4))
def test_chinese_decimals_survive(number, places):
    fraction = Fraction(number, 10**places)
    assert parse_chinese_number(format_chinese_number(fraction)) == fraction


@pytest.mark.parametrize(
    "text, number",
    [
        ("一百二十三", 123),
        ("二百五", 250),
        ("两千三", 2300),
        ("一万二", 12000),
        ("一百零五", 105),
        ("十二", 12),
        ("兩", 2),
        ("〇", 0),
        ("二〇二四", 2024),
        ("半", Fraction(1, 2)),
        ("三点一四", Fraction(157, 50)),
        ("一点五万", 15000),
        ("1.5万", 15000),
        ("一万亿", 10**12),
        ("壹佰贰拾叁", 123),
    ]
    + [(text, None) for text in ("", "三星", "一二", "三四", "万", "百", "十百", "点", "点五", "一点", "亿万", "三半", "12", "一百百")],
)
def test_parse_chinese_number(text, number):
    assert parse_chinese_number(text) == number
    assert type(parse_chinese_number(text)) is type(number)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="零〇一二两三十百千万亿点半1.", max_size=8))
def test_parse_chinese_number_never_fails(text):
    number = parse_chinese_number(text)
    assert number is None or number >= 0


@pytest.mark.parametrize("number, words", [(-1, "not from 0"), (10**16, "not from 0"), (Fraction(1, 3), "no end")])
def test_format_chinese_number_refuses(number, words):
    with pytest.raises(ValueError, match=words):
        format_chinese_number(number)


def test_format_chinese_number():
    assert [format_chinese_number(number) for number in (0, 10, 12, 10005, 110, 1010)] == [
        "零", "十", "十二", "一万零五", "一百一十", "一千零一十",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["SOFINA/苏菲娜", "苏菲娜(SOFINA)", "SOFINA 苏菲娜", "苏菲娜（SOFINA）", "苏菲娜 / SOFINA", "SOFINA【苏菲娜】"])
def test_split_brand_pair(text):
    assert split_brand_pair(text) == ("SOFINA", "苏菲娜")


@pytest.mark.parametrize(
    "text",
    ["", "SOFINA", "苏菲娜", "SOFINA/KAO", "苏菲娜/兰蔻", "XL/加大", "T恤/V领", "iPhone 15 手机壳", "Nike 耐克 运动鞋", "SOFINA(苏菲娜",
     "A/红色", "SOFINA/苏菲娜)"],
)  # fmt: skip
def test_split_brand_pair_refuses(text):
    assert split_brand_pair(text) is None


def test_split_brand_pair_of_other_scripts():
    assert split_brand_pair("삼성/Samsung") == ("Samsung", "삼성")
    assert split_brand_pair("L'ORÉAL PARIS/巴黎欧莱雅") == ("L'ORÉAL PARIS", "巴黎欧莱雅")


@pytest.mark.parametrize(
    "text, locale, expected",
    [
        ("Women's Shoes", "en", "womenshoe"),
        ("Levi's", "", "levi"),
        ("Salt & Pepper", "en", "saltandpepper"),
        ("salt and pepper", "", "salt&pepper"),
        ("Berries", "en", "berry"),
        ("scarf", "en", "scarves"),
        ("box", "en-GB", "boxes"),
        ("dresses", "", "dress"),
        ("苏菲娜(SOFINA)", "zh", "苏菲娜"),
        ("连衣裙（红色）", "zh-CN", "连衣裙"),
        ("chaussures rouges", "fr", "chaussurerouge"),
        ("zapatos rojos", "es", "zapatorojo"),
        ("Schuhe", "de", "schuh"),
        ("scarpe rosse", "it", "scarparossa"),
        ("sapatos vermelhos", "pt-BR", "sapatovermelho"),
        ("Lancôme", "", "lancome"),
        ("Brot und Butter", "de", "brot&butter"),
    ],
)
def test_variants(text, locale, expected):
    assert expected in list(variants(text, locale))


@pytest.mark.parametrize("text, locale", [("jeans", "en"), ("藏青", ""), ("!!!", ""), ("", ""), ("shoes", "zh"), ("XL", "")])
def test_no_variants(text, locale):
    assert list(variants(text, locale)) == []


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.sampled_from(["", "en", "de", "fr", "es", "it", "pt", "zh"]))
def test_variants_are_other_keys(text, locale):
    found = list(variants(text, locale))
    assert len(found) == len(set(found)) and not {"", key(text)} & set(found)
    assert all(key(form) == form for form in found)


def test_to_script():
    assert to_script("头发 navy", "Hant") == "頭髮 navy"
    assert to_script("裏面", "Hans") == to_script("裡面", "zh-CN") == "里面"
    assert to_script("里面", "Hant-TW") == "裡面"
    assert to_script("里面", "Hant-HK") == "裏面"
    with pytest.raises(ValueError, match="Cyrl.*Hans"):
        to_script("头发", "Cyrl")


def test_opencc_and_numbers_are_not_loaded_by_the_import():
    code = "import sys, spacy_product_tags.text.forms; sys.exit('opencc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_functions_pickle():
    assert pickle.loads(pickle.dumps(key)) is key


@pytest.mark.skipif(not DATASETS.is_dir(), reason="needs ../shared/datasets")
def test_few_shopify_values_share_a_key():
    labels = defaultdict(set)
    with gzip.open(DATASETS / "tax_shopify" / "values.jsonl.gz", "rt", encoding="utf8") as file:
        for row in map(json.loads, file):
            label = row["labels"].get("en")
            if label:
                labels[row["attribute"], key(label)].add(label.casefold().strip())
    shared = {found: names for found, names in labels.items() if len(names) > 1}
    assert len(labels) > 15000
    # Two blades, E11 and E/11.
    assert len(shared) <= 1, shared
