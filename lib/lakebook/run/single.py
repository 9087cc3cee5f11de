"""One run, of a step for one interval or of a maintenance job; archived, however it ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from ..archive.masking import secrets_in
from ..contract.classified import hidden_columns
from ..contract.lookup import find_table
from ..errors import LakebookError, RunError
from ..graph import OpsJob, StepNode
from ..intervals import Interval
from ..names import Dataset, Job
from ..runtime.cancel import Cancel
from ..runtime.job import JobRequest, JobResult, Limits, execute, job_result
from ..runtime.recovery import copy_masked, nothing
from ..settings import Settings
from ..site.places import page_name
from .archiving import archive_run
from .closing import close_run, read_outcome
from .untracked import untracked
from .workspace import Attempt, workspace

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class RunResult:
    """How one run ended.

    `warned` are the rules with action `warn` that did not hold; `conflicts` the partitions that
    another run committed meanwhile; `cold` those, by dataset, that have to be restored first.
    """

    run_id: str
    step: Dataset | Job
    interval: Interval | None
    status: str  # ok | failed | killed
    error: str | None
    exit_code: int
    elapsed_s: float
    peak_rss_mb: float
    outputs: tuple[Mapping[str, Any], ...]
    warned: tuple[str, ...]
    notes: tuple[str, ...]
    conflicts: tuple[str, ...]
    cold: Mapping[str, tuple[str, ...]]
    operations: tuple[Mapping[str, Any], ...]
    summary: str
    folder: Path
    page: Path  # of the report site, which is built when all steps have ended

    @property
    def warnings(self) -> int:
        return len(self.warned)


class Wrote(Protocol):
    @property
    def outputs(self) -> Sequence[Mapping[str, Any]]: ...


def rows_in(runs: Iterable[Wrote], kind: Literal["published", "quarantined"]) -> int:
    """Rows of a step's runs, one after the other. Those without a time, which each run replaces,
    are those of the last one that wrote their dataset."""
    dated, without_time = 0, {}
    for run in runs:
        for output in run.outputs:
            dated += output[f"rows_{kind}"]
            if undated := output.get("without_time"):
                dated -= undated[kind]
                without_time[output["dataset"]] = undated[kind]
    return dated + sum(without_time.values())


def run_once(
    settings: Settings,
    node: StepNode,
    interval: Interval | None,
    static: Mapping[str, str],
    *,
    parameters: Mapping[str, Any] | None = None,
    force: bool = False,
    on_event: OnEvent | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Execute one step's notebook for one interval and archive it.

    `force`: the person asked for it, whatever is there.
    """
    given = dict(parameters or {})
    if interval is not None:
        given |= {"start": str(interval.start), "end": str(interval.end)}
    context = {
        **_context(settings, node),
        "static": dict(static),
        "reads": _reads(node),
        "declared": _declared(node),
        "sources": list(node.sources),
        "force": force,
    }
    return _execute(settings, node, interval, given, context, static, on_event, cancel)


def run_job(
    settings: Settings,
    job: OpsJob,
    *,
    parameters: Mapping[str, Any] | None = None,
    on_event: OnEvent | None = None,
    cancel: Cancel | None = None,
) -> RunResult:
    """Execute a maintenance job's notebook and archive it."""
    given = dict(parameters or {})
    return _execute(settings, job, None, given, _context(settings, job), {}, on_event, cancel)


def _execute(
    settings: Settings,
    node: StepNode | OpsJob,
    interval: Interval | None,
    given: Mapping[str, Any],
    context: Mapping[str, Any],
    static: Mapping[str, str],
    on_event: OnEvent | None,
    cancel: Cancel | None,
) -> RunResult:
    hidden = _hidden_names(settings, node) if given else frozenset[str]()
    attempt = _attempt(settings, node, interval, given, hidden)
    secrets = secrets_in(given, hidden)
    with workspace(settings, attempt) as work:
        request = JobRequest(
            run_id=attempt.run_id,
            notebook=node.notebook,
            parameters=given,
            context={**context, "run_id": attempt.run_id},
            out_dir=work,
            limits=_limits(settings),
            env={**_environment(settings), **secrets},
            settings=settings,
        )
        result = execute(request, on_event, cancel)
        outcome = read_outcome(work)
        if isinstance(node, StepNode):
            result = _keep_promise(settings, node, result, outcome)
        folder = close_run(settings, attempt, result, work, static, secrets)
    page = settings.site / page_name(attempt.run_id)
    return _result(attempt.run_id, node, interval, result, outcome, folder, page)


def record_refusal(
    settings: Settings,
    node: StepNode,
    interval: Interval | None,
    error: LakebookError,
    *,
    parameters: Mapping[str, Any] | None = None,
) -> RunResult:
    """Archive a run that could not begin: its notebook as it is, and the sentence."""
    hidden = _hidden_names(settings, node) if parameters else frozenset[str]()
    attempt = _attempt(settings, node, interval, dict(parameters or {}), hidden)
    raw = {**nothing(str(error)), "exit_code": error.exit_code}
    with workspace(settings, attempt) as work:
        copy_masked(node.notebook, work)
        result = job_result(raw, 0.0, work)
        folder = archive_run(settings, attempt, result, {}, work)
    page = settings.site / page_name(attempt.run_id)
    return _result(attempt.run_id, node, interval, result, {}, folder, page)


def _attempt(
    settings: Settings,
    node: StepNode | OpsJob,
    interval: Interval | None,
    given: Mapping[str, Any],
    hidden: Collection[str],
) -> Attempt:
    began = datetime.now(UTC)
    run_id = f"{began:%Y%m%dT%H%M%S}-{node.name}-{secrets.token_hex(3)}"
    known = untracked(settings, node) if isinstance(node, StepNode) else ()
    return Attempt.of(run_id, node, interval, began, given, hidden, known)


def _hidden_names(settings: Settings, node: StepNode | OpsJob) -> frozenset[str]:
    """Columns of what a step reads and writes whose values stay hidden."""
    if not isinstance(node, StepNode):
        return frozenset()
    tables = [*(node.contract.tables if node.contract else ())]
    tables += [find_table(settings, read.dataset) for read in node.reads]
    return frozenset[str]().union(*map(hidden_columns, tables))


def _keep_promise(
    settings: Settings, node: StepNode, result: JobResult, outcome: Mapping[str, Any]
) -> JobResult:
    """A notebook that ended well and did not write what its contract promises has failed; so has
    one that passed over the refusal of a second write, whose rows are not there."""
    if result.status == "ok" and (refused := outcome.get("refused")):
        return replace(result, status="failed", error=refused, exit_code=RunError.exit_code)
    written = {output["dataset"] for output in outcome.get("outputs", ())}
    missing = [str(name) for name in node.outputs if str(name) not in written]
    if result.status != "ok" or not missing:
        return result
    notebook = node.notebook.relative_to(settings.root)
    found = RunError(
        f"it ended without writing {', '.join(missing)}, which its contract promises",
        where=str(notebook),
        fix="call step.write in a cell that always runs, with no row if there is none",
    )
    return replace(result, status="failed", error=str(found), exit_code=found.exit_code)


def _context(settings: Settings, node: StepNode | OpsJob) -> dict[str, Any]:
    return {
        "root": str(settings.root),
        "lake": str(settings.lake),
        "env": settings.env,
        "step": str(node.name),
    }


def _reads(node: StepNode) -> list[str]:
    return sorted({str(read.dataset) for read in node.reads} | set(map(str, node.outputs)))


def _declared(node: StepNode) -> list[dict[str, Any]]:
    return [
        {
            "dataset": str(read.dataset),
            "before_days": read.before_days,
            "after_days": read.after_days,
            "whole": read.whole,
        }
        for read in node.reads
        if read.refresh != "forward"
    ]


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


def _result(
    run_id: str,
    node: StepNode | OpsJob,
    interval: Interval | None,
    result: JobResult,
    outcome: Mapping[str, Any],
    folder: Path,
    page: Path,
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
        warned=tuple(
            f"{c['dataset']} {c['name']}"
            for c in checks
            if not c["success"] and c["action"] == "warn"
        ),
        notes=tuple(outcome.get("notes", [])),
        conflicts=tuple(outcome.get("conflicts", [])),
        cold={name: tuple(parts) for name, parts in outcome.get("cold", {}).items()},
        operations=tuple(outcome.get("operations", [])),
        summary=outcome.get("summary", ""),
        folder=folder,
        page=page,
    )
