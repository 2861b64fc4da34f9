"""Write tags the way a platform wants them: `format(doc, "amazon")` gives the strings, and what was dropped and why."""
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Dict, Iterable, Iterator, List, Optional, Set, Tuple, Union

from spacy.tokens import Doc

from ..tag import Tag, get_tags
from ..text.folding import lookup_key
from ..text.scripts import to_script
from .characters import is_kind, is_wide
from .profile import BannedWords, Profile, Source
from .reader import load_profile, profile_names
from .words import find_banned

__all__ = [
    "BannedWords",
    "Dropped",
    "Formatted",
    "Profile",
    "Source",
    "create_platform_profile",
    "format",
    "format_tags",
    "load_profile",
    "profile_names",
]

# Signs without which what stands beside them means something else: inches, feet, percent and degrees behind a number;
# currencies before one; codes of colours, numbers of things; C++.
_COLOR_CODE = r"[0-9a-f]{3}(?:[0-9a-f]{3})?(?![^\W_])"
_BEARING = re.compile(rf"""\d["'″′”’%‰°]|.?[$€£¥￥]\d|.?#(?:\d|{_COLOR_CODE})|[^\W_]\+|\+\+""", re.IGNORECASE)
# So much of a text tells.
_CODE = 8


@dataclass(frozen=True, slots=True)
class Dropped:
    """A tag that a platform does not get.

    tag (Tag): The tag.
    code (str): Why: facet, empty, character, capitals, script, tag_length, duplicate, count, total_length,
        too_few, promotion, competitor, or the code of a list of banned words.
    message (str): The same in words.
    """

    tag: Tag
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Formatted:
    """What a platform gets.

    strings (Tuple[str, ...]): The tags as they are to be written, in the order of the tags given.
    text (str): The same, joined.
    dropped (Tuple[Dropped, ...]): The tags that are left out, in the order given.
    tags (Tuple[Tag, ...]): The tag behind each string.
    missing (Tuple[str, ...]): Facets that the platform requires and no string has.
    """

    strings: Tuple[str, ...]
    text: str
    dropped: Tuple[Dropped, ...]
    tags: Tuple[Tag, ...] = ()
    missing: Tuple[str, ...] = ()


class _Rejected(Exception):
    """A tag breaks a rule that can't be mended: code, message."""


def create_platform_profile(profile: str = "neutral") -> Profile:
    """Make the reader `spacy-product-tags.platform_profile.v1`, for configs.

    profile (str): One of `profile_names`, or the path of a TOML file.
    RETURNS (Profile): The profile.
    RAISES (ListingError): As `load_profile`.
    """
    return load_profile(profile)


def format(doc: Doc, profile: Union[Profile, str], *, lang: str = "") -> Formatted:
    """Write a doc's tags the way a platform wants them.

    doc (Doc): The doc; ``doc._.tags`` are its tags, best first.
    profile (Union[Profile, str]): The profile, or what `load_profile` takes.
    lang (str): The tags' language; "" = the pipeline's.
    RETURNS (Formatted): The strings, and what was dropped.
    """
    return format_tags(get_tags(doc), profile, lang=lang or doc.lang_)


def format_tags(tags: Iterable[Tag], profile: Union[Profile, str], *, lang: str = "") -> Formatted:
    """Write tags the way a platform wants them. What does not fit is dropped whole: half a tag means something else.

    tags (Iterable[Tag]): The tags, best first.
    profile (Union[Profile, str]): The profile, or what `load_profile` takes.
    lang (str): The tags' language; "" = unknown.
    RETURNS (Formatted): The strings in the order of the tags, and what was dropped.
    """
    profile = profile if isinstance(profile, Profile) else load_profile(profile)
    tags = list(_split(tags, profile.split))
    dropped: Dict[int, Dropped] = {}
    strings: Dict[int, str] = {}
    for number, tag in enumerate(tags):
        try:
            strings[number] = _write(tag, profile)
        except _Rejected as err:
            dropped[number] = Dropped(tag, *err.args)
    kept = _choose(tags, strings, profile, lang, dropped)
    kept = _drop_across(tags, kept, profile, lang, dropped)
    if 0 < len(kept) < profile.min_tags:
        for number in kept:
            message = f"only {len(kept)} are left; {profile.name} takes {profile.min_tags} or more, or none"
            dropped[number] = Dropped(tags[number], "too_few", message)
        kept = {}
    facets = {tags[number].facet for number in kept}
    return Formatted(
        tuple(kept.values()),
        profile.separator.join(kept.values()),
        tuple(dropped[number] for number in sorted(dropped)),
        tuple(tags[number] for number in kept),
        tuple(facet for facet in profile.required_facets if facet not in facets),
    )


def _split(tags: Iterable[Tag], signs: str) -> Iterator[Tag]:
    """Make several tags of one that a platform takes for several: Red/Navy, but not 1,5 l. YIELDS (Tag): The tags."""
    sign = f"[{re.escape(signs)}]"
    for tag in tags:
        parts = re.split(rf"(?<!\d){sign}|{sign}(?!\d)", tag.text) if signs else [tag.text]
        parts = [part.strip() for part in parts if part.strip()]
        if len(parts) < 2:
            yield tag
        else:
            yield from (replace(tag, text=part, raw=tag.raw or tag.text) for part in parts)


def measure(text: str, unit: str) -> int:
    """Measure a text. unit (str): characters, bytes (UTF-8) or gb18030. RETURNS (int): Its length."""
    if unit == "characters":
        return len(text)
    return len(text.encode("utf8" if unit == "bytes" else "gb18030"))


def _write(tag: Tag, profile: Profile) -> str:
    """Write one tag, apart from what depends on others. RETURNS (str): The string. RAISES (_Rejected)."""
    if tag.facet in profile.denied_facets or (profile.allowed_facets and tag.facet not in profile.allowed_facets):
        raise _Rejected("facet", f"{profile.name} takes no tags of the facet {tag.facet or '(none)'!r} here")
    for char in tag.text:
        if is_kind(char, profile.refused_kinds):
            raise _Rejected("character", f"{char!r} is not allowed")
    text = _clean(tag.text, profile)
    _check_stable(text, profile)
    if not text:
        raise _Rejected("empty", f"nothing of {tag.text!r} is left without what {profile.name} does not allow")
    if profile.max_capitals is not None:
        for word in re.findall(r"[^\W\d_]+", text):
            if len(word) > profile.max_capitals and word.isupper():
                raise _Rejected("capitals", f"{word!r} is in capitals")
    _check_shortest(text, profile)
    length = measure(text, profile.tag_unit)
    if profile.max_tag_length is not None and length > profile.max_tag_length:
        raise _Rejected("tag_length", f"{length} {profile.tag_unit}; {profile.max_tag_length} are allowed")
    return text


def _check_shortest(text: str, profile: Profile) -> None:
    if len(text) < profile.min_tag_length and not is_wide(text):
        raise _Rejected("tag_length", f"{len(text)} characters; {profile.min_tag_length} are the least")


def _check_stable(text: str, profile: Profile) -> None:
    if _clean(text, profile) != text:
        raise _Rejected("script", f"{text!r} changes once more where its script or case is converted again")


def _clean(text: str, profile: Profile) -> str:
    # Half a surrogate pair, which no converter takes, and control characters go first.
    text = "".join([" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text])
    if profile.script:
        text = to_script(text, profile.script)
    if profile.case == "lower":
        text = text.lower()
    chars = []
    for place, char in enumerate(text):
        if char in profile.forbidden or char in profile.split or is_kind(char, profile.forbidden_kinds):
            # Without its sign a number is another one, or of nothing: 3,5 and 6-12; 24" and $10; nor is C++ a C.
            before, after = text[place - 1 : place], text[place + 1 : place + 2]
            if (before.isdigit() and after.isdigit()) or _BEARING.match(before + text[place : place + _CODE]):
                raise _Rejected("character", f"{char!r} is not allowed, and {text!r} means something else without it")
            char = " "
        chars.append(char)
    words = "".join(chars).split()
    if profile.stop_words:
        stop_words = _casefold_all(profile.stop_words)
        words = [word for word in words if word.casefold() not in stop_words]
    return " ".join(words)


@lru_cache(maxsize=64)
def _casefold_all(words: Tuple[str, ...]) -> Set[str]:
    return {word.casefold() for word in words}


def _choose(
    tags: List[Tag], strings: Dict[int, str], profile: Profile, lang: str, dropped: Dict[int, Dropped]
) -> Dict[int, str]:
    """Take tags while there is room, the best of each required facet first. RETURNS (Dict[int, str]): By number."""
    seen: Set[str] = set()
    said: Counter[str] = Counter()
    free = {lookup_key(word) for word in profile.free_words}
    chosen: Dict[int, str] = {}
    length = 0
    needed = set(profile.required_facets)
    rejected: Dict[int, Tuple[str, str]] = {}
    for only_needed in (True, False):
        for number, string in strings.items():
            facet = tags[number].facet
            if number in chosen or number in rejected or (only_needed and facet not in needed):
                continue
            try:
                string, keys = _take_duplicates_out(string, profile, seen)
                words = Counter(lookup_key(word) or word for word in string.split() if _has_letter(word))
                for word, times in words.items():
                    too_often = profile.max_word is not None and said[word] + times > profile.max_word
                    if too_often and word not in free:
                        raise _Rejected("duplicate", f"{word!r} may be there {profile.max_word} times at most")
                for code, reason, word in find_banned(profile, string, lang):
                    raise _Rejected(code, f"{word!r}: {reason}")
                added = measure(string, profile.unit)
                added += measure(profile.separator, profile.unit) if chosen else 0
                if profile.max_tags is not None and len(chosen) >= profile.max_tags:
                    raise _Rejected("count", f"{profile.max_tags} tags are allowed, and better ones came first")
                if profile.max_length is not None and length + added > profile.max_length:
                    left = max(0, profile.max_length - length)
                    raise _Rejected(
                        "total_length", f"needs {added} {profile.unit}, and {left} of {profile.max_length} are left"
                    )
            except _Rejected as err:
                rejected[number] = err.args
                continue
            chosen[number] = string
            seen.update(keys)
            said.update(words)
            length += added
            needed.discard(facet)
    dropped.update((number, Dropped(tags[number], *why)) for number, why in rejected.items())
    return {number: chosen[number] for number in sorted(chosen)}


def _take_duplicates_out(string: str, profile: Profile, seen: Set[str]) -> Tuple[str, Set[str]]:
    """Take out what was said before. RETURNS (Tuple[str, Set[str]]): The string, what it says. RAISES (_Rejected)."""
    if profile.duplicates == "none":
        return string, set()
    whole = string.casefold() if profile.duplicates == "text" else lookup_key(string) or string
    if whole in seen:
        raise _Rejected("duplicate", f"{string!r} says the same as a tag before")
    if profile.duplicates in ("tag", "text"):
        return string, {whole}
    words, said = [], set()
    for word in string.split():
        word_key = lookup_key(word) or word
        if not _has_letter(word):
            words.append(word)
        elif word_key not in seen and word_key not in said:
            words.append(word)
            said.add(word_key)
    # What is left of "16 oz" after "32 oz" is a number of nothing.
    left = " ".join(words)
    if left != string and not any(map(_has_letter, words)):
        raise _Rejected("duplicate", f"all words of {string!r} were said before")
    whole = lookup_key(left) or left
    if whole in seen:
        raise _Rejected("duplicate", f"{left!r} says the same as a tag before")
    _check_stable(left, profile)
    _check_shortest(left, profile)
    return left, {whole, *said}


def _has_letter(word: str) -> bool:
    return any(char.isalpha() for char in word)


def _drop_across(
    tags: List[Tag], chosen: Dict[int, str], profile: Profile, lang: str, dropped: Dict[int, Dropped]
) -> Dict[int, str]:
    """Drop tags that become something banned beside the one before: brand, new. RETURNS (Dict[int, str]): The rest."""
    kept: Dict[int, str] = {}
    text: Optional[str] = None
    for number, string in chosen.items():
        joined = string if text is None else text + profile.separator + string
        hit = None if text is None else next(find_banned(profile, joined, lang), None)
        if hit:
            dropped[number] = Dropped(tags[number], hit[0], f"{hit[2]!r} together with the tag before: {hit[1]}")
        else:
            kept[number], text = string, joined
    return kept
