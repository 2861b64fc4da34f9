"""Build the alias index of files: values of one name become one, and where none is named an index is opened."""
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from ..encoders.name_encoder import SHIPPED, NameEncoder
from ..errors import ListingError
from ..io import raise_error
from ..taxonomy.shopify import SHOPIFY, shopify_files
from ..text.folding import lookup_key
from .index import AliasIndex
from .log import open_index
from .sources import Entry, iter_entries, kind_of
from .table import LINE, AliasTable, Value, read_aliases
from .usage import Attribute, Category, Usage


def create_alias_index(
    path: Union[str, Path, None] = None, merge: bool = True, names: Optional[str] = SHIPPED, optional: bool = False
) -> Optional[AliasIndex]:
    """Make the reader `spacy-product-tags.alias_index.v1`, for ``[initialize.components.…]``.

    path (Union[str, Path, None]): A folder that `product-tags aliases build` wrote, or files of values with commas
        between them, as `iter_entries` reads them; "shopify" = Shopify's values, categories and attributes, which ship
        with the package.
    merge (bool): Whether values of one facet and name become one, see `merge_names`; of files only.
    names (Optional[str]): Folder of the name encoder, with which names in other languages are found; None = they are
        not. Of files only.
    optional (bool): Whether no path means no table.
    RETURNS (Optional[AliasIndex]): The index.
    RAISES (ValueError): Where no path is given though one is needed, or there is no such file or folder.
    """
    if not path and optional:
        return None
    if not path:
        raise ValueError("the alias table has no path; set it, such as --paths.aliases aliases")
    if Path(path).is_dir():
        return open_index(path)
    paths = [str(path)] if Path(path).is_file() else [part.strip() for part in str(path).split(",")]
    return build_index(paths, merge=merge, names=names)


def create_read_aliases(path: Union[str, Path, None] = None) -> AliasIndex:
    """Make the reader `spacy-product-tags.read_aliases.v1`, for ``[initialize.components.product_tag_generator]``: of
    listings whose tags are the known values, too.

    path (Union[str, Path, None]): The values, see `read_aliases`.
    RETURNS (AliasIndex): The values.
    RAISES (ValueError): Where no path is given, or no such file is there.
    """
    if not path:
        raise ValueError("the alias table has no path; set it, such as --paths.values values.jsonl")
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; it should hold the known values, on each line one such as {LINE}")
    return AliasIndex.build(read_aliases(path))


def build_index(
    paths: Sequence[Union[str, Path]],
    *,
    merge: bool = True,
    names: Optional[str] = None,
    on_error: Callable[[ListingError], None] = raise_error,
) -> AliasIndex:
    """Build an index of files of values; with a taxonomy's categories and attributes it also knows where they are used.

    paths (Sequence[Union[str, Path]]): The files, as `iter_entries` reads them, in any order; "shopify" = Shopify's.
    merge (bool): Whether values of one facet and name become one, see `merge_names`.
    names (Optional[str]): Folder of the name encoder for `AliasIndex.near`; None = no such look-up.
    on_error (Callable[[ListingError], None]): Called with each bad row's error; where it returns, reading goes on.
    RETURNS (AliasIndex): The index.
    RAISES (ValueError): Where there is no such file; ListingError on a bad row, unless `on_error` returns.
    """
    paths = [file for path in paths for file in (shopify_files().values() if str(path) == SHOPIFY else [path])]
    for path in paths:
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such file; it should hold values, as a taxonomy or a table of your own does")
    entries: List[Entry] = [entry for path in paths for entry in iter_entries(path, on_error=on_error)]
    values: Iterable[Value] = AliasTable(entry for entry in entries if isinstance(entry, Value))
    categories = [entry for entry in entries if isinstance(entry, Category)]
    attributes = [entry for entry in entries if isinstance(entry, Attribute)]
    moved: Dict[str, str] = {}
    if merge:
        values, moved = merge_names(values)
    usage = Usage.build(categories, attributes, on_error=on_error) if categories else None
    encoder = None if names is None else NameEncoder.from_disk(names)
    return AliasIndex.build(values, moved=moved, usage=usage, names=encoder)


def merge_names(values: Iterable[Value]) -> Tuple[List[Value], Dict[str, str]]:
    """Make one value of those of one facet that share a name in English, or in the first language that they have.

    Taxonomies give each attribute its own aluminum: the frame's, the blade's. For a tag it is one material. Where a
    facet's attributes are unlike things, as with sizes, only those of one kind are one (`sources.kind_of`).

    values (Iterable[Value]): The values.
    RETURNS (Tuple[List[Value], Dict[str, str]]): The values, and for each id that is no more the one it became: the
        first of the group, in order.
    """
    groups: Dict[Tuple[str, str, str, str], List[Value]] = {}
    for number, value in enumerate(values):
        groups.setdefault(_name(value, number), []).append(value)
    table, moved = AliasTable(), {}
    for group in groups.values():
        _, group_id = min((_kind(value)[0], value.id) for value in group)
        for value in group:
            table.add(replace(value, id=group_id))
        moved.update({value.id: group_id for value in group if value.id != group_id})
    return list(table), moved


def _name(value: Value, number: int) -> Tuple[str, str, str, str]:
    locale = "en" if "en" in value.labels else min(value.labels, default="")
    # A value without a label is like no other.
    name = lookup_key(value.labels[locale]) if locale else f"\0{number}"
    return value.facet, _kind(value)[1], locale, name


def _kind(value: Value) -> Tuple[int, str]:
    name = value.labels.get("en") or next(iter(value.surfaces), "")
    return kind_of(value.facet, value.attributes, name)


def iter_conflicts(index: AliasIndex) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    """Find the names that still mean several values of one facet. YIELDS (Tuple[str, Tuple[str, ...]]): Name, ids."""
    seen = set()
    for value in index:
        for text in value.surfaces:
            named = (value.facet, lookup_key(text))
            if named not in seen:
                seen.add(named)
                ids = tuple(c.id for c in index.exact(text, value.facet) if c.facet == value.facet)
                if len(ids) > 1:
                    yield text, ids
