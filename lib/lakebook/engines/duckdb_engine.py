"""DuckDB: follows a notebook's cells as SQL, on empty tables. It stages nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..names import Dataset
from .base import StageFiles

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

    from ..contract.model import TableContract
    from ..intervals import Interval
    from .duckdb_sql import SqlQuery


class DuckDBEngine:
    """The engine of compile. It lives in DuckDB's default connection, as Narwhals asks for."""

    name = "duckdb"

    def scan(self, files: Sequence[str], schema: pa.Schema) -> nw.LazyFrame[Any]:
        if files:
            raise UserError(
                "the duckdb engine compiles steps and reads no table", fix='use engine="polars"'
            )
        return self.literal(schema.empty_table())

    def literal(self, table: pa.Table) -> nw.LazyFrame[Any]:
        import duckdb
        import narwhals as nw

        return nw.from_native(duckdb.from_arrow(table))

    def sql(
        self, query: SqlQuery, *, spill: Path, memory_mb: int | None = None
    ) -> nw.LazyFrame[Any]:
        raise UserError("the duckdb engine compiles steps; their SQL is followed by the check")

    def stage(
        self,
        frame: Any,
        stage: StageFiles,
        contract: TableContract,
        *,
        interval: Interval | None,
        within: str = "",
    ) -> None:
        raise UserError("the duckdb engine compiles steps and writes no table")


def named_relation(dataset: Dataset, schema: pa.Schema) -> nw.LazyFrame[Any]:
    """An empty table that has the dataset's name in the SQL of whatever is made of it."""
    import duckdb
    import narwhals as nw

    empty = schema.empty_table()
    connection = duckdb.default_connection()
    connection.register("lakebook_empty", empty)
    try:
        connection.execute(f'create schema if not exists "{dataset.layer}"')
        connection.execute(
            f'create or replace table "{dataset.layer}"."{dataset.name}" as '
            "select * from lakebook_empty"
        )
    finally:
        connection.unregister("lakebook_empty")
    return nw.from_native(connection.table(f'"{dataset.layer}"."{dataset.name}"'))


def sql_of(frame: Any) -> str:
    """The SQL of a DuckDB-backed Narwhals frame."""
    import narwhals as nw

    return str(nw.to_native(frame).sql_query())
