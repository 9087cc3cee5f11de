"""How large partitions are: in hot and warm by the logs, in cold by a manifest, or an estimate."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..delta.snapshot import DataFile, Snapshot
from ..errors import StorageError
from ..names import TierTables

_SAMPLE = 8
"""Archives that an estimate looks at."""


@dataclass(frozen=True)
class Size:
    """`rows`: None where a damaged file does not say."""

    files: int = 0
    rows: int | None = 0
    size_bytes: int = 0

    @classmethod
    def of(cls, files: Iterable[DataFile]) -> Size:
        found = tuple(files)
        return cls(len(found), sum(f.rows for f in found), sum(f.size_bytes for f in found))


def archived(tables: TierTables, hot: Snapshot, partition: str) -> Size | None:
    """Size of the archive that hot names for a partition; None: it names none.

    Raises StorageError for a damaged manifest.
    """
    from .cold.named import named_manifest

    manifest = named_manifest(tables.cold, hot, partition)
    if manifest is None:
        return None
    return Size(len(manifest.files), manifest.rows, manifest.size_bytes)


def size_of(tables: TierTables, whole: Snapshot, partition: str) -> Size:
    """Size of a partition wherever it lies; of a damaged archive, that of the files on the disk."""
    if whole.place(partition).tier != "cold":
        return Size.of(whole.files_in([partition]))
    try:
        return archived(tables, whole, partition) or Size()
    except StorageError:
        from .cold.named import named_files

        return _on_disk(named_files(tables.cold, whole, partition))


def _on_disk(paths: list[Path]) -> Size:
    from ..delta.inspection import read_footer

    rows: int | None
    try:
        rows = sum(read_footer(path).num_rows for path in paths)
    except StorageError:
        rows = None
    return Size(len(paths), rows, sum(path.stat().st_size for path in paths))


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
        sizes = []
        for partition in named[::step][:_SAMPLE]:
            with suppress(StorageError):  # of a damaged archive: an estimate goes without
                sizes.append(archived(self._tables, self._hot, partition))
        rows = sum(size.rows or 0 for size in sizes if size)
        return sum(size.size_bytes for size in sizes if size) / rows if rows else None
