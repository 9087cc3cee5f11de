"""Vacuum: deletes files that only old versions show, after a time, unless someone still needs them.

delta-rs's own vacuum is not used: in `full` mode it takes what another run has staged.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import storage_errors
from ..files import sync_all
from .faults import fault_point
from .leases import read_leases
from .log import open_snapshot
from .snapshot import Snapshot
from .staging import STAGING, clear_doom, doom, dooms
from .transaction import Change, transact, upgrade

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

    A table of an older Lakebook is brought up to date on the way (`transaction.upgrade`).

    Parameters
    ----------
    release_all: delete what leases name too (an erasure; the caller says so to its user).
    only: no other files than these (relative to the table).
    """
    moment = time.time() if now is None else now
    if only is None and not dry_run:
        upgrade(table)
    there = removed_files(table, moment - retention_s)
    wanted = [path for path in there if only is None or path in only]
    leased = set() if release_all else _leased(table, moment)
    chosen = [path for path in wanted if path not in leased]
    kept = len(wanted) - len(chosen)
    if dry_run or not (chosen or dooms(table)):
        return VacuumResult(tuple(chosen), sum(there[path].st_size for path in chosen), kept)
    with storage_errors("vacuuming", table):
        if chosen:
            doom(table, chosen)
        fault_point("vacuum.after_mark")
        deleted = _delete_doomed(table, moment, release_all=release_all)
    return VacuumResult(tuple(deleted), sum(deleted.values()), kept)


def removed_files(table: Path, until: float) -> dict[str, os.stat_result]:
    """Files on the disk that no longer count since `until` (seconds since 1970): removed, or
    nobody's.
    """
    there = _files_of(table)
    # In this order: a file of a stage that has ended since is in the snapshot, or was discarded.
    staged = {path.stem for path in (table / STAGING).glob("[!.]*")}
    snapshot = open_snapshot(table)
    old = {t.path for t in snapshot.tombstones if t.deleted_ms <= until * 1000}
    old |= _orphans(there, staged, snapshot, until)
    return {path: status for path, status in there.items() if path in old}


def _files_of(table: Path) -> dict[str, os.stat_result]:
    """Every data file in the table's folders, whoever put it there, by its relative path."""
    found = {}
    # The columns are named, as the log's folder also has Parquet files: its checkpoints.
    columns = open_snapshot(table).partition_columns
    for path in sorted(table.glob("/".join([*(f"{c}=*" for c in columns), "*.parquet"]))):
        with contextlib.suppress(FileNotFoundError):  # renamed or deleted meanwhile
            found[path.relative_to(table).as_posix()] = path.stat()
    return found


def _leased(table: Path, moment: float) -> set[str]:
    return {path for lease in read_leases(table, now=moment) for path in lease.files}


def _orphans(
    there: Mapping[str, os.stat_result], staged: set[str], snapshot: Snapshot, oldest: float
) -> set[str]:
    """Old files that neither log nor manifest knows: of a run that slept through its sweep."""
    known = snapshot.known_paths
    return {
        name
        for name, status in there.items()
        if name not in known
        and name.rsplit("/", 1)[-1].split(".")[0] not in staged
        and status.st_mtime <= oldest
    }


def _delete_doomed(table: Path, moment: float, *, release_all: bool) -> dict[str, int]:
    """Delete what this vacuum, or one that died, has doomed; the size of each file, in bytes.

    The commit between mark and deletion makes a rollback that has already looked lose its race,
    look again and find the mark; what came back before it is live now and is spared. Leases are
    looked for after the mark, as whoever takes one looks for marks after it.
    """

    def decide(now: Snapshot) -> Change:
        tokens = {"vacuum": now.tokens.get("vacuum", 0) + 1}
        return Change(tokens=tokens, metadata={"operation_kind": "vacuum", "id": uuid.uuid4().hex})

    marks = dooms(table)
    transact(table, decide)
    fault_point("vacuum.after_fence")
    spared = {file.path for file in open_snapshot(table).files}
    if not release_all:
        spared |= _leased(table, moment)
    deleted = {}
    for path in sorted({path for paths in marks.values() for path in paths} - spared):
        with contextlib.suppress(FileNotFoundError):  # another vacuum was faster
            size = (table / path).stat().st_size
            (table / path).unlink()
            deleted[path] = size
    # What is deleted stays deleted, before its mark goes and before anybody says that it is gone.
    sync_all((table / path).parent for path in deleted)
    fault_point("vacuum.after_delete")
    for mark in marks:
        clear_doom(mark)
    return deleted
