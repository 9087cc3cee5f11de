"""Runs one notebook and returns what happened: `execute(JobRequest) -> JobResult`.

The work is done by `worker.run_job` in a child of the warm parent, or in a plain process where
there is none; this side only follows, and makes good what a killed job leaves behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..archive import withheld
from ..settings import Settings, load_settings
from .cancel import Cancel
from .recovery import cause_of, nothing, recover
from .warm import WarmUnavailable, launch
from .watch import Limits
from .worker import NOTEBOOK

__all__ = ["CellStat", "JobRequest", "JobResult", "Limits", "execute", "job_result"]

Event = dict[str, Any]
Status = Literal["ok", "failed", "killed"]


@dataclass(frozen=True)
class JobRequest:
    """One notebook to run.

    Parameters
    ----------
    context: what the kernel finds by LAKEBOOK_RUN; `out` is filled in with `out_dir`.
    out_dir: made if need be; receives notebook.ipynb, context.json, logs, and what the step writes.
    env: variables for this job only, on top of this process's.
    cwd: folder of the kernel; that of the notebook by default, as in JupyterLab.
    warm: False for a plain kernel in a plain process.
    """

    run_id: str
    notebook: Path
    parameters: Mapping[str, Any]
    context: Mapping[str, Any]
    out_dir: Path
    limits: Limits = field(default_factory=Limits)
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    warm: bool = True
    settings: Settings | None = None


@dataclass(frozen=True)
class CellStat:
    """`index` in the executed notebook from 0; `number` in the checkout's from 1 (0: injected)."""

    index: int
    number: int
    elapsed_s: float
    cpu_s: float
    peak_rss_mb: float
    status: str


@dataclass(frozen=True)
class JobResult:
    """What happened. `killed`: by a limit, or the whole job by somebody; memory is private memory.

    `kernel` is "warm" or "plain"; `note` says why it was plain. `error_type`: the class of what a
    cell raised.
    """

    status: Status
    error: str | None
    error_cell: int | None
    exit_code: int
    cells: tuple[CellStat, ...]
    elapsed_s: float
    peak_rss_mb: float
    notebook: Path
    kernel: str = "warm"
    note: str = ""
    error_type: str = ""


def execute(
    request: JobRequest,
    on_event: Callable[[Event], None] | None = None,
    cancel: Cancel | None = None,
) -> JobResult:
    """Run the notebook to its end, or to `cancel`; never raises for what happens inside it.

    `on_event` receives {"event": "start", "cells"}, {"event": "cell", "done", "of", "status", …}
    and {"event": "note", "text"}.
    """
    began = time.monotonic()
    cancel = cancel or Cancel()
    job = _prepare(request)
    raw: Event | None = None
    cause = note = ""
    if not request.notebook.is_file():
        raw = nothing(f"there is no notebook {job['name']}")
    for event in () if raw else _reports(request, job, cancel):
        if event["event"] == "result":
            raw = event["value"]
        elif event["event"] == "exit":
            cause = cause_of(event["status"])
        elif event["event"] != "forked":
            note = event.get("text", note)
            if on_event is not None:
                on_event(event)
    if raw is None:
        sentence = f"{job['name']}: {cancel.reason}"
        if not cancel.reason:
            sentence = f"{job['name']}: the job {cause}; what it said last is in the run's job.log"
        kernel = "warm" if request.warm else "plain"
        raw = recover(request.out_dir, request.notebook, sentence, kernel=kernel)
    raw["note"] = note or raw["note"]
    return job_result(raw, time.monotonic() - began, request.out_dir)


def job_result(raw: Event, elapsed_s: float, out: Path) -> JobResult:
    """A JobResult of what a job reported, or `recovery` made up for it."""
    return JobResult(
        **{
            **raw,
            "cells": tuple(CellStat(**stat) for stat in raw["cells"]),
            "elapsed_s": elapsed_s,
            "notebook": out / NOTEBOOK,
        }
    )


def _prepare(request: JobRequest) -> Event:
    out = request.out_dir.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for stale in ("error.json", "step.json", withheld.FILE, NOTEBOOK):
        (out / stale).unlink(missing_ok=True)
    context = out / "context.json"
    text = json.dumps({**request.context, "out": str(out)}, default=str, indent=1)
    context.write_text(text, encoding="utf-8")
    notebook = request.notebook.resolve()
    return {
        "run_id": request.run_id,
        "name": _name(notebook, request),
        "notebook": str(notebook),
        "parameters": dict(request.parameters),
        "context": str(context),
        "out": str(out),
        "cwd": str((request.cwd or notebook.parent).resolve()),
        "limits": asdict(request.limits),
        "warm": request.warm,
    }


def _name(notebook: Path, request: JobRequest) -> str:
    """The notebook as people write it: relative to the checkout."""
    root = request.settings.root if request.settings else None
    if root and notebook.is_relative_to(root):
        return str(notebook.relative_to(root))
    return notebook.name


def _reports(request: JobRequest, job: Event, cancel: Cancel) -> Iterator[Event]:
    env = {**os.environ, **request.env}
    if not request.warm:
        yield from _plain(job, env, cancel)
        return
    try:
        settings = request.settings or load_settings(environ=env)
        env.setdefault("LAKEBOOK_ROOT", str(settings.root))
        log = str(Path(job["out"]) / "job.log")
        message = {"kind": "job", "job": job, "cwd": job["cwd"], "log": log}
        process = launch(settings, message, env, cancel)
    except (WarmUnavailable, OSError) as found:
        if cancel.reason:
            return
        yield {"event": "note", "text": f"a plain process instead of a warm one: {found}"}
        yield from _plain({**job, "warm": False}, env, cancel)
        return
    try:
        with cancel.ending(process.abort):
            yield from process.events()
    finally:
        process.close()


def _plain(job: Event, env: Mapping[str, str], cancel: Cancel) -> Iterator[Event]:
    with (Path(job["out"]) / "job.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lakebook.runtime.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=dict(env),
            cwd=job["cwd"],
            start_new_session=True,
        )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        with cancel.ending(lambda: _kill(process)):
            for line in process.stdout:
                if line.endswith(b"\n"):  # else it was killed while it wrote
                    yield json.loads(line)
            yield {"event": "exit", "status": process.wait()}
    finally:
        _kill(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
