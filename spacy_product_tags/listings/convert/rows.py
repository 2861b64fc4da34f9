"""Make a listing of a row of cells, or of a product's rows."""
import math
import re
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, Callable, Counter, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple, Union

from ...errors import ListingError
from ...io import OnError, bad
from ...listing import Listing
from ...tables.cells import is_spreadsheet_error, spreadsheet_damage
from ...tag import Tag
from ...text.html import strip_html
from .layouts import Columns, Layout, facet_name, filled
from .values import find_value, split_escaped, split_values

# A row's line, and its cells by column or why it could not be read.
Row = Tuple[int, Union[Mapping[str, Any], ListingError]]
# Line, field and problem.
Problems = List[Tuple[int, str, str]]
_NAMED = ("title", "id", "product", "lang")
_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read.

    layout (Layout): Where what stands.
    strip_html (bool): Whether HTML is taken out of the cells.
    is_known (Callable[[str], bool]): Whether a text is a value that is known, so that `Red/Navy` is two.
    notices (Counter[str]): What is worth saying, and of how many listings.
    """

    layout: Layout
    strip_html: bool = True
    is_known: Callable[[str], bool] = field(default=lambda text: False)
    notices: Counter[str] = field(default_factory=Counter)


def make_listings(rows: Iterator[Row], reading: Reading, path: Any, on_error: OnError) -> Iterator[Listing]:
    """Make a listing of each product.

    rows (Iterator[Row]): The rows.
    reading (Reading): How they are read.
    path (Any): What to call the file in errors.
    on_error (OnError): Called with the error of each bad row or cell; where it returns, reading goes on.
    YIELDS (Listing): The listings.
    """
    for group in _groups(rows, reading.layout.group):
        if isinstance(group, tuple):
            line, error = group
            on_error(error.at(path, line))
            continue
        problems: Problems = []
        try:
            listing = _make_listing(group, reading, problems)
        except ListingError as err:
            on_error(err.at(path, err.line or group[0][0]))
            continue
        for line, name, problem in problems:
            on_error(ListingError(path, line, name, problem))
        yield listing


def _groups(rows: Iterator[Row], column: str) -> Iterator[Any]:
    """Put the rows of a product together. YIELDS: A list of lines and rows, or a line and an error."""
    group: List[Tuple[int, Mapping[str, Any]]] = []
    for line, row in rows:
        if isinstance(row, ListingError):
            yield line, row
            continue
        # Variants' rows share the cell, and only the first of them has a title.
        if group and not (column and row.get(column) and row[column] == group[0][1].get(column)):
            yield group
            group = []
        group.append((line, row))
    if group:
        yield group


def _make_listing(group: Sequence[Tuple[int, Mapping[str, Any]]], reading: Reading, problems: Problems) -> Listing:
    layout = reading.layout
    titled = (item for item in group if any(not _is_blank(item[1].get(name)) for name in layout.title))
    line, row = next(titled, group[0])
    named: Dict[str, str] = {}
    for name in _NAMED:
        values, column = _first(row, getattr(layout, name), reading)
        if len(values) > 1:
            raise bad(column, f"must be one value, not {len(values)}")
        named[name] = values[0] if values else ""
        damage = spreadsheet_damage(named[name]) if name in ("id", "product") else ""
        if damage:
            problems.append((line, column, damage))
            named[name] = ""
    if not named["title"]:
        raise bad((*layout.title, "title")[0], "missing or blank; a listing needs a title")
    parts: List[str] = []
    for column in layout.description:
        parts += _try_values(line, row, column, reading, problems, one_line=False)
    description = "\n".join(dict.fromkeys(parts))
    listing = Listing(
        title=named["title"], description=description, id=named["id"], product=named["product"], lang=named["lang"]
    )
    tags: Dict[Tag, None] = {}
    spelled: Dict[Tuple[str, str], str] = {}
    for facet, value in _attributes(group, row, listing.text, reading, problems):
        # Of `white` and `White` in a product's rows, the first.
        value = spelled.setdefault((facet, value.casefold()), value)
        hits = find_value(listing.text, value)
        tags.update(dict.fromkeys(Tag(value, facet, 1.0, start, end) for start, end in hits))
        if not hits:
            tags[Tag(value, facet, source="implicit")] = None
    seller = []
    for column in layout.seller_tags:
        for value in _try_values(line, row, column, reading, problems):
            is_list = isinstance(row.get(column), list) or not layout.tag_separator
            parts = [value] if is_list else split_escaped(value, layout.tag_separator)
            seller += [part.strip().strip('"').strip() for part in parts]
    return replace(
        listing,
        tags=tuple(tags),
        seller_tags=tuple(dict.fromkeys(filter(None, seller))),
        category=_category(line, row, reading, problems),
    )


def _attributes(
    group: Sequence[Tuple[int, Mapping[str, Any]]],
    base: Mapping[str, Any],
    text: str,
    reading: Reading,
    problems: Problems,
) -> Iterator[Tuple[str, str]]:
    """Read the attributes of a product's rows. YIELDS (Tuple[str, str]): Facet and value."""
    layout = reading.layout

    def is_known(part: str) -> bool:
        return bool(find_value(text, part)) or reading.is_known(part)

    for line, row in group:
        cells: List[Tuple[str, str, Any]] = []
        for facet, columns in layout.attributes.items():
            column = next((name for name in columns if not _is_blank(row.get(name))), columns[0])
            cells += [(facet, column, row.get(column))]
        for left, right in layout.pairs:
            # The facet's name stands in a product's first row only.
            names = base.get(left) if _is_blank(row.get(left)) else row.get(left)
            values = row.get(right)
            pairs: Iterable[Tuple[Any, Any]] = [(names, values)]
            if isinstance(names, list) and isinstance(values, list):
                pairs = zip_longest(names, values, fillvalue="")
            cells += [(facet_name(str(facet or "")), right, cell) for facet, cell in pairs]
        for facet, column, cell in cells:
            separator = layout.facet_separators.get(facet, layout.attribute_separator)
            for value in _try_values(line, {column: cell}, column, reading, problems):
                if value in layout.no_values:
                    continue
                if not facet:
                    problems.append((line, column, f"{value!r} has no name of a facet beside it"))
                    continue
                values = [value] if isinstance(cell, list) else split_values(value, separator, is_known)
                yield from ((facet, part) for part in values)


def _category(line: int, row: Mapping[str, Any], reading: Reading, problems: Problems) -> Tuple[str, ...]:
    layout = reading.layout
    found = [(column, _try_values(line, row, column, reading, problems)) for column in layout.category]
    found = [(column, values) for column, values in found if values]
    # Google's categories may be numbers, and then the shop's own path says more.
    worded = [item for item in found if not _NUMBER.match(item[1][0])]
    if not found:
        return ()
    column, values = (worded or found)[0]
    if isinstance(row.get(column), list):
        return tuple(values)
    cell = values[0]
    several = layout.category_list or ("," if "\\," in cell else "")
    written = [split_escaped(path, layout.category_separator) for path in split_escaped(cell, several)]
    paths = [tuple(level.strip() for level in path) for path in written]
    if not all(map(all, paths)):
        problems.append((line, column, "has an empty level; write 'A > B > C'"))
    paths = [path for path in paths if all(path)]
    if len(paths) > 1:
        reading.notices["have several categories; the deepest is taken, of those the first"] += 1
    return max(paths, key=len, default=())


def _first(row: Mapping[str, Any], columns: Columns, reading: Reading) -> Tuple[List[str], str]:
    for column in columns:
        values = _values({column: filled(column, row)}, column, reading, True)
        if values:
            return values, column
    return [], ""


def _try_values(
    line: int, row: Mapping[str, Any], column: str, reading: Reading, problems: Problems, one_line: bool = True
) -> List[str]:
    try:
        return _values(row, column, reading, one_line)
    except ListingError as err:
        problems.append((line, err.field, err.problem))
        return []


def _values(row: Mapping[str, Any], column: str, reading: Reading, one_line: bool) -> List[str]:
    """Read a cell: blank or null is no value, a JSON list is several."""
    cell = row.get(column)
    values = []
    for item in cell if isinstance(cell, list) else [cell]:
        # JSON has numbers where CSV has text; NaN is what pandas writes for an empty cell.
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            item = "" if isinstance(item, float) and not math.isfinite(item) else str(item)
        if not isinstance(item, (str, type(None))):
            raise bad(column, f"must be a string, a number or a list of them, not {item!r:.80}")
        if item and is_spreadsheet_error(item):
            raise bad(column, f"holds {item.strip()}, a spreadsheet's error; mend the cell and export again")
        if item and reading.layout.line_break and not one_line:
            item = item.replace(reading.layout.line_break, "\n")
        if item and reading.strip_html:
            item = strip_html(item, one_line=one_line).text
        if item and item.strip():
            values.append(item.strip())
    return values


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
