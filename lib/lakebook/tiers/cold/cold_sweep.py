"""Removes from cold what no log names: drafts of dead processes, and archives of other rows.

Hot's fence is raised before an archive is taken away. Whoever was about to name it noted the fence
before it made the archive (`archive`), and so must look again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...delta import open_snapshot
from ...delta import tokens as token
from ...delta.cleaner import RETENTION_S
from ...delta.faults import fault_point
from ...delta.snapshot import Snapshot
from ...delta.transaction import Change, transact
from ...errors import storage_errors
from ...names import TierTables
from .cold_folders import abandoned, archives, delete_folder, supersede, superseded
from .manifest import archive_name


@dataclass(frozen=True)
class SweptCold:
    """drafts: how many were left by dead processes. superseded: partitions whose archive was taken
    out of its place. deleted: how many folders are gone from the disk now, drafts included.
    """

    drafts: int = 0
    superseded: tuple[str, ...] = ()
    deleted: int = 0
    freed_bytes: int = 0


def sweep_cold(
    tables: TierTables,
    *,
    run: str = "",
    retention_s: float = RETENTION_S,
    now: float | None = None,
) -> SweptCold:
    """Take archives that no token names out of their place; delete those that are out long enough.

    Parameters
    ----------
    retention_s: how long an archive is kept that was taken out of its place.
    now: seconds since 1970; default: the clock.
    """
    moment = time.time() if now is None else now
    with storage_errors("sweeping", tables.cold):
        drafts = [supersede(path, 0) for path in abandoned(tables.cold, moment)]
        taken = _take_unnamed(tables, run, moment)
        deleted, freed = 0, 0
        for folder, since in superseded(tables.cold):
            if since <= moment - retention_s:
                with suppress(FileNotFoundError):  # another sweep, or its archiving, is at it too
                    freed += sum(path.stat().st_size for path in folder.iterdir())
                delete_folder(folder)
                deleted += 1
                fault_point("archive.sweep_deleted")
    return SweptCold(len(drafts) - drafts.count(None), taken, deleted, freed)


def _take_unnamed(tables: TierTables, run: str, moment: float) -> tuple[str, ...]:
    found = list(archives(tables.cold))
    stale = _unnamed(found, open_snapshot(tables.hot)) if found else {}
    if not stale:
        return ()

    def decide(now: Snapshot) -> Change | None:
        nonlocal stale
        stale = _unnamed(found, now)
        tokens = {token.fence(p): now.fence(p) + 1 for p in sorted(set(stale.values()))}
        if not tokens:
            return None
        return Change(tokens=tokens, metadata={"run": run, "operation_kind": "sweep"})

    transact(tables.hot, decide)
    fault_point("archive.sweep_fenced")
    for folder in stale:
        supersede(folder, moment)
        fault_point("archive.sweep_taken")
    return tuple(sorted(set(stale.values())))


def _unnamed(found: list[tuple[str, Path]], hot: Snapshot) -> Mapping[Path, str]:
    """Archives that hold other rows than their partition does now."""
    named = {p: hot.archive(p) for p, _ in found}
    return {
        path: p
        for p, path in found
        if (archive := named[p]) is None or archive_name(archive) != path.name
    }
