"""A quantity is read whole or not at all, and what is ambiguous is decided by what is known, or left alone."""
import re
import sys
from functools import partial

import pytest
from growth import HOSTILE, LARGE, assert_linear, repeated
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.quantities.context import Source, load_ambiguous, words_near
from spacy_product_tags.quantities.numbers import narrow
from spacy_product_tags.quantities.quantity import (
    convert,
    find_quantities,
    format_quantity,
    parse_exactly,
    parse_quantity,
    parse_quantity_id,
    quantity_id,
    same_quantity,
)
from spacy_product_tags.quantities.units import load_data, load_units


def name(text, **known):
    quantity = parse_quantity(text, **known)
    return quantity_id(quantity).removeprefix("quantity/") if quantity else None


@pytest.mark.parametrize(
    "text, known, expected",
    [
        # 码: sizes, unless cloth stands by.
        ("110码", {"context": "男童加绒卫衣110码"}, "size 110"), ("110码", {}, "size 110"), ("29码", {"category": ("Jeans",)}, "size 29"),
        ("29码", {"context": "男士牛仔裤 29码"}, "size 29"), ("42码", {"context": "运动鞋男 42码"}, "EU 42"), ("42碼", {"facet": "鞋码"}, "EU 42"),
        ("42码", {"category": ["鞋靴", "运动鞋"]}, "EU 42"), ("42码", {"context": "帆布鞋 42码"}, "EU 42"), ("265码", {}, "CN 265"),
        ("100码", {"context": "纯棉布料 100码"}, "9144 cm"), ("5码", {"context": "缎带5码"}, "457.2 cm"), ("500码", {}, None), ("500码", {"context": "高尔夫测距望远镜500码"}, "45720 cm"),
        ("110码", {"context": "纯棉面料童装 110码"}, "size 110"),
        # ct: a count, a weight, a fineness.
        ("24 ct", {"context": "Coffee Pods 24 ct"}, "24 pcs"), ("24 ct", {"facet": "Net content"}, "24 pcs"), ("24CT.", {"facet": "pack_size"}, "24 pcs"), ("24 ct", {}, None),
        ("1.5 ct", {}, "0.3 g"), ("2 ct", {"context": "2 ct diamond ring"}, "0.4 g"), ("2 Carat", {"category": "Rings"}, "0.4 g"), ("14ct", {"context": "ring in 14ct gold"}, "14 kt"),
        ("9 carat", {"context": "9 carat yellow gold necklace"}, "9 kt"), ("14ct gold", {}, None), ("2 carats", {}, "0.4 g"), ("0.71ct", {"context": "裸钻0.71ct"}, "0.142 g"),
        # 支: yarn counts, pieces.
        ("60支", {"context": "60支长绒棉四件套"}, "60 Ne"), ("60支", {"context": "中性笔芯60支"}, "60 pcs"), ("60支", {}, None), ("3支", {}, "3 pcs"), ("60支*2盒", {}, "60 pcs × 2 boxes"),
        ("2 ct", {"facet": "quantity", "context": "2 ct diamond ring"}, "0.4 g"), ("80支", {"facet": "纱支"}, "80 Ne"), ("60支装", {}, "60 pcs/pack"),
        # Letters.
        ("32W", {"category": "Jeans"}, None), ("32W", {}, "32 W"), ("34L", {"context": "slim pants 32W 34L"}, None), ("40L", {"context": "登山包40L"}, "40000 ml"), ("8K", {}, None),
        ("8K", {"context": "8K素描纸"}, "8开"), ("8K", {"context": "65寸8K电视"}, None), ("18K", {"context": "18K玫瑰金项链"}, "18 kt"), ("2.0T", {"context": "2.0T涡轮"}, None),
        ("2T", {"context": "2T移动硬盘"}, "2000 GB"), ("1200D", {}, None), ("1200D", {"context": "牛津布背包1200D"}, "1200 den"), ("600D", {"context": "佳能600D单反"}, None),
        ("250G", {"context": "咖啡豆250G"}, "250 g"), ("250G", {"context": "固态硬盘250G"}, "250 GB"), ("16G", {}, "16 GB"), ("5G", {"context": "5G手机"}, None),
        ("52度", {"context": "白酒52度"}, None), ("90度", {}, "90°"), ("13pt", {"context": "13pt stock tags"}, None), ("2 pt", {}, "946.352946 ml"),
        # The facet decides before the category, and that before the words around.
        ("2 ct", {"facet": "pack size", "context": "2 ct diamond polish cloths"}, "2 pcs"), ("60支", {"category": "床品", "context": "60支笔袋"}, "60 Ne"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_decided_or_left_alone(text, known, expected):
    assert name(text, **known) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("555ml*24瓶/箱", "555 ml × 24 bottles/case"), ("550ml*24瓶*2箱", "550 ml × 24 bottles × 2 cases"), ("6g×6袋/盒", "6 g × 6 bags/box"), ("24瓶*500ml", "500 ml × 24 bottles"),
        ("250ml*24/箱", "250 ml × 24 pcs/case"), ("0.28g*72片/盒*5盒", "0.28 g × 72 pcs × 5 boxes"), ("0.6g/片*100片", "0.6 g × 100 pcs"), ("0.25g*60片*1瓶/盒", "0.25 g × 60 pcs/bottle/box"),
        ("80*60*800张*2卷", "80×60 × 800 sheets × 2 rolls"), ("500ml*12瓶装", "500 ml × 12 bottles/pack"), ("20片装*3盒", "20 pcs × 3 boxes"), ("12卷*100g", "100 g × 12 rolls"),
        ("3根*30cm", "30 cm × 3 pcs"), ("500ml*12瓶*1", "500 ml × 12 bottles"), ("10x20cm/张", "10×20 cm/sheet"),
        ("12L x 8W x 4H inches", "30.48×20.32×10.16 cm"), ("(L)12 x (W)8 x (H)4 cm", "12×8×4 cm"), ("10 by 20 inches", "25.4×50.8 cm"), ("6'x9'", "182.88×274.32 cm"),
        ("1 dozen", "1 dozen"), ("2打", "2 dozen"), ("500 g ℮", "500 g"), ("500g℮", "500 g"), ("48 inches wide", "121.92 cm"),
        ("10 000 mAh", "10000 mAh"), ("10 KİLOGRAM", "10000 g"), ("3 ſ", None), ("5 ﬀ", None),
        *((text, None) for text in [
            "310*6罐*12罐*24罐", "1.25L*2瓶/6瓶", "2箱*24瓶*550ml", "32W/34L", "W32 L34", "30±2cm", "12/18 months", "35/36/37码", "L/XL", "S/M/L", "6-12M", "3-4Y", "2 500 ml",
            "24H", "3D", "5D", "9H", "007", "00", "000 ml", "24瓶*2箱*", "12L x 8L x 4L inches", "12L x 8W x kg",
        ]),
    ],
)  # fmt: skip
def test_whole_or_not_at_all(text, expected):
    assert name(text) == expected
    # In running text no part of it is read either.
    parts = [text[start:end] for start, end, _ in find_quantities(text)]
    assert parts in ([text], []) or expected is None and parts == ["24瓶*2箱"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Slim Jeans 32W/34L blue 2 pack", ["2 pack"]), ("孕妇裤 32W x 34L", []), ("可乐550ml*24瓶*2箱*3托送杯子2个", ["2个"]), ("误差30±2cm 长50cm", ["长50cm"]), ("宝宝服 12/18 months 2件", ["2件"]),
        ("女鞋35/36/37码", []), ("T恤 M/L/XL 码", []), ("battery 10 000 mAh", ["10 000 mAh"]), ("lait 2 500 ml", []), ("iPhone 15 512GB", ["512GB"]), ("16G/512G手机", ["16G", "512G"]),
        ("box (L)12 x (W)8 x (H)4 cm new", ["(L)12 x (W)8 x (H)4 cm"]), ("rug 6'x9' soft", ["6'x9'"]), ("24H保湿 3D立体 9H钢化膜", []), ("男童加绒卫衣110码", ["110码"]), ("Coffee Pods 24 ct", ["24 ct"]),
    ],
)  # fmt: skip
def test_running_text_has_whole_quantities_only(text, expected):
    assert [text[start:end] for start, end, _ in find_quantities(text)] == expected


@pytest.mark.parametrize(
    "text, lang, expected",
    [
        ("1.000 ml", "de", "1000 ml"), ("1.000 ml", "de_AT", "1000 ml"), ("1.000 ml", "en", "1 ml"), ("1.000 ml", "", "1 ml"), ("1,500 kg", "de", "1500 g"), ("1,500 kg", "en", "1500000 g"),
        ("0.500 kg", "de", "500 g"), ("2.5 kg", "de", "2500 g"), ("1.500,5 g", "de", "1500.5 g"), ("2 500 ml", "fr", "2500 ml"), ("2 500,5 ml", "fr", "2500.5 ml"), ("2 500 ml", "en", None),
        ("2 500 000 mAh", "pl", "2500000 mAh"), ("10 000,5 ml", "fr", "10000.5 ml"), ("1\u202f500 g", "en", "1500 g"), ("1,500,000 g", "de", "1500000 g"), ("1.500.000 g", "en", "1500000 g"),
    ],
)  # fmt: skip
def test_the_language_says_what_a_thousand_looks_like(text, lang, expected):
    assert name(text, lang=lang) == expected
    found = find_quantities(f"x: {text}", lang=lang)
    assert [quantity_id(quantity) for _, _, quantity in found] == ([f"quantity/{expected}"] if expected else [])


@pytest.mark.parametrize("text", ["24H", "3D", "1200D", "8K", "2.0T", "宽107厘米", '48"W', "宽 48", "5.0", "2100万", "8W x 12L x 4H in", "5.10"])
def test_a_reading_that_loses_something_is_none(text):
    assert parse_exactly(text) is None


@pytest.mark.parametrize("text", ["500毫升*12瓶", "12L x 8W x 4H in", "约2斤", "15", "1,500", "8-1/2", "XL", "A4", "0.5kg", "三件套", "500 g ℮"])
def test_what_says_all_is_read(text):
    assert parse_exactly(text) == parse_quantity(text) is not None


def test_packs_of_packs_are_compared():
    whole = parse_quantity("0.5L*24瓶*2箱")
    assert same_quantity(whole, parse_quantity("500ml*24瓶*2箱")) and not same_quantity(whole, parse_quantity("500ml*24瓶*3箱"))
    assert not same_quantity(whole, parse_quantity("500ml*24瓶")) and not same_quantity(whole, parse_quantity("500ml*24瓶/箱"))
    assert same_quantity(parse_quantity("24瓶*500ml"), parse_quantity("500ml*24瓶"))


def test_the_window_of_words_near():
    text = "甲" * 100 + "42码" + "乙" * 100 + "\n说明"
    assert words_near(text, 100, 103) == "甲" * 60 + "42码" + "乙" * 60
    assert words_near(text, None, None) == text.partition("\n")[0]
    # A word far away says nothing.
    (found,) = find_quantities("运动鞋" + " 好" * 60 + "42码")
    assert found[2].system == "number"


def test_the_table_of_ambiguous_units_names_what_there_is():
    data, units, sizes = load_ambiguous(), load_units(), load_data()["sizes"]
    for entry in data["ambiguous"]:
        for reading in entry["readings"]:
            assert set(reading) <= {"only", "from", "to", "whole", "before", "written", "topic", "unless", "unit", "system"}
            assert reading.get("unit", "m") in units and reading.get("system", "letter") in {*sizes, "letter"}
            assert {reading.get("topic", "shoes"), *reading.get("unless", ())} <= set(data["topics"])
            re.compile(reading.get("before", ""))
    for topic in data["topics"].values():
        assert topic["words"] and all(facet == facet.lower() for facet in topic["facets"])


def test_no_letter_has_a_lower_case_of_another_length():
    odd = [chr(code) for code in range(sys.maxunicode + 1) if len(narrow(chr(code)).lower()) != 1]
    assert not odd


# All letters that a pattern without case takes for others, with what units and numbers are made of.
ODD = st.text("KİLOGRAMkılogramſpcſmlΩµμ℃KÅﬀǅ0123456789٣२.,'½一半两码支件*×/±-–~ \u00a0℮()fİvetenLWHD", max_size=25)


@settings(max_examples=400, deadline=None)
@given(ODD, st.sampled_from(["", "size", "material", "Net content"]), st.sampled_from(["", "de", "fr", "tr"]), ODD)
def test_no_text_raises(text, facet, lang, context):
    quantity = parse_quantity(text, facet=facet, category=(context,), context=context, lang=lang)
    exact = parse_exactly(text, facet=facet, category=(context,), context=context, lang=lang)
    if exact is not None:
        assert exact == quantity
        for locale in ("en", "zh", "de", "fr"):
            assert parse_quantity(format_quantity(exact, locale)) == exact
        assert parse_quantity_id(quantity_id(exact)) is not None
    for start, end, found in find_quantities(text, category=context, lang=lang):
        assert found.raw == text[start:end]


FUNCTIONS = {
    "find_quantities": find_quantities,
    "find_quantities of German": partial(find_quantities, lang="de", category=("Jeans",)),
    "parse_quantity": partial(parse_quantity, facet="size"),
    "its facet": lambda text: parse_quantity("24 ct", facet=text),
    "its context": lambda text: parse_quantity("24 ct", context=text),
    "its category": lambda text: parse_quantity("24 ct", category=text),
    "parse_exactly": parse_exactly,
    "parse_quantity_id": lambda text: parse_quantity_id("quantity/" + text),
    "words": lambda text: Source(text).topics_at(["shoes", "clothes"], len(text) // 2),
}
# What quantities are made of.
MADE_OF = ["一", "1*", "1/", "1 ", "1ml*", "1码", "1ct ", "半", "1±", "1x1 ", "1-", "W1 x ", "(L)1 x ", "约", "pack of ", "1 000 ", "12/"]


@pytest.mark.parametrize("unit", MADE_OF)
def test_time_grows_with_length(unit):
    assert_linear(find_quantities, repeated(unit), sizes=(500, 1_000, 2_000), repeats=3)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [*MADE_OF, *HOSTILE])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_time_grows_with_length_to_100000_characters(function, unit):
    assert_linear(FUNCTIONS[function], repeated(unit), sizes=LARGE, repeats=1)


@pytest.mark.parametrize("text", ["9" * 4000 + "." + "9" * 4000 + "kg", "1" + ",000" * 3000, "1" + " 000" * 3000, "1⁄" + "3" * 5000])
def test_endless_numbers_are_none(text):
    assert parse_quantity(text) is None
    assert all(len(quantity.raw) < 60 for _, _, quantity in find_quantities(text))


def test_conversion_keeps_the_packs():
    assert convert(parse_quantity("550ml*24瓶*2箱"), "l") == parse_quantity("0.55L*24瓶*2箱")
