"""The log of changes to an alias index: who changed what, when and why. They are laid over the index as it is."""
import json
import math
import os
from dataclasses import dataclass, replace
from datetime import date as Date
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Union

from ..errors import ListingError
from ..io import bad, iter_jsonl, pass_over, raise_error
from ..locks import PATIENCE, exclusive
from .index import AliasIndex
from .linking import FEATURES
from .table import AliasTable, Value

# What each change needs beside version, date, by and why.
_NEEDED = {
    "add": ("value",),
    "alias": ("id", "alias"),
    "merge": ("id", "into"),
    "retire": ("id",),
    "weigh": ("weights",),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the alias index.

    version (int): Its number; each is greater than the one before.
    date (str): The day, such as 2026-11-23.
    by (str): Who changed it.
    why (str): The reason.
    change (str): "add" a value (or names to the value of that id), give a value an "alias", "merge" a value into
        another, which gets its names, or "retire" it; "weigh" the features that decide on "none of these".
    id (str): The value that is changed; "" for "add" and "weigh".
    value (Optional[Value]): What to add.
    alias (str): The new alias.
    into (str): The id that it is merged into; for "retire" what takes its place, "" = nothing.
    weights (Optional[Mapping[str, float]]): By feature, as `linking.fit_weights` gives them.
    """

    version: int
    date: str
    by: str
    why: str
    change: str
    id: str = ""
    value: Optional[Value] = None
    alias: str = ""
    into: str = ""
    weights: Optional[Mapping[str, float]] = None

    def to_dict(self) -> Dict[str, Any]:
        """Give the change as JSON types without empty fields. RETURNS (Dict[str, Any]): One line of JSONL."""
        data = {name: getattr(self, name) for name in self.__slots__}
        if self.value:
            data["value"] = self.value.to_dict()
        return {name: value for name, value in data.items() if value or name in ("by", "why")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Change":
        """Make a checked change of parsed JSON.

        data (Mapping[str, Any]): What a line of the log holds.
        RETURNS (Change): The change.
        RAISES (ListingError): Naming the field (path and line are filled in by who knows them).
        """
        for name in data:
            if name not in cls.__slots__:
                raise bad(name, f"not a field of a change; the fields are {', '.join(cls.__slots__)}")
        version = data.get("version")
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise bad("version", f"must be a whole number from 1, not {version!r}")
        for name in ("date", "by", "why", "change", "id", "alias", "into"):
            if not isinstance(data.get(name, ""), str):
                raise bad(name, f"must be a string, not {data[name]!r:.80}")
        try:
            Date.fromisoformat(data.get("date", ""))
        except ValueError:
            raise bad("date", f"must be a day such as 2026-11-23, not {data.get('date')!r}") from None
        needed = _NEEDED.get(data.get("change", ""))
        if needed is None:
            raise bad("change", f"must be one of {', '.join(_NEEDED)}, not {data.get('change')!r}")
        for name in needed:
            if not data.get(name) or (isinstance(data[name], str) and not data[name].strip()):
                raise bad(name, f"missing; {data['change']!r} needs {' and '.join(needed)}")
        value = data.get("value")
        if value is not None:
            if not isinstance(value, Mapping):
                raise bad("value", f"must be a value as a line of the alias table has it, not {value!r:.80}")
            try:
                value = Value.from_dict(value)
            except ListingError as err:
                raise bad(f"value.{err.field}", err.problem) from None
        _check_weights(data.get("weights"))
        return cls(**{"by": "", "why": "", **data, "value": value})


def _check_weights(weights: Any) -> None:
    if weights is None:
        return
    if not isinstance(weights, Mapping) or not all(_is_number(weight) for weight in weights.values()):
        raise bad("weights", f"must be numbers by feature, as 'aliases fit' logs them, not {weights!r:.80}")
    for name in weights:
        if name not in FEATURES:
            raise bad(f"weights.{name}", f"no such feature; the features are {', '.join(FEATURES)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_log(
    path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> Iterator[Change]:
    """Stream the changes of a log.

    path (Union[str, Path]): The JSONL file.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on.
    YIELDS (Change): The changes, in order.
    RAISES (ListingError): With file, line and field, unless `on_error` returns.
    """
    last = 0

    def make(row: Mapping[str, Any]) -> Change:
        nonlocal last
        change = Change.from_dict(row)
        if change.version <= last:
            raise bad("version", f"must be greater than {last}, the one before, not {change.version}")
        last = change.version
        return change

    return iter_jsonl(path, make, on_error)


def append_change(path: Union[str, Path], *, after: int = 0, **fields: Any) -> Change:
    """Add a change to a log; what is in it stays as it is.

    path (Union[str, Path]): The JSONL file, made where there is none.
    after (int): The version that the index has, where the log may be shorter.
    fields (Any): The fields of `Change` without version; the value as a `Value` or its dict.
    RETURNS (Change): The change, with its version.
    RAISES (ListingError): Where a field is wrong; nothing is written then.
    RAISES (BusyError): Where another process adds to it, and goes on doing so.
    """
    with exclusive(path, wait=PATIENCE):
        return _append_change(Path(path), after, fields)


def _append_change(path: Path, after: int, fields: Dict[str, Any]) -> Change:
    # A damaged line is no reason to refuse a change: it counts for nothing.
    versions = [change.version for change in read_log(path, on_error=pass_over)] if path.exists() else []
    if isinstance(fields.get("value"), Value):
        fields["value"] = fields["value"].to_dict()
    try:
        change = Change.from_dict({**fields, "version": max((after, *versions)) + 1})
    except ListingError as err:
        raise ListingError(path, len(versions) + 1, err.field, err.problem) from None
    line = json.dumps(change.to_dict(), ensure_ascii=False) + "\n"
    written = path.read_bytes() if path.exists() else b""
    if written and not written.endswith(b"\n"):
        # A line that was not written to its end must not swallow this one.
        line = "\n" + line
    with path.open("ab") as file:
        file.write(line.encode("utf8", "backslashreplace"))
        file.flush()
        # Who is told that it is logged may count on it.
        os.fsync(file.fileno())
    return change


def log_change(path: Union[str, Path], **fields: Any) -> Change:
    """Log a change of an index, if it can be made; it holds from now on.

    path (Union[str, Path]): The index's folder; changes that others log at the same time are neither lost nor passed
        over.
    fields (Any): The fields of `Change` without version.
    RETURNS (Change): The change, with its version.
    RAISES (ListingError): Where it can't be made; nothing is logged then.
    RAISES (BusyError): Where another process writes the index, and goes on doing so.
    """
    with exclusive(path, wait=PATIENCE):
        index = open_index(path, on_error=pass_over)
        # What can't be done must not get into the log.
        apply_changes(index, [Change.from_dict({**fields, "version": index.version + 1})])
        return append_change(log_of(path), after=index.version, **fields)


def apply_changes(
    index: AliasIndex, changes: Iterable[Change], *, on_error: Callable[[ListingError], None] = raise_error
) -> AliasIndex:
    """Lay changes over an index, all that are newer than it.

    index (AliasIndex): The index; it stays as it is.
    changes (Iterable[Change]): The changes, in order of their versions.
    on_error (Callable[[ListingError], None]): Called where a change can't be made (its line is the version); where it
        returns, the change is left out.
    RETURNS (AliasIndex): The index with the changes.
    RAISES (ListingError): Where a change names an unknown id or gives an id another facet, unless `on_error` returns.
    """
    state = _State(index)
    version = index.version
    for change in changes:
        if change.version <= version:
            continue
        try:
            _APPLY[change.change](state, change)
        except ListingError as err:
            on_error(ListingError("alias log", change.version, err.field, err.problem))
        version = change.version
    return index.changed(state.values, state.moved, version, weights=state.weights)


def log_of(path: Union[str, Path]) -> Path:
    """Say where an index's changes are logged. RETURNS (Path): Beside its folder: aliases.changes.jsonl."""
    return Path(path).with_name(f"{Path(path).name}.changes.jsonl")


def open_index(
    path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> AliasIndex:
    """Open an index with the changes that are logged beside it.

    path (Union[str, Path]): The folder.
    on_error (Callable[[ListingError], None]): Called where a logged change is damaged or can't be made; where it
        returns, the change is left out.
    RETURNS (AliasIndex): The index.
    RAISES (ValueError): As `AliasIndex.from_disk`; ListingError at the first bad change, unless `on_error` returns.
    """
    index, log = AliasIndex.from_disk(path), log_of(path)
    return apply_changes(index, read_log(log, on_error=on_error), on_error=on_error) if log.exists() else index


def compact(index: AliasIndex, path: Union[str, Path]) -> AliasIndex:
    """Fold the changes that lie over an index into it: `changes` up to its version are not needed any more.

    index (AliasIndex): The index with changes.
    path (Union[str, Path]): The folder to write, which may be the one that it was opened from.
    RETURNS (AliasIndex): The index that was written.
    RAISES (ValueError): Where the path holds something else.
    """
    with exclusive(path, wait=PATIENCE):
        index.to_disk(path)
        return AliasIndex.from_disk(path)


class _State:
    """What changes have made so far: the values that they touched, the ids that are no more, new weights."""

    def __init__(self, index: AliasIndex) -> None:
        self.index = index
        self.values: Dict[str, Value] = {}
        self.moved: Dict[str, str] = {}
        self.weights: Optional[Mapping[str, float]] = None

    def resolve(self, value_id: str) -> str:
        now = self.index.resolve(value_id)
        while now in self.moved:
            now = self.moved[now]
        return now

    def get(self, value_id: str, field: str) -> Value:
        """RETURNS (Value): The value that an id has become. RAISES (ListingError): Where there is none."""
        now = self.resolve(value_id)
        if now in self.values:
            return self.values[now]
        if not now or now not in self.index:
            raise bad(field, f"{value_id!r} " + ("is no value of the index; add it first" if now else "was retired"))
        return self.index[now]


def _add(state: _State, change: Change) -> None:
    value = change.value
    if value is None:
        raise bad("value", "missing; 'add' needs value")
    now = state.resolve(value.id)
    if now != value.id:
        raise bad("value.id", f"{value.id!r} " + (f"is {now!r} now" if now else "was retired") + "; give another id")
    known = [state.get(value.id, "value.id")] if now in state.values or now in state.index else []
    state.values[value.id] = _join(*known, value)


def _add_alias(state: _State, change: Change) -> None:
    value = state.get(change.id, "id")
    aliases = {*value.aliases, change.alias} - {*value.labels.values()}
    state.values[value.id] = replace(value, aliases=tuple(sorted(aliases)))


def _merge(state: _State, change: Change) -> None:
    old, value = state.get(change.id, "id"), state.get(change.into, "into")
    if old.id == value.id:
        raise bad("into", f"{change.into!r} and {change.id!r} are one value already")
    labels = dict(sorted({**old.labels, **value.labels}.items()))
    names = {*old.surfaces, *value.surfaces} - {*labels.values()}
    state.values[value.id] = replace(
        value,
        labels=labels,
        aliases=tuple(sorted(names)),
        freq=old.freq + value.freq,
        attributes=tuple(sorted({*old.attributes, *value.attributes})),
    )
    _move(state, old.id, value.id)


def _retire(state: _State, change: Change) -> None:
    old = state.get(change.id, "id")
    into = state.get(change.into, "into").id if change.into else ""
    if into == old.id:
        raise bad("into", f"{change.into!r} and {change.id!r} are one value")
    _move(state, old.id, into)


def _weigh(state: _State, change: Change) -> None:
    if change.weights is None:
        raise bad("weights", "missing; 'weigh' needs weights")
    state.weights = dict(change.weights)


def _move(state: _State, value_id: str, into: str) -> None:
    state.values.pop(value_id, None)
    state.moved[value_id] = into


def _join(*values: Value) -> Value:
    try:
        (value,) = AliasTable(values)
    except ValueError as err:
        raise bad("value.facet", str(err)) from None
    return value


_APPLY: Dict[str, Callable[[_State, Change], None]] = {
    "add": _add,
    "alias": _add_alias,
    "merge": _merge,
    "retire": _retire,
    "weigh": _weigh,
}
