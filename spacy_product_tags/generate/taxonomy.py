"""Read a product taxonomy in many languages: categories, their attributes, and the values of these."""
import re
from functools import cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Tuple, Union

from ..errors import ListingError
from ..io import bad, open_text, parse_rows, raise_error
from ..taxonomy.tree import Taxonomy
from ..text.tokenizer import HAN
from .words import FACETS, PATTERNS, REPAIRS

Labels = Dict[str, str]  # by language

_OTHER = frozenset(("Other", "None", "Custom", "Universal", "Random", "All ages", "Not applicable"))
_IN_BRACKETS = re.compile(r"\s*[(（]([^)）]*)[)）]")
_ABBREVIATION = re.compile(r"[A-Z0-9/+-]{1,6}")
_SCRIPTS_WITHOUT_BLANKS = f"{HAN}\u3040-\u30ff\uff00-\uffef"
_BLANK = re.compile(rf"(?<=[{_SCRIPTS_WITHOUT_BLANKS}])\s+|\s+(?=[{_SCRIPTS_WITHOUT_BLANKS}])")


class Attribute(NamedTuple):
    """What a product can have.

    labels (Dict[str, str]): Its name by language.
    descriptions (Dict[str, str]): What it means by language.
    facet (str): The facet of its values where these can stand alone, else "".
    values (List[Dict[str, str]]): The names of its values by language.
    """

    labels: Labels
    descriptions: Labels
    facet: str
    values: List[Labels]


class Category(NamedTuple):
    """A kind of product.

    path (Tuple[Dict[str, str], ...]): Its name by language, and before it those of the categories around it.
    attributes (Tuple[str, ...]): Ids of its attributes.
    leaf (bool): Whether no other category is in it.
    """

    path: Tuple[Labels, ...]
    attributes: Tuple[str, ...]
    leaf: bool


class Products(NamedTuple):
    """What products there are: categories by the English name of their department, and attributes by id."""

    departments: Dict[str, List[Category]]
    attributes: Dict[str, Attribute]


def read_taxonomy(
    paths: Iterable[Union[str, Path]], *, on_error: Callable[[ListingError], None] = raise_error
) -> Products:
    """Read the files of a taxonomy, in any order.

    paths (Iterable[Union[str, Path]]): JSONL files (also with .gz). A line with `parent` is a category (id, labels,
        attributes), one with `attribute` a value (id, labels), one with `values` or `values_from` an attribute (id,
        labels, descriptions). Labels are names by language, English among them.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on.
    RETURNS (Products): The products; a category whose parent is bad or missing is left out.
    """
    categories: List[Tuple[int, Mapping[str, Any]]] = []
    attributes: Dict[str, Mapping[str, Any]] = {}
    values: Dict[str, List[Labels]] = {}
    names: Dict[str, None] = {}
    for path in paths:
        with open_text(path) as file:
            for number, row in parse_rows(file, path, _check, on_error):
                if "parent" in row:
                    categories.append((number, row))
                    names[str(path)] = None
                elif "attribute" in row:
                    values.setdefault(row["attribute"], []).append(row["labels"])
                else:
                    attributes[row["id"]] = row
    tree = Taxonomy.from_rows(categories, ", ".join(names), on_error)
    departments: Dict[str, List[Category]] = {}
    # In the order of the files: what is drawn from a seed goes by it.
    for id, row in {row["id"]: row for _, row in categories if row["id"] in tree}.items():
        place = tree.row(id)
        labels = tuple(tree.names(above) for above in tree.ancestors(place))
        category = Category(labels, tuple(row.get("attributes") or ()), bool(tree.terminal[place]))
        departments.setdefault(labels[0]["en"], []).append(category)
    return Products(departments, {name: _attribute(row, values) for name, row in attributes.items()})


def _check(row: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("id", "attribute", "values_from", "parent"):
        if name in row and not isinstance(row[name], str) and not (name == "parent" and row[name] is None):
            raise bad(name, f"must be a string, not {row[name]!r:.80}")
    if "id" not in row:
        raise bad("id", "missing")
    for name in ("labels", "descriptions"):
        if name == "labels" or name in row:
            labels = row.get(name)
            if not isinstance(labels, Mapping) or not all(isinstance(x, str) and x.strip() for x in labels.values()):
                raise bad(name, f'must be names by language such as {{"en": "Shirts"}}, not {labels!r:.80}')
            if "en" not in labels:
                raise bad(f"{name}.en", "missing")
    for name in ("attributes", "values"):
        if not isinstance(row.get(name) or [], list) or not all(isinstance(x, str) for x in row.get(name) or []):
            raise bad(name, f"must be a list of strings, not {row[name]!r:.80}")
    if not {"parent", "attribute", "values", "values_from"}.intersection(row):
        raise bad("line", "neither category (parent), nor value (attribute), nor attribute (values or values_from)")
    return row


def _attribute(row: Mapping[str, Any], values: Mapping[str, List[Labels]]) -> Attribute:
    source = row.get("values_from") or row["id"]
    facet = next((facet for name, facet in FACETS.items() if re.search(name, source)), "")
    kept = [_repair(labels, facet) for labels in values.get(source, ()) if labels["en"] not in _OTHER]
    if facet == "pattern":
        kept = [labels for labels in kept if labels["en"] in PATTERNS]
    return Attribute(row["labels"], row.get("descriptions") or {}, facet, kept)


def _repair(labels: Labels, facet: str) -> Labels:
    better = {lang: table.get(facet, {}).get(labels["en"]) for lang, table in REPAIRS.items()}
    return {**labels, **{lang: label for lang, label in better.items() if label}}


@cache
def clean_label(label: str, lang: str) -> str:
    """Write a label as a title does: abbreviations for what they abbreviate, no brackets, no blanks beside Chinese.

    label (str): The label, such as "聚氯乙烯 (PVC)".
    lang (str): Its language.
    RETURNS (str): What to write: "PVC".
    """
    inside = _IN_BRACKETS.search(label)
    if inside and _ABBREVIATION.fullmatch(inside[1]):
        return inside[1]
    label = _IN_BRACKETS.sub("", label).strip()
    return _BLANK.sub("", label) if lang[:2] in ("zh", "ja") else label
