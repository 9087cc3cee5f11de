"""Lakebook's plugin for dbt-duckdb: models see the lake's tables as views and hand results back.

`dbt_run` opens a session, runs dbt in it, and writes what the models made. The profile names this
module; dbt asks it for `Plugin`, which is made only then, since its base class lives in dbt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.time import bounds
from ..errors import RunError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from ..contract.model import TableContract
    from ..intervals import Interval
    from ..names import Dataset

OUT = "lakebook_out"
"""The DuckDB variable that tells the materialization where results go."""

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
            listed = ", ".join(_text(path) for path in self.files)
            # Files from before a column was added lack it; the partition stands in the path alone.
            scan = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
            rows += f" union all by name select * from {scan}"
        condition = f" where {self.where}" if self.where else ""
        name = f'"{self.dataset.layer}"."{self.dataset.name}"'
        return f"create or replace view {name} as select * from ({rows}){condition}"


@dataclass
class Session:
    """One dbt run: what it reads, where results go, and which results there are so far."""

    inputs: tuple[Input, ...]
    folder: Path
    results: dict[str, Path] = field(default_factory=dict)


_sessions: list[Session] = []


@contextmanager
def open_session(inputs: Sequence[Input], folder: Path) -> Iterator[Session]:
    """Let dbt run on these inputs inside the block.

    dbt works in threads of its own and keeps one database per process, so the session is a plain
    global and there is one at a time.
    """
    if _sessions:
        raise RunError(
            "dbt is already running in this process", fix="build one selection at a time"
        )
    _sessions.append(Session(tuple(inputs), folder))
    _forget_database()
    try:
        yield _sessions[-1]
    finally:
        _sessions.clear()
        _forget_database()


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


def _text(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _forget_database() -> None:
    """Drop dbt's database in memory, whose views belong to the session before."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


@cache
def _plugin_class() -> type:
    from dbt.adapters.duckdb.plugins import BasePlugin
    from dbt.adapters.duckdb.utils import TargetConfig

    class Plugin(BasePlugin):
        """Views for all inputs of the session; results are noted and written after the tests."""

        def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
            for session in _sessions:
                # A database in memory would spill into the working directory.
                config["temp_directory"] = str(session.folder / "spill")
                config["preserve_insertion_order"] = False

        def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
            for session in _sessions:
                for layer in sorted({i.dataset.layer for i in session.inputs}):
                    conn.execute(f'create schema if not exists "{layer}"')
                for each in session.inputs:
                    conn.execute(each.view_sql())

        def configure_cursor(self, cursor: Any) -> None:
            for session in _sessions:
                cursor.execute(f"set variable {OUT} = {_text(session.folder)}")

        def store(self, target_config: TargetConfig) -> None:
            if target_config.location is None:
                raise RunError(f"dbt gave no file for {target_config.relation}")
            for session in _sessions:
                name = str(target_config.relation.identifier)
                session.results[name] = Path(target_config.location.path)

    return Plugin


def __getattr__(name: str) -> Any:
    if name == "Plugin":
        return _plugin_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
