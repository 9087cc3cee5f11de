"""The archive that a hot table names for a partition: the one that holds exactly its rows."""

from __future__ import annotations

from pathlib import Path

from ...delta.snapshot import Snapshot
from .cold_folders import archive_folder
from .manifest import Manifest, read_manifest


def named_folder(cold: Path, hot: Snapshot, partition: str) -> Path | None:
    """Its folder, whether it is there or not; None: no archive is named."""
    archive = hot.archive(partition)
    return None if archive is None else archive_folder(cold, partition, archive)


def named_manifest(cold: Path, hot: Snapshot, partition: str) -> Manifest | None:
    """Its manifest; None: no archive is named. Raises StorageError for a damaged one."""
    folder = named_folder(cold, hot, partition)
    return None if folder is None else read_manifest(folder, hot.archive(partition))


def named_files(cold: Path, hot: Snapshot, partition: str) -> list[Path]:
    """Its Parquet files that are there, in order, whatever the manifest says."""
    folder = named_folder(cold, hot, partition)
    return [] if folder is None else sorted(folder.glob("*.parquet"))
