"""Convert public title and attribute data sets to listings."""
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from ...errors import ListingError
from ...io import bad, open_text, parse_rows, raise_error
from ...listing import Listing
from ...tag import Tag
from .tables import say_nothing

# What is wrong in a row that survives without it: (field, problem).
Problems = List[Tuple[str, str]]
# Where a data set keeps a listing's field: the first name that the row has.
_NAMES = {
    "title": ("title", "text"),
    "description": ("description",),
    "id": ("id",),
    "product": ("product", "cluster"),
    "lang": ("lang",),
    "category": ("category_path", "category"),
}
_HINT = "say which key holds what with --title-column, --attribute-column, --seller-tags-column and so on"
_LISTING_KEYS = frozenset((*Listing.__slots__, "text"))


def convert_dataset(
    path: Union[str, Path],
    *,
    on_error: Callable[[ListingError], None] = raise_error,
    on_notice: Callable[[str], None] = say_nothing,
) -> Iterator[Listing]:
    """Stream a data set's listings; the shape of each row is told by its keys.

    Span rows hold `spans`, attribute rows `attributes`, pairs `item1` and `item2` (two listings), classified rows
    `category_path`, and maybe `site_category` as a part of the text; rows that are listings already pass through. A tag
    shows what stands in the text at its span, also where the source wrote its value in another case. Attributes of a
    row with `label` 0 belong to another item and become no tags. Of other rows with a title, as a shop may have them,
    what a listing has is kept.

    path (Union[str, Path]): A .jsonl or .jsonl.gz file.
    on_error (Callable[[ListingError], None]): Called with the error of each bad row and of each tag whose offsets
        disagree with the text; where it returns, the row goes on without the tag.
    on_notice (Callable[[str], None]): Called once with the keys that were left out.
    YIELDS (Listing): One listing an item; blank lines are passed over.
    RAISES (ListingError): With file, line and field, unless `on_error` returns.
    """
    left_out: Dict[str, int] = {}
    with open_text(path) as file:
        for number, (listings, problems) in parse_rows(file, path, partial(_convert_row, left_out), on_error):
            for field, problem in problems:
                on_error(ListingError(path, number, field, problem))
            yield from listings
    if left_out:
        counted = ", ".join(f"{key} ({count})" for key, count in left_out.items())
        on_notice(f"keys that are no listing's were left out: {counted:.500}; {_HINT}")


def _convert_row(left_out: Dict[str, int], row: Mapping[str, Any]) -> Tuple[List[Listing], Problems]:
    problems: Problems = []
    if _LISTING_KEYS.issuperset(row) and ("title" in row or "text" in row):
        return [Listing.from_dict(row)], problems
    for keys, convert in _SHAPES:
        if all(key in row for key in keys):
            return convert(row, problems), problems
    if any(isinstance(row.get(name), str) for name in _NAMES["title"]):
        for key in row:
            if key not in _LISTING_KEYS:
                left_out[key] = left_out.get(key, 0) + 1
        return [Listing.from_dict({key: value for key, value in row.items() if key in _LISTING_KEYS})], problems
    shapes = "; ".join(" + ".join(keys) for keys, _ in _SHAPES)
    known = f"known are listings and rows with {shapes}; for other rows, {_HINT}"
    raise bad("line", f"has the keys {', '.join(row):.500}; {known}")


def _from_pair(row: Mapping[str, Any], problems: Problems) -> List[Listing]:
    listings = []
    same = row["id"] if row.get("label") == 1 and "id" in row else ""
    for number in (1, 2):
        item = row[f"item{number}"]
        found: Problems = []
        try:
            if not isinstance(item, Mapping):
                raise bad("", f"must be an object with title and attributes, not {item!r}")
            head = {"id": f"{row['id']}-{number}" if "id" in row else "", "lang": row.get("lang")}
            item = {**head, **({"product": same} if same else {}), **item}
            listings.extend(_from_attributes(item, found))
        except ListingError as err:
            found.append((err.field, err.problem))
        # One bad item costs the other nothing.
        problems.extend((f"item{number}.{field}".rstrip("."), problem) for field, problem in found)
    return listings


def _from_attributes(row: Mapping[str, Any], problems: Problems) -> List[Listing]:
    listing = _base(row)
    attributes = _list(row, "attributes")
    if row.get("label") == 0:
        return [listing]
    in_description = _description_spans(row, len(attributes), problems)
    tags: Dict[Tag, None] = {}
    for number, attribute in enumerate(attributes):
        if not isinstance(attribute, list) or len(attribute) not in (2, 3):
            problems.append((f"attributes[{number}]", f"must be [name, value, span or null], not {attribute!r}"))
            continue
        name, value, span = (*attribute, None)[:3]
        if value is None:  # annotated as absent
            continue
        places = [(f"attributes[{number}]", listing.title, 0, span)] if span is not None else []
        for field, offsets in in_description.get(number, ()):
            places.append((field, listing.description, len(listing.title) + 1, offsets))
        for field, text, shift, offsets in places:
            _add(tags, field, problems, name, value, text, shift, offsets)
        if not places:
            _add(tags, f"attributes[{number}]", problems, name, value)
    return [replace(listing, tags=tuple(tags))]


def _from_spans(row: Mapping[str, Any], problems: Problems) -> List[Listing]:
    listing = _base(row)
    tags: Dict[Tag, None] = {}
    for number, span in enumerate(_list(row, "spans")):
        if not isinstance(span, list) or len(span) != 3:
            problems.append((f"spans[{number}]", f"must be [start, end, label], not {span!r}"))
        else:
            _add(tags, f"spans[{number}]", problems, span[2], None, listing.title, 0, span[:2])
    return [replace(listing, tags=tuple(tags))]


def _from_category(row: Mapping[str, Any], problems: Problems) -> List[Listing]:
    # Where a shop's own category was published as part of the input (MWPD), it stands before the description.
    shelf = row.get("site_category")
    if not isinstance(shelf, (str, type(None))):
        raise bad("site_category", f"must be a string, not {shelf!r}")
    listing = _base(row)
    if not shelf or not shelf.strip():
        return [listing]
    return [replace(listing, description=f"{shelf}\n{listing.description}" if listing.description else shelf)]


_SHAPES: Tuple[Tuple[Tuple[str, ...], Callable[[Mapping[str, Any], Problems], List[Listing]]], ...] = (
    (("item1", "item2"), _from_pair),
    (("attributes",), _from_attributes),
    (("spans",), _from_spans),
    (("category_path",), _from_category),
)


def _base(row: Mapping[str, Any]) -> Listing:
    """Make the listing without its tags. RAISES (ListingError): Naming the row's own key."""
    keys = {field: next((name for name in names if name in row), "") for field, names in _NAMES.items()}
    data = {field: row[key] for field, key in keys.items() if key}
    category = data.get("category")
    if isinstance(category, str):
        data["category"] = [category] if category.strip() else []
    try:
        return Listing.from_dict(data)
    except ListingError as err:
        field, bracket, rest = err.field.partition("[")
        raise bad((keys.get(field) or field) + bracket + rest, err.problem) from None


def _list(row: Mapping[str, Any], key: str) -> List[Any]:
    value = row.get(key)
    if not isinstance(value, (list, type(None))):
        raise bad(key, f"must be a list, not {value!r}")
    return value or []


def _description_spans(
    row: Mapping[str, Any], count: int, problems: Problems
) -> Dict[int, List[Tuple[str, List[Any]]]]:
    """Collect the spans in the description by attribute. RETURNS (Dict): Attribute number to (field, [start, end])."""
    found: Dict[int, List[Tuple[str, List[Any]]]] = {}
    for number, span in enumerate(_list(row, "description_spans")):
        field = f"description_spans[{number}]"
        if isinstance(span, list) and len(span) == 3 and type(span[0]) is int and 0 <= span[0] < count:
            found.setdefault(span[0], []).append((field, span[1:]))
        else:
            problems.append((field, f"must be [number of an attribute (0 to {count - 1}), start, end], not {span!r}"))
    return found


def _add(
    tags: Dict[Tag, None],
    field: str,
    problems: Problems,
    facet: Any,
    value: Any,
    text: str = "",
    shift: int = 0,
    span: Optional[Any] = None,
) -> None:
    """Add one tag, or the reason why not to the problems; a tag that is there already stays once."""
    try:
        data = {"text": value, "facet": facet}
        if span is not None:
            start, end, data["text"] = _check_span(text, span, value)
            data.update(start=start + shift, end=end + shift)
        tags[Tag.from_dict(data)] = None
    except ValueError as err:
        problems.append((field, str(err)))


def _check_span(text: str, span: Any, value: Any) -> Tuple[int, int, str]:
    if not isinstance(span, list) or len(span) != 2 or any(type(offset) is not int for offset in span):
        raise ValueError(f"the span must be [start, end] in characters, not {span!r}")
    start, end = span
    if not 0 <= start < end <= len(text):
        raise ValueError(f"the span {span} is not in the text, which has {len(text)} characters")
    surface = text[start:end]
    # A blank at either end is a slip of the annotator's, and no tag starts or ends in one.
    start, end = start + len(surface) - len(surface.lstrip()), end - len(surface) + len(surface.rstrip())
    if start >= end:
        raise ValueError(f"the span {span} is blank")
    surface = text[start:end]
    value = value.strip() if isinstance(value, str) else value
    # Span rows have no value; sources that fold case have the right place and the wrong spelling.
    if value is not None and (not isinstance(value, str) or value.casefold() != surface.casefold()):
        raise ValueError(f"the text has {surface!r} at {span}, the value is {value!r}")
    return start, end, surface
