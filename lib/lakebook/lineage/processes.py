"""Both passes side by side, each in a process of its own."""

from __future__ import annotations

import pickle
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from ..contract.model import TableContract
from ..errors import LakebookError, RunError
from ..names import Dataset
from ..processes import Process, Spawn, spawn_plain
from ..settings import Settings
from .dbt import load_project
from .job import Pass, PassRequest, PassResult, StepJob
from .model import Finding

_PASSES: tuple[Pass, ...] = ("duckdb", "polars")
_ENVIRON = {
    "MPLBACKEND": "Agg",
    # Frames are empty: threads would only cost their start.
    "POLARS_MAX_THREADS": "1",
}


class Passes:
    """The processes that compile. `start` lets them import while the graph is still being read."""

    def __init__(self, settings: Settings, spawn: Spawn = spawn_plain) -> None:
        self._settings = settings
        self._spawn = spawn
        self._folder = tempfile.TemporaryDirectory(prefix="lakebook-check-")
        self._running: dict[Pass, _Running] = {}

    def __enter__(self) -> Passes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._running.values():
            process.stop()
        self._folder.cleanup()

    def start(self) -> None:
        for kind in _PASSES:
            if kind not in self._running:
                folder = Path(self._folder.name)
                self._running[kind] = _Running(kind, folder, self._settings.root, self._spawn)

    def compile_steps(
        self, jobs: Sequence[StepJob], contracts: Mapping[Dataset, TableContract]
    ) -> dict[Pass, dict[Dataset, PassResult]]:
        """Results of each pass by step.

        A step that ends its process, or takes longer than it may, has a finding that says so.
        """
        self.start()
        project, failure = None, None
        if any(job.models for job in jobs):
            try:
                project = load_project(self._settings, self._spawn)
            except LakebookError as problem:
                failure = problem
        root, limit_s = self._settings.root, self._settings.check.timeout_s
        for kind, process in self._running.items():
            process.ask(PassRequest(kind, root, tuple(jobs), contracts, project, limit_s))
        results = self._results()
        if failure is not None:
            for job in jobs:
                if job.models:
                    _blame(results["duckdb"], job, failure)
        return results

    def _results(self) -> dict[Pass, dict[Dataset, PassResult]]:
        """Side by side: a step that takes too long does so in both passes."""
        running = self._running
        with ThreadPoolExecutor(len(running)) as pool:
            try:
                return dict(zip(running, pool.map(_Running.results, running.values()), strict=True))
            except BaseException:  # an interrupt must not wait for the workers
                for process in running.values():
                    process.stop()
                raise


def _blame(results: dict[Dataset, PassResult], job: StepJob, problem: LakebookError) -> None:
    finding = Finding(str(job.step), problem.found, problem.where or job.label, fix=problem.fix)
    found = results[job.step]
    results[job.step] = replace(found, findings=(*found.findings, finding))


class _Running:
    """A worker process, begun anew for the steps that are left when one ends it."""

    def __init__(self, kind: Pass, folder: Path, root: Path, spawn: Spawn) -> None:
        self._kind = kind
        self._folder = folder
        self._root = root
        self._spawn = spawn
        self._done: dict[Dataset, PassResult] = {}
        self._is_stopped = False
        self._turn = 0
        self._process = self._start()

    def ask(self, request: PassRequest) -> None:
        """Let the process have its request, whole or not yet."""
        self._request = request
        target = self._path("request")
        part = target.with_suffix(".part")
        part.write_bytes(pickle.dumps(request))
        part.replace(target)

    def results(self) -> dict[Dataset, PassResult]:
        while True:
            self._process.wait()
            if self._is_stopped:
                return self._done
            self._process.kill()  # what its cells have started
            self._collect()
            left = [job for job in self._request.jobs if job.step not in self._done]
            if not left:
                return self._done
            self._ended_by(left[0])
            if not left[1:]:
                return self._done
            self._turn += 1
            self._process = self._start()
            self.ask(replace(self._request, jobs=tuple(left[1:])))

    def stop(self) -> None:
        self._is_stopped = True
        self._process.kill()
        self._process.wait()

    def _path(self, what: str) -> Path:
        return self._folder / f"{self._kind}-{self._turn}.{what}"

    def _start(self) -> Process:
        return self._spawn(
            f"{__package__}.worker:main",
            [self._kind, str(self._path("request")), str(self._path("results"))],
            cwd=self._root,
            log=self._path("log"),
            environ=_ENVIRON,
        )

    def _collect(self) -> None:
        if not self._path("results").is_file():
            return
        with self._path("results").open("rb") as file:
            while True:
                try:
                    result: PassResult = pickle.load(file)
                except (EOFError, pickle.UnpicklingError):  # the last one may be half written
                    return
                self._done[result.step] = result

    def _ended_by(self, job: StepJob) -> None:
        log = self._path("log")
        said = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
        if said and said[-1].startswith(("ImportError", "ModuleNotFoundError")) and not self._done:
            raise RunError(f"the check cannot start: {said[-1]}", fix="install the locked packages")
        is_late = any(line.startswith("Timeout (") for line in said)
        if is_late:
            finding = _late(job, said, self._request.timeout_s)
        else:
            code = self._process.poll()
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
