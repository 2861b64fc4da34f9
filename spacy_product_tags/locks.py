"""One writer at a time: a lock file, held by the system, which lets go of it when the process ends, however it ends."""
import os
import shlex
import socket
import sys
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Iterator, Union

from filelock import FileLock, Timeout

SUFFIX = ".lock"
# What a short change waits for another to end, in seconds.
PATIENCE = 60.0
# Characters of the other's command that are shown.
_SHOWN = 200


class BusyError(OSError):
    """Another process, or another thread, writes the same output."""


@contextmanager
def exclusive(output: Union[str, Path], *, wait: float = 0.0) -> Iterator[None]:
    """Keep an output for this thread alone while the context lasts; within it, the same thread may ask again.

    output (Union[str, Path]): A file or folder, there or not. The lock is a file beside it, with ``.lock`` behind its
        name, which tells who writes; it goes when the context ends. One that a killed process left holds nobody up.
    wait (float): Seconds to wait for another writer to end.
    RAISES (BusyError): Where another still writes then; the message says who, and what to do.
    """
    path = Path(os.path.realpath(output))
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A device or a pipe has readers, and no place beside it.
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(path.name + SUFFIX)
    lock = FileLock(place, is_singleton=True)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise BusyError(
            f"{output}: {_read_holder(place)} is writing it; wait until that has ended, or give another output"
        ) from None
    try:
        if lock.lock_counter == 1:
            # Windows keeps others from reading it; then they are told less.
            with suppress(OSError):
                place.write_text(_describe_self(), encoding="utf8")
        yield
    finally:
        if lock.lock_counter == 1:
            # Still locked: who waits for this file finds that it's gone, and makes a new one. Where the system keeps
            # it, as Windows does, it's only a file.
            with suppress(OSError):
                place.unlink()
        lock.release()


def _describe_self() -> str:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else ""
    since = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since} ({command[:_SHOWN]})\n"


def _read_holder(place: Path) -> str:
    with suppress(OSError):
        # Nobody has to trust what stands there: it's shown, in one line.
        text = place.read_text(encoding="utf8", errors="backslashreplace").strip()
        if text:
            return " ".join(text.split())[: 2 * _SHOWN]
    return "another process"
