"""Quarantine for the command line: what is shown, and running its partitions again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..contract.lookup import find_table
from ..graph import Graph, StepNode
from ..intervals import NULL, WHOLE, merge_partitions
from ..names import Dataset
from ..quality import quarantine
from ..runtime.cancel import Cancel
from ..settings import Settings
from .plan import Planner
from .scheduler import Notify, StepReport, run_steps


def shown(
    settings: Settings, dataset: Dataset, limit: int
) -> tuple[list[str], list[tuple[Any, ...]], int]:
    """Columns, rows and the total of what the published version kept out."""
    frame = quarantine.show(settings, find_table(settings, dataset))
    table = frame.collect().to_arrow()
    rows = [tuple(row.values()) for row in table.slice(0, limit).to_pylist()]
    return list(table.column_names), rows, table.num_rows


def quarantined_partitions(settings: Settings, dataset: Dataset) -> tuple[str, ...]:
    return tuple(quarantine.partitions(settings, find_table(settings, dataset)))


def replay(
    settings: Settings,
    graph: Graph,
    node: StepNode,
    names: Sequence[str],
    notify: Notify,
    cancel: Cancel,
) -> tuple[list[StepReport], float]:
    """Run the partitions anew; rows are never inserted from the quarantine."""
    began = time.monotonic()
    dated = [name for name in names if name not in (WHOLE, NULL)]
    reports: list[StepReport] = []
    for interval in merge_partitions(dated) or (None,):
        planner = Planner(settings, graph, interval, force=True)
        reports.extend(run_steps(planner, [node], notify=notify, cancel=cancel))
    return reports, time.monotonic() - began
