"""Is what lies in warm or cold still what it was? Only then do equal rows leave it there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..delta.snapshot import Snapshot
from ..delta.whole import with_warm
from ..names import TierTables


def intact_in(tables: TierTables) -> Callable[[Snapshot, str], bool]:
    """Tells of a hot snapshot and a partition whether its copy or archive is undamaged.

    Every file is read, once for each change of place; warm's log once for each version of hot.
    """
    known: dict[tuple[str, int], bool] = {}
    wholes: dict[int, Snapshot | None] = {}

    def is_intact(hot: Snapshot, partition: str) -> bool:
        if hot.version not in wholes:
            wholes[hot.version] = with_warm(hot, tables.warm)
        key = (partition, hot.place(partition).value)
        if key not in known:
            known[key] = _is_intact(tables, hot, wholes[hot.version], partition)
        return known[key]

    return is_intact


def _is_intact(tables: TierTables, hot: Snapshot, whole: Snapshot | None, partition: str) -> bool:
    # What reads archives is imported by writes that meet one, and by no others.
    from .cold.archive_check import archive_damages
    from .cold.named import named_folder
    from .file_check import bytes_damage

    folder = named_folder(tables.cold, hot, partition)
    if folder is not None:  # that of a restored copy, too: it goes back there
        damages = archive_damages(folder, hot.archive(partition), rows_digest=hot.data(partition))
        if any(damages):
            return False
    if hot.place(partition).tier == "cold":
        return folder is not None
    files = () if whole is None else whole.by_partition.get(partition, ())
    return bool(files) and not any(bytes_damage(Path(file.path), file) for file in files)
