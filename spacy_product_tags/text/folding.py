"""Foldings of text: what makes two writings equal, each for its purpose.

`lookup_key` finds a value whatever its writing, `fold_in_place` finds words in a text and keeps their places,
`fold_words` finds words whatever the Chinese script, and `fold_points` is what encoders hash.
"""
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import regex

from .chinese_numbers import parse_chinese_number
from .scripts import simplify_char, to_script

_DATA: Dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf8"))
_CHARACTERS = _DATA["characters"]
_HANZI = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
# Marks on one letter beyond which more are no writing, as in Unicode's stream-safe format (UAX 15): to sort them takes
# the square of their number.
_MOST_MARKS = 30
_MARKS = regex.compile(rf"(\p{{M}}{{{_MOST_MARKS}}})\p{{M}}++")
# A text too short for that to matter.
_SHORT = 1000


class _Table(dict):
    """What `str.translate` makes of a character, worked out when it is first met.

    find (Callable[[str], str]): Gives what the character becomes.
    """

    def __init__(self, find: Callable[[str], str]) -> None:
        self.find = find

    def __missing__(self, point: int) -> str:
        self[point] = found = self.find(chr(point))
        return found


def nfkc(text: str) -> str:
    """Give Unicode's compatibility form. RETURNS (str): The form; marks behind the thirtieth on one letter go."""
    if len(text) > _SHORT and not text.isascii():
        text = _MARKS.sub(r"\1", text)
    return unicodedata.normalize("NFKC", text)


def fold_points(points: np.ndarray) -> np.ndarray:
    """Fold ASCII case and full-width forms of code points, so that `ＡＢＣ`, `ABC` and `abc` share their features.

    What encoders hash: a change here changes what trained weights read.

    points (ndarray): (T,) code points.
    RETURNS (ndarray): (T,) code points.
    """
    points = np.where((points >= 0xFF01) & (points <= 0xFF5E), points - 0xFEE0, points)
    return np.where((points >= 0x41) & (points <= 0x5A), points + 32, points)


def fold_in_place(text: str) -> str:
    """Make case, width and other compatible forms (NFKC) equal, character by character.

    text (str): The text.
    RETURNS (str): A text of the same length, so that offsets stay: a character that would become two (İ, ㎡) stays.
    """
    return text.lower() if text.isascii() else text.translate(_IN_PLACE)


def fold_words(text: str) -> str:
    """Make case, width and Chinese script equal, to find words.

    text (str): The text.
    RETURNS (str): The folded text, simplified; its length may differ.
    """
    # Half a surrogate pair is "?".
    folded = fold_in_place(text).encode("utf8", "replace").decode("utf8")
    return to_script(folded, "Hans") if _HANZI.search(folded) else folded


def _one_for_one(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char).lower()
    return folded if len(folded) == 1 else char


def _simplify(char: str) -> str:
    # One by one: where OpenCC lets the phrase decide, a key that doesn't ask it is the same for both writings.
    if char >= "\u2e80" and unicodedata.category(char) == "Lo":
        char = simplify_char(char)
    return _FOLDS.get(char, char)


def _to_plain(char: str) -> str:
    for name, plain in _PLAIN_SIGNS.items():
        if char in _CHARACTERS[name]:
            return plain
    kind = unicodedata.category(char)
    if char in "#.,:" or char in _CHARACTERS["kept"] or kind == "Sc" or (kind == "Sm" and char != "|"):
        return char
    return " " if kind[0] in "PZS" or kind == "Cc" else _simplify(char)


def _before_nfkc(char: str) -> str:
    if char in _CHARACTERS["dropped"] or "\ufe00" <= char <= "\ufe0f" or unicodedata.category(char) == "Cf":
        return ""
    if unicodedata.decomposition(char).startswith("<fraction>"):
        return " " + unicodedata.normalize("NFKC", char)  # 1½ is not 11/2
    return char


_FOLDS = {pair[0]: pair[1] for pair in _CHARACTERS["fold"]}
_PLAIN_SIGNS = {"hyphens": "-", "single_quotes": "'", "double_quotes": '"', "times": "*", "slashes": "/"}
_IN_PLACE, _SIMPLE, _PLAIN, _RAW = _Table(_one_for_one), _Table(_simplify), _Table(_to_plain), _Table(_before_nfkc)
# A number from its first character on: from a later one it is another number.
_COUNT = re.compile(
    "(?<![一二两三四五六七八九十百])[一二两三四五六七八九十][一二三四五六七八九十百]*+"
    f"(?={'|'.join(_DATA['counted']['words'])})"
)
# What stays of signs in a key. After a digit ' and " are feet and inches, unless a quotation ends there.
_HARD = re.compile(r"[\d*#/]")
_NO_SIGNS = str.maketrans("", "", "-./,:'\" ")
_QUOTED = re.compile(r'(?<!\d)"([^"]*)"')
_TIMES = re.compile(r"""(?<=[\w"'%°]) ?\* ?(?=[\w.])""")
_NO_SIGN = re.compile(r"""(?<!\d)['"]|(?<![a-z\d])#(?!\d)""")
_LETTER_PAIR = re.compile(r"([a-z]|x*[sml]) ?/ ?([a-z]|x*[sml])")
_AROUND = re.compile(r"(?<=\d) *([-/:]) *(?=\d)")
_APART = re.compile(r"(?<=\d)(?:[-./,:* ]{2,}|\*)(?=\d)")
_NOT_BETWEEN = re.compile(r"(?!^[-.]\d)(?:(?<!\d)[-./,:* ]+|[-./,:* ]+(?!\d))")


def lookup_key(text: str) -> str:
    """Give what all writings of a value share, whatever their case, width, script, punctuation, blanks and hyphens.

    text (str): A value as written: Ｔ-Shirt, 藏藍色.
    RETURNS (str): The same for each of its writings (tshirt, 藏蓝色), for look-up, not to be shown. What stands between
        digits stays (3.5, 1/2, 90-100), and so do signs that tell values apart (C++, 5'10"). The key of a key is
        itself; it is "" only for a text of blanks, invisible characters and signs such as ™.
    """
    folded = text.casefold()
    if folded.isascii():
        return folded if folded.isalnum() else _strip(folded)
    if folded.isalnum() and unicodedata.is_normalized("NFKC", folded):
        folded = folded.translate(_SIMPLE)
    else:
        folded = _strip(text)
    return _COUNT.sub(_in_digits, folded)


def _strip(text: str) -> str:
    folded = text
    if not text.isascii():
        folded = nfkc(text.translate(_RAW)).casefold()
        # The dot of the Turkish İ: without a dot is written, and folded, as with one.
        folded = nfkc(folded).casefold().replace("i\u0307", "i")
    text = folded.translate(_PLAIN)
    if not _HARD.search(text):
        text = text.translate(_NO_SIGNS)
    else:
        text = text.replace("''", '"')
        text = _NO_SIGN.sub(" ", _TIMES.sub("x", _QUOTED.sub(r" \1 ", text))).strip()
        if pair := _LETTER_PAIR.fullmatch(text):
            return f"{pair[1]}/{pair[2]}"  # M/L is no ml, w/o no wo
        text = _NOT_BETWEEN.sub("", _APART.sub(" ", _AROUND.sub(r"\1", text)))
    # A text of nothing but signs (!!!, ★) keeps them; where a sign went, an accent may meet its letter.
    text = text or " ".join(folded.split())
    return text if text.isascii() else nfkc(text)


def _in_digits(match: "re.Match[str]") -> str:
    start = match.start()
    number = None if start and match.string[start - 1].isnumeric() else parse_chinese_number(match[0])
    return match[0] if number is None else str(number)
