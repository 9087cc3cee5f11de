"""Is a partition still what was committed, wherever it lies? Only then do equal rows leave it."""

from __future__ import annotations

from collections.abc import Callable

from ..delta import damage, open_snapshot
from ..delta.snapshot import Snapshot
from ..delta.whole import has_copy
from ..names import TierTables


def intact_in(tables: TierTables) -> Callable[[Snapshot, str], bool]:
    """Tells of a hot snapshot and a partition whether its files and its archive are undamaged.

    Every file is read, once for each change of the partition's files.
    """
    known: dict[tuple[str, int], bool] = {}

    def is_intact(hot: Snapshot, partition: str) -> bool:
        key = (partition, hot.fence(partition))
        if key not in known:
            known[key] = _is_intact(tables, hot, partition)
        return known[key]

    return is_intact


def _is_intact(tables: TierTables, hot: Snapshot, partition: str) -> bool:
    # What reads archives is imported by writes that meet one, and by no others.
    from .cold.archive_check import archive_damages
    from .cold.named import named_folder

    folder = named_folder(tables.cold, hot, partition)
    if folder is not None:  # that of a restored copy, too: it goes back there
        damages = archive_damages(folder, hot.archive(partition), rows_digest=hot.data(partition))
        if any(damages):
            return False
    if hot.place(partition).tier == "cold":
        return folder is not None
    return is_intact_copy(tables, hot, partition)


def is_intact_copy(tables: TierTables, hot: Snapshot, partition: str) -> bool:
    """Whether the files of a partition in hot or warm are what was committed."""
    if hot.place(partition).tier == "hot":
        return damage.is_intact(hot, partition)
    warm = open_snapshot(tables.warm)
    return has_copy(hot, warm, partition) and damage.is_intact(warm, partition)
