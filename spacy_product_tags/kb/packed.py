"""Strings packed into arrays, and a folder of arrays that is opened by memory map."""
import io
import json
import shutil
import zipfile
import zlib
from bisect import bisect_left
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Tuple, Union

import numpy as np

META = "meta.json"
_META_ARRAY = "meta"


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
    """Write a folder of arrays, each a .npy file, and meta.json.

    path (Union[str, Path]): The folder. One that is there already is replaced in whole, so that who has it open reads
        on in the old one.
    arrays (Mapping[str, np.ndarray]): The arrays by name.
    meta (Mapping[str, Any]): What else is to be known, as JSON types.
    RAISES (ValueError): Where the path holds something else.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and ((path / META).is_file() or not any(path.iterdir()))):
        raise ValueError(f"{path}: is there already and no alias index; give another path, or remove it")
    new, old = (path.with_name(f"{path.name}.{suffix}") for suffix in ("new", "old"))
    for rest in (new, old):
        # Left by a run that was stopped.
        shutil.rmtree(rest, ignore_errors=True)
    new.mkdir(parents=True)
    shapes = {name: [array.dtype.str, len(array)] for name, array in arrays.items()}
    for name, array in arrays.items():
        np.save(new / f"{name}.npy", array, allow_pickle=False)
    text = json.dumps({**meta, "arrays": shapes}, ensure_ascii=False, indent=1)
    (new / META).write_bytes(encode(text))
    if path.exists():
        path.rename(old)
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


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
        shapes = {name: (dtype, size) for name, (dtype, size) in meta["arrays"].items()}
        found = meta["kind"]
    except FileNotFoundError:
        raise ValueError(f"{path}: holds no {META}; needed is a folder that AliasIndex.to_disk wrote") from None
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ValueError(f"{path / META}: can't be read ({err!r}); build the index again") from None
    if found != kind:
        raise ValueError(f"{path / META}: kind: is {found!r}, this version reads {kind!r}; build the index again")
    arrays = {}
    for name, (dtype, size) in shapes.items():
        file = path / f"{name}.npy"
        try:
            # As a plain array: a memmap makes a memmap of each slice, which costs more than what is done with it.
            array = np.load(file, mmap_mode="r" if size else None, allow_pickle=False).view(np.ndarray)
        except (EOFError, OSError, ValueError) as err:
            raise ValueError(f"{file}: can't be read ({err}); build the index again") from None
        if array.dtype.str != dtype or array.shape != (size,):
            held = f"holds {array.shape} {array.dtype.str}, not {(size,)} {dtype}"
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
