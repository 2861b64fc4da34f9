"""`tag_listings`: tag many listings, in one process or several."""
import itertools
import json
import multiprocessing
import os
import pickle
import signal
import traceback
import warnings
from collections import deque
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Mapping, Optional, Union

from .errors import ListingError
from .io import OnError, bad, iter_lines, parse_json, raise_error
from .isolate import MAX_TAG_LENGTH, MAX_TAGS, Limits, Numbered, Record, Tagged, tag_batch
from .listing import Listing, as_listing, mend_surrogates
from .listings.html import tag_as_plain_text

if TYPE_CHECKING:
    from spacy.language import Language

# What stands for the file in an error of a listing that comes from none.
_NAME = "listings"


def tag_listings(
    nlp: "Language",
    listings: Iterable[Union[Record, str, Mapping[str, Any]]],
    *,
    batch_size: int = 128,
    n_process: int = 1,
    strip_html: bool = True,
    max_tags: int = MAX_TAGS,
    max_tag_length: int = MAX_TAG_LENGTH,
    on_error: Optional[OnError] = None,
) -> Iterator[Record]:
    """Run a pipeline over listings and give each with its predicted tags, in the same order.

    Seller tags and the category that a listing has are in ``doc._.tags`` and ``doc._.category`` when the pipeline
    starts. All tags that a listing came with are replaced; a category is filled in where the listing has none and the
    pipeline predicts one. One bad listing never stops the rest: nor does a seller tag.

    nlp (Language): The pipeline.
    listings (Iterable[Union[Record, str, Mapping[str, Any]]]): The listings, dicts of their fields, or titles as
        strings; a `ListingError`, such as `read_records` gives, passes through in place.
    batch_size (int): Listings a batch.
    n_process (int): Processes to use, -1 = one a core. Each is started afresh ("spawn") and computes with one thread,
        so that they neither hang nor slow each other down; on a GPU use 1.
    strip_html (bool): Whether the pipeline reads listings with HTML in them as plain text. Their tags' offsets are
        those of the source, and `raw` is what stands there.
    max_tags (int): Most seller tags of a listing that the pipeline gets.
    max_tag_length (int): Most characters of a seller tag that it gets.
    on_error (Optional[Callable[[ListingError], None]]): Called with the error of each listing that can't be tagged,
        which is then left out, of each seller tag that is left out, and of a text with more tags than the generator's
        `max_tags`. None = the error of a listing comes out in its place, and any other is a warning. The line is the
        listing's number, counted from 1.
    YIELDS (Record): The tagged listings.
    RAISES (ValueError): On a batch size, a number of processes or a limit below 1.
    RAISES (TypeError): Where the listings are one string, one dict or a table.
    RAISES (ChildProcessError): Where a worker process dies.
    """
    for record in tag_records(
        nlp,
        listings,
        batch_size=batch_size,
        n_process=n_process,
        strip_html=strip_html,
        limits=Limits(max_tags, max_tag_length),
        on_tag_error=on_error or _warn,
    ):
        if on_error is not None and isinstance(record, ListingError):
            on_error(record)
        else:
            yield record


def tag_records(
    nlp: "Language",
    listings: Iterable[Union[Record, str, Mapping[str, Any]]],
    *,
    batch_size: int = 128,
    n_process: int = 1,
    strip_html: bool = True,
    limits: Limits = Limits(),  # noqa: B008
    on_tag_error: OnError = raise_error,
) -> Iterator[Record]:
    """Tag as `tag_listings` does, with an error in place of each listing that can't be tagged.

    limits (Limits): What the pipeline gets of a listing's seller tags.
    on_tag_error (Callable[[ListingError], None]): Called with the error of each seller tag that is left out, and of a
        text with too many tags, before its listing comes out.
    YIELDS (Record): One for each listing.
    """
    n_process = os.cpu_count() or 1 if n_process == -1 else n_process
    for name, value in {"batch_size": batch_size, "n_process": n_process, **limits._asdict()}.items():
        if value < 1:
            raise ValueError(f"{name}: must be 1 or more, not {value}")
    if isinstance(listings, (str, Mapping)) or hasattr(listings, "iterrows"):
        hint = {str: "[title]", dict: "[listing]"}.get(type(listings), "table.to_dict('records')")
        raise TypeError(f"listings: needed are several, not one {type(listings).__name__}; give {hint}")
    tag = partial(
        _tag_numbered, nlp, batch_size=batch_size, n_process=n_process, limits=limits, on_tag_error=on_tag_error
    )
    records = _check(listings)
    yield from tag_as_plain_text(records, tag) if strip_html else tag(records)


def _warn(error: ListingError) -> None:
    warnings.warn(str(error), stacklevel=4)


def _check(listings: Iterable[Any]) -> Iterator[Record]:
    """YIELDS (Record): A listing, or the error in its place."""
    for number, value in enumerate(listings, 1):
        if isinstance(value, ListingError):
            yield value
            continue
        try:
            yield as_listing(value)
        except ListingError as err:
            yield err.at(_NAME, number)


def _tag_numbered(
    nlp: "Language", listings: Iterable[Record], batch_size: int, n_process: int, limits: Limits, on_tag_error: OnError
) -> Iterator[Record]:
    from spacy.util import minibatch

    batches = minibatch(enumerate(listings, 1), batch_size)
    if n_process == 1:
        tagged: Iterator[Tagged] = itertools.chain.from_iterable(tag_batch(nlp, batch, limits) for batch in batches)
    else:
        tagged = _tag_in_processes(nlp, batches, n_process, limits)
    for record, errors in tagged:
        for error in errors:
            on_tag_error(error)
        yield record


def _tag_in_processes(
    nlp: "Language", batches: Iterator[List[Numbered]], n_process: int, limits: Limits
) -> Iterator[Tagged]:
    from spacy.tokens.underscore import Underscore

    # `nlp.pipe(n_process=…)` and executors have queues that can wait forever for a worker that died. Here each worker
    # has a pipe of its own and one batch at a time: it's always known who has to read, and a dead one closes its end.
    first = list(itertools.islice(batches, n_process))
    context = multiprocessing.get_context("spawn")
    workers: List[_Worker] = []
    try:
        workers.extend(_Worker(context) for _ in first)
        # Only now, when all of them are starting; pickled here and once, since `Process` would wait forever for a
        # child that dies before it has read its arguments.
        state = pickle.dumps((nlp, limits, Underscore.get_state()))
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

    context (SpawnContext): How to start it.
    """

    def __init__(self, context: multiprocessing.context.SpawnContext) -> None:
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

    def receive(self) -> List[Tagged]:
        """Wait for the batch. RETURNS (List[Tagged]): Tagged. RAISES (RuntimeError): Where tagging it failed."""
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
    from spacy.tokens.underscore import Underscore

    # Ctrl-C is for the parent, which stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    try:
        nlp, limits, underscore = pickle.loads(connection.recv_bytes())
        Underscore.load_state(underscore)
        while True:
            connection.send(tag_batch(nlp, connection.recv(), limits))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has gone
    except Exception:
        # The worker's outermost loop: whatever went wrong, the parent raises it.
        connection.send(traceback.format_exc())


def read_records(
    lines: Iterable[str], name: str, *, plain: bool = False, guessed: bool = False, max_length: int = 10**6
) -> Iterator[Record]:
    """Read listings line by line; what is no listing stays in its place as an error.

    lines (Iterable[str]): Lines of JSON; blank ones are passed over.
    name (str): What to call the input in errors.
    plain (bool): Whether each line is a title as it is, not JSON.
    guessed (bool): Whether nobody said so: a title that is a listing in JSON is an error then.
    max_length (int): Most characters of text that a listing may have, such as ``nlp.max_length``.
    YIELDS (Record): A listing, or the error with line and field.
    """
    for _, record in number_records(lines, name, plain=plain, guessed=guessed, max_length=max_length):
        yield record


def number_records(
    lines: Iterable[str], name: str, *, plain: bool = False, guessed: bool = False, max_length: int = 10**6
) -> Iterator[Numbered]:
    """Read as `read_records` does. YIELDS (Tuple[int, Record]): The line, counted from 1, and the record."""
    for number, line in iter_lines(lines):
        try:
            yield number, _read_record(line, plain, guessed, max_length)
        except ListingError as err:
            yield number, err.at(name, number)


def _read_record(line: str, plain: bool, guessed: bool, max_length: int) -> Listing:
    if not line.isascii():
        try:
            line.encode("utf8")
        except UnicodeEncodeError:
            raise bad("line", "has characters that are no UTF-8; save the file as UTF-8") from None
    if "\0" in line:
        raise bad("line", "has null characters, as a file in UTF-16 does; save the file as UTF-8")
    if not plain:
        listing = mend_surrogates(Listing.from_dict(parse_json(line)))
    elif guessed and _is_listing(line):
        raise bad("line", "is a listing among titles; say what the input holds with --input-format jsonl or txt")
    else:
        listing = Listing(title=line.strip())
    if len(listing.text) > max_length:
        raise bad("title", f"has {len(listing.text)} characters with the description, the most is {max_length}")
    return listing


def _is_listing(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and not {"title", "text"}.isdisjoint(parse_json(line))
    except ListingError:
        return False


def to_line(record: Record) -> bytes:
    """Give a record as a line of JSONL. RETURNS (bytes): UTF-8 with the line break. RAISES (UnicodeEncodeError)."""
    data = record.to_dict() if isinstance(record, Listing) else {"error": str(record), "line": record.line}
    return (json.dumps(data, ensure_ascii=False) + "\n").encode("utf8")
