"""Lakebook's plugin for dbt-duckdb: models see the lake's tables as views and hand results back.

`dbt_run` opens a session, runs dbt in it, and writes what the models made. The profile names this
module; dbt asks it for `Plugin`, which is made only then, since its base class lives in dbt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.duckdb_input import Input, quoted, sql_text
from ..errors import LakebookError, RunError

if TYPE_CHECKING:
    import duckdb

OUT = "lakebook_out"
"""The DuckDB variable that tells the materialization where results go."""


@dataclass
class Session:
    """One dbt run: what it reads, where results go, and which results there are so far.

    `results`: files by schema and name of their models. `shown`: which rows of a result tests see,
    as SQL; of one that is not named, all. `tables`: SQL that makes other tables.
    """

    inputs: tuple[Input, ...]
    folder: Path
    tables: tuple[str, ...] = ()
    results: dict[tuple[str, str], Path] = field(default_factory=dict)
    shown: dict[tuple[str, str], str] = field(default_factory=dict)

    def show(self, inputs: Sequence[Input], shown: Mapping[tuple[str, str], str]) -> None:
        """Let what dbt is asked from now on see these inputs and these rows of the results."""
        self.inputs, self.shown = tuple(inputs), dict(shown)
        _forget_database()

    def set_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make views of all that there is."""
        places = [each.place or (each.dataset.layer, each.dataset.name) for each in self.inputs]
        for schema in sorted({schema for schema, _ in (*places, *self.results)}):
            connection.execute(f"create schema if not exists {quoted(schema)}")
        for statement in (*self.tables, *(each.view_sql() for each in self.inputs)):
            connection.execute(statement)
        for place, path in self.results.items():
            rows = f"select * from read_parquet({sql_text(path)})"
            where = f" where {self.shown[place]}" if self.shown.get(place) else ""
            connection.execute(f"create or replace view {quoted(*place)} as {rows}{where}")


_sessions: list[Session] = []


@contextmanager
def open_session(
    inputs: Sequence[Input], folder: Path, tables: Sequence[str] = ()
) -> Iterator[Session]:
    """Let dbt run on these inputs inside the block.

    dbt works in threads of its own and keeps one database per process, so the session is a plain
    global and there is one at a time.
    """
    if _sessions:
        raise RunError(
            "dbt is already running in this process", fix="build one selection at a time"
        )
    _sessions.append(Session(tuple(inputs), folder, tuple(tables)))
    _forget_database()
    try:
        yield _sessions[-1]
    finally:
        _sessions.clear()
        _forget_database()


def _forget_database() -> None:
    """Drop dbt's database in memory, whose views belong to the session before."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _session() -> Session:
    """The run's; where Lakebook has opened none, somebody typed a command of dbt."""
    return _sessions[-1] if _sessions else _by_hand()


@cache
def _by_hand() -> Session:
    from dbt_common.exceptions import DbtRuntimeError

    from .dbt_by_hand import session_by_hand

    try:
        return session_by_hand()
    except LakebookError as refused:  # in dbt's own words, which have no traceback
        raise DbtRuntimeError(refused.sentence) from None


@cache
def _plugin_class() -> type:
    from dbt.adapters.duckdb.plugins import BasePlugin
    from dbt.adapters.duckdb.utils import TargetConfig

    class Plugin(BasePlugin):
        """Views for all inputs of the session; results are noted and written after the tests."""

        def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
            # A database in memory would spill into the working directory.
            config["temp_directory"] = str(_session().folder / "spill")
            config["preserve_insertion_order"] = False

        def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
            _session().set_up(conn)

        def configure_cursor(self, cursor: Any) -> None:
            cursor.execute(f"set variable {OUT} = {sql_text(_session().folder)}")

        def store(self, target_config: TargetConfig) -> None:
            if target_config.location is None:
                raise RunError(f"dbt gave no file for {target_config.relation}")
            relation = target_config.relation
            place = str(relation.schema), str(relation.identifier)
            _session().results[place] = Path(target_config.location.path)

    return Plugin


def __getattr__(name: str) -> Any:
    if name == "Plugin":
        return _plugin_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
