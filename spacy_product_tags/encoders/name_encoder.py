"""`NameEncoder`: vectors of names, alike for what is called so in other languages or with a slip of the pen.

A name is the mean of the vectors of its character n-grams, behind two small layers (fastText's subwords, Bojanowski et
al. 2017). It reads no context, needs no torch, and encodes some ten thousand names a second.
"""
import hashlib
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Dict, Mapping, Sequence, Union

import numpy as np

from ..saving import checksum
from ..text.ngrams import hash_ngrams

# Stands wherever the folder of a name encoder can stand.
SHIPPED = "product-tags-names"
FILE = "names.safetensors"
_FOLDER = Path(__file__).parents[1] / "names"
WORDS, CHARS = (1, 2), (1, 2, 3, 4, 5)
_CHECKSUM = "sha256"
_DIMENSIONS = {"table": 2, "hidden": 2, "hidden_bias": 1, "out": 2, "skip": 2, "bias": 1}
# Names that are encoded at once: more need more memory and are no faster.
_BATCH = 512


class NameEncoder:
    """Encode names.

    weights (Mapping[str, np.ndarray]): ``table`` (buckets, W), ``hidden`` (W, H), ``hidden_bias`` (H,), ``out`` (H, E),
        ``skip`` (W, E), ``bias`` (E,); `values.fitting.names` learns them.
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self.weights = dict(weights)

    @property
    def width(self) -> int:
        """RETURNS (int): Size E of a vector."""
        return len(self.weights["bias"])

    def encode(self, names: Sequence[str]) -> np.ndarray:
        """Encode names.

        names (Sequence[str]): The names.
        RETURNS (np.ndarray): float32 (N, E), of length one; zeros for a name without a letter.
        """
        parts = [self._encode(names[start : start + _BATCH]) for start in range(0, len(names), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.width), dtype=np.float32)

    def _encode(self, names: Sequence[str]) -> np.ndarray:
        w = self.weights
        grams, owner = name_ngrams(names, len(w["table"]))  # (G,), (G,)
        order = np.argsort(owner, kind="stable")  # (G,)
        rows = w["table"][grams[order]].astype(np.float32)  # (G, W)
        counts = np.bincount(owner, minlength=len(names))  # (N,)
        total = np.zeros((len(names), rows.shape[1]), dtype=np.float32)  # (N, W)
        if len(rows):
            starts = np.cumsum(counts) - counts  # (N,)
            total[counts > 0] = np.add.reduceat(rows, starts[counts > 0], axis=0)
        mean = total / np.sqrt(np.maximum(counts, 1))[:, None].astype(np.float32)  # (N, W)
        hidden = np.maximum(mean @ w["hidden"] + w["hidden_bias"], 0)  # (N, H)
        out = hidden @ w["out"] + mean @ w["skip"] + w["bias"]  # (N, E)
        out[counts == 0] = 0
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write the encoder to a folder, in half precision, with a checksum.

        path (Union[str, Path]): The folder.
        """
        from safetensors.numpy import save_file

        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        halves = {name: array.astype(np.float16) for name, array in self.weights.items()}
        save_file(halves, folder / FILE, metadata={_CHECKSUM: _checksum_of(halves)})

    @classmethod
    def from_disk(cls, path: Union[str, Path]) -> "NameEncoder":
        """Read an encoder. One that was read before is given again, unless its file has changed.

        path (Union[str, Path]): The folder that `to_disk` wrote, or `product-tags-names`, which ships with the package.
        RETURNS (NameEncoder): The encoder.
        RAISES (ValueError): Where the folder holds none, or a damaged one.
        """
        file = (_FOLDER if str(path) == SHIPPED else Path(path).absolute()) / FILE
        try:
            with file.open("rb") as opened:
                return _load(file, hashlib.file_digest(opened, "sha256").digest())
        except (OSError, ValueError) as err:
            problem = "holds no name encoder that can be read"
            raise ValueError(f"{file.parent}: {problem} ({err}); 'product-tags names' makes one") from err


@lru_cache(maxsize=2)
def _load(file: Path, digest: bytes) -> NameEncoder:
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load_file

    try:
        weights = load_file(file)
        with safe_open(file, framework="numpy") as opened:
            wanted = (opened.metadata() or {}).get(_CHECKSUM)
    except SafetensorError as err:
        raise ValueError(str(err)) from None
    # What ships with the package has none: pip's list of files has it.
    if wanted not in (None, _checksum_of(weights)):
        raise ValueError("it is not what was saved: the checksum differs")
    # The table stays as it is, which halves the memory.
    weights = {name: w if name == "table" else w.astype(np.float32) for name, w in weights.items()}
    check_weights(weights)
    return NameEncoder(weights)


def _checksum_of(weights: Mapping[str, np.ndarray]) -> str:
    parts = [f"{name} {w.dtype.str} {w.shape} {checksum(w.tobytes())}" for name, w in sorted(weights.items())]
    return checksum("\n".join(parts).encode("utf8"))


def check_weights(weights: Mapping[str, np.ndarray]) -> None:
    """Check that weights are those of a name encoder. RAISES (ValueError): Naming what is missing or doesn't fit."""
    for name, dimensions in _DIMENSIONS.items():
        if name not in weights or weights[name].ndim != dimensions or weights[name].dtype.kind != "f":
            held = "is missing" if name not in weights else f"is {weights[name].dtype} {weights[name].shape}"
            raise ValueError(f"{name}: must be numbers in {dimensions} dimensions, and {held}")
        if not np.isfinite(weights[name]).all():
            raise ValueError(f"{name}: holds what is no number")
    for name in weights:
        if name not in _DIMENSIONS:
            raise ValueError(f"{name!r:.80}: not known; the weights are {', '.join(_DIMENSIONS)}")
    (width, hidden), size = weights["hidden"].shape, len(weights["bias"])
    shapes = {"hidden_bias": (hidden,), "out": (hidden, size), "skip": (width, size)}
    for name, shape in {**shapes, "table": (max(1, len(weights["table"])), width)}.items():
        if weights[name].shape != shape:
            raise ValueError(f"{name}: must be of shape {shape}, not {weights[name].shape}")


def name_ngrams(names: Sequence[str], buckets: int) -> "tuple[np.ndarray, np.ndarray]":
    """Hash the n-grams of names.

    names (Sequence[str]): The names.
    buckets (int): Size of the table.
    RETURNS (tuple[np.ndarray, np.ndarray]): (G,) hashes and (G,) number of the name of each.
    """
    # Blanks at both ends tell a word's start and end from its inside.
    texts = [f" {unicodedata.normalize('NFKC', name).casefold().strip()} " for name in names]
    grams, places = hash_ngrams(texts, buckets, words=WORDS, chars=CHARS)
    starts = np.cumsum([0, *map(len, texts)])  # (N + 1,)
    points_to = np.searchsorted(starts, places, side="right") - 1  # (G,)
    return grams, points_to


def mean_by_owner(vectors: np.ndarray, owners: np.ndarray, size: int) -> np.ndarray:
    """Average vectors that belong together.

    vectors (np.ndarray): (N, E).
    owners (np.ndarray): (N,) to what each belongs.
    size (int): How many there are.
    RETURNS (np.ndarray): float32 (size, E), of length one; zeros where nothing belongs.
    """
    total = np.zeros((size, vectors.shape[1]), dtype=np.float32)  # (S, E)
    np.add.at(total, owners, vectors)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)


def name_vectors(encoder: NameEncoder, names: Sequence[Dict[str, str]]) -> np.ndarray:
    """Encode things with names in several languages.

    encoder (NameEncoder): The encoder.
    names (Sequence[Dict[str, str]]): Of each thing its name by locale.
    RETURNS (np.ndarray): float32 (N, E), of length one.
    """
    flat = [name for each in names for name in each.values()]
    owners = np.repeat(np.arange(len(names)), [len(each) for each in names])  # (M,)
    return mean_by_owner(encoder.encode(flat), owners, len(names))
