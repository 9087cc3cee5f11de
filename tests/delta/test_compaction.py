"""Compaction: sorted files of the target size, and the very same values."""

from __future__ import annotations

import itertools
import os
import re
import struct
import subprocess
import sys
import uuid
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import delta_worker as w
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from old_files import forget_checksums

from lakebook import delta
from lakebook.contract.model import Column, TableContract, TimeColumn
from lakebook.delta import rewriting
from lakebook.engines import get_engine
from lakebook.errors import DamageError, RunError, StorageError, UserError
from lakebook.names import Dataset

MIXED = TableContract(
    dataset=Dataset("silver", "mixed"),
    path=Path("mixed.contract.yaml"),
    version="1",
    description="",
    columns=(
        Column("day", "date", nullable=False),
        Column("word", "string"),
        Column("key", "int64"),
        Column("f", "float64"),
        Column("g", "float32"),
        Column("b", "binary"),
        Column("d", "decimal(38,10)"),
        Column("e", "decimal(9,2)"),
        Column("t", "timestamp"),
        Column("ok", "boolean"),
        Column("i", "int32"),
    ),
    write="append",
    time=TimeColumn("day", "UTC", "month"),
)
SCHEMA = MIXED.arrow_schema()
QUIET_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000123))[0]

FLOATS = st.one_of(
    st.floats(width=32), st.sampled_from([0.0, -0.0, float("nan"), QUIET_NAN, float("-inf")])
)
ROWS = st.fixed_dictionaries(
    {
        "day": st.just(date(2013, 1, 5)),
        "word": st.none() | st.text(st.characters(codec="utf-8"), max_size=4),
        "key": st.none() | st.sampled_from([-(2**63), 2**63 - 1, 0, 1, 2]),
        "f": st.none() | FLOATS,
        "g": st.none() | FLOATS,
        "b": st.none() | st.binary(max_size=3),
        "d": st.none()
        | st.integers(-(10**37), 10**37).map(lambda n: Decimal(n).scaleb(-10, _context())),
        "e": st.none() | st.integers(-999, 999).map(lambda n: Decimal(n).scaleb(-2)),
        "t": st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)),
        "ok": st.none() | st.booleans(),
        "i": st.none() | st.integers(-(2**31), 2**31 - 1),
    }
)


def _context() -> Any:
    import decimal

    return decimal.Context(prec=60)


def append(table: Path, contract: TableContract, frames: list[pa.Table]) -> None:
    """Each frame as a file of its own, in commits of an append."""
    for number, frame in enumerate(frames):
        delta.ensure_table(table, contract)
        stage = delta.begin_stage(table, "r")
        get_engine("polars").stage(pl.from_arrow(frame), stage, contract, interval=None)
        delta.commit_append(
            table,
            stage=stage,
            inspection=delta.inspect(stage, contract),
            offsets={"s": number + 1},
            expected_offsets={"s": number or None},
            metadata={},
        )


def rows_of(snapshot: delta.Snapshot) -> list[tuple[Any, ...]]:
    """All rows in order, each value in its bits."""
    assert snapshot.schema is not None
    files = [pq.ParquetFile(path).read() for path in sorted(snapshot.paths())]
    table = pa.concat_tables([file.cast(snapshot.schema) for file in files])
    return list(zip(*(_bits(column) for column in table.columns), strict=True))


def _bits(column: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_floating(column.type):
        return column.to_pylist()
    whole = column.combine_chunks()
    kind = pa.int64() if whole.type.bit_width == 64 else pa.int32()
    return whole.view(kind).to_pylist()


def key_of(row: tuple[Any, ...], by: list[str]) -> list[Any]:
    """What Python sorts by as the compaction must: null last, NaN before it, text by its bytes."""
    key: list[Any] = []
    for name in by:
        value = row[SCHEMA.get_field_index(name)]
        if value is None:
            key.append((2, 0))
        elif name in ("f", "g"):
            letters = ("<q", "<d") if name == "f" else ("<i", "<f")
            number = struct.unpack(letters[1], struct.pack(letters[0], value))[0]
            key.append((1, 0) if number != number else (0, number))
        else:
            key.append((0, value.encode() if isinstance(value, str) else value))
    return key


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=st.lists(st.lists(ROWS, min_size=1, max_size=8), min_size=2, max_size=4),
    by=st.lists(st.sampled_from(SCHEMA.names), unique=True, max_size=3),
    target=st.sampled_from([1 << 20, 12_000]),
)
def test_rows_and_digest_stay_and_the_order_is_right(
    tmp_path: Path, batches: list[list[dict[str, Any]]], by: list[str], target: int
) -> None:
    table = tmp_path / uuid.uuid4().hex
    append(table, MIXED, [pa.Table.from_pylist(batch, SCHEMA) for batch in batches])
    before = delta.open_snapshot(table)
    came = [row for file in before.files for row in rows_of(_alone(before, file))]
    result = delta.compact(table, sort_by=by, target_bytes=target)
    after = delta.open_snapshot(table)
    assert result.compacted == ("2013-01",) and result.files_before == len(batches)
    assert after.data("2013-01") == before.data("2013-01")
    found = rows_of(after)
    assert Counter(found) == Counter(came)
    assert all(pq.read_schema(path).equals(SCHEMA) for path in after.paths())
    assert found == sorted(came, key=lambda row: key_of(row, by))  # equal rows as they came
    assert w.orphans(table) == []


def _alone(snapshot: delta.Snapshot, file: delta.DataFile) -> delta.Snapshot:
    return delta.Snapshot(snapshot.table, 0, (file,), schema=snapshot.schema)


def events(keys: np.ndarray) -> pa.Table:
    n = len(keys)
    rng = np.random.default_rng(n)
    return pa.table(
        {
            "day": pa.array([date(2013, 1, 1)] * n, pa.date32()),
            "k": pa.array(keys, pa.int64()),
            "v": pa.array(rng.integers(0, 1 << 60, n)).cast(pa.string()),
        }
    )


@pytest.fixture
def shuffled(table: Path) -> Path:
    """60,000 rows of January in four files, in no order."""
    keys = np.random.default_rng(1).permutation(60_000)
    append(table, w.make_contract(), [events(part) for part in np.split(keys, 4)])
    return table


def test_files_have_the_target_size_and_follow_each_other(
    shuffled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "_BATCH_ROWS", 2048)
    before = delta.open_snapshot(shuffled)
    target = sum(f.size_bytes for f in before.files) // 3
    result = delta.compact(shuffled, sort_by=["k"], target_bytes=target)
    after = delta.open_snapshot(shuffled)
    sizes = [f.size_bytes for f in sorted(after.files, key=lambda f: f.path)]
    assert result.files_after == len(sizes) in (2, 3)
    assert result.bytes_after == sum(sizes)
    assert all(target <= size < 1.3 * target for size in sizes[:-1]) and sizes[-1] > target / 4
    assert [row[1] for row in rows_of(after)] == list(range(60_000))
    bounds = sorted((f.stats["minValues"]["k"], f.stats["maxValues"]["k"]) for f in after.files)  # type: ignore[index]
    assert all(one[1] < two[0] for one, two in itertools.pairwise(bounds))
    codecs = {pq.read_metadata(path).row_group(0).column(0).compression for path in after.paths()}
    assert codecs == {"ZSTD"}
    assert delta.compact(shuffled, sort_by=["k"], target_bytes=target).compacted == ()


def test_files_above_the_target_are_left_alone(shuffled: Path) -> None:
    big = delta.open_snapshot(shuffled).files[0]
    append_small = [events(np.arange(i * 10, i * 10 + 10)) for i in range(2)]
    for number, frame in enumerate(append_small):
        stage = delta.begin_stage(shuffled, "r")
        get_engine("polars").stage(pl.from_arrow(frame), stage, w.make_contract(), interval=None)
        delta.commit_append(
            shuffled,
            stage=stage,
            inspection=delta.inspect(stage, w.make_contract()),
            offsets={"t": number + 1},
            expected_offsets={"t": number or None},
            metadata={},
        )
    result = delta.compact(shuffled, sort_by=["k"], target_bytes=big.size_bytes // 2)
    after = delta.open_snapshot(shuffled)
    assert (result.files_before, result.files_after) == (2, 1)
    assert big.path in {file.path for file in after.files} and len(after.files) == 5
    assert after.rows == 60_020


def test_one_big_file_without_order_is_left_alone(table: Path) -> None:
    keys = np.random.default_rng(1).permutation(1000)
    append(table, w.make_contract(), [events(keys)])
    assert delta.compact(table, sort_by=["k"]).compacted == ()
    assert delta.compact(table, sort_by=["k"], target_bytes=1).compacted == ()


def test_without_columns_the_order_is_kept_and_row_groups_are_joined(shuffled: Path) -> None:
    before = delta.open_snapshot(shuffled)
    came = [row for file in before.files for row in rows_of(_alone(before, file))]
    delta.compact(shuffled)
    after = delta.open_snapshot(shuffled)
    assert rows_of(after) == came
    assert pq.read_metadata(after.paths()[0]).num_row_groups == 1


def test_a_nan_leaves_a_float_without_bounds_in_its_file_alone(table: Path) -> None:
    contract = w.make_contract("month", Column("x", "float64"), Column("y", "float64"))
    rows = events(np.arange(4)).append_column("x", pa.array([1.0, float("nan"), 2.0, None]))
    rows = rows.append_column("y", pa.array([1.0, 2.0, 3.0, None]))
    append(table, contract, [rows.slice(0, 2), rows.slice(2)])
    delta.compact(table, sort_by=["x"])
    (file,) = delta.open_snapshot(table).files
    assert file.stats is not None
    assert "x" not in file.stats["minValues"] and file.stats["nullCount"]["x"] == 1
    assert (file.stats["minValues"]["y"], file.stats["maxValues"]["y"]) == (1.0, 3.0)


def test_an_unknown_column_is_named(shuffled: Path) -> None:
    with pytest.raises(UserError, match=r"no column 'kk' to sort by.*did you mean 'k'"):
        delta.compact(shuffled, sort_by=["kk"])
    assert w.orphans(shuffled) == []


def test_a_damaged_file_is_not_made_into_a_whole_one(shuffled: Path) -> None:
    victim = Path(delta.open_snapshot(shuffled).paths()[0])
    whole = victim.read_bytes()
    victim.write_bytes(whole[:4000] + bytes([whole[4000] ^ 1]) + whole[4001:])
    with pytest.raises(DamageError, match=f"{victim.name}: its SHA-256 is not the one in its name"):
        delta.compact(shuffled, sort_by=["k"])
    victim.write_bytes(whole[:-200])
    with pytest.raises(DamageError, match=r"it has .* bytes, and the log says"):
        delta.compact(shuffled, sort_by=["k"])
    victim.unlink()
    with pytest.raises(DamageError, match=f"{victim.name}: the file is missing") as missing:
        delta.compact(shuffled, sort_by=["k"])
    assert missing.value.partition == "2013-01"
    assert w.orphans(shuffled) == []


@pytest.mark.parametrize("all_of_it", [True, False])
def test_files_without_a_checksum_are_compacted_only_if_the_rows_are_those_that_were_written(
    shuffled: Path, all_of_it: bool
) -> None:
    forget_checksums(shuffled)
    victim = delta.open_snapshot(shuffled).files[0]
    path = shuffled / victim.path
    # Readable, larger than the others, and not what was written, with the log speaking of its size.
    pq.write_table(events(np.arange(15_000)), path)
    size = path.stat().st_size
    for entry in (shuffled / "_delta_log").glob("*.json"):
        lines = entry.read_text().splitlines()
        lines = [
            re.sub(r'"size":\d+', f'"size":{size}', line) if path.name in line else line
            for line in lines
        ]
        entry.write_text("\n".join(lines))
    most = size + 1 if all_of_it else size
    with pytest.raises(DamageError, match="the files do not hold the rows that were written"):
        delta.compact(shuffled, sort_by=["k"], target_bytes=most)
    assert w.orphans(shuffled) == []


def test_a_partition_whose_files_are_gone_because_it_was_written_is_skipped(
    shuffled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rewriting.read_footer
    interval = w.Interval.parse("2013-01-01", "2013-02-01")

    def late(path: Path) -> Any:
        if not written:
            written.append(w.write(shuffled, w.make_contract(), interval))
            delta.vacuum(shuffled, now=4e9, retention_s=0)
        return real(path)

    written: list[Any] = []
    monkeypatch.setattr(rewriting, "read_footer", late)
    result = delta.compact(shuffled, sort_by=["k"])
    assert (result.compacted, result.skipped) == ((), ("2013-01",))
    assert w.read(delta.open_snapshot(shuffled)).equals(w.make_rows(interval))
    assert w.orphans(shuffled) == []


def test_rows_that_would_change_are_not_committed(
    shuffled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(batches: Any, *_: Any, **__: Any) -> Any:
        yield from list(batches)[1:]

    monkeypatch.setattr(rewriting, "sorted_batches", lossy)
    version = delta.open_snapshot(shuffled).version
    with pytest.raises(StorageError, match="would have changed its rows"):
        delta.compact(shuffled, sort_by=["k"])
    assert delta.open_snapshot(shuffled).version == version
    assert w.orphans(shuffled) == []


def test_a_sort_spills_into_the_stage_and_says_when_memory_is_too_little(
    shuffled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "_BATCH_ROWS", 2048)
    with pytest.raises(RunError, match=r"sorting by k needs more than 1 MB"):
        delta.compact(shuffled, sort_by=["k"], memory_mb=1)
    assert w.orphans(shuffled) == []


BIG = """
import resource, sys
from pathlib import Path
import duckdb, numpy, polars, pyarrow.parquet, xxhash, deltalake
from lakebook import delta
from lakebook.delta import compaction, rewriting
import lakebook.engines.polars_engine
table = Path(sys.argv[1])
spilled = []
real = rewriting.sorted_batches
def look(*args, **options):
    for batch in real(*args, **options):
        if not spilled:
            spilled.extend(p for p in table.glob("_staging/*.spill/*") if p.stat().st_size)
        yield batch
rewriting.sorted_batches = look
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
result = delta.compact(table, sort_by=["k"], target_bytes=64 << 20, memory_mb=100)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
print(after - before, len(spilled), result.files_after)
"""


@pytest.mark.slow
def test_memory_is_bounded_and_what_does_not_fit_is_spilled(table: Path) -> None:
    """480 MB of rows with 100 MB for the sort."""
    rng = np.random.default_rng(1)
    contract = w.make_contract()
    frames = []
    for _ in range(8):
        keys = rng.integers(0, 1 << 60, 1_000_000)
        text = pa.array(np.char.mod("%040d", keys))
        day = pa.array(np.full(len(keys), 15_706, np.int32)).cast(pa.date32())
        frames.append(pa.table({"day": day, "k": keys, "v": text}))
    append(table, contract, frames)
    del frames
    done = subprocess.run(
        [sys.executable, "-c", BIG, str(table)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    grown_mb, spilled, files = map(int, done.stdout.split())
    assert spilled > 0 and files > 1
    assert grown_mb < 450, f"{grown_mb} MB for a sort of 100 MB, a row group and the digest"
    keys = [
        row for path in _ordered(table) for row in pq.ParquetFile(path).read(["k"])["k"].to_pylist()
    ]
    assert len(keys) == 8_000_000 and keys == sorted(keys)


def _ordered(table: Path) -> list[str]:
    return sorted(delta.open_snapshot(table).paths())


def test_a_column_that_came_later_is_null_in_old_rows(table: Path) -> None:
    append(table, w.make_contract(), [events(np.arange(3)), events(np.arange(3, 6))])
    delta.ensure_table(table, w.make_contract("month", Column("x", "float64")))
    delta.compact(table, sort_by=["x", "k"])
    assert [row[3] for row in rows_of(delta.open_snapshot(table))] == [None] * 6


def test_partitions_that_are_named_alone_are_compacted(table: Path) -> None:
    first, second = events(np.arange(3)), events(np.arange(3, 6))
    later = first.set_column(0, "day", pa.array([date(2013, 1, 1) + timedelta(40)] * 3))
    append(table, w.make_contract(), [first, second, later, later.slice(0, 1)])
    assert set(delta.small_files(delta.open_snapshot(table))) == {"2013-01", "2013-02"}
    assert delta.compact(table, ["2013-02", "2013-07"]).compacted == ("2013-02",)
    assert len(delta.open_snapshot(table).by_partition["2013-01"]) == 2
