"""Columns that a table has and its contract has not: a source brought them and they were taken up.

`create` lets a landing step keep them; `step.view` and the quarantine show them to readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..contract.model import Column
from ..contract.types import type_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..contract.model import TableContract


def extra_columns(contract: TableContract, schemas: Iterable[pa.Schema | None]) -> list[Column]:
    """The optional columns of some tables that the contract does not promise, in their order.

    A column of a type that no contract can spell (another program made it) is left out.
    """
    found: dict[str, Column] = {}
    for schema in schemas:
        for field in schema or ():
            kind = type_of(field.type)
            if field.name not in contract.names and field.nullable and kind is not None:
                found.setdefault(field.name, Column(field.name, kind, promised=False))
    return list(found.values())


def with_extras(contract: TableContract, schemas: Iterable[pa.Schema | None]) -> TableContract:
    """The contract with such columns at its end."""
    more = extra_columns(contract, schemas)
    return replace(contract, columns=(*contract.columns, *more)) if more else contract
