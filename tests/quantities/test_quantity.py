"""Quantities: read as sellers write them, written back the same, converted exactly, never seen in model numbers."""
import gzip
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.quantities import quantity as module
from spacy_product_tags.quantities.context import Source
from spacy_product_tags.quantities.quantity import (
    Quantity,
    convert,
    find_quantities,
    format_quantity,
    parse_quantity,
    parse_quantity_id,
    quantity_id,
    same_quantity,
    to_base,
)
from spacy_product_tags.quantities.sizes import letter_ranks
from spacy_product_tags.quantities.units import load_data, load_units, spellings

SHARED = Path(__file__).parents[3] / "shared" / "datasets"
LOCALES = ["en", "zh", "ja", "ko", "de", "fr", "es"]


def make(*values, **fields):
    values = tuple(Fraction(value) for value in values)
    high = fields.pop("high", None)
    return Quantity(values, high=None if high is None else Fraction(high), **fields)


READ = [
    ("500毫升*12瓶", make(500, unit="ml", count=12, count_unit="bottle")),
    ("3.5oz×2", make("7/2", unit="oz", count=2)),
    ("2 x 500ml", make(500, unit="ml", count=2)),
    ("10×20cm", make(10, 20, unit="cm")),
    ("10cm(长)*20cm(宽)", make(10, 20, unit="cm")),
    ("800*300mm*3mm", make(800, 300, 3, unit="mm")),
    ("85cm*100米", make(85, 10000, unit="cm")),
    ("20*20*1500张", make(20, 20, count=1500, count_unit="sheet")),
    ("2斤装", make(2, unit="jin", count_unit="pack")),
    ("三件套", make(3, unit="pc", count_unit="set")),
    ("6 pack", make(6, unit="pc", count_unit="pack")),
    ("6-Pack", make(6, unit="pc", count_unit="pack")),
    ("6 packs", make(6, unit="pack")),
    ("pack of six", make(6, unit="pc", count_unit="pack")),
    ("Case of 25", make(25, unit="pc", count_unit="case")),
    ("1,000/Box", make(1000, unit="pc", count_unit="box")),
    ("20片/盒*3", make(20, unit="pc", count=3, count_unit="box")),
    ("10枚入り", make(10, unit="pc", count_unit="pack")),
    ("10个装", make(10, unit="pc", count_unit="pack")),
    ("90-100斤", make(90, unit="jin", high=100)),
    ("10cm~20cm", make(10, unit="cm", high=20)),
    ("-20~60℃", make(-20, unit="degC", high=60)),
    ("约500克", make(500, unit="g", approximate=True)),
    ("５００ｇ左右", make(500, unit="g", approximate=True)),
    ("半斤", make("1/2", unit="jin")),
    ("2斤半", make("5/2", unit="jin")),
    ("三两", make(3, unit="liang")),
    ("一百二十片", make(120, unit="pc")),
    ("1/2 in", make("1/2", unit="in")),
    ("1½ oz", make("3/2", unit="oz")),
    ("1 3/4 oz", make("7/4", unit="oz")),
    ('8-1/2"', make("17/2", unit="in")),
    ("5'10\"", make(70, unit="in")),
    ("5 ft 10 in", make(70, unit="in")),
    ("15.6寸", make("78/5", unit="in")),
    ("2尺3寸", make("23/10", unit="chi")),
    ("1米8", make("9/5", unit="m")),
    ("1,500 g", make(1500, unit="g")),
    ("1,5 kg", make("3/2", unit="kg")),
    ("0,125 l", make("1/8", unit="l")),
    ("1.500,5 kg", make("3001/2", unit="kg")),
    ("1\u202f500 g", make(1500, unit="g")),
    ("2万毫安", make(20000, unit="mAh")),
    ("300 밀리리터", make(300, unit="ml")),
    ("30センチ", make(30, unit="cm")),
    ("8.2-cu ft", make("41/5", unit="cuft")),
    ("12 oz.", make(12, unit="oz")),
    ("100%", make(100, unit="%")),
    ("宽107厘米", make(107, unit="cm")),
    ("16G", make(16, unit="GB")),
    ("16g", make(16, unit="g")),
    ("42码", make(42, system="number")),
    ("EU 42", make(42, system="shoe-eu")),
    ("265码", make(265, system="shoe-cn")),
    ("110码", make(110, system="number")),
    ("US 8.5", make("17/2", system="shoe-us")),
    ("XXXL", make(4, system="letter")),
    ("m-xl", make(0, high=2, system="letter")),
    ("170/92A", make(170, 92, unit="cm", system="cn-body-a")),
    ("A4", make(4, system="paper-a")),
    ("16开", make(16, system="paper-k")),
    ("15", make(15)),
]
NONE = [
    "", " ", "iPhone15", "2024新款", "S925", "100%棉", "2020年", "i7-8700", "WH-1000XM5", "13.3/14英寸", "2-3-4人", "一次性",
    "三星", "千斤顶", "2 in 1", "4G", "9/5T", "13/14英寸", "2019/2020", "x", "约", "半", "10×", "100-90斤", "1/0 in", "-5 kg",
]  # fmt: skip


@pytest.mark.parametrize("text,expected", READ)
def test_read_as_sellers_write(text, expected):
    assert parse_quantity(text) == expected


@pytest.mark.parametrize("text", NONE)
def test_no_quantity(text):
    assert parse_quantity(text) is None


def test_the_written_form_is_kept_and_not_compared():
    wide, plain = parse_quantity("５００ｍｌ"), parse_quantity("500 ml")
    assert wide.raw == "５００ｍｌ" and plain.raw == "500 ml"
    assert wide == plain and hash(wide) == hash(plain)


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Apple iPhone15 Pro 256GB 2024新款 S925银", ["256GB"]),
        ("农夫山泉５００ｍｌ＊１２瓶整箱", ["５００ｍｌ＊１２瓶"]),
        ("纯棉100%棉T恤 170/92A XL码 M码", ["100%", "170/92A", "XL码", "M码"]),
        ("三星手机 15.6英寸 i7-8700 16G 512G 5G", ["15.6英寸", "16G", "512G"]),
        ("一次性三件套 双十一 千斤顶 一键开机", ["三件套"]),
        ("2 in 1 laptop, 14-inch, 5 lbs., pack of 6", ["14-inch", "5 lbs", "pack of 6"]),
        ("A4纸500张/包5包", ["A4", "500张/包", "5包"]),
        ("Audi A4 iPhone XS 荣耀7a 1220V6 24x7", []),
        ("约２斤半 左右手", ["约２斤半 左右"]),
        ("棉布30码 花边", ["30码"]),
        ("双十一三件套 二〇二四年 二〇一二年 一百二十片装", ["三件套", "一百二十片装"]),
    ],
)
def test_found_in_running_text(text, expected):
    found = find_quantities(text)
    assert [text[start:end] for start, end, _ in found] == expected
    assert [quantity.raw for _, _, quantity in found] == expected


def test_a_ma_is_a_shoe_size_or_a_yard_by_what_stands_near():
    assert find_quantities("运动鞋30码")[0][2].system == "shoe-eu"
    assert find_quantities("棉布30码 花边")[0][2].unit == "yd"


NUMBERS = st.one_of(
    st.integers(1, 10**6).map(Fraction),
    st.fractions(min_value=0, max_value=9999, max_denominator=1000).filter(bool),
    st.decimals(min_value="0.001", max_value=9999, places=3).map(Fraction),
)
UNITS = [name for name in load_units()]
COUNTS = [name for name, unit in load_units().items() if unit.kind == "count"]
PACKS = ["pc", "bottle", "can", "bag", "box", "case", "sheet", "roll", "barrel"]
LENGTHS = ["", *(name for name, unit in load_units().items() if unit.kind == "length")]


@st.composite
def quantities(draw):
    """Quantities as `parse_quantity` gives them."""
    kind = draw(st.sampled_from(["plain", "range", "box", "pack", "packs", "each", "size", "letter"]))
    about = draw(st.booleans())
    if kind == "letter":
        low, *high = sorted(draw(st.sets(st.sampled_from(sorted(letter_ranks().values())), min_size=1, max_size=2)))
        return Quantity((low,), high=high[0] if high else None, system="letter", approximate=about)
    if kind == "size":
        name = draw(st.sampled_from(sorted(load_data()["sizes"])))
        entry = load_data()["sizes"][name]
        return make(draw(st.integers(entry["from"], entry["to"])), system=name, approximate=about)
    if kind == "box":
        values = draw(st.lists(NUMBERS, min_size=2, max_size=4))
        return Quantity(tuple(values), draw(st.sampled_from(LENGTHS)), approximate=about)
    unit = draw(st.sampled_from(UNITS))
    values = (draw(NUMBERS),)
    if kind == "range":
        return Quantity(values, unit, values[0] + draw(NUMBERS), approximate=about)
    if kind == "each":
        return Quantity(values, unit, count_unit=draw(st.sampled_from(COUNTS)), approximate=about)
    if kind == "packs":
        unit = draw(st.sampled_from(["g", "ml", "kg", "GB"]))
        names = draw(st.lists(st.sampled_from(PACKS), min_size=2, max_size=3, unique=True))
        counts = [draw(st.integers(2, 99)), *(draw(st.integers(1, 99)) for _ in names[1:])]
        (count, name), *outer = zip(counts, names)
        return Quantity(values, unit, count=count, count_unit=name, outer=tuple(outer), approximate=about)
    if kind == "pack":
        unit = unit if unit not in LENGTHS else "g"
        packs = draw(st.sampled_from(["", *COUNTS]))
        return Quantity(values, unit, count=draw(st.integers(2, 999)), count_unit=packs, approximate=about)
    return Quantity(values, unit, approximate=about)


@settings(max_examples=300, deadline=None)
@given(quantities(), st.sampled_from(LOCALES))
def test_what_is_written_is_read_back(quantity, locale):
    assert parse_quantity(format_quantity(quantity, locale)) == quantity


@pytest.mark.parametrize("locale", LOCALES)
def test_what_was_read_survives_every_locale(locale):
    for quantity in (parse_quantity(text) for text, _ in READ):
        assert parse_quantity(format_quantity(quantity, locale)) == quantity


@pytest.mark.parametrize("locale", LOCALES)
def test_every_unit_is_read_back_in_every_locale(locale):
    for quantity in (make(number, unit=unit) for unit in UNITS for number in ("3/2", 1, 7)):
        assert parse_quantity(format_quantity(quantity, locale)) == quantity


@pytest.mark.parametrize("number", ["-20", "-7/3", "-5/4", "-1/3"])
@pytest.mark.parametrize("locale", LOCALES)
def test_temperatures_below_zero_are_read_back(number, locale):
    for quantity in (make(number, unit="degC"), make(number, unit="degC", high=5)):
        assert parse_quantity(format_quantity(quantity, locale)) == quantity


@pytest.mark.parametrize("text", ["9" * 5000, "1/" + "9" * 5000, "1⁄" + "9" * 5000, "0." + "9" * 5000 + "kg", "-" * 5000, "一" * 5000])
def test_endless_numbers_are_none(text):
    assert parse_quantity(text) is None and find_quantities(text) == []


def test_written_for_people():
    quantity = parse_quantity("约500毫升*12瓶")
    assert format_quantity(quantity) == "approx. 500 ml × 12 bottles"
    assert format_quantity(quantity, "zh") == "约500毫升 × 12瓶"
    assert format_quantity(parse_quantity("1.5kg"), "de") == "1,5 kg"
    assert format_quantity(parse_quantity("1.125kg"), "fr") == "1,1250 kg"
    assert format_quantity(make("4/3", unit="g")) == "1 1⁄3 g"
    assert format_quantity(parse_quantity("XXXL")) == "3XL"
    assert format_quantity(make(5, unit="g"), "pt") == "5 g"


@given(st.text(max_size=30) | st.text("0123456789./-×*约半一二十斤两寸尺码个件套装盒瓶 cmxXLkgAG\"'½，,％", max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_without_an_error(text):
    parse_quantity(text)
    behind = 0
    for start, end, quantity in find_quantities(text):
        assert behind <= start < end <= len(text) and quantity.raw == text[start:end]
        behind = end


@pytest.mark.parametrize(
    "text,unit,expected",
    [
        ("1斤", "g", 500), ("1两", "g", 50), ("1台斤", "g", 600), ("3尺", "m", 1), ("6In", "cm", "15.24"),
        ("1市寸", "mm", "100/3"), ("12 oz", "g", "340.19427750"), ("1 gal", "l", "3.785411784"), ("100℃", "degF", 212),
        ("7.2K RPM", "rpm", 7200), ("2㎡", "cm2", 20000), ("1.5小时", "min", 90), ("48MP", "px", 48000000), ("1 GB", "MB", 1000),
    ],
)  # fmt: skip
def test_converted_exactly(text, unit, expected):
    converted = convert(parse_quantity(text), unit)
    assert converted.values == (Fraction(expected),) and converted.unit == unit and converted.raw == text


def test_range_dimensions_and_packs_are_converted():
    assert convert(parse_quantity("90-100斤"), "kg") == make(45, unit="kg", high=50)
    assert convert(parse_quantity("10×20cm"), "mm") == make(100, 200, unit="mm")
    assert convert(parse_quantity("1斤*3袋"), "g") == make(500, unit="g", count=3, count_unit="bag")


@pytest.mark.parametrize("name", [name for name, unit in load_units().items() if unit.pint])
def test_pint_knows_every_unit(name):
    peer = next(unit.name for unit in load_units().values() if unit.kind == load_units()[name].kind and unit.pint)
    assert convert(convert(make(3, unit=name), peer), name) == make(3, unit=name)


@pytest.mark.parametrize("text,unit", [("5kg", "cm"), ("3瓶", "box"), ("XL", "cm"), ("15", "cm"), ("5kg", "stone")])
def test_what_cannot_be_converted_says_why(text, unit):
    with pytest.raises(ValueError, match=unit):
        convert(parse_quantity(text), unit)


@pytest.mark.parametrize(
    "a,b,same",
    [
        ("1斤", "500g", True), ("6 in", "15.2cm", True), ("6 in", "15 cm", False), ("15.6寸", "15.6英寸", True),
        ("3件套", "三件套", True), ("三件套", "四件套", False), ("500ml*12瓶", "500ml×12", True), ("200页", "201页", False),
        ("500ml*2瓶", "1L", False), ("500ml*12瓶", "500ml*12盒", False), ("约500g", "500g", True), ("5kg", "5cm", False),
        ("42欧码", "EU42", True), ("42码", "EU42", False), ("42码", "US 8.5", False), ("XXXL", "3XL", True), ("90-100斤", "45-50kg", True),
        ("90-100斤", "90斤", False), ("10×20cm", "100×200mm", True), ("10×20cm", "10cm", False),
    ],
)  # fmt: skip
def test_same_amount(a, b, same):
    assert same_quantity(parse_quantity(a), parse_quantity(b)) is same
    assert same_quantity(parse_quantity(b), parse_quantity(a)) is same


def test_every_spelling_has_one_unit():
    assert len(spellings()) > 600


def test_pint_is_loaded_by_converting_only():
    code = (
        "import sys; from spacy_product_tags.quantities.quantity import *; q = parse_quantity('3斤'); format_quantity(q);"
        "early = 'pint' in sys.modules; convert(q, 'g'); print(early, 'pint' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


def _read(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is missing: the shared data sets are not part of the repository")
    with gzip.open(path, "rt", encoding="utf8") as file:
        return [json.loads(line) for line in file]


def test_widths_of_wdc_pave_convert_as_annotated():
    pairs = []
    for row in _read("en_attr_wdcpave/train.jsonl.gz"):
        raw = [value for name, value, _ in row["attributes"] if name == "Width" and value]
        target = [value for name, value in row["attributes_normalized"] if name == "Width" and value]
        if len(raw) == len(target) == 1:
            pairs.append((raw[0], float(target[0])))
    agree = 0
    for raw, target in pairs:
        quantity = parse_quantity(raw)
        # The data set means inches where it says no unit.
        if quantity is not None:
            inches = quantity if quantity.unit else Quantity(quantity.values, "in")
            agree += abs(float(convert(inches, "cm").values[0]) - target) < 0.0501
    assert agree > 0.97 * len(pairs) > 200


@pytest.mark.parametrize(
    "name, texts",
    [
        ("quantity/500 g", ["1斤", "500g", "500克", "0.5kg", "０.５千克", "10两", "1/2 kg"]),
        ("quantity/100 cm", ["100 cm", "1m", "1米", "3尺", "1000毫米"]),
        ("quantity/2.54 cm", ["1 in", "2.54cm", "1英寸"]),
        ("quantity/2.5 cm", ["2.5cm"]),
        ("quantity/500 ml × 12 bottles", ["500毫升*12瓶", "0.5L×12瓶"]),
        ("quantity/10×20 cm", ["10×20cm", "0.1×0.2m", "100×200毫米"]),
        ("quantity/45000–50000 g", ["90-100斤", "45-50kg"]),
        ("quantity/37°C", ["98.6°F", "37℃"]),
        # Counts and sizes stay what they are.
        ("quantity/12 bottles", ["12瓶"]),
        ("quantity/EU 42", ["42欧码", "EU42"]),
        ("quantity/size 42", ["42码", "size 42"]),
        ("quantity/XL", ["XL"]),
    ],
)
def test_equal_amounts_have_one_id(name, texts):
    assert {quantity_id(parse_quantity(text)) for text in texts} == {name}
    assert parse_quantity_id(name) == to_base(parse_quantity(texts[0]))


@st.composite
def conversions(draw):
    """A quantity, and a unit that it can be converted into."""
    quantity = draw(quantities())
    kind = "" if quantity.system or not quantity.unit else load_units()[quantity.unit].kind
    same = [name for name, unit in load_units().items() if unit.kind == kind and unit.pint and kind]
    return quantity, draw(st.sampled_from(same)) if quantity.unit in same else quantity.unit


@settings(max_examples=200, deadline=None)
@given(conversions(), quantities())
def test_an_id_is_of_equal_amounts_and_of_no_others(pair, other):
    quantity, unit = pair
    converted = quantity if unit == quantity.unit else convert(quantity, unit)
    assert quantity_id(quantity) == quantity_id(converted) != ""
    assert parse_quantity_id(quantity_id(quantity)) == to_base(quantity) == to_base(converted)
    assert to_base(to_base(quantity)) == to_base(quantity)
    assert (quantity_id(quantity) == quantity_id(other)) == (to_base(quantity) == to_base(other))


def test_a_base_unit_is_of_its_kind():
    units = load_units()
    assert all(units[name].kind == kind for kind, name in load_data()["base"].items())
    # Of each kind in which anything can be converted there is one.
    many = [unit.kind for unit in units.values() if unit.pint]
    assert {kind for kind in many if many.count(kind) > 1} == set(load_data()["base"])


@pytest.mark.parametrize("name", ["", "color/500 g", "quantity/", "quantity/navy", "500 g"])
def test_other_ids_are_no_quantities(name):
    assert parse_quantity_id(name) is None


SAID = st.sampled_from(["", "鞋靴", "男鞋 运动鞋", "面料 棉布", "项链 珠宝 18K金", "coffee pods 24 ct", "4K电视", "ring", "大米", "童装 110码"])
PARTS = st.sampled_from([*"12码码支KkG克包/×*-~.,,约 ", "42", "110", "1.000", "ct", "kg", "ml", "盒", "个装", "宽", "号", "XL", "size ", "加大", "三", "件套"])


@settings(deadline=None, max_examples=400)
@given(
    st.lists(PARTS, max_size=6).map("".join),
    st.sampled_from(["", "size", "carat", "purity"]),
    SAID,
    SAID,
    st.sampled_from(["", "zh", "de", "fr"]),
)
def test_what_is_kept_of_a_string_says_the_same_in_any_surroundings(text, facet, category, context, lang):
    read = parse_quantity(text, facet=facet, category=category, context=context, lang=lang)
    wanted = module._read(text, Source(text, True, facet, category, context, lang))
    assert read == wanted
    if read is not None:
        assert (read.raw, read.measures) == (wanted.raw, wanted.measures)


def test_the_same_string_is_read_anew_where_its_surroundings_tell():
    for said, meant in (("", "number"), ("运动鞋", "shoe-eu"), ("棉布面料", ""), ("", "number")):
        assert parse_quantity("42码", category=said).system == parse_quantity("42码", context=said).system == meant
