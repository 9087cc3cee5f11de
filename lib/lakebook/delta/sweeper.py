"""Deletes staged files that nobody will commit, so that no sleeping run can commit them either.

Order is everything: take the manifest away, raise the fences in a commit, then delete. A run that
wakes finds its manifest gone; one that looked before loses the version, and looks again.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import storage_errors
from ..files import sync_all
from ..processes import is_alive
from . import tokens as token
from .checkpointing import clear_scratch
from .disk import remove, sync_folder
from .faults import fault_point
from .log import open_snapshot
from .snapshot import HIVE_NULL, Snapshot, partition_token
from .staging import MARKED, STAGING, Manifest, spill_of
from .transaction import Change, transact


@dataclass(frozen=True)
class SweepResult:
    """runs: those whose stage was abandoned. deleted: files, relative to the table."""

    runs: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    freed_bytes: int = 0


def sweep(table: Path, *, now: float | None = None) -> SweepResult:
    """Sweep the stages that are past their time, or whose process is gone from this machine, and
    what such a process left of a checkpoint.

    Parameters
    ----------
    now: seconds since 1970; default: the clock.
    """
    moment = time.time() if now is None else now
    clear_scratch(table)
    _drop_spills(table)
    swept = [
        _sweep_one(table, path, manifest)
        for path, manifest in _manifests(table)
        if path.suffix == MARKED or manifest.expires <= moment or _is_dead(manifest)
    ]
    return SweepResult(
        tuple(s for one in swept for s in one.runs),
        tuple(d for one in swept for d in one.deleted),
        sum(one.freed_bytes for one in swept),
    )


def _drop_spills(table: Path) -> None:
    """Delete rows in passing that no manifest knows: they go first, but a power cut may choose."""
    spills = list((table / STAGING).glob("[!.]*.spill"))
    known = {path.stem for path, _ in _manifests(table)} if spills else set()
    for path in spills:
        if path.stem not in known:
            remove(path)


def living_stages(table: Path) -> tuple[str, ...]:
    """The runs that are staging files and, as far as this machine knows, will commit them."""
    return tuple(manifest.run_id for manifest in _living(table))


def living_prefixes(table: Path) -> frozenset[str]:
    """What the names of those runs' files begin with, up to the first dot."""
    return frozenset(manifest.prefix for manifest in _living(table))


def _living(table: Path) -> Iterator[Manifest]:
    for path, manifest in _manifests(table):
        if path.suffix != MARKED and manifest.expires > time.time() and not _is_dead(manifest):
            yield manifest


def _manifests(table: Path) -> Iterator[tuple[Path, Manifest]]:
    folder = table / STAGING
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or path.suffix not in (".json", MARKED):
            continue
        try:
            yield path, Manifest(**json.loads(path.read_text()))
        except FileNotFoundError:
            continue  # its run has just finished


def _is_dead(manifest: Manifest) -> bool:
    return manifest.host == socket.gethostname() and not is_alive(manifest.pid)


def _sweep_one(table: Path, path: Path, manifest: Manifest) -> SweepResult:
    with storage_errors("sweeping", table):
        # The mark stays until the files are gone: a sweep that dies is finished by the next.
        marked = path.with_suffix(MARKED)
        if path != marked:
            try:
                path.rename(marked)
            except FileNotFoundError:
                return SweepResult()  # the run has finished in time
            sync_folder(marked.parent)
        fault_point("sweep.after_mark")
        snapshot = open_snapshot(table)
        files = list(_files_of(table, manifest.prefix, snapshot))
        partitions = {partition for _, partition in files}
        if partitions:

            def decide(now: Snapshot) -> Change:
                tokens = {token.fence(p): now.fence(p) + 1 for p in sorted(partitions)}
                return Change(tokens=tokens, metadata={"operation_kind": "sweep"})

            transact(table, decide)
        fault_point("sweep.after_fence")
        deleted, freed = _delete(table, [path for path, _ in files])
        sync_all((table / name).parent for name in deleted)  # nobody would know them without it
        remove(spill_of(table, manifest.prefix))
        fault_point("sweep.after_delete")
        marked.unlink(missing_ok=True)
    return SweepResult((manifest.run_id,), deleted, freed)


def _files_of(table: Path, prefix: str, snapshot: Snapshot) -> Iterator[tuple[Path, str]]:
    """Files of a stage that no version that can still be read has, with their partitions."""
    known = snapshot.known_paths
    for path, partition in staged_paths(table, prefix, snapshot.partition_columns):
        if path.relative_to(table).as_posix() not in known:
            yield path, partition


def staged_paths(table: Path, prefix: str, columns: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Files of a stage by their names, with their partitions."""
    pattern = "/".join([*(f"{column}=*" for column in columns), f"{prefix}.*.parquet"])
    for path in table.glob(pattern):
        values = dict(part.split("=", 1) for part in path.relative_to(table).parts[:-1])
        named = {c: None if v == HIVE_NULL else v for c, v in values.items()}
        yield path, partition_token(columns, named)


def _delete(table: Path, paths: list[Path]) -> tuple[tuple[str, ...], int]:
    # Looked up again after the fences: a run may have committed while they were raised.
    known = open_snapshot(table).known_paths
    deleted, freed = [], 0
    for path in paths:
        name = path.relative_to(table).as_posix()
        if name not in known:
            freed += path.stat().st_size if path.exists() else 0
            path.unlink(missing_ok=True)
            deleted.append(name)
    return tuple(deleted), freed
