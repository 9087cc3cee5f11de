"""Empty frames in a contract's types: as Polars LazyFrames and as DuckDB relations.

DuckDB's default connection is used on purpose: Narwhals' unpivot asks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..contract.model import Column, TableContract
from ..contract.types import arrow_schema, duckdb_type
from ..names import Dataset

if TYPE_CHECKING:
    import narwhals as nw

SOURCE_SCHEMA = "source"


def sql_type(column: Column) -> str:
    """A column's type as DuckDB spells it."""
    return duckdb_type(column.type)


def sql_types(columns: Sequence[Column]) -> dict[str, str]:
    return {column.name: sql_type(column) for column in columns}


def polars_frame(columns: Sequence[Column]) -> nw.LazyFrame[Any]:
    """An empty LazyFrame."""
    import narwhals as nw
    import polars as pl

    empty = pl.from_arrow(arrow_schema(columns).empty_table())
    assert isinstance(empty, pl.DataFrame)
    return nw.from_native(empty.lazy())


def make_schemas() -> None:
    """The schemas of `table_of` and `source_table`, in DuckDB's default connection."""
    import duckdb

    for name in ("bronze", "silver", "gold", SOURCE_SCHEMA):
        duckdb.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")


def make_table(place: tuple[str, str], columns: Sequence[Column]) -> None:
    """An empty table; one of that name is replaced."""
    import duckdb

    fields = ", ".join(f"{quoted(c.name)} {sql_type(c)}" for c in columns)
    duckdb.execute(f"CREATE OR REPLACE TABLE {dotted(place)} ({fields})")


def duckdb_frame(place: tuple[str, str], columns: Sequence[Column]) -> nw.LazyFrame[Any]:
    """An empty relation over a table of that name, which its SQL will name."""
    import duckdb
    import narwhals as nw

    make_table(place, columns)
    return nw.from_native(duckdb.table(dotted(place)))


def table_of(dataset: Dataset) -> tuple[str, str]:
    return dataset.layer, dataset.name


def source_table(uri: str) -> tuple[str, str]:
    """A table that stands for a source outside the lake: a URI is too long for a name in SQL."""
    return SOURCE_SCHEMA, "s" + hashlib.sha256(uri.encode()).hexdigest()[:12]


def dotted(place: tuple[str, str]) -> str:
    return ".".join(map(quoted, place))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quarantine_columns(contract: TableContract) -> tuple[Column, ...]:
    """Columns of a dataset's quarantine table."""
    from ..quality.quarantine import quarantine_contract

    return quarantine_contract(contract).columns
