"""Replace, snapshot and append: what a commit changes, and what it leaves alone."""

from __future__ import annotations

import errno
import json
import os
import shutil
from datetime import date
from pathlib import Path

import delta_worker as w
import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakebook import delta
from lakebook.contract.model import Column
from lakebook.delta import create, transaction
from lakebook.errors import ConflictError, ContractError, RunError, StorageError
from lakebook.intervals import Interval

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
QUARTER = Interval.parse("2013-01-01", "2013-04-01")
MONTHLY = w.make_contract("month")


def test_a_write_is_seen_alike_by_lakebook_delta_rs_and_polars(table: Path) -> None:
    result = w.write(table, MONTHLY, QUARTER)
    snapshot = delta.open_snapshot(table)
    assert result.committed == ("2013-01", "2013-02", "2013-03")
    assert w.read(snapshot).equals(w.make_rows(QUARTER))
    assert DeltaTable(str(table)).to_pyarrow_table().num_rows == snapshot.rows == 270
    seen = pl.scan_delta(str(table)).filter(pl.col("day") >= date(2013, 3, 31)).collect()
    assert seen["k"].to_list() == w.make_rows(QUARTER)["k"].to_list()[-3:]


def test_the_same_rows_again_change_no_file_and_no_version(table: Path) -> None:
    w.write(table, MONTHLY, QUARTER)
    before = delta.open_snapshot(table)
    again = w.write(
        table, MONTHLY, QUARTER, rows=w.make_rows(QUARTER).sample(fraction=1, shuffle=True)
    )
    assert again.unchanged == ("2013-01", "2013-02", "2013-03")
    assert delta.open_snapshot(table).version == before.version
    assert w.orphans(table) == []


def test_the_same_rows_by_other_code_change_the_fingerprint_alone(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY, fp=1)
    before = delta.open_snapshot(table)
    w.write(table, MONTHLY, JANUARY, fp=-2)
    after = delta.open_snapshot(table)
    assert (after.fp("2013-01"), after.files, after.fence("2013-01")) == (-2, before.files, 1)


def test_only_the_partition_that_differs_is_replaced(table: Path) -> None:
    w.write(table, MONTHLY, QUARTER)
    before = delta.open_snapshot(table)
    rows = w.make_rows(QUARTER).with_columns(
        v=pl.when(pl.col("day") == date(2013, 2, 3)).then(pl.lit("late")).otherwise(pl.col("v"))
    )
    result = w.write(table, MONTHLY, QUARTER, rows=rows)
    after = delta.open_snapshot(table)
    assert result.committed == ("2013-02",)
    assert after.files_in(["2013-01"]) == before.files_in(["2013-01"])
    assert [after.fence(p) for p in after.partitions] == [1, 2, 1]


def test_the_first_write_of_a_table_may_leave_a_partition_empty(table: Path) -> None:
    noted = delta.open_snapshot(table)  # as a step does it: before the table is there
    delta.ensure_table(table, MONTHLY)
    result = w.write(table, MONTHLY, QUARTER, rows=w.make_rows(JANUARY), noted=noted)
    snapshot = delta.open_snapshot(table)
    assert result.committed == ("2013-01", "2013-02", "2013-03")
    assert [sum(f.rows for f in snapshot.files_in([p])) for p in snapshot.partitions] == [93, 0, 0]


def test_a_partition_without_rows_has_a_file_of_no_rows(table: Path) -> None:
    w.write(table, MONTHLY, QUARTER, rows=w.make_rows(JANUARY))
    snapshot = delta.open_snapshot(table)
    assert [sum(f.rows for f in snapshot.files_in([p])) for p in snapshot.partitions] == [93, 0, 0]
    assert (snapshot.data("2013-02"), snapshot.data("2013-05")) == (0, None)
    again = w.write(table, MONTHLY, QUARTER, rows=w.make_rows(JANUARY))
    assert again.committed == ()


def test_a_partition_that_loses_its_rows_is_emptied(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    w.write(table, MONTHLY, JANUARY, rows=w.make_rows(JANUARY).clear())
    assert delta.open_snapshot(table).rows == 0


def test_a_moved_fence_is_a_conflict_and_the_rest_is_committed(table: Path) -> None:
    february = Interval.parse("2013-02-01", "2013-03-01")

    def other() -> None:
        w.write(table, MONTHLY, february, rows=w.make_rows(february, seed=9), fp=9)

    result = w.write(table, MONTHLY, QUARTER, fp=1, before_commit=other)
    assert (result.committed, result.conflicts) == (("2013-01", "2013-03"), ("2013-02",))
    assert delta.open_snapshot(table).fp("2013-02") == 9
    assert w.orphans(table) == []


def test_what_another_run_made_of_the_same_fingerprint_is_done(table: Path) -> None:
    result = w.write(
        table, MONTHLY, QUARTER, before_commit=lambda: _quietly(w.write(table, MONTHLY, JANUARY))
    )
    assert result.done_by_others == ("2013-01",)
    assert w.content(table)["rows"] == w.make_rows(QUARTER).rows()


def test_a_stage_that_was_swept_cannot_be_committed(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    late = w.make_rows(JANUARY, seed=3)
    with pytest.raises(RunError, match="swept as abandoned"):
        w.write(
            table,
            MONTHLY,
            JANUARY,
            rows=late,
            before_commit=lambda: _quietly(delta.sweep(table, now=4e9)),
        )
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(JANUARY))


def test_rows_in_a_partition_that_the_write_does_not_cover_are_refused(table: Path) -> None:
    noted = delta.ensure_table(table, MONTHLY)
    stage = delta.begin_stage(table, "r")
    w.get_engine("polars").stage(w.make_rows(QUARTER), stage, MONTHLY, interval=None)
    with pytest.raises(RunError, match="2013-02, which this write does not cover"):
        delta.commit_replace(
            table,
            stage=stage,
            inspection=delta.inspect(stage, MONTHLY),
            partitions=("2013-01",),
            noted=noted,
            fps={},
            metadata={},
        )
    stage.discard()
    assert (delta.open_snapshot(table).version, w.orphans(table)) == (0, [])


def test_a_table_without_time_is_one_partition(table: Path) -> None:
    contract = w.make_contract(None)
    w.write(table, contract, JANUARY, fp=4)
    snapshot = delta.open_snapshot(table)
    assert (snapshot.partitions, snapshot.fp("*"), snapshot.partition_columns) == (("*",), 4, ())
    assert w.write(table, contract, JANUARY, fp=4).unchanged == ("*",)
    w.write(table, contract, QUARTER, fp=4)
    assert delta.open_snapshot(table).rows == 270


def test_append_adds_up_digest_and_offset(table: Path) -> None:
    w.append(table, MONTHLY, "orders", [[1, 2], [3]])
    appended = delta.open_snapshot(table)
    one = w.read(appended)
    w.write(table.with_name("whole"), MONTHLY, JANUARY, rows=one)
    assert one["k"].to_list() == [1, 2, 3]
    assert appended.tokens["offset/orders"] == 2
    assert appended.data("2013-01") == delta.open_snapshot(table.with_name("whole")).data("2013-01")
    assert appended.fp("2013-01") is None


def test_a_batch_is_not_appended_twice(table: Path) -> None:
    w.append(table, MONTHLY, "orders", [[1, 2]])
    stage = delta.begin_stage(table, "again")
    w.get_engine("polars").stage(w.make_rows(JANUARY), stage, MONTHLY, interval=None)
    inspection = delta.inspect(stage, MONTHLY)
    with pytest.raises(
        ConflictError, match="'orders' is at offset 1, and these rows begin at None"
    ):
        delta.commit_append(
            table,
            stage=stage,
            inspection=inspection,
            offsets={"orders": 1},
            expected_offsets={},
            metadata={},
        )
    assert delta.open_snapshot(table).rows == 2


def test_a_second_partition_column_separates_rows_of_one_month(table: Path) -> None:
    noted = delta.ensure_table(table, MONTHLY, partition_by=("_partition", "_fp"))
    for within in ("aa", "bb"):
        stage = delta.begin_stage(table, within)
        w.get_engine("polars").stage(
            w.make_rows(JANUARY), stage, MONTHLY, interval=JANUARY, within=within
        )
        name = f"2013-01/{within}"
        delta.commit_replace(
            table,
            stage=stage,
            inspection=delta.inspect(stage, MONTHLY),
            partitions=(name,),
            noted=noted,
            fps={},
            metadata={},
        )
    assert delta.open_snapshot(table).partitions == ("2013-01/aa", "2013-01/bb")
    assert set(DeltaTable(str(table)).to_pyarrow_table()["_fp"].to_pylist()) == {"aa", "bb"}


def test_files_are_checked_against_the_contract(table: Path) -> None:
    delta.ensure_table(table, MONTHLY)
    good = w.make_rows(JANUARY)
    cases = {
        "column 'k' is int32 in a staged file and int64": good.cast({"k": pl.Int32}),
        "lacks the column 'v'": good.drop("v"),
        "'vv', which is not in the contract": good.with_columns(vv=pl.lit(1)),
        "in the order k, day, v": good.select("k", "day", "v"),
        "column 'k' is required and 31 rows": good.with_columns(
            k=pl.when(pl.int_range(pl.len()) % 3 == 0)
            .then(pl.col("k"))
            .otherwise(None)
            .fill_null(strategy="forward", limit=1)
        ),
    }
    for sentence, rows in cases.items():
        stage = delta.begin_stage(table, "r")
        rows.write_parquet(stage.file_path("2013-01", 0))
        with pytest.raises(ContractError, match=sentence):
            delta.inspect(stage, MONTHLY)
        stage.discard()


def test_a_full_disk_while_committing_is_one_sentence(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w.write(table, MONTHLY, JANUARY)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(transaction, "write_entry", full)
    with pytest.raises(StorageError, match="the disk is full while committing"):
        w.write(table, MONTHLY, JANUARY, rows=w.make_rows(JANUARY, seed=1))
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(JANUARY))


def test_a_commit_stands_when_its_checkpoint_fails(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> bool:
        raise StorageError("the disk is full")

    monkeypatch.setitem(create.CONFIGURATION, "delta.checkpointInterval", "1")
    monkeypatch.setattr(transaction, "place_checkpoint", full)
    with pytest.warns(UserWarning, match="no checkpoint of version 1: the disk is full"):
        result = w.write(table, MONTHLY, JANUARY)
    assert (result.version, result.committed) == (1, ("2013-01",))
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(JANUARY))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), unit=st.sampled_from(["day", "month"]))
def test_writes_by_partition_in_any_order_end_in_the_same_table(
    tmp_path: Path, data: st.DataObject, unit: str
) -> None:
    contract = w.make_contract(unit)
    whole = Interval.parse("2013-01-30", "2013-02-03") if unit == "day" else QUARTER
    grains = {"day": ["day", "month"], "month": ["month"]}[unit]
    pieces = [whole, *(piece for grain in grains for piece in whole.split(grain))]  # type: ignore[arg-type]
    order = data.draw(st.permutations(pieces))
    order = order[: data.draw(st.integers(1, len(order)))]
    if whole not in order:
        order = [*order, whole]
    for name in ("one", "other"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    w.write(tmp_path / "one", contract, whole)
    for piece in order:
        w.write(tmp_path / "other", contract, piece)
    assert w.content(tmp_path / "other") == w.content(tmp_path / "one")


def test_metadata_of_a_commit_is_for_people(table: Path) -> None:
    result = w.write(table, MONTHLY, JANUARY, run="run-7")
    assert delta.commit_info(table, result.version)["run"] == "run-7"


def test_statistics_are_counts_and_bounds_that_hold(table: Path) -> None:
    contract = w.make_contract("month", Column("x", "float64"))
    rows = w.make_rows(JANUARY).with_columns(x=pl.lit(float("nan")), v=pl.lit("é" * 40))
    w.write(table, contract, JANUARY, rows=rows)
    stats = delta.open_snapshot(table).files[0].stats
    assert stats is not None
    assert (stats["numRecords"], stats["nullCount"]["v"]) == (93, 0)
    assert (stats["minValues"]["day"], stats["maxValues"]["day"]) == ("2013-01-01", "2013-01-31")
    assert stats["minValues"]["v"] <= "é" * 40 < stats["maxValues"]["v"]
    assert "x" not in stats["minValues"]
    assert json.dumps(stats)


def _quietly(_: object) -> None:
    return None


def test_the_first_write_may_leave_a_partition_empty_that_was_noted_before_the_table(
    table: Path,
) -> None:
    contract, quarter = MONTHLY, QUARTER
    noted = delta.open_snapshot(table)
    delta.ensure_table(table, contract)
    rows = w.make_rows(Interval.parse("2013-02-01", "2013-03-01"))
    w.write(table, contract, quarter, rows=rows, noted=noted)
    snapshot = delta.open_snapshot(table)
    assert snapshot.partitions == ("2013-01", "2013-02", "2013-03")
    assert w.read(snapshot).height == rows.height


def test_a_stage_that_is_finished_gives_no_more_files(table: Path) -> None:
    delta.ensure_table(table, MONTHLY)
    stage = delta.begin_stage(table, "run")
    stage.file_path("2013-01", 0).touch()
    stage.discard()
    with pytest.raises(RunError, match="the stage is closed"):
        stage.file_path("2013-01", 1)
    assert w.orphans(table) == []
