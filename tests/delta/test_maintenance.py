"""Compaction, rollback, sweep, vacuum and leases."""

from __future__ import annotations

import time
from pathlib import Path

import delta_worker as w
import pytest

from lakebook import delta
from lakebook.errors import RunError, StorageError, UserError
from lakebook.intervals import Interval

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
QUARTER = Interval.parse("2013-01-01", "2013-04-01")
CONTRACT = w.make_contract()
LATER = 4e9  # in 2096


def two_runs(table: Path) -> None:
    w.write(table, CONTRACT, JANUARY, run="first", fp=1)
    w.write(table, CONTRACT, QUARTER, rows=w.make_rows(QUARTER, seed=2), run="second", fp=2)


def test_compaction_leaves_rows_and_tokens_and_raises_the_fence(table: Path) -> None:
    w.append(table, CONTRACT, "s", [[1, 2], [3], [4]])
    before = delta.open_snapshot(table)
    result = delta.compact(table)
    after = delta.open_snapshot(table)
    assert (result.compacted, result.files_before, result.files_after) == (("2013-01",), 3, 1)
    assert w.read(after).equals(w.read(before))
    assert after.data("2013-01") == before.data("2013-01")
    assert after.fence("2013-01") == before.fence("2013-01") + 1
    assert delta.compact(table).compacted == ()
    assert w.orphans(table) == []


def test_compaction_takes_up_columns_that_came_later(table: Path) -> None:
    w.append(table, CONTRACT, "s", [[1], [2]])
    wider = w.make_contract("month", w.Column("x", "float64"))
    delta.ensure_table(table, wider)
    delta.compact(table)
    assert w.read(delta.open_snapshot(table))["x"].null_count() == 2


def test_rollback_puts_back_rows_digest_and_fingerprint(table: Path) -> None:
    two_runs(table)
    result = delta.rollback(table, "first")
    snapshot = delta.open_snapshot(table)
    assert result.partitions == ("2013-01", "2013-02", "2013-03")
    assert w.read(snapshot).equals(w.make_rows(JANUARY))
    assert (snapshot.fp("2013-01"), snapshot.fp("2013-02"), snapshot.data("2013-02")) == (
        1,
        None,
        0,
    )
    assert [snapshot.fence(p) for p in result.partitions] == [3, 2, 2]
    assert delta.rollback(table, "first").partitions == ()


def test_rollback_of_one_partition_leaves_the_others(table: Path) -> None:
    two_runs(table)
    delta.rollback(table, "first", partitions=["2013-01"])
    assert [delta.open_snapshot(table).fp(p) for p in ("2013-01", "2013-02")] == [1, 2]


def test_rollback_can_be_rolled_back(table: Path) -> None:
    two_runs(table)
    before = w.content(table)
    delta.rollback(table, "first", metadata={"run": "undo"})
    delta.rollback(table, "second")
    assert w.content(table) == before


def test_rollback_to_a_run_that_the_log_does_not_know(table: Path) -> None:
    two_runs(table)
    with pytest.raises(UserError, match="run 'third' has no commit"):
        delta.rollback(table, "third")


def test_rollback_after_a_vacuum_says_that_the_files_are_gone(table: Path) -> None:
    two_runs(table)
    delta.vacuum(table, now=LATER)
    with pytest.raises(StorageError, match="was vacuumed"):
        delta.rollback(table, "first")
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(QUARTER, seed=2))


def test_sweep_takes_expired_stages_and_spares_the_others(table: Path) -> None:
    w.write(table, CONTRACT, JANUARY)
    old, new = delta.begin_stage(table, "old", ttl_s=10), delta.begin_stage(table, "new")
    for stage in (old, new):
        w.make_rows(JANUARY).write_parquet(stage.file_path("2013-01", 0))
    fence = delta.open_snapshot(table).fence("2013-01")
    result = delta.sweep(table, now=time.time() + 60)
    assert (result.runs, len(result.deleted)) == (("old",), 1)
    assert (old.paths(), len(new.paths())) == ([], 1)
    assert delta.open_snapshot(table).fence("2013-01") == fence + 1
    assert delta.sweep(table).runs == ()


def test_sweep_does_not_take_what_was_committed(table: Path) -> None:
    noted = delta.ensure_table(table, CONTRACT)
    stage = delta.begin_stage(table, "r")
    manifest = stage.manifest_path.read_bytes()
    w.get_engine("polars").stage(w.make_rows(JANUARY), stage, CONTRACT, interval=JANUARY)
    path = stage.manifest_path
    delta.commit_replace(
        table,
        stage=stage,
        inspection=delta.inspect(stage, CONTRACT),
        partitions=("2013-01",),
        noted=noted,
        fps={},
        metadata={},
    )
    path.write_bytes(manifest)  # as if the run had died between commit and clean-up
    result = delta.sweep(table, now=LATER)
    assert (result.runs, result.deleted) == (("r",), ())
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(JANUARY))


def test_vacuum_takes_old_files_after_the_retention_only(table: Path) -> None:
    two_runs(table)
    before = w.content(table)
    assert delta.vacuum(table).deleted == ()
    planned = delta.vacuum(table, now=LATER, dry_run=True)
    assert delta.vacuum(table, now=LATER).deleted == planned.deleted != ()
    assert w.content(table) == before
    assert delta.vacuum(table, now=LATER).deleted == ()


def test_vacuum_spares_what_a_lease_names(table: Path) -> None:
    w.write(table, CONTRACT, JANUARY, run="first")
    reader = delta.open_snapshot(table)
    lease = delta.take_lease(reader, "a reader", ttl_s=5e9)
    w.write(table, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=2))
    result = delta.vacuum(table, now=LATER)
    assert (result.deleted, result.kept_by_lease) == ((), 1)
    assert w.read(reader).equals(w.make_rows(JANUARY))
    delta.release(lease)
    assert len(delta.vacuum(table, now=LATER).deleted) == 1


def test_vacuum_spares_what_an_unexpired_stage_holds(table: Path) -> None:
    w.write(table, CONTRACT, JANUARY)
    stage = delta.begin_stage(table, "r")
    w.make_rows(JANUARY).write_parquet(stage.file_path("2013-01", 0))
    delta.vacuum(table, now=LATER)
    assert len(stage.paths()) == 1


def test_an_erasure_overrides_leases(table: Path) -> None:
    two_runs(table)
    delta.take_lease(delta.open_snapshot(table, 1), "a pin", ttl_s=5e9)
    assert len(delta.vacuum(table, now=LATER, release_all=True).deleted) == 1


def test_a_lease_that_has_run_out_cannot_be_prolonged(table: Path) -> None:
    w.write(table, CONTRACT, JANUARY)
    lease = delta.take_lease(delta.open_snapshot(table), "slow", ttl_s=100)
    assert delta.heartbeat(lease, ttl_s=200).expires > lease.expires
    assert delta.read_leases(table, now=LATER) == ()
    delta.release(lease)
    with pytest.raises(RunError, match="lease of slow on version 1 has run out"):
        delta.heartbeat(lease)
