"""The columns of a table against those of its contract, the same for who writes and who reads.

A step that lands a source keeps optional columns that its contract does not promise, and nobody
else does. Only the writer knows which it is, so the table says it to its readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import ContractError, did_you_mean
from .agreement import EXTRAS, check_agreement, check_type, place
from .snapshot import Snapshot

if TYPE_CHECKING:
    from ..contract.model import TableContract


def extras_setting(contract: TableContract, *, keep: bool) -> dict[str, str]:
    """What a table keeps of whether it may have columns beside its contract's."""
    return {} if contract.dataset.is_quarantine else {EXTRAS: "kept" if keep else "refused"}


def keeps_extras(snapshot: Snapshot) -> bool:
    """Whether a table may have more columns; one that does not say so yet is let be."""
    settings = snapshot.metadata.get("configuration") or {}
    return settings.get(EXTRAS) != "refused"


def check_table(snapshot: Snapshot, contract: TableContract) -> None:
    """Raise ContractError if the next write would refuse a table with rows: its cut, its way, its
    types or its columns. Who reads it is refused alike."""
    check_agreement(snapshot, contract)
    if snapshot.schema is None or not snapshot.written:
        return
    check_unpromised(snapshot, contract, keep_extras=keeps_extras(snapshot))
    new_columns(snapshot, contract.arrow_schema(), contract)


def check_unpromised(snapshot: Snapshot, contract: TableContract, *, keep_extras: bool) -> None:
    """ContractError for a column of the table that the contract has not, unless it may stay."""
    have = snapshot.schema
    assert have is not None
    promised = [column.name for column in contract.columns if column.promised]
    for field in have:
        if field.name not in promised and not (keep_extras and field.nullable):
            guess = did_you_mean(field.name, [n for n in promised if n not in have.names])
            raise ContractError(
                f"{contract.dataset} has the column {field.name!r}, which is not in the "
                f"contract{guess}",
                where=place(contract),
                fix="a column is never lost or renamed silently: put it back, or say so by "
                f"lakebook migrate {contract.dataset} --drop {field.name} "
                f"(or --rename {field.name}=NAME)",
            )


def new_columns(snapshot: Snapshot, wanted: pa.Schema, contract: TableContract) -> list[pa.Field]:
    """The contract's columns that the table lacks; ContractError for those that differ."""
    have = snapshot.schema
    assert have is not None
    new = []
    for field in wanted:
        if field.name not in have.names:
            if not field.nullable:
                raise ContractError(
                    f"new column {field.name!r} of {contract.dataset} is required, but rows "
                    "written before have no value for it",
                    where=place(contract, field.name),
                    fix="make it optional (required: false)",
                )
            new.append(field)
            continue
        old = have.field(field.name)
        check_type(old, contract)
        if field.nullable and not old.nullable:
            raise ContractError(
                f"column {field.name!r} of {contract.dataset} is required in the table and "
                "optional in the contract",
                where=place(contract, field.name),
                fix=f"write required: true again, or lakebook migrate {contract.dataset}",
            )
    return new
