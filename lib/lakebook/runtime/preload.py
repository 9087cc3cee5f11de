"""What the warm parent holds: the imports, done once, and the check that they left it safe to fork.

Importing is all that happens here. After one `collect` a forked child hangs, and after one
DeltaTable it panics, so nothing in this module may compute.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import lakebook

HARMLESS = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
"""Threads that imports start and that a child can do without (names cut to 15 by the system)."""

NAMELESS = frozenset({"numpy", "pandas", "duckdb", "scipy", "great_expectations", "pyarrow"})
"""Imports that may start threads under the process's own name: OpenBLAS, which has its own fork
handlers, and an allocator. A thread without a name from any other import is refused."""


class Unsafe(Exception):
    """A thread is there that a fork would leave half alive."""


def preload(imports: Iterable[str]) -> dict[str, str]:
    """Import everything; return what could not be, with the reason. Raises Unsafe."""
    # The inline backend is chosen in each child; Agg keeps an import from looking for a display.
    os.environ["MPLBACKEND"] = "Agg"
    missing: dict[str, str] = {}
    for name in (*imports, *_own_modules()):
        before = set(_threads())
        try:
            importlib.import_module(name)
        except Exception as broken:
            # A module under somebody's hands may not import; then their kernels pay for it.
            missing[name] = f"{type(broken).__name__}: {broken}"
            if not isinstance(broken, ModuleNotFoundError):
                traceback.print_exc()
        _check_threads(before, name)
    del os.environ["MPLBACKEND"]
    _prepare()
    _check_threads(set(_threads()), "preparing")
    gc.collect()
    gc.freeze()  # else the first collection in a child would copy every page
    return missing


def _own_modules() -> Iterator[str]:
    """Every module of Lakebook but entry points and those that a child must import for itself."""
    for found in pkgutil.walk_packages([str(Path(lakebook.__file__).parent)], "lakebook."):
        if not found.name.endswith(("__main__", "runtime.parent")):
            yield found.name


def _prepare() -> None:
    """Fill caches of pure Python that every child would fill again: schemas, entry points."""
    if "nbformat" in sys.modules or "papermill" in sys.modules:
        import nbformat

        nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))
    if "jupyter_client" in sys.modules:
        from jupyter_client.kernelspec import KernelSpecManager
        from jupyter_client.localinterfaces import localhost
        from jupyter_client.provisioning import KernelProvisionerFactory

        localhost()
        KernelProvisionerFactory.instance()
        KernelSpecManager().get_kernel_spec("python3")


def _threads() -> Iterator[tuple[int, str]]:
    for task in Path("/proc/self/task").iterdir():
        yield int(task.name), (task / "comm").read_text().strip()


def _check_threads(before: set[tuple[int, str]], importing: str) -> None:
    if threading.active_count() > 1:
        running = ", ".join(thread.name for thread in threading.enumerate())
        raise Unsafe(f"importing {importing} started Python threads: {running}")
    own = Path("/proc/self/comm").read_text().strip()
    for _, name in set(_threads()) - before:
        nameless = name == own and importing.partition(".")[0] in NAMELESS
        if name not in HARMLESS and not nameless:
            raise Unsafe(f"importing {importing} started the thread {name!r}")
