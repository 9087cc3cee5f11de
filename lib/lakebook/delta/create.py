"""Creates a table (an empty version 0) and widens its schema; never in the middle of a write."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import ContractError, StorageError, storage_errors
from .agreement import check_agreement, cut_setting, place, way_setting
from .columns import check_unpromised, extras_setting, new_columns
from .disk import make_folder, sync_folder
from .entry import log_folder, write_entry
from .faults import fault_point
from .log import open_snapshot
from .protocol import OURS
from .schema import schema_to_json, with_fields
from .settings import CONFIGURATION, reader_settings
from .snapshot import PARTITION, Snapshot
from .transaction import Change, transact

if TYPE_CHECKING:
    from ..contract.model import TableContract

_TRIES = 20
_LEVELS = 5  # of folders with a table's own: dataset, layer, tier, environment, lake


def ensure_table(
    table: Path,
    contract: TableContract,
    *,
    partitioned: bool | None = None,
    partition_by: Sequence[str] | None = None,
    keep_extras: bool = False,
) -> Snapshot:
    """Create a table or add the contract's new nullable columns; return its newest snapshot.

    Parameters
    ----------
    partitioned: default: when the contract has a time column.
    partition_by: the partition columns, if they are others than `_partition`.
    keep_extras: leave optional columns alone that the contract does not promise (see `extras`);
        else they are an error, because nobody loses a column without knowing.

    Raises ContractError naming the column when the table differs in any other way.
    """
    if partition_by is None:
        has_time = contract.time is not None if partitioned is None else partitioned
        partition_by = (PARTITION,) if has_time else ()
    wanted = contract.arrow_schema()
    kept = way_setting(contract) | extras_setting(contract, keep=keep_extras)
    kept |= cut_setting(contract) if PARTITION in partition_by else {}
    snapshot = open_snapshot(table)
    for _ in range(_TRIES):
        if snapshot.schema is None:
            _define(table, 0, wanted, tuple(partition_by), kept)
        else:
            try:
                _check_partitioning(snapshot, tuple(partition_by), contract)
                check_agreement(snapshot, contract)
                check_unpromised(snapshot, contract, keep_extras=keep_extras)
                new = new_columns(snapshot, wanted, contract)
            except ContractError:
                if snapshot.tokens or snapshot.files:
                    raise
                # Of a first run that failed: nobody has seen it, so the contract may be anything.
                _define(table, snapshot.version + 1, wanted, tuple(partition_by), kept)
            else:
                if not new and _keeps(snapshot, kept):
                    return snapshot
                _widen(table, snapshot.version, new, kept)
        snapshot = open_snapshot(table)
    raise StorageError("the table's schema keeps changing", where=str(table))


def _define(
    table: Path,
    version: int,
    schema: pa.Schema,
    partition_by: tuple[str, ...],
    kept: Mapping[str, str],
) -> None:
    """Make the table, or say anew what one is that never had a row; a loser reopens the winner's.

    delta-rs's own create lets two of several processes succeed.
    """
    full = schema
    for column in partition_by:
        full = full.append(pa.field(column, pa.string()))
    now_ms = int(time.time() * 1000)
    metadata = {
        "id": str(uuid.uuid4()),
        "name": None,
        "description": None,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema_to_json(full),
        "partitionColumns": list(partition_by),
        "createdTime": now_ms,
        "configuration": {**CONFIGURATION, **kept, **reader_settings(full, partition_by)},
    }
    info = {"timestamp": now_ms, "operation": "REPLACE TABLE" if version else "CREATE TABLE"}
    with storage_errors("creating the table", table):
        if version == 0:
            make_folder(log_folder(table))
            _sync_above(table)
        fault_point("create.before_log")
        write_entry(table, version, info, [OURS.action, {"metaData": metadata}])
        fault_point("create.after_log")


def _sync_above(table: Path) -> None:
    """Put the names of the folders above a table on the disk, that of the lake too.

    One of them may have been made a moment ago by another run, which has not synced it yet, or by
    this one for something that may be lost, such as a run's log.
    """
    for folder in (table, *table.parents[: _LEVELS - 1]):
        sync_folder(folder)
    for above in table.parents[_LEVELS - 1 : _LEVELS]:
        with suppress(PermissionError):  # the lake lies in a folder that is somebody else's
            sync_folder(above)


def _check_partitioning(
    snapshot: Snapshot, partition_by: tuple[str, ...], contract: TableContract
) -> None:
    if snapshot.partition_columns != partition_by:
        raise ContractError(
            f"{contract.dataset} is partitioned by {list(snapshot.partition_columns)} and the "
            f"contract wants {list(partition_by)}",
            where=place(contract),
            fix="change the contract back, or write a new dataset",
        )


def _keeps(snapshot: Snapshot, kept: Mapping[str, str]) -> bool:
    """Whether a table says how it is cut and written; one made earlier does from its next write."""
    settings = snapshot.metadata.get("configuration") or {}
    return all(settings.get(name) == value for name, value in kept.items())


def _widen(table: Path, version: int, fields: list[pa.Field], kept: Mapping[str, str]) -> None:
    """Add columns to the definition as of a version, and what it keeps of the contract; if it has
    moved on, the caller looks again."""

    def decide(now: Snapshot) -> Change | None:
        if now.version != version:
            return None
        if not fields:
            return Change(operation="SET TBLPROPERTIES", settings=kept)
        wider = with_fields(now.metadata["schemaString"], fields)
        return Change(operation="ADD COLUMN", schema_json=wider, settings=kept)

    fault_point("schema.before_column")
    transact(table, decide)
    fault_point("schema.after_column")
