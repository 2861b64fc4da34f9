from fractions import Fraction

import pytest
from chinese_numbers import write_chinese_number
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spacy_product_tags.text.chinese_numbers import parse_chinese_number
from spacy_product_tags.text.folding import lookup_key
from spacy_product_tags.text.forms import split_brand_pair, variants

# What rules look at, more often than chance would have it.
PIECES = st.sampled_from(list("0123a bxsml-–~./,:;'’′\"“”″*×#+&%°$()（【】｜™①½²Ａｶﾞが゛é\u0301藍蓝裏著三两件套十一〇半İßǰ한\u200d★"))
TEXTS = st.one_of(st.text(max_size=12), st.lists(PIECES, max_size=14).map("".join))


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 10**16 - 1))
@example(10)
@example(10**8)
@example(10**12 + 5)
@example(10010)
def test_chinese_numbers_survive(number):
    assert parse_chinese_number(write_chinese_number(number)) == number


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 4))
def test_chinese_decimals_survive(number, places):
    fraction = Fraction(number, 10**places)
    assert parse_chinese_number(write_chinese_number(fraction)) == fraction


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


def test_chinese_numbers_are_written_as_people_do():
    assert [write_chinese_number(number) for number in (0, 10, 12, 10005, 110, 1010)] == [
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
    assert len(found) == len(set(found)) and not {"", lookup_key(text)} & set(found)
    assert all(lookup_key(form) == form for form in found)
