"""The taxonomy: a tree of product categories, each with its names in any number of languages."""
import json
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..io import OnError, open_text, parse_rows, raise_error
from ..listing import SEPARATOR
from ..text.folding import lookup_key
from .rows import Numbered, Row, check_rows
from .shopify import SHOPIFY, shopify_files


class Taxonomy:
    """Categories in a tree; it never changes. A category's row is its number: rows are sorted by id.

    rows (Iterable[Mapping[str, Any]]): One a category, in any order: ``id``, ``parent`` (an id; null at the top) and
        ``labels`` by locale; further fields are passed over.
    name (str): What to call the source in errors.
    on_error (Callable[[ListingError], None]): Called with the error of each row that has no place in a tree; where it
        returns, the taxonomy is made without that row.
    RAISES (ListingError): On a wrong field, a doubled id, a missing parent or a circle, with the row's number as line,
        unless `on_error` returns.

    ids (Tuple[str, ...]): The ids by row.
    parents (np.ndarray): The parents' rows, int32 (N,); -1 at the top.
    depths (np.ndarray): How many ancestors each has, int32 (N,); 0 at the top.
    terminal (np.ndarray): Which have no children, bool (N,).
    """

    def __init__(
        self, rows: Iterable[Mapping[str, Any]], *, name: str = "taxonomy", on_error: OnError = raise_error
    ) -> None:
        self._set(check_rows(enumerate(rows, 1), name, on_error))

    @classmethod
    def from_paths(cls, paths: Iterable[Sequence[str]], lang: str = "") -> "Taxonomy":
        """Make a taxonomy of category paths, such as listings have.

        paths (Iterable[Sequence[str]]): Labels from the top; each beginning of a path is a category too, whose id is
            its labels joined by " > ".
        lang (str): The labels' locale; "" = unknown.
        RETURNS (Taxonomy): The taxonomy.
        RAISES (ValueError): Where a label is blank or has " > " in it, or two paths would get one id.
        """
        rows: Dict[str, Row] = {}
        for path in {tuple(path) for path in paths}:
            for label in path:
                if not isinstance(label, str) or not label.strip() or SEPARATOR in label:
                    raise ValueError(f"category {path!r}: {label!r} must be a text with no {SEPARATOR!r} in it")
            for depth, label in enumerate(path):
                id, parent = SEPARATOR.join(path[: depth + 1]), SEPARATOR.join(path[:depth])
                if rows.setdefault(id, (id, parent, {lang: label}))[2][lang] != label:
                    raise ValueError(f"category {path!r}: another path too would be written {id!r}; rename one")
        return cls._of(rows.values())

    @classmethod
    def from_rows(cls, rows: Iterable[Numbered], name: str, on_error: OnError = raise_error) -> "Taxonomy":
        """Make a taxonomy of the lines of a file.

        rows (Iterable[Tuple[int, Mapping[str, Any]]]): Line number and fields of each category.
        name (str): The file.
        on_error (Callable[[ListingError], None]): As above.
        RETURNS (Taxonomy): The taxonomy.
        """
        return cls._of(check_rows(rows, name, on_error))

    @classmethod
    def _of(cls, rows: Iterable[Row]) -> "Taxonomy":
        taxonomy = cls.__new__(cls)
        taxonomy._set(rows)
        return taxonomy

    def _set(self, rows: Iterable[Row]) -> None:
        ordered = sorted(rows, key=_id_of)
        self.ids: Tuple[str, ...] = tuple(id for id, _, _ in ordered)
        self._rows = {id: row for row, id in enumerate(self.ids)}
        self._labels = [labels for _, _, labels in ordered]
        self.parents = np.array([self._rows.get(parent, -1) for _, parent, _ in ordered], dtype=np.int32)
        self.depths = np.zeros(len(ordered), dtype=np.int32)
        above = self.parents
        while (above >= 0).any():
            self.depths += above >= 0
            above = np.where(above >= 0, self.parents[above], -1)
        # By parent, so that children are neighbours.
        self._by_parent = np.argsort(self.parents, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(self.parents[self._by_parent], np.arange(-1, len(ordered) + 1))
        self.terminal = np.diff(self._starts)[1:] == 0
        for array in (self.parents, self.depths, self.terminal):
            array.setflags(write=False)
        self._keys: Dict[int, Dict[str, List[int]]] = {}
        self._shared: Dict[str, FrozenSet[int]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: object) -> bool:
        return id in self._rows

    def __reduce__(self) -> Tuple[Any, ...]:
        return Taxonomy.from_bytes, (self.to_bytes(),)

    def row(self, id: str) -> int:
        """Give a category's row. RETURNS (int): The row. RAISES (KeyError): Where no category has the id."""
        if id not in self._rows:
            raise KeyError(f"no category of the taxonomy has the id {id!r}")
        return self._rows[id]

    def children(self, row: int = -1) -> Tuple[int, ...]:
        """Give the rows right below a category; those at the top for -1. RETURNS (Tuple[int, ...]): Sorted rows."""
        return tuple(self._by_parent[self._starts[row + 1] : self._starts[row + 2]].tolist())

    def ancestors(self, row: int) -> Tuple[int, ...]:
        """Give the rows from the top to the category itself. RETURNS (Tuple[int, ...]): One more than its depth."""
        rows = []
        while row >= 0:
            rows.append(int(row))
            row = self.parents[row]
        return tuple(reversed(rows))

    def names(self, row: int) -> Dict[str, str]:
        """Give a category's labels. RETURNS (Dict[str, str]): Label by locale; "" = unknown locale."""
        return dict(self._labels[row])

    def path(self, row: int, locale: str = "en") -> Tuple[str, ...]:
        """Give a category's labels from the top.

        row (int): The category.
        locale (str): Such as en, zh or zh-CN; what has no label in it shows its English one, else any. So does what
            shares its label with a sibling, or the path would not tell which of the two it means.
        RETURNS (Tuple[str, ...]): A label a level.
        """
        shared = self._shared_labels(locale)
        return tuple(_label(self._labels[above], "en" if above in shared else locale) for above in self.ancestors(row))

    def _shared_labels(self, locale: str) -> FrozenSet[int]:
        """Find the categories that a sibling is called as. RETURNS (FrozenSet[int]): Their rows."""
        if locale not in self._shared:
            places: Dict[Tuple[int, str], List[int]] = {}
            for row, (parent, labels) in enumerate(zip(self.parents.tolist(), self._labels)):
                places.setdefault((parent, lookup_key(_label(labels, locale))), []).append(row)
            self._shared[locale] = frozenset(row for rows in places.values() if len(rows) > 1 for row in rows)
        return self._shared[locale]

    def find(self, path: Sequence[str]) -> Optional[int]:
        """Find a category by its full path, in any language and whatever the writing (`lookup_key`).

        path (Sequence[str]): Labels from the top; the levels may be in different languages.
        RETURNS (Optional[int]): The row; where several fit, the one written just so in one language, else the first.
            None where there is none.
        """
        path = tuple(path)
        found = [-1] if path else []
        for label in path:
            wanted = lookup_key(label)
            found = [child for row in found for child in self._children_by_key(row).get(wanted, ())]
        if len(found) > 1:
            locales = dict.fromkeys(("en", "", *sorted(locale for row in found for locale in self._labels[row])))
            found = [row for locale in locales for row in found if self.path(row, locale) == path] or found
        return found[0] if found else None

    def _children_by_key(self, row: int) -> Dict[str, List[int]]:
        # Made when first asked for: all keys of Shopify's 21 languages would cost more than to open it.
        if row not in self._keys:
            by_key: Dict[str, List[int]] = {}
            for child in self.children(row):
                for name in {lookup_key(label) for label in self._labels[child].values()}:
                    by_key.setdefault(name, []).append(child)
            self._keys[row] = by_key
        return self._keys[row]

    def with_rows(
        self, rows: Iterable[Mapping[str, Any]], *, name: str = "new categories", on_error: OnError = raise_error
    ) -> Tuple["Taxonomy", np.ndarray]:
        """Make a taxonomy with more categories; this one stays as it is.

        rows (Iterable[Mapping[str, Any]]): As for `Taxonomy`; parents may be old or new.
        name (str): What to call the source in errors.
        on_error (Callable[[ListingError], None]): As for `Taxonomy`.
        RETURNS (Tuple[Taxonomy, np.ndarray]): The new one, and the new row of each old one, int32 (N,).
        RAISES (ListingError): As for `Taxonomy`, and where an id is here already.
        """
        old = list(self._iter_rows())
        new = Taxonomy._of([*old, *check_rows(enumerate(rows, 1), name, on_error, self.ids)])
        return new, np.array([new._rows[id] for id in self.ids], dtype=np.int32)

    def _iter_rows(self) -> Iterator[Row]:
        for id, parent, labels in zip(self.ids, self.parents, self._labels):
            yield id, self.ids[parent] if parent >= 0 else "", labels

    def _lines(self) -> Iterator[str]:
        for id, parent, labels in self._iter_rows():
            yield json.dumps({"id": id, "parent": parent or None, "labels": labels}, ensure_ascii=False) + "\n"

    def to_bytes(self) -> bytes:
        """Give the taxonomy as JSONL, what `to_disk` writes. RETURNS (bytes): UTF-8."""
        return "".join(self._lines()).encode("utf8", "backslashreplace")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Taxonomy":
        """Make a taxonomy of what `to_bytes` gave. RETURNS (Taxonomy): The taxonomy. RAISES (ListingError): As it."""
        return cls._parse(data.decode("utf8").split("\n"), "the saved taxonomy", raise_error)

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write the taxonomy as JSONL (gzipped where the name ends in ``.gz``)."""
        with open_text(path, "wt") as file:
            file.writelines(self._lines())

    @classmethod
    def from_disk(cls, path: Union[str, Path], *, on_error: OnError = raise_error) -> "Taxonomy":
        """Read a taxonomy of JSONL: one that `to_disk` wrote, one's own, or Shopify's.

        path (Union[str, Path]): The file, also ``.gz``.
        on_error (Callable[[ListingError], None]): As for `Taxonomy`.
        RETURNS (Taxonomy): The taxonomy.
        RAISES (ListingError): With file, line and field, unless `on_error` returns.
        """
        with open_text(path) as file:
            return cls._parse(file, str(path), on_error)

    @classmethod
    def _parse(cls, lines: Iterable[str], name: str, on_error: OnError) -> "Taxonomy":
        return cls.from_rows(parse_rows(lines, name, dict, on_error), name, on_error)


def create_taxonomy(path: Union[str, Path, None] = None) -> Optional[Taxonomy]:
    """Make the reader `spacy-product-tags.taxonomy.v1`, for ``[initialize.components.product_classifier]``.

    path (Union[str, Path, None]): A file of categories, see `Taxonomy.from_disk`; "shopify" = Shopify's, which ships
        with the package; None = those of the training data.
    RETURNS (Optional[Taxonomy]): The taxonomy.
    RAISES (ListingError): On a bad row.
    """
    if str(path) == SHOPIFY:
        path = shopify_files()["categories"]
    return Taxonomy.from_disk(path) if path else None


def _label(labels: Mapping[str, str], locale: str) -> str:
    for name in (locale, locale.partition("-")[0]):
        if name in labels:
            return labels[name]
    near = sorted(name for name in labels if locale and name.startswith(locale.partition("-")[0] + "-"))
    return labels[near[0]] if near else labels.get("en") or labels[min(labels)]


def _id_of(row: Row) -> str:
    return row[0]
