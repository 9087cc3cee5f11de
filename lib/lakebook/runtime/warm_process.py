"""A child of the warm parent as its client sees it. Who asks for one is `warm.py`."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

START_TIMEOUT_S = 180.0


class WarmProcess:
    """A forked child, in the manner of `subprocess.Popen`, with the lines that it reports.

    The socket is the child's lifeline: when this side ends, the parent ends the child.
    """

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self.pid = 0
        self.returncode: int | None = None
        self.lost = False

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Send the request and return the first answer; None when the parent ended instead."""
        with contextlib.suppress(OSError):
            self._socket.sendall(line_of(message))
            for event in self.events(START_TIMEOUT_S):
                if event["event"] in ("forked", "refused"):
                    return event
        return None

    def events(self, timeout_s: float | None = None) -> Iterator[dict[str, Any]]:
        """Yield reports as they come, until the child has ended or `timeout_s` went by."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            while self._events:
                yield self._events.pop(0)
            if self.returncode is not None:
                return
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                return
            self._receive(left)

    def expect(self, kind: str, timeout_s: float | None) -> dict[str, Any] | None:
        """Wait for one kind of report; None when it does not come in time or the child ends."""
        for event in self.events(timeout_s):
            if event.get("event") == kind:
                return event
        return None

    def poll(self) -> int | None:
        while self.returncode is None and select.select([self._socket], [], [], 0)[0]:
            self._receive(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                raise subprocess.TimeoutExpired("warm child", timeout or 0)
            self._receive(left)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Signal the child's group; through the parent, which knows that the pid is still its."""
        if self.poll() is None:
            with contextlib.suppress(OSError):  # the child ended meanwhile
                self._socket.sendall(line_of({"signal": int(signum)}))

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def abort(self) -> None:
        """End the child at once, from another thread than the one that follows it."""
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if self.pid:
                self._socket.sendall(line_of({"signal": int(signal.SIGKILL)}))
            else:  # not forked yet: the follower stops waiting, and the parent ends what comes
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go; a child that still runs is ended by the parent."""
        self._socket.close()
        if self.returncode is None:
            self.returncode = -signal.SIGKILL

    def _receive(self, timeout_s: float | None) -> None:
        try:
            if not select.select([self._socket], [], [], timeout_s)[0]:
                return
            data = self._socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            # Children die with their parent, so no exit line means that the parent was killed.
            self.lost, self.returncode = True, -signal.SIGKILL
            self._socket.close()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            if event.get("event") == "exit":
                self.returncode = event["status"]
                self._socket.close()
            elif event.get("event") == "forked":
                self.pid = event["pid"]
            self._events.append(event)


def line_of(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, default=str).encode() + b"\n"
