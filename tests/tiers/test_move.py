"""Moves to warm and back: the rows stay, one place holds them, and files go as they are."""

from __future__ import annotations

import hashlib
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import delta_worker as w
import pytest

from lakebook import delta
from lakebook.delta.checksums import named_checksum
from lakebook.delta.transaction import Change, transact
from lakebook.delta.whole import has_copy
from lakebook.errors import ConflictError, StorageError
from lakebook.intervals import Interval
from lakebook.names import Roots, TierTables, tier_tables
from lakebook.tiers import warm
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import NewPlace, set_places
from lakebook.tiers.promote import promote
from lakebook.tiers.warm import sweep_warm

QUARTER = Interval.parse("2013-01-01", "2013-04-01")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")
CONTRACT = w.make_contract()


def whole(tables: TierTables) -> delta.Snapshot:
    return delta.open_whole(tables.hot, tables.warm)


def in_warm(tables: TierTables) -> tuple[str, ...]:
    return delta.open_snapshot(tables.warm).partitions


def test_a_move_leaves_the_rows_and_the_digest_and_takes_the_files(quarter: TierTables) -> None:
    before = delta.open_snapshot(quarter.hot)
    bytes_before = {
        f.partition: (quarter.hot / f.path).read_bytes() for f in before.files_in(["2013-01"])
    }
    moved = move_to_warm(quarter, CONTRACT, ["2013-01", "2013-02"])
    hot = delta.open_snapshot(quarter.hot)
    assert moved.moved == ("2013-01", "2013-02") and moved.skipped == {}
    assert (moved.files, moved.size_bytes) == (
        2,
        sum(f.size_bytes for f in before.files_in(moved.moved)),
    )
    assert hot.partitions == ("2013-03",)
    assert hot.placed("warm") == ("2013-01", "2013-02") and hot.place("2013-03").tier == "hot"
    assert [hot.fence(p) for p in before.partitions] == [2, 2, 1]
    assert {p: hot.data(p) for p in hot.written} == {p: before.data(p) for p in before.written}
    assert {p: hot.fp(p) for p in hot.written} == {p: before.fp(p) for p in before.written}
    assert w.read(whole(quarter)).sort("k").equals(w.make_rows(QUARTER))
    (copy,) = delta.open_snapshot(quarter.warm).files_in(["2013-01"])
    content = (quarter.warm / copy.path).read_bytes()
    assert content == bytes_before["2013-01"]
    checksum = named_checksum(copy.path)
    assert checksum and hashlib.sha256(content).hexdigest().startswith(checksum)
    assert w.orphans(quarter.warm) == [] and w.orphans(quarter.hot) == []


def test_moving_again_does_nothing(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    version = delta.open_snapshot(quarter.hot).version
    again = move_to_warm(quarter, CONTRACT, ["2013-01", "2012-01"])
    assert again.skipped == {"2013-01": "it lies in warm", "2012-01": "it was never written"}
    assert delta.open_snapshot(quarter.hot).version == version


def test_an_empty_partition_moves_as_well(tables: TierTables) -> None:
    w.write(tables.hot, CONTRACT, QUARTER, rows=w.make_rows(JANUARY))
    assert move_to_warm(tables, CONTRACT, ["2013-02"]).moved == ("2013-02",)
    assert in_warm(tables) == ("2013-02",)
    assert w.read(whole(tables)).sort("k").equals(w.make_rows(JANUARY))
    assert promote(tables, ["2013-02"]).moved == ("2013-02",)
    assert whole(tables).data("2013-02") == 0


def test_promotion_is_a_write_and_its_copy_is_swept(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01", "2013-02"])
    assert promote(quarter, ["2013-01", "2013-03"]).skipped == {"2013-03": "it lies in hot"}
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-01").tier == "hot" and hot.place("2013-01").generation == 2
    assert in_warm(quarter) == ("2013-01", "2013-02")
    assert w.read(whole(quarter)).sort("k").equals(w.make_rows(QUARTER))
    fence = hot.fence("2013-01")
    assert sweep_warm(quarter) == ("2013-01",)
    assert in_warm(quarter) == ("2013-02",)
    assert delta.open_snapshot(quarter.hot).fence("2013-01") == fence + 1
    assert sweep_warm(quarter) == ()
    assert w.read(whole(quarter)).sort("k").equals(w.make_rows(QUARTER))


def test_a_backfill_into_warm_ends_in_hot_once(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    rows = w.make_rows(JANUARY, seed=5)
    noted = delta.open_snapshot(quarter.hot)
    w.write(quarter.hot, CONTRACT, JANUARY, rows=rows, fp=5, noted=noted)
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-01").tier == "hot" and hot.fp("2013-01") == 5
    assert not has_copy(hot, delta.open_snapshot(quarter.warm), "2013-01")
    assert w.read(whole(quarter)).filter(w.pl.col("day") < JANUARY.end).sort("k").equals(rows)
    assert sweep_warm(quarter) == ("2013-01",)


def test_the_same_rows_again_stay_in_warm(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    noted = delta.open_snapshot(quarter.hot)
    result = w.write(quarter.hot, CONTRACT, JANUARY, fp=7, noted=noted)
    hot = delta.open_snapshot(quarter.hot)
    assert result.unchanged == ("2013-01",)
    assert hot.place("2013-01").tier == "warm" and hot.fp("2013-01") == 7


def test_a_write_while_files_are_copied_wins(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = w.make_rows(JANUARY, seed=9)
    copy = warm.copy_files

    def copy_then_be_overtaken(*given):
        copied = copy(*given)
        w.write(quarter.hot, CONTRACT, JANUARY, rows=rows, fp=9)
        return copied

    monkeypatch.setattr(warm, "copy_files", copy_then_be_overtaken)
    moved = move_to_warm(quarter, CONTRACT, ["2013-01", "2013-02"])
    assert moved.moved == ("2013-02",) and "2013-01" in moved.skipped
    assert delta.open_snapshot(quarter.hot).place("2013-01").tier == "hot"
    assert w.read(whole(quarter)).filter(w.pl.col("day") < JANUARY.end).sort("k").equals(rows)
    assert sweep_warm(quarter) == ("2013-01",)


def test_of_two_moves_at_once_one_places_the_partition(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = warm.copy_files

    def copy_then_be_overtaken(*given):
        copied = copy(*given)
        monkeypatch.setattr(warm, "copy_files", copy)
        assert move_to_warm(quarter, CONTRACT, ["2013-01"]).moved == ("2013-01",)
        return copied

    monkeypatch.setattr(warm, "copy_files", copy_then_be_overtaken)
    moved = move_to_warm(quarter, CONTRACT, ["2013-01", "2013-02"])
    assert moved.moved == ("2013-02",) and "2013-01" in moved.skipped
    assert w.read(whole(quarter)).sort("k").equals(w.make_rows(QUARTER))
    assert w.orphans(quarter.warm) == []


def test_a_sweep_leaves_the_copies_that_a_living_move_is_about_to_place(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = warm.set_places
    swept = []

    def sweep_then_place(*given):
        swept.append(sweep_warm(quarter))
        return place(*given)

    monkeypatch.setattr(warm, "set_places", sweep_then_place)
    assert move_to_warm(quarter, CONTRACT, ["2013-01"]).moved == ("2013-01",)
    assert swept == [()]


def test_a_damaged_copy_is_not_promoted(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    (copy,) = delta.open_snapshot(quarter.warm).files
    path = quarter.warm / copy.path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match=f"{copy.path}.*damaged"):
        promote(quarter, ["2013-01"])
    assert delta.open_snapshot(quarter.hot).place("2013-01").tier == "warm"
    assert w.orphans(quarter.hot) == []


def test_a_file_that_is_missing_is_named_and_the_partition_stays(quarter: TierTables) -> None:
    (file,) = delta.open_snapshot(quarter.hot).files_in(["2013-01"])
    (quarter.hot / file.path).unlink()
    with pytest.raises(StorageError, match="the file is missing") as raised:
        move_to_warm(quarter, CONTRACT, ["2013-01"])
    assert raised.value.where == str(quarter.hot / file.path)
    assert delta.open_snapshot(quarter.hot).place("2013-01").tier == "hot"
    assert w.orphans(quarter.warm) == []


def test_a_copy_that_is_not_there_is_named(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    transact(quarter.warm, lambda now: Change(removes=now.files))
    with pytest.raises(StorageError, match="2013-01 should lie in warm and is not there"):
        whole(quarter)


def test_appended_rows_do_not_join_a_partition_that_lies_elsewhere(tables: TierTables) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2]])
    move_to_warm(tables, CONTRACT, ["2013-01"])
    stage = delta.begin_stage(tables.hot, "late")
    w.get_engine("polars").stage(w.make_rows(JANUARY), stage, CONTRACT, interval=None)
    with pytest.raises(ConflictError, match="2013-01 lies in warm"):
        delta.commit_append(
            tables.hot,
            stage=stage,
            inspection=delta.inspect(stage, CONTRACT),
            offsets={"s": 9},
            expected_offsets={"s": 1},
            metadata={},
        )


def test_a_rollback_leaves_what_only_moved_and_puts_back_what_was_rewritten(
    quarter: TierTables,
) -> None:
    w.write(quarter.hot, CONTRACT, JANUARY, run="first")
    move_to_warm(quarter, CONTRACT, ["2013-02"])
    w.write(
        *(quarter.hot, CONTRACT, JANUARY), rows=w.make_rows(JANUARY, seed=3), run="second", fp=2
    )
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    delta.rollback(quarter.hot, "run")
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-01").tier == "hot" and hot.place("2013-02").tier == "warm"
    assert w.read(whole(quarter)).sort("k").equals(w.make_rows(QUARTER))
    assert sweep_warm(quarter) == ("2013-01",)


def test_a_column_that_came_later_is_in_warm_as_well(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    wider = w.make_contract("month", w.Column("x", "float64"))
    delta.ensure_table(quarter.hot, wider)
    move_to_warm(quarter, wider, ["2013-02"])
    schema = delta.open_snapshot(quarter.warm).schema
    assert schema is not None and "x" in schema.names


def test_roots_may_be_other_folders(tmp_path: Path) -> None:
    roots = Roots(tmp_path / "lake", tmp_path / "slow", tmp_path / "vault")
    tables = tier_tables(roots, CONTRACT.dataset)
    w.write(tables.hot, CONTRACT, QUARTER)
    move_to_warm(tables, CONTRACT, ["2013-01"])
    assert (tmp_path / "slow" / "prod" / "warm" / "silver" / "events").is_dir()
    assert w.read(whole(tables)).sort("k").equals(w.make_rows(QUARTER))


def test_appended_rows_forget_the_archive_and_the_time_of_a_restored_copy(
    tables: TierTables,
) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2]])
    hot = delta.open_snapshot(tables.hot)
    set_places(tables.hot, hot, {"2013-01": NewPlace("hot", 7, 9)}, {}, adds={})
    w.append(tables.hot, CONTRACT, "t", [[3]])
    hot = delta.open_snapshot(tables.hot)
    assert hot.archive("2013-01") is None and hot.expires("2013-01") is None


def test_a_full_disk_is_one_sentence_and_leaves_everything_as_it_was(quarter: TierTables) -> None:
    """A limit on the size of files stands for the full disk: the copy is refused half-way."""
    rows = w.make_rows(QUARTER, per_day=500)
    rows = rows.with_columns(v=w.pl.int_range(w.pl.len()).hash().cast(w.pl.String))
    w.write(quarter.hot, CONTRACT, QUARTER, rows=rows, fp=2)
    before = w.read(whole(quarter)).sort("k", "v")
    size = min(file.size_bytes for file in delta.open_snapshot(quarter.hot).files)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def refused(job: Callable[[], object]) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limit[1]))
        try:
            with pytest.raises(StorageError, match="larger than the system allows while copying"):
                job()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        for table in (quarter.hot, quarter.warm):
            assert w.orphans(table) == []
        assert w.read(whole(quarter)).sort("k", "v").equals(before)

    try:
        refused(lambda: move_to_warm(quarter, CONTRACT, ["2013-01"]))
        assert move_to_warm(quarter, CONTRACT, ["2013-01"]).moved == ("2013-01",)
        refused(lambda: promote(quarter, ["2013-01"]))
        assert promote(quarter, ["2013-01"]).moved == ("2013-01",)
    finally:
        signal.signal(signal.SIGXFSZ, ignored)
