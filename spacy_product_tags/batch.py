"""`tag_listings`: tag many listings, in one process or several; also what resuming such a run needs."""
import itertools
import json
import multiprocessing
import os
import pickle
import signal
import traceback
from collections import deque
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Union

from spacy.language import Language
from spacy.tokens.underscore import Underscore
from spacy.util import minibatch

from .errors import ListingError
from .graphemes import clean
from .io import iter_lines, parse_json
from .listing import Listing
from .listings.html import tag_as_plain_text

# A listing, or why there is none in its place.
Record = Union[Listing, ListingError]
# What every line that we write starts with.
_HEADS = (b'{"title": ', b'{"error": ')


def tag_listings(
    nlp: Language,
    listings: Iterable[Record],
    *,
    batch_size: int = 128,
    n_process: int = 1,
    strip_html: bool = True,
) -> Iterator[Record]:
    """Run a pipeline over listings and give each with its predicted tags, in the same order.

    Seller tags are in ``doc._.tags`` when the pipeline starts. All tags that a listing came with are replaced; a
    category is filled in where the listing has none and the pipeline predicts one.

    nlp (Language): The pipeline.
    listings (Iterable[Record]): The listings; a `ListingError`, such as `read_records` gives, passes through in place.
    batch_size (int): Listings a batch.
    n_process (int): Processes to use, -1 = one a core. Each is started afresh ("spawn") and computes with one thread,
        so that they neither hang nor slow each other down; on a GPU use 1.
    strip_html (bool): Whether the pipeline reads listings with HTML in them as plain text. Their tags' offsets are
        those of the source, and `raw` is what stands there.
    YIELDS (Record): The tagged listings.
    RAISES (ValueError): On a batch size or a number of processes below 1.
    RAISES (ChildProcessError): Where a worker process dies.
    """
    n_process = os.cpu_count() or 1 if n_process == -1 else n_process
    for name, value in (("batch_size", batch_size), ("n_process", n_process)):
        if value < 1:
            raise ValueError(f"{name}: must be 1 or more, not {value}")
    tag = partial(_tag_listings, nlp, batch_size=batch_size, n_process=n_process)
    yield from tag_as_plain_text(listings, tag) if strip_html else tag(listings)


def _tag_listings(nlp: Language, listings: Iterable[Record], batch_size: int, n_process: int) -> Iterator[Record]:
    batches = minibatch(listings, batch_size)
    if n_process == 1:
        for batch in batches:
            yield from _tag_batch(nlp, batch)
    else:
        yield from _tag_in_processes(nlp, batches, n_process)


def _tag_batch(nlp: Language, batch: List[Record]) -> List[Record]:
    listings = [record for record in batch if isinstance(record, Listing)]
    docs = []
    for listing in listings:
        doc = nlp.make_doc(listing.text)
        doc._.tags = [text for text in listing.seller_tags if clean(text)]
        docs.append(doc)
    tagged = iter(
        [
            replace(listing, tags=doc._.tags, category=listing.category or doc._.category)
            for listing, doc in zip(listings, nlp.pipe(docs, batch_size=max(len(docs), 1)))
        ]
    )
    return [next(tagged) if isinstance(record, Listing) else record for record in batch]


def _tag_in_processes(nlp: Language, batches: Iterator[List[Record]], n_process: int) -> Iterator[Record]:
    # `nlp.pipe(n_process=…)` and executors have queues that can wait forever for a worker that died. Here each worker
    # has a pipe of its own and one batch at a time: it's always known who has to read, and a dead one closes its end.
    first = list(itertools.islice(batches, n_process))
    context = multiprocessing.get_context("spawn")
    workers: List[_Worker] = []
    try:
        workers.extend(_Worker(context) for _ in first)
        # Only now, when all of them are starting; pickled here and once, since `Process` would wait forever for a
        # child that dies before it has read its arguments.
        state = pickle.dumps((nlp, Underscore.get_state()))
        for worker in workers:
            worker.call(worker.connection.send_bytes, state)
        del state
        for worker, batch in zip(workers, first):
            worker.call(worker.connection.send, batch)
        busy = deque(workers)
        for batch in batches:
            worker = busy.popleft()
            tagged = worker.receive()
            worker.call(worker.connection.send, batch)
            busy.append(worker)
            yield from tagged
        while busy:
            yield from busy.popleft().receive()
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process that tags one batch after another.

    context (BaseContext): How to start it.
    """

    def __init__(self, context: multiprocessing.context.BaseContext) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        self.process.start()
        # So that reading fails, instead of waiting, when the worker has gone.
        theirs.close()

    def call(self, method: Callable[..., Any], *args: Any) -> Any:
        """Send or receive. RETURNS (Any): What the method gives. RAISES (ChildProcessError): Where the worker died."""
        try:
            return method(*args)
        except (EOFError, OSError):
            self.process.join(5)
            raise ChildProcessError(
                f"a worker process died (exit code {self.process.exitcode}), mostly for want of memory: use a smaller "
                "batch size or fewer processes; a script must call this under: if __name__ == '__main__'"
            ) from None

    def receive(self) -> List[Record]:
        """Wait for the batch. RETURNS (List[Record]): Tagged. RAISES (RuntimeError): Where tagging it failed."""
        tagged = self.call(self.connection.recv)
        if isinstance(tagged, str):
            raise RuntimeError(f"a worker process failed:\n{tagged}")
        return tagged

    def stop(self) -> None:
        """End the process: whatever it still works at, nobody waits for."""
        self.connection.close()
        self.process.kill()
        self.process.join()


def _work(connection: Connection) -> None:
    import torch

    # Ctrl-C is for the parent, which stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    try:
        nlp, underscore = pickle.loads(connection.recv_bytes())
        Underscore.load_state(underscore)
        while True:
            connection.send(_tag_batch(nlp, connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has gone
    except Exception:
        connection.send(traceback.format_exc())


def read_records(lines: Iterable[str], name: str, *, plain: bool = False, max_length: int = 10**6) -> Iterator[Record]:
    """Read listings line by line; what is no listing stays in its place as an error.

    lines (Iterable[str]): Lines of JSON; blank ones are passed over.
    name (str): What to call the input in errors.
    plain (bool): Whether each line is a title as it is, not JSON.
    max_length (int): Most characters of text that a listing may have, such as ``nlp.max_length``.
    YIELDS (Record): A listing, or the error with line and field.
    """
    for number, line in iter_lines(lines):
        try:
            listing = Listing(title=line.strip()) if plain else Listing.from_dict(parse_json(line))
            if len(listing.text) > max_length:
                problem = f"has {len(listing.text)} characters with the description, the most is {max_length}"
                raise ListingError(name, number, "title", problem)
            to_line(listing)
        except UnicodeEncodeError:
            yield ListingError(name, number, "line", "has characters that are no UTF-8; save the file as UTF-8")
        except ListingError as err:
            yield ListingError(name, number, err.field, err.problem)
        else:
            yield listing


def to_line(record: Record) -> bytes:
    """Give a record as a line of JSONL. RETURNS (bytes): UTF-8 with the line break. RAISES (UnicodeEncodeError)."""
    data = record.to_dict() if isinstance(record, Listing) else {"error": str(record), "line": record.line}
    return (json.dumps(data, ensure_ascii=False) + "\n").encode("utf8")


class Written(NamedTuple):
    """What an output file that was left unfinished holds.

    count (int): Whole records.
    size (int): Their bytes.
    last (bytes): The last of them.
    rest (bytes): The half-written line behind them.
    """

    count: int
    size: int
    last: bytes
    rest: bytes


def read_written(path: Path) -> Written:
    """Look at an output file. RETURNS (Written): What it holds; nothing where there is no file."""
    count, size, last, rest = 0, 0, b"", b""
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    count, size, last = count + 1, size + len(line), line
                else:
                    rest = line
    return Written(count, size, last, rest)


def skip_written(records: Iterator[Record], path: Path) -> List[Record]:
    """Take the records that are in the output already, and cut a half-written last line off the output.

    records (Iterator[Record]): The input from its start; goes on after what was written.
    path (Path): The output file.
    RETURNS (List[Record]): The records that were bad among those written.
    RAISES (ListingError): Where the file was not written from this input; it then stays as it is.
    """
    written = read_written(path)
    bad: List[Record] = []
    count, last = 0, None
    for last in itertools.islice(records, written.count):
        count += 1
        if isinstance(last, ListingError):
            bad.append(last)
    ours = not written.rest or any(written.rest[: len(head)] == head[: len(written.rest)] for head in _HEADS)
    if not ours or count < written.count or (last is not None and not _is_of(written.last, last)):
        problem = "was not written from this input; choose another output, or overwrite it with --no-resume"
        raise ListingError(path, written.count, "line", problem)
    if written.rest:
        with path.open("rb+") as file:
            file.truncate(written.size)
    return bad


def _is_of(line: bytes, record: Record) -> bool:
    try:
        data = json.loads(line)
    except ValueError:
        return False
    if not isinstance(data, dict):
        return False
    if isinstance(record, ListingError):
        return "error" in data and data.get("line") == record.line
    return data.get("title") == record.title
