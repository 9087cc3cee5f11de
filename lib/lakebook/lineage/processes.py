"""Both passes side by side, each in a process of its own; dbt compiles in a third meanwhile."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..contract.model import TableContract
from ..errors import LakebookError, RunError
from ..names import Dataset
from ..settings import Settings
from .dbt import Compiling
from .job import Pass, PassRequest, PassResult, StepJob
from .model import Finding

_PASSES: tuple[Pass, ...] = ("duckdb", "polars")
_ENVIRON = {
    "MPLBACKEND": "Agg",
    # Frames are empty: threads would only cost their start.
    "POLARS_MAX_THREADS": "1",
    "DATAHUB_TELEMETRY_ENABLED": "false",
}


def compile_steps(
    settings: Settings, jobs: Sequence[StepJob], contracts: Mapping[Dataset, TableContract]
) -> dict[Pass, dict[Dataset, PassResult]]:
    """Results of each pass by step.

    A step that ends its process, or takes longer than it may, has a finding that says so.
    """
    dbt = Compiling(settings) if any(job.models for job in jobs) else None
    with tempfile.TemporaryDirectory(prefix="lakebook-check-") as folder:
        requests = {
            kind: PassRequest(
                kind, settings.root, tuple(jobs), contracts, timeout_s=settings.check.timeout_s
            )
            for kind in _PASSES
        }
        running = {kind: _Running(Path(folder), request) for kind, request in requests.items()}
        try:
            failure = _hand_over(dbt, running["duckdb"], Path(folder))
            results = _results_of(running)
        finally:
            for process in running.values():
                process.stop()
    if failure is not None:
        for job in jobs:
            if job.models:
                _blame(results["duckdb"], job, failure)
    return results


def _results_of(running: Mapping[Pass, _Running]) -> dict[Pass, dict[Dataset, PassResult]]:
    """Side by side: a step that takes too long does so in both passes."""
    with ThreadPoolExecutor(len(running)) as pool:
        try:
            return dict(zip(running, pool.map(_Running.results, running.values()), strict=True))
        except BaseException:  # an interrupt must not wait for the workers
            for process in running.values():
                process.stop()
            raise


def _hand_over(
    dbt: Compiling | None,
    process: _Running,
    folder: Path,
) -> LakebookError | None:
    """Wait for dbt and tell the DuckDB pass where its result is; return dbt's failure."""
    if dbt is None:
        return None
    path = folder / "dbt.pickle"
    try:
        path.write_bytes(pickle.dumps(dbt.result()))
    except LakebookError as problem:
        process.tell("")
        return problem
    process.tell(str(path))
    return None


def _blame(results: dict[Dataset, PassResult], job: StepJob, problem: LakebookError) -> None:
    finding = Finding(str(job.step), problem.found, problem.where or job.label, fix=problem.fix)
    found = results[job.step]
    results[job.step] = replace(found, findings=(*found.findings, finding))


class _Running:
    """A worker process, begun anew for the steps that are left when one ends it."""

    def __init__(self, folder: Path, request: PassRequest) -> None:
        self._folder = folder
        self._request = request
        self._told = ""
        self._is_stopped = False
        self._done: dict[Dataset, PassResult] = {}
        self._process = self._start()

    def tell(self, line: str) -> None:
        """What the worker reads from standard input when it comes to the dbt models."""
        self._told = line
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it has ended; `results` begins it anew
            return

    def results(self) -> dict[Dataset, PassResult]:
        while True:
            self._process.wait()
            if self._is_stopped:
                return self._done
            self._end_group()
            self._collect()
            left = [job for job in self._request.jobs if job.step not in self._done]
            if not left:
                return self._done
            left.sort(key=lambda job: bool(job.models))
            self._ended_by(left[0])
            self._request = replace(self._request, jobs=tuple(left[1:]))
            if not left[1:]:
                return self._done
            self._process = self._start()
            self.tell(self._told)

    def stop(self) -> None:
        self._is_stopped = True
        self._end_group()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _end_group(self) -> None:
        """End the worker, if it runs, and whatever its cells have started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # none is left
            os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def _output(self) -> Path:
        return self._folder / f"{self._request.kind}.results"

    def _start(self) -> subprocess.Popen[str]:
        request = self._folder / f"{self._request.kind}.request"
        request.write_bytes(pickle.dumps(self._request))
        self._log = self._folder / f"{self._request.kind}.log"
        lib = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([lib, *filter(None, [os.environ.get("PYTHONPATH")])])
        with self._log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.worker", str(request), str(self._output)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                cwd=self._request.root,
                env={**os.environ, **_ENVIRON, "PYTHONPATH": path},
                start_new_session=True,
            )

    def _collect(self) -> None:
        if not self._output.is_file():
            return
        with self._output.open("rb") as file:
            while True:
                try:
                    result: PassResult = pickle.load(file)
                except (EOFError, pickle.UnpicklingError):  # the last one may be half written
                    return
                self._done[result.step] = result

    def _ended_by(self, job: StepJob) -> None:
        said = self._log.read_text(errors="replace").strip().splitlines()
        if said and said[-1].startswith(("ImportError", "ModuleNotFoundError")) and not self._done:
            raise RunError(f"the check cannot start: {said[-1]}", fix="install the locked packages")
        is_late = any(line.startswith("Timeout (") for line in said)
        if is_late:
            finding = _late(job, said, self._request.timeout_s)
        else:
            code = self._process.returncode
            last = f" ({said[-1]})" if said else ""
            finding = Finding(
                str(job.step),
                f"the process that checked it ended with code {code}{last}",
                job.label,
                fix="take out the call that ends the process",
            )
        self._done[job.step] = PassResult(job.step, (finding,), None, 0.0, is_final=not is_late)


def _late(job: StepJob, said: Sequence[str], timeout_s: float) -> Finding:
    """The finding for a step that took too long, at the cell that faulthandler saw it in."""
    place = re.compile(rf'File "<{re.escape(job.label)}, cell (\d+)>", line \d+')
    cells = [int(found[1]) for line in said if (found := place.search(line))]
    return Finding(
        str(job.step),
        f"its check did not end in {timeout_s:g} s",
        job.label,
        # Not the line: the passes may have stood in different ones of the same loop.
        cells[0] if cells else None,
        fix="tag the cell `view` if it only waits or shows, take out the loop or the wait, "
        "or allow more in lakebook.toml ([check] timeout_s; 0: no limit)",
    )
