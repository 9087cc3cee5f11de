"""What a table was written by that its contract may say otherwise later: cut, way and types.

A partition's name says a day or a month and nothing of the zone or the column that rows were cut
by. So the table's log keeps them, and whoever reads or writes it by another contract is refused:
rows would be looked for in partitions in which they do not lie, and written beside them once more.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..contract.types import type_of
from ..errors import ContractError
from ..intervals import NULL, WHOLE
from .snapshot import CUT, PARTITION, Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

    from ..contract.model import TableContract

WAY = "lakebook.write"
"""The setting of a table: the kind of write, and the key of a merge."""
MERGED = "lakebook.merged"
"""The setting of a table: that it was ever merged into, whatever its contract says by now."""
EXTRAS = "lakebook.extras"
"""The setting of a table: whether it keeps columns that its contract does not promise."""
_MONTH = re.compile(r"\d{4}-\d{2}")


def cut_setting(contract: TableContract) -> dict[str, str]:
    """What a table of this contract keeps of its cut; nothing if it has no time column."""
    time = contract.time
    return {} if time is None else {CUT: f"{time.column} {time.zone} {time.unit}"}


def way_setting(contract: TableContract) -> dict[str, str]:
    """What a table of this contract keeps of how it is written; a quarantine keeps nothing."""
    if contract.dataset.is_quarantine:
        return {}
    return {WAY: way_of(contract), **({MERGED: "true"} if contract.write == "merge" else {})}


def way_of(contract: TableContract) -> str:
    """`replace`, `merge by id, day` …"""
    by = f" by {', '.join(contract.key)}" if contract.write == "merge" else ""
    return contract.write + by


def kept_way(snapshot: Snapshot) -> str:
    """How a table was written; empty for one that has no rows or was made before it said so."""
    settings = snapshot.metadata.get("configuration") or {}
    return str(settings.get(WAY, "")) if snapshot.written else ""


def was_merged(snapshot: Snapshot) -> bool:
    """Whether keys of a table may have gone from one partition to another."""
    settings = snapshot.metadata.get("configuration") or {}
    return settings.get(MERGED) == "true" or kept_way(snapshot).startswith("merge ")


def kept_settings(snapshot: Snapshot) -> dict[str, str]:
    """What a table's log keeps of its contract; empty for one that was made before it did."""
    settings = snapshot.metadata.get("configuration") or {}
    return {name: settings[name] for name in (CUT, WAY, EXTRAS) if name in settings}


def check_agreement(snapshot: Snapshot, contract: TableContract) -> None:
    """Raise ContractError if a table with rows was written by another cut, in a way from which the
    contract's does not follow, or with other types.

    A table that does not keep its cut yet is asked for the unit alone, which its partitions show.
    """
    if snapshot.schema is None or not snapshot.written:
        return
    _check_cut(snapshot, contract)
    _check_way(snapshot, contract)
    for field in snapshot.schema:
        if field.name in contract.names:
            check_type(field, contract)


def check_type(have: pa.Field, contract: TableContract) -> None:
    """Raise ContractError unless a column has the contract's type: no stored value is cast."""
    wanted = contract.arrow_schema().field(have.name)
    if have.type != wanted.type:
        ways = [f"write {_words(have)} here and cast it in the step that reads it"]
        if _may_migrate(have, contract):
            anew = f"lakebook migrate {contract.dataset} writes the rows anew, if no value is lost"
            ways.insert(0, anew)
        raise ContractError(
            f"column {have.name!r} of {contract.dataset} is {_words(have)} in the table and "
            f"{_words(wanted)} in the contract",
            where=place(contract, have.name),
            fix="; or ".join(ways),
        )


def _may_migrate(have: pa.Field, contract: TableContract) -> bool:
    """Whether a cast that loses nothing leads from a column's type to the contract's."""
    import polars as pl
    import pyarrow as pa

    from ..engines.polars_cast import lossless_cast

    rows = pl.from_arrow(pa.schema([have]).empty_table())
    assert isinstance(rows, pl.DataFrame)
    return (
        lossless_cast(have.name, rows.schema[have.name], contract.column(have.name).type)
        is not None
    )


def place(contract: TableContract, column: str = "") -> str:
    """The contract's file, and the line of a column if it is known."""
    if not contract.path:
        return str(contract.dataset)
    line = contract.column(column).line if column else 0
    return os.path.relpath(contract.path) + (f":{line}" if line else "")


def _check_cut(snapshot: Snapshot, contract: TableContract) -> None:
    had, time = cut_of(snapshot), contract.time
    has = None if time is None else (time.column, time.zone, time.unit)
    if (had is None) != (has is None):
        raise _partitioned(contract, "" if had is None else had[0])
    if had is None or has is None:
        return
    names = ("timeColumn", "timeZone", "partitionUnit")
    for name, before, now in zip(names, had, has, strict=True):
        if before and before != now:
            raise _differs(contract, f"{name} {before}", f"{name} {now}")


def _check_way(snapshot: Snapshot, contract: TableContract) -> None:
    """A merge relies on one row per key, and an append on offsets: neither is there by itself."""
    had, has = kept_way(snapshot), way_of(contract)
    if not had or had == has or contract.dataset.is_quarantine:
        return
    found = f"{contract.dataset} was written by {had}, and its contract says {has}"
    if "append" in (had, has):
        raise ContractError(
            f"{found}: what was appended is known by the offsets of its sources, which no other "
            "write has",
            where=place(contract),
            fix="put the contract back, or write a new dataset",
        )
    if contract.write == "merge":
        raise ContractError(
            f"{found}: a key may stand in several rows",
            where=place(contract),
            fix=f"lakebook migrate {contract.dataset} takes the key, if it is one; or put the "
            "contract back",
        )


def _differs(contract: TableContract, had: str, has: str) -> ContractError:
    return ContractError(
        f"{contract.dataset} was written with {had}, and its contract says {has}",
        where=place(contract),
        fix=f"lakebook migrate {contract.dataset} writes the rows anew, as the contract says; "
        "or put the contract back",
    )


def _partitioned(contract: TableContract, had: str) -> ContractError:
    """Of a table without a time column whose contract has one, or the other way round."""
    column = contract.time.column if contract.time else had
    named = f"the time column {column!r}" if column else "a time column"
    before, now = ("no time column", named) if contract.time else (named, "no time column")
    return ContractError(
        f"{contract.dataset} was written with {before}, and its contract says {now}: a table does "
        "not change whether it is partitioned",
        where=place(contract),
        fix="put the contract back, or write a new dataset",
    )


def cut_of(snapshot: Snapshot) -> tuple[str, str, str] | None:
    """Column, zone and unit, empty where nobody knows; None for a table of one partition."""
    if PARTITION not in snapshot.partition_columns:
        return None
    if kept := kept_settings(snapshot).get(CUT):
        column, zone, unit = kept.split(" ")
        return column, zone, unit
    names = (name.partition("/")[0] for name in snapshot.written)  # a quarantine's go on
    dated = next((name for name in names if name not in (NULL, WHOLE)), "")
    unit = "" if not dated else "month" if _MONTH.fullmatch(dated) else "day"
    return "", "", unit


def _words(field: pa.Field) -> str:
    return type_of(field.type) or str(field.type)
