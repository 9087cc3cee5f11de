"""Which interval a step may have, by how its tables are written."""

from __future__ import annotations

from ..contract.model import TableContract
from ..errors import UserError
from ..intervals import Interval
from ..names import Dataset


def check_interval(step: Dataset, table: TableContract, interval: Interval | None) -> None:
    """Raise UserError for an interval that is missing, has no use, or cuts a partition."""
    if table.write == "append" and interval is not None:
        raise UserError(
            f"{step} is written by append and has an interval",
            fix=f'make it Step("{step}"): what is new is added, whenever it is from',
        )
    if table.time is None or table.write == "append":
        return
    if interval is None:
        raise UserError(
            f"{step} writes {table.dataset} by {table.time.unit}, but has no interval",
            fix=f'make it Step("{step}", start=start, end=end) with both in the parameters cell',
        )
    if not interval.is_whole(table.time.unit):
        wide = interval.widen(table.time.unit)
        raise UserError(
            f"{step}: {interval} is not whole {table.time.unit}s",
            fix=f"use start={wide.start} end={wide.end}",
        )
