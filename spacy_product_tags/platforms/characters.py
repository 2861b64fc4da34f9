"""Kinds of characters that platforms don't take."""
import unicodedata
from functools import cache

import regex

_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f\u20e3]")
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
# Pictographs to Unicode, letters in a circle to everybody else.
_SIGNS = "©®™"


def is_kind(char: str, kinds: "tuple[str, ...]") -> bool:
    """Say whether a character is of a kind.

    char (str): The character.
    kinds (Tuple[str, ...]): "digit"; "emoji", with what joins and varies them; "symbol", such as ★ and ™; "nonletter" =
        all but letters, their marks and blanks.
    RETURNS (bool): Whether it is of one of them.
    """
    return any(_is(char, kind) for kind in kinds)


@cache
def _is(char: str, kind: str) -> bool:
    category = unicodedata.category(char)
    if kind == "digit":
        return category[0] == "N"
    if kind == "emoji":
        return char not in _SIGNS and bool(_EMOJI.match(char))
    if kind == "symbol":
        return category == "So"
    return category[0] not in "LM" and not char.isspace()


def is_wide(text: str) -> bool:
    """Say whether a text has a Chinese, Japanese or Korean character. RETURNS (bool): Whether it has."""
    return bool(_WIDE.search(text))
