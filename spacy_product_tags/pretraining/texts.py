"""The texts of a pretraining run: read, cut into pieces and words, and kept on disk, so that a run starts at once."""
import hashlib
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Callable,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from ..errors import ListingError
from ..io import bad, open_text, parse_json, raise_error
from ..listing import Listing
from ..text.tokenizer import HAN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Cuts a run of Chinese characters into words.
Cutter = Callable[[str], Iterable[str]]
# Blanks belong to the word behind them: a piece that begins with one is the word's.
_WORD = re.compile(rf"\s*(?:([{HAN}]+)|[^\W\d_{HAN}]+|\d+|\S|$)")
_CHUNK = 1000
_FILES = ("ids", "words", "starts", "digests")


class Texts(NamedTuple):
    """Encoded texts as arrays on disk.

    ids (np.ndarray): Pieces of all texts, without special ones.
    words (np.ndarray): Number of each piece's word in its text.
    starts (np.ndarray): Where each text begins in both, and the end.
    digests (np.ndarray): A digest of each text's pieces.
    info (dict): What is in there: files, texts, pieces, words (who cut them), bad (lines).
    """

    ids: np.ndarray
    words: np.ndarray
    starts: np.ndarray
    digests: np.ndarray
    info: dict


def read_texts(
    paths: Iterable[Union[str, Path]], *, on_error: Callable[[ListingError], None] = raise_error
) -> Iterator[str]:
    """Stream the texts of files.

    paths (Iterable[Union[str, Path]]): Files (.jsonl or .txt, also with .gz): a JSON object a line with title or text,
        and description if there is one; or a text a line.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on.
    YIELDS (str): A text: title, line break, description.
    RAISES (ValueError): On a file of another kind.
    """
    for path in paths:
        name = Path(path).name.removesuffix(".gz")
        if not name.endswith((".jsonl", ".txt")):
            raise ValueError(f"{path}: must end in .jsonl (listings) or .txt (a text a line), or these with .gz")
        with open_text(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.strip() if name.endswith(".txt") else _text_of(line)
                    text.encode("utf8")
                except UnicodeEncodeError:
                    on_error(ListingError(path, number, "line", "has characters that are no UTF-8; save it as UTF-8"))
                except ListingError as err:
                    on_error(ListingError(path, number, err.field, err.problem))
                else:
                    if text:
                        yield text


def _text_of(line: str) -> str:
    if not line.strip():
        return ""
    row = parse_json(line)
    title = row.get("text") if row.get("title") is None else row["title"]
    if title is None:
        raise bad("title", "missing, and so is text")
    return Listing.from_dict({"title": title, "description": row.get("description")}).text.strip()


def make_cutter(segmenter: Optional[Union[str, Path]] = None) -> Tuple[str, Cutter]:
    """Find out how to cut Chinese: by a trained segmenter, else by jieba's dictionary, else by characters.

    segmenter (Optional[Union[str, Path]]): Folder of a pkuseg model.
    RETURNS (Tuple[str, Cutter]): Its name, and what cuts a run of Chinese characters.
    """
    if segmenter is not None:
        from ..text.pkuseg import PkusegModel

        return "pkuseg", PkusegModel.from_disk(segmenter).cut
    from ..text.segmenter import load_jieba

    try:
        return "jieba", load_jieba().cut
    except ImportError:
        warnings.warn(
            "Chinese is masked character by character: for whole words install jieba, or give a segmenter", stacklevel=2
        )
        return "characters", list


def word_starts(text: str, cut: Cutter) -> List[int]:
    """Find where the words of a text begin. RETURNS (List[int]): Offsets, rising; blanks belong to the word behind."""
    starts = []
    for match in _WORD.finditer(text):
        starts.append(match.start())
        if match[1]:
            at = match.start(1)
            for word in cut(match[1]):
                if at > match.start(1):
                    starts.append(at)
                at += len(word)
    return starts


def encode_texts(
    paths: Sequence[Union[str, Path]],
    tokenizer: "PreTrainedTokenizerFast",
    folder: Union[str, Path],
    *,
    segmenter: Optional[Union[str, Path]] = None,
    max_pieces: int = 126,
    on_error: Callable[[ListingError], None] = raise_error,
) -> Texts:
    """Cut the texts of files into pieces and words, on disk; texts that were there before are dropped.

    paths (Sequence[Union[str, Path]]): The files; see `read_texts`.
    tokenizer (PreTrainedTokenizerFast): A fast tokenizer.
    folder (Union[str, Path]): The folder to write to. It appears when all is in it.
    segmenter (Optional[Union[str, Path]]): Folder of a pkuseg model; see `make_cutter`.
    max_pieces (int): A longer text becomes several.
    on_error (Callable[[ListingError], None]): As in `read_texts`.
    RETURNS (Texts): The arrays, memory-mapped.
    RAISES (ValueError): Where there is no text at all.
    """
    folder = Path(folder)
    half_done = folder.with_name(folder.name + ".part")
    shutil.rmtree(half_done, ignore_errors=True)
    half_done.mkdir(parents=True)
    name, cut = make_cutter(segmenter)
    errors = _Counter(on_error)
    count = 0
    sinks = [_ArrayFile(half_done / f"{stem}.npy", kind) for stem, kind in zip(_FILES, _types(tokenizer))]
    try:
        sinks[2].append([0])
        for chunk in _chunks(read_texts(paths, on_error=errors), _CHUNK):
            for ids, words in _encode(chunk, tokenizer, cut):
                for start in range(0, len(ids), max_pieces):
                    part = np.asarray(ids[start : start + max_pieces], dtype=sinks[0].kind)
                    sinks[0].append(part)
                    sinks[1].append(words[start : start + max_pieces])
                    sinks[2].append([sinks[0].size])
                    sinks[3].append(np.frombuffer(hashlib.blake2b(part.tobytes(), digest_size=8).digest(), "<u8"))
                    count += 1
    finally:
        for sink in sinks:
            sink.close()
    if not count:
        raise ValueError(f"no text in {', '.join(map(str, paths))}")
    info = {
        "files": [str(path) for path in paths],
        "bad": errors.count,
        "texts": count,
        "pieces": sinks[0].size,
        "words": name,
    }
    (half_done / "info.json").write_text(json.dumps(info, ensure_ascii=False, indent=2), encoding="utf8")
    shutil.rmtree(folder, ignore_errors=True)
    half_done.rename(folder)
    return open_texts(folder)


def open_texts(folder: Union[str, Path]) -> Texts:
    """Open what `encode_texts` wrote. RETURNS (Texts): The arrays, memory-mapped."""
    ids, words, starts, digests = (np.load(Path(folder) / f"{stem}.npy", mmap_mode="r") for stem in _FILES)
    return Texts(ids, words, starts, digests, json.loads((Path(folder) / "info.json").read_text(encoding="utf8")))


def _encode(
    texts: List[str], tokenizer: "PreTrainedTokenizerFast", cut: Cutter
) -> Iterator[Tuple[List[int], np.ndarray]]:
    # What a saved tokenizer pads and cuts off is no text.
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    encodings = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    for text, encoding in zip(texts, encodings):
        if encoding.ids:
            offsets = np.array(encoding.offsets, dtype=np.int64)[:, 0]
            yield encoding.ids, np.searchsorted(np.array(word_starts(text, cut)), offsets, side="right")


def _chunks(items: Iterable[Any], size: int) -> Iterator[List[Any]]:
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _types(tokenizer: "PreTrainedTokenizerFast") -> Tuple[str, ...]:
    return "<u2" if len(tokenizer) <= 2**16 else "<i4", "<i4", "<i8", "<u8"


class _Counter:
    """Count errors on their way."""

    def __init__(self, on_error: Callable[[ListingError], None]) -> None:
        self.count, self._on_error = 0, on_error

    def __call__(self, error: ListingError) -> None:
        self.count += 1
        self._on_error(error)


class _ArrayFile:
    """A .npy file of one dimension that grows."""

    def __init__(self, path: Path, kind: str) -> None:
        self.kind, self.size = np.dtype(kind), 0
        self._file: BinaryIO = path.open("wb")
        self._write_header()

    def append(self, values: Any) -> None:
        """Write values at the end."""
        values = np.ascontiguousarray(values, dtype=self.kind)
        self._file.write(values.tobytes())
        self.size += len(values)

    def close(self) -> None:
        """Write the final size."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        # numpy leaves room in the header for a first dimension that grows.
        header = {"descr": self.kind.str, "fortran_order": False, "shape": (self.size,)}
        np.lib.format.write_array_header_1_0(self._file, header)
