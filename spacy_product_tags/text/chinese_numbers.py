"""Numbers in Chinese characters, read and written exactly (cn2an knows no 半 and no 一点五万, and counts in floats)."""
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


def format_chinese_number(number: Union[int, Fraction]) -> str:
    """Write a number in Chinese characters: what `parse_chinese_number` reads.

    number (Union[int, Fraction]): From 0 to below 10 ** 16.
    RETURNS (str): The number: 一百二十三.
    RAISES (ValueError): Where the number is out of range, or has no end as a decimal (1/3).
    """
    number = Fraction(number)
    whole, rest = divmod(number, 1)
    if not 0 <= number < 10**16:
        raise ValueError(f"number: {number} is not from 0 to below 10 ** 16; write it in digits")
    text = _write_whole(whole) or _NUMBERS["digits"][0][0]
    text = text[1:] if text.startswith("一十") else text
    if rest:
        text += _NUMBERS["point"][0]
    for _ in range(rest.denominator.bit_length()):
        if rest:
            digit, rest = divmod(rest * 10, 1)
            text += _NUMBERS["digits"][digit][0]
    if rest:
        raise ValueError(f"number: {number} has no end as a decimal; round it, or write it as a fraction")
    return text


def _write_whole(number: int) -> str:
    if number < 10:
        return _NUMBERS["digits"][number][0] if number else ""
    unit, size = [(unit, size) for unit, size in _UNITS.items() if size <= number][-1]
    head, tail = divmod(number, size)
    zero = _NUMBERS["digits"][0][0] if 0 < tail < size // 10 else ""
    return _write_whole(head) + unit + zero + _write_whole(tail)
