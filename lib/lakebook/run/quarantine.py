"""Quarantine for the command line: what is shown, and running its partitions again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contract.classified import MASK, hidden_among
from ..contract.lookup import find_table
from ..errors import UserError
from ..graph import StepNode
from ..intervals import NULL, Interval, merge_partitions
from ..names import Dataset
from ..quality import quarantine
from ..runtime.cancel import Cancel
from ..settings import Settings
from ..step.view import open_view
from .plan import Planner, is_appended
from .scheduler import Notify, StepReport, run_steps


@dataclass(frozen=True)
class Shown:
    """Some quarantined rows. `masked`: columns whose values are hidden; `total`: rows there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    masked: tuple[str, ...]


def shown(settings: Settings, dataset: Dataset, limit: int, *, unmask: bool = False) -> Shown:
    """What the published version kept out; unless `unmask`, values stay hidden as in reports."""
    import narwhals as nw

    contract = find_table(settings, dataset)
    frame = quarantine.show(settings, contract)
    total = frame.select(nw.len()).collect().item()
    table = frame.head(limit).collect().to_arrow()
    columns = tuple(table.column_names)
    kept = hidden_among(columns, quarantine.quarantine_contract(contract), ours=quarantine.OURS)
    hidden = () if unmask else tuple(name for name in columns if name in kept)
    rows = tuple(
        tuple(
            MASK if name in hidden and value is not None else value for name, value in row.items()
        )
        for row in table.to_pylist()
    )
    return Shown(columns, rows, int(total), hidden)


def quarantined_partitions(settings: Settings, dataset: Dataset) -> tuple[str, ...]:
    return tuple(quarantine.partitions(settings, find_table(settings, dataset)))


def replay(
    planner: Planner,
    node: StepNode,
    names: Sequence[str],
    notify: Notify,
    cancel: Cancel,
    *,
    restore: bool = False,
) -> tuple[list[StepReport], float]:
    """Run the partitions anew, or the planner's interval if it has one.

    Rows are never inserted from the quarantine.
    """
    if is_appended(node):
        raise UserError(
            f"{node.name} is written by append, and what its log held cannot be run again",
            fix=f"put mended rows into the log; see them: lakebook quarantine show {node.name}",
        )
    began = time.monotonic()
    reports: list[StepReport] = []
    for interval in _intervals(planner, node, names):
        each = replace(planner, interval=interval, force=True)
        reports.extend(run_steps(each, [node], notify=notify, cancel=cancel, restore=restore))
    return reports, time.monotonic() - began


def _intervals(
    planner: Planner, node: StepNode, names: Sequence[str]
) -> tuple[Interval | None, ...]:
    """Those that hold the partitions. Rows without a time may come from any day that was run."""
    if planner.interval is not None:
        return (planner.interval,)
    if NULL not in names:
        return merge_partitions(names) or (None,)
    assert node.contract is not None
    views = [open_view(planner.settings, table) for table in node.contract.tables]
    days = merge_partitions(name for view in views for name in view.present)
    if not days:
        raise UserError(
            f"{node.name} has no partition but that of rows without a time",
            fix="add --start YYYY-MM-DD --end YYYY-MM-DD of the days to run",
        )
    return (Interval(days[0].start, days[-1].end),)
