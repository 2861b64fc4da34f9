"""Pairs of raw values and what a shop wants written for them: what the rules of `rules.rules` are learned from."""
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Tuple, Union

from ..errors import ListingError
from ..io import bad, iter_jsonl, raise_error
from ..listing import SEPARATOR
from .programs import load_data

_FIELDS = ("facet", "raw", "wanted", "category", "title", "product", "operation")


class ValueRow(NamedTuple):
    """The values of one facet of one product.

    facet (str): The facet.
    raw (Tuple[str, ...]): The values as they were written.
    wanted (Tuple[str, ...]): What the shop writes for them: none twice, so there may be fewer.
    category (str): The product's category, levels joined by " > ".
    title (str): The product's title.
    product (str): The product's id, so that a split for evaluation can keep its rows together.
    operation (str): What it takes, where that is known; for evaluation.
    """

    facet: str
    raw: Tuple[str, ...]
    wanted: Tuple[str, ...]
    category: str = ""
    title: str = ""
    product: str = ""
    operation: str = ""


class Pair(NamedTuple):
    """One raw value and what is wanted for it. Fields as in `ValueRow`; `wanted` has several where one says several."""

    facet: str
    raw: str
    wanted: Tuple[str, ...]
    category: str = ""
    title: str = ""


def read_value_rows(
    path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> Iterator[ValueRow]:
    """Stream the rows of a file of pairs, or of WDC-PAVE, whose rows have `attributes` and `attributes_normalized`.

    path (Union[str, Path]): JSON lines with facet, raw, wanted (strings, or lists where a facet has several values) and
        maybe category (a string or a path), title, product, operation; also .gz.
    on_error (Callable[[ListingError], None]): Called with each bad row's error; where it returns, reading goes on.
    YIELDS (ValueRow): The rows.
    """
    for rows in iter_jsonl(path, _make_rows, on_error):
        yield from rows


def _make_rows(data: Mapping[str, Any]) -> List[ValueRow]:
    if "attributes_normalized" in data:
        return _wdc_rows(data)
    for name in data:
        if name not in _FIELDS:
            raise bad(name, f"not a field of a pair; the fields are {', '.join(_FIELDS)}")
    texts = {name: _text(data, name) for name in ("facet", "title", "product", "operation")}
    if not texts["facet"].strip():
        raise bad("facet", "missing or blank")
    category = data.get("category") or ""
    path = [category] if isinstance(category, str) else category
    if not isinstance(path, list) or not all(isinstance(level, str) for level in path):
        raise bad("category", f"must be a string or a list of strings, not {category!r:.80}")
    raw, wanted = _values(data, "raw"), _values(data, "wanted")
    return [ValueRow(category=SEPARATOR.join(path), raw=raw, wanted=wanted, **texts)]


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name) or ""
    if not isinstance(value, str):
        raise bad(name, f"must be a string, not {value!r:.80}")
    return value


def _values(data: Mapping[str, Any], name: str) -> Tuple[str, ...]:
    value = data.get(name)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(x, str) and x.strip() for x in values):
        raise bad(name, f"must be a string that is not blank, or a list of them, not {value!r:.80}")
    return tuple(dict.fromkeys(values))


def _wdc_rows(data: Mapping[str, Any]) -> List[ValueRow]:
    category, product = _text(data, "category"), _text(data, "cluster")
    raw, wanted = (_grouped(data, name) for name in ("attributes", "attributes_normalized"))
    rows = []
    for facet in raw:
        if facet in wanted:
            operation = wdc_operation(facet, category)
            values = tuple(dict.fromkeys(raw[facet])), tuple(dict.fromkeys(wanted[facet]))
            rows.append(ValueRow(facet, *values, category, _text(data, "title"), product, operation))
    return rows


def _grouped(data: Mapping[str, Any], name: str) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    rows = data.get(name)
    for number, row in enumerate(rows if isinstance(rows, list) else [None]):
        if not isinstance(row, list) or len(row) < 2 or not isinstance(row[0], str):
            raise bad(f"{name}[{number}]", f"must be a list of name and value, not {row!r:.80}")
        if isinstance(row[1], str) and row[1].strip():
            found.setdefault(row[0], []).append(row[1])
    return found


def wdc_operation(facet: str, category: str = "") -> str:
    """Tell which operation an attribute of WDC-PAVE takes (rules/rules.toml). RETURNS (str): Its name, or none."""
    for operation, facets in load_data()["wdc_pave"].items():
        if facet in facets and category in (facets[facet] or [category]):
            return operation
    return "none"


def align(rows: Iterable[ValueRow]) -> List[Pair]:
    """Make pairs of rows.

    One raw value means all that is wanted; several that share one wanted value each mean it; as many raw as wanted
    values go by their order. Any other row is left out: which of its values mean the same can't be told.

    rows (Iterable[ValueRow]): The rows.
    RETURNS (List[Pair]): The pairs, one for each raw value of a row that could be aligned.
    """
    return [
        Pair(row.facet, raw, wanted, row.category, row.title)
        for row in rows
        for raw, wanted in _align(row.raw, row.wanted)
    ]


def _align(raw: Tuple[str, ...], wanted: Tuple[str, ...]) -> List[Tuple[str, Tuple[str, ...]]]:
    if len(raw) == 1 and wanted:
        return [(raw[0], wanted)]
    if len(wanted) == 1:
        return [(value, wanted) for value in raw]
    if len(raw) == len(wanted):
        return [(one, (other,)) for one, other in zip(raw, wanted)]
    return []
