"""The warm parent's loop: it accepts clients, forks a child for each, and reaps.

It has one thread, for a fork copies only the one that calls it. How a parent starts is `parent`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass
from typing import Any

from . import child
from .spec import WarmSpec

FIRST_CLIENT_S = 60.0
KILL_AFTER_S = 3.0
SELF_TEST_S = 30.0  # it takes a tenth of a second; on a machine with more to do, more


@dataclass
class Client:
    """One connection. `pid` is its child's, once there is one; who `holds` wants none, but that the
    parent stays."""

    socket: socket.socket
    rest: bytes = b""
    pid: int = 0
    gone: bool = False
    holds: bool = False
    kill_at: float = 0.0


class Parent:
    """The loop that accepts, forks, reaps and, when nobody is left, ends."""

    def __init__(
        self, spec: WarmSpec, listener: socket.socket, refusal: str = "", *, stale: bool = False
    ) -> None:
        self.spec = spec
        self.stale = stale  # refuses because it holds other code than its key says
        self.listener: socket.socket | None = listener
        self.refusal = refusal  # why nothing can be forked, or empty
        self.clients: dict[int, Client] = {}
        self.linger_s = spec.linger_s
        self.last_used = time.monotonic()
        self.served = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)
        self.wake, wake_write = socket.socketpair()
        for end in (self.wake, wake_write):
            end.setblocking(False)
        self.wake_write = wake_write
        self.selector.register(self.wake, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
        for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(ending, self._retire)

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select(self._sleep_s()):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj is self.wake:
                    with contextlib.suppress(BlockingIOError):
                        self.wake.recv(4096)
                else:
                    self._hear(self.clients[key.fd])
            self._reap()
            self._end_orphans()
            if self.listener is None:
                for client in [one for one in self.clients.values() if one.holds]:
                    self._forget(client)  # the next kernel has another parent
            if not self.clients and self._is_over():
                return

    def _sleep_s(self) -> float | None:
        due = [client.kill_at - time.monotonic() for client in self.clients.values() if client.gone]
        if not self.clients:
            due.append(self._lingers_until() - time.monotonic())
        return max(0.0, min(due)) if due else None

    def _lingers_until(self) -> float:
        if self.listener is None:
            return 0.0
        # A parent that was started ahead of its first client must not end before that comes.
        return self.last_used + (
            self.linger_s if self.served else max(self.linger_s, FIRST_CLIENT_S)
        )

    def _is_over(self) -> bool:
        """Whether to end now. Under the starters' lock: nobody connects to a closing door."""
        if self.listener is None:
            return True
        if time.monotonic() < self._lingers_until():
            return False
        lock = os.open(self.spec.lock, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._accept()
            if self.clients:
                return False
            self._close_door()
            return True
        except BlockingIOError:
            # A starter holds it and is about to connect to us.
            self.last_used = time.monotonic()
            return False
        finally:
            os.close(lock)

    def _close_door(self) -> None:
        if self.listener is not None:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None
            self.spec.socket.unlink(missing_ok=True)

    def _retire(self, *_: object) -> None:
        """Take no more clients; end with the last child."""
        self._close_door()

    def _accept(self) -> None:
        while self.listener is not None:
            try:
                connection, _ = self.listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            if _uid_of(connection) != os.getuid():
                connection.close()
                continue
            connection.setblocking(False)
            self.clients[connection.fileno()] = Client(connection)
            self.selector.register(connection, selectors.EVENT_READ)

    def _hear(self, client: Client) -> None:
        try:
            data = client.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(client)
            return
        *lines, client.rest = (client.rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "signal" in message:
                _signal_group(client.pid, message["signal"])
            elif message.get("kind") == "retire":
                self._forget(client)
                self._retire()
                return
            elif message.get("kind") == "hold":
                client.holds = True
            elif not client.pid:
                self._launch(client, message)

    def _launch(self, client: Client, request: dict[str, Any]) -> None:
        self.linger_s = float(request.get("linger_s", self.linger_s))
        if self.refusal:
            self._tell(client, {"event": "refused", "found": self.refusal, "stale": self.stale})
            self._forget(client)
            self.served = True
            if self.stale:
                self._close_door()  # nobody will look for this key again
            return
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become(client, request)
        client.pid, self.served = pid, True

    def _become(self, client: Client, request: dict[str, Any]) -> None:
        """Let go of all that is the parent's, then be the child. Never returns."""
        try:
            signal.set_wakeup_fd(-1)
            self.selector.close()  # closes our copy; unregistering would change the parent's too
            for end in (self.wake, self.wake_write, self.listener):
                if end is not None:
                    end.close()
            for other in self.clients.values():
                if other is not client:
                    other.socket.close()
            client.socket.setblocking(True)
            child.run(request, client.socket, parent_pid=os.getppid())
        finally:
            os._exit(70)

    def _lose(self, client: Client) -> None:
        """The client is gone: so must its child be."""
        if not client.pid:
            self._forget(client)
            return
        self.selector.unregister(client.socket)
        client.gone, client.kill_at = True, time.monotonic() + KILL_AFTER_S
        _signal_group(client.pid, signal.SIGTERM)

    def _end_orphans(self) -> None:
        now = time.monotonic()
        for client in self.clients.values():
            if client.gone and now >= client.kill_at:
                _signal_group(client.pid, signal.SIGKILL)
                client.kill_at = now + KILL_AFTER_S

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for client in list(self.clients.values()):
                if client.pid == pid:
                    # What the child started and left behind goes with it.
                    _signal_group(pid, signal.SIGKILL)
                    status = os.waitstatus_to_exitcode(status)
                    self._tell(client, {"event": "exit", "status": status})
                    self._forget(client)

    def _tell(self, client: Client, message: dict[str, Any]) -> None:
        if not client.gone:
            with contextlib.suppress(OSError):  # the client went away: nobody to tell
                client.socket.setblocking(True)
                client.socket.settimeout(5)
                client.socket.sendall(json.dumps(message).encode() + b"\n")

    def _forget(self, client: Client) -> None:
        self.clients.pop(client.socket.fileno(), None)
        if not client.gone:
            self.selector.unregister(client.socket)
        client.socket.close()
        self.last_used = time.monotonic()


def proves(timeout_s: float = SELF_TEST_S) -> bool:
    """Whether a fork of this process can compute with what is imported; one that hangs cannot."""
    pid = os.fork()
    if pid == 0:
        child.prove()
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def _signal_group(pid: int, signum: int) -> None:
    if pid > 1:
        try:
            os.killpg(pid, signum)
        except ProcessLookupError:
            # Between fork and setsid the child is still in our group; reach it alone.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)


def _uid_of(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])
