"""A dataset's files as a view in DuckDB: what dbt's models, a step's SQL and queries read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.time import inside_sql
from ..contract.types import duckdb_type, type_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..contract.model import TableContract
    from ..intervals import Interval
    from ..names import Dataset


@dataclass(frozen=True)
class Input:
    """A table that models read: the files of one snapshot and the rows of them that count.

    `place`: schema and name in SQL, where they are not the dataset's layer and name.
    """

    dataset: Dataset
    files: Sequence[str]
    schema: pa.Schema
    where: str = ""
    place: tuple[str, str] | None = None

    @property
    def table(self) -> str:
        """Its name in SQL, quoted."""
        return quoted(*(self.place or (self.dataset.layer, self.dataset.name)))

    @property
    def types(self) -> dict[str, str]:
        """DuckDB's type of each column."""
        return {f.name: duckdb_type(str(type_of(f.type))) for f in self.schema}

    def empty_table_sql(self) -> str:
        """A table of its name, columns and types that has no row."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.types.items())
        return f"create table {self.table} ({columns})"

    def view_sql(self) -> str:
        """A view in exactly the schema's columns and types, also over no file and older files."""
        types = self.types
        columns = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in types.items())
        rows = f"select {columns} where false"
        if self.files:
            listed = ", ".join(sql_text(path) for path in self.files)
            # Files from before a column was added lack it; the partition stands in the path alone.
            # Bounds in a file leave NaN out: by them alone `n > 5` and `n = 'nan'` would lose rows.
            options = "union_by_name = true, hive_partitioning = false, can_have_nan = true"
            scan = f"read_parquet([{listed}], {options})"
            rows += f" union all by name select * from {scan}"
        condition = f" where {self.where}" if self.where else ""
        typed = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in types.items())
        return f"create or replace view {self.table} as select {typed} from ({rows}){condition}"

    def without_files(self) -> Input:
        return replace(self, files=())


def time_filter(contract: TableContract, interval: Interval | None) -> str:
    """SQL for the rows inside the interval; rows without a time count, as in `Step.read`."""
    if contract.time is None or interval is None or interval.is_whole(contract.time.unit):
        return ""
    return rows_inside(contract, interval)


def rows_inside(contract: TableContract, interval: Interval | None) -> str:
    """As `time_filter`, of rows that may lie in any partition."""
    if contract.time is None or interval is None:
        return ""
    column = quoted(contract.time.column)
    return f"{inside_sql(column, contract, interval)} or {column} is null"


def quoted(*names: str) -> str:
    """A name in SQL, with what it stands in before it."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def sql_text(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"
