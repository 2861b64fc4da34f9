"""What predicting minds about the process that it runs in: freed memory goes back, and a forked one does not hang."""
import ctypes
import mmap
import os
import threading
import time

import torch

# Seconds between two looks at the memory in use, and how much it may grow before what is free of it is returned. What
# is returned must be fetched again: to return it every two seconds cost 7 % of the speed.
_PAUSE, _GROWTH = 1.0, 1.5
_PAGE = mmap.PAGESIZE


class Process:
    """The process, as predicting knows it."""

    def __init__(self) -> None:
        self.id = os.getpid()
        self.next_look = 0.0
        # Bytes; 0 = nobody has looked yet.
        self.most = 0.0
        self.lock = threading.Lock()

    def before_predicting(self) -> None:
        """Compute with one thread where the process was forked.

        OpenMP's threads stay behind in the parent, and a child that asks for them waits for ever.
        """
        if os.getpid() != self.id:
            torch.set_num_threads(1)
            Process.__init__(self)

    def after_predicting(self) -> None:
        """Give freed memory back where that in use has grown by half; of threads that predict at once one does."""
        now = time.monotonic()
        if now >= self.next_look and self.lock.acquire(blocking=False):
            try:
                self.next_look = now + _PAUSE
                used = memory_in_use()
                if used > self.most:
                    if self.most:
                        return_freed_memory()
                        used = memory_in_use()
                    self.most = used * _GROWTH
            finally:
                self.lock.release()


PROCESS = Process()


def memory_in_use() -> int:
    """Tell how much memory the process holds. RETURNS (int): Bytes; 0 = the system doesn't say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0  # not Linux: there is nothing to return memory with either


def return_freed_memory() -> None:
    """Give freed memory back to the system: batches of ever new sizes leave glibc's heap full of holes.

    Why sizes vary so much is not fixed by this: it took a training run on CPU from 14.7 GB to a peak of 1.9.
    """
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not glibc
