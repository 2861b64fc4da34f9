"""How shops' exports, feeds and users' tables name their columns: data, and what of it a header has."""
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple, Union

from ...errors import ListingError
from ...io import bad

LAYOUTS_PATH = Path(__file__).with_name("layouts.toml")
Columns = Tuple[str, ...]
_SINGLE = ("title", "id", "product", "lang", "category", "seller_tags")
_FILLED = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which column of a table (key of a JSONL row) holds what; "" = the table has none.

    title (str): The title.
    description (str): More text.
    id (str): The row's id.
    product (str): The product shown; rows of one product share a split.
    lang (str): Language code.
    category (str): Category path from the top, as one text or a JSON list.
    seller_tags (str): Tags that a seller typed, as one text or a JSON list.
    attributes (Tuple[str, ...]): Attribute columns; each name becomes a facet.
    category_separator (str): What stands between the levels of a category; "" = one level.
    tag_separator (str): What stands between seller tags; "" = one tag.
    attribute_separator (Optional[str]): What stands between the values of a cell; "" = one value. None = as in
        `split_values`.
    """

    title: str = "title"
    description: str = ""
    id: str = ""
    product: str = ""
    lang: str = ""
    category: str = ""
    seller_tags: str = ""
    attributes: Tuple[str, ...] = ()
    category_separator: str = ">"
    tag_separator: str = ","
    attribute_separator: Optional[str] = None

    def names(self) -> List[str]:
        """Give the columns that the table must have. RETURNS (List[str]): Their names, each once."""
        single = (getattr(self, name) for name in (*_SINGLE, "description"))
        return list(dict.fromkeys(name for name in (*single, *self.attributes) if name))


@dataclass(frozen=True, slots=True)
class Layout:
    """What `layouts.toml` says of a format, see there."""

    name: str = ""
    about: str = ""
    header: Columns = ()
    title: Columns = ()
    description: Columns = ()
    id: Columns = ()
    product: Columns = ()
    lang: Columns = ()
    category: Columns = ()
    seller_tags: Columns = ()
    attributes: Mapping[str, Columns] = field(default_factory=dict)
    facet_separators: Mapping[str, str] = field(default_factory=dict)
    pairs: Tuple[Columns, ...] = ()
    facet_pattern: str = ""
    no_values: FrozenSet[str] = frozenset()
    group: str = ""
    category_separator: str = ">"
    category_list: str = ""
    tag_separator: str = ","
    attribute_separator: Optional[str] = None
    line_break: str = ""
    strip: str = ""

    def is_header(self, cells: Sequence[str]) -> bool:
        """Tell whether a row of cells is this format's header. RETURNS (bool): True = it is."""
        found = {_key(name) for name in plain_names(cells, self.strip)}
        return all(_key(name) in found for name in self.header)


@cache
def shipped_layouts() -> Tuple[Layout, ...]:
    """Read the layouts that ship with the package. RETURNS (Tuple[Layout, ...]): In the order of the file."""
    return read_layouts(LAYOUTS_PATH)


def read_layouts(path: Union[str, Path]) -> Tuple[Layout, ...]:
    """Read a file of layouts.

    path (Union[str, Path]): A TOML file as `layouts.toml` is.
    RETURNS (Tuple[Layout, ...]): The layouts in the order of the file.
    RAISES (ListingError): On a file that is none, naming the field.
    """
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ListingError(path, 1, "line", f"no TOML: {err}") from None
    layouts = []
    for name, values in data.items():
        try:
            layouts.append(_layout(name, values))
        except ListingError as err:
            raise ListingError(path, 1, f"{name}.{err.field}".rstrip("."), err.problem) from None
    return tuple(layouts)


def _layout(name: str, values: Any) -> Layout:
    if not isinstance(values, dict):
        raise bad("", f"must be a table [{name}] with header and title, not {values!r}")
    known = {item.name for item in fields(Layout)} - {"name"}
    made: Dict[str, Any] = {"name": name}
    for key, value in values.items():
        if key not in known:
            raise bad(key, f"not a setting of a layout; those are {', '.join(sorted(known))}")
        default = getattr(Layout(), key)
        if key in ("attributes", "facet_separators"):
            right = isinstance(value, dict)
            for item in value.values() if right else ():
                right = right and (isinstance(item, str) if key == "facet_separators" else _is_strings(item))
        elif key == "pairs":
            right = isinstance(value, list) and all(_is_strings(pair) and len(pair) == 2 for pair in value)
        else:
            right = isinstance(value, str) if isinstance(default, (str, type(None))) else _is_strings(value)
        if not right:
            raise bad(key, f"is of the wrong type, see {LAYOUTS_PATH.name}: {value!r}")
        made[key] = frozenset(value) if key == "no_values" else _tuples(value)
    for key in ("strip", "facet_pattern"):
        try:
            re.compile(made.get(key, ""))
        except re.error as err:
            raise bad(key, f"is no regular expression ({err})") from None
    if not made.get("header") or not made.get("title"):
        raise bad("header" if made.get("title") else "title", "missing; a layout needs header and title")
    return Layout(**made)


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def own_layout(columns: TableColumns) -> Layout:
    """Make the layout of a user's columns. RETURNS (Layout): The layout."""
    named: Dict[str, Any] = {
        name: (getattr(columns, name),) if getattr(columns, name) else () for name in (*_SINGLE, "description")
    }
    return Layout(
        header=tuple(columns.names()),
        attributes={name: (name,) for name in columns.attributes},
        category_separator=columns.category_separator,
        tag_separator=columns.tag_separator,
        attribute_separator=columns.attribute_separator,
        **named,
    )


def plain_names(header: Sequence[str], strip: str = "") -> List[str]:
    """Give columns their plain names.

    header (Sequence[str]): The header.
    strip (str): What to leave out of the names, a regular expression.
    RETURNS (List[str]): A name for each; where several would be `x`, those are x, x2, x3 and so on.
    """
    if not strip:
        return list(header)
    names: List[str] = []
    counts: Dict[str, int] = {}
    for cell in header:
        name = re.sub(strip, "", cell).strip()
        counts[name] = counts.get(name, 0) + 1
        names.append(name if counts[name] == 1 else f"{name}{counts[name]}")
    return names


def fit_layout(layout: Layout, header: Sequence[str]) -> Layout:
    """Write a layout in a header's own names, and leave out what the header has not.

    layout (Layout): The layout.
    header (Sequence[str]): The columns.
    RETURNS (Layout): The layout of this table.
    RAISES (ListingError): Where a column of the layout's own header is not there just once, naming it.
    """
    by_key: Dict[str, List[str]] = {}
    for name in header:
        by_key.setdefault(_key(name), []).append(name)
    for name in layout.header:
        count = header.count(name) or len(by_key.get(_key(name), ()))
        if count != 1:
            listed = ", ".join(header)
            hint = "" if count else "; name the columns with --title-column and so on"
            raise bad(name, f"stands {count} times in the header, not once: {listed:.500}{hint}")

    def find(names: Columns) -> Columns:
        found: List[str] = []
        for name in names:
            numbered = (name.replace("{n}", str(n)) for n in range(1, len(header) + 1)) if "{n}" in name else (name,)
            hits = [_match(one, header, by_key) for one in numbered]
            found += [hit for hit in hits if hit]
        return tuple(dict.fromkeys(found))

    def find_pairs() -> List[Columns]:
        pairs = []
        for left, right in layout.pairs:
            for n in range(1, len(header) + 1) if "{n}" in left else (0,):
                pair = tuple(_match(name.replace("{n}", str(n)), header, by_key) for name in (left, right))
                pairs += [pair] if all(pair) else []
        return pairs

    attributes = {facet: find(names) for facet, names in layout.attributes.items()}
    if layout.facet_pattern:
        for name in header:
            match = re.fullmatch(layout.facet_pattern, name, re.IGNORECASE)
            if match:
                facet = facet_name(match[1])
                attributes[facet] = (*attributes.get(facet, ()), name)
    found: Dict[str, Any] = {name: find(getattr(layout, name)) for name in (*_SINGLE, "description")}
    return replace(
        layout,
        attributes={facet: names for facet, names in attributes.items() if names},
        pairs=tuple(find_pairs()),
        group=_match(layout.group, header, by_key),
        **found,
    )


def _match(name: str, header: Sequence[str], by_key: Mapping[str, List[str]]) -> str:
    """Find a column; in `id:{ID}` the one in braces. RETURNS (str): As the header writes it; "" = there is none."""
    inner = _FILLED.search(name)
    if inner:
        found = _match(inner[1], header, by_key)
        return name.replace(inner[0], f"{{{found}}}") if found else ""
    if name in header:
        return name
    return by_key.get(_key(name), [""])[0]


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def facet_name(text: str) -> str:
    """Make a facet of what a shop calls an attribute. RETURNS (str): In lower case, with underscores: ``age_group``."""
    return "_".join(text.split()).casefold()


def filled(column: str, row: Mapping[str, Any]) -> Any:
    """Give a row's cell, or a text with cells in it. RETURNS (Any): The cell; None = the row has none."""
    inner = _FILLED.search(column)
    if inner is None or column in row:
        return row.get(column)
    cell = row.get(inner[1])
    return column.replace(inner[0], str(cell)) if cell else None
