"""What a forked child does before it is a kernel, a job or a call: it becomes a process of its own.

It takes folder, environment and log from the request, drops what it inherited from the parent
(handlers, random state), and only then opens sockets.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import caller, fresh

_PR_SET_PDEATHSIG = 1


def run(request: Mapping[str, Any], connection: socket.socket, *, parent_pid: int) -> None:
    """Be the child that `request` asks for. Never returns."""
    status = 70
    try:
        _detach(parent_pid)
        _reset(request)
        tell(connection, {"event": "forked", "pid": os.getpid()})
        status = _KINDS[request["kind"]](request, connection)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(status)


def tell(connection: socket.socket, event: Mapping[str, Any]) -> None:
    """Report one event to the client."""
    connection.sendall(json.dumps(event, default=str).encode() + b"\n")


def _detach(parent_pid: int) -> None:
    os.setsid()
    # If the parent is killed, nobody would end this child when its client goes.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(70)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _reset(request: Mapping[str, Any]) -> None:
    log = os.open(request["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["env"])
    caller.take(request["caller"])
    os.chdir(request["cwd"])
    if request["kind"] in ("call", "program"):
        sys.path.insert(0, "")  # as `python -m` does; a kernel does so itself, behind Python's own
    lib = Path(request["env"].get("LAKEBOOK_ROOT", ".")) / "lib"
    if lib.is_dir() and str(lib) not in sys.path:
        sys.path.append(str(lib))  # the team's own modules
    sys.argv = [sys.argv[0]]
    fresh.restore()
    # Handlers of the parent's libraries would flush, delete or report what is not ours.
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    atexit._clear()
    atexit.register(logging.shutdown)
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
    logging._handlerList.clear()  # type: ignore[attr-defined]


def self_test() -> None:
    """Compute something tiny with each library that has threads: what a fork broke hangs here.

    In a fork of its own (`prove`), as the threads that it starts would be no child's to fork.
    """
    if polars := sys.modules.get("polars"):
        frame = polars.LazyFrame({"a": [1, 2, 3]}).filter(polars.col("a") > 1)
        assert frame.select(polars.col("a").sum()).collect().item() == 5
    if duckdb := sys.modules.get("duckdb"):
        with duckdb.connect(":memory:") as database:
            assert database.execute("select 40 + 2").fetchall() == [(42,)]
    if pyarrow := sys.modules.get("pyarrow"):
        assert pyarrow.chunked_array([[1, 2]]).cast("int8").to_pylist() == [1, 2]


def prove() -> None:
    """The self-test, in a child that ends with it. Never returns."""
    status = 70
    try:
        self_test()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _kernel(request: Mapping[str, Any], connection: socket.socket) -> int:
    """An IPython kernel. The client waits for `ready` for two seconds, then takes a plain one.

    Modules beside the notebook come before installed ones. One that the parent has imported can no
    longer be, so that where somebody has a module of that name, the kernel must be a plain one.
    """
    if names := shadowed(Path.cwd()):
        tell(connection, {"event": "shadowed", "names": names})
        return 0
    tell(connection, {"event": "ready"})
    connection.close()  # from here the parent alone holds the lifeline's other end
    import ipykernel_launcher
    import zmq
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [str(ipykernel_launcher.__file__), *request["argv"]]
    os.environ.setdefault("PYDEVD_USE_FRAME_EVAL", "NO")  # by an import, in an own process

    class App(IPKernelApp):  # type: ignore[misc]
        """Jupyter's own, that drops no output, however many wait for who listens."""

        def init_iopub(self, context: Any) -> None:
            context.setsockopt(zmq.SNDHWM, 0)
            super().init_iopub(context)

    app = App.instance()
    app.initialize(list(request["argv"]))
    _choose_backend()
    app.start()
    # At exit the thread of iopub is the first to end. The one that has just answered the request to
    # end may still want a stream flushed by it, and would wait ten seconds in vain.
    app.control_thread.stop()
    app.control_thread.join()
    return 0


def shadowed(folder: Path) -> list[str]:
    """Modules in a folder that have the name of an installed one that is imported already."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name, dot, ending = entry.name.partition(".")
            if name not in sys.modules or name in sys.stdlib_module_names:
                continue
            file = Path(entry.path) if dot else Path(entry.path) / "__init__.py"
            if (ending == "py" or not dot) and file.is_file():
                loaded = getattr(sys.modules[name], "__file__", None)
                if loaded is None or Path(loaded).resolve() != file.resolve():
                    found.append(name)
    return sorted(found)


def _choose_backend() -> None:
    """Matplotlib read MPLBACKEND in the parent; IPython has set the notebook's since.

    These are the steps that the inline backend takes itself when it is imported after IPython.
    """
    if matplotlib := sys.modules.get("matplotlib"):
        backend = os.environ.get("MPLBACKEND", "agg")
        if "inline" not in backend:
            matplotlib.use(backend)
            return
        from IPython import get_ipython
        from IPython.core.pylabtools import activate_matplotlib
        from matplotlib_inline.backend_inline import configure_inline_support

        activate_matplotlib(backend)
        configure_inline_support(get_ipython(), backend)


def _job(request: Mapping[str, Any], connection: socket.socket) -> int:
    """A notebook run by Papermill, with a kernel that is another child."""
    from .worker import run_job

    result = run_job(request["job"], lambda event: tell(connection, event))
    tell(connection, {"event": "result", "value": result})
    return 0


def _call(request: Mapping[str, Any], connection: socket.socket) -> int:
    """One function, by name."""
    module, _, name = request["target"].partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
        answer: dict[str, Any] = {"value": function(*request["args"], **request["kwargs"])}
    except Exception as raised:
        traceback.print_exc()
        answer = {"error": describe(raised)}
    tell(connection, {"event": "result", **answer})
    return 0


def _program(request: Mapping[str, Any], connection: socket.socket) -> int:
    """One function with texts as arguments, as `lakebook.processes` runs it; an error ends it."""
    from ..processes import main

    main([request["target"], *request["args"]])
    return 0


def describe(raised: BaseException) -> dict[str, Any]:
    """An error as JSON: type, what was found, where, fix, and its exit code."""
    from ..errors import LakebookError

    if isinstance(raised, LakebookError):
        return {
            "type": type(raised).__name__,
            "found": raised.found,
            "where": raised.where,
            "fix": raised.fix,
            "exit_code": raised.exit_code,
        }
    frames = traceback.extract_tb(raised.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {
        "type": type(raised).__name__,
        "found": f"{type(raised).__name__}: {raised}",
        "where": where,
        "fix": "",
        "exit_code": 1,
    }


def _leave(status: int) -> None:
    """End as a Python process ends, but for the parent's frames below us."""
    with contextlib.suppress(BaseException):  # nothing can be told any more; the log has it
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a stream that user code closed
            stream.flush()
    os._exit(status)


_KINDS = {"kernel": _kernel, "job": _job, "call": _call, "program": _program}
