"""A filter keeps the same rows in Polars, in SQL over a table's files and in SQL over a frame."""

from __future__ import annotations

import math
import random
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakebook.engines.duckdb_input import Input
from lakebook.engines.duckdb_sql import SqlDatabase, SqlQuery
from lakebook.names import Dataset

VALUES: dict[str, list[Any]] = {
    "f": [0.0, -0.0, 1.5, -2.0, math.nan, math.inf, -math.inf, 1e300, None],
    "f4": [0.0, 1.5, -2.0, math.nan, math.inf, -math.inf, None],
    "i": [0, 1, -5, 2**62, -(2**62), None],
    "t": ["", "a", "A", "ä", "ab", "b" * 300, "\U0001f642", None],
    "d": [date(1970, 1, 1), date(2013, 1, 1), date(1900, 2, 28), None],
    "ts": [datetime(2013, 1, 1), datetime(2013, 1, 1, 0, 0, 0, 1), datetime(1969, 12, 31), None],
    "m": [Decimal("0.00"), Decimal("12.34"), Decimal("-12.34"), Decimal("9999999.99"), None],
    "b": [True, False, None],
}
TYPES: dict[str, Any] = {
    "f": pl.Float64, "f4": pl.Float32, "i": pl.Int64, "t": pl.String, "d": pl.Date,
    "ts": pl.Datetime("us"), "m": pl.Decimal(9, 2), "b": pl.Boolean,
}  # fmt: skip
ORDERS = ("=", "<>", "<", "<=", ">", ">=")


def rows_of(draw: random.Random) -> pl.DataFrame:
    """A few rows in which some columns have but two values, so that bounds of files say much."""
    chosen = {n: draw.sample(v, draw.randint(1, min(3, len(v)))) for n, v in VALUES.items()}
    rows = {name: draw.choices(values, k=12) for name, values in chosen.items()}
    return pl.DataFrame(rows, schema=TYPES)


def literal(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"'{value}'::{'float' if name == 'f4' else 'double'}"
    return str(value) if isinstance(value, int | Decimal) else f"'{value}'"


def predicate(draw: random.Random, depth: int = 1) -> tuple[str, pl.Expr]:
    """The same condition as SQL and as an expression."""
    if depth and draw.random() < 0.4:
        (one, first), (two, second) = (predicate(draw, depth - 1) for _ in range(2))
        if draw.random() < 0.5:
            return f"({one} and {two})", first & second
        return f"({one} or {two})", first | second
    name = draw.choice(list(VALUES))
    column = pl.col(name)
    given = draw.sample([value for value in VALUES[name] if value is not None], 2)
    one, two = (pl.lit(value, dtype=TYPES[name]) for value in given)
    low, high = (literal(name, value) for value in given)
    match draw.randrange(5):
        case 0:
            return f"{name} is null", column.is_null()
        case 1:
            return f"{name} in ({low}, {high})", (column == one) | (column == two)
        case 2:
            return f"{name} between {low} and {high}", (column >= one) & (column <= two)
    order = draw.choice(ORDERS)
    compare = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[order]
    return f"{name} {order} {low}", getattr(column, compare)(one)


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 30))]
)
def test_a_filter_keeps_the_same_rows_however_it_is_written(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    database = SqlDatabase(tmp_path / "spill")
    files = [tmp_path / f"{n}.parquet" for n in range(3)]
    parts = [rows_of(draw) for _ in files]
    frame = pl.concat(parts).lazy().with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
    numbered = frame.collect()
    for at, file in enumerate(files):
        pq.write_table(
            numbered.slice(at * 12, 12).to_arrow(), file, row_group_size=draw.choice([2, 5, 100])
        )
    schema = numbered.to_arrow().schema
    schema = schema.set(schema.get_field_index("t"), pa.field("t", pa.string()))  # a contract's
    table = Input(Dataset("bronze", "events"), list(map(str, files)), schema)
    kept = 0
    for _ in range(40):
        sql, expression = predicate(draw, 2)
        expected = frame.filter(expression).select("n").collect()["n"].to_list()
        kept += len(expected)
        scanned = pl.scan_parquet(files).filter(expression).select("n").collect()["n"]
        assert sorted(scanned) == expected, sql
        by_table = SqlQuery(f"select n from bronze.events where {sql} order by n", (table,))
        assert database.frame(by_table).collect()["n"].to_list() == expected, sql
        by_frame = SqlQuery(f"select n from f where {sql} order by n", frames={"f": frame})
        assert database.frame(by_frame).collect()["n"].to_list() == expected, sql
    assert kept > 100
