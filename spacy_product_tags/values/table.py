"""The alias table: the values that are known, what each says about a product, and how it may be written."""
import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Tuple, Union

from ..errors import ListingError
from ..io import bad, iter_jsonl, open_text, raise_error
from ..listing import Listing
from ..text.folding import fold_in_place


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet, whatever it is called: navy, 藏青, 藏蓝色.

    id (str): Its id.
    facet (str): What it says about the product.
    labels (Mapping[str, str]): Its name by locale; "" = where no locale is known.
    aliases (Tuple[str, ...]): Other ways to write it.
    freq (int): How often it was seen; what one text means is decided by it.
    attributes (Tuple[str, ...]): The attributes of a taxonomy that have it; its categories list those.
    """

    id: str
    facet: str
    labels: Mapping[str, str] = field(default_factory=dict)
    aliases: Tuple[str, ...] = ()
    freq: int = 1
    attributes: Tuple[str, ...] = ()

    @property
    def surfaces(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): Labels and aliases that are not blank, each once."""
        return tuple(dict.fromkeys(text for text in (*self.labels.values(), *self.aliases) if text.strip()))

    def to_dict(self) -> Dict[str, Any]:
        """Give the value as JSON types without empty fields. RETURNS (Dict[str, Any]): One line of JSONL."""
        data: Dict[str, Any] = {"id": self.id, "facet": self.facet}
        if self.labels:
            data["labels"] = dict(self.labels)
        if self.aliases:
            data["aliases"] = list(self.aliases)
        if self.freq != 1:
            data["freq"] = self.freq
        if self.attributes:
            data["attributes"] = list(self.attributes)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Value":
        """Make a checked value of parsed JSON.

        data (Mapping[str, Any]): What a line of JSONL holds.
        RETURNS (Value): The value; without an id, facet and first name make one.
        RAISES (ListingError): Naming the field (path and line are filled in by who knows them).
        """
        for name in data:
            if name not in cls.__slots__:
                raise bad(name, f"not a field of a value; the fields are {', '.join(cls.__slots__)}")
        for name in ("id", "facet"):
            if not isinstance(data.get(name, ""), str):
                raise bad(name, f"must be a string, not {data[name]!r}")
        if not data.get("facet"):
            raise bad("facet", "missing or empty")
        labels, aliases, freq = data.get("labels", {}), data.get("aliases", []), data.get("freq", 1)
        if not isinstance(labels, Mapping) or not all(_is_text(text) for text in labels.values()):
            raise bad("labels", f'must be names by locale such as {{"zh": "藏青"}}, not {labels!r:.80}')
        if not isinstance(aliases, list) or not all(_is_text(text) for text in aliases):
            raise bad("aliases", f"must be a list of strings that are not blank, not {aliases!r:.80}")
        if isinstance(freq, bool) or not isinstance(freq, int) or freq < 1:
            raise bad("freq", f"must be a whole number from 1, not {freq!r}")
        attributes = data.get("attributes", [])
        if not isinstance(attributes, list) or not all(_is_text(text) for text in attributes):
            raise bad("attributes", f"must be a list of ids of attributes, not {attributes!r:.80}")
        surfaces = (*labels.values(), *aliases)
        if not surfaces:
            raise bad("aliases", "a value needs a label or an alias")
        value_id = data.get("id") or make_id(data["facet"], surfaces[0])
        return cls(value_id, data["facet"], dict(labels), tuple(aliases), freq, tuple(attributes))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def find_label(value: Value, locale: str) -> str:
    """Find what a value is called in a language.

    value (Value): The value.
    locale (str): Such as ja, zh or zh-TW; a language without a region takes the label of any region, zh that of zh-CN
        first.
    RETURNS (str): The label; "" = there is none.
    """
    labels = value.labels
    language = locale.replace("_", "-").partition("-")[0]
    traditional = locale.replace("_", "-").partition("-")[2] in ("TW", "HK", "MO", "Hant", "Hant-TW", "Hant-HK")
    for name in (locale, *(["zh-TW", "zh-HK"] if language == "zh" and traditional else []), language, f"{language}-CN"):
        if name in labels:
            return labels[name]
    return next((text for name, text in sorted(labels.items()) if name.partition("-")[0] == language), "")


def make_id(facet: str, text: str) -> str:
    """Make the id of a value that has none. RETURNS (str): The same for the same facet and folded text."""
    return f"{facet}/{fold_in_place(text).strip()}"


class AliasTable:
    """Values by id and by the texts that name them. What it holds doesn't depend on the order of adding.

    values (Iterable[Value]): What to start with.
    """

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._values: Dict[str, Value] = {}
        self._ids: Dict[str, List[str]] = {}
        for value in values:
            self.add(value)

    def add(self, value: Value) -> None:
        """Add a value, or names and frequency to the value of that id.

        value (Value): The value.
        RAISES (ValueError): Where the id has another facet.
        """
        old = self._values.get(value.id, Value(value.id, value.facet, freq=0))
        if old.facet != value.facet:
            raise ValueError(f"id: {value.id!r} is a value of {old.facet!r} already, not of {value.facet!r}")
        labels = {**old.labels, **value.labels}
        for locale in old.labels.keys() & value.labels.keys():
            # The one that sorts first is the label, the other an alias.
            labels[locale] = min(old.labels[locale], value.labels[locale])
        names = {*old.surfaces, *value.surfaces} - set(labels.values())
        attributes = tuple(sorted({*old.attributes, *value.attributes}))
        freq = old.freq + value.freq
        value = Value(value.id, value.facet, dict(sorted(labels.items())), tuple(sorted(names)), freq, attributes)
        self._values[value.id] = value
        for text in value.surfaces:
            ids = self._ids.setdefault(fold_in_place(text).strip(), [])
            if value.id not in ids:
                ids.append(value.id)
                ids.sort()

    def find(self, text: str) -> Tuple[Value, ...]:
        """Look a text up, whatever its case and width. RETURNS (Tuple[Value, ...]): Meanings, likeliest first."""
        values = [self._values[value_id] for value_id in self._ids.get(fold_in_place(text).strip(), ())]
        return tuple(sorted(values, key=_minus_freq))

    @property
    def facets(self) -> List[str]:
        """RETURNS (List[str]): The facets, sorted."""
        return sorted({value.facet for value in self._values.values()})

    def __getitem__(self, value_id: str) -> Value:
        return self._values[value_id]

    def __contains__(self, value_id: object) -> bool:
        return value_id in self._values

    def __iter__(self) -> Iterator[Value]:
        return iter(sorted(self._values.values(), key=_id))

    def __len__(self) -> int:
        return len(self._values)

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write the values as JSONL, one a line. `read_aliases` reads it."""
        with open_text(path, "wt") as file:
            for value in self:
                file.write(json.dumps(value.to_dict(), ensure_ascii=False) + "\n")


def _minus_freq(value: Value) -> int:
    return -value.freq


def _id(value: Value) -> str:
    return value.id


def values_of(listing: Listing) -> Iterator[Value]:
    """Give what a listing's tags name. YIELDS (Value): One for each tag with a facet, as written in the listing."""
    for tag in listing.tags:
        if tag.facet:
            surface = tag.text if tag.start is None else listing.text[tag.start : tag.end]
            yield Value(tag.canonical_id or make_id(tag.facet, surface), tag.facet, aliases=(surface,))


def read_values(path: Path) -> Dict[str, List[str]]:
    """Read the values of each facet from a TOML or JSON file such as ``{"color": ["红色", "navy"]}``.

    path (Path): The file; a name that ends in ``.json`` is JSON, any other TOML.
    RETURNS (Dict[str, List[str]]): Facets and their values.
    RAISES (ListingError): Where the file is not that.
    """
    path = Path(path)
    try:
        data = (json.loads if path.suffix == ".json" else tomllib.loads)(path.read_text(encoding="utf8"))
    except ValueError as err:
        raise ListingError(path, getattr(err, "lineno", 1), "file", f"neither valid TOML nor .json: {err}") from None
    if not isinstance(data, dict):
        raise ListingError(path, 1, "file", 'must be facets and their values: {"color": ["红色", "navy"]}')
    for facet, values in data.items():
        if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
            raise ListingError(path, 1, facet, f"must be a list of strings that are not blank, not {values!r:.80}")
    return data


def read_aliases(path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error) -> AliasTable:
    """Read known values.

    path (Union[str, Path]): JSONL (``.gz`` too) with a value (`Value`) or a listing with tags on each line, or a
        ``.toml`` or ``.json`` file of values by facet, as the augmenter's ``{"color": ["红色", "navy"]}``.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on
        with the next line.
    RETURNS (AliasTable): The values, and how often each was seen.
    RAISES (ListingError): At the first bad line, unless `on_error` returns; where there is no value at all.
    """
    table = AliasTable()
    if Path(path).suffix in (".toml", ".json"):
        for facet, texts in read_values(Path(path)).items():
            for text, freq in Counter(texts).items():
                table.add(Value(make_id(facet, text), facet, aliases=(text,), freq=freq))
    else:
        for _ in iter_jsonl(path, partial(_add_row, table), on_error):
            pass  # what is made of a row stands in the table
    if not len(table):
        raise ListingError(path, 1, "file", "holds no value; a line is such as " + LINE)
    return table


LINE = '{"id": "navy", "facet": "color", "labels": {"zh": "藏青"}, "aliases": ["藏蓝色"]}'


def _add_row(table: AliasTable, row: Mapping[str, Any]) -> None:
    values = values_of(Listing.from_dict(row)) if "title" in row or "text" in row else [Value.from_dict(row)]
    for value in values:
        try:
            table.add(value)
        except ListingError:
            raise
        except ValueError as err:
            raise bad("line", f"can't be used ({err})") from None
