"""Platform profiles: reading them, writing tags by them, and checking what was written."""
import gzip
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_oracle import violations

from spacy_product_tags import ListingError
from spacy_product_tags.platforms.formatting import (
    create_platform_profile,
    format,
    format_tags,
    load_profile,
    profile_names,
)
from spacy_product_tags.platforms.profile import BannedWords, Profile
from spacy_product_tags.platforms.words import find_banned
from spacy_product_tags.tag import Tag

DATA = Path(__file__).parents[3] / "shared" / "datasets" / "zh_ner_jd_gaiic2022"
PLAIN = Profile("plain", "1")


def tags(*texts, facet="") -> list:
    return [Tag(text, facet=facet) for text in texts]


def codes(formatted) -> list:
    return [(dropped.tag.text, dropped.code) for dropped in formatted.dropped]


def test_bundled():
    assert {"taobao", "jd", "amazon", "shopify", "google", "neutral"} <= set(profile_names())
    for name in profile_names():
        profile = load_profile(name)
        assert (profile.name, pickle.loads(pickle.dumps(profile))) == (name, profile)
        assert list(profile.rules())
        for place, _, source in profile.rules():
            assert bool(source.url) == (str(source) != "assumed"), place
            assert not source.url or source.read
    assert create_platform_profile("shopify") is load_profile("shopify")


def test_limits_of_public_documents():
    assert load_profile("amazon").max_length == 249 and load_profile("amazon").unit == "bytes"
    shopify = load_profile("shopify")
    assert (shopify.max_tags, shopify.max_tag_length, shopify.tag_unit) == (250, 255, "characters")
    google = load_profile("google")
    assert (google.min_tags, google.max_tags, google.max_tag_length) == (2, 100, 150)


def test_amazon():
    result = format_tags(
        [
            Tag("Nike", facet="brand"),
            Tag("Men's T-Shirt", facet="product"),
            Tag("Red Shirt", facet="product"),
            Tag("best seller", facet="style"),
            Tag("Shirt", facet="product"),
            Tag("32 oz", facet="quantity"),
            Tag("16 oz", facet="quantity"),
            Tag("6-12 months", facet="age"),
            Tag("shirt for newborn", facet="audience"),
            Tag("B08N5WRWNW", facet="model"),
            Tag("—", facet="form"),
        ],
        "amazon",
        lang="en",
    )
    assert result.strings == ("men's t shirt", "red", "32 oz", "newborn")
    assert result.text == "men's t shirt red 32 oz newborn"
    assert [tag.text for tag in result.tags] == ["Men's T-Shirt", "Red Shirt", "32 oz", "shirt for newborn"]
    assert codes(result) == [
        ("Nike", "facet"),
        ("best seller", "amazon-subjective"),
        ("Shirt", "duplicate"),
        ("16 oz", "duplicate"),
        ("6-12 months", "character"),
        ("B08N5WRWNW", "amazon-identifier"),
        ("—", "empty"),
    ]
    assert all(dropped.message for dropped in result.dropped)


def test_length_counts_bytes_and_goes_on_with_shorter_tags():
    result = format_tags(tags("藏青色" * 11, "é" * 45, "藏青色" * 11, "红" * 40, "ok"), replace(load_profile("amazon")))
    assert codes(result) == [("藏青色" * 11, "duplicate"), ("红" * 40, "tag_length")]
    assert [len(string.encode()) for string in result.strings] == [99, 90, 2]
    taobao = format_tags(tags("衬" * 15, "衫" * 15, "裙" * 14, "a"), "taobao")
    assert taobao.strings == ("衬" * 15, "裙" * 14, "a") or len(taobao.text.encode("gb18030")) <= 60
    assert ("衫" * 15, "total_length") in codes(taobao)


def test_count_order_and_required_facets():
    profile = replace(PLAIN, max_tags=2, required_facets=("material", "color"))
    given_tags = [Tag("dress", facet="product"), Tag("long", facet="fit"), Tag("cotton", facet="material")]
    result = format_tags(given_tags, profile)
    assert (result.strings, result.missing) == (("dress", "cotton"), ("color",))
    assert codes(result) == [("long", "count")]


def test_too_few():
    result = format_tags(tags("cotton"), "google")
    assert (result.strings, result.text, codes(result)) == ((), "", [("cotton", "too_few")])
    assert format_tags([], "google").dropped == ()


def test_separator_in_a_tag():
    result = format_tags(tags("red, blue,", "1,5 l", "blue"), "shopify")
    assert (result.strings, codes(result)) == (("red", "blue"), [("1,5 l", "character"), ("blue", "duplicate")])
    colors = format_tags(tags("Red", "navy/white", "multi-colour", "red", "teal", facet="color"), "google_color")
    assert colors.text == "Red/navy/white"
    assert codes(colors) == [("multi-colour", "no_color"), ("red", "duplicate"), ("teal", "count")]


@pytest.mark.parametrize(
    "profile, text, strings",
    [
        ("amazon", '24" monitor', ()), ("amazon", '24-inch "gaming" monitor', ("24 inch gaming monitor",)), ("etsy", "100% cotton", ()), ("etsy", "C++ mug", ()), ("etsy", "50% wool; 5+ years", ()),
        ("etsy", "#summer", ("summer",)), ("etsy", "#1 dad", ()), ("etsy", "$10 mug", ()), ("etsy", "cash $ mug", ("cash mug",)), ("amazon_title", "$10 mug", ()),
        ("google_color", "#FACADE", ()), ("google_color", "#fff", ()), ("google_color", "#rot", ("rot",)), ("shopify", '24" monitor', ('24" monitor',)),
    ],
)  # fmt: skip
def test_a_sign_that_bears_meaning_is_not_just_left_out(profile, text, strings):
    result = format_tags([Tag(text, facet="color" if profile == "google_color" else "")], profile, lang="en")
    assert result.strings == strings
    assert [dropped.code for dropped in result.dropped] == ([] if strings else ["character"])


@pytest.mark.parametrize("text", ["$10 off", "€5 off", "$2.50 off", "100% Guaranteed", "Quality guaranteed"])
def test_prices_and_guarantees_are_promotions(text):
    assert codes(format_tags(tags(text), "jd", lang="en")) == [(text, "promotion")]
    assert not format_tags(tags("$10 office chair"), "jd", lang="en").dropped


def test_banned_together_with_the_tag_before():
    profile = replace(PLAIN, banned=(BannedWords("new", "temporary", ("brand new",)),))
    result = format_tags(tags("brand", "new", "shoes"), profile)
    assert (result.text, codes(result)) == ("brand shoes", [("new", "new")])
    assert violations(profile, ["brand", "new"]) == ["banned.new: all together: 'brand new'"]


@pytest.mark.parametrize(
    "text", ["最好用", "销量第一", "國家級", "最佳", "顶级牛排", "NO.1", "ＮＯ１", "极品", "治療失眠", "最近最火"]
)
def test_chinese_law(text):
    for name in ("taobao", "jd"):
        assert not format_tags(tags(text), name).strings, text


@pytest.mark.parametrize(
    "text", ["最近", "第一季", "最终幻想", "治疗仪", "全网通", "治愈系", "第一课", "最大承重5kg", "no.10", "最后生还者", "最爱", "顶级域名"]
)
def test_not_banned_inside_other_words(text):
    for name in ("taobao", "jd"):
        assert format_tags(tags(text), name).strings == (text,)


def test_own_exceptions_and_competitors():
    profile = replace(load_profile("taobao"), exceptions=("第一坊",), competitors=("Nike", "耐克"))
    result = format_tags(tags("第一坊", "耐克同款鞋", "NIKE鞋", "nikes", "第一"), profile)
    assert result.strings == ("第一坊", "nikes")
    assert codes(result) == [("耐克同款鞋", "competitor"), ("NIKE鞋", "competitor"), ("第一", "zh-superlative")]


def test_promotions_know_the_language():
    assert codes(format_tags(tags("包邮", "free shipping"), "jd")) == [("包邮", "promotion"), ("free shipping", "promotion")]


def test_script():
    assert format_tags(tags("藏藍色連衣裙", "藏蓝色连衣裙"), "taobao").strings == ("藏蓝色连衣裙",)


def test_doc():
    doc = spacy.blank("zh")("纯棉T恤")
    doc._.tags = [{"text": "纯棉", "start": 0, "end": 2}, "包邮"]
    assert format(doc, "taobao") == format_tags(doc._.tags, "taobao", lang="zh")
    assert format(doc, load_profile("jd")).strings == ("纯棉",)


HEAD = 'schema = 1\nname = "mine"\nversion = "2"\n'
GOOD = HEAD + 'extends = "amazon"\n[total_length]\nmax = 499\nsource = "assumed"\n[exceptions]\nwords = ["Best Co"]\nsource = "assumed"\n'


def test_extends(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + '[[banned]]\ncode = "own"\nreason = "no"\nwords = ["foo"]\nsource = "assumed"\n')
    profile = load_profile(path)
    assert (profile.name, profile.version, profile.max_length, profile.unit) == ("mine", "2", 499, "bytes")
    assert [words.code for words in profile.banned][-2:] == ["amazon-identifier", "own"]
    assert format_tags(tags("best co", "foo", "best"), str(path)).strings == ("best co",)
    (tmp_path / "child.toml").write_text(HEAD + 'extends = "mine.toml"\n')
    assert load_profile(tmp_path / "child.toml").max_length == 499


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        ("schema = 2\n", 1, "schema", "must be 1"),
        ("schema = 1\nname = 'x'\n", 0, "version", "missing"),
        (HEAD + "colour = 1\n", 4, "colour", "not known"),
        (HEAD + "[count]\nmax = 0\nsource = 'assumed'\n", 5, "count.max", "whole number from 1"),
        (HEAD + "[count]\nmax = true\nsource = 'assumed'\n", 5, "count.max", "whole number"),
        (HEAD + "[count]\nmaximum = 3\nsource = 'assumed'\n", 5, "count.maximum", "[count] has max, min and source"),
        (HEAD + "[count]\nmax = 3\n", 4, "count.source", "missing"),
        (HEAD + "[count]\nmax = 3\nsource = 'hearsay'\n", 6, "count.source", "needed is"),
        (HEAD + "[count]\nmax = 3\nsource = {url = 'https://x.y', read = 'today'}\n", 6, "count.source", "no day"),
        (HEAD + "[count]\nmax = 3\nmin = 4\nsource = 'assumed'\n", 6, "count.min", "more than count.max"),
        (HEAD + "[total_length]\nunit = 'kilos'\nsource = 'assumed'\n", 5, "total_length.unit", "must be one of"),
        (HEAD + "[separator]\ntext = ', '\nsource = 'assumed'\n", 0, "characters.forbidden", "must hold ','"),
        (HEAD + "[separator]\ntext = 'and'\nsource = 'assumed'\n", 5, "separator.text", "letters"),
        (HEAD + "[characters]\nforbidden = ' '\nsource = 'assumed'\n", 5, "characters.forbidden", "blank"),
        (HEAD + "[facets]\nallowed = ['a']\nrequired = ['b']\nsource = 'assumed'\n", 6, "facets.required", "not allowed"),
        (HEAD + "[facets]\nallowed = 'a'\nsource = 'assumed'\n", 5, "facets.allowed", "list of strings"),
        (HEAD + "[[banned]]\nlist = 'none'\n", 5, "banned[0].list", "there are zh-superlative"),
        (HEAD + "[[banned]]\nlist='zh-medical'\n[[banned]]\ncode='c'\nreason='r'\nsource='assumed'\npatterns=['(']\n", 10, "banned[1].patterns", "no regular"),
        (HEAD + "[[banned]]\ncode='c'\nreason='r'\nsource='assumed'\npatterns=['x*']\n", 8, "banned[0].patterns", "every tag"),
        (HEAD + "extends = 'nope'\n", 4, "extends", "there are amazon"),
        (HEAD + "extends = 'mine.toml'\n", 4, "extends", "in turn"),
        (HEAD + "[count\n", 4, "file", "no TOML"),
    ],
)
def test_bad_profiles(tmp_path, text, line, field, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ListingError) as error:
        load_profile(path)
    assert (error.value.path, error.value.line, error.value.field) == (str(path), line, field)
    assert says in str(error.value)


def test_unknown_profile():
    with pytest.raises(ListingError, match="there are amazon"):
        load_profile("ebay")
    with pytest.raises(ListingError, match="no such file"):
        load_profile("ebay.toml")


@pytest.mark.parametrize(
    ("rule", "strings", "says"),
    [
        ({"max_tags": 1}, ["a", "b"], "count"),
        ({"min_tags": 2}, ["a"], "count"),
        ({"max_tag_length": 3, "tag_unit": "bytes"}, ["ok", "红色"], "tag_length: strings[1]"),
        ({"max_length": 5, "unit": "gb18030"}, ["红", "蓝a"], "total_length: 6"),
        ({"case": "lower"}, ["A"], "case"),
        ({"script": "Hans"}, ["藍"], "script"),
        ({"forbidden": "/"}, ["a/b"], "characters"),
        ({"stop_words": ("the",)}, ["The end"], "stop_words"),
        ({"duplicates": "tag"}, ["T-shirt", "t shirt"], "duplicates"),
        ({"duplicates": "word"}, ["red shoe", "red hat"], "duplicates: 'red'"),
        ({"promotions": True}, ["包邮"], "promotions"),
        ({"competitors": ("nike",)}, ["Nike x"], "banned.competitor"),
        ({"separator": ","}, ["a,b"], "separator"),
        ({}, [" a"], "characters"),
        ({}, [""], "blank"),
        ({}, ["a\nb"], "characters"),
        ({"script": "Hans"}, ["\ud800红"], "characters"),
    ],
)
def test_violations(rule, strings, says):
    assert says in " | ".join(violations(replace(PLAIN, **rule), strings))
    assert not violations(PLAIN, ["fine", "also"])


PARTS = (
    "最", "最近", "第一", "第一季", "国家级", "國家級", "治疗", "治疗仪", "包邮", "新款", "brand", "new", "best", "on sale", "free",
    "shipping", "New York", "B08N5WRWNW", "T-shirt", "tshirt", "the", "of", "red", "Red", "32", "oz", "3,5", "6-12", "/", ",", "，",
    " ", "  ", "\n", "\t", "\x00", "\ud800", "é", "ß", "İ", "Σ", "😀", "ﬁ", "㎝", "½", "²", "頭髮", "乾", "藏藍", "No.1", "Ｎｏ１", "،", "\u200b",
)  # fmt: skip
TEXTS = st.one_of(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join), st.text(min_size=1, max_size=12))
FACETS = st.sampled_from(("", "brand", "color", "product", "material"))
TAGS = st.lists(st.builds(Tag, text=TEXTS, facet=FACETS), max_size=14)
WORDS = st.lists(st.sampled_from([part for part in PARTS if part.strip() and part != "\x00"]), max_size=4).map(tuple)
KINDS = st.lists(st.sampled_from(["digit", "emoji", "symbol", "nonletter"]), max_size=2, unique=True).map(tuple)
PROFILES = st.one_of(
    st.sampled_from(profile_names()).map(load_profile),
    st.builds(
        Profile,
        st.just("drawn"),
        st.just("1"),
        max_tags=st.none() | st.integers(2, 6),
        min_tags=st.integers(0, 2),
        max_tag_length=st.none() | st.integers(1, 12),
        tag_unit=st.sampled_from(("characters", "bytes", "gb18030")),
        max_length=st.none() | st.integers(1, 40),
        unit=st.sampled_from(("characters", "bytes", "gb18030")),
        separator=st.sampled_from((" ", ", ", "/", " , ")),
        case=st.sampled_from(("keep", "lower")),
        script=st.sampled_from(("", "Hans", "Hant", "Hant-HK")),
        denied_facets=st.just(()) | st.just(("brand",)),
        required_facets=st.just(()) | st.just(("color",)),
        duplicates=st.sampled_from(("none", "text", "tag", "word")),
        max_word=st.none() | st.integers(1, 2),
        free_words=WORDS,
        min_tag_length=st.integers(0, 2),
        max_capitals=st.none() | st.integers(1, 3),
        forbidden_kinds=KINDS,
        refused_kinds=KINDS,
        split=st.sampled_from(("", "/", ",-")),
        forbidden=st.sampled_from((",/", ",/-.;最")),
        stop_words=WORDS,
        promotions=st.booleans(),
        competitors=WORDS,
        exceptions=WORDS,
        banned=st.lists(st.builds(BannedWords, st.just("drawn"), st.just("no"), WORDS, st.just(("b0\\w{2}",)), WORDS), max_size=2).map(tuple),
    ),
)  # fmt: skip


@given(TAGS, PROFILES, st.sampled_from(("", "en", "zh", "de")))
@settings(deadline=None, max_examples=300)
def test_no_profile_breaks_its_own_rules(given_tags, profile, lang):
    result = format_tags(given_tags, profile, lang=lang)
    assert violations(profile, result.strings, lang=lang) == []
    assert result.text == profile.separator.join(result.strings)
    assert len(result.strings) == len(result.tags)
    # Nothing is lost: each tag is there or has a reason. Strings are in the order of the tags.
    if profile.split:
        assert len(result.tags) + len(result.dropped) >= len(given_tags)
        wholes = {tag.text for tag in given_tags}
        assert all(tag.text in wholes or tag.raw for tag in result.tags)
    else:
        assert len(result.tags) + len(result.dropped) == len(given_tags)
        left = iter(given_tags)
        assert all(any(tag is other for other in left) for tag in result.tags)
    assert not {tag.facet for tag in result.tags} & set(profile.denied_facets)
    # What was written once is written so again.
    again = format_tags([replace(tag, text=string) for tag, string in zip(result.tags, result.strings)], profile, lang=lang)
    assert again.strings == result.strings


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data set at {DATA}")
def test_real_titles_lose_few_tags_to_the_law():
    profile = replace(load_profile("jd"), promotions=False)
    with gzip.open(DATA / "dev.jsonl.gz", "rt", encoding="utf8") as file:
        rows = [json.loads(line) for line in file]
    texts = {row["text"][start:end] for row in rows for start, end, _ in row["spans"]}
    banned = {text for text in texts if any(find_banned(profile, text))}
    assert len(texts) > 1000 and len(banned) / len(texts) < 0.005, banned


@pytest.mark.parametrize(
    "profile, texts, strings",
    [
        ("amazon_title", ["Men's T-Shirt!", "Red Shirt", "$9 Shirt", "Shirt Dress", "with Shirt"], ["Men's T-Shirt", "Red Shirt", "Shirt Dress"]),
        ("amazon_title", ["cup of tea", "bag of tea", "box of the tea", "set of two"], ["cup of tea", "bag of tea", "set of two"]),
        ("amazon_title", ["x" * 75, "y"], ["x" * 75]),
        ("amazon_title", ["x" * 76, "free shipping", "y_z ★"], ["y z"]),
        ("amazon_title_media", ["x" * 200], ["x" * 200]),
        ("amazon_highlights", ["x" * 125, "y"], ["x" * 125]),
        ("google_title", ["★★★ Best", "Best", "COTTON SHIRT", "Cotton Shirt", "USB OLED", "Wow!", "free shipping"], ["Cotton Shirt", "USB OLED", "Wow"]),
        ("google_title", ["x" * 149, "y", "z"], ["x" * 149]),
        ("google", ["★★★ Best", "Cotton Shirt", "AMAZING SHIRT", "Soft 😀", "Wool"], ["Cotton Shirt", "Wool"]),
        ("shopify", ["color_red", "color:red", "Color_Red", "color-red"], ["color_red", "color:red", "color-red"]),
        ("taobao", ["红色😀", "👍🏿", "连衣裙❤️", "1️⃣号"], ["红色", "连衣裙", "1 号"]),
        ("etsy", ["x" * 20, "y" * 21, "gift, for her", "men's", "Men's"], ["x" * 20, "gift for her", "men's"]),
        ("etsy", [f"tag {chr(97 + n)}" for n in range(15)], [f"tag {chr(97 + n)}" for n in range(13)]),
    ],
)  # fmt: skip
def test_rules_of_platforms(profile, texts, strings):
    result = format_tags(tags(*texts), profile, lang="en")
    assert list(result.strings) == strings
    assert violations(load_profile(profile), result.strings, lang="en") == []


@pytest.mark.parametrize(
    "text, strings",
    [
        ("Red/Navy", ["Red", "Navy"]), ("Red, Navy", ["Red", "Navy"]), ("Off-white", ["Off white"]), ("红", ["红"]), ("R", []), ("Red 2", []),
        ("#FF0000", []), ("see image", []), ("Multicolour", []), ("Women", []), ("Black★", ["Black"]), ("Crème Brûlée", ["Crème Brûlée"]),
    ],
)  # fmt: skip
def test_google_colors(text, strings):
    result = format_tags(tags(text, facet="color"), "google_color", lang="en")
    assert list(result.strings) == strings
    assert violations(load_profile("google_color"), result.strings) == []
    if len(strings) > 1:
        assert [(tag.text, tag.raw) for tag in result.tags] == [(string, text) for string in strings]


def test_titles_of_jd_end_at_ninety_bytes_of_two_a_hanzi():
    jd = load_profile("jd")
    result = format_tags(tags("棉" * 45, "裙"), jd)
    assert result.strings == ("棉" * 45,) and codes(result) == [("裙", "total_length")]
    assert codes(format_tags(tags("棉" * 46), jd)) == [("棉" * 46, "total_length")]
