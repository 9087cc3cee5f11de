"""One run: a step for one interval, executed as a job, recorded and archived, however it ends."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..graph import StepNode
from ..intervals import Interval
from ..names import Dataset
from ..runtime.cancel import Cancel
from ..runtime.job import JobRequest, JobResult, Limits, execute
from ..settings import Settings
from .archiving import archive_run
from .plan import making_path, read_making

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class RunResult:
    """How one run ended. `conflicts` are partitions that another run committed meanwhile."""

    run_id: str
    step: Dataset
    interval: Interval | None
    status: str  # ok | failed | killed
    error: str | None
    exit_code: int
    elapsed_s: float
    peak_rss_mb: float
    outputs: tuple[Mapping[str, Any], ...]
    warnings: int
    notes: tuple[str, ...]
    conflicts: tuple[str, ...]
    folder: Path

    @property
    def rows(self) -> int:
        return sum(output["rows_published"] for output in self.outputs)

    @property
    def rows_quarantined(self) -> int:
        return sum(output["rows_quarantined"] for output in self.outputs)


def run_once(
    settings: Settings,
    node: StepNode,
    interval: Interval | None,
    static: Mapping[str, str],
    *,
    parameters: Mapping[str, Any] | None = None,
    on_event: OnEvent | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Execute one step's notebook for one interval and archive it."""
    began = datetime.now(UTC)
    run_id = f"{began:%Y%m%dT%H%M%S}-{node.name}-{secrets.token_hex(3)}"
    work = settings.lake / settings.env / "runs" / ".work" / run_id
    given = dict(parameters or {})
    if interval is not None:
        given |= {"start": str(interval.start), "end": str(interval.end)}
    request = JobRequest(
        run_id=run_id,
        notebook=node.notebook,
        parameters=given,
        context=_context(settings, node, run_id, static),
        out_dir=work,
        limits=_limits(settings),
        env=_environment(settings),
        settings=settings,
    )
    result = execute(request, on_event, cancel)
    outcome = _outcome(work)
    folder = archive_run(
        settings,
        run_id=run_id,
        node=node,
        interval=interval,
        began=began,
        parameters=given,
        result=result,
        outcome=outcome,
        work=work,
    )
    if result.status == "ok":
        _remember(settings, node, static, outcome)
    shutil.rmtree(work, ignore_errors=True)
    return _result(run_id, node, interval, result, outcome, folder)


def _context(
    settings: Settings, node: StepNode, run_id: str, static: Mapping[str, str]
) -> dict[str, Any]:
    reads = {str(read.dataset) for read in node.reads} | {str(output) for output in node.outputs}
    return {
        "run_id": run_id,
        "root": str(settings.root),
        "lake": str(settings.lake),
        "env": settings.env,
        "step": str(node.name),
        "static": dict(static),
        "reads": sorted(reads),
    }


def _environment(settings: Settings) -> dict[str, str]:
    # A kernel that asks for settings without a run context (a helper in a cell) gets the same lake.
    return {
        "LAKEBOOK_ROOT": str(settings.root),
        "LAKEBOOK_LAKE": str(settings.lake),
        "LAKEBOOK_ENV": settings.env,
    }


def _limits(settings: Settings) -> Limits:
    runtime = settings.runtime
    return Limits(
        cell_s=runtime.cell_timeout_s,
        run_s=runtime.run_timeout_s,
        memory_mb=runtime.memory_limit_mb,
    )


def _outcome(work: Path) -> dict[str, Any]:
    path = work / "step.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return loaded


def _remember(
    settings: Settings, node: StepNode, static: Mapping[str, str], outcome: Mapping[str, Any]
) -> None:
    """Keep what the partitions were made of, for `plan --explain`."""
    made = read_making(settings, node.name)
    for name, inputs in outcome.get("parts", {}).items():
        made[name] = {"static": dict(static), "inputs": inputs}
    path = making_path(settings, node.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(3)}.part")
    part.write_text(json.dumps(made), encoding="utf-8")
    part.replace(path)


def _result(
    run_id: str,
    node: StepNode,
    interval: Interval | None,
    result: JobResult,
    outcome: Mapping[str, Any],
    folder: Path,
) -> RunResult:
    checks = outcome.get("checks", [])
    return RunResult(
        run_id=run_id,
        step=node.name,
        interval=interval,
        status=result.status,
        error=result.error,
        exit_code=result.exit_code,
        elapsed_s=result.elapsed_s,
        peak_rss_mb=result.peak_rss_mb,
        outputs=tuple(outcome.get("outputs", [])),
        warnings=sum(not c["success"] and c["action"] == "warn" for c in checks),
        notes=tuple(outcome.get("notes", [])),
        conflicts=tuple(outcome.get("conflicts", [])),
        folder=folder,
    )
