"""The partitions that a run or an operation is about, as DataHub says them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ..archive.record import RunRecord
from ..contract.model import TableContract
from ..errors import UserError
from ..intervals import NULL, WHOLE, Interval, merge_partitions

_SPANS = 20  # so many are named in one text


def window(record: RunRecord, table: TableContract | None) -> Any:
    """The partitions that a run is about: its interval, or the whole table."""
    if not (record.start and record.end) or table is None or table.time is None:
        return _whole_table()
    return _days(Interval.parse(record.start, record.end))


def window_of(partitions: Sequence[str]) -> Any:
    """The partitions of an operation, from the first day to the last; none: the whole table."""
    if not partitions or WHOLE in partitions:
        return _whole_table()
    spans = _spans(partitions)
    if not spans:
        return _named(",".join(partitions[:_SPANS]))
    if len(spans) == 1 and NULL not in partitions:
        return _days(spans[0])
    return _named(f"{spans[0].start}/{spans[-1].end}")  # with holes, which a window cannot have


def spans_of(partitions: Sequence[str]) -> str:
    """Partitions in words: half-open intervals of days, `2013-01-01/2013-02-01`."""
    days = [f"{one.start}/{one.end}" for one in _spans(partitions)]
    found = [*days, *(name for name in partitions if not days or name in (NULL, WHOLE))]
    rest = len(found) - _SPANS
    return ", ".join(found[:_SPANS]) + (f" and {rest} more" if rest > 0 else "")


def _spans(partitions: Sequence[str]) -> tuple[Interval, ...]:
    try:
        return merge_partitions(partitions)
    except UserError:  # a quarantine's have more in their names than a time
        return ()


def _whole_table() -> Any:
    from datahub.metadata.schema_classes import PartitionSpecClass

    return PartitionSpecClass(partition="FULL_TABLE_SNAPSHOT", type="FULL_TABLE")


def _named(partition: str) -> Any:
    from datahub.metadata.schema_classes import PartitionSpecClass

    return PartitionSpecClass(partition=partition, type="PARTITION")


def _days(interval: Interval) -> Any:
    from datahub.metadata.schema_classes import (
        PartitionSpecClass,
        TimeWindowClass,
        TimeWindowSizeClass,
    )

    start = datetime.combine(interval.start, datetime.min.time(), UTC)
    return PartitionSpecClass(
        partition=f"{interval.start}/{interval.end}",
        type="PARTITION",
        timePartition=TimeWindowClass(
            startTimeMillis=int(start.timestamp() * 1000),
            length=TimeWindowSizeClass(unit="DAY", multiple=interval.days),
        ),
    )
