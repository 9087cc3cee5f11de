"""`lakebook run` and `lakebook plan`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ColdError, UserError, did_you_mean
from . import shared

if TYPE_CHECKING:
    from ..graph import Graph, OpsJob, Selection, StepNode
    from ..names import Dataset
    from ..run.beside import Beside
    from ..run.cold_reads import Obstacle
    from ..run.plan import StepPlan
    from ..run.scheduler import Notify, StepReport
    from ..step.view import DatasetView


class Every(StrEnum):
    """Length of one run's interval."""

    day = "day"
    month = "month"


ParameterOption = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Set a notebook's parameter."),
]
ForceOption = Annotated[bool, typer.Option(help="Run also what would give the same result.")]


def run(
    selectors: shared.RunSelectors = None,
    start: shared.StartOption = None,
    end: shared.EndOption = None,
    days: shared.DaysOption = None,
    missing: shared.MissingOption = False,
    every: Annotated[
        Every | None, typer.Option(help="One run per day or month instead of one for all.")
    ] = None,
    force: ForceOption = False,
    parameter: ParameterOption = None,
    jobs: Annotated[
        int, typer.Option(min=0, help="Steps side by side (0: one per processor).")
    ] = 0,
    restore: shared.RestoreOption = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Run what is stale among the selected steps, in dependency order; then the named jobs."""
    from ..graph import load_jobs
    from ..run.jobs import run_jobs
    from ..run.plan import Planner
    from ..run.scheduler import run_steps
    from ..run.stopping import stopping
    from .left_out import json_of, print_left_out

    began = time.monotonic()
    settings = shared.settings_to_make(lake, env)
    interval = shared.interval_of(start, end, days)
    shared.adopt_debris(settings)
    wanted, named = shared.split_jobs(selectors)
    maintenance = load_jobs(settings, named)
    graph: Graph | None = None
    chosen: Selection | None = None
    steps: Sequence[StepNode] = ()
    if wanted or not named:  # a job runs, whatever is wrong with the graph
        start_ahead(settings)
        graph, chosen = shared.selected(settings, wanted)
        steps = chosen.steps
        interval = shared.interval_or_missing(interval, missing, graph, steps, settings)
        if missing and interval is None:
            steps = ()
    elif interval is not None or missing:
        raise UserError(
            f"{maintenance[0].name} has no interval", fix="give it parameters: -p NAME=VALUE"
        )
    given = parameters(parameter, [*steps, *maintenance])
    reports: tuple[StepReport, ...] = ()
    beside: tuple[Beside, ...] = ()
    said: tuple[str, ...] = ()
    with _watched([*steps, *maintenance], as_json) as notify, stopping() as stop:
        if graph is not None:
            planner = Planner(settings, graph, interval, given, force)
            reports = run_steps(
                planner,
                steps,
                every=_unit(every),
                jobs=jobs or settings.runtime.jobs,
                notify=notify,
                cancel=stop,
                restore=restore,
            )
            remember_state(settings, graph, reports)
            if _may_be_beside(graph, steps) and not stop.reason:
                from ..run.beside import look_beside, sentences

                beside = look_beside(planner, steps)
                said = sentences(planner, beside)
        if maintenance:
            reports += run_jobs(settings, maintenance, parameters=given, notify=notify, cancel=stop)
    elapsed_s = time.monotonic() - began
    if as_json:
        more = json_of(chosen) if chosen else {}
        shared.print_json(_run_json(reports, beside, elapsed_s) | more)
    else:
        from .progress import print_summary

        print_summary(settings, reports, elapsed_s, said)
    left_out = print_left_out(graph, chosen) if graph and chosen else 0
    code = stop.exit_code or max([left_out, *(report.exit_code for report in reports)])
    if code:
        raise typer.Exit(code)


def _may_be_beside(graph: Graph, steps: Sequence[StepNode]) -> bool:
    """Whether a command leaves out a step, or days that a window of a chosen one reaches."""
    reads = (read for node in steps for read in node.reads)
    return len(steps) < len(graph.steps) or any(one.before_days or one.after_days for one in reads)


def _run_json(
    reports: Sequence[StepReport], beside: Sequence[Beside], elapsed_s: float
) -> dict[str, Any]:
    return {
        "elapsed_s": elapsed_s,
        "steps": [report_json(report) for report in reports],
        "stale_above": [str(one.step) for one in beside if one.is_above],
        "stale_below": [str(one.step) for one in beside if not one.is_above],
    }


@contextmanager
def _watched(steps: Sequence[StepNode | OpsJob], as_json: bool) -> Iterator[Notify | None]:
    """Show progress, except where machines read."""
    if as_json:
        yield None
        return
    from .progress import Watch

    with Watch([node.name for node in steps]) as watch:
        yield watch.notify


def plan(
    selectors: shared.Selectors = None,
    start: shared.StartOption = None,
    end: shared.EndOption = None,
    days: shared.DaysOption = None,
    missing: shared.MissingOption = False,
    every: Annotated[Every | None, typer.Option(help="Show one run per day or month.")] = None,
    explain: Annotated[bool, typer.Option(help="Name what changed for each partition.")] = False,
    force: ForceOption = False,
    parameter: ParameterOption = None,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Show what `run` would do, and why. Nothing is run and no data is read."""
    from ..run.beside import look_beside, of_step, sentences
    from ..run.cold_reads import obstacles
    from ..run.plan import Planner
    from ..run.untracked import untracked
    from .left_out import json_of, print_left_out

    settings = shared.settings_to_read(lake, env)
    graph, chosen = shared.selected(settings, selectors)
    steps = chosen.steps
    given = parameters(parameter, steps)
    interval = shared.interval_of(start, end, days)
    interval = shared.interval_or_missing(interval, missing, graph, steps, settings)
    if missing and interval is None:
        steps = ()
    planner = Planner(settings, graph, interval, given, force)
    views: dict[Dataset, DatasetView] = {}
    plans = planner.plan(steps, views)
    unit = _unit(every)
    barred = obstacles(planner, plans, unit, views)
    due = [planned.node.name for planned in plans if planned.is_due]
    some = look_beside(planner, steps, views, due=due) if _may_be_beside(graph, steps) else ()
    unknown = {planned.node.name: untracked(settings, planned.node) for planned in plans}
    if as_json:
        shared.print_json(
            [
                _plan_json(planned, unit, barred.get(planned.node.name))
                | {"untracked": list(unknown[planned.node.name])}
                | of_step(graph, planned.node.name, some)
                for planned in plans
            ]
            + [entry for kind in json_of(chosen).values() for entry in kind]
        )
        raise typer.Exit(print_left_out(graph, chosen))
    from .progress import print_plan

    said = sentences(planner, some)
    print_plan(plans, unit, barred, unknown, explain=explain, said=said)
    raise typer.Exit(print_left_out(graph, chosen))


def parameters(given: list[str] | None, steps: Sequence[StepNode | OpsJob]) -> dict[str, Any]:
    """Parse NAME=VALUE; a value that is JSON is taken as such, as in Papermill.

    Raises UserError for a name that no notebook of the chosen steps has.
    """
    known = sorted({name for node in steps for name in node.parameters})
    found: dict[str, Any] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UserError(f"parameter {text!r} is not NAME=VALUE", fix="write -p name=value")
        if name in ("start", "end") and name not in known:
            raise UserError(f"parameter {name!r} is the interval", fix=f"use --{name}")
        if name not in known:
            raise UserError(
                f"no chosen notebook has a parameter {name!r}{did_you_mean(name, known)}",
                fix=f"they have {', '.join(known)}" if known else "they have none but the interval",
            )
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found


def start_ahead(settings: Any) -> None:
    """Let the warm parent import while dbt is asked for its project: most likely it is needed."""
    from ..graph.manifest import is_kept
    from ..runtime.warm import prestart

    if not is_kept(settings):
        prestart(settings)


def remember_state(settings: Any, graph: Graph, reports: tuple[StepReport, ...]) -> None:
    """Keep the digests of the steps that are now as their code says, for state:modified."""
    from ..graph import save_state

    good = {report.node.name for report in reports if report.status in ("ok", "fresh")}
    save_state(settings, graph, [name for name in graph.steps if name in good])


def report_json(report: StepReport) -> dict[str, Any]:
    return {
        "step": str(report.node.name),
        "status": report.status,
        "error": report.error or None,
        "blocked_by": list(report.blocked_by),
        "fresh_partitions": report.fresh,
        "runs": [
            {
                "run_id": one.run_id,
                "interval": asdict(one.interval) if one.interval else None,
                "status": one.status,
                "error": one.error,
                "elapsed_s": one.elapsed_s,
                "peak_rss_mb": one.peak_rss_mb,
                "outputs": list(one.outputs),
                "warnings": one.warnings,
                "notes": list(one.notes),
                "operations": list(one.operations),
                "summary": one.summary or None,
                "report": str(one.page),
            }
            for one in report.runs
        ],
    }


def _plan_json(planned: StepPlan, every: Any, barred: Obstacle | None) -> dict[str, Any]:
    error = barred.error if barred else None
    return {
        "step": str(planned.node.name),
        "engine": planned.node.engine or None,
        "stale": list(planned.stale),
        "fresh": list(planned.fresh),
        "reasons": dict(planned.reasons),
        "kept": dict(planned.kept),
        "waits_for": list(planned.waits_for),
        "runs": [asdict(piece) if piece else None for piece in planned.pieces(every)],
        "stops": ("surely" if barred.is_sure else "maybe") if barred else None,
        "error": error.sentence if error else None,
        "in_cold": dict(error.needs) if isinstance(error, ColdError) else {},
    }


def _unit(every: Every | None) -> Any:
    return every.value if every else None
