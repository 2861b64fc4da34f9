"""The rows that a taxonomy is made of: read, and checked to make a tree."""
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from ..errors import ListingError
from ..io import OnError, bad

Numbered = Tuple[int, Mapping[str, Any]]
Row = Tuple[str, str, Dict[str, str]]  # id, parent ("" = none), labels by locale


def check_rows(rows: Iterable[Numbered], name: str, on_error: OnError, known: Sequence[str] = ()) -> List[Row]:
    """Check categories, alone and as a tree.

    rows (Iterable[Numbered]): Line number and fields of each.
    name (str): What to call the source in errors.
    on_error (OnError): Called with each error; where it returns, the row is left out.
    known (Sequence[str]): Ids that have a place already.
    RETURNS (List[Row]): The categories that have a place in the tree, in their order.
    """
    good: Dict[str, Row] = {}
    lines: Dict[str, int] = dict.fromkeys(known, 0)
    for number, data in rows:
        try:
            row = _read_row(data)
            if row[0] in lines:
                first = f"in line {lines[row[0]]}" if lines[row[0]] else "in the taxonomy"
                raise bad("id", f"{row[0]!r} is {first} already; each id is there once")
        except ListingError as err:
            on_error(ListingError(name, number, err.field, err.problem))
            continue
        good[row[0]], lines[row[0]] = row, number
    below: Dict[str, List[str]] = {}
    for id, parent, _ in good.values():
        below.setdefault(parent, []).append(id)
    placed: Dict[str, None] = {}
    # From the top down: whoever isn't met hangs on nothing, or on himself.
    ready = ["", *known]
    while ready:
        found = below.pop(ready.pop(), [])
        placed.update(dict.fromkeys(found))
        ready.extend(found)
    for id, row in good.items():
        if id not in placed:
            on_error(ListingError(name, lines[id], "parent", _why_not(row, good)))
    return [row for id, row in good.items() if id in placed]


def _why_not(row: Row, good: Mapping[str, Row]) -> str:
    id, parent, _ = row
    if parent not in good:
        return f"no category has the id {parent!r}; add it or give another parent"
    circle, above = [id], parent
    while above in good and above not in circle:
        circle.append(above)
        above = good[above][1]
    if above == id:
        return f"goes in a circle ({' under '.join([*circle, id])}); the top category has the parent null"
    return f"{parent!r} has no place in the tree itself; mend it first"


def _read_row(data: Mapping[str, Any]) -> Row:
    if not isinstance(data, Mapping):
        raise bad("line", f"must be an object with id, parent and labels, not {type(data).__name__}")
    id, parent, labels = data.get("id"), data.get("parent"), data.get("labels")
    if not isinstance(id, str) or not id.strip():
        raise bad("id", f"must be a text that is not blank, not {id!r}")
    if not isinstance(parent, (str, type(None))):
        raise bad("parent", f"must be an id (a text), or null at the top, not {parent!r}")
    if not isinstance(labels, Mapping) or not labels:
        raise bad("labels", f'must be at least one label by locale, such as {{"en": "Shoes"}}, not {labels!r}')
    for locale, label in labels.items():
        if not isinstance(label, str) or not label.strip():
            raise bad(f"labels.{locale}", f"must be a text that is not blank, not {label!r}")
    return id, parent or "", dict(labels)
