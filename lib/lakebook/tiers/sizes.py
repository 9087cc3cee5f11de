"""How large partitions are in cold: what a manifest says, and an estimate before there is one."""

from __future__ import annotations

from dataclasses import dataclass

from ..delta.snapshot import Snapshot
from ..names import TierTables

_SAMPLE = 8
"""Archives that an estimate looks at."""


@dataclass(frozen=True)
class Size:
    files: int = 0
    rows: int = 0
    size_bytes: int = 0


def archived(tables: TierTables, hot: Snapshot, partition: str) -> Size | None:
    """Size of the archive that hot names for a partition; None: it names none.

    Raises StorageError for a damaged manifest.
    """
    archive = hot.archive(partition)
    if archive is None:
        return None
    from .cold.cold_folders import archive_folder
    from .cold.manifest import read_manifest

    manifest = read_manifest(archive_folder(tables.cold, partition, archive), archive)
    return Size(len(manifest.files), manifest.rows, manifest.size_bytes)


class Estimate:
    """What an archive will take, by the bytes per row of archives that the dataset has already."""

    def __init__(self, tables: TierTables, hot: Snapshot) -> None:
        self._tables = tables
        self._hot = hot
        self._bytes_per_row: float | None = None
        self._is_known = False

    def bytes_of(self, rows: int, size_bytes: int) -> int:
        """Of an archive of so many rows; without an example as large as the files are now."""
        if not self._is_known:
            self._bytes_per_row, self._is_known = self._measure(), True
        if self._bytes_per_row is None:
            return size_bytes
        return round(self._bytes_per_row * rows)

    def _measure(self) -> float | None:
        named = [p for p in self._hot.written if self._hot.archive(p) is not None]
        step = max(1, len(named) // _SAMPLE)
        sizes = [archived(self._tables, self._hot, p) for p in named[::step][:_SAMPLE]]
        rows = sum(size.rows for size in sizes if size)
        return sum(size.size_bytes for size in sizes if size) / rows if rows else None
