"""How a component is saved and loaded: in parts, each with its checksum, as bytes or as a file or folder."""
import hashlib
import json
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Set, Tuple, Type, Union

import srsly
from pydantic import BaseModel, ConfigDict, ValidationError
from spacy import util

if TYPE_CHECKING:
    from spacy.vocab import Vocab

CHECKSUMS = "checksums.json"
_CONFIG = "config.cfg"
# Stands in it for a folder that keeps checksums of its own.
_OWN = "its own"
# What a sealed message begins with; the number is that of the form.
_SEAL = b"product-tags 1\n"
_AGAIN = "copy or install the pipeline again, or train it anew"
# What a file that isn't what it should be can make a reader raise.
BROKEN = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, OSError, EOFError, zlib.error
)  # fmt: skip


class Part(NamedTuple):
    """A part of a component.

    save (Callable[[], Optional[bytes]]): Gives it as bytes; None = left out, as if it had been excluded.
    load (Callable[[bytes], Any]): Takes them back, or raises one of `BROKEN`.
    write (Optional[Callable[[Path], Any]]): Puts it at a path, for what is better a folder; None = the bytes as a file.
    read (Optional[Callable[[Path], Any]]): Takes it from there; told also where there is none.
    file (str): Name of the file or folder; "" = that of the part.
    own_checksums (bool): Whether `read` compares checksums itself.
    """

    save: Callable[[], Optional[bytes]]
    load: Callable[[bytes], Any]
    write: Optional[Callable[[Path], Any]] = None
    read: Optional[Callable[[Path], Any]] = None
    file: str = ""
    own_checksums: bool = False


class SavedInParts:
    """The four methods that spaCy wants of a component or tokenizer, by its parts.

    A class that has this lists its parts in `_parts`. The part ``cfg`` is loaded first, where there is one, and
    `_parts` asked again: what else there is may depend on it. A folder holds ``checksums.json`` beside the parts: a
    file that is not what was saved is refused by its name, before anything is done with it.
    """

    vocab: "Vocab"

    def _parts(self) -> Dict[str, Part]:
        """List the parts. RETURNS (Dict[str, Part]): By name."""
        raise AttributeError(f"{type(self).__name__} must list its parts")

    def _load(self, load: Callable[[str, Part], None], exclude: Set[str]) -> None:
        if "cfg" not in exclude and "cfg" in self._parts():
            load("cfg", self._parts()["cfg"])
        for name, part in self._parts().items():
            if name not in exclude and name != "cfg":
                load(name, part)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component.

        exclude (Iterable[str]): Names of parts to leave out.
        RETURNS (bytes): What it has learnt, and the vocabulary; nothing is pickled.
        """
        exclude = set(exclude)
        saved = {name: part.save() for name, part in self._parts().items() if name not in exclude}
        message = {name: data for name, data in saved.items() if data is not None}
        sums = {name: checksum(data) for name, data in message.items()}
        if "vocab" not in exclude:
            message["vocab"] = self.vocab.to_bytes()
        return srsly.msgpack_dumps({**message, CHECKSUMS: sums})

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "SavedInParts":
        """Load what `to_bytes` gave.

        bytes_data (bytes): The saved component.
        exclude (Iterable[str]): Names of parts to leave as they are.
        RETURNS (SavedInParts): The component.
        RAISES (ValueError): Where they are damaged; the message names the part.
        """
        exclude = set(exclude)
        own = getattr(self, "name", type(self).__name__)
        try:
            message = srsly.msgpack_loads(bytes_data)
            sums = message.pop(CHECKSUMS)
            wrong = [name for name, data in message.items() if not isinstance(data, bytes)]
            wrong += [name for name, data in message.items() if name != "vocab" and sums[name] != checksum(data)]
        except BROKEN as err:
            problem = "the bytes are no saved component of this version"
            raise ValueError(f"{own}: {problem} ({err!r}); save it again") from None
        if wrong:
            raise ValueError(f"{own}: {wrong[0]}: is not what was saved: the checksum differs; {_AGAIN}")
        if "vocab" in message and "vocab" not in exclude:
            self.vocab.from_bytes(message["vocab"])

        def load(name: str, part: Part) -> None:
            # A part that was excluded from the bytes, or left out of them, stays as it is.
            if name in message:
                try:
                    part.load(message[name])
                except BROKEN as err:
                    raise ValueError(f"{own}: {name}: can't be loaded ({_say(err)}); {_AGAIN}") from err

        self._load(load, exclude)
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component to a folder.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): Names of parts to leave out.
        """
        exclude = set(exclude)
        folder = util.ensure_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        sums: Dict[str, str] = {}
        for name, part in self._parts().items():
            if name in exclude:
                continue
            place = folder / (part.file or name)
            if part.write is not None:
                part.write(place)
                if part.own_checksums and place.exists():
                    sums[place.name] = _OWN
                elif not part.own_checksums:
                    sums.update(_checksums_of(place, folder))
            elif (data := part.save()) is not None:
                place.write_bytes(data)
                sums[place.name] = checksum(data)
        config = _config_of(folder)
        _write_checksums(folder / CHECKSUMS, sums, checksum(config.read_bytes()) if config else "")

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "SavedInParts":
        """Load the component from a folder.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): Names of parts to leave as they are.
        RETURNS (SavedInParts): The component.
        RAISES (ValueError): Where a file is missing or damaged; the message names it.
        """
        folder = util.ensure_path(path)
        sums, config = _read_checksums(folder / CHECKSUMS)
        _compare_config(folder, config)

        def load(name: str, part: Part) -> None:
            place = folder / (part.file or name)
            try:
                if part.read is not None:
                    _check_folder(place, folder, sums)
                    part.read(place)
                else:
                    part.load(_read_checked(place, sums.get(place.name)))
            except _Named:
                raise
            except BROKEN as err:
                raise ValueError(f"{place}: can't be loaded ({_say(err)}); {_AGAIN}") from err

        self._load(load, set(exclude))
        return self


class Settings(BaseModel):
    """What the file ``cfg`` of a component may hold; each component says which fields of which types."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def read_settings(data: bytes, schema: Type[Settings]) -> Dict[str, Any]:
    """Read the JSON of a ``cfg``.

    data (bytes): The JSON.
    schema (Type[Settings]): What it may hold.
    RETURNS (Dict[str, Any]): What it holds.
    RAISES (ValueError): Where it is no JSON, or a field is missing, not known or of another type; naming the field.
    """
    try:
        return schema.model_validate(srsly.json_loads(data)).model_dump()
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "cfg"
        raise ValueError(f"{field}: {first['msg']}; it holds {first['input']!r:.80}") from None


def checksum(data: bytes) -> str:
    """Give the checksum of bytes. RETURNS (str): SHA-256, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def seal(data: bytes) -> bytes:
    """Put a checksum before bytes, where they can lie in another's file. RETURNS (bytes): What `unseal` takes."""
    return b"".join((_SEAL, hashlib.sha256(data).digest(), data))


def unseal(data: bytes, what: str) -> memoryview:
    """Compare bytes with the checksum before them.

    data (bytes): What `seal` gave.
    what (str): What to call them in errors.
    RETURNS (memoryview): The bytes without the checksum.
    RAISES (ValueError): Where they are not what was saved.
    """
    start = len(_SEAL) + hashlib.sha256().digest_size
    if not isinstance(data, bytes) or not data.startswith(_SEAL) or len(data) < start:
        raise ValueError(f"{what}: is damaged, or was saved by another version of spacy-product-tags; {_AGAIN}")
    body = memoryview(data)[start:]
    if hashlib.sha256(body).digest() != data[len(_SEAL) : start]:
        raise ValueError(f"{what}: is not what was saved: the checksum differs; {_AGAIN}")
    return body


class _Named(ValueError):
    """An error that names the file already."""


def _say(err: BaseException) -> str:
    return str(err) if isinstance(err, (ValueError, RuntimeError, OSError)) else repr(err)


def _checksums_of(place: Path, folder: Path) -> Dict[str, str]:
    files = sorted(file for file in place.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): checksum(file.read_bytes()) for file in files}


def _config_of(folder: Path) -> Optional[Path]:
    """Find the config of the pipeline that a component is saved in. RETURNS (Optional[Path]): None = there is none."""
    config = folder.parent / _CONFIG
    try:
        text = config.read_text(encoding="utf8") if (folder.parent / "meta.json").is_file() else ""
    except (OSError, UnicodeDecodeError):
        return None
    return config if f"[components.{folder.name}]" in text else None


def note_config(pipeline: Path) -> None:
    """Make the components of a saved pipeline expect its config as it is now, after it was changed on purpose.

    pipeline (Path): The folder.
    """
    for file in pipeline.glob(f"*/{CHECKSUMS}"):
        sums, config = _read_checksums(file)
        if config:
            _write_checksums(file, sums, checksum((pipeline / _CONFIG).read_bytes()))


def _compare_config(folder: Path, wanted: str) -> None:
    """Warn of a pipeline's config that isn't the one it was saved with: people may edit it, and disks may.

    spaCy writes it before the components, and the vocabulary behind them.
    """
    config = folder.parent / _CONFIG
    if wanted and config.is_file() and checksum(config.read_bytes()) != wanted:
        warnings.warn(
            f"{config}: is not what this pipeline was saved with: the checksum differs. If nobody edited it, {_AGAIN}; "
            "if you did, load the pipeline and save it anew (nlp.to_disk), and this warning goes",
            stacklevel=5,
        )


def _write_checksums(file: Path, sums: Mapping[str, str], config: str) -> None:
    listed = {"format": 1, "sha256": sums, "config": config}
    text = json.dumps({**listed, "own": _own_checksum(listed)}, ensure_ascii=False, indent=1) + "\n"
    file.write_text(text, encoding="utf8")


def _own_checksum(listed: Mapping[str, Any]) -> str:
    return checksum(json.dumps(listed, sort_keys=True).encode("utf8"))


def _read_checksums(file: Path) -> Tuple[Dict[str, str], str]:
    """Read the checksums of a component's files. RETURNS (Tuple): By path in the folder; the config's, "" = none."""
    try:
        listed = json.loads(file.read_bytes())
        if listed.pop("own", "") != _own_checksum(listed) or listed["format"] != 1:
            raise ValueError("is not what was saved: the checksum differs")
        sums, config = listed["sha256"], listed["config"]
        if not all(isinstance(text, str) for text in (config, *sums.values())):
            raise ValueError("checksums must be strings")
    except FileNotFoundError:
        problem = "the component was saved by an earlier version, or the folder is not whole"
        raise _Named(f"{file}: is missing: {problem}; {_AGAIN}") from None
    except BROKEN as err:
        raise _Named(f"{file}: can't be read ({_say(err)}); {_AGAIN}") from None
    return sums, config


def _read_checked(file: Path, wanted: Optional[str]) -> bytes:
    # What is no plain file may never end.
    if not file.is_file():
        raise _Named(f"{file}: is missing, or no file; {_AGAIN}")
    try:
        data = file.read_bytes()
    except OSError as err:
        raise _Named(f"{file}: can't be read ({err.strerror}); {_AGAIN}") from None
    if wanted is None:
        raise _Named(f"{file}: has no checksum in {CHECKSUMS}; {_AGAIN}")
    if checksum(data) != wanted:
        raise _Named(f"{file}: is not what was saved: the checksum differs; {_AGAIN}")
    return data


def _check_folder(place: Path, folder: Path, sums: Mapping[str, str]) -> None:
    """Check that a folder is there where it was saved, as it was. RAISES (ValueError): Where it is not."""
    if place.name in sums:
        if not place.exists():
            raise _Named(f"{place}: is missing; {_AGAIN}")
        return
    there = {file.relative_to(folder).as_posix() for file in place.rglob("*") if file.is_file()}
    listed = {name for name in sums if name.startswith(f"{place.name}/")}
    for name in sorted(listed - there):
        raise _Named(f"{place}: lacks {name}; {_AGAIN}")
    for name in sorted(there):
        _read_checked(folder / name, sums.get(name))
