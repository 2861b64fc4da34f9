"""Texts and listings for tests that try many: hypothesis strategies, and a plain generator that draws fast.

All are made of the same parts, so that what one test module finds another can look for. In a test::

    from hypothesis import given
    from strategies import listings, texts

    @given(texts())
    def test_it(text): ...

    for text in random_texts(1000, seed=0): ...
"""
import random
from typing import Any, Callable, Dict, Iterator, List, Optional

from hypothesis import strategies as st

from spacy_product_tags.listing import Listing
from spacy_product_tags.tag import Tag

# Parts of titles by kind. The words are real ones, so that a trained pipeline finds tags.
BRANDS = "耐克 苹果 华为 小米 三只松鼠 海尔 Nike NIKE Apple HUAWEI L'Oréal Häagen-Dazs 资生堂 ソニー 삼성 Crème".split()
WORDS = (
    "男士 女款 纯棉 全棉 短袖 圆领 透气 防摔 磁吸 透明 夏季 新款 红色 白色 黑 大码 手机壳 T恤 连衣裙 保温杯 坚果 礼盒 零食 "
    "men's women shirt cotton red Navy waterproof Running Shoes dress phone case メンズ レディース 靴 腕時計 남성 티셔츠 "
    "Größe Hemd Schuhe robe bleue été chaussures camisa hombre рубашка قميص เสื้อ áo sơ mi कमीज़"
).split()
MODELS = "iPhone15Pro iPhone 15 Pro Max|Mate60|XT-200|A7 III|RTX4090|DDR5|USB-C|8K|24H|3D|9H|5G|WH-1000XM5".split("|")
PROMOTIONS = "包邮 正品 限时 热卖 爆款 清仓 买一送一 Free Shipping|SALE|送料無料|★★★ Best|100% NEW|2024新款".split("|")
QUANTITIES = (
    "500ml|500 ml|1.5kg|1,000 g|10 000 mAh|24瓶|6罐装|555ml*24瓶/箱|6g×6袋/盒|12L x 8W x 4H inches|32W/34L|30±2cm|110码|42码|"
    "XL|3XL|M/L|6-12M|35/36/37码|24 ct|14ct|60支|2.0T|1200D|６寸|½ inch|Ⅲ|一百二十片|两斤|1 dozen|500 g ℮|5’|6'x9'|1e400|٣ kg|①②"
).split("|")
FLAGS = ["🇨🇳", "🇯🇵", "🇺🇸🇬🇧", "🇫", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏳️‍🌈"]
KEYCAPS = ["1️⃣", "#️⃣", "5⃣", "9️⃣9️⃣"]
EMOJI = ["❤", "❤️", "👍🏿", "😀", "👩🏽‍🚀", "👨‍👩‍👧‍👦", "✨", "®", "™", "☑️", "↔️", "🔥🔥", "\u200d", "🏿", "\ufe0f"]
# Signs behind their letters: half-width voicing, decomposed accents and kana, Indic vowels, Thai, keycap, many at once.
CLUSTERS = [
    "ﾒﾝｽﾞ", "ﾚﾃﾞｨｰｽ", "ﾊﾟﾝﾂ", "メンス\u3099", "ハ\u309aンツ", "Cre\u0300me Bru\u0302le\u0301e", "cafe\u0301", "re\u0301d", "u\u0308\u0304", "한", "\u1112\u1161\u11ab",
    "नमस्ते", "कि", "น้ำ", "ผู้ชาย", "க்ஷ", "e\u0301\u0301\u0301", "a\u20dd", "邊\U000e0101", "葛\ufe00", "Z\u0351\u036b\u0343a\u0300\u0301l\u0327g\u0328o\u0321", "\u0301", "\u0e33", "\u0903",
]  # fmt: skip
# Seen by nobody: zero-width, joiners, bidi controls, soft hyphen, byte order mark, interlinear and tag characters.
FORMATS = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u200f", "\u202a", "\u202e", "\u202c", "\u2066", "\u2069", "\u061c", "\u180e", "\U000e0020", "\ufff9"]  # fmt: skip
BLANKS = [" ", "  ", "\t", "\n", "\r\n", "\r", "\u3000", "\u00a0", "\u2009", "\u202f", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\u1680", "\u2003"]  # fmt: skip
SIGNS = list("，。、；：！？/|-_·,.;:!?*+&%$#@~^`'\"“”‘’()（）[]【】《》<>{}=\\") + ["...", "——", "★", "◆", "※", "→", "￥", "＃", "￣"]
CONTROLS = ["\x00", "\x01", "\x1b[0m", "\x7f", "\x9f", "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\ue000"]
SURROGATES = ["\ud800", "\udfff", "\ud83d", "\ude00", "\udc80\udcff"]
MARKUP = [
    "<b>耐克</b><br/>", "<p>", "</p>", "&nbsp;", "&amp;", "&#10;", "<img src=\"c.jpg\" width=10>", "<td>红色</td>", "<!-- x -->", "<script>var a='红色';</script>", "<br", "<", ">", "<3", "a < b > c",
    "[耐克|brand]", "[", "]", "|brand]", "\\[", "{{title}}", "%s", "{0}", "&#x1F600;", "<style>td{color:red}</style>", "http://a.b/c?d=红色&e", "a@b.cn",
]  # fmt: skip
# Letters whose case or width folds to another number of letters, and others of rare scripts.
FOLDS = ["İ", "ı", "ſ", "ß", "ẞ", "ﬁ", "ŉ", "ǰ", "Σς", "ﷺ", "㎏", "㈱", "Ⅷ", "ＡＢＣ", "ｶﾞ", "𝐍𝐢𝐤𝐞", "𠮷", "𠀀", "ꙮ", "ᏹ", "ꓠ", "ʼn"]
PARTS: Dict[str, List[str]] = {
    "brand": BRANDS,
    "word": WORDS,
    "model": MODELS,
    "promotion": PROMOTIONS,
    "quantity": QUANTITIES,
    "emoji": [*EMOJI, *FLAGS, *KEYCAPS],
    "cluster": CLUSTERS,
    "format": FORMATS,
    "blank": BLANKS,
    "sign": SIGNS,
    "control": CONTROLS,
    "surrogate": SURROGATES,
    "markup": MARKUP,
    "fold": FOLDS,
}
# What titles are mostly made of.
PLAIN = ("brand", "word", "word", "word", "model", "promotion", "quantity")
# And what is strewn in.
ODD = ("emoji", "cluster", "format", "blank", "sign", "control", "markup", "fold")
_JOINTS = ("", "", "", " ", " ", "，", "/", "\u3000")
# Where scripts and their signs lie, for single characters that nobody thought of.
_PLANES = ((0x20, 0x7F), (0x80, 0x250), (0x300, 0x370), (0x370, 0x1100), (0x1100, 0x1200), (0x2000, 0x2C00), (0x3000, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xAD00), (0xFE00, 0x10000), (0x1F000, 0x1FB00), (0xE0000, 0xE0200))  # fmt: skip


def random_texts(n: int, seed: int, *, surrogates: bool = False, longest_run: int = 200) -> Iterator[str]:
    """Draw texts, fast: titles as shops write them, titles with odd parts strewn in, and odd parts alone.

    n (int): How many.
    seed (int): The same seed gives the same texts.
    surrogates (bool): Whether some hold lone surrogates, which no UTF-8 can.
    longest_run (int): Most repetitions in a long run of one part.
    YIELDS (str): The texts; one in a hundred is empty or blank.
    """
    rng = random.Random(seed)
    odd = (*ODD, "surrogate") if surrogates else ODD
    for _ in range(n):
        kind = rng.random()
        if kind < 0.01:
            yield "".join(rng.choices(BLANKS + FORMATS, k=rng.randrange(4)))
        elif kind < 0.35:
            yield _join(rng, [_draw(rng, PLAIN) for _ in range(rng.randrange(1, 12))])
        elif kind < 0.85:
            parts = [_draw(rng, PLAIN) for _ in range(rng.randrange(1, 10))]
            for _ in range(rng.randrange(1, 6)):
                parts.insert(rng.randrange(len(parts) + 1), _draw(rng, odd))
            yield _join(rng, parts)
        elif kind < 0.95:
            yield "".join(_draw(rng, odd + PLAIN) for _ in range(rng.randrange(1, 12)))
        elif kind < 0.98:
            yield "".join(_character(rng) for _ in range(rng.randrange(1, 40)))
        else:
            yield _draw(rng, PLAIN) + _draw(rng, odd + PLAIN) * rng.randrange(2, longest_run) + _draw(rng, PLAIN)


def _draw(rng: random.Random, kinds: Any) -> str:
    return rng.choice(PARTS[rng.choice(kinds)])


def _join(rng: random.Random, parts: List[str]) -> str:
    joint = rng.choice(_JOINTS)
    return "".join(part + (joint if rng.random() < 0.7 else rng.choice(_JOINTS)) for part in parts)


def _character(rng: random.Random) -> str:
    return chr(rng.randrange(*rng.choice(_PLANES)))


def parts(*kinds: str) -> st.SearchStrategy[str]:
    """Draw one part. kinds (str): Keys of `PARTS`; none = any but surrogates."""
    return st.one_of([st.sampled_from(PARTS[kind]) for kind in kinds or (*dict.fromkeys(PLAIN), *ODD)])


@st.composite
def titles(draw: Callable, max_parts: int = 10) -> str:
    """Draw a title as shops write them: brand, words, sizes; Chinese and Latin mixed; no odd characters."""
    found = draw(st.lists(st.tuples(parts(*PLAIN), st.sampled_from(_JOINTS)), min_size=1, max_size=max_parts))
    return "".join(part + joint for part, joint in found)


def texts(max_parts: int = 12, *, surrogates: bool = False) -> st.SearchStrategy[str]:
    """Draw any text: titles, titles with odd parts, odd parts alone, long runs, characters at random, "".

    max_parts (int): Most parts.
    surrogates (bool): Whether some hold lone surrogates.
    """
    any_part = parts(*PLAIN, *ODD, *(("surrogate",) if surrogates else ()))
    strewn = st.lists(any_part, max_size=max_parts).map("".join)
    runs = st.tuples(parts(), st.integers(2, 60)).map(_repeat)
    loose = st.text(max_size=4 * max_parts) if surrogates else st.text(st.characters(exclude_categories=["Cs"]), max_size=4 * max_parts)  # fmt: skip
    return st.one_of(titles(max_parts), strewn, st.tuples(titles(3), runs, titles(3)).map("".join), loose)


def _repeat(run: "tuple[str, int]") -> str:
    return run[0] * run[1]


def clusters() -> st.SearchStrategy[str]:
    """Draw a text in which characters are more than one code point: emoji, flags, keycaps, signs behind letters."""
    return st.lists(parts("emoji", "cluster", "format", "word", "brand"), max_size=12).map("".join)


def seller_tags() -> st.SearchStrategy[str]:
    """Draw what a seller may type as one tag: never blank."""
    return st.one_of(parts("brand", "word", "model", "quantity"), titles(3), texts(4)).filter(str.strip)


FACETS = ("", "brand", "product", "color", "material", "size", "quantity")


@st.composite
def listings(draw: Callable, *, tags: bool = True, facets: Any = FACETS, surrogates: bool = False) -> Listing:
    """Draw a listing that `Listing.from_dict` takes.

    tags (bool): Whether some have tags: spans that may overlap, nest and cut characters, and tags without a place.
    facets (Sequence[str]): What the tags are about.
    """
    title = draw(texts(surrogates=surrogates))
    description = draw(st.one_of(st.just(""), texts(6, surrogates=surrogates)))
    plain = Listing(title=title, description=description)
    text, found = plain.text, []
    for _ in range(draw(st.integers(0, 4)) if tags and text.strip() else 0):
        tag = _span(text, draw(st.integers(0, len(text) - 1)), draw(st.integers(1, 8)), draw(st.sampled_from(facets)))
        found += [tag] if tag else []
    if tags:
        own = st.builds(Tag, seller_tags(), st.sampled_from(facets), source=st.sampled_from(["implicit", "seller"]))
        found += draw(st.lists(own, max_size=2))
    typed = draw(st.lists(seller_tags(), max_size=4))
    answers = draw(st.one_of(st.just([]), st.lists(st.none() | seller_tags(), min_size=len(typed), max_size=len(typed))))
    return Listing(
        title=title,
        description=description,
        id=draw(st.sampled_from(["", "1", "红-1", "a b"])),
        lang=draw(st.sampled_from(["", "zh", "en", "ja"])),
        category=tuple(draw(st.lists(st.sampled_from(["服饰", "男装", "Apparel", "a > b"]), max_size=3))),
        tags=tuple(found),
        seller_tags=tuple(typed),
        seller_answers=tuple(answers),
    )


def _span(text: str, start: int, width: int, facet: str) -> Optional[Tag]:
    surface = text[start : start + width]
    return Tag(surface, facet, 1.0, start, start + len(surface)) if surface.strip() else None
