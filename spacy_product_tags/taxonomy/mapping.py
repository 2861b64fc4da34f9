"""Mapping of one taxonomy's categories to another's, such as Shopify's to Google's."""
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union

from ..io import OnError, bad, iter_jsonl, raise_error
from ..listing import SEPARATOR
from ..text.folding import lookup_key

Path_ = Tuple[str, ...]


class CategoryMapping:
    """Which category of another taxonomy a category becomes.

    pairs (Iterable[Tuple[Sequence[str], Sequence[str]]]): Paths from the top, and the other taxonomy's.
    RAISES (ValueError): Where one path, whatever its writing (`lookup_key`), has two others.
    """

    def __init__(self, pairs: Iterable[Tuple[Sequence[str], Sequence[str]]]) -> None:
        self._targets: Dict[Path_, Path_] = {}
        for source, target in pairs:
            self._add(tuple(source), tuple(target))

    def _add(self, source: Path_, target: Path_) -> None:
        known = self._targets.setdefault(_keys(source), target)
        if known != target:
            raise ValueError(f"{SEPARATOR.join(source)!r} is mapped to {SEPARATOR.join(known)!r} already; drop one")

    def __len__(self) -> int:
        return len(self._targets)

    def to(self, path: Sequence[str]) -> Optional[Path_]:
        """Map a category.

        path (Sequence[str]): Labels from the top, in the language of the pairs and in any writing.
        RETURNS (Optional[Tuple[str, ...]]): The other taxonomy's path for it, or for its nearest ancestor that has one;
            None where none has.
        """
        keys = _keys(path)
        found = (self._targets[keys[:depth]] for depth in range(len(keys), 0, -1) if keys[:depth] in self._targets)
        return next(found, None)


def load_mapping(
    path: Union[str, Path], source: str = "shopify", target: str = "google", *, on_error: OnError = raise_error
) -> CategoryMapping:
    """Read a mapping of JSONL, two paths a line: lists of labels, or labels joined by " > ".

    path (Union[str, Path]): The file, also ``.gz``.
    source (str): Field of the path that is mapped.
    target (str): Field of the path that it becomes.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on.
    RETURNS (CategoryMapping): The mapping.
    RAISES (ListingError): With file, line and field, unless `on_error` returns.
    """
    mapping = CategoryMapping(())
    for _ in iter_jsonl(path, partial(_add_row, mapping, source, target), on_error):
        pass
    return mapping


def split_path(text: str) -> Path_:
    """Split a category path that is written as one text.

    text (str): Labels with " > " between them; only what has none of these is split at any ">".
    RETURNS (Tuple[str, ...]): Labels from the top.
    """
    text = text.strip().removesuffix(">")
    labels = _split(text, SEPARATOR)
    return labels if len(labels) > 1 else _split(text, ">")


def _split(text: str, separator: str) -> Path_:
    return tuple(label for part in text.split(separator) if (label := part.strip()))


def _add_row(mapping: CategoryMapping, source: str, target: str, row: Mapping[str, Any]) -> None:
    paths = [_read_path(row, name) for name in (source, target)]
    try:
        mapping._add(*paths)
    except ValueError as err:
        raise bad(source, str(err)) from None


def _read_path(row: Mapping[str, Any], name: str) -> Path_:
    value = row.get(name)
    path = split_path(value) if isinstance(value, str) else value
    if not isinstance(path, (list, tuple)) or not path or not all(isinstance(x, str) and x.strip() for x in path):
        raise bad(name, f'must be a category path such as "Shoes > Boots", or a list of labels, not {value!r}')
    return tuple(path)


def _keys(path: Sequence[str]) -> Path_:
    return tuple(map(lookup_key, path))
