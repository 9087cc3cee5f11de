"""A dataset's files as a view in DuckDB: what dbt's models and a step's SQL read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.time import bounds

if TYPE_CHECKING:
    import pyarrow as pa

    from ..contract.model import TableContract
    from ..intervals import Interval
    from ..names import Dataset

_TYPES = {
    "string": "VARCHAR", "large_string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER",
    "double": "DOUBLE", "float": "FLOAT", "bool": "BOOLEAN", "date32[day]": "DATE",
    "timestamp[us]": "TIMESTAMP", "binary": "BLOB",
}  # fmt: skip


@dataclass(frozen=True)
class Input:
    """A table that models read: the files of one snapshot and the rows of them that count."""

    dataset: Dataset
    files: Sequence[str]
    schema: pa.Schema
    where: str = ""

    def view_sql(self) -> str:
        """A view with exactly the schema's columns, also over no file and over older files."""
        columns = ", ".join(
            f'cast(null as {duckdb_type(f.type)}) as "{f.name}"' for f in self.schema
        )
        rows = f"select {columns} where false"
        if self.files:
            listed = ", ".join(sql_text(path) for path in self.files)
            # Files from before a column was added lack it; the partition stands in the path alone.
            scan = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
            rows += f" union all by name select * from {scan}"
        condition = f" where {self.where}" if self.where else ""
        name = f'"{self.dataset.layer}"."{self.dataset.name}"'
        names = ", ".join(f'"{column}"' for column in self.schema.names)
        return f"create or replace view {name} as select {names} from ({rows}){condition}"

    def without_files(self) -> Input:
        return replace(self, files=())


def time_filter(contract: TableContract, interval: Interval | None) -> str:
    """SQL for the rows inside the interval; rows without a time count, as in `Step.read`."""
    if contract.time is None or interval is None or interval.is_whole(contract.time.unit):
        return ""
    low, high = bounds(contract, interval)
    column = f'"{contract.time.column}"'
    return f"({column} >= '{low}' and {column} < '{high}') or {column} is null"


def duckdb_type(arrow: pa.DataType) -> str:
    """The DuckDB type of a column in the lake."""
    text = str(arrow)
    if text.startswith("decimal128"):
        return "DECIMAL" + text.removeprefix("decimal128")
    return _TYPES[text]


def sql_text(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"
