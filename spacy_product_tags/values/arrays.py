"""Pack the values of an alias index into arrays."""
import json
from typing import Dict, Sequence, Tuple

import numpy as np

from ..text.folding import lookup_key
from .fuzzy import build_postings
from .packed import pack
from .table import Value


def pack_values(table: Sequence[Value], facets: Sequence[str]) -> Dict[str, np.ndarray]:
    """Pack values for `AliasIndex`, and the texts that name them, by key.

    table (Sequence[Value]): The values, sorted by id.
    facets (Sequence[str]): Their facets.
    RETURNS (Dict[str, np.ndarray]): Arrays by name.
    """
    codes = {name: code for code, name in enumerate(facets)}
    key_of = {text: lookup_key(text) for value in table for text in value.surfaces}
    texts = {text: number for number, text in enumerate(sorted(key_of))}
    # By length, as near ones are sought among those of like length. A text of invisible characters has none.
    ordered = sorted(filter(None, set(key_of.values())), key=_length_and_text)
    keys = {text: number for number, text in enumerate(ordered)}
    entries = sorted(
        (keys[key_of[text]], -value.freq, row, texts[text])
        for row, value in enumerate(table)
        for text in value.surfaces
        if key_of[text]
    )
    columns = np.array(entries, dtype=np.int64).reshape(-1, 4)
    arrays: Dict[str, np.ndarray] = {
        "entry_starts": np.searchsorted(columns[:, 0], np.arange(len(keys) + 1)).astype(np.int64),
        "entry_rows": columns[:, 2].astype(np.int32),
        "entry_texts": columns[:, 3].astype(np.int32),
        "facets": np.array([codes[value.facet] for value in table], dtype=np.int32),
        "freqs": np.array([value.freq for value in table], dtype=np.int64),
        **build_postings(ordered),
    }
    ids = [value.id for value in table]
    contents = [json.dumps(value.to_dict(), ensure_ascii=False) for value in table]
    for name, strings in (("key", ordered), ("text", texts), ("id", ids), ("value", contents)):
        arrays[f"{name}_blob"], arrays[f"{name}_ends"] = pack(strings)
    return arrays


def _length_and_text(text: str) -> Tuple[int, str]:
    return len(text), text
