"""Generate product titles that nobody has to license: from a tagged corpus of one's own and a free taxonomy."""
import random
import re
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Sequence, Tuple, Union

from ..errors import ListingError
from ..io import raise_error
from ..listing import Listing
from ..listings.augment import apply_edits, runs_together, swap_values
from ..tag import Tag
from .compose import Composer
from .taxonomy import read_taxonomy
from .words import SHARES, base_language
from .write import make_promotion

# Values by facet, by language and category path, as far as it goes.
Pools = Dict[Tuple[str, Tuple[str, ...]], Dict[str, List[str]]]

MIN_LENGTH, MAX_LENGTH = 8, 120
# Chinese titles are long; shorter ones are rare.
_MIN_CHINESE = 16
# Facets whose values go with any product of a department; those of the others go with like products only.
_FREE = ("brand", "color", "gender", "season", "origin")
# How often the numbers in a value become others.
_NUMERIC = {"size": 0.5, "quantity": 0.6, "spec": 0.25, "model": 0.6}
# Values of like products that are enough to choose from.
_FEWEST = 3
_BRACKETS = re.compile(r"[\[\](){}【】（）「」『』《》<>\"“”*＼／]")
_WORD = re.compile(r"[^\W\d_]")
_DIGITS = re.compile("[0-9]+")
# Words between tags that belong to the tag behind them.
_LEADS = re.compile(
    r"(适用|适配|适合|用于|送|含|可|防|\b(for|with|für|mit|pour|avec|para|con|per|com|de|and)\b|&|\+)\W*$",
    re.IGNORECASE,
)
_TEMPLATE_SHARE, _TEXT_SHARE = 0.35, 0.2
# Listings of a language from which on its templates have their full share.
_ENOUGH = 40
# Tries in a row in one language, and in all, that may fail.
_TRIES, _GIVE_UP = 20, 20_000


def generate_titles(
    listings: Iterable[Listing],
    values: Sequence[Union[str, Path]],
    count: int,
    seed: int,
    *,
    unseen: Iterable[str] = (),
    on_error: Callable[[ListingError], None] = raise_error,
) -> Iterator[str]:
    """Stream made-up product titles, no two alike, in the languages of the sources; the same ones for the same seed.

    Some vary a listing, some are composed from the taxonomy, and some are short texts: attributes with their values,
    category paths, and words in two languages.

    listings (Iterable[Listing]): Tagged listings: those of the training split, so that dev and test stay unseen.
    values (Sequence[Union[str, Path]]): Files of a taxonomy; see `read_taxonomy`.
    count (int): How many titles. Small sources may yield fewer.
    seed (int): Of all chance.
    unseen (Iterable[str]): Titles that must not come out.
    on_error (Callable[[ListingError], None]): Called with each bad line's error of the taxonomy.
    YIELDS (str): A line of 8 to 120 characters.
    RAISES (ValueError): Where the sources hold nothing to generate from, or `count` is negative.
    """
    if count < 0:
        raise ValueError(f"count: must not be negative, not {count}")
    rng = random.Random(seed)
    templates: Dict[str, List[Listing]] = {}
    pools: Pools = {}
    for listing in listings:
        if any(tag.start is not None for tag in listing.tags):
            templates.setdefault(base_language(listing.lang), []).append(_bare(listing))
            collect_values(listing, pools)
    composer = Composer(read_taxonomy(values, on_error=on_error), pools, rng)
    languages = sorted({*composer.languages, *(lang for lang in templates if not _covered(lang, composer.languages))})
    if not languages:
        raise ValueError("nothing to generate from: no listing has tags in its text, and no category has a name")
    shares = [SHARES.get(lang, SHARES.get(f"{lang}-CN", 0.7)) for lang in languages]
    seen = _Seen(count)
    for title in unseen:
        seen.add(_fold(title))
    made, failed, lang = 0, 0, ""
    while made < count and failed < _GIVE_UP:
        # A language is drawn anew after each title, not after each try, so that the shares are those of the titles.
        if failed % _TRIES == 0:
            lang = rng.choices(languages, shares)[0]
        line = _make(lang, templates.get(base_language(lang) if lang != "zh-TW" else "", ()), pools, composer, rng)
        if _fits(line, lang, rng) and seen.add(_fold(line)):
            made, failed = made + 1, 0
            yield line
        else:
            failed += 1


def _fits(line: str, lang: str, rng: random.Random) -> bool:
    short = lang[:2] == "zh" and len(line) < _MIN_CHINESE and rng.random() < 0.7
    return MIN_LENGTH <= len(line) <= MAX_LENGTH and not short


def _covered(lang: str, languages: Sequence[str]) -> bool:
    return any(one == lang or one.startswith(f"{lang}-") for one in languages)


def _make(lang: str, templates: Sequence[Listing], pools: Pools, composer: Composer, rng: random.Random) -> str:
    kind = rng.random()
    share = _TEMPLATE_SHARE * min(1.0, len(templates) / _ENOUGH)
    if templates and (kind < share or lang not in composer.languages):
        listing = rng.choice(templates)
        varied = vary_listing(listing, rng, pools)
        if rng.random() < 0.12 and varied.description:
            line = varied.description
        else:
            line = rearrange(varied, rng)
            line = _add_promotion(line, lang, rng)
    elif kind > 1 - _TEXT_SHARE:
        line = composer.text(lang)
    else:
        line = composer.title(lang)
    return " ".join(line.split())


class _Seen:
    """Remember lines in little memory: what was seen is always known; a few in a thousand others pass for seen."""

    def __init__(self, count: int) -> None:
        self._bits = bytearray(4 * count + 1024)

    def add(self, line: str) -> bool:
        """Add a line. RETURNS (bool): Whether it is new."""
        digest = int.from_bytes(blake2b(line.encode("utf8", "surrogateescape"), digest_size=16).digest(), "big")
        new = False
        for half in (digest >> 64, digest & 0xFFFFFFFFFFFFFFFF):
            byte, bit = divmod(half % (8 * len(self._bits)), 8)
            new |= not self._bits[byte] >> bit & 1
            self._bits[byte] |= 1 << bit
        return new


def _fold(line: str) -> str:
    return "".join(line.casefold().split())


def _bare(listing: Listing) -> Listing:
    # What a seller typed would keep the values that it names from being swapped.
    return replace(listing, seller_tags=(), seller_answers=())


def collect_values(listing: Listing, pools: Pools) -> None:
    """Add the values of a listing to those of its category and of each that this is in."""
    text = listing.text
    for depth in range(len(listing.category) + 1):
        pool = pools.setdefault((base_language(listing.lang), listing.category[:depth]), {})
        for tag in listing.tags:
            if tag.start is not None and "\n" not in text[tag.start : tag.end]:
                known = pool.setdefault(tag.facet, [])
                if text[tag.start : tag.end] not in known:
                    known.append(text[tag.start : tag.end])


def vary_listing(listing: Listing, rng: random.Random, pools: Pools) -> Listing:
    """Put other values in a listing, of the same facets and of like products in its language, and other numbers.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    pools (Pools): The values; see `collect_values`.
    RETURNS (Listing): The new listing.
    """
    values = {facet: _like(listing, facet, pools) for facet in {tag.facet: None for tag in listing.tags}}
    listing = swap_values(listing, rng, values, rate=rng.choice((0.3, 0.6, 0.9)))
    text, edits, end = listing.text, [], 0
    bounds = {offset for tag in listing.tags for offset in (tag.start, tag.end)}
    for tag in sorted(listing.tags, key=_place):
        if tag.start is not None and tag.start >= end and rng.random() < _NUMERIC.get(tag.facet, 0.0):
            for digits in _DIGITS.finditer(text, *tag.span):
                if bounds.isdisjoint(range(digits.start() + 1, digits.end())):
                    edits.append((*digits.span(), _other_number(digits[0], rng)))
            end = tag.span[1]
    return apply_edits(listing, edits)


def _like(listing: Listing, facet: str, pools: Pools) -> List[str]:
    """Give the values of like products. RETURNS (List[str]): Those of the nearest category that has some."""
    lowest = 1 if facet in _FREE else len(listing.category) if facet == "product" else min(2, len(listing.category))
    for depth in range(len(listing.category), lowest - 1, -1):
        known = pools.get((base_language(listing.lang), listing.category[:depth]), {}).get(facet, [])
        if len(known) >= _FEWEST or depth == lowest:
            return known
    return []


def _other_number(digits: str, rng: random.Random) -> str:
    """Write a number of like size: zeros at its end stay. RETURNS (str): Its digits."""
    if digits.startswith("0") or len(digits) > 9:
        return digits
    head = digits.rstrip("0")
    value = int(head)
    return f"{rng.randint(max(1, value // 2), value * 2)}{'0' * (len(digits) - len(head))}"


def rearrange(listing: Listing, rng: random.Random) -> str:
    """Drop some of a title's tags with the text that connects them, and move some, as sellers do.

    listing (Listing): The listing.
    rng (Random): Where chance comes from.
    RETURNS (str): The title.
    """
    title = listing.title
    spans: List[Tag] = []
    for tag in sorted(listing.tags, key=_place):
        if tag.end is not None and tag.end <= len(title) and (not spans or tag.span[0] >= spans[-1].span[1]):
            spans.append(tag)
    if len(spans) < 3:
        return title
    cuts = [0]
    for left, right in zip(spans, spans[1:]):
        end, start = left.span[1], right.span[0]
        gap = title[end:start]
        lead = _LEADS.search(gap)
        if lead:
            cuts.append(end + lead.start())
        elif _WORD.search(gap) and gap[:1].isspace():
            cuts.append(end)
        else:
            cuts.append(start)
    pieces = [(title[start:end], tag) for start, end, tag in zip(cuts, [*cuts[1:], len(title)], spans)]
    # What stands in brackets or quotes stays whole.
    if not _BRACKETS.search(title):
        pieces = [piece for piece in pieces if piece[1].facet == "product" or rng.random() > 0.15]
        # Two tags may have got the same value.
        first = {title[tag.start : tag.end].lower(): (text, tag) for text, tag in reversed(pieces)}
        pieces = list(first.values())[::-1]
        for _ in range(rng.choice((0, 0, 1, 2, 3)) if len(pieces) > 2 else 0):
            at = rng.randrange(len(pieces))
            piece = pieces.pop(at)
            pieces.insert(rng.randrange(max(0, at - 3), min(len(pieces), at + 3) + 1), piece)
    line = ""
    for text, _ in pieces:
        blank = line and (runs_together(line[-1], text[0]) or (line[-1] in ",;|" and text[0] != " "))
        line += (" " if blank else "") + text
    return line.strip(" ,;|-–/+&:·、，")


def _place(tag: Tag) -> Tuple[int, int]:
    # Of two that start together the longer one comes first.
    return (-1, 0) if tag.start is None or tag.end is None else (tag.start, -tag.end)


def _add_promotion(line: str, lang: str, rng: random.Random) -> str:
    word = make_promotion(lang, rng) if rng.random() < 0.2 else ""
    if not word:
        return line
    tight = lang[:2] == "zh" and rng.random() < 0.6
    if rng.random() < 0.5:
        return f"{line}{'' if tight else ' '}{word}"
    if lang[:2] in ("zh", "ja") and rng.random() < 0.6:
        return f"【{word}】{line}"
    return f"{word}{'' if tight else ' '}{line}"
