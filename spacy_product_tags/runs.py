"""How a run that writes a line a record goes on where it was left: beside its output stands what made it."""
import hashlib
import itertools
import json
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Deque, Dict, Iterator, List, Mapping, NoReturn, Optional, Union

from .batch import to_line
from .errors import ListingError
from .io import write_json
from .isolate import Record
from .listing import Listing

if TYPE_CHECKING:
    from spacy.language import Language

SUFFIX = ".run.json"
# What every line that we write starts with.
_HEADS = (b'{"title": ', b'{"error": ')
# Fields of a listing that come out as they went in.
_KEPT = ("title", "description", "id", "product", "lang", "seller_tags", "seller_answers")
_WHAT_TO_DO = "choose another output, or overwrite it with --no-resume"


class Run:
    """A run with one line of output for each record that it reads.

    The record of the run, a file beside the output, says what it was made with and sums up the input read so far, so
    that nothing else goes on with it. It's never ahead of what the output has to say, and may be behind.

    output (Path): The file of lines.
    made_with (Mapping[str, Mapping[str, Any]]): All that decides what comes out, as JSON types, in groups; what
        differs is named.
    """

    def __init__(self, output: Path, made_with: Mapping[str, Mapping[str, Any]]) -> None:
        self.output = output
        self.path = output.with_name(output.name + SUFFIX)
        self.made_with = made_with
        # Lines in the output, how many of them an earlier run wrote, and how many are errors.
        self.count, self.before, self.bad = 0, 0, 0
        self._digest = b""
        # Of what is read and not written yet.
        self._ahead: Deque[bytes] = deque()

    def start(self, records: Iterator[Record]) -> Iterator[Record]:
        """Begin, whatever the output holds. RETURNS (Iterator[Record]): The records; each is taken note of."""
        # A run that is killed here leaves an empty output, which is a new one whatever stands beside it.
        self.output.write_bytes(b"")
        self.save()
        return map(self._note, records)

    def resume(self, records: Iterator[Record]) -> Iterator[Record]:
        """Go on with what the output holds, or begin where it holds nothing; a half-written last line is cut off.

        records (Iterator[Record]): The input from its start.
        RETURNS (Iterator[Record]): What is still to be written; each is taken note of.
        RAISES (ListingError): Where the output was not written from this input, or with something else. It then stays
            as it is. The message says what differs.
        """
        if not self.output.exists() or not self.output.stat().st_size:
            return self.start(records)
        known = self._read_record()
        todo: List[Record] = []
        size, rest, digest = 0, b"", b""
        with self.output.open("rb") as file:
            lines = iter(file)
            for number in itertools.count():
                if number == known["count"] and digest.hex() != known["input"]:
                    problem = f"something in the first {number} listings is not as it was, such as a category"
                    self._refuse(number, "line", problem)
                line = next(lines, b"")
                if line and not line.endswith(b"\n"):
                    rest, line = line, b""
                # The output may have lost lines that the record knows of, when a computer went down.
                if not line and number >= known["count"]:
                    break
                record = next(records, None)
                if record is None:
                    self._refuse(number + 1, "line", f"the input ends after {number} listings")
                digest = _chain(digest, record)
                if not line:
                    todo.append(record)
                    continue
                self._check(number + 1, line, record)
                self.count, self.bad, size = number + 1, self.bad + line.startswith(_HEADS[1]), size + len(line)
                self._digest = digest
        if rest and not any(rest[: len(head)] == head[: len(rest)] for head in _HEADS):
            self._refuse(self.count + 1, "line", "is no line of a run")
        if rest:
            with self.output.open("rb+") as file:
                file.truncate(size)
        self.before = self.count
        self.save()
        return map(self._note, itertools.chain(todo, records))

    def write(self, file: IO[bytes], line: bytes) -> None:
        """Write the line of the next record. file (IO[bytes]): The output. line (bytes): The line."""
        file.write(line)
        self.count += 1
        self.bad += line.startswith(_HEADS[1])
        self._digest = self._ahead.popleft()

    def save(self, complete: bool = False) -> None:
        """Write the record of the run; the lines must be in the output before. complete (bool): Whether it's done."""
        done = {"count": self.count, "input": self._digest.hex(), "complete": complete}
        write_json(self.path, {"made_with": self.made_with, **done})

    def _note(self, record: Record) -> Record:
        last = self._ahead[-1] if self._ahead else self._digest
        self._ahead.append(_chain(last, record))
        return record

    def _read_record(self) -> Dict[str, Any]:
        try:
            known = json.loads(self.path.read_text(encoding="utf8"))
            made_with = {group: dict(values) for group, values in known["made_with"].items()}
            known = {"count": int(known["count"]), "input": str(known["input"])}
        except FileNotFoundError:
            self._refuse(0, "", f"{self.path.name} is not there, which would tell what wrote it")
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            self._refuse(0, "", f"{self.path.name} is damaged ({err!r})")
        differ = list(_differences(made_with, self.made_with))
        if differ:
            self._refuse(0, "", f"was written with something else: {'; '.join(differ)}; give the same")
        return known

    def _check(self, number: int, line: bytes, record: Record) -> None:
        """Check that a line was made of a record. RAISES (ListingError): Where it was not."""
        try:
            data = json.loads(line)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            self._refuse(number, "line", "is no line of a run")
        if isinstance(record, ListingError):
            if data.get("line") != record.line:
                self._refuse(number, "line", f"is not of the input's line {record.line}")
        elif "error" not in data:
            wanted = record.to_dict()
            for name in _KEPT:
                if data.get(name) != wanted.get(name):
                    self._refuse(number, name, f"is {data.get(name)!r:.80}, and {wanted.get(name)!r:.80} in the input")

    def _refuse(self, number: int, field: str, problem: str) -> NoReturn:
        raise ListingError(self.output, number, field or "--output", f"{problem}; {_WHAT_TO_DO}")


def digest_pipeline(nlp: "Language") -> Dict[str, str]:
    """Sum up what decides a pipeline's predictions.

    nlp (Language): The pipeline; where it was loaded from a folder, what is in there counts.
    RETURNS (Dict[str, str]): A digest for the config, the vocabulary and each component.
    """
    path = None if nlp.path is None else Path(nlp.path)
    if path is not None and (path / "config.cfg").exists():
        # How good it is and what it's called changes nothing.
        parts = (entry for entry in sorted(path.iterdir()) if entry.name != "meta.json")
        return {entry.name.removesuffix(".json"): digest_files(entry) for entry in parts}
    saved = {"config.cfg": nlp.config.to_str().encode("utf8"), "vocab": nlp.vocab.to_bytes()}
    for name, component in (("tokenizer", nlp.tokenizer), *nlp.pipeline):
        if hasattr(component, "to_bytes"):
            saved[name] = component.to_bytes(exclude=["vocab"])
    return {name: hashlib.blake2b(data, digest_size=16).hexdigest() for name, data in saved.items()}


def digest_files(path: Union[str, Path]) -> str:
    """Sum up a file, or all that is in a folder, names too. RETURNS (str): A digest."""
    path = Path(path)
    total = hashlib.blake2b(digest_size=16)
    for file in [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file()):
        with file.open("rb") as opened:
            name = file.relative_to(path).as_posix()
            total.update(f"{name}\0{hashlib.file_digest(opened, 'blake2b').hexdigest()}\n".encode())
    return total.hexdigest()


def _chain(before: bytes, record: Record) -> bytes:
    if isinstance(record, Listing):
        line = to_line(record)
    else:
        line = json.dumps([record.line, record.field, record.problem]).encode("utf8")
    return hashlib.blake2b(before + line, digest_size=16).digest()


def _differences(
    then: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for group in dict.fromkeys((*then, *now)):
        old, new = then.get(group, {}), now.get(group, {})
        for name in dict.fromkeys((*old, *new)):
            if old.get(name) != new.get(name):
                yield f"{group}: {name}{_both(old.get(name), new.get(name))}"


def _both(old: Optional[Any], new: Optional[Any]) -> str:
    # A digest tells nobody anything.
    digests = [value for value in (old, new) if isinstance(value, str) and len(value) == 32]
    return "" if digests else f" ({old!r} then, {new!r} now)"
