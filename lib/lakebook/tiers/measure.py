"""How many rows and bytes a partition has, wherever it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..delta import open_snapshot
from ..delta.inspection import read_footer
from ..delta.snapshot import Snapshot
from ..errors import StorageError
from ..names import TierTables
from .cold.cold_folders import archive_folder


@dataclass(frozen=True)
class Size:
    """`rows`: None where a damaged file does not say."""

    rows: int | None
    files: int
    size_bytes: int


def size_of(tables: TierTables, hot: Snapshot, partition: str) -> Size:
    """Size of a partition where the hot table says that it lies."""
    tier = hot.place(partition).tier
    if tier == "cold":
        return _archived(archive_files(tables.cold, hot, partition))
    holder = open_snapshot(tables.warm) if tier == "warm" else hot
    files = holder.files_in([partition])
    return Size(sum(f.rows for f in files), len(files), sum(f.size_bytes for f in files))


def archive_files(cold: Path, hot: Snapshot, partition: str) -> list[Path]:
    """The Parquet files of the archive that the hot table names for a partition, in order."""
    archive = hot.archive(partition)
    if archive is None:
        return []
    return sorted(archive_folder(cold, partition, archive).glob("*.parquet"))


def _archived(paths: list[Path]) -> Size:
    size = sum(path.stat().st_size for path in paths)
    try:
        return Size(sum(read_footer(path).num_rows for path in paths), len(paths), size)
    except StorageError:
        return Size(None, len(paths), size)
