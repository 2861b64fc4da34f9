"""Strings packed into arrays, and a folder of arrays that is opened by memory map."""
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from bisect import bisect_left
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Tuple, Union

import numpy as np

from ..locks import PATIENCE, exclusive
from ..saving import BROKEN, checksum, seal, unseal

META = "meta.json"
_META_ARRAY = "meta"
_FOLDER = "arrays-"
_IS_FOLDER = re.compile(r"arrays-\d+", re.ASCII)
_IS_NAME = re.compile(r"[a-z][a-z_]*", re.ASCII)
_CHECKSUM = "sha256"


class Strings:
    """A sequence of UTF-8 strings in two arrays; each is decoded when asked for.

    blob (np.ndarray): The strings' bytes, one after the other.
    ends (np.ndarray): Where each string ends.
    """

    __slots__ = ("_blob", "_ends")

    def __init__(self, blob: np.ndarray, ends: np.ndarray) -> None:
        # Single items of a memoryview cost a fifth of an array's.
        self._blob, self._ends = blob.data, ends.data

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> bytes:
        return bytes(self._blob[self._ends[number - 1] if number else 0 : self._ends[number]])

    def decode(self, number: int) -> str:
        """Give a string by its number. RETURNS (str): The string."""
        start = self._ends[number - 1] if number else 0
        return str(self._blob[start : self._ends[number]], "utf8", "surrogatepass")

    def find(self, text: str, start: int = 0, end: int = -1) -> int:
        """Find a string where the strings from start to end are sorted by their bytes.

        text (str): The string.
        start (int): Where to start.
        end (int): Where to end; -1 = with the last.
        RETURNS (int): Its number, -1 = not there.
        """
        data = encode(text)
        end = len(self) if end < 0 else end
        number = bisect_left(self, data, start, end)
        return number if number < end and self[number] == data else -1


def encode(text: str) -> bytes:
    """Write a text as UTF-8, with surrogates, which a damaged file may hold. RETURNS (bytes): The bytes."""
    return text.encode("utf8", "surrogatepass")


def pack(texts: Iterable[str]) -> Tuple[np.ndarray, np.ndarray]:
    """Pack strings for `Strings`. RETURNS (Tuple[np.ndarray, np.ndarray]): Their bytes, and where each ends."""
    parts = [encode(text) for text in texts]
    ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), dtype=np.int64)
    return np.frombuffer(b"".join(parts), dtype=np.uint8), ends


def save_arrays(path: Union[str, Path], arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Write a folder: meta.json, and beside it a folder of arrays, each a .npy file, that it names.

    path (Union[str, Path]): The folder. Where one is there already, meta.json is replaced at once when all arrays are
        written, so that nobody ever meets half of it, and who has the old one open reads on in its arrays. Those are
        removed where the system allows: Windows doesn't as long as they are mapped; then the next change removes them.
        So are those that a killed process left.
    arrays (Mapping[str, np.ndarray]): The arrays by name.
    meta (Mapping[str, Any]): What else is to be known, as JSON types.
    RAISES (ValueError): Where the path holds something else.
    RAISES (BusyError): Where another process writes there, and goes on doing so.
    """
    with exclusive(path, wait=PATIENCE):
        _save_arrays(Path(path), arrays, meta)


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    if path.exists() and not (path.is_dir() and ((path / META).is_file() or all(map(_is_left_over, path.iterdir())))):
        raise ValueError(f"{path}: is there already and no alias index; give another path, or remove it")
    for name in arrays:
        if not _IS_NAME.fullmatch(name):
            raise ValueError(f"{name!r:.80} is no name of an array")
    path.mkdir(parents=True, exist_ok=True)
    old = [entry for entry in path.iterdir() if entry.name != META]
    numbers = [int(entry.name[len(_FOLDER) :]) for entry in old if _IS_FOLDER.fullmatch(entry.name)]
    folder = path / f"{_FOLDER}{max(numbers, default=0) + 1}"
    folder.mkdir()
    listed = {}
    for name, array in arrays.items():
        file = folder / f"{name}.npy"
        np.save(file, array, allow_pickle=False)
        listed[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": _checksum_of(file)}
    meta = {**meta, "folder": folder.name, "arrays": listed}
    text = json.dumps({**meta, _CHECKSUM: _checksum(meta)}, ensure_ascii=False, indent=1)
    new = folder / META
    new.write_bytes(encode(text))
    os.replace(new, path / META)
    for entry in old:
        if _IS_FOLDER.fullmatch(entry.name):
            shutil.rmtree(entry, ignore_errors=True)


def _is_left_over(entry: Path) -> bool:
    """RETURNS (bool): Whether it's what a first build leaves that was killed: arrays that no meta.json names."""
    if not _IS_FOLDER.fullmatch(entry.name) or not entry.is_dir():
        return False
    return all(file.suffix == ".npy" or file.name == META for file in entry.iterdir())


def open_arrays(path: Union[str, Path], kind: str) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Open what `save_arrays` wrote, by memory map. Each file is read once, to compare its checksum.

    path (Union[str, Path]): The folder.
    kind (str): What `meta["kind"]` must be.
    RETURNS (Tuple[Dict[str, np.ndarray], Dict[str, Any]]): The arrays and the meta data.
    RAISES (ValueError): Where files are missing, damaged or not what meta.json says; it names the file.
    """
    path = Path(path)
    while True:
        before = _look(path)
        try:
            return _open_arrays(path, kind)
        except ValueError:
            # Another process may have put new arrays in the place of those that were just being opened.
            if _look(path) == before:
                raise


def _look(path: Path) -> bytes:
    try:
        return (path / META).read_bytes()
    except OSError:
        return b""


def _open_arrays(path: Path, kind: str) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    file = path / META
    try:
        meta = _read_meta(file.read_bytes(), kind)
        folder = path / _take(meta, "folder", str)
        if not _IS_FOLDER.fullmatch(folder.name) or folder.parent != path:
            raise ValueError(f"folder: must be such as {_FOLDER}1, not {folder.name!r:.80}")
        listed = _take(meta, "arrays", dict)
        for name, array in listed.items():
            if not _IS_NAME.fullmatch(name):
                raise ValueError(f"arrays: {name!r:.80} is no name of an array")
            if not isinstance(array, dict) or {*array} != {"dtype", "shape", "sha256"}:
                raise ValueError(f"arrays.{name}: must hold dtype, shape and sha256, not {array!r:.80}")
    except FileNotFoundError:
        raise ValueError(f"{path}: holds no {META}; needed is a folder that AliasIndex.to_disk wrote") from None
    except (OSError, ValueError) as err:
        raise ValueError(f"{file}: {err}; build the index again") from None
    arrays = {}
    for name, array in listed.items():
        file = folder / f"{name}.npy"
        try:
            if _checksum_of(file) != array["sha256"]:
                raise ValueError("is not what was saved: the checksum differs")
            arrays[name] = _map(file)
            if [arrays[name].dtype.str, list(arrays[name].shape)] != [array["dtype"], array["shape"]]:
                raise ValueError(f"holds {arrays[name].shape} {arrays[name].dtype.str}, and {META} says otherwise")
        except (EOFError, MemoryError, OSError, ValueError) as err:
            raise ValueError(f"{file}: can't be read ({err}); build the index again") from None
    return arrays, meta


def _map(file: Path) -> np.ndarray:
    # As a plain array: a memmap makes a memmap of each slice, which costs more than what is done with it.
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    except ValueError:
        # What is empty can't be mapped.
        array = np.load(file, allow_pickle=False)
        if array.size:
            raise
        return array


def _checksum_of(file: Path) -> str:
    if not file.is_file():
        raise ValueError("is missing")
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _checksum(meta: Mapping[str, Any]) -> str:
    return checksum(json.dumps(meta, sort_keys=True).encode("utf8"))


def _read_meta(data: bytes, kind: str) -> Dict[str, Any]:
    """Read meta data. RETURNS (Dict[str, Any]): The fields. RAISES (ValueError): Where they are not what was saved."""
    try:
        meta = json.loads(data.decode("utf8", "surrogatepass"))
    except (ValueError, RecursionError) as err:
        raise ValueError(f"can't be read ({err})") from None
    if not isinstance(meta, dict):
        raise ValueError(f"can't be read: must be an object, not {type(meta).__name__}")
    if meta.get("kind") != kind:
        raise ValueError(f"kind: is {meta.get('kind')!r:.80}, this version reads {kind!r}")
    if meta.pop(_CHECKSUM, None) != _checksum(meta):
        raise ValueError("is not what was saved: the checksum differs")
    return meta


def _take(meta: Dict[str, Any], name: str, kind: type) -> Any:
    value = meta.pop(name, None)
    if not isinstance(value, kind):
        raise ValueError(f"{name}: must be {kind.__name__}, not {value!r:.80}")
    return value


def arrays_to_bytes(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bytes:
    """Pack arrays and meta data; the same give the same bytes. RETURNS (bytes): A .npz file behind its checksum."""
    buffer = io.BytesIO()
    text = np.frombuffer(encode(json.dumps({**meta, _CHECKSUM: _checksum(meta)}, ensure_ascii=False)), dtype=np.uint8)
    named: Dict[str, Any] = {_META_ARRAY: text, **arrays}
    np.savez_compressed(buffer, **named)
    return seal(buffer.getvalue())


def arrays_from_bytes(data: bytes, kind: str) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Unpack what `arrays_to_bytes` packed.

    data (bytes): The bytes.
    kind (str): What `meta["kind"]` must be.
    RETURNS (Tuple[Dict[str, np.ndarray], Dict[str, Any]]): The arrays and the meta data.
    RAISES (ValueError): Where it is none, damaged, or of another kind.
    """
    try:
        with np.load(io.BytesIO(unseal(data, "it")), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, _read_meta(arrays.pop(_META_ARRAY).tobytes(), kind)
    except (*BROKEN, MemoryError, zipfile.BadZipFile) as err:
        raise ValueError(f"the saved alias index is damaged ({err}); build or copy it again") from None
