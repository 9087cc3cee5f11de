"""Ctrl-C and SIGTERM end the running jobs at once; what ran is archived, the rest is not begun."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..runtime.cancel import Cancel

_WORDS = {signal.SIGINT: "stopped by Ctrl-C", signal.SIGTERM: "stopped by SIGTERM"}


class Stopping(Cancel):
    """`exit_code` is that of the command: 130 after Ctrl-C, 143 after SIGTERM, else 0."""

    exit_code = 0


@contextmanager
def stopping() -> Iterator[Stopping]:
    """Take both signals while the block runs; a second one acts as it would without us."""
    cancel = Stopping()
    before = {number: signal.getsignal(number) for number in _WORDS}

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        cancel.exit_code = cancel.exit_code or 128 + number
        cancel.stop(_WORDS[signal.Signals(number)])

    if threading.current_thread() is not threading.main_thread():  # no signal comes here
        yield cancel
        return
    for number in _WORDS:
        signal.signal(number, stop)
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
