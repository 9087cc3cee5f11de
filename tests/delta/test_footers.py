"""Bounds in footers: none over a NaN, for no reader, in new files and after a compaction."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import delta_worker as w
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakebook import delta
from lakebook.contract.model import Column
from lakebook.delta import inspection
from lakebook.delta.digest import digest_file, digest_table
from lakebook.delta.footers import drop_bounds
from lakebook.delta.thrift import Field, Items, decode, encode
from lakebook.intervals import Interval
from lakebook.tiers.cold.recompress import recompress

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
NAN, INF = float("nan"), float("inf")
FLOATS = w.make_contract("month", Column("x", "float64"), Column("y", "float32"))


def rows(x: list[float | None], y: list[float | None] | None = None) -> pl.DataFrame:
    days = [date(2013, 1, 1)] * len(x)
    schema = {"x": pl.Float64, "y": pl.Float32}
    found = {"day": days, "k": range(len(x)), "v": "a", "x": x, "y": y or x}
    return pl.DataFrame(found, schema_overrides=schema)  # type: ignore[arg-type]


def seen(table: Path, predicate: str) -> int:
    """Rows that DuckDB finds when it goes by the footers alone."""
    files = delta.open_snapshot(table).paths()
    found = duckdb.sql(f"select count(*) from read_parquet({files}) where {predicate}").fetchone()
    assert found is not None
    return int(found[0])


def bounds(table: Path) -> dict[str, tuple[bool, bool, int]]:
    """Whether a column's chunk has bounds, those of its pages, and its nulls."""
    group = pq.read_metadata(delta.open_snapshot(table).paths()[0]).row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    return {
        c.path_in_schema: (c.statistics.has_min_max, c.has_column_index, c.statistics.null_count)
        for c in chunks
    }


def test_a_nan_is_found_by_readers_that_go_by_footers(table: Path) -> None:
    w.write(table, FLOATS, JANUARY, rows=rows([1.0, NAN, 3.0, None], [1.0, 2.0, 3.0, None]))
    assert bounds(table)["x"] == (False, False, 1)
    assert bounds(table)["y"][0] and bounds(table)["k"][0]
    assert [seen(table, p) for p in ("x > 5", "x = 'nan'::double", "x >= 3", "y > 5")] == [
        1,
        1,
        2,
        0,
    ]
    assert delta.open_snapshot(table).rows == 4
    assert w.read(delta.open_snapshot(table)).drop("day", "v")["x"].to_list()[2:] == [3.0, None]


def test_only_the_bounds_go(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    whole = pa.table(
        {"x": [1.0, NAN] * 500, "é" * 70: ["t"] * 1000, "z": [float(i) for i in range(1000)]}
    )
    pq.write_table(whole, path, row_group_size=300, write_page_index=True)
    before = pq.read_metadata(path)
    assert drop_bounds(path, ["x", "é" * 70])
    after = pq.read_metadata(path)
    assert digest_file(path) == digest_table(whole)
    assert after.schema.equals(before.schema) and after.num_rows == 1000
    for group in range(4):
        x, text, z = (after.row_group(group).column(i) for i in range(3))
        assert not (x.statistics.has_min_max or text.statistics.has_min_max)
        assert (x.statistics.null_count, x.has_column_index) == (0, False)
        assert z.statistics.equals(before.row_group(group).column(2).statistics)
    assert not drop_bounds(path, ["x"])


def test_a_compaction_mends_a_file_of_an_older_version(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(inspection, "drop_bounds", lambda path, columns: False)
        w.write(table, FLOATS, JANUARY, rows=rows([1.0, NAN], [1.0, INF]))
    assert seen(table, "x > 5") == 0  # the fault
    before = delta.open_snapshot(table)
    assert delta.small_files(before) == {"2013-01": before.files}
    assert delta.compact(table).compacted == ("2013-01",)
    assert seen(table, "x > 5") == 1
    after = delta.open_snapshot(table)
    assert (after.data("2013-01"), after.rows) == (before.data("2013-01"), 2)
    assert delta.compact(table).compacted == ()  # once: the infinity in y hides nothing


NUMBERS = st.binary(min_size=1, max_size=3).map(
    lambda b: bytes([*(byte | 0x80 for byte in b[:-1]), b[-1] & 0x7F])
)
VALUES = st.recursive(
    st.tuples(st.just(6), NUMBERS) | st.tuples(st.just(7), st.binary(min_size=8, max_size=8)),
    lambda inner: (
        st.lists(inner, max_size=20).map(
            lambda values: (12, [Field(n * 3 + 1, kind, v) for n, (kind, v) in enumerate(values)])
        )
        | st.lists(NUMBERS, max_size=40).map(lambda values: (9, Items(6, values)))
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, max_size=30))
def test_a_struct_comes_back_as_it_was(values: list[tuple[int, object]]) -> None:
    made = [Field(number * 17 + 1, kind, value) for number, (kind, value) in enumerate(values)]
    assert decode(encode(made)) == made


def test_a_footer_that_ends_too_early_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1.0]}), path)
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - length : -8]
    assert encode(decode(footer)) == footer
    with pytest.raises(ValueError, match="ends too early"):
        decode(footer[: length // 2])


def test_an_archive_has_no_bounds_over_a_nan_either(tmp_path: Path) -> None:
    source = tmp_path / "a.parquet"
    schema = pa.schema([("x", pa.float64()), ("k", pa.int64())])
    pq.write_table(pa.table({"x": [1.0, NAN], "k": [1, 2]}, schema=schema), source)
    (file,) = recompress([source], tmp_path, schema, level=3).files
    x, k = (file.footer.row_group(0).column(i).statistics for i in range(2))
    assert (x.has_min_max, x.null_count, k.has_min_max) == (False, 0, True)
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert pq.read_metadata(file.path).equals(file.footer)
    assert digest_file(file.path) == digest_file(source)
