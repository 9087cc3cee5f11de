"""The days that chosen steps have never made, from the first that there is to yesterday."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from ..contract.model import TableContract
from ..errors import UserError
from ..graph import Graph, StepNode
from ..graph.reach import reach
from ..intervals import NULL, Interval, merge_partitions, partition_interval
from ..names import Dataset
from ..settings import Settings
from ..step.view import look_at


def missing_days(
    settings: Settings, graph: Graph, steps: Sequence[StepNode], today: date
) -> Interval | None:
    """The days from the first to the last missing partition; None if none is missing.

    A dataset begins with its first partition, or, if it has none, with that of the ones that it is
    made of. A partition that is not over before today is not missing, nor is one that retention
    deleted.

    Raises UserError if nothing has been made yet, so that no day is the first.
    """
    made: dict[Dataset, Mapping[str, frozenset[str]]] = {}
    missing: list[Interval] = []
    begun = False
    for node in _with_above(graph, steps):
        made[node.name] = _made(settings, _timed(node))
    for node in steps:
        for table in _timed(node):
            unit = table.time.unit if table.time else "day"
            mine = made[node.name][str(table.dataset)]
            first = _first(mine) or _first_above(graph, node, made)
            begun |= first is not None
            if first is None or first >= today:
                continue
            for name in Interval(first, today).widen(unit).partitions(unit):
                whole = partition_interval(name)
                if name not in mine and whole.end <= today:
                    missing.append(whole)
    if not begun and any(_timed(node) for node in steps):
        raise UserError(
            "neither the chosen steps nor what they are made of have a day yet, so none is missing",
            fix="begin with --start and --end",
        )
    return Interval(min(missing).start, max(missing).end) if missing else None


def _with_above(graph: Graph, steps: Iterable[StepNode]) -> list[StepNode]:
    names = reach({node.name for node in steps}, graph.upstream)
    return [node for node in graph.order() if node.name in names]


def _timed(node: StepNode) -> list[TableContract]:
    return [table for table in (node.contract.tables if node.contract else ()) if table.time]


def _made(settings: Settings, tables: Iterable[TableContract]) -> Mapping[str, frozenset[str]]:
    return {
        str(table.dataset): frozenset(look_at(settings, table).partitions) - {NULL}
        for table in tables
    }


def _first(names: Iterable[str]) -> date | None:
    found = merge_partitions(names)
    return found[0].start if found else None


def _first_above(
    graph: Graph, node: StepNode, made: Mapping[Dataset, Mapping[str, frozenset[str]]]
) -> date | None:
    above = [one for one in _with_above(graph, [node]) if one.name != node.name]
    firsts = [_first(names) for one in above for names in made[one.name].values()]
    return min((first for first in firsts if first), default=None)
