"""The process that compiles: waits for a request file, answers into a results file.

Each result is appended as soon as it is there, so that a step that ends the process costs itself
only. Imports come before the request, which may still be in the making.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import LakebookError
from ..own_modules import compile_own_modules
from . import lazy
from .job import PassRequest, PassResult, StepJob
from .model import Finding
from .sql import Tables

_WAIT_S = 0.005
_IMPORTS = {
    "polars": ("polars", "narwhals", f"{__package__}.verdict"),
    "duckdb": ("duckdb", "narwhals", f"{__package__}.follow"),
}


class Worker:
    """One pass over many steps, one after the other."""

    def __init__(self, request: PassRequest) -> None:
        self._request = request
        self._tables: Tables = Tables()

    def results(self) -> Iterator[PassResult]:
        for job in self._request.jobs:
            try:
                yield self._compile(job)
            except LakebookError as problem:
                finding = Finding(str(job.step), problem.found, job.label, fix=problem.fix)
                yield PassResult(job.step, (finding,), None, 0.0)

    def _compile(self, job: StepJob) -> PassResult:
        if self._request.kind == "polars":
            from .verdict import check_step

            with _at_most(self._request.timeout_s):
                return check_step(job, self._request.contracts)
        from .follow import follow_step

        with _at_most(self._request.timeout_s):
            return follow_step(job, self._request.contracts, self._tables, self._request.project)


@contextlib.contextmanager
def _at_most(timeout_s: float) -> Iterator[None]:
    """End this process, and say in its log where it stood, if the block takes longer.

    By faulthandler's own thread: no signal and no Python thread would come through a call that
    keeps the interpreter's lock. `processes` reads what it wrote.
    """
    if timeout_s <= 0:
        yield
        return
    # The log by its descriptor: what cells write to standard error is swallowed.
    faulthandler.dump_traceback_later(timeout_s, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def main(kind: str, request_path: str, results_path: str) -> None:
    lazy.install()
    if kind == "duckdb":  # Polars and Narwhals take a hidden pandas for one that is there
        lazy.hide_pandas()
    for name in _IMPORTS[kind]:
        importlib.import_module(name)
    request = _wait_for(Path(request_path))
    if request is None:
        return
    lib = request.root / "lib"
    if lib.is_dir():
        sys.path.append(str(lib))  # the team's own modules, last as in a kernel
    compile_own_modules(request.root)
    with Path(results_path).open("ab") as results:
        for result in Worker(request).results():
            pickle.dump(result, results)
            results.flush()


def _wait_for(path: Path) -> PassRequest | None:
    """The request when it comes; None if whoever would write it is gone, with its folder."""
    parent = os.getppid()
    while not path.is_file():
        if os.getppid() != parent or not path.parent.is_dir():
            return None
        time.sleep(_WAIT_S)
    request: PassRequest = pickle.loads(path.read_bytes())
    return request
