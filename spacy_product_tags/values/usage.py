"""Where values are used: the categories of a taxonomy list attributes, and attributes have values.

What a name of several values means is seen from the listing: from its category, and from what else is said of it.
"""
from hashlib import blake2b
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple, Union

import numpy as np

from ..errors import ListingError
from ..io import raise_error
from ..listing import SEPARATOR
from ..taxonomy.tree import Taxonomy
from ..text.folding import lookup_key
from .packed import Strings, encode, pack

PREFIX = "use_"
# What a step up to the category above costs.
_STEP_UP = 0.1
# How likely a listing says what its category doesn't list: taxonomies are not complete.
_STRANGE = 0.05


class Category(NamedTuple):
    """A category of a taxonomy.

    id (str): Its id.
    parent (str): The id of the category above; "" = none.
    attributes (Tuple[str, ...]): Ids of the attributes that its products have.
    labels (Mapping[str, str]): Its name by locale.
    """

    id: str
    parent: str
    attributes: Tuple[str, ...]
    labels: Mapping[str, str]


class Attribute(NamedTuple):
    """An attribute that has the values of another one.

    id (str): Its id.
    values_from (str): The other one's; "" = it has values of its own.
    """

    id: str
    values_from: str


class Usage:
    """Which categories use which attributes, in arrays that an alias index keeps with its own.

    Rows are categories, each followed by those below it.

    arrays (Mapping[str, np.ndarray]): What `build` made; others among them are left alone.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = {name: array for name, array in arrays.items() if name.startswith(PREFIX)}
        self._parents, self._ends = arrays["use_parents"], arrays["use_ends"]
        self._names, self._rows = arrays["use_names"], arrays["use_rows"]
        self._starts, self._categories = arrays["use_starts"].tolist(), arrays["use_categories"]
        names = Strings(arrays["use_attribute_blob"], arrays["use_attribute_ends"])
        self._codes = {names.decode(code): code for code in range(len(names))}

    def __len__(self) -> int:
        return len(self._parents)

    @classmethod
    def build(
        cls,
        categories: Iterable[Category],
        attributes: Iterable[Attribute] = (),
        *,
        on_error: Callable[[ListingError], None] = raise_error,
    ) -> "Usage":
        """Build it of a taxonomy, whose order doesn't matter.

        categories (Iterable[Category]): All categories.
        attributes (Iterable[Attribute]): Which attributes have the values of which; the others have their own.
        on_error (Callable[[ListingError], None]): Called where a category is there twice, or its parent is missing or
            below it, with its number as the line; where it returns, the category is left out.
        RETURNS (Usage): The usage.
        RAISES (ListingError): At the first such category, unless `on_error` returns.
        """
        source = {attribute.id: attribute.values_from for attribute in attributes if attribute.values_from}
        ordered, parents, ends = _sort(categories, on_error)
        used: Dict[str, List[int]] = {}
        for row, category in enumerate(ordered):
            for name in {source.get(name, name) for name in category.attributes}:
                used.setdefault(name, []).append(row)
        codes = sorted(used)
        blob, blob_ends = pack(codes)
        lists = [used[name] for name in codes]
        names = _name(ordered, parents)
        return cls(
            {
                "use_parents": np.array(parents, dtype=np.int32),
                "use_ends": np.array(ends, dtype=np.int32),
                "use_names": np.array(sorted(names), dtype=np.uint64),
                "use_rows": np.array([names[name] for name in sorted(names)], dtype=np.int32),
                "use_attribute_blob": blob,
                "use_attribute_ends": blob_ends,
                "use_starts": np.cumsum([0, *map(len, lists)], dtype=np.int64),
                "use_categories": np.array([row for rows in lists for row in rows], dtype=np.int32),
            }
        )

    def locate(self, category: Union[int, str, Sequence[str]]) -> int:
        """Find a category.

        category (Union[int, str, Sequence[str]]): Its row, its id, or its path in any language: as a sequence, or
            with " > ".
        RETURNS (int): Its row, or that of the nearest category above it that is known; -1 = not known.
        """
        if isinstance(category, int):
            return category
        if isinstance(category, str):
            row = self._find(_hash_id(category))
            if row >= 0:
                return row
            category = category.split(SEPARATOR)
        # The hash of a path is made of that of the path above.
        row = above = -1
        for label in category:
            if not (label := lookup_key(label)):
                break
            above = _hash_path(above, label)
            found = self._find(above)
            if found < 0:
                break
            row = found
        return row

    def _find(self, name: int) -> int:
        place = int(np.searchsorted(self._names, np.uint64(name)))
        return int(self._rows[place]) if place < len(self._names) and int(self._names[place]) == name else -1

    def categories_of(self, attributes: Iterable[str]) -> np.ndarray:
        """Give the categories where a value is used.

        attributes (Iterable[str]): The attributes that it belongs to.
        RETURNS (np.ndarray): Rows, in order; none where no category lists any.
        """
        used = np.zeros(len(self), dtype=bool)
        for name in attributes:
            code = self._codes.get(name)
            if code is not None:
                used[self._categories[self._starts[code] : self._starts[code + 1]]] = True
        return np.flatnonzero(used)

    def lists(self, row: int, rows: np.ndarray) -> bool:
        """Say whether a category, or one below it, is among others. RETURNS (bool): Whether it is."""
        place = int(np.searchsorted(rows, row))
        return place < len(rows) and int(rows[place]) < int(self._ends[row])

    def attributes_of(self, row: int) -> List[str]:
        """Give what a category lists. RETURNS (List[str]): Attributes with values of their own, sorted."""
        places = np.flatnonzero(self._categories == row)
        codes = set((np.searchsorted(self._starts, places, side="right") - 1).tolist())
        return [name for name, code in self._codes.items() if code in codes]

    def weigh(self, category: int = -1, context: Iterable[np.ndarray] = ()) -> np.ndarray:
        """Say how likely a listing belongs to each category.

        category (int): The row of the category that it is said to be in; -1 = not known.
        context (Iterable[np.ndarray]): For each thing that is said of it, the categories where that is said.
        RETURNS (np.ndarray): Probabilities by row.
        """
        weights = np.full(len(self), 1 / max(1, len(self)))
        path = []
        while category >= 0:
            path.append(category)
            category = int(self._parents[category])
        for row in reversed(path):
            # Most of what is known of a category holds below it too, and something of it beside it.
            weights *= _STEP_UP
            weights[row : self._ends[row]] += (1 - _STEP_UP) / (self._ends[row] - row)
        if path:
            weights *= _STEP_UP
            weights[path[0]] += 1 - _STEP_UP
        for rows in context:
            likely = weights[rows]
            weights *= _STRANGE
            weights[rows] = likely
            weights /= weights.sum()
        return weights


def _sort(
    categories: Iterable[Category], on_error: Callable[[ListingError], None]
) -> Tuple[List[Category], List[int], List[int]]:
    """Put each category before those below it. RETURNS (Tuple): Categories, rows of parents, ends of what is below."""
    known: Dict[str, Category] = {}
    rows: List[Tuple[int, Dict[str, Any]]] = []
    for number, category in enumerate(categories, 1):
        known.setdefault(category.id, category)
        labels = dict(category.labels) or {"": category.id}
        rows.append((number, {"id": category.id, "parent": category.parent or None, "labels": labels}))
    tree = Taxonomy.from_rows(rows, "categories", on_error)
    ordered: List[Category] = []
    parents: List[int] = []
    waiting = [(row, -1) for row in reversed(tree.children())]
    while waiting:
        row, parent = waiting.pop()
        waiting += [(child, len(ordered)) for child in reversed(tree.children(row))]
        ordered.append(known[tree.ids[row]])
        parents.append(parent)
    ends = list(range(1, len(ordered) + 1))
    for row in range(len(ordered) - 1, -1, -1):
        if parents[row] >= 0:
            ends[parents[row]] = max(ends[parents[row]], ends[row])
    return ordered, parents, ends


def _name(ordered: Sequence[Category], parents: Sequence[int]) -> Dict[int, int]:
    """Name each category by its id and by its path in each language. RETURNS (Dict[int, int]): Row by hash."""
    locales = sorted({locale for category in ordered for locale in category.labels})
    keys = {label: lookup_key(label) for category in ordered for label in category.labels.values()}
    names: Dict[int, int] = {}
    for locale in locales:
        paths: List[int] = []
        for row, category in enumerate(ordered):
            labels = category.labels
            label = labels.get(locale) or labels.get("en") or min(labels.values(), default=category.id)
            above = paths[parents[row]] if parents[row] >= 0 else -1
            paths.append(_hash_path(above, keys.get(label) or label))
            # Of two of one name, the first.
            names.setdefault(paths[-1], row)
    return {**names, **{_hash_id(category.id): row for row, category in enumerate(ordered)}}


def _hash_id(text: str) -> int:
    return _hash(b"id " + encode(text))


def _hash_path(above: int, label: str) -> int:
    return _hash(b"%d > %s" % (above, encode(label)))


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
