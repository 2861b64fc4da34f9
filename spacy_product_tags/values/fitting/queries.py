"""Write names of an alias table's values as sellers may, within listings that may say so."""
import random
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..table import Value
from ..usage import Usage

# Shorter texts have no room for a slip of the pen: another letter makes another word.
_SHORTEST, _SHORTEST_WIDE = 6, 3
_WIDE = "⺀"
_WITH_FACET = 0.7
_MOST_CONTEXT = 4


class Query(NamedTuple):
    """A text as a seller may write it.

    text (str): The text.
    facet (str): Its facet; "" = unknown.
    value (Value): What it means.
    known (bool): Whether the table has that value.
    category (int): The row of the listing's category; -1 = unknown.
    context (Tuple[Tuple[str, str], ...]): Texts and facets of other tags.
    """

    text: str
    facet: str
    value: Value
    known: bool
    category: int = -1
    context: Tuple[Tuple[str, str], ...] = ()

    @property
    def setting(self) -> str:
        """RETURNS (str): What is known of the listing: "none", "category", "context" or "both"."""
        if self.category >= 0:
            return "both" if self.context else "category"
        return "context" if self.context else "none"


class Listings:
    """Draws listings of a taxonomy's categories.

    values (Sequence[Value]): The values.
    usage (Usage): The categories.
    rng (random.Random): Where chance comes from.
    """

    def __init__(self, values: Sequence[Value], usage: Usage, rng: random.Random) -> None:
        self.values, self.usage, self.rng = values, usage, rng
        self.by_attribute: Dict[str, List[int]] = {}
        for number, value in enumerate(values):
            for name in value.attributes:
                self.by_attribute.setdefault(name, []).append(number)

    def draw_category(self, value: Value) -> int:
        """Draw a category that uses a value. RETURNS (int): Its row; -1 = there is none."""
        rows = self.usage.categories_of(value.attributes)
        return int(self.rng.choice(rows)) if len(rows) else -1

    def draw_value(self, category: int) -> Optional[int]:
        """Draw what is said of a product: an attribute, then a value. RETURNS (Optional[int]): The value's number."""
        names = [name for name in self.usage.attributes_of(category) if name in self.by_attribute]
        return self.rng.choice(self.by_attribute[self.rng.choice(names)]) if names else None

    def draw_context(self, category: int, value: Value) -> Tuple[Tuple[str, str], ...]:
        """Draw what else is said of a product. RETURNS (Tuple[Tuple[str, str], ...]): Texts and facets."""
        drawn = [self.draw_value(category) for _ in range(self.rng.randint(1, _MOST_CONTEXT))]
        others = [self.values[number] for number in drawn if number is not None]
        return tuple(
            (choose_name(other, self.rng), other.facet if self.rng.random() < _WITH_FACET else "")
            for other in others
            if other.id != value.id
        )


def make_queries(
    values: Sequence[Value],
    out: Iterable[int],
    count: int,
    rng: random.Random,
    usage: Optional[Usage] = None,
    *,
    full: bool = False,
    by_value: bool = True,
    slips: float = 0.5,
) -> Iterator[Query]:
    """Write names of values as sellers may.

    values (Sequence[Value]): The values.
    out (Iterable[int]): Numbers of those that the table lacks; half of the queries are theirs, where there are any.
    count (int): Queries.
    rng (random.Random): Where chance comes from.
    usage (Optional[Usage]): Which categories use them; None = queries are without listings.
    full (bool): Whether each listing has its category and other tags; else each is there in half of them.
    by_value (bool): Whether a value is drawn first, then a category that has it; else a category, an attribute of it,
        and a value of that.
    slips (float): Share of the texts that get a slip of the pen.
    YIELDS (Query): Seven of ten with their facet; with `full`, none.
    """
    missing = sorted(out)
    present = sorted(set(range(len(values))).difference(missing))
    listings = Listings(values, usage, rng) if usage else None
    for number in range(count):
        known = number % 2 == 0 or not missing
        category = rng.randrange(len(usage)) if usage and not by_value else -1
        drawn = (
            listings.draw_value(category) if listings and category >= 0 else rng.choice(present if known else missing)
        )
        if drawn is None:
            continue
        value = values[drawn]
        text = choose_name(value, rng)
        if rng.random() < slips:
            text = misspell(text, rng) or text
        facet = value.facet if rng.random() < _WITH_FACET and not full else ""
        context: Tuple[Tuple[str, str], ...] = ()
        if listings:
            category = category if category >= 0 else listings.draw_category(value)
            if category >= 0 and (full or rng.random() < 0.5):
                context = listings.draw_context(category, value)
            if not full and rng.random() < 0.5:
                category = -1
        yield Query(text, facet, value, known, category, context)


def choose_name(value: Value, rng: random.Random) -> str:
    """Draw a name of a value. RETURNS (str): In half of the cases a Chinese one, as half of the listings are."""
    chinese = [text for locale, text in value.labels.items() if locale.partition("-")[0] == "zh" and text.strip()]
    return rng.choice(chinese if chinese and rng.random() < 0.5 else value.surfaces)


def misspell(text: str, rng: random.Random) -> Optional[str]:
    """Swap or double a character behind the first; in a text without Han or kana, leave one out or replace one too.

    text (str): The text.
    rng (random.Random): Where chance comes from.
    RETURNS (Optional[str]): The text with a slip; None where it is too short for one.
    """
    wide = any(char >= _WIDE for char in text)
    if len(text) < (_SHORTEST_WIDE if wide else _SHORTEST):
        return None
    place = rng.randrange(1, len(text) - 1)
    head, char, tail = text[:place], text[place], text[place + 1 :]
    slips = [head + tail[0] + char + tail[1:], head + char + char + tail]
    if not wide:
        other = rng.choice("abcdefghijklmnopqrstuvwxyz" if text.isascii() else text)
        slips += [head + tail, head + other + tail]
    return rng.choice(slips)
