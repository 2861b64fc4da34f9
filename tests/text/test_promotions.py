"""Promotion words: found in every language, never inside a product word."""
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markup_files import read_markup

from spacy_product_tags.text.promotions import DATA_PATH, find_promotions

CORPUS = sorted((Path(__file__).parents[2] / "corpus" / "listings").rglob("*.txt"))
DATA = tomllib.loads(DATA_PATH.read_text(encoding="utf8"))


def found(text, lang=""):
    return [text[start:end] for start, end in find_promotions(text, lang)]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("耐克2024新款男士纯棉T恤包邮", ["2024新款", "包邮"]),
        ("官方旗舰店正品百亿补贴送运费险爆款", ["官方旗舰店正品", "百亿补贴", "送运费险", "爆款"]),
        ("买二送一 满300减40 24期免息", ["买二送一", "满300减40", "24期免息"]),
        ("手机壳【送挂绳】FREE　SHIPPING hot sale", ["【送挂绳】", "FREE　SHIPPING", "hot sale"]),
        ("ｆｒｅｅ ｓｈｉｐｐｉｎｇ Free-Shipping", ["ｆｒｅｅ ｓｈｉｐｐｉｎｇ", "Free-Shipping"]),
        ("up to 50% off, 20%OFF", ["up to 50% off", "20%OFF"]),
        ("送料無料 ポイント10倍 タイムセール", ["送料無料", "ポイント10倍", "タイムセール"]),
        ("ENVIO GRATIS envío gratis", ["ENVIO GRATIS", "envío gratis"]),
        ("무료배송 1+1 특가", ["무료배송", "1+1", "특가"]),
        ("Livraison gratuite Spedizione gratuita Frete Grátis", ["Livraison gratuite", "Spedizione gratuita", "Frete Grátis"]),
        ("İstanbul kostenloser Versand", ["kostenloser Versand"]),
    ],
)
def test_found_in_any_language_case_and_width(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "真正品质", "新品种玉米种子", "3个月以上新生儿", "【送女友】礼盒", "男女同款", "新疆棉", "折叠促销台", "特价标签纸",
        "セールス手帳", "New Balance 574", "newborn romper", "wholesaler guide", "fountain pen nib", "2 inch clearance lift kit",
        "60-80% cotton", "scoffer", "11+1 pack", "envío", "presale", "battlefree shippings", "ohotsale",
    ],
)  # fmt: skip
def test_not_found_inside_product_words(text):
    assert found(text) == []


def test_words_of_a_language_count_only_there():
    assert found("Jacke NEU blau", "de") == ["NEU"]
    assert found("Jacke NEU blau") == found("Jacke NEU blau", "en") == found("NEU", "xx") == []
    assert found("Neustart neugierig", "de") == []
    assert found("包邮 Jacke", "de") == ["包邮"]


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_no_tag_of_the_corpus_is_touched(path):
    for listing in read_markup(path):
        for start, end in find_promotions(listing.text, listing.lang):
            for tag in listing.tags:
                assert tag.start is None or tag.end <= start or end <= tag.start, (listing.id, tag, listing.text[start:end])


def test_the_promotions_of_the_corpus_are_found():
    pattern = re.compile("包邮|正品|新款|爆款|热卖|旗舰店|代发|特价|清仓|补贴|現貨|现货|送料無料|무료배송|free shipping", re.I)
    missed = []
    for path in CORPUS:
        for listing in read_markup(path):
            spans = find_promotions(listing.text, listing.lang)
            marked = [(tag.start, tag.end) for tag in listing.tags if tag.start is not None]
            for match in pattern.finditer(listing.text):
                if not any(start <= match.start() and match.end() <= end for start, end in spans + marked):
                    missed.append((listing.id, match[0]))
    assert missed == []


@pytest.mark.parametrize("lang", DATA)
def test_every_phrase_is_found_alone(lang):
    for phrase in DATA[lang]["phrases"]:
        assert found(phrase) == [phrase], phrase
        assert found(phrase.upper(), lang), phrase
    for word in DATA[lang]["words"]:
        assert found(word, lang) == [word]


def test_data():
    sizes = {lang: len(entry["phrases"]) + len(entry["patterns"]) for lang, entry in DATA.items()}
    assert sizes["zh"] >= 80 and sizes["en"] >= 40
    assert all(sizes[lang] >= 10 for lang in ("ja", "de", "es", "fr", "ko", "it", "pt"))
    for entry in DATA.values():
        assert set(entry) == {"phrases", "patterns", "words"}
        assert len(set(entry["phrases"])) == len(entry["phrases"])
        for pattern in entry["patterns"]:
            assert pattern == pattern.lower() or "\\S" in pattern, f"{pattern} can match nothing: texts are lower-cased"


@settings(deadline=None, max_examples=200)
@given(text=st.text(alphabet="包邮正品20新款 freshipgİ１+%【送】\n\ud800", max_size=40), lang=st.sampled_from(["", "zh", "de", "en", "??"]))
def test_spans_are_ordered_and_inside(text, lang):
    last = 0
    for start, end in find_promotions(text, lang):
        assert last <= start < end <= len(text)
        last = end
