"""A warm kernel is a kernel: each cell says the same in it as in Jupyter's own `python3`."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from lakebook.runtime.kernelspec import install

from .conftest import IMPORTS, checkout, processes_of, wait_until

Cell = Callable[[str], str]

# Libraries that change the process that imports them are what this is about.
HEAVY = f"{IMPORTS},numpy,pandas,great_expectations,matplotlib.pyplot,duckdb,pyarrow"

CELLS = {
    "a warning is shown": "import warnings; warnings.warn('look at this')",
    "a warning of a module that is deprecated": "import imp",
    "no library writes to the log": "import logging; logging.getLogger('own').warning('said')",
    "handlers": "import logging; print(logging.root.handlers, logging.root.level)",
    "showwarning": "import warnings; print(warnings.showwarning.__module__)",
    "blanket filters": """
import warnings
print([f for f in warnings.filters if not f[1] and not f[3] and f[2].__module__ == 'builtins'])""",
    "flags of decimals": "import decimal; print(decimal.getcontext())",
    "flags of the interpreter": "import sys; print(sys.flags, sys.dont_write_bytecode)",
    "what is the program": "import sys; print(sys.argv[:2])",
    "where modules are looked for": "import sys; print(sys.path)",
    "settings": """
import sys, gc, locale, faulthandler, socket
print(sys.getrecursionlimit(), sys.getswitchinterval(), gc.get_threshold(), gc.isenabled(),
      locale.setlocale(locale.LC_ALL), faulthandler.is_enabled(), socket.getdefaulttimeout())""",
    "signals": """
import signal
print([(one.name, str(signal.getsignal(one)).split(' at 0x')[0]) for one in signal.Signals])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []))""",
    "environment": """
import os
print(sorted((k, v) for k, v in os.environ.items()
             if k != 'JPY_PARENT_PID' and 'PYTEST' not in k))""",  # whose end is the other's job
    "folder": "import os; print(os.getcwd())",
    "temporary files": "import tempfile; print(tempfile.gettempdir())",
    "umask": "import os; print(oct(os.umask(0o77)))",
    "niceness": "import os; print(os.nice(0))",
    "processors": "import os; print(os.sched_getaffinity(0))",
    "limits": """
import resource
print([(n, resource.getrlimit(getattr(resource, n))) for n in dir(resource) if 'RLIMIT' in n])""",
    "a session of its own": """
import os; print(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())""",
    "where history goes": "print(get_ipython().history_manager.hist_file)",
    "the way processes start": "import multiprocessing as mp; print(mp.get_start_method())",
    "plots": "import matplotlib; print(matplotlib.get_backend(), matplotlib.get_configdir())",
    "configuration of matplotlib": "import matplotlib; print(matplotlib.get_cachedir())",
    "a fork computes with Polars": """
import concurrent.futures, multiprocessing
def total(n):
    import polars as pl
    return pl.LazyFrame({'a': list(range(n))}).select(pl.col('a').sum()).collect().item()
context = multiprocessing.get_context('fork')
with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
    print(list(pool.map(total, [10, 100], timeout=60)))""",
    "a process that is spawned": """
import subprocess, sys
print(subprocess.run([sys.executable, '-c', 'import sys; print(sys.flags.safe_path)'],
                     capture_output=True, text=True).stdout)""",
    "a long line": "print('y' * 300_000)",
    "an error": "1 / 0",
    "an error below": "def f(n):\n    return 1 / n\nf(0)",
    "endless recursion": "def f(n): return f(n + 1)\nf(0)",  # its depth is the process's own
    "the end": "import sys; sys.exit(0)",
    "a module beside the notebook": "import beside; print(beside.__file__)",
    "await": "import asyncio; print(await asyncio.sleep(0, 'slept'))",
    "threads": "import threading; print(threading.current_thread() is threading.main_thread())",
    "input": "input('name? ')",
    "a child that is left": "import os; print(os.getpid() > 1)",
}


@pytest.fixture(scope="module")
def plain_and_warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cell, Cell]]:
    root = checkout(tmp_path_factory.mktemp("like_plain"))
    (root / "beside.py").write_text("")
    configured = root / "matplotlib"
    configured.mkdir()
    install()
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.delitem(sys.modules, "nbclient", raising=False)  # a person's session
        patch.setenv("LAKEBOOK_WARM_IMPORTS", HEAVY)
        patch.setenv("LAKEBOOK_ROOT", str(root))
        patch.setenv("MPLCONFIGDIR", str(configured))
        yield _kernel("python3", root, stack), _kernel("lakebook", root, stack)
    for pid in processes_of(root):
        os.kill(pid, signal.SIGTERM)
    assert wait_until(lambda: not processes_of(root))


def _kernel(name: str, folder: Path, stack: ExitStack, **options: Any) -> Cell:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(folder), **options)
    stack.callback(manager.shutdown_kernel, now=True)
    client = manager.client()
    client.start_channels()
    stack.callback(client.stop_channels)
    client.wait_for_ready(timeout=180)
    if name == "lakebook":
        assert manager.provisioner.why_plain == "", manager.provisioner.why_plain

    def run(code: str) -> str:
        said: list[str] = []
        reply = client.execute_interactive(
            code, timeout=120, allow_stdin=False, output_hook=lambda one: said.append(_text(one))
        )
        return f"{reply['content']['status']}: {''.join(said)}"

    return run


def _text(message: Any) -> str:
    content = message["content"]
    lines = content.get("text", ""), content.get("data", {}).get("text/plain", "")
    return _same("".join((*lines, *content.get("traceback", ()))))


def _same(text: str) -> str:
    """Without what is a process's own: its numbers, and the files that it was started with."""
    text = re.sub(r"ipykernel_\d+", "ipykernel_N", text)
    text = re.sub(r"0x[0-9a-f]+", "0xN", text)
    return "\n".join(dict.fromkeys(text.split("\n"))) if "RecursionError" in text else text


@pytest.mark.parametrize("case", CELLS)
def test_a_cell_says_the_same_as_in_a_plain_kernel(
    case: str, plain_and_warm: tuple[Cell, Cell]
) -> None:
    plain, warm = plain_and_warm
    assert warm(CELLS[case]) == plain(CELLS[case])


LIMITED = """
import os, resource
print(os.nice(0), sorted(os.sched_getaffinity(0)), oct(os.umask(0)),
      resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_a_kernel_has_the_limits_of_its_own_caller(
    plain_and_warm: tuple[Cell, Cell], tmp_path: Path
) -> None:
    """Of the second one, where a parent is there that the first has started."""
    script = tmp_path / "starts.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom contextlib import ExitStack\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from runtime.test_like_plain import LIMITED, _kernel\n"
        "with ExitStack() as stack:\n"
        "    for name in ('python3', 'lakebook'):\n"
        f"        print(_kernel(name, Path({str(tmp_path)!r}), stack)(LIMITED))\n"
    )

    def limit() -> None:
        os.nice(3)
        os.umask(0o027)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    ended = subprocess.run(
        [sys.executable, str(script)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=True,
    )
    plain, warm = ended.stdout.split("ok: ")[1:]
    assert plain == warm
    assert "0o27 (512," in plain


def test_where_a_module_beside_the_notebook_has_the_name_of_an_imported_one_a_kernel_is_plain(
    plain_and_warm: tuple[Cell, Cell], tmp_path: Path
) -> None:
    (tmp_path / "duckdb.py").write_text("mine = True")
    manager = KernelManager(kernel_name="lakebook")
    manager.start_kernel(cwd=str(tmp_path))
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        said: list[str] = []
        client.execute_interactive(
            "import duckdb; print(duckdb.mine)",
            output_hook=lambda one: said.append(_text(one)),
            timeout=60,
        )
        client.stop_channels()
        assert manager.provisioner.why_plain == (
            "the notebook's folder has a module of its own named duckdb"
        )
        assert "".join(said).startswith("True")
    finally:
        manager.shutdown_kernel(now=True)


def test_where_addresses_are_limited_a_kernel_is_plain(
    plain_and_warm: tuple[Cell, Cell], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lakebook.runtime import caller, warm
    from lakebook.settings import load_settings

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (2**33, resource.RLIM_INFINITY))
    assert caller.has_little_room()
    with pytest.raises(warm.WarmUnavailable, match="address space is limited"):
        warm.launch(load_settings(checkout(tmp_path)), {"kind": "kernel", "cwd": str(tmp_path)})
