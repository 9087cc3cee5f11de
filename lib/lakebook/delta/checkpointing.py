"""Makes checkpoints, and lets go of the log entries that they stand for.

delta-rs writes them, but not where readers look: a checkpoint is made of links in a folder aside,
compared with what the log says, put on the disk, and then put in place at once.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from ..errors import StorageError, storage_errors
from ..processes import host_id, is_dead_here
from .checkpoint import HINT, checkpoint_path
from .disk import put, remove, sync_file, sync_folder
from .entry import commit_path, log_folder
from .log import list_log, open_snapshot
from .snapshot import Snapshot
from .staging import STAGING

INTERVAL = 20  # commits, where the table does not say otherwise

_HOUR_S = 3600.0
_SCRATCH = ".checkpoint-"
_TEMPORARY = re.compile(r"\.\d{20}\.json\.[0-9a-f]{32}")


def place_checkpoint(table: Path, version: int) -> bool:
    """Write a checkpoint of a version that can be read; False if it has one already.

    Raises StorageError if delta-rs would write something else than the log says.
    """
    target = checkpoint_path(table, version)
    if target.exists():
        return False
    clear_scratch(table)
    scratch = table / STAGING / f"{_SCRATCH}{host_id()}-{os.getpid()}-{uuid.uuid4().hex}"
    with storage_errors("writing a checkpoint", table):
        try:
            log_folder(scratch).mkdir(parents=True)
            commits, checkpoints = list_log(table)
            base = max((c for c in checkpoints if c < version), default=-1)
            sources = [commit_path(table, v) for v in commits if base < v <= version]
            sources += [checkpoint_path(table, base)] if base >= 0 else []
            for path in sources:
                os.link(path, log_folder(scratch) / path.name)
            _write(scratch, version)
            if _said(open_snapshot(scratch, version)) != _said(open_snapshot(table, version)):
                raise StorageError(
                    "a new checkpoint would say something else than the log", where=str(target)
                )
            made = checkpoint_path(scratch, version)
            sync_file(made)
            try:
                os.link(made, target)
            except FileExistsError:
                return False  # another process was faster
            sync_folder(target.parent)
            put(log_folder(table) / HINT, (log_folder(scratch) / HINT).read_bytes())
        finally:
            remove(scratch)
    return True


def clear_scratch(table: Path, *, older_than_s: float = _HOUR_S) -> None:
    """Remove what a process that was killed over a checkpoint has left: at once if it was of this
    machine, else when it is so old."""
    for folder in (table / STAGING).glob(f"{_SCRATCH}*"):
        if _is_dead(folder.name) or _is_older(folder, older_than_s):
            shutil.rmtree(folder, ignore_errors=True)  # its owner may be removing it too


def _is_dead(name: str) -> bool:
    host, _, rest = name.removeprefix(_SCRATCH).partition("-")
    pid = rest.partition("-")[0]
    return pid.isdigit() and is_dead_here(host, int(pid))


def _is_older(path: Path, seconds: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime >= seconds
    except FileNotFoundError:
        return False  # its owner has just removed it


def _write(table: Path, version: int) -> None:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        DeltaTable(str(table), version=version).create_checkpoint()
    except DeltaError as failed:
        raise StorageError(f"no checkpoint can be written: {failed}", where=str(table)) from None


def expire_entries(table: Path) -> None:
    """Delete the entries that are older than the table keeps them and that a checkpoint covers.

    And what processes that were killed while they wrote an entry have left.
    """
    for path in log_folder(table).iterdir():
        if _TEMPORARY.fullmatch(path.name) and _is_older(path, _HOUR_S):
            path.unlink(missing_ok=True)
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        with storage_errors("cleaning the log", table):
            DeltaTable(str(table)).cleanup_metadata()
    except DeltaError as failed:
        raise StorageError(f"the log cannot be cleaned: {failed}", where=str(table)) from None


def _said(snapshot: Snapshot) -> tuple[Any, ...]:
    files = {(f.path, f.partition, f.size_bytes, f.rows) for f in snapshot.files}
    return files, dict(snapshot.tokens), snapshot.schema, snapshot.partition_columns
