"""What is stale beside the steps that a command chooses: above them, so that what they read is not
the newest, and below them, so that what they made has not arrived.

Each is looked at over the days that it shares with the chosen ones, by the windows of the reads.
What was never made is not stale below; above it is, in the days of the command itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import LakebookError
from ..graph import Graph, StepNode
from ..graph.reach import reach
from ..intervals import NULL, WHOLE, Interval, partition_interval
from ..names import PROD, Dataset
from ..step.view import DatasetView
from .plan import NEVER_MADE, Planner


@dataclass(frozen=True)
class Beside:
    """A step that the command leaves out. `follows`: not stale yet, but it reads what will change.

    `stale` are names of partitions; `problem` says why it cannot be planned.
    """

    step: Dataset
    is_above: bool
    stale: tuple[str, ...] = ()
    follows: bool = False
    problem: str = ""

    @property
    def words(self) -> str:
        if self.problem:
            return f"{self.step} ({self.problem})"
        if self.follows:
            return str(self.step)
        return f"{self.step} ({len(self.stale)} partition{'s' if len(self.stale) > 1 else ''})"


def look_beside(
    planner: Planner,
    chosen: Sequence[StepNode],
    views: dict[Dataset, DatasetView] | None = None,
    *,
    due: Iterable[Dataset] = (),
) -> tuple[Beside, ...]:
    """The steps beside the chosen ones that are stale, in the graph's order.

    `due`: those of the chosen that are going to run; what reads of them follows.
    """
    graph, views = planner.graph, {} if views is None else views
    names = {node.name for node in chosen}
    above = reach(names, graph.upstream) - names
    below = reach(names, graph.downstream) - names - above
    following = reach(set(due), graph.downstream)
    needed = _needed(planner, names, above | below)
    found: list[Beside] = []
    for node in graph.order():
        if node.name in names and needed.get(node.name, planner.interval) != planner.interval:
            found += _before_and_after(planner, node, needed[node.name], views)
        if node.name not in above | below or (planner.interval is None and _has_days(node)):
            continue  # of which days, a command without an interval does not say
        one = _look_at(planner, node, needed.get(node.name), views, is_above=node.name in above)
        if not (one.stale or one.problem) and node.name in following:
            one = replace(one, follows=True)
        if one.stale or one.problem or one.follows:
            found.append(one)
    return tuple(found)


def command_for(planner: Planner, some: Sequence[Beside]) -> str:
    """What makes them and all below them anew: the first of each branch, and what follows it."""
    graph = planner.graph
    names = {one.step for one in some}
    first = [
        one.step for one in some if not (reach({one.step}, graph.upstream) - {one.step}) & names
    ]
    given = [f"{name}+" for name in first]
    days = planner.interval
    if days is not None:
        for name in (name for one in some for name in one.stale if name not in (NULL, WHOLE)):
            days = _joined(days, partition_interval(name))
        given += ["--start", str(days.start), "--end", str(days.end)]
    if planner.settings.env != PROD:
        given += ["--env", planner.settings.env]
    return f"lakebook run {' '.join(given)}"


def sentences(planner: Planner, some: Sequence[Beside]) -> tuple[str, ...]:
    """At most two: what is stale above, and below, each with what repairs it."""
    above = [one for one in some if one.is_above]
    below = [one for one in some if not one.is_above]
    said = []
    if above:
        said.append(f"stale above: {_listed(above)}; {command_for(planner, above)}")
    if below:
        said.append(f"stale below: {_listed(below)}; {command_for(planner, below)}")
    return tuple(said)


def of_step(graph: Graph, step: Dataset, some: Sequence[Beside]) -> dict[str, list[str]]:
    """For machines: which of them stand above a step, and below it."""
    up, down = reach({step}, graph.upstream), reach({step}, graph.downstream)
    return {
        "stale_above": [str(one.step) for one in some if one.is_above and one.step in up],
        "stale_below": [str(one.step) for one in some if not one.is_above and one.step in down],
    }


def _look_at(
    planner: Planner,
    node: StepNode,
    interval: Interval | None,
    views: dict[Dataset, DatasetView],
    *,
    is_above: bool,
) -> Beside:
    alone = replace(planner, interval=interval or planner.interval, parameters={}, force=False)
    try:
        planned = alone.plan_step(node, views)
    except LakebookError as found:  # it is no reason to keep back what was asked for
        return Beside(node.name, is_above, problem=found.sentence)
    stale = tuple(
        name
        for name in planned.stale
        if planned.reasons[name] != NEVER_MADE or (is_above and _is_within(name, planner.interval))
    )
    return Beside(node.name, is_above, stale)


def _before_and_after(
    planner: Planner, node: StepNode, days: Interval, views: dict[Dataset, DatasetView]
) -> Iterator[Beside]:
    """A chosen step that is stale on days which only the windows of other chosen ones reach."""
    one = _look_at(planner, node, days, views, is_above=True)
    if stale := tuple(name for name in one.stale if not _is_within(name, planner.interval)):
        yield replace(one, stale=stale)


def _has_days(node: StepNode) -> bool:
    tables = node.contract.tables if node.contract else ()
    return any(table.time is not None and table.write != "append" for table in tables)


def _is_within(name: str, interval: Interval | None) -> bool:
    """Whether a partition has days of the command's own, and not only of a window."""
    if interval is None or name in (NULL, WHOLE):
        return True
    days = partition_interval(name)
    return days.start < interval.end and interval.start < days.end


def _needed(
    planner: Planner, chosen: set[Dataset], others: set[Dataset]
) -> Mapping[Dataset, Interval]:
    """The days of each step that the chosen ones read, or that read of theirs. Those of a chosen
    one are more than the command's where another one's window reaches over its edges."""
    graph, given = planner.graph, planner.interval
    if given is None:
        return {}
    needed = dict.fromkeys(chosen, given)
    order = graph.order()
    for node in reversed(order):
        if node.name not in needed:
            continue
        for read in node.reads:
            up = graph.producer(read.dataset).name
            if up in others or up in chosen:
                days = needed[node.name].expand(read.before_days, read.after_days)
                needed[up] = _joined(needed.get(up), days)
    wider = {name: needed.pop(name) for name in chosen}
    needed |= dict.fromkeys(chosen, given)  # of their own runs nothing more arrives below
    for node in order:
        for read in node.reads:
            up = graph.producer(read.dataset).name
            if node.name in others and up in needed and node.name not in chosen:
                days = needed[up].expand(read.after_days, read.before_days)
                needed[node.name] = _joined(needed.get(node.name), days)
    return needed | wider


def _joined(one: Interval | None, other: Interval) -> Interval:
    if one is None:
        return other
    return Interval(min(one.start, other.start), max(one.end, other.end))


def _listed(some: Sequence[Beside]) -> str:
    shown = ", ".join(one.words for one in some[:4])
    return shown + (f" and {len(some) - 4} more" if len(some) > 4 else "")
