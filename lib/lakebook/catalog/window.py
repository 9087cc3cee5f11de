"""The partitions that a run is about, as DataHub says them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..archive.record import RunRecord
from ..contract.model import TableContract


def window(record: RunRecord, table: TableContract | None) -> Any:
    """The partitions that a run is about: its interval, or the whole table."""
    from datahub.metadata.schema_classes import (
        PartitionSpecClass,
        TimeWindowClass,
        TimeWindowSizeClass,
    )

    if not (record.start and record.end) or table is None or table.time is None:
        return PartitionSpecClass(partition="FULL_TABLE_SNAPSHOT", type="FULL_TABLE")
    start = datetime.fromisoformat(record.start).replace(tzinfo=UTC)
    days = (datetime.fromisoformat(record.end) - datetime.fromisoformat(record.start)).days
    return PartitionSpecClass(
        partition=f"{record.start}/{record.end}",
        type="PARTITION",
        timePartition=TimeWindowClass(
            startTimeMillis=int(start.timestamp() * 1000),
            length=TimeWindowSizeClass(unit="DAY", multiple=days),
        ),
    )
