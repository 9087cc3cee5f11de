"""The client's side of the warm parent: find or start it, have it fork, follow the child.

A request is one JSON line over a Unix socket; what comes back is JSON lines until the child's exit.
The other side is `parent.py`; requests are kernels, notebook jobs and calls of one function.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..processes import Process, Spawn, spawn_plain
from ..settings import Settings
from . import caller
from .cancel import Cancel
from .place import dial
from .spec import WarmSpec, import_environ, warm_spec
from .warm_process import WarmProcess, line_of

READY_S = 2.0
SLOW_READY_S = 20.0
_RETRIES = 3
_PARENT = (
    "import sys; sys.flags.safe_path or sys.path.pop(0); import lakebook.runtime.parent as it; "
    "__file__ = it.__file__; sys.exit(it.main(sys.argv[1:]))"
)
"""What lies where somebody stands must not shadow a module of the parent. Not by `python -P -m`: a
flag is handed on to the processes that a cell starts. A program without a file is a doctest for
PySpark, whose import ends it."""


class WarmUnavailable(RunError):
    """There is no warm parent, and why; callers start a plain process and say so."""


def launch(
    settings: Settings,
    request: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
    cancel: Cancel | None = None,
) -> WarmProcess:
    """Have the parent fork a child for `request`. Raises WarmUnavailable, also when cancelled.

    `request` says kind ("kernel", "job", "call") and what that kind needs, `cwd` and maybe `log`.
    """
    env = dict(os.environ if env is None else env)
    if caller.has_little_room():
        raise WarmUnavailable("the address space is limited (ulimit -v), and a warm one's is large")
    found = ""
    for _ in range(_RETRIES):
        spec = _spec(settings, env)
        process, answer = _ask(spec, connect(spec), request, env, cancel)
        if process is not None:
            return process
        if cancel is not None and cancel.reason:
            raise WarmUnavailable(cancel.reason)
        found = (answer or {}).get("found", f"the warm parent ended; its log is {spec.log}")
        if answer is not None and not answer.get("stale"):
            break
        # It ended between our connection and our request, or code changed while it imported:
        # the next one is another.
    raise WarmUnavailable(found)


def _ask(
    spec: WarmSpec,
    connection: socket.socket,
    request: Mapping[str, Any],
    env: Mapping[str, str],
    cancel: Cancel | None = None,
) -> tuple[WarmProcess | None, dict[str, Any] | None]:
    """The forked child, or None and what the parent answered (None: it ended)."""
    process = WarmProcess(connection)
    with (cancel or Cancel()).ending(process.abort):
        answer = process.ask(
            {
                "log": str(spec.log),
                **request,
                "env": env,
                "caller": caller.attributes(),
                "linger_s": spec.linger_s,
            }
        )
    if answer is not None and answer["event"] == "forked":
        return process, answer
    process.close()
    return None, answer


def connect(spec: WarmSpec) -> socket.socket:
    """Connect to the parent; start it first when nobody listens. Safe against other starters."""
    with contextlib.suppress(OSError):
        return dial(spec.socket)
    lock = os.open(spec.lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):  # another client started it while we waited
            return dial(spec.socket)
        spec.socket.unlink(missing_ok=True)  # left by a parent that was killed
        _start(spec)
        return dial(spec.socket)
    except (OSError, subprocess.SubprocessError) as broken:
        raise WarmUnavailable(f"no warm parent: {broken}", where=str(spec.log)) from None
    finally:
        os.close(lock)


def prestart(settings: Settings) -> None:
    """Start the parent without waiting for its imports; planning goes on meanwhile."""
    with contextlib.suppress(WarmUnavailable):  # whoever needs it will hear of it
        connect(_spec(settings, os.environ)).close()


def hold(settings: Settings, environ: Mapping[str, str]) -> socket.socket:
    """Start the parent, and have it stay until the socket is closed: also by the end of a program
    that takes this one's place. Raises WarmUnavailable."""
    connection = connect(_spec(settings, environ))
    with contextlib.suppress(OSError):  # it ended just now: the next kernel starts another
        connection.sendall(line_of({"kind": "hold"}))
    connection.set_inheritable(True)
    return connection


def _spec(settings: Settings, environ: Mapping[str, str]) -> WarmSpec:
    try:
        return warm_spec(settings.root, linger_s=settings.runtime.linger_s, environ=environ)
    except OSError as broken:
        raise WarmUnavailable(f"no warm parent: {broken}") from None


def call(
    settings: Settings,
    target: str,
    *args: Any,
    cwd: Path | None = None,
    timeout_s: float | None = None,
    **kwargs: Any,
) -> Any:
    """Call `"package.module:function"` in a forked child and return its result; both go as JSON.

    Raises the child's LakebookError as it was, RunError for anything else, WarmUnavailable when
    there is no parent (then call the function in a process of your own).
    """
    request = {"kind": "call", "target": target, "args": args, "kwargs": kwargs}
    process = launch(settings, {**request, "cwd": str(cwd or settings.root)})
    try:
        answer = process.expect("result", timeout_s)
        if answer is None:
            status = process.poll()
            reason = "took too long" if status is None else f"ended with status {status}"
            raise RunError(f"{target} {reason}")
        return unpack_answer(answer, target)
    finally:
        process.close()


def spawner(settings: Settings) -> Spawn:
    """How to start a process of ours: forked, if a parent is there with its imports, else plain.

    A parent is not started for it: a fresh interpreter that imports what it needs is sooner ready.
    """

    def spawn(
        target: str, args: Sequence[str], *, cwd: Path, log: Path, environ: Mapping[str, str]
    ) -> Process:
        request = {"kind": "program", "target": target, "args": list(args), "cwd": str(cwd)}
        with contextlib.suppress(OSError, WarmUnavailable):  # it was killed, and left the file
            spec = _spec(settings, os.environ)
            if spec.ready.exists():
                connection = dial(spec.socket)
                env = {**os.environ, **environ}
                process, _ = _ask(spec, connection, {**request, "log": str(log)}, env)
                if process is not None:
                    return process
        return spawn_plain(target, args, cwd=cwd, log=log, environ=environ)

    return spawn


def unpack_answer(answer: Mapping[str, Any], target: str) -> Any:
    """The value of a `result` report, or the error that it carries."""
    if "value" in answer:
        return answer["value"]
    from .. import errors

    error = answer["error"]
    cls = getattr(errors, error["type"], None)
    if cls is not None and issubclass(cls, errors.LakebookError):
        raise cls(error["found"], where=error["where"], fix=error["fix"])
    raise RunError(f"{target} failed: {error['found']}", where=error["where"])


def _start(spec: WarmSpec) -> None:
    """Start the parent as a daemon and wait until it listens (its imports come after)."""
    # Only what the key holds and what a process needs: the rest comes with each request.
    keep = {"PATH", "USER", "LOGNAME", "SHELL", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV"}
    environ = {
        **{name: value for name, value in os.environ.items() if name in keep},
        **import_environ(os.environ),
    }
    with spec.log.open("ab") as log:
        spec.log.chmod(0o600)
        started = subprocess.Popen(
            [spec.python, "-c", _PARENT, spec.to_json()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environ,
            cwd=spec.root,
            start_new_session=True,
        )
        started.wait(timeout=30)  # it forks itself away as soon as it listens
