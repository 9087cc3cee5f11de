"""Stops jobs under way: asked by a signal handler, obeyed in the threads that follow them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancel:
    """`reason` is empty until somebody stops; then it is the sentence that the runs end with."""

    def __init__(self) -> None:
        self.reason = ""
        self._ends: list[Callable[[], None]] = []
        # Reentrant: a signal handler runs in the thread that it interrupts.
        self._lock = threading.RLock()

    def stop(self, reason: str) -> None:
        """End every job that runs now or begins later; safe in a signal handler."""
        with self._lock:
            self.reason = self.reason or reason
            ends = list(self._ends)
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `stop` calls `end`; at once if it was called before."""
        with self._lock:
            self._ends.append(end)
            stopped = bool(self.reason)
        if stopped:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
