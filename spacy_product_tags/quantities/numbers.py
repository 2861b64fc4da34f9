"""Read the numbers of product listings: 1,500, 1.500,5, 1 3/4, 8½, 2万, 三, 半, two."""
import re
from fractions import Fraction
from math import gcd
from typing import Iterator, Tuple

from ..text.chinese_numbers import parse_chinese_number

_NARROW = {**{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}, 0x3000: 0x20}
_NARROW.update(str.maketrans("”〃’″′", "\"\"'\"'"))
# What a pattern that ignores case takes for these letters, while their lower case is something else: KİLOGRAM.
_NARROW.update(str.maketrans("İıſ\u212a\u212b\u2126", "IisKÅΩ"))
_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
# 1/2; and any fraction with its own slash ⁄, as `format_quantity` writes it: 13/14 are two sizes, 2019/2020 two years.
_FRACTION = re.compile(r"(?:(\d+)(?:\s?-\s?|\s+))?(\d+)(?:⁄(\d+)|/(10|12|16|32|64|[2-9])(?![\d/]|\.\d))")
_MIXED = re.compile(rf"(\d{{1,5}})?[\s-]?([{''.join(_VULGAR)}])")
# 10 000 is one number in any language; 2 500 in those that write thousands so.
_BLANKS = "\u00a0\u2009\u202f'"
_BLANK_GROUPS = rf"[1-9]\d{{0,2}}(?:[{_BLANKS}]\d{{3}})+(?:[.,]\d+)?(?!\d)|[1-9]\d{{0,2}}(?: 000)+(?:[.,]\d+)?(?!\d)"
_PLAIN_GROUPS = r"[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d+)?(?!\d)"
_POINTED = (
    r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?![\d,])|[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}(?![\d.])"
    rf"|{_BLANK_GROUPS}|0,\d+(?![\d,])|\d+,(?:\d{{1,2}}|\d{{4,}})(?![\d,]|\.\d)"
)
_COMMAED = (
    r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?(?![\d.,])|[1-9]\d{0,2}(?:,\d{3}){2,}(?![\d,])|[1-9]\d{0,2}(?:,\d{3})+\.\d+"
    rf"|{_BLANK_GROUPS}|\d+,\d+(?![\d,]|\.\d)"
)
# 007 and 000 are no numbers.
_PLAIN = r"(?:0|[1-9]\d*)\.\d+|\.\d+|0(?!\d)|[1-9]\d*"
_DIGITS = {
    (comma, blank): re.compile("|".join([*([_PLAIN_GROUPS] if blank else []), _COMMAED if comma else _POINTED, _PLAIN]))
    for comma in (False, True)
    for blank in (False, True)
}
# The second part of a number that was cut: who knows what 500 is in 2 500 ml? But iPhone 15 512GB holds two.
_SECOND_GROUP = re.compile(
    r"(?<![\w.,-])([1-9]\d{0,2}) (\d{3})(?![\d.,]\d|\d)(?!(?<!000)\s?[gtm]b?(?![a-z]))", re.IGNORECASE
)
_MULTIPLIER = re.compile(r"\s?([万萬亿億])")
# Nobody sells that many; Python refuses to read numbers of thousands of digits.
_MAX_LENGTH = 40
# More than ten in a row are no number, and trying all their parts would take long.
_IN_HANZI = "[一二两兩三四五六七八九十百千万〇零点]"
_HANZI = re.compile(f"半|(?!{_IN_HANZI}{{11}})[一二两兩三四五六七八九十〇零]{_IN_HANZI}{{0,9}}")
# One to twelve, as English packs are written.
_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
_ENGLISH = re.compile(rf"({'|'.join(_WORDS)})(?![a-z])", re.IGNORECASE)
_TOO_LONG = re.compile(rf"[-−]?(?:[\d.,'\u00a0\u2009\u202f⁄/]|[-\s](?=\d)){{{_MAX_LENGTH}}}")
_SIGN = re.compile(r"(?<![\w)])[-−](?=\d)")
# The digits of 二〇二四年 are one number; 双十一三件套 holds two.
_NO_DIGIT_BEFORE = "(?<![〇零二三四五六七八九])(?<![〇零二三四五六七八九]一)"
# Any number may begin like this.
NUMBER_START = re.compile(
    rf"[-−]?\.?\d|[{''.join(_VULGAR)}]|{_NO_DIGIT_BEFORE}(?:{_HANZI.pattern})|{_ENGLISH.pattern}", re.IGNORECASE
)


def narrow(text: str) -> str:
    """Make letters, digits and marks half-width. RETURNS (str): A text of the same length, so that offsets stay."""
    return text.translate(_NARROW)


def read_numbers(text: str, at: int, comma: bool = False, blank: bool = False) -> Iterator[Tuple[Fraction, int]]:
    """Read the number at a place; Chinese ones also in part, for 三两.

    text (str): The text, half-width.
    at (int): Where the number begins.
    comma (bool): Whether the language writes 1,5 for one and a half, so that 1.000 is a thousand.
    blank (bool): Whether it writes 2 500.
    YIELDS (Tuple[Fraction, int]): Numbers and their ends, the longest first.
    """
    if _TOO_LONG.match(text, at):
        return
    sign = -1 if (minus := _SIGN.match(text, at)) else 1
    at = minus.end() if minus else at
    if (match := _FRACTION.match(text, at)) and _is_fraction(int(match[2]), int(match[3] or match[4])):
        yield sign * (int(match[1] or 0) + Fraction(int(match[2]), int(match[3] or match[4]))), match.end()
    elif match := _MIXED.match(text, at):
        yield sign * (int(match[1] or 0) + Fraction(_VULGAR[match[2]])), match.end()
    elif match := _DIGITS[comma, blank].match(text, at):
        number, end = sign * _read_decimal(match[0], comma), match.end()
        if more := _MULTIPLIER.match(text, end):
            number, end = number * (10**4 if more[1] in "万萬" else 10**8), more.end()
        yield number, end
    elif match := _ENGLISH.match(text, at):
        yield Fraction(_WORDS.index(match[1].lower()) + 1), match.end()
    elif match := _HANZI.match(text, at):
        for end in range(match.end(), at, -1):
            read = parse_chinese_number(text[at:end])
            if read is not None:
                yield Fraction(read), end


def _is_fraction(part: int, whole: int) -> bool:
    return 0 < part < whole and gcd(part, whole) == 1


def _read_decimal(digits: str, decimal_comma: bool) -> Fraction:
    """Read a number whose comma or dot may stand for a decimal point or for thousands. RETURNS (Fraction): It."""
    digits = re.sub(f"[ {_BLANKS}]", "", digits)
    comma, dot = digits.rfind(","), digits.rfind(".")
    if decimal_comma and comma < 0 and re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", digits):
        digits = digits.replace(".", "")
    elif comma > max(dot, -1) and (dot >= 0 or decimal_comma or not re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", digits)):
        digits = digits.replace(".", "").replace(",", "." if digits.count(",") == 1 else "")
    elif digits.count(".") > 1:
        digits = digits.replace(".", "")
    return Fraction(digits.replace(",", ""))


def splits_thousands(text: str, at: int) -> bool:
    """Say whether a place is in the middle of 10 000 or 2 500. RETURNS (bool): Whether no number should begin there."""
    if at < 2 or text[at - 1] != " " or not text[at - 2].isdecimal():
        return False
    start = at - 2
    while start > at - 5 and text[start - 1 : start].isdecimal():
        start -= 1
    match = _SECOND_GROUP.match(text, start)
    return match is not None and match.start(2) == at


def is_written_out(text: str, at: int) -> bool:
    """Say whether a number is written in Chinese characters. RETURNS (bool): Whether it is."""
    return _HANZI.match(text, at) is not None
