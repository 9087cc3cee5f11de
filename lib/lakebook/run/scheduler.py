"""Many steps in dependency order, independent ones side by side.

A failed step stops what depends on it and nothing else. What is stale is decided for a step at its
turn, when everything above it is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..cards.words import did
from ..errors import ColdError, LakebookError
from ..graph import OpsJob, StepNode
from ..intervals import NULL, Interval, Unit
from ..names import Dataset, Job
from ..runtime.cancel import Cancel
from ..settings import Settings
from ..site.build import build_site
from .cold_reads import check_reads, provide, restore
from .emission import begin_emission
from .plan import Planner, StepPlan
from .single import RunResult, record_refusal, rows_in, run_once

Status = Literal["ok", "fresh", "failed", "blocked", "stopped"]
_ATTEMPTS = 6  # of partitions that other runs keep committing; each attempt lets somebody finish


@dataclass
class StepReport:
    """What became of one step or job. `blocked_by` names the failed ones above or before it.

    "stopped": it did not come to its turn, or not to all its intervals. What ran when the command
    was stopped has failed.
    """

    node: StepNode | OpsJob
    status: Status = "fresh"
    runs: list[RunResult] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0
    fresh: int = 0
    blocked_by: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return rows_in(self.runs, "published")

    @property
    def rows_quarantined(self) -> int:
        return rows_in(self.runs, "quarantined")

    @property
    def summary(self) -> str:
        """What a maintenance job came to, in words."""
        return "; ".join(run.summary or did(run.operations) for run in self.runs)


Notify = Callable[[Dataset | Job, dict[str, Any]], None]


def run_steps(
    planner: Planner,
    steps: Sequence[StepNode],
    *,
    every: Unit | None = None,
    jobs: int = 0,
    notify: Notify | None = None,
    cancel: Cancel | None = None,
    restore: bool = False,
) -> tuple[StepReport, ...]:
    """Run what is stale among `steps`; return one report per step, in the graph's order.

    `restore`: bring back what a run needs from cold; without it such a run fails before it starts.
    After `cancel.stop` no step begins, and what runs is ended and archived.
    """
    notify = notify or nobody
    schedule = _Schedule(planner, steps, every, notify, cancel or Cancel(), restore)
    reports = schedule.run(jobs or os.cpu_count() or 1)
    show_runs(planner.settings, reports, notify)
    return reports


def show_runs(settings: Settings, reports: Sequence[StepReport], notify: Notify) -> None:
    """Bring report site and catalog up to date with what ran, side by side."""
    ran = [report for report in reports if report.runs]
    if not ran:
        return
    emission = begin_emission(settings)
    try:
        build_site(settings)
    except LakebookError as broken:  # no reason to call a run failed
        notify(ran[0].node.name, {"event": "site", "problem": broken.sentence})
    if note := emission():
        # What the catalog lacks is a note of the last run; the catalog's status says it later.
        last = ran[-1].runs
        last[-1] = replace(last[-1], notes=(*last[-1].notes, note))


class _Schedule:
    def __init__(
        self,
        planner: Planner,
        steps: Sequence[StepNode],
        every: Unit | None,
        notify: Notify,
        cancel: Cancel,
        restore: bool,
    ) -> None:
        self.planner = planner
        self.restore = restore
        self.every = every
        self.notify = notify
        chosen = {node.name for node in steps}
        self.order = [node for node in planner.graph.order() if node.name in chosen]
        self.above = {
            node.name: {up for up in planner.graph.upstream(node.name) if up in chosen}
            for node in self.order
        }
        self.reports: dict[Dataset, StepReport] = {}
        self.cancel = cancel

    def run(self, jobs: int) -> tuple[StepReport, ...]:
        waiting = {node.name: node for node in self.order}
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="step") as pool:
            busy: dict[Future[StepReport], Dataset] = {}
            try:
                while waiting or busy:
                    if self.cancel.reason:
                        self._leave(waiting)
                    else:
                        self._start(waiting, busy, pool)
                    done, _ = wait(busy, return_when=FIRST_COMPLETED)
                    for future in done:
                        self.reports[busy.pop(future)] = future.result()
            except BaseException:
                self.cancel.stop("stopped with the command")
                raise
        return tuple(self.reports[node.name] for node in self.order)

    def _leave(self, waiting: dict[Dataset, StepNode]) -> None:
        for name, node in waiting.items():
            self.reports[name] = StepReport(node, "stopped")
        waiting.clear()

    def _start(
        self,
        waiting: dict[Dataset, StepNode],
        busy: dict[Future[StepReport], Dataset],
        pool: ThreadPoolExecutor,
    ) -> None:
        for name, node in list(waiting.items()):
            if not all(up in self.reports for up in self.above[name]):
                continue
            del waiting[name]
            failed = sorted(
                str(up)
                for up in self.above[name]
                if self.reports[up].status in ("failed", "blocked")
            )
            if failed:
                self.reports[name] = StepReport(node, "blocked", blocked_by=tuple(failed))
                self.notify(name, {"event": "blocked", "by": failed})
                self._start(waiting, busy, pool)  # what waits for this one is blocked as well
                return
            busy[pool.submit(self._step, node)] = name

    def _step(self, node: StepNode) -> StepReport:
        report = StepReport(node)
        if self.cancel.reason:
            report.status = "stopped"
            return report
        try:
            plan = self.planner.plan_step(node)
        except LakebookError as found:
            report.status, report.error, report.exit_code = "failed", str(found), found.exit_code
            report.runs.extend(self._refused(node, found))
            self.notify(node.name, {"event": "end", "report": report})
            return report
        report.fresh = len(plan.fresh)
        if plan.is_due:
            report.status = "ok"
            self.notify(node.name, {"event": "due", "pieces": len(plan.pieces(self.every))})
            for piece in plan.pieces(self.every):
                if self.cancel.reason:
                    report.status = "stopped"
                    break
                if not self._piece(report, plan, piece):
                    break
        self.notify(node.name, {"event": "end", "report": report})
        return report

    def _refused(self, node: StepNode, found: LakebookError) -> list[RunResult]:
        """The archived trace of a step that could not be planned."""
        planner = self.planner
        try:
            interval = planner.interval_of(node)
        except LakebookError:
            return []  # the command is wrong, not the step
        given = planner.parameters
        return [record_refusal(planner.settings, node, interval, found, parameters=given)]

    def _piece(self, report: StepReport, plan: StepPlan, piece: Interval | None) -> bool:
        """Run one interval; what others committed meanwhile is computed anew."""
        todo: list[Interval | None] = [piece]
        cold: dict[str, tuple[str, ...]] = {}
        for attempt in range(_ATTEMPTS):
            again: list[Interval | None] = []
            for interval in todo:
                result = self._run(plan, interval, cold)
                cold = dict(result.cold)
                report.runs.append(result)
                if result.conflicts and attempt + 1 < _ATTEMPTS:
                    again.extend(_again(plan, interval, result.conflicts))
                elif result.cold and self.restore and attempt + 1 < _ATTEMPTS:
                    again.append(interval)
                elif result.status != "ok":
                    report.status, report.error = "failed", result.error or "failed"
                    report.exit_code = result.exit_code or 1
                    return False
            if not again:
                return True
            todo = again
        return False

    def _run(
        self, plan: StepPlan, interval: Interval | None, cold: Mapping[str, tuple[str, ...]]
    ) -> RunResult:
        """One run. `cold`: partitions by dataset that the one before found to be in cold."""
        name = plan.node.name
        try:
            self._check_reads(plan.node, interval, cold)
        except LakebookError as found:
            given = self.planner.parameters_of(plan.node)
            return record_refusal(
                self.planner.settings, plan.node, interval, found, parameters=given
            )
        return run_once(
            self.planner.settings,
            plan.node,
            interval,
            plan.static,
            parameters=self.planner.parameters_of(plan.node),
            force=self.planner.force,
            on_event=lambda event: self.notify(name, event),
            cancel=self.cancel,
        )

    def _check_reads(
        self, node: StepNode, interval: Interval | None, cold: Mapping[str, tuple[str, ...]]
    ) -> None:
        """What is in cold is restored, or said before a kernel starts."""

        def check() -> None:
            check_reads(self.planner, node, interval)

        def say(text: str) -> None:
            self.notify(node.name, {"event": "note", "text": text})

        if not self.restore:
            return check()
        if cold:
            restore(self.planner.settings, ColdError("", needs=cold), say)
        provide(self.planner.settings, check, say)


def _again(
    plan: StepPlan, interval: Interval | None, conflicts: Sequence[str]
) -> tuple[Interval | None, ...]:
    """The intervals to run again after a conflict: at least the days of what was refused."""
    tables = plan.node.contract.tables if plan.node.contract else ()
    # A conflict ends a run: the tables that it would have written next have nothing of it.
    if interval is None or NULL in conflicts or len(tables) > 1:
        return (interval,)
    return plan.cut(conflicts)


def nobody(step: Dataset | Job, event: Mapping[str, Any]) -> None:
    """Nobody watches."""
