"""Writes numbers in Chinese characters, to compare with what is read."""
from decimal import Decimal
from fractions import Fraction
from typing import Union

DIGITS = "零一二三四五六七八九"
UNITS = ((10**8, "亿"), (10**4, "万"), (1000, "千"), (100, "百"), (10, "十"))


def write_chinese_number(number: Union[int, Fraction]) -> str:
    """Write a number. RETURNS (str): As 一百二十三点四五; from 0 to below 10 ** 16, with an end as a decimal."""
    whole, rest = divmod(Fraction(number), 1)
    text = _write_whole(whole).removeprefix("零") or "零"
    text = text[1:] if text.startswith("一十") else text
    decimals = format(Decimal(rest.numerator) / rest.denominator, "f").partition(".")[2] if rest else ""
    return text + ("点" if decimals else "") + "".join(DIGITS[int(digit)] for digit in decimals)


def _write_whole(number: int) -> str:
    if number < 10:
        return DIGITS[number]
    size, unit = next(pair for pair in UNITS if pair[0] <= number)
    head, tail = divmod(number, size)
    zero = "零" if 0 < tail < size // 10 else ""
    return _write_whole(head) + unit + (zero + _write_whole(tail) if tail else "")
