"""Reads a table's Delta log (checkpoint, then JSON) into a `Snapshot`, without delta-rs.

One pass gives files and tokens of the same version in a few milliseconds; asking delta-rs for
tokens one by one takes seconds, and its runtime must not start in a process that forks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import StorageError
from .schema import schema_from_json
from .snapshot import DataFile, Snapshot, Tombstone, partition_token

_ENTRY = re.compile(r"(\d{20})\.(json|checkpoint\.parquet)")
_COLUMNS = (
    "add.path",
    "add.size",
    "add.stats",
    "add.partitionValues",
    "remove.path",
    "remove.deletionTimestamp",
    "metaData.schemaString",
    "metaData.partitionColumns",
    "txn.appId",
    "txn.version",
)


@dataclass
class _State:
    """What the actions read so far add up to."""

    adds: dict[str, tuple[int, str | None, dict[str, str | None]]] = field(default_factory=dict)
    removes: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    schema: str = ""
    columns: tuple[str, ...] = ()


def open_snapshot(table: Path, version: int | None = None) -> Snapshot:
    """Read a version of a table, the newest by default. No table: a Snapshot of version -1.

    Raises StorageError if the log is damaged or no longer holds the version.
    """
    try:
        return _read(table, version)
    except FileNotFoundError:
        # A cleaner removed log entries between the listing and the reading: list again.
        return _read(table, version)


def read_tokens(table: Path) -> tuple[int, dict[str, int]]:
    """Version and tokens of a table, from the same version."""
    snapshot = open_snapshot(table)
    return snapshot.version, dict(snapshot.tokens)


def log_folder(table: Path) -> Path:
    return table / "_delta_log"


def commit_path(table: Path, version: int) -> Path:
    return log_folder(table) / f"{version:020}.json"


def list_log(table: Path) -> tuple[list[int], list[int]]:
    """Versions that have a JSON entry and those that have a checkpoint, ascending."""
    entries: dict[str, list[int]] = {"json": [], "checkpoint.parquet": []}
    try:
        names = sorted(entry.name for entry in log_folder(table).iterdir())
    except FileNotFoundError:
        return [], []
    for name in names:
        if match := _ENTRY.fullmatch(name):
            entries[match[2]].append(int(match[1]))
    return entries["json"], entries["checkpoint.parquet"]


def commit_info(table: Path, version: int) -> dict[str, Any]:
    """What a commit says about itself (run, interval, inputs); empty if it says nothing."""
    return info_in(read_entry(table, version))


def info_in(entry: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """As `commit_info`, of a commit's actions."""
    return next((dict(action["commitInfo"]) for action in entry if "commitInfo" in action), {})


def _read(table: Path, version: int | None) -> Snapshot:
    commits, checkpoints = list_log(table)
    known = max([*commits[-1:], *checkpoints[-1:]], default=-1)
    if known < 0:
        if version is not None:
            raise StorageError(f"there is no table at version {version}", where=str(table))
        return Snapshot(table=table, version=-1)
    wanted = known if version is None else version
    base = max((c for c in checkpoints if c <= wanted), default=-1)
    missing = sorted(set(range(base + 1, wanted + 1)) - set(commits))
    if missing or wanted > known:
        raise StorageError(
            f"version {wanted} cannot be read: the log has no entry {(missing or [wanted])[0]}",
            where=str(table),
            fix=f"the newest version is {known}; log entries are kept for 30 days",
        )
    state = _State()
    if base >= 0:
        _apply_checkpoint(state, log_folder(table) / f"{base:020}.checkpoint.parquet")
    for each in range(base + 1, wanted + 1):
        for action in read_entry(table, each):
            _apply(state, action)
    return _snapshot(table, wanted, state)


def read_entry(table: Path, version: int) -> list[dict[str, Any]]:
    """The actions of a commit. Raises StorageError if it is damaged, FileNotFoundError."""
    path = commit_path(table, version)
    text = path.read_bytes()
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as broken:
        raise StorageError(f"damaged log entry: {broken}", where=str(path)) from None


def _apply(state: _State, action: dict[str, Any]) -> None:
    if add := action.get("add"):
        path = unquote(add["path"])
        state.adds[path] = (add["size"], add.get("stats"), add.get("partitionValues") or {})
        state.removes.pop(path, None)
    elif remove := action.get("remove"):
        path = unquote(remove["path"])
        state.adds.pop(path, None)
        state.removes[path] = remove.get("deletionTimestamp") or 0
    elif txn := action.get("txn"):
        state.tokens[txn["appId"]] = txn["version"]
    elif meta := action.get("metaData"):
        state.schema = meta["schemaString"]
        state.columns = tuple(meta.get("partitionColumns") or ())


def _apply_checkpoint(state: _State, path: Path) -> None:
    try:
        # One thread: the file is small, and a pool must not start in a process that forks.
        rows = pq.ParquetFile(path).read(columns=list(_COLUMNS), use_threads=False)
    except pa.ArrowInvalid as broken:
        raise StorageError(f"damaged checkpoint: {broken}", where=str(path)) from None
    for kind in ("add", "remove", "txn", "metaData"):
        column = rows[kind].combine_chunks()
        for action in column.drop_null().to_pylist():
            if kind == "add":
                action["partitionValues"] = dict(action["partitionValues"] or ())
            _apply(state, {kind: action})


def _snapshot(table: Path, version: int, state: _State) -> Snapshot:
    schema = schema_from_json(state.schema, where=str(table)) if state.schema else None
    if schema is not None:
        schema = pa.schema([f for f in schema if f.name not in state.columns])
    files = tuple(
        DataFile(path, partition_token(state.columns, values), size, stats)
        for path, (size, stats, values) in state.adds.items()
    )
    return Snapshot(
        table=table,
        version=version,
        files=files,
        tokens=state.tokens,
        schema=schema,
        partition_columns=state.columns,
        tombstones=tuple(Tombstone(path, at) for path, at in state.removes.items()),
    )
