"""Check strings against a profile. Apart from what makes them (`platforms.formatting`), to be a check on it."""
import re
import unicodedata
from typing import Iterable, List

from spacy_product_tags.platforms.profile import Profile
from spacy_product_tags.platforms.words import all_banned, fold_words
from spacy_product_tags.text.folding import lookup_key
from spacy_product_tags.text.promotions import find_promotions
from spacy_product_tags.text.scripts import to_script

_KINDS = {
    "digit": str.isdigit,
    "emoji": lambda char: "\U0001f300" <= char <= "\U0001f64f" or char in "\ufe0f\u20e3⌚⏰⭐✨❌❤",
    "symbol": lambda char: unicodedata.category(char) == "So",
    "nonletter": lambda char: not (char.isalpha() or char == " " or unicodedata.category(char).startswith("M")),
}
_EDGE = re.compile("[a-z0-9ß-öø-ɏ]")


def violations(profile: Profile, strings: Iterable[str], *, lang: str = "") -> List[str]:
    """Find what breaks a profile's rules. Facets can't be seen in strings: `Formatted.missing` tells of them.

    profile (Profile): The profile.
    strings (Iterable[str]): Tags as they would be written.
    lang (str): Their language, for promotion words that are safe in that language only; "" = unknown.
    RETURNS (List[str]): What is wrong, such as "tag_length: strings[3]: 300 characters, 255 are allowed".
    """
    strings = list(strings)
    found = []
    for number, string in enumerate(strings):
        found += [problem.replace(":", f": strings[{number}]:", 1) for problem in _check_string(profile, string, lang)]
    if profile.duplicates == "text":
        lower = [string.casefold() for string in strings]
        found += [f"duplicates: {string!r} is there twice" for n, string in enumerate(strings) if lower[n] in lower[:n]]
    elif profile.duplicates != "none":
        found += _repeated("duplicates", strings)
    if profile.max_word is not None:
        words = [lookup_key(word) or word for string in strings for word in string.split() if any(map(str.isalpha, word))]
        free = list(map(lookup_key, profile.free_words))
        found += [
            f"max_word: {word!r} is there {words.count(word)} times"
            for word in sorted(set(words))
            if words.count(word) > profile.max_word and word not in free
        ]
    if profile.duplicates == "word":
        words = [word for string in strings for word in string.split() if any(map(str.isalpha, word))]
        found += _repeated("duplicates", words)
    if profile.max_tags is not None and len(strings) > profile.max_tags:
        found.append(f"count: {len(strings)} tags, {profile.max_tags} are allowed")
    if strings and len(strings) < profile.min_tags:
        found.append(f"count: {len(strings)} tags, {profile.min_tags} are needed")
    whole = profile.separator.join(strings)
    if profile.max_length is not None and _size(whole, profile.unit) > profile.max_length:
        size = _size(whole, profile.unit)
        found.append(f"total_length: {size} {profile.unit}, {profile.max_length} are allowed")
    found += [problem.replace(":", ": all together:", 1) for problem in _check_words(profile, whole, lang)]
    if profile.separator.strip() and strings and whole.split(profile.separator) != strings:
        found.append(f"separator: split at {profile.separator!r}, the tags are others")
    return found


def _check_string(profile: Profile, string: str, lang: str) -> List[str]:
    found = []
    if not string.strip():
        found.append("characters: blank")
    if re.search(r"^\s|\s$|\s\s|[^\S ]", string):
        found.append("characters: blanks at an end, two in a row, or other than the plain one")
    for kind in (*profile.forbidden_kinds, *profile.refused_kinds):
        if any(_KINDS[kind](char) for char in string):
            found.append(f"characters: {kind}")
    if set(profile.split) & set(string):
        found.append(f"characters: {string!r} is several tags")
    if len(string) < profile.min_tag_length and not re.search("[\u3040-\u9fff\uac00-\ud7a3]", string):
        found.append(f"tag_length: {len(string)} characters, {profile.min_tag_length} are needed")
    limit = profile.max_capitals
    if limit is not None:
        words = re.split(r"[\W\d_]+", string)
        found += [f"capitals: {word}" for word in words if len(word) > limit and word == word.upper() != word.lower()]
    bad = {char for char in string if char in profile.forbidden or unicodedata.category(char) in ("Cc", "Cs")}
    if bad:
        found.append(f"characters: not allowed: {sorted(bad)}")
    if profile.max_tag_length is not None and _size(string, profile.tag_unit) > profile.max_tag_length:
        size = _size(string, profile.tag_unit)
        found.append(f"tag_length: {size} {profile.tag_unit}, {profile.max_tag_length} are allowed")
    if profile.case == "lower" and string != string.lower():
        found.append("case: not in lower case")
    well_formed = string.encode("utf8", "replace").decode("utf8")
    if profile.script and well_formed != to_script(well_formed, profile.script):
        found.append(f"script: not in {profile.script}")
    said = sorted(set(string.casefold().split()) & {word.casefold() for word in profile.stop_words})
    if said:
        found.append(f"stop_words: {said}")
    return found + _check_words(profile, string, lang)


def _check_words(profile: Profile, text: str, lang: str) -> List[str]:
    found = []
    folded = fold_words(text)
    for banned in all_banned(profile):
        free = _spans(folded, (*banned.exceptions, *profile.exceptions))
        hits = _spans(folded, banned.words)
        for pattern in banned.patterns:
            hits += [match.span() for match in re.finditer(pattern, folded)]
        for start, end in hits:
            if not [1 for left, right in free if left <= start and right >= end]:
                found.append(f"banned.{banned.code}: {folded[start:end]!r}")
                break
    if profile.promotions and find_promotions(text, lang):
        found.append(f"promotions: {find_promotions(text, lang)}")
    return found


def _spans(folded: str, words: Iterable[str]) -> list:
    spans = []
    for word in filter(None, map(str.strip, map(fold_words, words))):
        start = folded.find(word)
        while start >= 0:
            end = start + len(word)
            inside = _EDGE.match(word[0]) and start and _EDGE.match(folded[start - 1])
            inside = inside or (_EDGE.match(word[-1]) and end < len(folded) and _EDGE.match(folded[end]))
            if not inside:
                spans.append((start, end))
            start = folded.find(word, start + 1)
    return spans


def _repeated(rule: str, texts: List[str]) -> List[str]:
    keys = [lookup_key(text) or text for text in texts]
    return [f"{rule}: {text!r} is there twice" for n, text in enumerate(texts) if keys[n] in keys[:n]]


def _size(text: str, unit: str) -> int:
    if unit == "characters":
        return len(text)
    return len(text.encode({"bytes": "utf-8", "gb18030": "gb18030"}[unit], "replace"))
