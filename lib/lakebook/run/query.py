"""SQL over the lake's datasets by their names, in DuckDB. Only what a query names is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..contract.lookup import find_table
from ..engines.duckdb_input import Input
from ..engines.messages import first_lines
from ..errors import UserError
from ..names import LAYERS, Dataset
from ..settings import Settings
from ..step.view import open_view

if TYPE_CHECKING:
    import duckdb


_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s", re.IGNORECASE)


def run_query(settings: Settings, sql: str) -> duckdb.DuckDBPyRelation:
    """Run one query. Raises UserError for unknown datasets and for SQL that DuckDB refuses.

    Errors that only rows show come when they are fetched, as DuckDB's own: see `fetching`.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        _check_reads(duckdb, sql)
        # DuckDB gives an aliased table as `layer.name AS alias`.
        named = {name.split(" ")[0] for name in connection.get_table_names(sql, qualified=True)}
        for name in sorted(named):
            layer, dot, _ = name.partition(".")
            if dot and layer.lower() in LAYERS:  # SQL is indifferent to case
                _register(connection, settings, Dataset.parse(name.lower()))
        relation = connection.sql(sql)
    except duckdb.Error as wrong:
        raise _refused(wrong) from None
    if relation is None:
        raise UserError("the query gives no rows", fix="write a SELECT")
    return relation


@contextmanager
def fetching() -> Iterator[None]:
    """Turn what DuckDB says while rows of a query are fetched into a UserError."""
    import duckdb

    try:
        yield
    except duckdb.Error as wrong:
        raise _refused(wrong) from None


def _refused(wrong: Exception) -> UserError:
    return UserError(f"the query does not run: {first_lines(wrong)}")


def _check_reads(duckdb: Any, sql: str) -> None:
    """Refuse what writes: COPY and EXPORT would leave files."""
    kinds = {statement.type.name for statement in duckdb.extract_statements(sql)}
    if explain := "EXPLAIN" in kinds and _EXPLAIN.match(sql):  # with ANALYZE it runs the rest
        _check_reads(duckdb, sql[explain.end() :])
    elif kinds - {"SELECT"}:
        raise UserError("the query does more than read", fix="write a SELECT")


def _register(connection: duckdb.DuckDBPyConnection, settings: Settings, dataset: Dataset) -> None:
    view = open_view(settings, find_table(settings, dataset))
    if not view.exists:
        raise UserError(
            f"{dataset} has no table yet in this lake", fix=f"run it first: lakebook run {dataset}"
        )
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {dataset.layer}")
    files = Input(dataset, view.paths(), view.contract.arrow_schema())
    connection.execute(files.view_sql())
