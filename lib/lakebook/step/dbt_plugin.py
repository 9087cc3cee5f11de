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

from ..engines.duckdb_input import Input, sql_text
from ..errors import RunError

if TYPE_CHECKING:
    import duckdb

OUT = "lakebook_out"
"""The DuckDB variable that tells the materialization where results go."""


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
                cursor.execute(f"set variable {OUT} = {sql_text(session.folder)}")

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
