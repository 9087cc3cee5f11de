"""What the warm parent holds: the imports, done once, and the check that they left it safe to fork.

Importing is all that happens here. After one `collect` a forked child hangs, and after one
DeltaTable it panics, so nothing in this module may compute.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import pkgutil
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lakebook

from ..late import put_off_iri_grammar

HARMLESS = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
"""Threads that imports start and that a child can do without (names cut to 15 by the system)."""

NAMELESS = frozenset({"numpy", "scipy", "pandas", "pyarrow", "duckdb"})
"""Modules whose first import may start threads under the process's own name: OpenBLAS, which has
its own fork handlers, and allocators. Any other thread without a name is refused."""


class Unsafe(Exception):
    """A thread is there that a fork would leave half alive."""


def preload(imports: Iterable[str]) -> dict[str, str]:
    """Import everything; return what could not be, with the reason. Raises Unsafe."""
    # The inline backend is chosen in each child; Agg keeps an import from looking for a display.
    os.environ["MPLBACKEND"] = "Agg"
    missing: dict[str, str] = {}
    put_off_iri_grammar()
    for name in _expand(imports):
        before = _State.now()
        try:
            importlib.import_module(name)
        except Exception as broken:
            # A module under somebody's hands may not import; then their kernels pay for it.
            missing[name] = f"{type(broken).__name__}: {broken}"
            if not isinstance(broken, ModuleNotFoundError):
                traceback.print_exc()
        _check_threads(before, name)
    del os.environ["MPLBACKEND"]
    before = _State.now()
    _prepare()
    _check_threads(before, "what is prepared")
    gc.collect()
    gc.freeze()  # else the first collection in a child would copy every page
    return missing


def _expand(imports: Iterable[str]) -> Iterator[str]:
    """Names as they are, and for `lakebook.*` every module of Lakebook but its programs."""
    for name in imports:
        if name != "lakebook.*":
            yield name
            continue
        folder = str(Path(lakebook.__file__).parent)
        # A package that does not import is reported when its own name comes.
        for found in pkgutil.walk_packages([folder], "lakebook.", onerror=lambda _: None):
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
    if "dbt.adapters.duckdb" in sys.modules:
        from dbt.adapters.duckdb.credentials import DuckDBCredentials
        from dbt.contracts import project
        from dbt.contracts.selection import SelectorFile

        inspect.stack()  # an adapter looks up who calls it: the sources' index is slow to make
        for validated in (
            *(DuckDBCredentials, SelectorFile, project.Configuration, project.PackageConfig),
            *(project.ProfileConfig, project.Project, project.ProjectFlags),
        ):
            validated.json_schema()  # half of what a small dbt command takes


def _threads() -> Iterator[tuple[int, str]]:
    for task in Path("/proc/self/task").iterdir():
        yield int(task.name), (task / "comm").read_text().strip()


@dataclass(frozen=True)
class _State:
    threads: frozenset[tuple[int, str]]
    modules: frozenset[str]

    @classmethod
    def now(cls) -> _State:
        return cls(frozenset(_threads()), NAMELESS & set(sys.modules))


def _check_threads(before: _State, importing: str) -> None:
    if threading.active_count() > 1:
        running = ", ".join(thread.name for thread in threading.enumerate())
        raise Unsafe(f"importing {importing} started Python threads: {running}")
    own = Path("/proc/self/comm").read_text().strip()
    now = _State.now()
    for _, name in now.threads - before.threads:
        nameless = name == own and now.modules > before.modules
        if name not in HARMLESS and not nameless:
            raise Unsafe(f"importing {importing} started the thread {name!r}")
