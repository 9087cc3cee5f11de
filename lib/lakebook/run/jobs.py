"""Maintenance jobs one after another, in the order given. A failed one stops those behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph import OpsJob
from ..runtime.cancel import Cancel
from ..settings import Settings
from .scheduler import Notify, StepReport, nobody, show_runs
from .single import run_job


def run_jobs(
    settings: Settings,
    jobs: Sequence[OpsJob],
    *,
    parameters: Mapping[str, Any] | None = None,
    notify: Notify | None = None,
    cancel: Cancel | None = None,
) -> tuple[StepReport, ...]:
    """Run every job, each with those of the parameters that its notebook has.

    After `cancel.stop` no job begins, and what runs is ended and archived.
    """
    notify, cancel = notify or nobody, cancel or Cancel()
    reports: list[StepReport] = []
    for job in jobs:
        failed = [str(one.node.name) for one in reports if one.status == "failed"]
        report = StepReport(job, "ok")
        reports.append(report)
        if failed:
            # Whoever orders jobs means the order: after a finding of verify, tiering must wait.
            report.status, report.blocked_by = "blocked", tuple(failed)
            notify(job.name, {"event": "blocked", "by": failed})
        elif cancel.reason:
            report.status = "stopped"
        else:
            _run(settings, report, job, dict(parameters or {}), notify, cancel)
    show_runs(settings, reports, notify)
    return tuple(reports)


def _run(
    settings: Settings,
    report: StepReport,
    job: OpsJob,
    given: Mapping[str, Any],
    notify: Notify,
    cancel: Cancel,
) -> None:
    notify(job.name, {"event": "due", "pieces": 1})
    result = run_job(
        settings,
        job,
        parameters={name: value for name, value in given.items() if name in job.parameters},
        on_event=lambda event: notify(job.name, event),
        cancel=cancel,
    )
    report.runs.append(result)
    if result.status != "ok":
        report.status, report.error = "failed", result.error or "failed"
        report.exit_code = result.exit_code or 1
    notify(job.name, {"event": "end", "report": report})
