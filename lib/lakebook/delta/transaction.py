"""The one place that writes to a table's log: check at a version, commit onto exactly that version.

Whoever loses the race for a version opens the table again and checks everything anew. What a
commit names or builds on is on the disk before it is published, and the commit before this says so.
"""

from __future__ import annotations

import json
import random
import time
import uuid
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import LakebookError, RunError, StorageError, storage_errors
from .checkpointing import INTERVAL, expire_entries, place_checkpoint
from .disk import sync_file, sync_folder
from .entry import Action, log_folder, write_entry
from .faults import fault_point
from .inspection import StagedFile
from .log import list_log, open_snapshot
from .protocol import check_writable, upgraded
from .schema import schema_from_json
from .settings import reader_settings
from .snapshot import DataFile, Snapshot, partition_values
from .staging import check_there
from .stats import for_readers

_TRIES = 400


@dataclass(frozen=True)
class NewFile:
    """A file to add to a table: staged, merged by a compaction, or old and put back."""

    path: str
    partition: str
    size_bytes: int
    stats_json: str

    @classmethod
    def of(cls, file: StagedFile | DataFile) -> NewFile:
        return cls(file.path, file.partition, file.size_bytes, file.stats_json or "{}")


@dataclass(frozen=True)
class Change:
    """What one commit does. `data_change=False`: the rows stay the same.

    `schema_json`: the table's columns from now on, if they change; `settings`: further ones of its
    configuration.
    """

    adds: tuple[NewFile, ...] = ()
    removes: tuple[DataFile, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    data_change: bool = True
    operation: str = "WRITE"
    schema_json: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


def transact(
    table: Path,
    decide: Callable[[Snapshot], Change | None],
    *,
    last: Callable[[], None] = lambda: None,
) -> int:
    """Commit what `decide` makes of the newest snapshot; return the version after it.

    `decide` is called anew after each lost race and may raise; None means that nothing is to do.
    `last` is called when only the publication is left, and raises what forbids it: a deadline.
    Raises StorageError if a file to add is gone, or about to be deleted by a sweep or a vacuum.
    """
    synced: set[Path] = set()
    for attempt in range(_TRIES):
        snapshot = open_snapshot(table)
        change = decide(snapshot)
        if change is None:
            settle(snapshot)  # whoever is told that it is done already may rely on it
            return snapshot.version
        if snapshot.version < 0:
            raise StorageError("there is no table", where=str(table), fix="run its step first")
        with storage_errors("committing", table):
            actions = _actions(snapshot, change)
            check_there(table, [file.path for file in change.adds])
            _make_durable(snapshot, change, synced)
            fault_point("commit.before_write")
            info = _info(snapshot, change)
            written = write_entry(table, snapshot.version + 1, info, actions, last=last)
        if written:
            fault_point("commit.after_write")
            _follow_up(table, snapshot.version + 1, snapshot.metadata.get("configuration") or {})
            return snapshot.version + 1
        time.sleep(random.uniform(0, min(0.002 * 2 ** min(attempt, 6), 0.1)))
    raise RunError(
        f"{_TRIES} commits of others came first", where=str(table), fix="run again when it is calm"
    )


def settle(snapshot: Snapshot) -> None:
    """Put the log that a snapshot was read from on the disk, whoever wrote it.

    A process that died between a commit's publication and its sync has told nobody that it is done.
    """
    if snapshot.version < 0:
        return
    with storage_errors("syncing the log", snapshot.table):
        for path in snapshot.loose:
            sync_file(path)
        sync_folder(log_folder(snapshot.table))


def upgrade(table: Path) -> bool:
    """Bring the log of an older Lakebook up to date for other readers, in a commit; False: it is.

    It says what the table needs of its writers, as every commit does, and says anew of its files
    what some reader would take wrong. No row, fence or token changes.
    """
    done: list[bool] = []

    def decide(now: Snapshot) -> Change | None:
        assert now.protocol is not None and now.schema is not None
        schema, settings = now.schema, now.metadata.get("configuration") or {}
        again = tuple(
            NewFile.of(file)
            for file in now.files
            if file.stats_json and for_readers(file.stats_json, schema) != file.stats_json
        )
        done[:] = [
            bool(again)
            or upgraded(now.protocol, schema) is not None
            or not reader_settings(schema, now.partition_columns).items() <= settings.items()
        ]
        if not done[0]:
            return None
        about = {"operation_kind": "upgrade"}
        return Change(again, metadata=about, data_change=False, operation="UPGRADE PROTOCOL")

    transact(table, decide)
    return done[0]


def _make_durable(snapshot: Snapshot, change: Change, synced: set[Path]) -> None:
    """Put on the disk what a commit builds on: names of its files, and entries of other programs.

    The files themselves were synced by whoever wrote them.
    """
    table = snapshot.table
    folders: set[Path] = set()
    for file in change.adds:
        folder = (table / file.path).parent
        # A folder that another run has just made may not be on the disk either.
        folders.update((folder, *(up for up in folder.parents if up.is_relative_to(table))))
    for path in sorted(folders - synced):
        sync_folder(path)
    for path in set(snapshot.loose) - synced:
        sync_file(path)
    synced.update(folders, snapshot.loose)


def _follow_up(table: Path, version: int, settings: Mapping[str, str]) -> None:
    """A checkpoint, when one is due, and what it makes superfluous."""
    interval = int(settings.get("delta.checkpointInterval", INTERVAL))
    if version - max(list_log(table)[1], default=0) < interval:
        return
    try:
        if place_checkpoint(table, version):
            expire_entries(table)
    except (LakebookError, OSError) as failed:
        # The commit stands, and nothing needs the checkpoint: the next commit makes it up.
        warnings.warn(f"no checkpoint of version {version}: {failed}", stacklevel=2)


def _info(snapshot: Snapshot, change: Change) -> dict[str, Any]:
    parameters = {"mode": "Append", "partitionBy": json.dumps(list(snapshot.partition_columns))}
    return {
        **change.metadata,
        "timestamp": int(time.time() * 1000),
        "operation": change.operation,
        "operationParameters": parameters if change.operation == "WRITE" else {},
        "commit": uuid.uuid4().hex,
    }


def _actions(snapshot: Snapshot, change: Change) -> list[Action]:
    """In an order in which none that is cut short shows a row twice: removals come first."""
    schema = snapshot.schema
    assert schema is not None and snapshot.protocol is not None
    meta, table, columns = snapshot.metadata, snapshot.table, snapshot.partition_columns
    check_writable(table, snapshot.protocol, meta.get("configuration") or {}, meta["schemaString"])
    actions: list[Action] = []
    if better := upgraded(snapshot.protocol, schema):
        actions.append(better.action)
    if change.schema_json:
        meta = {**meta, "schemaString": change.schema_json}
        schema = schema_from_json(change.schema_json, where=str(table))
    settings = {
        **meta.get("configuration", {}),
        **change.settings,
        **reader_settings(schema, columns),
    }
    if change.schema_json or settings != snapshot.metadata.get("configuration"):
        actions.append({"metaData": {**meta, "configuration": settings}})
    now_ms = int(time.time() * 1000)
    for name, value in change.tokens.items():
        actions.append({"txn": {"appId": name, "version": value, "lastUpdated": now_ms}})
    for old in change.removes:
        removed = _file(old, columns, change) | {"deletionTimestamp": now_ms}
        actions.append({"remove": removed | {"extendedFileMetadata": True}})
    for new in change.adds:
        added = _file(new, columns, change) | {"modificationTime": now_ms}
        actions.append({"add": added | {"stats": for_readers(new.stats_json, schema)}})
    return actions


def _file(file: NewFile | DataFile, columns: tuple[str, ...], change: Change) -> dict[str, Any]:
    return {
        "path": quote(file.path, safe="/=:@+,-_.~*!'()$&;"),
        "partitionValues": partition_values(columns, file.partition),
        "size": file.size_bytes,
        "dataChange": change.data_change,
    }
