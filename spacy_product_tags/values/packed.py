"""Strings packed into arrays, and a folder of arrays that is opened by memory map."""
import io
import json
import os
import re
import shutil
import zipfile
import zlib
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Tuple, Union

import numpy as np

from ..locks import PATIENCE, exclusive

META = "meta.json"
_META_ARRAY = "meta"
_FOLDER = "arrays-"
_IS_FOLDER = re.compile(r"arrays-\d+")


class Strings:
    """A sequence of UTF-8 strings in two arrays; each is decoded when asked for.

    blob (np.ndarray): The strings' bytes, one after the other.
    ends (np.ndarray): Where each string ends.
    """

    __slots__ = ("_blob", "_ends")

    def __init__(self, blob: np.ndarray, ends: np.ndarray) -> None:
        # Single items of a memoryview cost a fifth of an array's.
        self._blob, self._ends = memoryview(blob), memoryview(ends)

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
    path.mkdir(parents=True, exist_ok=True)
    old = [entry for entry in path.iterdir() if entry.name != META]
    numbers = [int(entry.name[len(_FOLDER) :]) for entry in old if _IS_FOLDER.fullmatch(entry.name)]
    folder = path / f"{_FOLDER}{max(numbers, default=0) + 1}"
    folder.mkdir()
    shapes = {name: [array.dtype.str, *array.shape] for name, array in arrays.items()}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    text = json.dumps({**meta, "folder": folder.name, "arrays": shapes}, ensure_ascii=False, indent=1)
    new = folder / META
    new.write_bytes(encode(text))
    os.replace(new, path / META)
    for entry in old:
        if _IS_FOLDER.fullmatch(entry.name):
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.suffix == ".npy":
            # Earlier versions wrote them here.
            with suppress(OSError):
                entry.unlink()


def _is_left_over(entry: Path) -> bool:
    """RETURNS (bool): Whether it's what a first build leaves that was killed: arrays that no meta.json names."""
    if not _IS_FOLDER.fullmatch(entry.name) or not entry.is_dir():
        return False
    return all(file.suffix == ".npy" or file.name == META for file in entry.iterdir())


def open_arrays(path: Union[str, Path], kind: str) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Open what `save_arrays` wrote, by memory map.

    path (Union[str, Path]): The folder.
    kind (str): What `meta["kind"]` must be.
    RETURNS (Tuple[Dict[str, np.ndarray], Dict[str, Any]]): The arrays and the meta data.
    RAISES (ValueError): Where files are missing or are not what meta.json says.
    """
    path = Path(path)
    try:
        meta = json.loads((path / META).read_bytes().decode("utf8", "surrogatepass"))
        shapes = {name: (dtype, tuple(shape)) for name, (dtype, *shape) in meta.pop("arrays").items()}
        found = meta["kind"]
        # Earlier versions wrote all into one folder.
        name = meta.pop("folder", "")
        if name and not _IS_FOLDER.fullmatch(name):
            raise ValueError(f"folder: {name!r}")
        folder = path / name
    except FileNotFoundError:
        raise ValueError(f"{path}: holds no {META}; needed is a folder that AliasIndex.to_disk wrote") from None
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ValueError(f"{path / META}: can't be read ({err!r}); build the index again") from None
    if found != kind:
        raise ValueError(f"{path / META}: kind: is {found!r}, this version reads {kind!r}; build the index again")
    arrays = {}
    for name, (dtype, shape) in shapes.items():
        file = folder / f"{name}.npy"
        try:
            # As a plain array: a memmap makes a memmap of each slice, which costs more than what is done with it.
            array = np.load(file, mmap_mode="r" if all(shape) else None, allow_pickle=False).view(np.ndarray)
        except (EOFError, OSError, ValueError) as err:
            raise ValueError(f"{file}: can't be read ({err}); build the index again") from None
        if array.dtype.str != dtype or array.shape != shape:
            held = f"holds {array.shape} {array.dtype.str}, not {shape} {dtype}"
            raise ValueError(f"{file}: {held}; build the index again")
        arrays[name] = array
    return arrays, meta


def arrays_to_bytes(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> bytes:
    """Pack arrays and meta data; the same give the same bytes. RETURNS (bytes): A .npz file."""
    buffer = io.BytesIO()
    text = np.frombuffer(encode(json.dumps(meta, ensure_ascii=False)), dtype=np.uint8)
    np.savez_compressed(buffer, **{_META_ARRAY: text}, **arrays)
    return buffer.getvalue()


def arrays_from_bytes(data: bytes, kind: str) -> Tuple[Dict[str, np.ndarray], Dict[str, Any]]:
    """Unpack what `arrays_to_bytes` packed.

    data (bytes): The .npz file.
    kind (str): What `meta["kind"]` must be.
    RETURNS (Tuple[Dict[str, np.ndarray], Dict[str, Any]]): The arrays and the meta data.
    RAISES (ValueError): Where it is none, or of another kind.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop(_META_ARRAY).tobytes().decode("utf8", "surrogatepass"))
        found = meta["kind"]
    except (AttributeError, EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as err:
        raise ValueError(f"the saved alias index is damaged ({err!r}); build or copy it again") from None
    if found != kind:
        raise ValueError(f"the saved alias index: kind: is {found!r}, this version reads {kind!r}; build it again")
    return arrays, meta
