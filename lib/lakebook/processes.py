"""A function in a process of its own, started however the caller can: plain, or forked warm.

Packages that stand below `runtime` take a `Spawn` and do not know how a process begins; the warm
one is `runtime.warm.spawner`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs, whoever's it is. One that has ended and whose parent
    has not asked yet how does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, so it is there
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # a system without it, or it has gone
        return not Path("/proc/self").exists()
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def host_id() -> str:
    """This machine, in letters that any file system takes in a name."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def is_dead_here(host: str, pid: int) -> bool:
    """Whether a process was this machine's (`host_id`) and runs no more; of others nobody knows."""
    return host == host_id() and not is_alive(pid)


class Process(Protocol):
    """What is asked of a process that was started."""

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        ...

    def kill(self) -> None:
        """End it, if it runs, and whatever it has started."""
        ...

    def wait(self, timeout: float | None = None) -> int | None: ...


class Spawn(Protocol):
    """Starts `"package.module:function"` with texts as arguments."""

    def __call__(
        self, target: str, args: Sequence[str], *, cwd: Path, log: Path, environ: Mapping[str, str]
    ) -> Process:
        """`log` receives what the process prints; `environ` comes on top of this process's."""
        ...


class PlainProcess(subprocess.Popen[bytes]):
    """A process with a group of its own, which ends with it."""

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left
            os.killpg(self.pid, signal.SIGKILL)


def spawn_plain(
    target: str, args: Sequence[str], *, cwd: Path, log: Path, environ: Mapping[str, str]
) -> PlainProcess:
    """A fresh interpreter: it pays for every import."""
    lib = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join([lib, *filter(None, [os.environ.get("PYTHONPATH")])])
    with log.open("wb") as output:
        return PlainProcess(
            [sys.executable, "-m", __name__, target, *args],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env={**os.environ, **environ, "PYTHONPATH": path},
            start_new_session=True,
        )


def main(argv: Sequence[str]) -> None:
    module, _, function = argv[0].partition(":")
    getattr(importlib.import_module(module), function)(*argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
