"""Rows of SQL flow in batches: memory is bounded, and no more than what is needed is asked for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.io.plugins import register_io_source

from lakebook.engines.duckdb_input import Input
from lakebook.engines.duckdb_sql import SqlDatabase, SqlQuery
from lakebook.errors import UserError
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


def test_a_row_with_nan_is_found_although_no_bound_of_its_file_tells(
    database: SqlDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "0.parquet"
    pq.write_table(pa.table({"n": [1.0, float("nan"), 2.0], "id": [1, 2, 3]}), file)
    table = Input(EVENTS, [str(file)], pa.schema([("n", pa.float64()), ("id", pa.int64())]))

    def ids(where: str) -> list[int]:
        sql = f"select id from bronze.events where {where} order by id"
        return database.frame(SqlQuery(sql, (table,))).collect()["id"].to_list()

    assert ids("n > 5") == ids("n = 'nan'") == ids("isnan(n)") == [2]
    assert ids("n <> 1.0") == ids("n >= 1.5") == [2, 3]
    assert ids("n <= 2.0") == [1, 3]


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


def test_rows_of_a_frame_compare_as_those_of_a_table_and_only_its_columns_are_computed(
    database: SqlDatabase,
) -> None:
    frame = pl.LazyFrame(
        {"n": [1.0, float("nan"), None, 4.0], "day": [date(2013, 1, day) for day in range(1, 5)]}
    ).with_columns(cannot=pl.lit("x").str.to_integer().over("n"))

    def rows(sql: str) -> list[Any]:
        return database.frame(SqlQuery(sql, frames={"f": frame})).collect().rows()

    assert rows("select count(*) from f") == [(4,)]
    assert rows("select day from f where n > 1 order by day") == [
        (date(2013, 1, 2),),  # DuckDB has NaN above all numbers
        (date(2013, 1, 4),),
    ]
    assert rows("select n from f where n is null") == [(None,)]
    assert len(rows("select a.n from f a join f b on a.n = b.n")) == 3  # NaN equals itself
    assert rows("select n from f where day >= date '2013-01-04' or n in (1.0)") == [(1.0,), (4.0,)]
    assert rows("select a.n from f a join f b on a.day = b.day and b.n < 2") == [(1.0,)]
    with pytest.raises(Exception, match="strict integer parsing"):
        rows("select cannot from f")


def test_a_frame_has_any_name_and_a_column(database: SqlDatabase) -> None:
    frame = pl.LazyFrame({"i": [1]})
    odd = 'a "b"'
    assert database.frame(SqlQuery('from "a ""b"""', frames={odd: frame})).collect().rows() == [
        (1,)
    ]
    with pytest.raises(UserError, match="'f' and 'F' are one name in SQL"):
        database.frame(SqlQuery("from f", frames={"f": frame, "F": frame}))
    with pytest.raises(UserError, match="'f' has no column"):
        database.frame(SqlQuery("from f", frames={"f": frame.select()}))


def test_a_frame_is_not_read_far_ahead_of_what_is_asked_for(database: SqlDatabase) -> None:
    read = 0

    def count(batch: pl.DataFrame) -> pl.DataFrame:
        nonlocal read
        read += batch.height
        return batch

    def source(*_: Any) -> Iterator[pl.DataFrame]:
        for _ in range(100):
            yield count(pl.DataFrame({"i": range(50_000)}))

    frame = register_io_source(source, schema={"i": pl.Int64})
    sql = database.frame(SqlQuery("select i + 1 as i from f", frames={"f": frame}))
    batches = sql.collect_batches(chunk_size=50_000, lazy=True)

    next(iter(batches))
    ahead = -1
    while ahead != read:  # until nobody reads on
        ahead = read
        time.sleep(0.3)
    assert ahead < 4_000_000
    assert sum(batch.height for batch in batches) + 50_000 == read == 5_000_000


MEMORY = """
import resource, sys
from pathlib import Path
import polars as pl
from lakebook.engines.duckdb_sql import SqlDatabase, SqlQuery
database = SqlDatabase(Path(sys.argv[1]) / "spill", 300)
for rows in (2_000_000, 20_000_000):
    frame = pl.LazyFrame({"i": range(1000)}).join(
        pl.LazyFrame({"j": range(rows // 1000)}), how="cross"
    ).select(k=pl.col("i") * 1_000_000 + pl.col("j"), text=pl.format("{}-{}-{}", "i", "j", "j"))
    sql = database.frame(SqlQuery(sys.argv[2], frames={"f": frame}))
    sql.sink_parquet(Path(sys.argv[1]) / "out.parquet", engine="streaming")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "more_mb"), [("select k, text || 'x' as t from f", 250), ("from f order by text", 600)]
)
def test_memory_is_that_of_a_few_batches_and_what_does_not_fit_is_spilled(
    tmp_path: Path, sql: str, more_mb: int
) -> None:
    """Ten times the rows, 1.2 GB more: a stream holds no more of them, a sort what it may."""
    code = [sys.executable, "-c", MEMORY, str(tmp_path), sql]
    done = subprocess.run(code, capture_output=True, text=True, timeout=280, check=True)

    few, many = map(int, done.stdout.split())
    assert many < few + more_mb


@pytest.mark.parametrize("kind", ["bignum", "interval"])
def test_a_type_that_no_table_holds_is_refused(database: SqlDatabase, kind: str) -> None:
    with pytest.raises(UserError, match=f"the SQL gives 'a' as {kind}, which no table can hold"):
        database.frame(SqlQuery(f"select null::{kind} as a"))


def test_a_list_of_an_enum_is_a_list_and_no_text(database: SqlDatabase) -> None:
    sql = "select 'x'::enum('x', 'y') as one, ['x'::enum('x', 'y')] as several"
    found = database.frame(SqlQuery(sql)).collect()
    assert found["one"].to_list() == ["x"]
    assert found.schema["several"].base_type() is pl.List
    assert [list(row) for row in found["several"].to_list()] == [["x"]]
