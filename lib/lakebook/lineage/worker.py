"""The process that compiles: `python -m lakebook.lineage.worker REQUEST RESULTS`.

Each result is appended as soon as it is there, so that a step that ends the process costs itself
only. The path of the compiled dbt project comes on standard input, when the steps before are done.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import LakebookError
from . import lazy
from .job import DbtProject, PassRequest, PassResult, StepJob
from .model import Finding
from .sql import Tables

# Imported before the first step's time begins to count: they may take seconds.
_HEAVY = {
    "polars": ("polars", "narwhals", "pyarrow", "lakebook.step"),
    "duckdb": ("duckdb", "narwhals", "datahub.sql_parsing.sqlglot_lineage", "lakebook.step"),
}


class Worker:
    """One pass over many steps, one after the other; those with dbt models last."""

    def __init__(self, request: PassRequest) -> None:
        self._request = request
        self._tables: Tables = Tables()
        self._project: DbtProject | None = None

    def results(self) -> Iterator[PassResult]:
        for job in sorted(self._request.jobs, key=lambda job: bool(job.models)):
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

        if job.models and self._project is None:
            self._project = _wait_for_dbt()
        with _at_most(self._request.timeout_s):
            return follow_step(job, self._request.contracts, self._tables, self._project)


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


def _wait_for_dbt() -> DbtProject | None:
    path = sys.stdin.readline().strip()
    return pickle.loads(Path(path).read_bytes()) if path else None


def main(request_path: str, results_path: str) -> None:
    request: PassRequest = pickle.loads(Path(request_path).read_bytes())
    lib = request.root / "lib"
    if lib.is_dir():
        sys.path.insert(0, str(lib))
    lazy.install()
    if request.kind == "duckdb":  # Polars and Narwhals take a hidden pandas for one that is there
        lazy.hide_pandas()
    for name in _HEAVY[request.kind]:
        importlib.import_module(name)
    with Path(results_path).open("ab") as results:
        for result in Worker(request).results():
            pickle.dump(result, results)
            results.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
