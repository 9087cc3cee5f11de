"""The settings that a table's log holds: for delta-rs, and for everybody who reads the table."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from .stats import indexed_columns

CONFIGURATION = {
    "delta.checkpointInterval": "20",
    # Tombstones live as long as the log: what time travel can still reach is never an orphan.
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 30 days",
    "delta.enableDeletionVectors": "false",
}

_INDEXED = "delta.dataSkippingStatsColumns"
_NOTHING_INDEXED = {"delta.dataSkippingNumIndexedCols": "0"}


def reader_settings(schema: pa.Schema, partition_columns: Collection[str]) -> dict[str, str]:
    """What readers may skip files by, of a table with these columns."""
    names = [name for name in indexed_columns(schema) if name not in partition_columns]
    return {_INDEXED: ",".join(names)} if names else dict(_NOTHING_INDEXED)
