"""SQL over the lake's datasets by their names, in DuckDB. Only what a query names is opened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contract.lookup import find_table
from ..engines.duckdb_input import Input, time_filter
from ..engines.messages import first_lines
from ..errors import UserError
from ..intervals import NULL, Interval
from ..names import LAYERS, Dataset
from ..settings import Settings
from ..step.view import DatasetView, open_view
from .pruning import Wanted, nodes_of, plan_scans

if TYPE_CHECKING:
    import duckdb


_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s", re.IGNORECASE)


def run_query(
    settings: Settings, sql: str, interval: Interval | None = None
) -> duckdb.DuckDBPyRelation:
    """Run one query; of each dataset, only the partitions that it can need are opened.

    `interval`: limit every dataset that has a time to these days, as `Step.read` does.
    Raises UserError for unknown datasets and for SQL that DuckDB refuses.

    Errors that only rows show come when they are fetched, as DuckDB's own: see `fetching`.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        _check_reads(duckdb, sql)
        connection.begin()  # what is planned and what is run see one clock
        asked = _explained(sql)
        views = [_open(settings, dataset) for dataset in _named(connection, asked)]
        scans = plan_scans(connection, asked, [(v.contract, _empty(v)) for v in views])
        for view in views:
            _register(connection, view, scans[view.dataset], interval)
        relation = connection.sql(sql)
    except duckdb.Error as wrong:
        raise _refused(wrong) from None
    if relation is None:
        raise UserError("the query gives no rows", fix="write a SELECT")
    return relation


def _named(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Dataset]:
    """The datasets that a text names; SQL is indifferent to case."""
    asked = connection.execute("SELECT json_serialize_sql(?)", [sql])
    found = {
        (node["schema_name"].lower(), node["table_name"].lower())
        for node in nodes_of(json.loads(asked.fetchall()[0][0]), "BASE_TABLE")
        if not node["catalog_name"] and node["schema_name"].lower() in LAYERS
    }
    return [Dataset.parse(f"{layer}.{name}") for layer, name in sorted(found)]


def _explained(sql: str) -> str:
    """What an EXPLAIN explains; any other text as it is."""
    explain = _EXPLAIN.match(sql)
    return sql[explain.end() :] if explain else sql


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


def _open(settings: Settings, dataset: Dataset) -> DatasetView:
    view = open_view(settings, find_table(settings, dataset))
    if not view.exists:
        raise UserError(
            f"{dataset} has no table yet in this lake", fix=f"run it first: lakebook run {dataset}"
        )
    return view


def _empty(view: DatasetView) -> Input:
    return Input(view.dataset, (), view.contract.arrow_schema())


def _register(
    connection: duckdb.DuckDBPyConnection,
    view: DatasetView,
    wanted: Wanted,
    interval: Interval | None,
) -> None:
    time = view.contract.time
    names: Sequence[str] = view.partitions
    if interval is not None and time is not None:
        names = (*interval.partitions(time.unit), NULL)
    files = view.paths(wanted.among(names))
    where = time_filter(view.contract, interval)
    connection.execute(replace(_empty(view), files=files, where=where).view_sql())
