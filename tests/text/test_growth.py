"""What reads text takes no longer than the text is long, whatever stands in it."""
import pytest
from growth import HOSTILE, LARGE, assert_linear, repeated

from spacy_product_tags.platforms import load_profile
from spacy_product_tags.platforms.formatting import format_tags
from spacy_product_tags.platforms.words import find_banned
from spacy_product_tags.rules.classes import value_features
from spacy_product_tags.rules.conversion import read_value
from spacy_product_tags.rules.programs import STEPS, WordRule, without_brackets
from spacy_product_tags.tag import Tag
from spacy_product_tags.text.chinese_numbers import parse_chinese_number
from spacy_product_tags.text.folding import fold_in_place, fold_words, lookup_key, nfkc
from spacy_product_tags.text.forms import split_brand_pair, variants
from spacy_product_tags.text.promotions import find_promotions
from spacy_product_tags.text.scripts import to_script
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.linking import link
from spacy_product_tags.values.table import Value

INDEX = AliasIndex.build(
    [Value("navy", "color", {"en": "Navy", "zh": "藏青"}), Value("red", "color", {"en": "Dark red"}), Value("x", "size", {"en": "10 x 12"})]
)
UNITS = (*HOSTILE, "最近", "new york ", "ab (", "111,", "a\u0301\u0316", "三件套", "free ", "包邮")


def all_variants(text):
    return list(variants(text, "fr"))


def traditional(text):
    return to_script(text, "zh-TW")


def find_link(text):
    return link(INDEX, text)


def formatted(name):
    profile = load_profile(name)

    def format_one(text):
        return format_tags([Tag(text, "color")], profile), list(find_banned(profile, text))

    format_one.__qualname__ = f"format {name}"
    return format_one


FUNCTIONS = [
    *(nfkc, fold_in_place, fold_words, lookup_key, traditional, split_brand_pair, all_variants, find_promotions),
    *(parse_chinese_number, without_brackets, read_value, value_features, WordRule({"gb": "Gigabytes"}).find, find_link),
    *STEPS.values(),
    *map(formatted, ("amazon", "google_title", "jd")),  # between them, all kinds of rules
]


@pytest.mark.parametrize(
    "function, unit",
    [
        (lookup_key, "一"), (lookup_key, "三件套"), (lookup_key, "a\u0301\u0316"), (lookup_key, "1 "), (without_brackets, " "), (without_brackets, "("),
        (read_value, " "), (STEPS["numbers"], "111,"), (STEPS["first number"], "1,"), (fold_words, "一"), (traditional, "速干"),
        (formatted("jd"), "最近"), (find_promotions, "free "), (parse_chinese_number, "一"),
    ],
)  # fmt: skip
def test_time_grows_with_the_text(function, unit):
    assert_linear(function, repeated(unit), repeats=2)


@pytest.mark.parametrize("text", ["ab{0}ab{0}!", "ab{0}一{0}!", "{0}一", "1{0}!", "ab({0}"])
@pytest.mark.parametrize("function", [split_brand_pair, read_value, without_brackets])
def test_blanks_between_cost_nothing_more(function, text):
    assert_linear(function, lambda size: text.format(" " * (size // 2)), repeats=2)


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_time_grows_with_the_text_to_100_000_characters(function, unit):
    assert_linear(function, repeated(unit), sizes=LARGE, repeats=1)
