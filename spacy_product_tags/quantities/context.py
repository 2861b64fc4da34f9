"""What decides where a spelling is ambiguous: the language, a tag's facet, the category, the words around."""
import re
import tomllib
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple, Union

from .numbers import narrow

DATA_PATH = Path(__file__).with_name("ambiguous.toml")
# So many characters to either side are "near"; a Chinese title has about 60.
_NEAR = 60


@cache
def load_ambiguous() -> Dict[str, Any]:
    """Read ``ambiguous.toml``, once. RETURNS (Dict[str, Any]): Its tables."""
    with DATA_PATH.open("rb") as file:
        return tomllib.load(file)


class Source:
    """A text to read quantities from, and what is known of it.

    text (str): The text; read half-width.
    whole (bool): Whether it is nothing but a quantity, so that 15, A4 and "宽 48" may be read.
    facet (str): The facet of the tag that the text is; "" = not known.
    category (Union[str, Sequence[str]]): The listing's category, or its path.
    context (str): Words that stand around, such as the title.
    lang (str): The language, which tells what 1.000 and 2 500 are; "" = not known.

    asked (bool): Whether category or context were looked at so far: where not, any others would have told the same.
    """

    def __init__(
        self,
        text: str,
        whole: bool = False,
        facet: str = "",
        category: Union[str, Sequence[str]] = (),
        context: str = "",
        lang: str = "",
    ) -> None:
        self.text = narrow(text)
        self.whole = whole
        # As long as the text: `narrow` leaves no letter whose lower case is two.
        self._lower = self.text.lower()
        lang, languages = re.split("[-_]", lang)[0].lower(), load_ambiguous()["languages"]
        self.comma, self.blank = lang in languages["comma"], lang in languages["blank"]
        path = [category] if isinstance(category, str) else category
        # From what says most to what says least.
        self._said = (re.sub("[-_]", " ", facet).strip().lower(), "\n".join(path).lower(), narrow(context).lower())
        self.asked = False
        self._found: Dict[Tuple[int, str], bool] = {}
        self._places: Dict[str, List[int]] = {}

    def topics_at(self, topics: Iterable[str], place: int) -> FrozenSet[str]:
        """Say which topics stand by a place: those of the facet, else of the category, else of the words around.

        topics (Iterable[str]): The topics that are asked for.
        place (int): The place in the text.
        RETURNS (FrozenSet[str]): Those that do.
        """
        for level in (0, 1):
            found = frozenset(topic for topic in topics if self._says(level, topic))
            if found:
                return found
        return frozenset(topic for topic in topics if self._says(2, topic) or self._stands_near(topic, place))

    def goes_on(self, pattern: str, place: int) -> bool:
        """Say whether something stands behind a place of the text, or behind the text where it stands in the context.

        pattern (str): A regular expression, in lower case.
        place (int): The place in the text.
        RETURNS (bool): Whether it does.
        """
        if re.compile(pattern).match(self._lower, place):
            return True
        text = self._lower.strip() if self.whole and place >= len(self.text.rstrip()) else ""
        self.asked = self.asked or bool(text)
        at = self._said[2].find(text) if text else -1
        return at >= 0 and re.compile(pattern).match(self._said[2], at + len(text)) is not None

    def _says(self, level: int, topic: str) -> bool:
        self.asked = self.asked or level > 0
        said = self._said[level]
        if not said:
            return False
        if (level, topic) not in self._found:
            named = level == 0 and said in load_ambiguous()["topics"][topic]["facets"]
            self._found[level, topic] = named or _words_of(topic).search(said) is not None
        return self._found[level, topic]

    def _stands_near(self, topic: str, place: int) -> bool:
        # Found once for the whole text: a search for each number would take a time that grows with its square.
        if topic not in self._places:
            self._places[topic] = [match.start() for match in _words_of(topic).finditer(self._lower)]
        places = self._places[topic]
        at = bisect_left(places, place - _NEAR)
        return at < len(places) and places[at] <= place + _NEAR


def words_near(text: str, start: Optional[int], end: Optional[int]) -> str:
    """Cut out what stands near a tag, as `Source` takes it for context.

    text (str): A title, and a description in lines of its own.
    start, end (Optional[int]): Where the tag stands; None = nowhere, so that the title is near.
    RETURNS (str): The words.
    """
    if start is None or end is None:
        return text[: 5 * _NEAR].partition("\n")[0]
    return text[max(start - _NEAR, 0) : end + _NEAR]


@cache
def _words_of(topic: str) -> "re.Pattern[str]":
    words = sorted({word.lower() for word in load_ambiguous()["topics"][topic]["words"]}, key=len, reverse=True)
    return re.compile("|".join(rf"(?<![a-z]){re.escape(w)}(?:e?s)?(?![a-z])" if w.isascii() else w for w in words))
