"""Write the parts of made-up titles: brands, model numbers and figures that nobody has, products and values."""
import random
import re
import tomllib
from functools import cache
from typing import Tuple

from ..text.promotions import DATA_PATH
from .taxonomy import clean_label
from .words import (
    BRAND_TAILS,
    CHINESE_BRAND,
    CODAS,
    JAPANESE_BRAND,
    KOREAN_BRAND,
    LAST_CODAS,
    MODELS,
    NUMBERS,
    ONSETS,
    PAIRS,
    PROMOTIONS,
    VOWELS,
)

_NUMBER = re.compile(r"\{(\w+)\}")
_PARTS = re.compile(r"\s*[/／・、]\s*")
_SHORTEST_BRAND = 6
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def make_brand(lang: str, rng: random.Random) -> str:
    """Make up a brand. RETURNS (str): Its name in the language's script or in Latin letters."""
    if lang[:2] == "zh" and rng.random() < 0.75:
        name = "".join(rng.sample(CHINESE_BRAND, rng.choice((2, 3, 3))))
        return f"{_latin_brand(rng)}/{name}" if rng.random() < 0.15 else name
    if lang == "ja" and rng.random() < 0.5:
        return "".join(rng.sample(JAPANESE_BRAND, 2))
    if lang == "ko" and rng.random() < 0.6:
        return "".join(rng.sample(KOREAN_BRAND, 2))
    return _latin_brand(rng) + (rng.choice(BRAND_TAILS) if lang == "en" else "")


def _latin_brand(rng: random.Random) -> str:
    # Real brands are short.
    name = ""
    while len(name) < _SHORTEST_BRAND:
        name += rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)
    name += rng.choice(LAST_CODAS) if name[-1] in "aeiou" else ""
    return name.upper() if rng.random() < 0.2 else name.capitalize()


def make_model(rng: random.Random) -> str:
    """Make up a model number. RETURNS (str): Such as KD-204."""
    letters = {"A": _LETTERS, "#": "0123456789"}
    return "".join(rng.choice(letters.get(char, char)) for char in rng.choice(MODELS))


def fill(text: str, rng: random.Random) -> str:
    """Put numbers in place of {names}. RETURNS (str): The text, such as "500ml" for "{ml}ml"."""
    parts = _NUMBER.split(text)
    return "".join(str(rng.choice(NUMBERS[part])) if at % 2 else part for at, part in enumerate(parts))


def make_promotion(lang: str, rng: random.Random) -> str:
    """Draw words that sell, made up or of those that are searched for. RETURNS (str): Such as 包邮, may be ""."""
    own, known = _promotions(lang)
    words = known if known and (not own or rng.random() < 0.4) else own
    return fill(rng.choice(words), rng) if words else ""


@cache
def _promotions(lang: str) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    own = PROMOTIONS.get(lang) or PROMOTIONS.get(lang[:2]) or PROMOTIONS.get(f"{lang}-CN") or ()
    known = tomllib.loads(DATA_PATH.read_text(encoding="utf8")).get(lang[:2], {}).get("phrases", ())
    return own, tuple(known) if lang != "zh-TW" else ()


def write_product(label: str, lang: str, rng: random.Random) -> str:
    """Write a category's name as sellers write a product: one of several, in the singular. RETURNS (str): The name."""
    label = clean_label(label, lang)
    parts = _PARTS.split(label)
    if len(parts) > 1:
        label = rng.choice(parts) if lang != "zh-CN" or rng.random() < 0.6 else "".join(parts)
    if lang == "en":
        label = rng.choice(label.split(" & ")) if label.count(" ") == 2 else label
        if rng.random() < 0.75:
            head, _, last = label.rpartition(" ")
            label = f"{head} {_singular(last)}".strip()
    return label


def _singular(word: str) -> str:
    low = word.lower()
    if low in PAIRS or not low.endswith("s") or low.endswith(("ss", "us", "is", "ves")):
        return word
    if low.endswith("ies") and len(low) > 4:
        return word[:-3] + "y"
    return word[:-2] if low.endswith(("ches", "shes", "xes", "sses", "zes", "toes")) else word[:-1]


def write_value(value: str, facet: str, lang: str) -> str:
    """Write a value so that it says what it is without its attribute's name. RETURNS (str): Such as 草莓味 for 草莓."""
    if lang[:2] == "zh":
        if len(value) == 1:
            return value + {"color": "色", "material": "质"}.get(facet, "")
        if facet == "flavor" and not value.endswith("味"):
            return f"{value}味"
        if facet == "scent" and not value.endswith(("香", "调")):
            return f"{value}香"
    return value
