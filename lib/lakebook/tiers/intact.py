"""Is what lies in warm or cold still what it was? Only then do equal rows leave it there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..delta.snapshot import Snapshot
from ..delta.whole import with_warm
from ..names import TierTables
from .checksums import checksum_of, named_checksum
from .cold.archive_check import archive_damages
from .cold.cold_folders import archive_folder


def intact_in(tables: TierTables) -> Callable[[Snapshot, str], bool]:
    """Tells of a hot snapshot and a partition whether its copy or archive is undamaged.

    Every file is read, once for each change of place.
    """
    known: dict[tuple[str, int], bool] = {}

    def is_intact(hot: Snapshot, partition: str) -> bool:
        key = (partition, hot.place(partition).value)
        if key not in known:
            known[key] = _is_intact(tables, hot, partition)
        return known[key]

    return is_intact


def _is_intact(tables: TierTables, hot: Snapshot, partition: str) -> bool:
    archive, is_cold = hot.archive(partition), hot.place(partition).tier == "cold"
    if archive is not None:  # that of a restored copy, too: it goes back there
        folder = archive_folder(tables.cold, partition, archive)
        if any(archive_damages(folder, archive, rows_digest=hot.data(partition))):
            return False
    if is_cold:
        return archive is not None
    whole = with_warm(hot, tables.warm)
    files = () if whole is None else whole.by_partition.get(partition, ())
    return bool(files) and all(_is_as_named(file.path) for file in files)


def _is_as_named(name: str) -> bool:
    path, expected = Path(name), named_checksum(name)
    try:
        return expected is None or checksum_of(path).startswith(expected)
    except OSError:
        return False
