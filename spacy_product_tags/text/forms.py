"""Text forms: what the writings of one value share, how else it may be written, and in which script."""
import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from .chinese_numbers import parse_chinese_number

_DATA: Dict[str, Any] = tomllib.loads(Path(__file__).with_name("forms.toml").read_text(encoding="utf8"))
_CHARACTERS = _DATA["characters"]


@cache
def _converter(config: str) -> Any:
    # Loaded on first use: importing the package needs no OpenCC.
    from opencc import OpenCC

    return OpenCC(config)


class _Table(dict):
    """What `str.translate` makes of a character, worked out when it is first met.

    find (Callable[[str], str]): Gives what the character becomes.
    """

    def __init__(self, find: Callable[[str], str]) -> None:
        self.find = find

    def __missing__(self, point: int) -> str:
        self[point] = found = self.find(chr(point))
        return found


def _simplify(char: str) -> str:
    # One by one: where OpenCC lets the phrase decide, a key that doesn't ask it is the same for both writings.
    if char >= "\u2e80" and unicodedata.category(char) == "Lo":
        char = _converter("t2s").convert(char)
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
_SIMPLE, _PLAIN, _RAW = _Table(_simplify), _Table(_to_plain), _Table(_before_nfkc)
_COUNT = re.compile("[一二两三四五六七八九十][一二三四五六七八九十百]*(?=" + "|".join(_DATA["counted"]["words"]) + ")")
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


def key(text: str) -> str:
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
        folded = unicodedata.normalize("NFKC", text.translate(_RAW)).casefold()
        folded = unicodedata.normalize("NFKC", folded).casefold()
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
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _in_digits(match: "re.Match[str]") -> str:
    before = match.string[: match.start()][-1:]
    number = None if before.isnumeric() else parse_chinese_number(match[0])
    return match[0] if number is None else str(number)


def to_script(text: str, script: str) -> str:
    """Write Chinese in another script; what isn't Chinese stays.

    text (str): The text.
    script (str): Hans, Hant (OpenCC's standard), Hant-TW or Hant-HK, or a locale such as zh-TW.
    RETURNS (str): The text in that script; by phrases, so that 头发 is 頭髮.
    RAISES (ValueError): Where the script isn't known.
    """
    if script not in _DATA["scripts"]:
        raise ValueError(f"script: {script!r} is not known; the scripts are {', '.join(_DATA['scripts'])}")
    return _converter(_DATA["scripts"][script]).convert(text)


_LATIN = r"[A-Za-zÀ-ɏ]"
_NAME = rf"(?:{_LATIN}|\d)(?:{_LATIN}|[\d .&+'’·°-])*"
_OTHER = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3ー]"
_OTHER_NAME = rf"{_OTHER}(?:{_OTHER}|[ ·・&])*"
_PAIR = re.compile(rf"({_NAME}|{_OTHER_NAME})(?: *[/|] *| *[(\[【] *| +)({_NAME}|{_OTHER_NAME})( *[)\]】])?")
_BRACKETS = re.compile(r"[(\[【「『《<{]([^()\[\]【】「」『』《》<>{}]*)[)\]】」』》>}]")
_POSSESSIVE = re.compile(rf"(?<={_LATIN})(['’]s|(?<=s)['’])(?!\w)", re.IGNORECASE)


def split_brand_pair(text: str) -> Optional[Tuple[str, str]]:
    """Split a brand that is written in Latin and in another script. Only the writing is looked at: USB/充电 is one too.

    text (str): SOFINA/苏菲娜, 苏菲娜(SOFINA), SOFINA 苏菲娜.
    RETURNS (Optional[Tuple[str, str]]): The Latin and the other name; None where it is no such pair, as with a size
        (XL/加大), mixed scripts (T恤/V领), or a blank and digits (iPhone 15 手机壳).
    """
    text = unicodedata.normalize("NFKC", text).strip()
    match = _PAIR.fullmatch(text)
    if not match or ("(" in text or "[" in text or "【" in text) != bool(match[3]):
        return None
    first, second = match[1].strip(), match[2].strip()
    latin, other = (second, first) if re.match(_OTHER, first) else (first, second)
    apart = match[3] or re.search(r"[/|]", text[match.end(1) : match.start(2)])
    if re.match(_OTHER, latin) or not re.match(_OTHER, other) or len(re.findall(_LATIN, latin)) < 2:
        return None
    if re.fullmatch("x*[sml]", latin.lower()) or not apart and (re.search(r"\d", latin) or " " in other):
        return None
    return latin, other


def variants(text: str, locale: str = "") -> Iterator[str]:
    """Give further keys by which a text may be found: it without 's, & as a word, halves of a brand pair, what is
    outside and in brackets, singular or plural, without accents.

    text (str): A value as written.
    locale (str): Its language or locale, such as pt-BR; "" takes Latin words for English.
    YIELDS (str): Keys, each once and never `key(text)`, likeliest first. They are guesses: some are no words.
    """
    seen = {"", key(text)}
    language = locale.partition("-")[0].lower() or "en"
    for form in _forms(text, language):
        found = key(form)
        if found not in seen:
            seen.add(found)
            yield found


def _forms(text: str, language: str) -> Iterator[str]:
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    bases = [_POSSESSIVE.sub("", text)]
    word = _DATA["and"].get(language, "and")
    bases += [text.replace("&", f" {word} "), re.sub(rf"(?<=\w) {word} (?=\w)", " & ", text, flags=re.IGNORECASE)]
    bases += split_brand_pair(text) or ()
    bases += [_BRACKETS.sub(" ", text), *_BRACKETS.findall(text)]
    yield from bases
    for base in dict.fromkeys((text, *bases)):
        yield from _inflect(base, _DATA["plurals"].get(language))
    for base in dict.fromkeys((text, *bases)):
        yield _without_accents(base)


def _inflect(text: str, rules: Optional[Mapping[str, Any]]) -> Iterator[str]:
    words = text.lower().split()
    if not rules or not words:
        return
    if rules["words"] == "last":
        for form in _other_number(words[-1], rules):
            yield " ".join((*words[:-1], form))
    else:
        # Noun and adjectives change together: chaussures rouges.
        forms = [list(_other_number(word, rules)) or [word] for word in words]
        for number in range(max(map(len, forms))):
            yield " ".join(found[min(number, len(found) - 1)] for found in forms)


def _other_number(word: str, rules: Mapping[str, Any]) -> Iterator[str]:
    """Give the singular of a plural, the plurals of a singular. YIELDS (str): Guesses; none where no rule is safe."""
    irregular = rules.get("irregular", {})
    if len(word) < 3 or word in rules["same"] or not re.fullmatch(rf"(?:{_LATIN}|['-])+", word):
        return
    if word in irregular or word in irregular.values():
        yield irregular.get(word) or next(plural for plural, singular in irregular.items() if singular == word)
        return
    closed = word.endswith(tuple(rules["not_plural"]))
    for plural, singular in rules["endings"]:
        if word.endswith(plural) and len(word) > len(plural) + 1 and not (closed and plural == "s"):
            yield word[: -len(plural)] + singular
            return
    for plural, singular in rules["endings"]:
        if word.endswith(singular):
            yield word[: len(word) - len(singular)] + plural
            return


def _without_accents(text: str) -> str:
    text = unicodedata.normalize("NFD", text)
    return "".join(char for char in text if not "\u0300" <= char <= "\u036f")
