"""The digest of rows: frozen vectors, and what it must not depend on."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from lakebook.delta import digest_file, digest_table

MASK = (1 << 64) - 1


def _mix(x: int) -> int:
    x = (x ^ (x >> 32)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 29)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def reference(rows: list[dict[str, object]]) -> int:
    """The definition for integers, text and null, as plainly as it can be written."""
    total = 0
    for row in rows:
        cells = 0x9E3779B97F4A7C15
        for name, value in row.items():
            if value is None:
                continue
            word = value & MASK if isinstance(value, int) else xxhash.xxh3_64_intdigest(value)
            cells += _mix(word ^ xxhash.xxh3_64_intdigest(name.encode()))
        total += _mix(cells & MASK)
    return total & MASK


def column(values: list[object], kind: pa.DataType) -> int:
    return digest_table(pa.table({"c": pa.array(values, kind)}))


VECTORS = [
    ("int64", [0, 1, -1, None, 2**63 - 1], pa.int64(), 0x0A5C6B7CEF90DFAC),
    ("int32", [0, 1, -1, None], pa.int32(), 0x65560A8573680D28),
    ("string", ["", "a", "Zürich", None], pa.string(), 0x7364E599825BED69),
    ("binary", [b"", b"\x00\xff"], pa.binary(), 0xE9A852F8060F9B61),
    ("float64", [0.0, 1.5, math.nan, math.inf, None], pa.float64(), 0xBA40F153AE86CBF1),
    ("float32", [0.0, 1.5, math.nan], pa.float32(), 0x8C371A2FF87BCF51),
    ("boolean", [True, False, None], pa.bool_(), 0xFCEC3440D3A48071),
    (
        "date",
        [date(1970, 1, 1), date(2013, 1, 31), date(1969, 12, 31)],
        pa.date32(),
        0x0745DEF74EB819F1,
    ),
    ("timestamp", [datetime(2013, 1, 1, 5, 0, 0, 1), None], pa.timestamp("us"), 0xB6453EC5ED7E0804),
    (
        "decimal",
        [Decimal("1.25"), Decimal("-3.50"), None],
        pa.decimal128(10, 2),
        0x69AA8E976E0C5E87,
    ),
    (
        "wide decimal",
        [Decimal(10**30), Decimal(-(10**30))],
        pa.decimal128(38, 0),
        0x16A18B55B92BABF4,
    ),
]


@pytest.mark.parametrize(("what", "values", "kind", "expected"), VECTORS)
def test_vectors_are_frozen(
    what: str, values: list[object], kind: pa.DataType, expected: int
) -> None:
    assert column(values, kind) == expected, what


def test_the_vectorised_digest_is_the_definition() -> None:
    rows: list[dict[str, object]] = [
        {"a": i * 7 - 3, "b": f"text {i % 5}".encode() if i % 3 else None} for i in range(70_000)
    ]
    table = pa.Table.from_pylist(rows, pa.schema([("a", pa.int64()), ("b", pa.binary())]))
    assert digest_table(table) == reference(rows)


def test_no_rows_are_zero_and_a_row_of_nulls_counts() -> None:
    assert column([], pa.int64()) == 0
    assert column([None], pa.int64()) != 0
    assert column([None, None], pa.int64()) == 2 * column([None], pa.int64()) & MASK


def test_a_row_that_stands_twice_does_not_vanish() -> None:
    assert column([1, 1, 2], pa.int64()) != column([2], pa.int64())


def test_negative_zero_is_zero_and_there_is_one_nan() -> None:
    odd = pa.array([0x7FF8000000000001, -1], pa.int64()).view(pa.float64())
    assert column([-0.0], pa.float64()) == column([0.0], pa.float64())
    assert digest_table(pa.table({"c": odd})) == column([math.nan, math.nan], pa.float64())


def test_a_null_column_adds_nothing() -> None:
    rows = pa.table({"a": [1, 2, 3]})
    wider = rows.append_column("b", pa.nulls(3, pa.string()))
    assert digest_table(wider) == digest_table(rows)


def test_columns_are_known_by_name_not_by_position() -> None:
    rows = pa.table({"a": [1, 2], "b": [3, 4]})
    assert digest_table(rows.select(["b", "a"])) == digest_table(rows)
    assert digest_table(rows.rename_columns(["b", "a"])) != digest_table(rows)


def test_widths_units_and_layouts_in_memory_do_not_matter() -> None:
    assert column([1, -2], pa.int32()) == column([1, -2], pa.int64())
    when = [datetime(2013, 1, 1, 5)]
    assert column(when, pa.timestamp("ms")) == column(when, pa.timestamp("us"))
    texts = ["x", None, "y", "x"]
    same = {column(texts, k) for k in (pa.string(), pa.large_string(), pa.string_view())}
    encoded = pa.table({"c": pa.array(texts).dictionary_encode()})
    assert same == {digest_table(encoded)}


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.text(max_size=5),
            st.none() | st.floats(),
            st.none() | st.decimals(-999, 999, places=2),
        ),
        max_size=30,
    ),
    data=st.data(),
)
def test_order_and_chunks_do_not_matter(
    rows: list[tuple[object, ...]], data: st.DataObject
) -> None:
    schema = pa.schema(
        [("i", pa.int64()), ("s", pa.string()), ("f", pa.float64()), ("d", pa.decimal128(10, 2))]
    )
    table = pa.Table.from_pylist([dict(zip(schema.names, r, strict=True)) for r in rows], schema)
    shuffled = table.take(data.draw(st.permutations(range(len(rows))))) if rows else table
    cut = data.draw(st.integers(0, len(rows)))
    chunked = pa.concat_tables([shuffled.slice(0, cut), shuffled.slice(cut)])
    assert digest_table(chunked) == digest_table(table)


def test_the_writer_of_a_file_does_not_matter(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "s": ["a", None, "b"] * 1000,
            "t": [datetime(2013, 1, 1), None, datetime(2013, 1, 2, 3, 4, 5, 6)] * 1000,
            "f": [1.0, math.nan, None] * 1000,
            "b": [True, False, None] * 1000,
            "d": [Decimal("1.25"), None, Decimal("-7.00")] * 1000,
        },
        schema_overrides={"d": pl.Decimal(10, 2)},
    )
    frame.write_parquet(tmp_path / "polars.parquet", row_group_size=700)
    pq.write_table(frame.to_arrow(), tmp_path / "arrow.parquet", use_dictionary=False)
    import duckdb

    duckdb.sql("select * from frame").write_parquet(str(tmp_path / "duckdb.parquet"))
    found = {digest_file(path) for path in sorted(tmp_path.iterdir())}
    assert found == {digest_table(frame.to_arrow())}
