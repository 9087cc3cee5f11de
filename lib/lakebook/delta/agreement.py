"""What a table was written by that its contract may say otherwise later: its cut and its types.

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

_MONTH = re.compile(r"\d{4}-\d{2}")


def cut_setting(contract: TableContract) -> dict[str, str]:
    """What a table of this contract keeps of its cut; nothing if it has no time column."""
    time = contract.time
    return {} if time is None else {CUT: f"{time.column} {time.zone} {time.unit}"}


def kept_cut(snapshot: Snapshot) -> dict[str, str]:
    """What a table's log keeps of its cut; empty for one that was made before it did."""
    settings = snapshot.metadata.get("configuration") or {}
    return {CUT: settings[CUT]} if CUT in settings else {}


def check_agreement(snapshot: Snapshot, contract: TableContract) -> None:
    """Raise ContractError if a table with rows was written by another cut or other types.

    A table that does not keep its cut yet is asked for the unit alone, which its partitions show.
    """
    if snapshot.schema is None or not snapshot.written:
        return
    _check_cut(snapshot, contract)
    for field in snapshot.schema:
        if field.name in contract.names:
            check_type(field, contract)


def check_type(have: pa.Field, contract: TableContract) -> None:
    """Raise ContractError unless a column has the contract's type: no stored value is cast."""
    wanted = contract.arrow_schema().field(have.name)
    if have.type != wanted.type:
        raise ContractError(
            f"column {have.name!r} of {contract.dataset} is {_words(have)} in the table and "
            f"{_words(wanted)} in the contract",
            where=place(contract, have.name),
            fix=f"lakebook migrate {contract.dataset} writes the rows anew, if no value is lost; "
            f"or write {_words(have)} here and cast it in the step that reads it",
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
        raise _differs(contract, "no time column" if had is None else f"the time column {had[0]!r}")
    if had is None or has is None:
        return
    names = ("timeColumn", "timeZone", "partitionUnit")
    for name, before, now in zip(names, had, has, strict=True):
        if before and before != now:
            raise _differs(contract, f"{name} {before}", f"{name} {now}")


def _differs(contract: TableContract, had: str, has: str = "") -> ContractError:
    says = has or ("no time column" if contract.time is None else f"timeColumn {has}")
    if not has and contract.time is not None:
        says = f"the time column {contract.time.column!r}"
    return ContractError(
        f"{contract.dataset} was written with {had}, and its contract says {says}",
        where=place(contract),
        fix=f"lakebook migrate {contract.dataset} writes the rows anew, as the contract says; "
        "or put the contract back",
    )


def cut_of(snapshot: Snapshot) -> tuple[str, str, str] | None:
    """Column, zone and unit, empty where nobody knows; None for a table of one partition."""
    if PARTITION not in snapshot.partition_columns:
        return None
    if kept := kept_cut(snapshot).get(CUT):
        column, zone, unit = kept.split(" ")
        return column, zone, unit
    names = (name.partition("/")[0] for name in snapshot.written)  # a quarantine's go on
    dated = next((name for name in names if name not in (NULL, WHOLE)), "")
    unit = "" if not dated else "month" if _MONTH.fullmatch(dated) else "day"
    return "", "", unit


def _words(field: pa.Field) -> str:
    return type_of(field.type) or str(field.type)
