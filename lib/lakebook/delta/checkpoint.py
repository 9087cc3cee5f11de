"""Reads a checkpoint: a table's whole state at a version, in a Parquet file of the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import StorageError
from .entry import Action, log_folder

HINT = "_last_checkpoint"

_KINDS = ("protocol", "metaData", "txn", "add", "remove")
_COLUMNS = (
    "protocol",
    "metaData",
    "txn.appId",
    "txn.version",
    "add.path",
    "add.size",
    "add.stats",
    "add.modificationTime",
    "add.partitionValues",
    "add.deletionVector",
    "remove.path",
    "remove.deletionTimestamp",
    "sidecar",
)
_FIX = "delete it if all older log entries are there, else put it back from a copy of the lake"


def checkpoint_path(table: Path, version: int) -> Path:
    return log_folder(table) / f"{version:020}.checkpoint.parquet"


def read_checkpoint(table: Path, version: int) -> Iterator[Action]:
    """The actions of a checkpoint, the protocol first; StorageError if it is damaged."""
    path = checkpoint_path(table, version)
    try:
        # One thread: the file is small, and a pool must not start in a process that forks.
        rows = pq.ParquetFile(path).read(columns=list(_COLUMNS), use_threads=False)
    except (pa.ArrowException, OSError) as broken:
        if isinstance(broken, OSError) and broken.errno is not None:
            raise  # the disk's, not the file's
        raise _damaged(path, str(broken).splitlines()[0]) from None
    _check_whole(table, version, rows)
    for kind in (kind for kind in _KINDS if kind in rows.column_names):
        for action in rows[kind].combine_chunks().drop_null().to_pylist():
            yield {kind: _plain(action)}


def _check_whole(table: Path, version: int, rows: pa.Table) -> None:
    path = checkpoint_path(table, version)
    if "sidecar" in rows.column_names and rows["sidecar"].null_count < rows.num_rows:
        raise StorageError(
            "the checkpoint keeps its files in other files (v2Checkpoint), which Lakebook does "
            "not read",
            where=str(path),
            fix="read the table with a program that does",
        )
    for kind in ("protocol", "metaData"):
        if kind not in rows.column_names or rows[kind].null_count == rows.num_rows:
            raise _damaged(path, f"it has no {kind}")
    try:
        hint = json.loads((log_folder(table) / HINT).read_bytes())
        size = int(hint["size"]) if int(hint["version"]) == version else None
    except (OSError, ValueError, KeyError, TypeError):
        return  # it is but a hint, and a checkpoint can be read without
    if size is not None and size != rows.num_rows:
        raise _damaged(path, f"it has {rows.num_rows} of its {size} actions")


def _plain(action: dict[str, Any]) -> dict[str, Any]:
    """Maps are lists of pairs in Arrow."""
    for name in ("partitionValues", "configuration"):
        if name in action:
            action[name] = dict(action[name] or ())
    if "format" in action:
        action["format"] = {**action["format"], "options": dict(action["format"]["options"] or ())}
    return action


def _damaged(path: Path, what: str) -> StorageError:
    return StorageError(f"damaged checkpoint: {what}", where=str(path), fix=_FIX)
