"""Text forms: how else a value may be written."""
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from .folding import lookup_key, nfkc

_DATA: Dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf8"))


_LATIN = r"[A-Za-zÀ-ɏ]"
_OTHER = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3ー"
_NAME = re.compile(r"[A-Za-zÀ-ɏ\d][A-Za-zÀ-ɏ\d .&+'’·°-]*")
_OTHER_NAME = re.compile(f"[{_OTHER}][{_OTHER} ·・&]*")
_CLOSED = tuple(")]】")
_BETWEEN = tuple("/|([【")
_BRACKETS = re.compile(r"[(\[【「『《<{]([^()\[\]【】「」『』《》<>{}]*)[)\]】」』》>}]")
_POSSESSIVE = re.compile(rf"(?<={_LATIN})(['’]s|(?<=s)['’])(?!\w)", re.IGNORECASE)


def split_brand_pair(text: str) -> Optional[Tuple[str, str]]:
    """Split a brand that is written in Latin and in another script. Only the writing is looked at: USB/充电 is one too.

    text (str): SOFINA/苏菲娜, 苏菲娜(SOFINA), SOFINA 苏菲娜.
    RETURNS (Optional[Tuple[str, str]]): The Latin and the other name; None where it is no such pair, as with a size
        (XL/加大), mixed scripts (T恤/V领), or a blank and digits (iPhone 15 手机壳).
    """
    text = nfkc(text).strip()
    whole, closed = (text[:-1].rstrip(), True) if text.endswith(_CLOSED) else (text, False)
    if closed != any(sign in text for sign in "([【"):
        return None
    # The second name starts where the script changes; neither name holds the other's characters.
    script = f"[{_OTHER}]" if not re.match(f"[{_OTHER}]", whole) else r"[A-Za-zÀ-ɏ\d]"
    change = re.search(script, whole)
    if change is None:
        return None
    first, second = whole[: change.start()], whole[change.start() :].strip()
    parted = first.rstrip()
    apart = closed or parted.endswith(_BETWEEN)
    if first == parted and not apart:
        return None
    first = parted[:-1].rstrip() if parted.endswith(_BETWEEN) else parted
    latin, other = (first, second) if _NAME.fullmatch(first) else (second, first)
    if not _NAME.fullmatch(latin) or not _OTHER_NAME.fullmatch(other) or len(re.findall(_LATIN, latin)) < 2:
        return None
    if re.fullmatch("x*[sml]", latin.lower()) or not apart and (re.search(r"\d", latin) or " " in other):
        return None
    return latin, other


def variants(text: str, locale: str = "") -> Iterator[str]:
    """Give further keys by which a text may be found: it without 's, & as a word, halves of a brand pair, what is
    outside and in brackets, singular or plural, without accents.

    text (str): A value as written.
    locale (str): Its language or locale, such as pt-BR; "" takes Latin words for English.
    YIELDS (str): Keys, each once and never `lookup_key(text)`, likeliest first. They are guesses: some are no words.
    """
    seen = {"", lookup_key(text)}
    language = locale.partition("-")[0].lower() or "en"
    for form in _forms(text, language):
        found = lookup_key(form)
        if found not in seen:
            seen.add(found)
            yield found


def _forms(text: str, language: str) -> Iterator[str]:
    text = nfkc(text).replace("’", "'")
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
