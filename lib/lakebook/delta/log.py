"""Reads a table's Delta log (checkpoint, then JSON) into a `Snapshot`, without delta-rs.

One pass gives files and tokens of the same version in a few milliseconds; asking delta-rs for
tokens one by one takes seconds, and its runtime must not start in a process that forks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from ..errors import StorageError
from .checkpoint import checkpoint_path, read_checkpoint
from .entry import Action, commit_path, info_in, is_durable, log_folder, read_entry
from .protocol import Protocol, check_readable, refuse_vectors
from .schema import schema_from_json
from .snapshot import DataFile, Snapshot, Tombstone, partition_token

__all__ = [
    "commit_info",
    "commit_path",
    "info_in",
    "list_log",
    "log_folder",
    "open_snapshot",
    "read_entry",
    "read_tokens",
]

_ENTRY = re.compile(r"(\d{20})\.(json|checkpoint\.parquet)")
_OTHER = re.compile(r"(\d{20})\.checkpoint\..+")  # in several parts, or of the second kind


_Add = tuple[int, str | None, dict[str, str | None], int | None]
"""Size, statistics, partition values, and when it was committed (milliseconds since 1970)."""


@dataclass
class State:
    """What the actions read so far add up to."""

    table: Path
    adds: dict[str, _Add] = field(default_factory=dict)
    removes: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    protocol: Protocol | None = None
    loose: list[Path] = field(default_factory=list)

    def apply(self, action: Action) -> None:
        if add := action.get("add"):
            path = unquote(add["path"])
            if add.get("deletionVector"):
                refuse_vectors(self.table, path)
            values, at = add.get("partitionValues") or {}, add.get("modificationTime")
            self.adds[path] = (add["size"], add.get("stats"), values, at)
            self.removes.pop(path, None)
        elif remove := action.get("remove"):
            path = unquote(remove["path"])
            self.adds.pop(path, None)
            self.removes[path] = remove.get("deletionTimestamp") or 0
        elif txn := action.get("txn"):
            self.tokens[txn["appId"]] = txn["version"]
        elif meta := action.get("metaData"):
            self.meta = meta
        elif protocol := action.get("protocol"):
            self.protocol = Protocol.of(protocol)


def open_snapshot(table: Path, version: int | None = None) -> Snapshot:
    """Read a version of a table, the newest by default. No table: a Snapshot of version -1.

    Raises StorageError if the log is damaged or no longer holds the version, or if the table needs
    something of its readers that Lakebook has not.
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


def list_log(table: Path) -> tuple[list[int], list[int]]:
    """Versions that have a JSON entry and those that have a checkpoint, ascending."""
    entries: dict[str, list[int]] = {"json": [], "checkpoint.parquet": []}
    for name in _names(table):
        if match := _ENTRY.fullmatch(name):
            entries[match[2]].append(int(match[1]))
    return entries["json"], entries["checkpoint.parquet"]


def commit_info(table: Path, version: int) -> dict[str, Any]:
    """What a commit says about itself (run, interval, inputs); empty if it says nothing."""
    return info_in(read_entry(table, version))


def _names(table: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in log_folder(table).iterdir())
    except FileNotFoundError:
        return []


def _read(table: Path, version: int | None) -> Snapshot:
    commits, checkpoints = list_log(table)
    known = max([*commits[-1:], *checkpoints[-1:]], default=-1)
    if known < 0:
        if version is not None:
            raise StorageError(f"there is no table at version {version}", where=str(table))
        _check_nothing_else(table)
        return Snapshot(table=table, version=-1)
    wanted = known if version is None else version
    base = max((c for c in checkpoints if c <= wanted), default=-1)
    missing = sorted(set(range(base + 1, wanted + 1)) - set(commits))
    if missing or wanted > known:
        _check_nothing_else(table)
        raise StorageError(
            f"version {wanted} cannot be read: the log has no entry {(missing or [wanted])[0]}",
            where=str(table),
            fix=f"the newest version is {known}; log entries are kept for 30 days",
        )
    state = State(table)
    if base >= 0:
        for action in read_checkpoint(table, base):
            state.apply(action)
        state.loose.append(checkpoint_path(table, base))
    for each in range(base + 1, wanted + 1):
        entry = read_entry(table, each)
        for action in entry:
            state.apply(action)
        if is_durable(entry):
            state.loose.clear()
        else:
            state.loose.append(commit_path(table, each))
    return _snapshot(wanted, state)


def _check_nothing_else(table: Path) -> None:
    """Say so if what is missing may stand in a checkpoint of a kind that is not read."""
    others = [name for name in _names(table) if _OTHER.fullmatch(name) and not _ENTRY.match(name)]
    if others:
        raise StorageError(
            f"the log has a checkpoint in parts or of the second kind ({others[-1]}), which "
            "Lakebook does not read",
            where=str(table),
            fix="read the table with a program that does, and have it write a classic one",
        )


def _snapshot(version: int, state: State) -> Snapshot:
    meta, table = state.meta, state.table
    check_readable(table, state.protocol, meta.get("configuration") or {})
    columns = tuple(meta.get("partitionColumns") or ())
    schema = schema_from_json(meta["schemaString"], where=str(table)) if meta else None
    if schema is not None:
        schema = pa.schema([f for f in schema if f.name not in columns])
    files = tuple(
        DataFile(path, partition_token(columns, values), size, stats, at)
        for path, (size, stats, values, at) in state.adds.items()
    )
    return Snapshot(
        table=table,
        version=version,
        files=files,
        tokens=state.tokens,
        schema=schema,
        partition_columns=columns,
        tombstones=tuple(Tombstone(path, at) for path, at in state.removes.items()),
        protocol=state.protocol,
        metadata=meta,
        loose=tuple(state.loose),
    )
