"""Columns that a source has and the contract has not: what a landing step does with them.

Such a column is taken up as a nullable string, and stays when a later file lacks it: the contract
never promised it, so neither is an error. Each is a note of the run until the contract has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contract.model import Column, TableContract
from ..delta import extra_columns, open_snapshot
from ..names import PROD, table_path

if TYPE_CHECKING:
    import pyarrow as pa

    from ..settings import Settings


def schemas_of(settings: Settings, contract: TableContract, own: pa.Schema | None) -> list[Any]:
    """Schemas of an output as it stands: the environment's own (given) and prod's below it.

    Prod's newest version will do, and needs no pin: columns are only added, and keep their types.
    """
    if settings.env == PROD:
        return [own]
    return [own, open_snapshot(table_path(settings.lake, contract.dataset)).schema]


def take_up(
    frame: Any,
    contract: TableContract,
    schemas: Iterable[pa.Schema | None],
    new: Mapping[str, str],
) -> tuple[Any, TableContract, list[str]]:
    """The rows with every unpromised column that they or the table have, its contract, the notes.

    Parameters
    ----------
    new: the unpromised columns of the sources that were landed, and each one's URI.
    """
    import narwhals as nw

    had = extra_columns(contract, schemas)
    rows = nw.from_native(frame, pass_through=True)
    if not (had or new) or not isinstance(rows, (nw.LazyFrame, nw.DataFrame)):
        return frame, contract, []
    names = rows.collect_schema().names()
    known = {column.name for column in had}
    gained = [
        Column(name, "string", promised=False)
        for name in new
        if name in names and name not in known and name not in contract.names
    ]
    missing = [column.name for column in had if column.name not in names]
    if missing:
        rows = rows.with_columns(nw.lit(None).alias(name) for name in missing)
    columns = (*contract.columns, *had, *gained)
    file = contract.path.name
    notes = [
        f"new column {column.name!r} in {new[column.name]} taken up as {column.type}; "
        f"add it to {file}"
        for column in (*had, *gained)
        if column.name in names and column.name in new
    ]
    for name in missing:
        lacking = f"left out by {contract.dataset}" if name in new else "missing in the source"
        notes.append(
            f"column {name!r}, taken up before and not in {file}, is {lacking}: null in these rows"
        )
    return rows, replace(contract, columns=columns), notes
