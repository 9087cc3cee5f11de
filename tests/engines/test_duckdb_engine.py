"""The engine of compile: empty tables whose SQL names the datasets."""

from __future__ import annotations

import narwhals as nw
import pyarrow as pa
import pytest

from lakebook.engines import get_engine
from lakebook.engines.duckdb_engine import named_relation, sql_of
from lakebook.errors import UserError
from lakebook.names import Dataset

SCHEMA = pa.schema([("a", pa.int64()), ("d", pa.decimal128(10, 2)), ("t", pa.timestamp("us"))])


def test_the_sql_of_a_transformation_names_the_dataset() -> None:
    flights = named_relation(Dataset("silver", "flights"), SCHEMA)
    result = flights.filter(~nw.col("a").is_null()).with_columns(b=nw.col("a") + 1)
    assert "silver.flights" in sql_of(result)
    assert result.collect_schema().names() == ["a", "d", "t", "b"]


def test_it_neither_reads_nor_writes_tables() -> None:
    engine = get_engine("duckdb")
    assert engine.scan([], SCHEMA).collect_schema().names() == ["a", "d", "t"]
    with pytest.raises(UserError, match="reads no table"):
        engine.scan(["x.parquet"], SCHEMA)
