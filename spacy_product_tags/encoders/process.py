"""What predicting minds about the process that it runs in: freed memory goes back, and a forked one does not hang."""
import ctypes
import os
import threading
import time

import torch

# Seconds between two returns of freed memory, and the share of the time that they may take.
_PAUSE, _SHARE = 2.0, 0.005


class Process:
    """The process, as predicting knows it."""

    def __init__(self) -> None:
        self.id = os.getpid()
        self.next_return = 0.0
        self.lock = threading.Lock()

    def before_predicting(self) -> None:
        """Compute with one thread where the process was forked.

        OpenMP's threads stay behind in the parent, and a child that asks for them waits for ever.
        """
        if os.getpid() != self.id:
            torch.set_num_threads(1)
            self.__init__()

    def after_predicting(self) -> None:
        """Give freed memory back now and then; of threads that predict at once one does."""
        now = time.monotonic()
        if now >= self.next_return and self.lock.acquire(blocking=False):
            try:
                return_freed_memory()
                self.next_return = now + max(_PAUSE, (time.monotonic() - now) / _SHARE)
            finally:
                self.lock.release()


PROCESS = Process()


def return_freed_memory() -> None:
    """Give freed memory back to the system: batches of ever new sizes leave glibc's heap full of holes.

    Why sizes vary so much is not fixed by this: it took a training run on CPU from 14.7 GB to a peak of 1.9.
    """
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not glibc
