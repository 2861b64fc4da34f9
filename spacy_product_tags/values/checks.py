"""What an alias index must be like, whoever wrote it: checked when one is opened, so that no look-up fails later."""
import math
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

import numpy as np

from ..encoders.name_encoder import check_weights
from .dense import NAMES as _NAMES

_ENDS, _NUMBERS, _BLOB = ("<i8", 1), ("<i4", 1), ("|u1", 1)
# Type and number of dimensions of each array. The values' must be there; of the others all of a kind or none.
_VALUES = {
    "entry_starts": _ENDS, "entry_rows": _NUMBERS, "entry_texts": _NUMBERS, "facets": _NUMBERS, "freqs": _ENDS,
    "gram_codes": ("<u8", 1), "gram_starts": _ENDS, "gram_keys": _NUMBERS, "key_grams": _NUMBERS, "key_blocks": _ENDS,
    "key_blob": _BLOB, "key_ends": _ENDS, "text_blob": _BLOB, "text_ends": _ENDS, "id_blob": _BLOB, "id_ends": _ENDS,
    "value_blob": _BLOB, "value_ends": _ENDS,
}  # fmt: skip
_USAGE = {
    "use_parents": _NUMBERS, "use_ends": _NUMBERS, "use_names": ("<u8", 1), "use_rows": _NUMBERS,
    "use_attribute_blob": _BLOB, "use_attribute_ends": _ENDS, "use_starts": _ENDS, "use_categories": _NUMBERS,
}  # fmt: skip
_DENSE = {
    "dense_vectors": ("<f4", 2), "dense_names_table": ("<f2 <f4", 2), "dense_names_hidden": ("<f4", 2),
    "dense_names_hidden_bias": ("<f4", 1), "dense_names_out": ("<f4", 2), "dense_names_skip": ("<f4", 2),
    "dense_names_bias": ("<f4", 1),
}  # fmt: skip
_ARRAYS: Dict[str, Tuple[str, int]] = {**_VALUES, **_USAGE, **_DENSE}
_META = ("kind", "version", "probe", "facets", "moved", "weights")


def check_index(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Check what an index is made of.

    arrays (Mapping[str, np.ndarray]): The arrays.
    meta (Mapping[str, Any]): The meta data.
    RAISES (ValueError): Naming the array or field, and what is wrong with it.
    """
    check_meta(meta)
    for name, array in arrays.items():
        dtype, dimensions = _ARRAYS.get(name, ("", 0))
        if not dtype:
            raise ValueError(f"{name!r:.80}: no array of an alias index is called so")
        if array.dtype.str not in dtype.split() or array.ndim != dimensions:
            held = f"{array.dtype.str} of {array.ndim}"
            raise ValueError(f"{name}: must be {dtype} of {dimensions} dimensions, not {held}")
    for group in (_VALUES, _USAGE, _DENSE):
        missing = [name for name in group if name not in arrays]
        if missing and (group is _VALUES or len(missing) < len(group)):
            raise ValueError(f"holds no {missing[0]!r}")
    _check_values(arrays, len(meta["facets"]))
    if "use_parents" in arrays:
        _check_usage(arrays)
    if "dense_vectors" in arrays:
        _check_dense(arrays)


def check_meta(meta: Mapping[str, Any]) -> None:
    """Check the meta data. RAISES (ValueError): Naming the field."""
    for name in meta:
        if name not in _META:
            raise ValueError(f"{name!r:.80}: not known; the fields are {', '.join(_META)}")
    version, facets, weights = meta.get("version"), meta.get("facets"), meta.get("weights", {})
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise ValueError(f"version: must be a whole number from 0, not {version!r:.80}")
    if not isinstance(facets, list) or not all(isinstance(facet, str) for facet in facets):
        raise ValueError(f"facets: must be a list of strings, not {facets!r:.80}")
    if not isinstance(weights, dict) or not all(_is_number(weight) for weight in weights.values()):
        raise ValueError(f"weights: must be numbers by feature, not {weights!r:.80}")
    check_moved(meta.get("moved"))


def check_moved(moved: Any) -> None:
    """Check what became of ids that are no more. RAISES (ValueError): Where they lead round in a circle."""
    if not isinstance(moved, dict) or not all(isinstance(text, str) for pair in moved.items() for text in pair):
        raise ValueError(f"moved: must be ids by id, not {moved!r:.80}")
    ended: set = set()
    for start in moved:
        way: Dict[str, None] = {}
        now = start
        while now in moved and now not in ended:
            if now in way:
                raise ValueError(f"moved: {now!r:.80} becomes itself: {' → '.join([*way, now])[:200]}")
            way[now] = None
            now = moved[now]
        ended.update(way)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_values(arrays: Mapping[str, np.ndarray], n_facets: int) -> None:
    keys, texts, ids, values = (_check_strings(arrays, name) for name in ("key", "text", "id", "value"))
    entries, postings = len(arrays["entry_rows"]), len(arrays["gram_keys"])
    lengths = {
        "value_ends": ids, "facets": ids, "freqs": ids, "entry_texts": entries, "entry_starts": keys + 1,
        "key_grams": keys, "gram_starts": len(arrays["gram_codes"]) + 1,
    }  # fmt: skip
    _check_lengths(arrays, lengths)
    for name, high in (("entry_rows", ids), ("entry_texts", texts), ("facets", n_facets), ("gram_keys", keys)):
        _check_range(arrays, name, 0, high)
    _check_range(arrays, "freqs", 0, np.iinfo(np.int64).max)
    for name, last in (("entry_starts", entries), ("gram_starts", postings), ("key_blocks", keys)):
        _check_steps(arrays, name, last)
    if len(arrays["key_blocks"]) < 2:
        raise ValueError("key_blocks: must hold a start and an end")
    if np.any(arrays["gram_codes"][1:] <= arrays["gram_codes"][:-1]):
        raise ValueError("gram_codes: is not sorted")
    # Each piece's keys must be in order: they are searched.
    falls = np.flatnonzero(arrays["gram_keys"][1:] <= arrays["gram_keys"][:-1]) + 1
    if len(falls) and not np.isin(falls, arrays["gram_starts"]).all():
        raise ValueError("gram_keys: is not sorted within a piece")


def _check_usage(arrays: Mapping[str, np.ndarray]) -> None:
    rows, names = len(arrays["use_parents"]), len(arrays["use_names"])
    attributes = _check_strings(arrays, "use_attribute")
    _check_lengths(arrays, {"use_ends": rows, "use_rows": names, "use_starts": attributes + 1})
    for name, low in (("use_parents", -1), ("use_rows", 0), ("use_categories", 0)):
        _check_range(arrays, name, low, rows)
    _check_range(arrays, "use_ends", 1, rows + 1)
    _check_steps(arrays, "use_starts", len(arrays["use_categories"]))
    own = np.arange(rows)
    if np.any(arrays["use_parents"] >= own):
        raise ValueError("use_parents: a category stands before the one above it")
    if np.any(arrays["use_ends"] <= own):
        raise ValueError("use_ends: a category ends before it begins")
    if np.any(arrays["use_names"][1:] < arrays["use_names"][:-1]):
        raise ValueError("use_names: is not sorted")


def _check_dense(arrays: Mapping[str, np.ndarray]) -> None:
    weights = {name.removeprefix(_NAMES): array for name, array in arrays.items() if name.startswith(_NAMES)}
    try:
        check_weights(weights)
    except ValueError as err:
        raise ValueError(f"{_NAMES}{err}") from None
    shape = (len(arrays["facets"]), len(weights["bias"]))
    if arrays["dense_vectors"].shape != shape:
        raise ValueError(f"dense_vectors: must be of shape {shape}, not {arrays['dense_vectors'].shape}")
    if not np.isfinite(arrays["dense_vectors"]).all():
        raise ValueError("dense_vectors: holds what is no number")


def _check_strings(arrays: Mapping[str, np.ndarray], name: str) -> int:
    """Check packed strings. RETURNS (int): How many there are. RAISES (ValueError): Where they are no UTF-8."""
    blob, ends = arrays[f"{name}_blob"], arrays[f"{name}_ends"]
    if not len(ends):
        return 0
    _check_steps(arrays, f"{name}_ends", len(blob), first=None)
    try:
        str(blob.data, "utf8", "surrogatepass")
    except UnicodeDecodeError as err:
        raise ValueError(f"{name}_blob: is no UTF-8 ({err})") from None
    starts = ends[:-1][ends[:-1] < len(blob)]
    if np.any((blob[starts] & 0xC0) == 0x80):
        raise ValueError(f"{name}_ends: cuts a character")
    return len(ends)


def _check_lengths(arrays: Mapping[str, np.ndarray], lengths: Mapping[str, int]) -> None:
    for name, length in lengths.items():
        if len(arrays[name]) != length:
            raise ValueError(f"{name}: must hold {length} numbers, not {len(arrays[name])}")


def _check_range(arrays: Mapping[str, np.ndarray], name: str, low: int, high: int) -> None:
    array = arrays[name]
    if len(array) and not (low <= int(array.min()) and int(array.max()) < high):
        raise ValueError(f"{name}: must be from {low} to below {high}, and holds {array.min()} to {array.max()}")


def _check_steps(arrays: Mapping[str, np.ndarray], name: str, last: int, first: Optional[int] = 0) -> None:
    array = arrays[name]
    if not len(array) or int(array[-1]) != last or (first is not None and int(array[0]) != first) or int(array[0]) < 0:
        raise ValueError(f"{name}: must go from {first or 0} to {last}")
    if np.any(array[1:] < array[:-1]):
        raise ValueError(f"{name}: must not fall")


def check_value(data: Any, value_id: str) -> None:
    """Check what a value is stored as. RAISES (ValueError): Naming the field."""
    if not isinstance(data, dict):
        raise ValueError(f"must be an object, not {data!r:.80}")
    for name, value in data.items():
        if name in ("id", "facet"):
            right = isinstance(value, str)
        elif name == "labels":
            right = isinstance(value, dict) and _are_strings(value.values())
        elif name in ("aliases", "attributes"):
            right = isinstance(value, list) and _are_strings(value)
        else:
            right = name == "freq" and type(value) is int
        if not right:
            raise ValueError(f"{name:.80}: not known or of another type: {value!r:.80}")
    if data.get("id") != value_id or "facet" not in data:
        raise ValueError(f"id: must be {value_id!r:.80} and have a facet, not {data.get('id')!r:.80}")


def _are_strings(values: Iterable[Any]) -> bool:
    return all(type(value) is str for value in values)
