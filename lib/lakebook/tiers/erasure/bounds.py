"""Bounds in a table's log that tell a subject's value, and taking them out.

The lowest and the highest value of a file stand in its statistics: in the log entry that added it,
in checkpoints from then on, and in what a pin keeps. Of a file that still counts they are values of
other rows. An entry is put back without such a bound rather than deleted: a writer that slept would
take the version of an entry that is gone, and its commit would be lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from ...contract.types import arrow_type
from ...delta import open_snapshot
from ...delta.disk import put, sync_file, sync_folder
from ...delta.faults import fault_point
from ...delta.log import commit_path, list_log, log_folder
from ...delta.snapshot import Snapshot
from ...delta.stats import outward
from ...errors import StorageError, storage_errors
from .subject import Condition, Subject

_LONG = 16  # characters: so much of a text that was cut short tells whose it is
_SIDES = ("minValues", "maxValues")


def tells(subject: Subject, stats_json: str | None) -> bool:
    """Whether a file's statistics hold a value of the subject as a bound."""
    return bool(stats_json) and any(True for _ in _telling(subject, json.loads(stats_json or "{}")))


def telling_entries(table: Path, subject: Subject) -> Iterator[Path]:
    """Log entries and checkpoints with such a bound, of files that do not count any more."""
    live = {file.path for file in open_snapshot(table).files}
    commits, checkpoints = list_log(table)
    for version in commits:
        path = commit_path(table, version)
        if _without(_lines(path), subject, live) is not None:
            yield path
    for version in checkpoints:
        path = _checkpoint(table, version)
        if any(tells(subject, stats) for name, stats in _added(path) if name not in live):
            yield path


def redact(table: Path, subject: Subject) -> int:
    """Take such bounds out of a table's log; return how many of its files changed.

    The versions stay readable, but for those that only a checkpoint with such a bound could give.
    """
    if open_snapshot(table).version < 0:
        return 0
    live = {file.path for file in open_snapshot(table).files}
    changed = 0
    with storage_errors("taking bounds out of the log", table):
        telling = list(telling_entries(table, subject))
        if any(path.suffix == ".parquet" for path in telling):
            _make_checkpoint(table)
        for path in telling:
            if path.suffix == ".parquet":
                path.unlink(missing_ok=True)
            elif (content := _without(_lines(path), subject, live)) is not None:
                put(path, content)
            changed += 1
            fault_point("erase.after_entry")
        if changed:
            sync_folder(log_folder(table))
    return changed


def _telling(subject: Subject, stats: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Sides and columns of the bounds that tell a value."""
    for condition in subject.conditions:
        for side in _SIDES:
            bound = (stats.get(side) or {}).get(condition.column)
            if bound is not None and _is_of(condition, bound):
                yield side, condition.column


def _is_of(condition: Condition, bound: Any) -> bool:
    value = condition.value
    if bound in (outward(value, value, arrow_type(condition.type)) or ()):
        return True
    long = isinstance(value, str) and isinstance(bound, str) and len(bound) >= _LONG
    return long and value.startswith(bound[:-1])  # cut by another writer, perhaps rounded up


def _without(lines: list[bytes], subject: Subject, live: set[str]) -> bytes | None:
    """An entry's content without telling bounds; None if it has none."""
    changed = False
    for at, line in enumerate(lines):
        if b'"stats"' not in line:
            continue
        action = json.loads(line)
        for kind in ("add", "remove"):
            file = action.get(kind) or {}
            if not file.get("stats") or unquote(file["path"]) in live:
                continue
            stats = json.loads(file["stats"])
            found = list(_telling(subject, stats))
            for side, column in found:
                del stats[side][column]
            if found:
                file["stats"] = json.dumps(stats)
                lines[at] = json.dumps(action, separators=(",", ":")).encode() + b"\n"
                changed = True
    return b"".join(lines) if changed else None


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []


def _added(checkpoint: Path) -> Iterator[tuple[str, str | None]]:
    """Files of a checkpoint with their statistics."""
    try:
        rows = pq.ParquetFile(checkpoint).read(columns=["add.path", "add.stats"], use_threads=False)
    except FileNotFoundError:
        return
    for action in rows["add"].combine_chunks().drop_null().to_pylist():
        yield unquote(action["path"]), action["stats"]


def _checkpoint(table: Path, version: int) -> Path:
    return log_folder(table) / f"{version:020}.checkpoint.parquet"


def _make_checkpoint(table: Path) -> None:
    """Write a checkpoint of the newest version and see that it says what the log says."""
    from deltalake import DeltaTable

    before = open_snapshot(table)
    path = _checkpoint(table, before.version)
    if path.exists():
        return
    DeltaTable(str(table), version=before.version).create_checkpoint()
    if _said(open_snapshot(table, before.version)) != _said(before):
        path.unlink()
        raise StorageError("the new checkpoint says something else than the log", where=str(path))
    sync_file(path)
    sync_folder(path.parent)


def _said(snapshot: Snapshot) -> tuple[Any, ...]:
    files = {(f.path, f.partition, f.size_bytes, f.rows) for f in snapshot.files}
    return files, dict(snapshot.tokens), snapshot.schema, snapshot.partition_columns
