"""What is mended in Shopify's values when they are read (shopify.toml), and names that look wrong (suspect.toml)."""
import re
import tomllib
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Tuple

from ..text.folding import lookup_key
from .table import Value

_HOME = Path(__file__).parent
# A name without letters is the same in every language.
_SIGNS = re.compile(r"[\d./-]+")


class Doubt(NamedTuple):
    """A label that may be wrong.

    reason (str): "word": it holds a word that no such value has (a color that ends in wine); "number": a number that is
        another one in English; "twice": it is the label of another value of the attribute, too.
    id (str): The value's id.
    locale (str): The label's locale.
    label (str): The label.
    name (str): The value's name in English.
    """

    reason: str
    id: str
    locale: str
    label: str
    name: str


@cache
def _load(name: str) -> Dict[str, Any]:
    return tomllib.loads((_HOME / name).read_text(encoding="utf8"))


def mend(value: Value) -> Value:
    """Give a value of Shopify's taxonomy its right labels and its usual writings.

    value (Value): The value as it was read.
    RETURNS (Value): With the labels of shopify.toml for its facet and English name, if any; a label that another one
        takes the place of is no name of the value any more. A number is the same in every language.
    """
    name = value.labels.get("en", "")
    if _SIGNS.fullmatch(name):
        labels = {locale: name if _is_other(name, label) else label for locale, label in value.labels.items()}
        value = replace(value, labels=labels)
    entry: Mapping[str, List[str]] = _load("shopify.toml").get(value.facet, {}).get(name, {})
    labels = {locale: texts[0] for locale, texts in entry.items() if locale}
    labels = {**value.labels, **labels}
    names = dict.fromkeys((*value.aliases, *(text for texts in entry.values() for text in texts)))
    aliases = tuple(name for name in names if name not in labels.values())
    return replace(value, labels=labels, aliases=aliases) if entry else value


def iter_doubts(values: Iterable[Value]) -> Iterator[Doubt]:
    """Find labels that may be wrong, by what they hold and what else is called so.

    values (Iterable[Value]): Values, as they are read: those of a name aren't one yet.
    YIELDS (Doubt): One for each label and reason.
    """
    words = {
        facet: {locale: re.compile("|".join(patterns)) for locale, patterns in locales.items()}
        for facet, locales in _load("suspect.toml").items()
    }
    called: Dict[Tuple[str, str, str], List[Tuple[Value, str]]] = defaultdict(list)
    for value in values:
        name = value.labels.get("en", "")
        for locale, label in value.labels.items():
            pattern = words.get(value.facet, {}).get(locale)
            if pattern and pattern.search(label):
                yield Doubt("word", value.id, locale, label, name)
            if _SIGNS.fullmatch(name) and _is_other(name, label):
                yield Doubt("number", value.id, locale, label, name)
            for attribute in value.attributes or (value.facet,):
                called[attribute, locale, lookup_key(label)].append((value, label))
    for (_, locale, _), group in called.items():
        if len({lookup_key(value.labels.get("en", value.id)) for value, _ in group}) > 1:
            for value, label in group:
                yield Doubt("twice", value.id, locale, label, value.labels.get("en", ""))


def _is_other(number: str, label: str) -> bool:
    # Languages differ in what stands between the digits.
    return bool(_SIGNS.fullmatch(label)) and re.findall(r"\d+", number) != re.findall(r"\d+", label)
