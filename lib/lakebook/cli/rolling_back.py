"""`lakebook rollback`: a dataset as one of its runs left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural
from ..names import Dataset
from . import shared

if TYPE_CHECKING:
    from ..graph import Graph
    from ..run.rollback import RollbackPlan

_SHOWN = 12


def rollback(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    to: Annotated[str, typer.Option("--to", metavar="RUN", help="A run that wrote it.")],
    partition: Annotated[
        list[str] | None,
        typer.Option("--partition", "-P", help="Only this one; may be given several times."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it, without asking.")] = False,
    env: shared.EnvOption = None,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Put a dataset back to what it was after a run. Nothing is computed; files come back."""
    from ..run.rollback import apply_rollback, plan_rollback
    from .telling import telling

    settings = shared.settings_to_change(lake, env)
    graph = shared.whole_graph(settings)
    plan = plan_rollback(settings, graph, Dataset.parse(dataset), to, partition or None)
    if not as_json:
        _print_plan(plan)
    done: list[dict[str, Any]] = []
    if plan.rows:
        shared.confirm("Put it back?", "nothing was changed", yes=yes)
        with telling(settings, "rollback", job="rollback") as told:
            done = [one.to_json() for one in apply_rollback(plan, told.run_id)]
            told.add(done)
    if as_json:
        shared.print_json(
            {
                "dataset": str(plan.contract.dataset),
                "to_run": plan.to_run,
                "to_version": plan.to_version,
                "partitions": {
                    name: {"rows_before": before, "rows_after": after}
                    for name, (before, after) in plan.rows.items()
                },
                "operations": done,
            }
        )
    elif done:
        _print_done(plan, graph)


def _print_plan(plan: RollbackPlan) -> None:
    out = shared.console()
    where = f"{plan.contract.dataset} in {plan.settings.env}"
    if not plan.rows:
        out.print(f"{where} is as the run {plan.to_run} left it", markup=False, soft_wrap=True)
        return
    what = plural(len(plan.rows), "partition")
    out.print(f"{where}, back to the run {plan.to_run}: {what}", markup=False, soft_wrap=True)
    for name, (now, then) in list(plan.rows.items())[:_SHOWN]:
        out.print(f"  {name}: {now:,} -> {plural(then, 'row')}", markup=False, soft_wrap=True)
    if len(plan.rows) > _SHOWN:
        out.print(f"  … and {len(plan.rows) - _SHOWN} more")


def _print_done(plan: RollbackPlan, graph: Graph) -> None:
    out = shared.console()
    out.print(f"{plural(len(plan.rows), 'partition')} put back")
    for said in _said_below(plan, graph):
        out.print(said, markup=False, soft_wrap=True)
    name = plan.contract.dataset
    said = f"what has changed since that run makes it stale: lakebook plan {name}"
    out.print(said, markup=False, soft_wrap=True)


def _said_below(plan: RollbackPlan, graph: Graph) -> tuple[str, ...]:
    """What is stale below in the days of what was put back, and the command that makes it anew."""
    from ..intervals import NULL, WHOLE, Interval, partition_interval
    from ..run.beside import look_beside, sentences
    from ..run.plan import Planner

    days = [partition_interval(name) for name in plan.rows if name not in (NULL, WHOLE)]
    if not days:
        below = [*map(str, plan.below)]
        said = (
            f"made of what it was before: {', '.join(below)}; make them anew: lakebook run "
            f"{' '.join(below)}, with --start and --end where they have days"
        )
        return (said,) if below else ()
    over = Interval(min(one.start for one in days), max(one.end for one in days))
    planner = Planner(plan.settings, graph, over)
    name = graph.maker(plan.contract.dataset)
    if name not in graph.steps:
        return ()  # what is stale by it is not known before the steps that are broken are mended
    beside = look_beside(planner, [graph.steps[name]])
    return sentences(planner, [one for one in beside if not one.is_above])
