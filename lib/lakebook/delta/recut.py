"""Gives a table another definition, with all of its rows anew: one commit, before which readers see
the table as it was, and after which as it is.

What is no partition any more keeps its tokens, since a log forgets none: it has no rows, and
`Snapshot.written` leaves names of another unit out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ConflictError, ContractError
from . import tokens as token
from .agreement import CUT, check_agreement, cut_setting, way_setting
from .commit import fence_stands
from .inspection import Inspection
from .log import commit_info, list_log
from .place import written_tokens
from .schema import schema_to_json
from .snapshot import Snapshot
from .staging import Stage
from .transaction import Change, NewFile, transact

if TYPE_CHECKING:
    from ..contract.model import TableContract

KIND = "migrate"


def commit_recut(
    table: Path,
    contract: TableContract,
    *,
    stage: Stage,
    inspection: Inspection,
    noted: Snapshot,
    fp: int,
    made: Collection[str] = (),
    gone: Collection[str] = (),
    keep: Collection[str] = (),
    metadata: Mapping[str, str],
) -> int:
    """Replace a table's rows and definition by what is staged; return the version after it.

    Parameters
    ----------
    noted: the table as its rows were read.
    fp: fingerprint of every partition: one that makes all of them stale.
    made: partitions that were written, by their new names, with rows or without.
    gone: those whose rows retention has deleted.
    keep: partitions that are as they must be already, and stay.

    Raises ConflictError if anything was written since, and RunError if a sweep took the stage.
    """

    def decide(now: Snapshot) -> Change:
        stage.check_stands()
        names = sorted({*noted.written, *now.written})
        if moved := [p for p in names if not fence_stands(noted, now, p)]:
            raise ConflictError(
                f"{contract.dataset}: {', '.join(moved[:3])} was written meanwhile",
                where=str(table),
                fix="migrate again; nothing was changed",
                partitions=tuple(moved),
            )
        tokens: dict[str, int] = {}
        written = {*made, *inspection.partitions}
        for p in sorted({*names, *written, *gone} - {*keep}):
            tokens[token.fence(p)] = now.fence(p) + 1
            tokens[token.data(p)] = inspection.digest(p)
            tokens[token.fp(p)] = fp if p in written else 0
            tokens |= written_tokens(now.tokens, p)
            if p in gone:
                place = now.place(p)
                place = place if place.tier == "deleted" else place.then("deleted")
                tokens[token.placement(p)] = place.value
        change = Change(
            adds=tuple(map(NewFile.of, inspection.files)),
            removes=tuple(file for file in now.files if file.partition not in keep),
            tokens=tokens,
            metadata={"operation_kind": KIND, "fp": str(fp), **metadata},
        )
        return _defined(change, now, contract)

    version = transact(table, decide, last=stage.check_stands)
    stage.finish(frozenset(file.path for file in inspection.files))
    return version


def commit_redefined(
    table: Path,
    contract: TableContract,
    metadata: Mapping[str, str],
) -> None:
    """Give a table of copies its dataset's new definition, and drop what it had; nothing if it is
    so already."""

    def decide(now: Snapshot) -> Change | None:
        if now.schema is None or not differs(now, contract):
            return None
        doomed = now.partitions
        tokens: dict[str, int] = {}
        for p in doomed:
            tokens[token.fence(p)] = now.fence(p) + 1
            if now.data(p) is not None:
                tokens[token.data(p)] = 0
        about = {"operation_kind": "sweep", **metadata}
        change = Change(removes=now.files_in(doomed), tokens=tokens, metadata=about)
        return _defined(change, now, contract)

    if table.is_dir():
        transact(table, decide)


def differs(now: Snapshot, contract: TableContract) -> bool:
    """Whether a table is of another definition than the contract, so that no write is taken."""
    try:
        check_agreement(now, contract)
    except ContractError:
        return True
    required = [field.name for field in now.schema or () if not field.nullable]
    kept = {column.name for column in contract.columns if not column.nullable}
    return any(name not in kept for name in required)


def last_migration(table: Path) -> dict[str, Any] | None:
    """What the newest commit of this kind says of itself, as far as the log goes back."""
    infos = (commit_info(table, version) for version in reversed(list_log(table)[0]))
    return next((info for info in infos if info.get("operation_kind") == KIND), None)


def _defined(change: Change, now: Snapshot, contract: TableContract) -> Change:
    """With the contract's columns and cut."""
    schema = contract.arrow_schema()
    for column in now.partition_columns:
        schema = schema.append(pa.field(column, pa.string()))
    return replace(
        change,
        operation="REPLACE TABLE",
        schema_json=schema_to_json(schema),
        settings={CUT: "", **cut_setting(contract), **way_setting(contract)},
    )
