"""Rows of SQL flow in batches: memory is bounded, and no more than what is needed is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakebook.engines.duckdb_input import Input
from lakebook.engines.duckdb_sql import SqlDatabase, SqlQuery
from lakebook.names import Dataset

SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])
EVENTS = Dataset("bronze", "events")


@pytest.fixture
def database(tmp_path: Path) -> SqlDatabase:
    return SqlDatabase(tmp_path / "spill")


def events(folder: Path, **columns: list[Any]) -> Input:
    file = folder / f"{len(list(folder.iterdir()))}.parquet"
    pq.write_table(pa.table(columns), file)
    return Input(EVENTS, [str(file)], SCHEMA)


def test_a_column_that_a_file_lacks_is_null_and_one_of_no_contract_is_left_out(
    database: SqlDatabase, tmp_path: Path
) -> None:
    table = events(tmp_path, id=[1], other=[2.0])

    frame = database.frame(SqlQuery("from bronze.events", (table,)))

    assert frame.collect().to_dicts() == [{"id": 1, "text": None}]


def test_only_columns_and_rows_that_are_needed_are_asked_for(
    database: SqlDatabase, tmp_path: Path
) -> None:
    # The text of a row that is not asked for cannot be made a number.
    table = events(tmp_path, id=[1, 2], text=["1", "x"])
    frame = database.frame(
        SqlQuery("select id, text::int as n from bronze.events order by id", (table,))
    )

    assert frame.select("id").collect()["id"].to_list() == [1, 2]
    assert frame.select(pl.len()).collect().item() == 2
    assert frame.filter(pl.col("id") > 1).select("id").collect()["id"].to_list() == [2]
    assert frame.head(1).select("id").collect()["id"].to_list() == [1]
    with pytest.raises(Exception, match="Could not convert string 'x'"):
        frame.collect()


def test_a_filter_is_applied_before_a_head(database: SqlDatabase) -> None:
    frame = database.frame(SqlQuery("select i from range(1000) r(i) order by i"))

    assert frame.filter(pl.col("i") > 500).head(2).collect()["i"].to_list() == [501, 502]


def test_one_database_serves_many_queries_with_tables_of_the_same_name(
    database: SqlDatabase, tmp_path: Path
) -> None:
    first = database.frame(SqlQuery("from bronze.events", (events(tmp_path, id=[1]),)))
    second = database.frame(SqlQuery("from bronze.events", (events(tmp_path, id=[2]),)))

    both = pl.concat([first, second]).collect()
    assert sorted(both["id"]) == [1, 2]
    left = database._connection.execute("select count(*) from duckdb_databases()").fetchone()
    assert left == (3,)  # DuckDB's own: what the queries opened is closed again


MEMORY = """
import resource, sys
from pathlib import Path
import polars as pl
from lakebook.engines.duckdb_sql import SqlDatabase, SqlQuery
database = SqlDatabase(Path(sys.argv[1]) / "spill", 300)
rows = int(sys.argv[2])
frame = pl.LazyFrame({"i": range(1000)}).join(
    pl.LazyFrame({"j": range(rows // 1000)}), how="cross"
).select(k=pl.col("i") * 1_000_000 + pl.col("j"), text=pl.format("{}-{}-{}", "i", "j", "j"))
for text in ("select k, text || 'x' as t from f", "from f order by text"):
    sql = database.frame(SqlQuery(text, frames={"f": frame}))
    sql.sink_parquet(Path(sys.argv[1]) / "out.parquet", engine="streaming")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_is_bounded_and_what_does_not_fit_is_spilled(tmp_path: Path) -> None:
    """20 million rows are 1.3 GB; a stream of them holds a few batches, a sort what it may."""
    code = [sys.executable, "-c", MEMORY, str(tmp_path), "20000000"]
    done = subprocess.run(code, capture_output=True, text=True, timeout=280, check=True)

    streamed, sorted_ = map(int, done.stdout.split())
    assert streamed < 900
    assert sorted_ < 1300
