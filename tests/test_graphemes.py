import unicodedata

import pytest
import regex
from growth import assert_linear, repeated
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import clusters, random_texts, texts

from spacy_product_tags.graphemes import (
    _ODD,
    clean,
    cluster_starts,
    find_wholes,
    fit_span,
    inside_clusters,
    is_plain,
    without_invisible,
)


def fitted(text, surface):
    start = text.index(surface)
    start, end = fit_span(text, start, start + len(surface), cluster_starts(text))
    return text[start:end]


@pytest.mark.parametrize(
    "text, surface, wanted",
    [
        ("ﾒﾝｽﾞ T恤", "ﾒﾝｽ", "ﾒﾝｽﾞ"),
        ("メンス\u3099靴", "メンス", "メンス\u3099"),
        ("Cre\u0300me Bru\u0302le\u0301e", "Creme"[:3], "Cre\u0300"),
        ("8 Black👍🏿❤", "Black👍", "Black"),
        ("8 Black👍🏿❤\ufe0f", "8 Black👍🏿❤", "8 Black"),
        ("👨‍👩‍👧‍👦蘋果", "👦蘋果", "蘋果"),
        ("👨‍👩‍👧‍👦蘋果", "👨‍👩‍👧‍👦蘋果", "蘋果"),
        ("🇨🇳🇯🇵红色1️⃣", "🇵红色1", "红色"),
        ("\u200b红\u200b色\u200b", "\u200b红\u200b色\u200b", "红\u200b色"),
        ("★耐克★ ", "★耐克★ ", "耐克"),
        ("\u3164红色\u3164", "\u3164红色\u3164", "红色"),
        ("नमस्ते", "स्", "स्ते"),
        ("❤️🔥", "❤", ""),
        ("e" + "\u0301" * 99 + "红", "e", ""),
        ("e" + "\u0301" * 9, "e", "e" + "\u0301" * 9),
        (" \u0301红色", " \u0301红", "红"),
        ("\x00耐克\uf880", "\x00耐克\uf880", "耐克"),
    ],
)
def test_a_span_ends_at_characters_and_without_decoration(text, surface, wanted):
    assert fitted(text, surface) == wanted


@pytest.mark.parametrize(
    "surface",
    ["SPF50+", "PA++++", "Pro+", "360°", "-5℃", "18㎡", "500㎏", "±2cm", "$5", "¥99", "≥2m", "<5kg", ">18岁", "＜3码", "100%", '28"', "C++", "①", "(L)", "№5", "e\u0301te\u0301", "ผู้ชาย", "L'Oréal", "葛\ufe00"],
)  # fmt: skip
def test_signs_that_say_something_stay(surface):
    assert fitted(f" {surface} ", surface) == surface == clean(surface)


@pytest.mark.parametrize("surface, wanted", [("Align™", "Align"), ("GUM®", "GUM"), ("+红色", "红色"), ("红色|", "红色"), ("~5", "5"), ("❤+", ""), (">>5折", "5折"), ("<红色>", "红色"), ("<<5", "5")])
def test_signs_that_say_nothing_go(surface, wanted):
    assert fitted(surface, surface) == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("\u200b全\u200b棉\ufeff", "全棉"),
        (" ❤全棉❤️ ", "全棉"),
        ("shock\u00adproof", "shockproof"),
        ("\u202e红色\u202c", "红色"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("می\u200c", "می"),
        ("红\u200d色", "红色"),
        ("红\ufe0f色", "红色"),
        ("爱👨‍👩‍👧‍👦家", "爱👨‍👩‍👧‍👦家"),
        ("a🏴󠁧󠁢󠁥󠁮󠁧󠁿b❤️c1️⃣d", "a🏴󠁧󠁢󠁥󠁮󠁧󠁿b❤️c1️⃣d"),
        ("葛\U000e0100飾区", "葛\U000e0100飾区"),
        ("❤️", "❤️"),
        ("\u200b", ""),
        ("", ""),
        (" \t", ""),
    ],
)
def test_what_nobody_sees_is_dropped_and_spelling_stays(text, wanted):
    assert clean(text) == wanted


def test_the_glance_sees_every_character_that_could_join_or_hide():
    joins = regex.compile(r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}\p{GCB=RI}\p{GCB=L}\p{GCB=V}\p{GCB=T}\p{GCB=Prepend}\p{Default_Ignorable_Code_Point}\p{Cf}]")
    missed = [hex(point) for point in range(0x110000) if joins.match(chr(point)) and not _ODD.match(chr(point))]
    assert missed == []


def test_what_titles_are_made_of_is_plain():
    assert is_plain("耐克2024新款 Nike Men's Größe，Ｔ恤（100%纯棉）メンズ ｶﾅ 셔츠 ¥99 ④"[:-2])
    assert not is_plain("①❤")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["🇨", "🇳", "\u0301", "\u200d", "\ufe0f", "a", "\u0600", "👍", "🏿", "\u200b", "\r\n", "1\u20e3"]), max_size=9).map("".join))
def test_flags_are_cut_as_the_annex_says(text):
    if not is_plain(text):
        assert cluster_starts(text) == [*(match.start() for match in regex.finditer(r"\X", text)), len(text)]


def wholes(text):
    return [text[start:end] for start, end in find_wholes(text, cluster_starts(text) or [])]


def test_characters_of_several_code_points_that_belong_to_no_word():
    assert wholes("a👨‍👩‍👧‍👦b🇨🇳🇯🇵c12️⃣😀❤️👍🏿e\u0301 \u0301\r\n") == ["👨‍👩‍👧‍👦", "🇨🇳", "🇯🇵", "2️⃣", "❤️", "👍🏿", " \u0301"]


def check_span(text, start, end, starts):
    first, last = fit_span(text, start, end, starts)
    places = set(starts) if starts is not None else set(range(len(text) + 1))
    assert first in places and last in places and 0 <= first <= last <= len(text)
    if first < last:
        assert not text[first].isspace() and not text[last - 1].isspace()
        assert unicodedata.category(text[first])[0] not in "ZC" or regex.match(r"\p{GCB=Prepend}", text[first])
        # Once fitted, a span stays.
        assert fit_span(text, first, last, starts) == (first, last)


@settings(max_examples=150, deadline=None)
@given(texts() | clusters())
def test_spans_of_any_text_fit(text):
    starts = cluster_starts(text)
    pieces = regex.findall(r"\X", text.replace("\r\n", "  ") if starts is None else text)
    assert len(pieces) == (len(text) if starts is None else len(starts) - 1)
    inside = inside_clusters(["x", text, "\u0301"])
    assert len(inside) == len(text) + 2 and not inside[0] and not inside[-1]
    for start in range(0, len(text), 3):
        for width in (1, 2, 5):
            if start + width <= len(text):
                check_span(text, start, start + width, starts)
    shown = clean(text)
    assert clean(shown) == shown
    assert without_invisible(shown) == shown


def test_time_is_linear():
    for part in ("红色", "\u200b", "👨‍👩‍👧‍👦", "e\u0301", "\u0301", "★", "🇨🇳", "की\u200d", "+"):
        for function in (cluster_starts, clean, wholes):
            assert_linear(function, repeated(part), repeats=2)


def test_plain_texts_cost_a_glance():
    for text in random_texts(300, seed=5):
        if text.isascii() or is_plain(text):
            assert cluster_starts(text) is None and without_invisible(text) is text
