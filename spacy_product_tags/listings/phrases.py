"""Find phrases that a corpus annotates now one way, now another: what most listings say, a few may have missed."""
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

from ..errors import ListingError
from ..listing import Listing

# A word, or a Chinese or Japanese character; Thai, whose marks belong to the letter before, up to the next blank.
_WORD = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[\u0e00-\u0e7f]+|[^\W_぀-ヿ㐀-鿿豈-﫿\u0e00-\u0e7f]+(?:['’-][^\W_]+)*")
# Words, or characters, of the longest phrase that is looked for outside of tags.
_MOST = 6
# A single Chinese character says too little.
_LEAST = 2
# A phrase is uneven where so many listings agree, and for each that doesn't so many do.
_ENOUGH, _TIMES = 4, 4
# How a use without a tag is counted.
_BARE = ""


class Use(NamedTuple):
    """Where a phrase stands.

    path (Path): The file.
    line (int): The listing's line.
    facet (str): Its facet; "" = not tagged.
    """

    path: Path
    line: int
    facet: str


class Phrases:
    """Collects the phrases of listings, by language."""

    def __init__(self) -> None:
        self._tagged: Dict[Tuple[str, str], List[Use]] = defaultdict(list)
        self._bare: List[Tuple[Path, int, str, str]] = []

    def add(self, path: Path, line: int, listing: Listing) -> None:
        """Take a listing.

        path (Path): Its file.
        line (int): Its line.
        listing (Listing): The listing.
        """
        text, at = listing.text, 0
        spans = sorted((*tag.span, tag.facet) for tag in listing.tags if tag.start is not None)
        for start, end, facet in spans:
            self._tagged[listing.lang, text[start:end].casefold()].append(Use(path, line, facet))
            if start > at:
                self._bare.append((path, line, listing.lang, text[at:start].casefold()))
            at = max(at, end)
        self._bare.append((path, line, listing.lang, text[at:].casefold()))

    def find_uneven(self) -> Iterator[ListingError]:
        """List the uses that differ from what is usual. YIELDS (ListingError): File, line, and what most others say."""
        uses = {key: list(found) for key, found in self._tagged.items()}
        for path, line, lang, gap in self._bare:
            for phrase in _phrases(gap):
                if (lang, phrase) in uses:
                    uses[lang, phrase].append(Use(path, line, _BARE))
        for (_, phrase), found in sorted(uses.items()):
            counts = Counter(use.facet for use in found)
            usual, most = counts.most_common(1)[0]
            for use in found:
                if use.facet != usual and most >= _ENOUGH and most >= _TIMES * counts[use.facet]:
                    here, there = _name(use.facet), _name(usual)
                    problem = f"{phrase!r} is {here} here, and {there} in {most} of {len(found)} places"
                    yield ListingError(use.path, use.line, "tags", problem)


def _phrases(gap: str) -> Iterator[str]:
    words = list(_WORD.finditer(gap))
    for first, word in enumerate(words):
        for last in words[first : first + _MOST]:
            phrase = gap[word.start() : last.end()]
            if len(phrase) >= _LEAST:
                yield phrase


def _name(facet: str) -> str:
    return f"{facet!r}" if facet else "no tag"
