"""The one place that writes to a table's log: check at a version, commit onto exactly that version.

delta-rs may not retry by itself: its own conflict check misses what only a fence can see. Whoever
loses the race for a version reopens the table and checks everything again.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import RunError, StorageError, storage_errors
from .faults import fault_point
from .inspection import StagedFile
from .log import commit_info, commit_path, open_snapshot
from .snapshot import DataFile, Snapshot, partition_values

_TRIES = 400
_ID = "commit"  # metadata key by which a commit is known again when its answer was lost


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
    """What one commit does. `data_change=False`: the rows stay the same."""

    adds: tuple[NewFile, ...] = ()
    removes: tuple[DataFile, ...] = ()
    tokens: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    data_change: bool = True


def transact(table: Path, decide: Callable[[Snapshot], Change | None]) -> int:
    """Commit what `decide` makes of the newest snapshot; return the version after it.

    `decide` is called anew after each lost race and may raise; None means that nothing is to do.
    """
    from deltalake import DeltaTable

    for attempt in range(_TRIES):
        with storage_errors("opening the table", table):
            handle = DeltaTable(str(table))
        snapshot = open_snapshot(table, handle.version())
        change = decide(snapshot)
        if change is None:
            return snapshot.version
        fault_point("commit.before_write")
        version = _write(table, handle, snapshot, change)
        if version is not None:
            fault_point("commit.after_write")
            return version
        time.sleep(random.uniform(0, min(0.002 * 2 ** min(attempt, 6), 0.1)))
    raise RunError(
        f"{_TRIES} commits of others came first", where=str(table), fix="run again when it is calm"
    )


def _write(table: Path, handle: Any, snapshot: Snapshot, change: Change) -> int | None:
    """The version of the commit, or None if another commit took that version."""
    from deltalake.exceptions import CommitFailedError, DeltaError
    from deltalake.transaction import CommitProperties, Transaction

    identity = uuid.uuid4().hex
    properties = CommitProperties(
        custom_metadata={**change.metadata, _ID: identity},
        max_commit_retries=0,
        app_transactions=[Transaction(name, value) for name, value in change.tokens.items()],
    )
    try:
        with storage_errors("committing", table):
            handle.create_write_transaction(
                _actions(table, snapshot, change),
                "append",
                handle.schema(),
                list(snapshot.partition_columns) or None,
                commit_properties=properties,
            )
    except (CommitFailedError, DeltaError, OSError, StorageError) as failed:
        # The commit may have landed and only what follows it (a checkpoint) have failed.
        version = _find(table, snapshot.version, identity)
        lost = isinstance(failed, CommitFailedError)
        if version is None and not (lost and commit_path(table, snapshot.version + 1).exists()):
            raise
        return version
    return snapshot.version + 1  # no retries, so it is no other


def _find(table: Path, after: int, identity: str) -> int | None:
    version = after + 1
    while commit_path(table, version).exists():
        if commit_info(table, version).get(_ID) == identity:
            return version
        version += 1
    return None


def _actions(table: Path, snapshot: Snapshot, change: Change) -> list[Any]:
    from deltalake.transaction import AddAction, RemoveAction

    now_ms = int(time.time() * 1000)
    columns = snapshot.partition_columns
    actions: list[Any] = [
        AddAction(
            path=file.path,
            size=file.size_bytes,
            partition_values=partition_values(columns, file.partition),
            modification_time=now_ms,
            data_change=change.data_change,
            stats=file.stats_json,
        )
        for file in change.adds
    ]
    actions += [
        RemoveAction(
            file.path,
            change.data_change,
            now_ms,
            size=file.size_bytes,
            partition_values=partition_values(columns, file.partition),
        )
        for file in change.removes
    ]
    return actions
