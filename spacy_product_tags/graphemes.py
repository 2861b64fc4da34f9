"""What a reader takes for one character: grapheme clusters (Unicode's annex 29), and what of a tag is seen at all.

A family emoji, a flag, a keycap, a letter with the accent behind it or half-width ｽﾞ are one character each, of several
code points. Nothing here looks closely at a text of plain letters, Chinese characters and signs: that such a text has
none of these is seen at a glance.
"""
import re
import unicodedata
from bisect import bisect_left, bisect_right
from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np
import regex

# All but letters, signs and blanks that are characters of their own, whatever stands beside them.
_ODD = re.compile(
    "[^\x00-\xac\xae-\u02ff\u3000-\u3029\u3030-\u3098\u309b-\u3163\u3165-\u9fff\uac00-\ud7a3\uff00-\uff9d]"
)
# Flags on their own: for each letter of a long row of flags `\X` counts those before it.
_CLUSTER = regex.compile(
    r"\p{Regional_Indicator}{1,2}[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]*+|\X", regex.VERSION1
)
_TAIL = r"[\p{Emoji_Modifier}\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]*+"
_SURROGATE = re.compile("[\ud800-\udfff]")
_EMOJI_PATTERN = (
    rf"(?:\p{{Extended_Pictographic}}{_TAIL}(?:\u200d\p{{Extended_Pictographic}}{_TAIL})*+"
    r"|[0-9#*]\ufe0f?\u20e3|\p{Regional_Indicator}{2})"
)
_EMOJI = regex.compile(_EMOJI_PATTERN)
# Scripts that join letters, where joiners between two letters are spelling.
_JOINING = (
    r"[\p{Arabic}\p{Syriac}\p{Nko}\p{Mongolian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}"
    r"\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
)
# Not seen, and no part of how a word is written: unlike variants of a character, and Arabic signs of number.
_INVISIBLE = regex.compile(
    rf"{_EMOJI_PATTERN}(*SKIP)(*FAIL)|[\u200c\u200d](?!{_JOINING})|(?<!{_JOINING})[\u200c\u200d]"
    r"|[[\p{Default_Ignorable_Code_Point}\p{Cf}]--[\p{GCB=Prepend}\u200c\u200d\ufe00-\ufe0d\U000e0100-\U000e01ef"
    r"\u180b-\u180d\u180f\u115f\u1160\u17b4\u17b5]]",
    regex.VERSION1,
)
# Signs that change what a number or a name says: PA+++, Pro+, 360°; ±2cm, <5kg, $5.
_CLOSES, _OPENS = frozenset("+＋°"), frozenset("±+＋−≤≥≈≦≧<>＜＞")
_ANGLES = frozenset("<>＜＞")
# More marks than this on a letter are no spelling.
_LONGEST = 64
# Letters to a machine, decoration to a reader.
_MARKS_OF_TRADE = frozenset("™℠")


def surrogates_replaced(text: str) -> str:
    """Replace lone surrogates, which UTF-8 can't hold, by U+FFFD, so that offsets stay. RETURNS (str): The text."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def is_plain(text: str) -> bool:
    """Say whether every code point of a text is a character of its own, and is seen. RETURNS (bool): True = surely."""
    return text.isascii() or not _ODD.search(text)


def cluster_starts(text: str) -> Optional[List[int]]:
    """Give where the characters of a text start.

    text (str): The text.
    RETURNS (Optional[List[int]]): The places, in order, and the text's length; None = the text is plain, and every
        place is one.
    """
    if is_plain(text):
        return None
    return [*(match.start() for match in _CLUSTER.finditer(text)), len(text)]


def inside_clusters(texts: Sequence[str]) -> np.ndarray:
    """Say before which code points of texts, one after the other, a cut would go through a character.

    texts (Sequence[str]): The texts.
    RETURNS (ndarray): (T,) True = it would; where nobody sees what is cut off, it would not.
    """
    inside = np.zeros(sum(map(len, texts)), dtype=bool)
    begin = 0
    for text in texts:
        starts = cluster_starts(text)
        if starts is not None:
            inside[begin : begin + len(text)] = True
            inside[np.array(starts[:-1], dtype=np.int64) + begin] = False
            for match in _INVISIBLE.finditer(text):
                inside[begin + match.start()] = False
        begin += len(text)
    return inside


def find_wholes(text: str, starts: Sequence[int]) -> Iterator[Tuple[int, int]]:
    """Find characters of several code points that belong to no word: families, flags, keycaps, marks on a blank.

    text (str): The text.
    starts (Sequence[int]): From `cluster_starts`.
    YIELDS (Tuple[int, int]): Start and end.
    """
    for start, end in zip(starts, starts[1:]):
        if end - start > 1 and (text[start].isspace() or _EMOJI.match(text, start)) and text[start:end] != "\r\n":
            yield start, end


def fit_span(text: str, start: int, end: int, starts: Optional[Sequence[int]]) -> Tuple[int, int]:
    """Move the ends of a span so that it cuts no character and neither starts nor ends with a blank or decoration.

    text (str): The text.
    start (int): First code point.
    end (int): Code point behind the last.
    starts (Optional[Sequence[int]]): From `cluster_starts`.
    RETURNS (Tuple[int, int]): Start and end; the same number twice where nothing is left.
    """
    if starts is None:
        if text[start].isalnum() and text[end - 1].isalnum():
            return start, end
        while start < end and _is_decoration(text[start]) and not _opens(text, start, end):
            start += 1
        while start < end and _is_decoration(text[end - 1]) and not _closes(text, start, end):
            end -= 1
        return start, end
    first, last = bisect_right(starts, start) - 1, bisect_left(starts, end)
    while first < last and _is_decoration(_cut(text, starts, first)) and not _opens(text, starts[first], starts[last]):
        first += 1
    while first < last and _is_decoration(_cut(text, starts, last - 1)):
        if starts[last] - starts[last - 1] == 1 and _closes(text, starts[first], starts[last]):
            break
        last -= 1
    return starts[first], starts[last]


def _cut(text: str, starts: Sequence[int], number: int) -> str:
    """Cut a character out. RETURNS (str): It; no more of it than tells that it is too long."""
    return text[starts[number] : min(starts[number + 1], starts[number] + _LONGEST + 1)]


def _is_decoration(cluster: str) -> bool:
    """Say whether a character is a blank, a symbol, an emoji, or no character to see. RETURNS (bool): True = it is."""
    if len(cluster) > _LONGEST:
        return True
    if len(cluster) == 1:
        if cluster.isalnum() and is_plain(cluster):
            return False
        kind = unicodedata.category(cluster)[0]
        if kind == "S":
            return cluster in _MARKS_OF_TRADE or not any(map(str.isalnum, unicodedata.normalize("NFKC", cluster)))
        return kind in "CZM" or _INVISIBLE.fullmatch(cluster) is not None
    if cluster[0].isspace() or _EMOJI.match(cluster):
        return True
    return not any(unicodedata.category(char)[0] in "LNP" for char in _INVISIBLE.sub("", cluster))


def _opens(text: str, start: int, end: int) -> bool:
    sign = text[start]
    if sign not in _OPENS and unicodedata.category(sign) != "Sc":
        return False
    if sign in _ANGLES and text[start - 1 : start] == sign:
        return False  # >> is an arrow
    return start + 1 < end and text[start + 1].isdecimal()


def _closes(text: str, start: int, end: int) -> bool:
    if text[end - 1] not in _CLOSES:
        return False
    before = end - 1
    while before > start and text[before - 1] in _CLOSES:
        before -= 1
    return before > start and text[before - 1].isalnum()


def without_invisible(text: str) -> str:
    """Drop what nobody sees: zero-width blanks and joiners, marks of direction, soft hyphens.

    What is spelling or part of an emoji stays: joiners in Persian and Hindi, variants of Chinese characters.

    text (str): The text.
    RETURNS (str): The text, mostly the same.
    """
    return text if is_plain(text) else _INVISIBLE.sub("", text)


def clean(text: str) -> str:
    """Give a text as a tag shows it: without what nobody sees, nor blanks and decoration at its ends.

    text (str): The text, such as a seller typed.
    RETURNS (str): The text, which UTF-8 can hold; where it is all decoration, that.
    """
    shown = without_invisible(surrogates_replaced(text)).strip()
    if not shown:
        return ""
    start, end = fit_span(shown, 0, len(shown), cluster_starts(shown))
    return shown[start:end] or shown
