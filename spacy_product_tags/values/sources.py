"""Read the alias table's values, and the categories that use them, from taxonomies, spreadsheets and JSON lines."""
import json
import re
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import ListingError
from ..io import bad, iter_jsonl, raise_error
from ..tables.cells import spreadsheet_damage
from ..tables.dialect import detect_dialect, open_table
from ..tables.rows import read_rows, undecoded
from .overlay import mend
from .table import Value
from .usage import Attribute, Category

Entry = Union[Value, Category, Attribute]
DATA_PATH = Path(__file__).with_suffix(".toml")
_COLUMNS = "the columns are id, facet, aliases, freq and label_ with a locale, such as label_zh"


def iter_values(
    path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> Iterator[Value]:
    """Stream the values of a file, and nothing else of it.

    path, on_error: As in `iter_entries`.
    YIELDS (Value): The values that name something: "Other" is none.
    RAISES (ListingError): With file, line and field, unless `on_error` returns.
    """
    return (entry for entry in iter_entries(path, on_error=on_error) if isinstance(entry, Value))


def iter_entries(
    path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> Iterator[Entry]:
    """Stream what a file holds; the shape of each row is told by its keys.

    A row with `parent` is a category of a taxonomy, one with `values` or `values_from` an attribute.
    A row with `attribute` is a Shopify value, which is mended as shopify.toml says, one with `names` an Open Food Facts
    entry, any other a `Value` as `Value.to_dict` writes it. Facets are renamed to ours where sources.toml names one.
    Ids of Open Food Facts get the file's name in front, as an ingredient and a category share theirs.

    path (Union[str, Path]): A .csv file with the columns id, facet, label_zh, label_en (any locale), aliases
        (separated by |) and freq, whose encoding and delimiter are told from it, or JSON lines, each also with .gz.
    on_error (Callable[[ListingError], None]): Called with each bad row's error; where it returns, reading goes on.
    YIELDS (Entry): The values that name something ("Other" is none), categories and attributes.
    RAISES (ListingError): With file, line and field, unless `on_error` returns.
    """
    path = Path(path)
    if path.name.removesuffix(".gz").endswith(".csv"):
        yield from _iter_csv(path, on_error)
        return
    for entry in iter_jsonl(path, partial(_entry, path.name.partition(".")[0]), on_error):
        if entry is not None:
            yield entry


@cache
def facet_of(attribute: str) -> str:
    """Give the facet of a Shopify attribute's values. RETURNS (str): One of ours where it fits, else the attribute."""
    for facet, pattern in _load()["shopify"].items():
        if re.search(pattern, attribute):
            return facet
    return attribute


@cache
def kind_of(facet: str, attributes: Tuple[str, ...], name: str) -> Tuple[int, str]:
    """Say which values of a facet may be the same: a shoe's 40 is no ring's 40.

    facet (str): The facet.
    attributes (Tuple[str, ...]): A value's attributes; () = not known, which is taken for the facet's first kind.
    name (str): The value's name: a number is another one with each attribute.
    RETURNS (Tuple[int, str]): The place of the attribute among those of its kind, and the kind; (0, "") where all
        of the facet's values are of one kind.
    """
    kinds = _load()["kinds"].get(facet)
    if not kinds:
        return 0, ""
    if not attributes:
        return 0, kinds[0][0]
    for kind in kinds if any(map(str.isalpha, name)) else ():
        for place, attribute in enumerate(kind):
            if attribute in attributes:
                return place, kind[0]
    return 0, attributes[0]


def has_kinds(facet: str) -> bool:
    """Say whether a facet's values are of unlike kinds. RETURNS (bool): Whether they are."""
    return facet in _load()["kinds"]


@cache
def _load() -> Dict[str, Dict[str, Any]]:
    with DATA_PATH.open("rb") as file:
        return tomllib.load(file)


def _skipped() -> List[str]:
    return _load()["skip"]["labels"]


def _entry(kind: str, row: Mapping[str, Any]) -> Optional[Entry]:
    if undecoded(json.dumps(row, ensure_ascii=False)):
        raise bad("line", "has bytes that are no UTF-8; save the file in UTF-8")
    if "parent" in row:
        return _category(row)
    if "values_from" in row or ("values" in row and "facet" not in row):
        return Attribute(_text(row, "id"), _text(row, "values_from") if row.get("values_from") else "")
    if isinstance(row.get("labels"), Mapping) and row["labels"].get("en") in _skipped():
        return None
    if "attribute" in row:
        attribute = _text(row, "attribute")
        return mend(Value(_text(row, "id"), facet_of(attribute), _labels(row, "labels"), attributes=(attribute,)))
    if "names" in row:
        return _food_value(row, kind)
    if "terms" in row:
        raise bad("terms", "are words with the same meaning, not a value; leave this file out")
    return Value.from_dict(row)


def _category(row: Mapping[str, Any]) -> Category:
    attributes = row.get("attributes", [])
    if not isinstance(attributes, list) or not all(isinstance(name, str) for name in attributes):
        raise bad("attributes", f"must be a list of ids of attributes, not {attributes!r:.80}")
    parent = row["parent"]
    if parent is not None and not isinstance(parent, str):
        raise bad("parent", f"must be the id of a category or null, not {parent!r:.80}")
    return Category(_text(row, "id"), parent or "", tuple(attributes), _labels(row, "labels"))


def _food_value(row: Mapping[str, Any], kind: str) -> Value:
    names = row["names"]
    if not isinstance(names, Mapping) or not names:
        raise bad("names", f'must be lists of names by language such as {{"en": ["Plastic"]}}, not {names!r:.80}')
    labels, aliases = {}, []
    for lang, texts in names.items():
        if not isinstance(texts, list) or not texts or not all(isinstance(x, str) and x.strip() for x in texts):
            raise bad(f"names.{lang}", f"must be a list of strings that are not blank, not {texts!r:.80}")
        labels[lang.replace("_", "-")], *rest = texts
        aliases += rest
    facet = _load()["open_food_facts"].get(kind, kind)
    return Value(f"{kind}/{_text(row, 'id')}", facet, labels, tuple(dict.fromkeys(aliases)))


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise bad(name, "missing" if value is None else f"must be a string that is not blank, not {value!r:.80}")
    return value


def _labels(row: Mapping[str, Any], name: str) -> Dict[str, str]:
    labels = row.get(name)
    if not isinstance(labels, Mapping) or not labels:
        raise bad(name, f'must be names by locale such as {{"zh": "藏青"}}, not {labels!r:.80}')
    return {locale: _text(labels, locale) for locale in labels}


def _iter_csv(path: Path, on_error: Callable[[ListingError], None]) -> Iterator[Value]:
    dialect = detect_dialect(path, _is_header)
    with open_table(path, dialect.encoding) as file:
        try:
            header, rows = read_rows(file, dialect.delimiter, dialect.skip_rows, may_end_early=True)
        except ListingError as err:
            raise err.at(path, err.line) from None
        columns = _check_columns(path, dialect.skip_rows + 1, header)
        for line, cells in rows:
            try:
                if isinstance(cells, ListingError):
                    raise cells
                value = _csv_value(dict(zip(columns, cells)))
            except ListingError as err:
                on_error(err.at(path, line))
            else:
                yield value


def _is_header(cells: Sequence[str]) -> bool:
    return "facet" in (cell.strip().casefold() for cell in cells)


def _check_columns(path: Path, line: int, cells: List[str]) -> List[str]:
    columns = []
    for cell in cells:
        # Names are told without case, and locales keep theirs: label_zh-TW.
        name, underscore, locale = cell.strip().partition("_")
        columns.append(name.casefold() + underscore + locale)
    for name in columns:
        if columns.count(name) > 1:
            raise ListingError(path, line, name, "is there twice; each column is there once")
        if name not in ("id", "facet", "aliases", "freq") and name != "label" and not name.startswith("label_"):
            raise ListingError(path, line, name or "line", f"not a column of values; {_COLUMNS}")
    if "facet" not in columns:
        raise ListingError(path, line, "facet", f"no such column; {_COLUMNS}")
    return columns


def _csv_value(cells: Mapping[str, str]) -> Value:
    damage = spreadsheet_damage(cells.get("id", ""))
    if damage:
        raise bad("id", damage)
    cells = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    row: Dict[str, Any] = {name: cells[name] for name in ("id", "facet") if name in cells}
    row["labels"] = {name[6:]: cell for name, cell in cells.items() if name.startswith("label")}
    row["aliases"] = [alias.strip() for alias in cells.get("aliases", "").split("|") if alias.strip()]
    if "freq" in cells:
        row["freq"] = int(cells["freq"]) if cells["freq"].isdecimal() else cells["freq"]
    return Value.from_dict(row)
