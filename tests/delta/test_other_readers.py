"""Tables are read right by Spark with Delta, delta-rs, Polars and DuckDB's delta extension.

Whole, by the digest of their rows; and with predicates around every value, which make each of them
skip files and row groups by the bounds that it finds: as many rows as it finds itself without.
`make readers` fetches what Spark and DuckDB need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import every_type as e
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sampling
from deltalake import DeltaTable

from lakebook import delta
from lakebook.delta.digest import digest_table
from lakebook.names import Dataset, Roots, TierTables, tier_tables
from lakebook.tiers.move import move_to_warm

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900)]

FETCHED = Path(__file__).resolve().parents[2] / ".cache" / "readers"
MONTHS = ("2014-01", "2014-02", "2014-05", "2014-06", "2014-09", "2014-12", "2015-12")
_POLARS = {"=": "eq", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "<>": "ne"}
_ARROW = {"=": "equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
_ARROW["<>"] = "not_equal"


def fetched(name: str) -> Path:
    path = FETCHED / name
    if not path.is_dir():
        if os.environ.get("LAKEBOOK_NEEDS_READERS") == "1":
            pytest.fail(f"`make readers` did not fetch {name}")
        pytest.skip(f"no {name}: `make readers` fetches it")
    return path


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> TierTables:
    """Hot and warm of one dataset. Some months were moved; one was written again since."""
    found = tier_tables(Roots.at(tmp_path_factory.mktemp("lake")), Dataset("silver", "events"))
    e.write(found.hot)
    assert move_to_warm(found, e.contract(), MONTHS).moved == MONTHS
    return found


@pytest.fixture(scope="module", params=["hot", "warm"])
def table(request: pytest.FixtureRequest, tables: TierTables) -> Path:
    return tables.hot if request.param == "hot" else tables.warm


def rows_of(table: Path) -> int:
    """The digest of all rows that lie in a table, by its tokens."""
    snapshot = delta.open_snapshot(table)
    return sum(snapshot.data(p) or 0 for p in snapshot.partitions) % (1 << 64)


def asked_of(reader: str, count: int) -> list[e.Predicate]:
    """Some predicates, and always those from which a bound has once hidden a row."""
    always = [
        *(e.Predicate(name, kind, ">", 5.0) for name, kind in e.FLOATS.items()),
        e.Predicate("double", "float64", "=", e.NAN),
        e.Predicate("flag", "boolean", "=", True),
        e.Predicate("wide", "decimal(18,6)", ">", Decimal("0.1")),
        e.Predicate("text", "string", "=", "\U00020000" * 40),
        e.Predicate("text", "string", ">=", "\U0010ffff" * 33),
        e.Predicate("at", "timestamp", "=", datetime(9999, 12, 31, 23, 59, 59, 999_999)),
    ]
    return [*always, *sampling.chosen(e.predicates(), count, reader)]


def digest(rows: pa.Table) -> int:
    schema = e.contract().arrow_schema()
    assert set(rows.column_names) == {*schema.names, "_partition"}
    return digest_table(rows.select(schema.names).cast(schema))


def test_the_table_has_what_this_is_about(tables: TierTables) -> None:
    hot, warm = delta.open_snapshot(tables.hot), delta.open_snapshot(tables.warm)
    assert set(warm.partitions) == set(MONTHS)
    assert {f.rows for f in hot.files} == {0, 1, 14} and "null" in hot.partitions
    assert len({*hot.partitions, *warm.partitions}) == 37
    together = (rows_of(tables.hot) + rows_of(tables.warm)) % (1 << 64)
    assert together == digest_table(e.rows())


def test_polars(table: Path) -> None:
    whole = pl.scan_delta(str(table)).collect()
    assert digest(whole.to_arrow()) == rows_of(table)
    wrong = []
    for one in asked_of("polars", 60):
        column = pl.col(one.column)
        if one.value is None:
            asked = column.is_null() if one.operator == "is null" else column.is_not_null()
        else:
            value = pl.lit(one.value, dtype=whole.schema[one.column])
            asked = getattr(column, _POLARS[one.operator])(value)
        found = pl.scan_delta(str(table)).filter(asked).collect().height
        if found != (right := whole.filter(asked).height):
            wrong.append((one, found, right))
    assert wrong == []


def test_delta_rs(table: Path) -> None:
    dataset = DeltaTable(str(table)).to_pyarrow_dataset()
    whole = dataset.to_table()
    assert digest(whole) == rows_of(table)
    wrong = []
    for one in asked_of("delta-rs", 60):
        column = pc.field(one.column)
        if one.value is None:
            asked = column.is_null() if one.operator == "is null" else column.is_valid()
        else:
            value = pa.scalar(one.value, whole.schema.field(one.column).type)
            asked = pc.Expression._call(_ARROW[one.operator], [column, pc.scalar(value)])
        found = dataset.to_table(filter=asked).num_rows
        if found != (right := whole.filter(asked).num_rows):
            wrong.append((one, found, right))
    assert wrong == []


def test_duckdb_by_its_extension(table: Path, tmp_path: Path) -> None:
    chosen = asked_of("duckdb", 200)
    question = {
        "table": str(table),
        "rows": str(tmp_path / "rows.parquet"),
        "predicates": [one.sql("duckdb") for one in chosen],
    }
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("duckdb_reader.py"), fetched("duckdb")],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert digest(pq.read_table(tmp_path / "rows.parquet")) == rows_of(table)
    counts = zip(chosen, json.loads(done.stdout), strict=True)
    assert [(one, both) for one, both in counts if both[0] != both[1]] == []


@pytest.mark.spark
def test_spark(tables: TierTables, tmp_path: Path) -> None:
    chosen = asked_of("spark", 12)
    files = {str(tables.hot): tmp_path / "hot.parquet", str(tables.warm): tmp_path / "warm.parquet"}
    question = {
        "tables": {table: str(path) for table, path in files.items()},
        "predicates": [one.sql("spark") for one in chosen],
    }
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("spark_reader.py"), fetched("jars")],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for table, path in files.items():
        assert digest(pq.read_table(path)) == rows_of(Path(table))
    counts = zip(chosen, json.loads(done.stdout.splitlines()[-1]), strict=True)
    assert [(one, both) for one, both in counts if both[0] != both[1]] == []
