"""Numbers in Chinese characters, read exactly (cn2an knows no 半 and no 一点五万, and counts in floats)."""
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Optional, Union

_NUMBERS = tomllib.loads(Path(__file__).with_name("forms.toml").read_text(encoding="utf8"))["numbers"]
_DIGITS = {char: value for value, chars in enumerate(_NUMBERS["digits"]) for char in chars}
_UNITS = dict(zip((unit[0] for unit in _NUMBERS["units"]), (10, 100, 1000, 10**4, 10**8)))
_NUMERALS = str.maketrans(
    {other: chars[0] for chars in (*_NUMBERS["digits"], *_NUMBERS["units"], _NUMBERS["point"]) for other in chars[1:]}
)
# What is longer is no number that anybody writes, and would take its time.
_LONGEST = 64


def parse_chinese_number(text: str) -> Optional[Union[int, Fraction]]:
    """Read a number in Chinese characters.

    text (str): The number and nothing else: 一百二十三, 两千三 (2300), 二〇二四, 三点五, 1.5万, 半.
    RETURNS (Optional[Union[int, Fraction]]): The number, exact; None where it is none, two (三四 = three or four),
        or longer than any number.
    """
    if len(text) > _LONGEST:
        return None
    text = text.translate(_NUMERALS)
    whole, point, decimals = text.partition(_NUMBERS["point"][0])
    if text == "半":
        return Fraction(1, 2)
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([百千万亿])", text):
        return _shorten(Fraction(match[1]) * _UNITS[match[2]])
    if not point:
        return _read_digits(text) if len(text) > 1 and all(char in _DIGITS for char in text) else _read_whole(text)
    size = 1
    while decimals and decimals[-1] in "万亿":
        size, decimals = size * _UNITS[decimals[-1]], decimals[:-1]
    number = _read_whole(whole)
    if number is None or not decimals or not all(char in _DIGITS for char in decimals):
        return None
    digits = "".join(str(_DIGITS[char]) for char in decimals)
    return _shorten((number + Fraction(int(digits), 10 ** len(digits))) * size)


def _shorten(number: Fraction) -> Union[int, Fraction]:
    return number.numerator if number.denominator == 1 else number


def _read_digits(text: str) -> Optional[int]:
    # As years and model numbers are read: 二〇二四.
    return int("".join(str(_DIGITS[char]) for char in text)) if len(text) > 2 or "零" in text else None


def _read_whole(text: str) -> Optional[int]:
    if text in _DIGITS:
        return _DIGITS[text]
    for unit in reversed(_UNITS):
        head, found, tail = text.rpartition(unit)
        if found:
            break
    else:
        return None
    size = _UNITS[unit]
    number = 1 if unit == "十" and not head else _read_whole(head)
    # 万 and 亿 take up to four and eight digits, 万亿 too; the others one.
    if not number or number >= (10 if size < 10**4 else size):
        return None
    if not tail:
        return number * size
    rest = _read_whole(tail[1:] if tail[0] == "零" else tail)
    if rest and len(tail) == 1:
        rest *= size // 10  # 两千三
    return number * size + rest if rest and rest < size else None
