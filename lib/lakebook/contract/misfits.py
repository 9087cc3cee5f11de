"""Values of a source that do not fit their column's type: what the contract says becomes of them.

They stop the step, or their rows are set aside (`misfits: quarantine`, of the table or a column),
with the texts in a column of their own. The time column is not asked: a row whose time cannot be
read belongs to no partition, so it always stops the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .classified import CLASSIFIED
from .model import Column, TableContract, TimeColumn, WriteKind

if TYPE_CHECKING:
    from .reader import Reader

ACTIONS = ("fail", "quarantine")
MISFIT = "_misfit"
"""The column of a landing and a quarantine that has the texts as JSON, by column; else null."""
RULE = "fits_its_type"
"""What `_failed_rules` says of such a row."""


def read_action(own: Mapping[str, tuple[Any, Reader]]) -> str:
    """What a table's or column's properties say; empty where they do not."""
    if "misfits" not in own:
        return ""
    value, at = own["misfits"]
    at.choice(value, ACTIONS, "misfits", "value")
    return str(value)


def with_misfits(
    table: Reader,
    own: Mapping[str, tuple[Any, Reader]],
    columns: tuple[Column, ...],
    time: TimeColumn | None,
    write: WriteKind,
) -> tuple[Column, ...]:
    """The columns, each with what becomes of its misfits. `own`: properties of the table."""
    shared = read_action(own)
    asked = [c for c in columns if c.misfits == "quarantine"]
    if (shared == "quarantine" or asked) and write not in ("replace", "snapshot"):
        raise table.error(
            f"misfits are set aside, and {table['name']!r} is written by {write}",
            fix="set them aside in a table that is written by replace or snapshot",
        )
    for column in asked:
        if time is not None and column.name == time.column:
            raise table.error(
                f"misfits of {column.name!r} cannot be set aside: it is the time column, and a row "
                "without a time that can be read belongs to no partition",
                fix="leave it out; such a value stops the step",
            )
    return tuple(
        replace(column, misfits=_of(column, shared, time)) if shared else column
        for column in columns
    )


def _of(column: Column, shared: str, time: TimeColumn | None) -> str:
    is_time = time is not None and column.name == time.column
    return column.misfits or ("fail" if is_time else shared)


def set_aside(contract: TableContract) -> tuple[str, ...]:
    """The columns whose misfits are set aside with their rows. Every text is a string."""
    return tuple(
        c.name for c in contract.columns if c.misfits == "quarantine" and c.type != "string"
    )


def misfit_column(contract: TableContract) -> Column | None:
    """The column for the texts; None where none are set aside. It is hidden if one of them is."""
    names = set_aside(contract)
    if not names:
        return None
    found = {column.classification for column in contract.columns if column.name in names}
    strictest = next((c for c in reversed(CLASSIFIED) if c in found), "")
    return Column(MISFIT, "string", classification=strictest)


def staged(contract: TableContract) -> TableContract:
    """The contract of landed rows before the misfits among them are set apart."""
    column, names = misfit_column(contract), set_aside(contract)
    if column is None:
        return contract
    optional = (replace(c, nullable=True) if c.name in names else c for c in contract.columns)
    return replace(contract, columns=(*optional, column))
