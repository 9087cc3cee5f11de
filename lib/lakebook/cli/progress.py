"""What a person sees of a run: a bar per step while it goes on, a table when it has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..cards.words import interval, plural
from ..intervals import Unit
from ..names import Dataset, Job, is_job
from ..settings import Settings
from .shared import console, error_console, relative

if TYPE_CHECKING:
    from ..archive.record import RunRecord
    from ..run.cold_reads import Obstacle
    from ..run.plan import StepPlan
    from ..run.scheduler import StepReport

_LOOKS = {
    "ok": "[green]ok[/]",
    "fresh": "[dim]fresh[/]",
    "failed": "[bold red]failed[/]",
    "blocked": "[yellow]blocked[/]",
    "stopped": "[yellow]stopped[/]",
}


class Watch:
    """Shows events of running steps; prints each step once it is done."""

    def __init__(self, steps: Sequence[Dataset | Job]) -> None:
        self.left = len(steps)
        self.tasks: dict[Dataset | Job, Any] = {}
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=error_console(),
            transient=True,
        )

    def __enter__(self) -> Watch:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        found: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def notify(self, step: Dataset | Job, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "due":
            self.tasks[step] = self.progress.add_task(str(step), total=None, detail="starting")
        elif kind == "site":
            self.progress.console.print(f"note: no report site: {escape(event['problem'])}")
        elif kind == "start" and step in self.tasks:
            self.progress.update(self.tasks[step], total=event["cells"], completed=0, detail="")
        elif kind == "cell" and step in self.tasks:
            detail = f"cell {event['done']} of {event['of']}"
            self.progress.update(self.tasks[step], completed=event["done"], detail=detail)
        elif kind == "note":
            self.progress.console.print(
                f"[yellow]note[/] {step}: {escape(event['text'])}", soft_wrap=True
            )
        elif kind == "end":
            self._end(step, event["report"])

    def _end(self, step: Dataset | Job, report: StepReport) -> None:
        if step in self.tasks:
            self.progress.remove_task(self.tasks.pop(step))
        if report.status == "ok":
            seconds = sum(run.elapsed_s for run in report.runs)
            made = f"{report.rows:>10,} rows"
            if isinstance(step, Job):
                made = ""  # what it came to stands in the summary
            text = f"{_LOOKS['ok']:<20} {step!s:<24} {made:>15} {seconds:6.1f} s"
            self.progress.console.print(text)
        elif report.status == "failed":
            # Why stands in the summary, once.
            self.progress.console.print(f"{_LOOKS['failed']:<20} {step!s}")


def print_summary(
    settings: Settings,
    reports: Sequence[StepReport],
    elapsed_s: float,
    said: Sequence[str] = (),
) -> None:
    """A line per step that did something, what it found, where to look; `said`: of other steps."""
    out = console()
    shown = [report for report in reports if report.status != "fresh"]
    if shown:
        out.print(_table(shown))
    for report in shown:
        if isinstance(report.node.name, Job) and report.summary:
            out.print(f"{report.node.name}: {escape(report.summary)}", soft_wrap=True)
        for note in dict.fromkeys(note for run in report.runs for note in run.notes):
            out.print(f"note {report.node.name}: {escape(note)}", soft_wrap=True)
    for report in shown:
        if report.status == "failed":
            out.print(f"[bold red]failed[/] {escape(report.error)}", soft_wrap=True)
            if report.runs:
                page = relative(report.runs[-1].page)
                out.print(f"       report: {page}", markup=False, soft_wrap=True)
        elif report.status == "blocked":
            out.print(f"[yellow]blocked[/] {report.node.name}: {', '.join(report.blocked_by)}")
    counts: Counter[str] = Counter(report.status for report in reports)
    parts = [f"{counts[name]} {name}" for name in _LOOKS if counts[name]]
    jobs = sum(isinstance(report.node.name, Job) for report in reports)
    steps = len(reports) - jobs
    what = [plural(steps, "step")] if steps or not jobs else []
    what += [plural(jobs, "job")] if jobs else []
    out.print(f"{' and '.join(what)}: {', '.join(parts)}; {elapsed_s:.1f} s")
    for one in said:
        out.print(f"[yellow]{escape(one)}[/]", soft_wrap=True)
    index = settings.site / "index.html"
    if index.is_file():
        out.print(f"Reports: {relative(index)}", markup=False, soft_wrap=True)


def _table(reports: Sequence[StepReport]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("step", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "quarantined", "warnings", "time s", "peak MB"):
        table.add_column(name, justify="right")
    for report in reports:
        runs = report.runs
        table.add_row(
            str(report.node.name),
            _LOOKS[report.status],
            f"{report.rows:,}" if runs and not isinstance(report.node.name, Job) else "",
            _count(report.rows_quarantined),
            _count(len({name for run in runs for name in run.warned})),
            f"{sum(run.elapsed_s for run in runs):.1f}" if runs else "",
            f"{max(run.peak_rss_mb for run in runs):.0f}" if runs else "",
        )
    return table


def _count(value: int) -> str:
    """Nothing where there is nothing to notice."""
    return f"{value:,}" if value else ""


def print_runs(records: Sequence[RunRecord]) -> None:
    """A line per run. Its name has the step in it and is never cut: people paste it."""
    out = console()
    if not records:
        out.print("no runs yet")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("run", no_wrap=True)
    for name in ("status", "interval"):
        table.add_column(name)
    for name in ("rows", "time s"):
        table.add_column(name, justify="right", no_wrap=True)
    for record in records:
        table.add_row(
            record.run_id,
            record.status,
            interval(record.start, record.end) if record.start else "",
            "" if is_job(record.step) else f"{record.rows('published'):,}",
            f"{record.elapsed_s:.1f}",
        )
    longest = max(len(record.run_id) for record in records)
    out.print(table, width=max(out.width, longest + 43), crop=False)


def print_plan(
    plans: Sequence[StepPlan],
    every: Unit | None,
    barred: Mapping[Dataset, Obstacle],
    untracked: Mapping[Dataset, Sequence[str]],
    *,
    explain: bool,
    said: Sequence[str] = (),
) -> None:
    """`barred`: why the runs of a step stop before they start; `untracked`: what a step depends on
    that no plan sees; `said`: of the steps left out."""
    out = console()
    due = [planned for planned in plans if planned.is_due or planned.waits_for]
    for planned in due:
        runs = planned.pieces(every)
        intervals = [piece for piece in runs if piece is not None]
        where = ", ".join(str(i) for i in intervals[:3]) + (" …" if len(intervals) > 3 else "")
        if planned.is_due:
            what = f"{len(planned.stale)} stale of {len(planned.stale) + len(planned.fresh)}"
            runs_text = plural(len(runs), "run")
            own = f", by {planned.node.engine}" if planned.node.engine else ""
            out.print(f"[bold]{planned.node.name}[/]  {what} partitions{own}, {runs_text} {where}")
        else:
            waits = ", ".join(planned.waits_for)
            out.print(f"[bold]{planned.node.name}[/]  fresh now; may follow {waits}")
        if explain:
            for reason, names in _by_reason(planned.reasons).items():
                out.print(f"    {escape(reason)}: {_few(names)}", soft_wrap=True)
        if bar := barred.get(planned.node.name):
            word = "will stop" if bar.is_sure else "will stop, unless it gets other rows before"
            out.print(f"    [yellow]{word}:[/] {escape(bar.error.sentence)}", soft_wrap=True)
    for planned in plans:
        for reason, names in _by_reason(planned.kept).items():
            kept = f"{planned.node.name} keeps {_few(names)}: {reason}"
            out.print(f"[dim]{escape(kept)}[/]", soft_wrap=True)
        for call in untracked[planned.node.name]:
            unseen = f"{planned.node.name} not tracked: {call}"
            out.print(f"[yellow]{escape(unseen)}[/]", soft_wrap=True)
    fresh = len(plans) - len(due)
    out.print(f"{len(due)} of {plural(len(plans), 'step')} to run, {fresh} fresh")
    for one in said:
        out.print(f"[yellow]{escape(one)}[/]", soft_wrap=True)


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, reason in sorted(reasons.items()):
        grouped.setdefault(reason, []).append(name)
    return grouped


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" … ({len(names)})" if len(names) > 4 else "")
