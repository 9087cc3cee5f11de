"""Takes from the disk the files of a table that hold a subject's rows and that no version shows.

Leases are overridden: a reader that holds such a file fails. Files without rows of the subject are
left to vacuum and to whoever still needs them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...delta import open_snapshot, sweep, vacuum
from ...delta.cleaner import removed_files
from ...delta.faults import fault_point
from ...errors import storage_errors
from ...names import TierTables
from ..cold.cold_folders import delete_folder, superseded
from ..cold.cold_sweep import sweep_cold
from ..leased import leased_files
from ..warm import sweep_warm
from .bounds import redact
from .search import Search, parquet_files


@dataclass
class Purged:
    """files, size_bytes: what went from the disk, in bytes. entries: of logs, without a bound now.

    overridden: who held such a file by a lease and until when, as clauses.
    """

    files: int = 0
    size_bytes: int = 0
    entries: int = 0
    overridden: list[str] = field(default_factory=list)


def purge(tables: TierTables, search: Search, *, run: str) -> Purged:
    """Delete the files, and take the bounds of files that may have held the subject from the logs.

    The files go first: a bound stays only where its file is there to be asked.
    """
    purged = Purged()
    leases = leased_files(tables)
    with storage_errors("erasing old files", tables.hot):
        sweep_warm(tables, run=run)
        fault_point("erase.after_warm")
        _purge_cold(tables, search, purged, run)
        fault_point("erase.after_cold")
        for table in (tables.hot, tables.warm):
            if open_snapshot(table).version >= 0:
                _purge_table(table, search, purged, leases)
        fault_point("erase.after_files")
        for table in (tables.hot, tables.warm):
            purged.entries += redact(table, search)
    return purged


def _purge_table(table: Path, search: Search, purged: Purged, leases: Mapping[Path, str]) -> None:
    sweep(table)
    old = removed_files(table, time.time())
    theirs = search.through(table / path for path in old)
    # One that cannot be decoded goes as well: nobody can say that it holds no row of the subject.
    wanted = {path for path in old if table / path in {*theirs.rows, *theirs.unread}}
    if not wanted:
        return
    said = {holder for path in wanted if (holder := leases.get(table / path))}
    purged.overridden += sorted(said - set(purged.overridden))
    done = vacuum(table, retention_s=0.0, release_all=True, only=wanted)
    purged.files += len(done.deleted)
    purged.size_bytes += done.freed_bytes


def _purge_cold(tables: TierTables, search: Search, purged: Purged, run: str) -> None:
    """Archives that no token names are out of their place now; those with such rows go at once."""
    sweep_cold(tables, run=run)
    for folder, _ in superseded(tables.cold):
        found = search.through(parquet_files(folder))
        # Without a whole archive beside it a manifest may be what an interrupted deletion left.
        if found.rows or found.unread or not found.files:
            files = [path for path in folder.rglob("*") if path.is_file()]
            purged.files += len(files)
            purged.size_bytes += sum(path.stat().st_size for path in files)
            delete_folder(folder)
