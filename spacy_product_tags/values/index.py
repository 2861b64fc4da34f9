"""The alias index: the alias table on disk, opened by memory map, and looked up exactly or nearly.

A look-up gives all that a text may mean. The order of what it gives is settled by facet, frequency and id, never by the
order of loading.
"""
import json
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

import numpy as np

from ..caching import keep
from ..encoders.name_encoder import NameEncoder
from ..text.folding import lookup_key
from .arrays import pack_values
from .checks import check_index, check_moved, check_value
from .dense import PREFIX as DENSE
from .dense import Dense
from .fuzzy import narrow, score
from .packed import Strings, arrays_from_bytes, arrays_to_bytes, open_arrays, save_arrays
from .table import AliasTable, Value
from .usage import PREFIX, Usage

KIND = "spacy-product-tags.alias_index.v2"
MIN_SCORE = 0.6
# What is kept at hand: what texts name, values' categories, and those of attributes, which many values share.
_CACHED_TEXTS, _CACHED_VALUES, _CACHED_ROWS = 20000, 20000, 4000
# Its key is stored with an index: keys made by other rules would silently find nothing.
_PROBE = "Ｔ-Shirt ﾈｲﾋﾞｰ 深藍色（３．５oz×2）三件套 L'Oréal & C++ ½ Straße 90–100 kırmızı"


class Candidate(NamedTuple):
    """What a text may mean.

    id (str): The value's id.
    facet (str): The value's facet.
    score (float): How alike the text and the alias are, from 0 to 1; 1 = the same but for its form (`lookup_key`); of
        "dense", the cosine of their vectors.
    how (str): "exact", "fuzzy" or "dense".
    alias (str): The alias as written in the table.
    freq (int): How often the value was seen.
    """

    id: str
    facet: str
    score: float
    how: str
    alias: str
    freq: int


class AliasIndex:
    """Values by id and by the texts that name them, exactly or nearly.

    arrays (Mapping[str, np.ndarray]): The packed values; `build` and `from_disk` know them.
    meta (Mapping[str, Any]): Facets, version, weights, and what became of ids that are no more.
    path (Optional[Path]): The folder they were opened from.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], path: Optional[Path] = None) -> None:
        self._arrays, self._meta, self._path = arrays, meta, path
        self._facets: List[str] = meta["facets"]
        self._codes = {name: code for code, name in enumerate(self._facets)}
        self._moved: Dict[str, str] = meta["moved"]
        self._keys, self._texts, self._ids, self._values = (
            Strings(arrays[f"{name}_blob"], arrays[f"{name}_ends"]) for name in ("key", "text", "id", "value")
        )
        self._key_blocks = arrays["key_blocks"].tolist()
        self._starts, self._rows, self._spellings, self._facet_of, self._freqs = (
            arrays[name].data for name in ("entry_starts", "entry_rows", "entry_texts", "facets", "freqs")
        )
        self.version: int = meta["version"]
        self.weights: Mapping[str, float] = meta.get("weights", {})
        self.usage = Usage(arrays) if f"{PREFIX}parents" in arrays else None
        self.dense = Dense(arrays) if f"{DENSE}vectors" in arrays else None
        self._only: Dict[Tuple[str, str], str] = {}
        self._used: Dict[str, Tuple[Optional[np.ndarray]]] = {}
        self._rows_of: Dict[Tuple[str, ...], np.ndarray] = {}
        # What `changed` lays over it: values in whole, a small index of them, and the ids not to be found here.
        self._new: Dict[str, Value] = {}
        self._over: Optional[AliasIndex] = None
        self._hidden: frozenset = frozenset()

    @classmethod
    def build(
        cls,
        values: Iterable[Value],
        *,
        moved: Mapping[str, str] = {},
        version: int = 0,
        usage: Optional[Usage] = None,
        weights: Mapping[str, float] = {},
        names: Optional[NameEncoder] = None,
    ) -> "AliasIndex":
        """Build an index in memory; `to_disk` saves it.

        values (Iterable[Value]): The values, in any order; those of one id become one, as in `AliasTable`.
        moved (Mapping[str, str]): Ids that are no more, and what each became; "" = nothing.
        version (int): The last change in it.
        usage (Optional[Usage]): Which categories use the values' attributes; None = not known.
        weights (Mapping[str, float]): Weights of "none of these" that were fitted on it; empty = none were.
        names (Optional[NameEncoder]): Encoder of names, for `near`; it is kept with the index. None = no such look-up.
        RETURNS (AliasIndex): The index.
        RAISES (ValueError): Where an id has two facets, or ids that moved lead round in a circle.
        """
        check_moved(dict(moved))
        table = list(values if isinstance(values, AliasTable) else AliasTable(values))
        facets = sorted({value.facet for value in table})
        arrays = {**pack_values(table, facets), **(usage.arrays if usage else {})}
        if names is not None:
            arrays.update(Dense.build(table, names).arrays)
        meta: Dict[str, Any] = {"kind": KIND, "version": version, "probe": lookup_key(_PROBE), "facets": facets}
        if weights:
            meta["weights"] = dict(weights)
        return cls(arrays, {**meta, "moved": dict(sorted(moved.items()))})

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write the index as a folder, with all changes in it.

        path (Union[str, Path]): The folder; an index that is there is replaced.
        RAISES (ValueError): Where the path holds something else.
        """
        whole = self._whole()
        save_arrays(path, whole._arrays, whole._meta)

    def to_bytes(self) -> bytes:
        """Give the index with all changes in it. RETURNS (bytes): What `to_disk` writes, in one .npz file."""
        whole = self._whole()
        return arrays_to_bytes(whole._arrays, whole._meta)

    @classmethod
    def from_bytes(cls, data: bytes) -> "AliasIndex":
        """Make an index of what `to_bytes` gave, in memory. RETURNS (AliasIndex): The index.

        RAISES (ValueError): Where the bytes are no index, as `from_disk`.
        """
        return cls._checked("the saved alias index", *arrays_from_bytes(data, KIND))

    def _whole(self) -> "AliasIndex":
        if not self._hidden:
            return self
        return AliasIndex.build(
            self,
            moved=self._moved,
            version=self.version,
            usage=self.usage,
            weights=self.weights,
            names=self._encoder,
        )

    @property
    def _encoder(self) -> Optional[NameEncoder]:
        return self.dense.encoder if self.dense else None

    @classmethod
    def from_disk(cls, path: Union[str, Path]) -> "AliasIndex":
        """Open an index by memory map. Checksums are compared and all but the values checked, so no look-up fails.

        path (Union[str, Path]): The folder that `to_disk` wrote.
        RETURNS (AliasIndex): The index.
        RAISES (ValueError): Where it is no index, is damaged, or was built by another version's rules.
        """
        return cls._checked(path, *open_arrays(path, KIND), Path(path).absolute())

    @classmethod
    def _checked(
        cls,
        path: Union[str, Path],
        arrays: Mapping[str, np.ndarray],
        meta: Mapping[str, Any],
        home: Optional[Path] = None,
    ) -> "AliasIndex":
        try:
            check_index(arrays, meta)
        except ValueError as err:
            raise ValueError(f"{path}: {err}; build the index again") from None
        if meta.get("probe") != lookup_key(_PROBE):
            raise ValueError(f"{path}: was built with other rules of what is the same text; build the index again")
        return cls(arrays, meta, home)

    def exact(self, text: str, facet: str = "") -> Tuple[Candidate, ...]:
        """Find the values that are called so, whatever the form of the text.

        text (str): The text.
        facet (str): The facet that is meant; its values come first.
        RETURNS (Tuple[Candidate, ...]): One for each value, by facet, then frequency (most frequent first), then id.
        """
        found = self._exact(text)
        if len(found) > 1:
            found.sort(key=partial(_rank, facet))
        return tuple(found)

    def only(self, text: str, facet: str = "") -> str:
        """Say which value a text names, where it may name no other.

        text (str): The text.
        facet (str): The facet that is meant: other values don't count; "" = any may be.
        RETURNS (str): The value's id; "" = there is none, or more than one.
        """
        known = self._only.get((text, facet))
        if known is None:
            found = [candidate.id for candidate in self._exact(text) if not facet or candidate.facet == facet]
            known = keep(self._only, (text, facet), found[0] if len(found) == 1 else "", _CACHED_TEXTS)
        return known

    def _exact(self, text: str) -> List[Candidate]:
        number = self._find(lookup_key(text))
        entries = [] if number < 0 else range(self._starts[number], self._starts[number + 1])
        found = list(self._candidates([(self._rows[entry], entry) for entry in entries], 1.0, text))
        return found + self._over._exact(text) if self._over else found

    def _find(self, wanted: str) -> int:
        blocks = self._key_blocks
        if len(wanted) + 1 >= len(blocks):
            return -1
        return self._keys.find(wanted, blocks[len(wanted)], blocks[len(wanted) + 1])

    def _candidates(self, entries: Iterable[Tuple[int, int]], likeness: float, text: str) -> Iterator[Candidate]:
        """YIELDS (Candidate): Each value of the rows once, with the alias that is written as the text, or the first."""
        for row, group in groupby(entries, itemgetter(0)):
            value_id = self._ids.decode(row)
            if value_id in self._hidden:
                continue
            spellings = [self._texts.decode(self._spellings[entry]) for _, entry in group]
            alias = text if text in spellings else spellings[0]
            how = "exact" if likeness == 1 else "fuzzy"
            yield Candidate(value_id, self._facets[self._facet_of[row]], likeness, how, alias, self._freqs[row])

    def fuzzy(
        self, text: str, facet: str = "", limit: int = 10, min_score: float = MIN_SCORE
    ) -> Tuple[Candidate, ...]:
        """Find the values that are called nearly so.

        text (str): The text.
        facet (str): The facet that is meant; its values come first.
        limit (int): How many to give at most.
        min_score (float): The least score to give.
        RETURNS (Tuple[Candidate, ...]): One for each value with its best alias, by facet, then score, frequency and id.
        """
        return tuple(sorted(self._fuzzy(text, facet, limit, min_score), key=partial(_rank, facet))[:limit])

    def _fuzzy(self, text: str, facet: str, limit: int, min_score: float) -> List[Candidate]:
        wanted = lookup_key(text)
        numbers = narrow(self._arrays, wanted, min_score).tolist()
        code = self._codes.get(facet, -1)
        # In the order of `_rank`, as ids are sorted, so that only those that are given are decoded.
        entries = sorted(
            (self._facet_of[row] != code, -likeness, -self._freqs[row], row, entry)
            for likeness, place in score(wanted, [self._keys.decode(number) for number in numbers], min_score)
            for entry in range(self._starts[numbers[place]], self._starts[numbers[place] + 1])
            for row in (self._rows[entry],)
        )
        found: Dict[str, Candidate] = {}
        for (_, likeness, _, row), group in groupby(entries, itemgetter(0, 1, 2, 3)):
            if len(found) >= limit:
                break
            for candidate in self._candidates([(row, entry[-1]) for entry in group], -likeness, text):
                # Another alias of a value is less like the text.
                found.setdefault(candidate.id, candidate)
        return [*found.values(), *(self._over._fuzzy(text, facet, limit, min_score) if self._over else ())]

    def near(self, text: str, facet: str = "", limit: int = 5) -> Tuple[Candidate, ...]:
        """Find the values whose names mean nearly so, by their vectors: also in languages that the table lacks.

        text (str): The text.
        facet (str): The facet that is meant: only its values are looked at; "" = unknown.
        limit (int): How many to give at most.
        RETURNS (Tuple[Candidate, ...]): The nearest first, with the cosine as score; none where the index was built
            without an encoder.
        """
        return tuple(sorted(self._near(text, facet, limit), key=partial(_rank, facet))[:limit])

    def _near(self, text: str, facet: str, limit: int) -> List[Candidate]:
        if self.dense is None:
            return []
        code = self._codes.get(facet)
        found = []
        if code is not None or not facet:
            # Those that were changed or retired since may be among them.
            for row, cosine in self.dense.search(text, self._arrays["facets"], code, limit + len(self._hidden)):
                value_id = self._ids.decode(row)
                if value_id not in self._hidden:
                    value = self._read(row)
                    name = value.labels.get("en") or value.surfaces[0]
                    found.append(Candidate(value_id, value.facet, cosine, "dense", name, value.freq))
                    if len(found) == limit:
                        break
        return found + (self._over._near(text, facet, limit) if self._over else [])

    @property
    def facets(self) -> List[str]:
        """RETURNS (List[str]): The facets, sorted."""
        return sorted({*self._facets, *(value.facet for value in self._new.values())})

    def resolve(self, value_id: str) -> str:
        """Say what an id has become. RETURNS (str): The id, that of what took its place, or "" = it was retired."""
        while value_id in self._moved:
            value_id = self._moved[value_id]
        return value_id

    def categories_of(self, value_id: str) -> Optional[np.ndarray]:
        """Say where a value is used.

        value_id (str): Its id.
        RETURNS (Optional[np.ndarray]): Rows of the categories in `usage`; None = nobody says.
        """
        known = self._used.get(value_id)
        if known is None:
            rows = self._categories(self.usage, self[value_id].attributes) if self.usage else None
            known = keep(self._used, value_id, (rows if rows is not None and len(rows) else None,), _CACHED_VALUES)
        return known[0]

    def _categories(self, usage: Usage, attributes: Tuple[str, ...]) -> np.ndarray:
        rows = self._rows_of.get(attributes)
        if rows is None:
            rows = keep(self._rows_of, attributes, usage.categories_of(attributes), _CACHED_ROWS)
        return rows

    def __getitem__(self, value_id: str) -> Value:
        now = self.resolve(value_id)
        if now in self._new:
            return self._new[now]
        row = self._ids.find(now) if now else -1
        if row < 0:
            raise KeyError(f"{value_id!r}: " + ("was retired" if value_id in self._moved else "no value has this id"))
        return self._read(row)

    def _read(self, row: int) -> Value:
        try:
            data = json.loads(self._values.decode(row))
            check_value(data, self._ids.decode(row))
        except (ValueError, RecursionError) as err:
            raise ValueError(f"{self._path or 'the alias index'}: value {row}: {err}; build the index again") from None
        return Value(**{**data, **{name: tuple(data.get(name, ())) for name in ("aliases", "attributes")}})

    def __contains__(self, value_id: object) -> bool:
        if not isinstance(value_id, str) or not (now := self.resolve(value_id)):
            return False
        return now in self._new or self._ids.find(now) >= 0

    def __iter__(self) -> Iterator[Value]:
        """YIELDS (Value): The values, those that were changed last."""
        for row in range(len(self._ids)):
            if not self._hidden or self._ids.decode(row) not in self._hidden:
                yield self._read(row)
        yield from self._new.values()

    def __len__(self) -> int:
        hidden = sum(self._ids.find(value_id) >= 0 for value_id in self._hidden)
        return len(self._ids) - hidden + len(self._new)

    def changed(
        self,
        values: Mapping[str, Value],
        moved: Mapping[str, str],
        version: int,
        *,
        weights: Optional[Mapping[str, float]] = None,
    ) -> "AliasIndex":
        """Give the same index with changes laid over it; `values.log.apply_changes` calls this.

        values (Mapping[str, Value]): Values by id that are new, or take the place of the one with that id.
        moved (Mapping[str, str]): Ids that are no more, and what each became; "" = nothing.
        version (int): The last change in it.
        weights (Optional[Mapping[str, float]]): New weights of "none of these"; None = those that it has.
        RETURNS (AliasIndex): An index that shares this one's arrays; this one stays as it is.
        """
        meta = {**self._meta, "moved": {**self._moved, **moved}, "version": version}
        if weights is not None:
            meta["weights"] = dict(weights)
        index = AliasIndex(self._arrays, meta, self._path)
        index._new = {name: value for name, value in {**self._new, **values}.items() if name not in index._moved}
        index._over = AliasIndex.build(index._new.values(), names=index._encoder) if index._new else None
        index._hidden = frozenset((*index._new, *index._moved))
        return index

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._path:
            base: Tuple[Any, ...] = (AliasIndex.from_disk, self._path)
        else:
            base = (AliasIndex, dict(self._arrays), self._meta)
        return _restore, (base, self._new, self._moved, self.version, self.weights, bool(self._hidden))


def _restore(
    base: Tuple[Any, ...],
    values: Mapping[str, Value],
    moved: Mapping[str, str],
    version: int,
    weights: Mapping[str, float],
    hides: bool,
) -> AliasIndex:
    index = base[0](*base[1:])
    # A folder may have been changed since; what was pickled holds.
    changed = hides or version != index.version
    return index.changed(values, moved, version, weights=weights) if changed else index


def _rank(facet: str, candidate: Candidate) -> Tuple[bool, float, int, str]:
    return candidate.facet != facet, -candidate.score, -candidate.freq, candidate.id

