"""Find banned words in a tag: as words, not inside others (最 in 最近, new in newborn)."""
import re
from functools import lru_cache
from typing import Iterator, List, Optional, Tuple

from ..text.folding import fold_words
from ..text.promotions import find_promotions
from .profile import BannedWords, Profile

_LATIN = "a-z0-9ß-öø-ɏ"


def all_banned(profile: Profile) -> List[BannedWords]:
    """Give a profile's lists of banned words, and one of its competitors. RETURNS (List[BannedWords]): The lists."""
    lists = list(profile.banned)
    if profile.competitors:
        lists.append(BannedWords("competitor", "another company's brand", profile.competitors))
    return lists


def find_banned(profile: Profile, text: str, lang: str = "") -> Iterator[Tuple[str, str, str]]:
    """Find what a profile bans in a text.

    profile (Profile): The profile.
    text (str): A tag, or all of them.
    lang (str): Its language, for promotion words that are safe in that language only; "" = unknown.
    YIELDS (Tuple[str, str, str]): For each list that strikes: its code, its reason, the word.
    """
    folded = fold_words(text)
    for banned in all_banned(profile):
        word = _find(banned, profile.exceptions, folded)
        if word:
            yield banned.code, banned.reason, word
    if profile.promotions:
        for start, end in find_promotions(text, lang):
            yield "promotion", "promotion", text[start:end]
            break


def _find(banned: BannedWords, exceptions: Tuple[str, ...], folded: str) -> str:
    """Look for a list's words. RETURNS (str): The first that is no part of an exception; "" = none."""
    words, excepted, patterns = _compile(banned, exceptions)
    hits = [match.span(1) for match in words.finditer(folded)] if words else []
    hits += [match.span() for pattern in patterns for match in pattern.finditer(folded)]
    if not hits:
        return ""
    allowed = [match.span(1) for match in excepted.finditer(folded)] if excepted else []
    # How far the exceptions reach that begin at or before a hit.
    reach = place = 0
    for start, end in sorted(hits):
        while place < len(allowed) and allowed[place][0] <= start:
            reach, place = max(reach, allowed[place][1]), place + 1
        if end > reach:
            return folded[start:end]
    return ""


@lru_cache(maxsize=256)
def _compile(banned: BannedWords, exceptions: Tuple[str, ...]) -> tuple:
    return (
        _any_of(banned.words),
        _any_of((*banned.exceptions, *exceptions)),
        [re.compile(pattern) for pattern in banned.patterns],
    )


def _any_of(words: Tuple[str, ...]) -> Optional["re.Pattern[str]"]:
    # Looking ahead gives the longest word at each place, also where two overlap.
    folded = sorted({fold_words(word).strip() for word in words} - {""}, key=_minus_length)
    return re.compile(f"(?=({'|'.join(map(_guard, folded))}))") if folded else None


def _minus_length(word: str) -> int:
    return -len(word)


def _guard(word: str) -> str:
    before = f"(?<![{_LATIN}])" if re.match(f"[{_LATIN}]", word) else ""
    after = f"(?![{_LATIN}])" if re.search(f"[{_LATIN}]$", word) else ""
    return before + re.escape(word) + after
