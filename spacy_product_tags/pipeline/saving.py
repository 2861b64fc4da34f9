"""How a trainable component is saved and loaded: in parts, as bytes or as a file or folder each."""
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Union

import srsly
from spacy import util


class Part(NamedTuple):
    """A part of a component.

    save (Callable[[], Optional[bytes]]): Gives it as bytes; None = left out, as if it had been excluded.
    load (Callable[[bytes], Any]): Takes them back.
    write (Optional[Callable[[Path], Any]]): Puts it at a path, for what is better a folder; None = the bytes as a file.
    read (Optional[Callable[[Path], Any]]): Takes it from there.
    """

    save: Callable[[], Optional[bytes]]
    load: Callable[[bytes], Any]
    write: Optional[Callable[[Path], Any]] = None
    read: Optional[Callable[[Path], Any]] = None


class SavedInParts:
    """The four methods that spaCy wants of a component, by its parts.

    A class that has this lists its parts in `_parts`. The part ``cfg`` is loaded first, and `_parts` asked again: what
    else there is may depend on it.
    """

    def _parts(self) -> Dict[str, Part]:
        """List the parts. RETURNS (Dict[str, Part]): By name, which is its file's name, too; one of them is ``cfg``."""
        raise AttributeError(f"{type(self).__name__} must list its parts")

    def _load(self, load: Callable[[str, Part], None], exclude: Iterable[str]) -> None:
        exclude = set(exclude)
        if "cfg" not in exclude:
            load("cfg", self._parts()["cfg"])
        for name, part in self._parts().items():
            if name not in exclude and name != "cfg":
                load(name, part)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component.

        exclude (Iterable[str]): Names of parts to leave out.
        RETURNS (bytes): What it has learnt, and the vocabulary.
        """
        serialize = {name: part.save for name, part in self._parts().items()}
        if "vocab" not in exclude:
            serialize["vocab"] = self.vocab.to_bytes
        return util.to_bytes(serialize, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "SavedInParts":
        """Load what `to_bytes` gave.

        bytes_data (bytes): The saved component.
        exclude (Iterable[str]): Names of parts to leave as they are.
        RETURNS (SavedInParts): The component.
        """
        message = srsly.msgpack_loads(bytes_data)
        if "vocab" in message and "vocab" not in exclude:
            self.vocab.from_bytes(message["vocab"])

        def load(name: str, part: Part) -> None:
            # A part that was excluded from the bytes, or left out of them, stays as it is.
            if message.get(name) is not None:
                part.load(message[name])

        self._load(load, exclude)
        return self

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component to a folder.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): Names of parts to leave out.
        """
        folder = util.ensure_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in self._parts().items():
            if name in exclude:
                continue
            if part.write is not None:
                part.write(folder / name)
            else:
                (folder / name).write_bytes(part.save())

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "SavedInParts":
        """Load the component from a folder.

        path (Union[str, Path]): The folder.
        exclude (Iterable[str]): Names of parts to leave as they are.
        RETURNS (SavedInParts): The component.
        RAISES (ValueError): Where a file is missing or damaged; the message names it.
        """
        folder = util.ensure_path(path)

        def load(name: str, part: Part) -> None:
            try:
                if part.read is not None:
                    part.read(folder / name)
                else:
                    part.load((folder / name).read_bytes())
            except Exception as err:
                problem = f"can't be loaded ({err}); install or train the pipeline again"
                raise ValueError(f"{folder / name}: {problem}") from err

        self._load(load, exclude)
        return self
