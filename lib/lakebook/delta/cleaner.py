"""Vacuum: deletes files that only old versions show, after a time, unless someone still needs them.

delta-rs's own vacuum is not used: in `full` mode it takes what another run has staged.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..errors import storage_errors
from .faults import fault_point
from .leases import read_leases
from .log import open_snapshot
from .snapshot import Snapshot
from .staging import STAGING, clear_doom, doom, dooms
from .transaction import Change, transact

RETENTION_S = 7 * 86_400.0


@dataclass(frozen=True)
class VacuumResult:
    """deleted: files, relative to the table; with `dry_run` those that would be."""

    deleted: tuple[str, ...]
    freed_bytes: int
    kept_by_lease: int


def vacuum(
    table: Path,
    *,
    retention_s: float = RETENTION_S,
    now: float | None = None,
    dry_run: bool = False,
    release_all: bool = False,
    only: Collection[str] | None = None,
) -> VacuumResult:
    """Delete files that were removed from the table longer ago than the retention.

    Parameters
    ----------
    release_all: delete what leases name too (an erasure; the caller says so to its user).
    only: no other files than these (relative to the table).
    """
    moment = time.time() if now is None else now
    snapshot = open_snapshot(table)
    leased: set[str] = set()
    if not release_all:
        leased = {path for lease in read_leases(table, now=moment) for path in lease.files}
    old = removed_files(snapshot, moment - retention_s)
    if only is not None:
        old = [path for path in old if path in only]
    wanted = [path for path in old if (table / path).exists()]
    chosen = [path for path in wanted if path not in leased]
    size = sum((table / path).stat().st_size for path in chosen)
    kept = len(wanted) - len(chosen)
    if dry_run or not (chosen or dooms(table)):
        return VacuumResult(tuple(chosen), size, kept)
    with storage_errors("vacuuming", table):
        if chosen:
            doom(table, chosen)
        fault_point("vacuum.after_mark")
        deleted = _delete_doomed(table)
    return VacuumResult(tuple(deleted), size, kept)


def removed_files(snapshot: Snapshot, until: float) -> list[str]:
    """Files that no longer count since `until` (seconds since 1970): removed, or of nobody."""
    removed = [t.path for t in snapshot.tombstones if t.deleted_ms <= until * 1000]
    return removed + _orphans(snapshot, until)


def _orphans(snapshot: Snapshot, oldest: float) -> list[str]:
    """Old files that neither log nor manifest knows: of a run that slept through its sweep."""
    table, known = snapshot.table, snapshot.known_paths
    staged = {path.stem for path in (table / STAGING).glob("[!.]*")}
    depth = "*/" * len(snapshot.partition_columns)
    return [
        name
        for path in table.glob(f"{depth}*.parquet")
        if (name := path.relative_to(table).as_posix()) not in known
        and path.name.split(".")[0] not in staged
        and path.stat().st_mtime <= oldest
    ]


def _delete_doomed(table: Path) -> list[str]:
    """Delete what this vacuum, or one that died, has doomed.

    The commit between mark and deletion makes a rollback that has already looked lose its race,
    look again and find the mark; what came back before it is live now and is spared.
    """

    def decide(now: Snapshot) -> Change:
        tokens = {"vacuum": now.tokens.get("vacuum", 0) + 1}
        return Change(tokens=tokens, metadata={"operation_kind": "vacuum", "id": uuid.uuid4().hex})

    marks = dooms(table)
    transact(table, decide)
    fault_point("vacuum.after_fence")
    live = {file.path for file in open_snapshot(table).files}
    deleted = [path for paths in marks.values() for path in paths if path not in live]
    for path in deleted:
        (table / path).unlink(missing_ok=True)
    fault_point("vacuum.after_delete")
    for mark in marks:
        clear_doom(mark)
    return deleted
