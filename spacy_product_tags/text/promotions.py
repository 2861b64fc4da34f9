"""Find the words in a listing that sell and say nothing about the product: 包邮, 2024新款, free shipping."""
import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

from .folding import fold_in_place

# Where `product_preprocessor` marks them in ``doc.spans``.
SPANS_KEY = "promotions"
DATA_PATH = Path(__file__).with_suffix(".toml")

_WORD_CHAR = "a-z0-9ß-öø-ɏ"
_AT_WORD = re.compile(f"[{_WORD_CHAR}]")
# What a pattern starts with: a character or a class such as \d.
_FIRST = re.compile(r"\\?[^\[(]")
_BLANK = r"[\s-]{1,2}"


def find_promotions(text: str, lang: str = "") -> List[Tuple[int, int]]:
    """Find the promotion words of a text, whatever their language, case and width.

    text (str): The text of a listing.
    lang (str): The listing's language, such as de, which adds words that are safe in that language only; "" = none.
    RETURNS (List[Tuple[int, int]]): Starts and ends in the text, in order, the longest phrase at each place.
    """
    return [match.span() for match in _pattern(lang).finditer(fold_in_place(text))]


@cache
def _load() -> Dict[str, Dict[str, List[str]]]:
    with DATA_PATH.open("rb") as file:
        return tomllib.load(file)


def _pattern(lang: str) -> "re.Pattern[str]":
    # Languages without a list of their own share one pattern, so that the cache stays small.
    return _compile(lang if lang in _load() else "")


def _first_character(pattern: str) -> str:
    match = _FIRST.match(pattern)
    if match is None:
        raise ValueError(f"the pattern {pattern!r} must begin with a character, as places are looked up by it")
    return match[0]


@cache
def _compile(lang: str) -> "re.Pattern[str]":
    data = _load()
    phrases = {variant for entry in data.values() for phrase in entry["phrases"] for variant in _variants(phrase)}
    if lang:
        phrases.update(variant for phrase in data[lang]["words"] for variant in _variants(phrase))
    patterns = [pattern for entry in data.values() for pattern in entry["patterns"]]
    # Three groups, so that most places in a text are done with after three cheap looks.
    first = "".join(sorted(set(map(_first_character, patterns))))
    groups = [f"(?=[{first}])(?:{'|'.join(f'(?:{pattern})' for pattern in patterns)})"]
    latin = {phrase for phrase in phrases if _AT_WORD.match(phrase)}
    for guard, members in ((f"(?<![{_WORD_CHAR}])", latin), ("", phrases - latin)):
        first = "".join(sorted({re.escape(phrase[0]) for phrase in members}))
        groups.append(f"{guard}(?=[{first}]){_write(_make_trie(members), '')}")
    return re.compile("|".join(groups))


def _variants(phrase: str) -> Iterable[str]:
    folded = fold_in_place(phrase)
    plain = "".join(c for c in unicodedata.normalize("NFD", folded) if not "\u0300" <= c <= "\u036f")
    # Only Latin letters lose their accents: taken apart, hangul and kana would not match any more.
    return (folded, plain) if len(plain) == len(folded) and plain.isascii() else (folded,)


def _make_trie(phrases: Iterable[str]) -> Dict[str, Any]:
    trie: Dict[str, Any] = {}
    for phrase in sorted(phrases):
        node = trie
        for char in phrase:
            node = node.setdefault(char, {})
        node[""] = {}
    return trie


def _write(node: Dict[str, Any], last: str) -> str:
    """Write a trie as a regular expression. RETURNS (str): The expression for what follows the character `last`."""
    # The end of a phrase comes last, so that longer phrases are tried first.
    options = [
        (_BLANK if char == " " else re.escape(char)) + _write(child, char) for char, child in node.items() if char
    ]
    if "" in node:
        options.append(f"(?![{_WORD_CHAR}])" if _AT_WORD.match(last) else "")
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"
