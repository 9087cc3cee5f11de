"""Rows are taken out of every tier: what stays is the same, and no old file or bound tells."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import delta_worker as w
import polars as pl
import pytest
from dying import die_at

from lakebook import delta
from lakebook.contract.model import Column
from lakebook.delta.log import commit_path, list_log, log_folder
from lakebook.errors import ConflictError, StorageError
from lakebook.intervals import Interval
from lakebook.names import TierTables
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.erasure import bounds, erase, purge
from lakebook.tiers.erasure.bounds import redact, telling_entries
from lakebook.tiers.erasure.erase import erase_rows, go_back, look_at
from lakebook.tiers.erasure.search import Search, files_below, parquet_files
from lakebook.tiers.erasure.subject import Subject, parse_subject
from lakebook.tiers.move import move_to_warm

CONTRACT = w.make_contract()
QUARTER = Interval.parse("2013-01-01", "2013-04-01")
MONTHS = ("2013-01", "2013-02", "2013-03")


def subject(*keys: str) -> Subject:
    return parse_subject(CONTRACT, keys)


ZERO = subject("v=0-0")  # one row of each day; in each file the lowest value of its column


def whole(tables: TierTables) -> delta.Snapshot:
    return delta.open_whole(tables.hot, tables.warm)


def rows(tables: TierTables) -> pl.DataFrame:
    files = [str(p) for paths in look_at(tables).files.values() for p in paths]
    return pl.read_parquet(files).sort("k")


def everything(tables: TierTables) -> Path:
    return tables.hot.parents[3]  # the lake


def clean(tables: TierTables, who: Subject) -> None:
    """Nothing below the lake has a row or a bound, and what stays is what was and no more."""
    found = Search(who).below([everything(tables)])
    assert (found.rows, found.unread) == ({}, {})
    for table in (tables.hot, tables.warm):
        assert list(telling_entries(table, Search(who))) == []
    expected = w.make_rows(QUARTER)
    for one in who.conditions:
        expected = expected.filter(pl.col(one.column) != one.value)
    assert rows(tables).equals(expected.sort("k"))


def gone(tables: TierTables, who: Subject) -> erase.Erased:
    search = Search(who)
    erased = erase_rows(tables, search, run="e1")
    purge.purge(tables, search, run="e1")
    go_back(tables, CONTRACT, erased, run="e1")
    return erased


def test_rows_go_from_hot_warm_and_cold_and_partitions_stay_where_they_were(
    quarter: TierTables,
) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-02"])
    archive(quarter, CONTRACT, ["2013-03"])
    before = delta.open_snapshot(quarter.hot)
    erased = gone(quarter, ZERO)
    assert erased.rows == {"2013-01": 31, "2013-02": 28, "2013-03": 31}
    after = delta.open_snapshot(quarter.hot)
    assert [after.place(p).tier for p in MONTHS] == ["hot", "warm", "cold"]
    assert after.archive("2013-03") not in (None, before.archive("2013-03"))
    assert len(list(quarter.cold.glob("*/*"))) == 1
    for p in MONTHS:
        assert after.fp(p) == before.fp(p)  # else the next run would make it again
        assert after.data(p) != before.data(p)
        files = look_at(quarter).files[p]
        assert delta.signed(sum(map(delta.digest_file, files))) == after.data(p)
    clean(quarter, ZERO)


def test_erasing_again_changes_nothing(quarter: TierTables) -> None:
    gone(quarter, ZERO)
    version = delta.open_snapshot(quarter.hot).version
    assert gone(quarter, ZERO).rows == {}
    assert delta.open_snapshot(quarter.hot).version == version


def test_only_partitions_with_such_rows_are_touched(quarter: TierTables) -> None:
    one = subject(f"k={w.make_rows(QUARTER)['k'][40]}")
    before = delta.open_snapshot(quarter.hot)
    erased = gone(quarter, one)
    after = delta.open_snapshot(quarter.hot)
    assert erased.rows == {"2013-01": 1}
    assert after.files_in(MONTHS[1:]) == before.files_in(MONTHS[1:])
    assert [after.fence(p) - before.fence(p) for p in MONTHS] == [1, 0, 0]
    clean(quarter, one)


def test_a_partition_of_nobody_else_becomes_empty(tables: TierTables) -> None:
    alone = w.make_rows(QUARTER).with_columns(v=pl.lit("same"))
    w.write(tables.hot, CONTRACT, QUARTER, rows=alone)
    move_to_warm(tables, CONTRACT, ["2013-02"])
    gone(tables, subject("v=same"))
    now = whole(tables)
    assert now.partitions == MONTHS and now.rows == 0
    assert [now.data(p) for p in MONTHS] == [0, 0, 0]
    assert Search(subject("v=same")).below([everything(tables)]).rows == {}


def test_rows_of_appended_batches_go_and_offsets_stay(tables: TierTables) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2], [3], [2, 4]])
    before = delta.open_snapshot(tables.hot)
    assert gone(tables, subject("k=2")).rows == {"2013-01": 2}
    after = delta.open_snapshot(tables.hot)
    assert after.tokens["offset/s"] == before.tokens["offset/s"] == 3
    assert w.read(after)["k"].to_list() == [1, 3, 4]
    w.append(tables.hot, CONTRACT, "s", [[0], [0], [0], [5]])  # only the last is new
    assert w.read(delta.open_snapshot(tables.hot))["k"].to_list() == [1, 3, 4, 5]
    files = [tables.hot / f.path for f in delta.open_snapshot(tables.hot).files]
    digest = delta.signed(sum(map(delta.digest_file, files)))
    assert delta.open_snapshot(tables.hot).data("2013-01") == digest


def test_a_column_that_came_later_and_a_restored_copy(quarter: TierTables) -> None:
    archive(quarter, CONTRACT, ["2013-02", "2013-03"])
    restore(quarter, CONTRACT, ["2013-02"], to="warm", run="r")
    wider = w.make_contract("month", Column("x", "float64"))
    delta.ensure_table(quarter.hot, wider)
    gone(quarter, ZERO)
    hot = delta.open_snapshot(quarter.hot)
    assert [hot.place(p).tier for p in MONTHS] == ["hot", "warm", "cold"]
    assert hot.archive("2013-02") is None and hot.expires("2013-02") is None
    assert len(list(quarter.cold.glob("*/*"))) == 1  # that of the restored copy went
    assert rows(quarter).height == 2 * 90
    assert Search(ZERO).below([everything(quarter)]).rows == {}


def test_old_versions_go_for_good_and_others_stay(quarter: TierTables) -> None:
    w.write(quarter.hot, CONTRACT, QUARTER, rows=w.make_rows(QUARTER, seed=2), run="second", fp=2)
    old = {f.path for f in delta.open_snapshot(quarter.hot, 1).files}
    lease = delta.take_lease(delta.open_snapshot(quarter.hot, 1), "a report")
    who = subject(f"k={w.make_rows(QUARTER)['k'][0]}")
    search = Search(who)
    erase_rows(quarter, search, run="e")
    told = purge.purge(quarter, search, run="e")
    assert len(told.overridden) == 1 and told.overridden[0].startswith("a report reads it until")
    assert told.files == 2 and told.size_bytes > 0  # of January: the one that counted, the older
    left = {p.relative_to(quarter.hot).as_posix() for p in quarter.hot.glob("*/*.parquet")}
    assert len(old & left) == 2
    assert lease.path.exists()
    assert Search(who).below([everything(quarter)]).rows == {}


def test_bounds_of_old_files_leave_the_log_and_versions_stay_readable(quarter: TierTables) -> None:
    first = delta.open_snapshot(quarter.hot, 1)
    search = Search(ZERO)
    assert len(list(telling_entries(quarter.hot, search))) == 0  # they are those of live files
    erase_rows(quarter, search, run="e")
    assert [p.name for p in telling_entries(quarter.hot, search)] == [f"{1:020}.json"]
    assert redact(quarter.hot, search) == 1
    text = commit_path(quarter.hot, 1).read_text()
    assert "0-0" not in text and "0-2" not in text and "numRecords" in text
    again = delta.open_snapshot(quarter.hot, 1)
    assert again.tokens == first.tokens and again.schema == first.schema
    assert [(f.path, f.rows) for f in again.files] == [(f.path, f.rows) for f in first.files]
    assert redact(quarter.hot, search) == 0
    from deltalake import DeltaTable

    assert DeltaTable(str(quarter.hot)).version() == delta.open_snapshot(quarter.hot).version


def bounds_of(table: Path) -> dict[str, set[str]]:
    """Day folder of each file with bounds in the log -> the columns that have one."""
    found: dict[str, set[str]] = {}
    for version in list_log(table)[0]:
        for line in commit_path(table, version).read_text().splitlines():
            if file := json.loads(line).get("add"):
                stats = json.loads(file["stats"])
                columns = {*stats["minValues"], *stats["maxValues"]}
                found.setdefault(file["path"], set()).update(columns)
    return found


def test_all_bounds_of_files_that_held_the_subject_go_whatever_the_key_is(
    quarter: TierTables,
) -> None:
    """By `k` of one row: the bounds of `v` and of the time are of its file, too."""
    before = bounds_of(quarter.hot)
    assert len(before) == 3 and all({"k", "v", "day"} <= columns for columns in before.values())
    one = subject(f"k={w.make_rows(QUARTER)['k'][40]}")
    erase_rows(quarter, search := Search(one), run="e")
    purge.purge(quarter, search, run="e")
    after = bounds_of(quarter.hot)
    gone_ones = {path for path in before if not after[path]}
    assert len(gone_ones) == 1 and "2013-01" in gone_ones.pop()
    assert sum(bool(columns) for columns in after.values()) == 3  # two old, and the new January


def test_bounds_of_files_that_a_vacuum_had_taken_go_as_well(quarter: TierTables) -> None:
    """Nobody can ask such a file whose values its bounds were."""
    other = w.make_rows(QUARTER, seed=2).with_columns(k=pl.col("k") + 1000)
    w.write(quarter.hot, CONTRACT, QUARTER, rows=other, run="second", fp=2)
    delta.vacuum(quarter.hot, retention_s=0.0)
    search = Search(subject("k=7"))
    assert search.below([everything(quarter)]).rows == {}
    assert sum(bool(columns) for columns in bounds_of(quarter.hot).values()) == 6
    purge.purge(quarter, search, run="e")
    assert sum(bool(columns) for columns in bounds_of(quarter.hot).values()) == 3
    assert list(telling_entries(quarter.hot, search)) == []
    assert delta.open_snapshot(quarter.hot).rows == other.height


def test_an_entry_keeps_the_end_of_its_last_line(quarter: TierTables) -> None:
    """One of delta-rs has none, and would be taken for one that was cut."""
    path = commit_path(quarter.hot, 1)
    lines = path.read_text().splitlines()
    adds = [line for line in lines if '"add"' in line]
    path.write_text("\n".join([line for line in lines if line not in adds] + adds))
    erase_rows(quarter, search := Search(ZERO), run="e")
    purge.purge(quarter, search, run="e")
    assert not path.read_bytes().endswith(b"\n") and "0-0" not in path.read_text()
    clean(quarter, ZERO)


def test_bounds_leave_checkpoints_too(quarter: TierTables) -> None:
    for i in range(25):
        w.write(quarter.hot, CONTRACT, QUARTER, fp=i + 2)
    _, checkpoints = list_log(quarter.hot)
    assert len(checkpoints) == 1
    before = delta.open_snapshot(quarter.hot)
    gone(quarter, ZERO)
    _, newer = list_log(quarter.hot)
    assert len(newer) == 1 and newer > checkpoints
    after = delta.open_snapshot(quarter.hot)
    assert {p: after.fp(p) for p in MONTHS} == {p: before.fp(p) for p in MONTHS}
    found = [p for p in log_folder(quarter.hot).iterdir() if b"0-0" in p.read_bytes()]
    assert found == []
    w.write(quarter.hot, CONTRACT, QUARTER, rows=w.make_rows(QUARTER, seed=3), fp=99)
    assert w.read(delta.open_snapshot(quarter.hot)).height == 270


def test_a_text_that_was_cut_for_a_bound_is_known(tables: TierTables) -> None:
    long = "zz" + "x" * 60
    given = w.make_rows(QUARTER).with_columns(
        v=pl.when(pl.col("k") % 7 == 0).then(pl.lit(long)).otherwise(pl.col("v"))
    )
    w.write(tables.hot, CONTRACT, QUARTER, rows=given)
    assert b"zzxxxx" in commit_path(tables.hot, 1).read_bytes()
    gone(tables, subject(f"v={long}"))
    assert b"zzxxxx" not in commit_path(tables.hot, 1).read_bytes()


def test_damage_is_not_blessed(quarter: TierTables) -> None:
    """A file whose rows are others than those that were committed stops it, and is named."""
    hot = delta.open_snapshot(quarter.hot)
    (file,) = hot.files_in(["2013-01"])
    path = quarter.hot / file.path
    pl.read_parquet(path).head(50).write_parquet(path)
    with pytest.raises(StorageError, match="the rows of 2013-01 are not those that were committed"):
        erase_rows(quarter, Search(ZERO), run="e")
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(StorageError, match=r"2013-01.*a file cannot be read"):
        erase_rows(quarter, Search(ZERO), run="e")
    search = Search(ZERO)
    search.through([path])
    path.unlink()
    erase_rows(quarter, search, run="e")  # what is not there has no rows
    assert w.orphans(quarter.hot) == []


def test_a_write_meanwhile_wins_and_is_erased_as_well(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, turns = erase.commit_replace, []

    def be_overtaken(*given, **more):
        if not turns:
            w.write(quarter.hot, CONTRACT, QUARTER, rows=w.make_rows(QUARTER), fp=7)
            again = w.make_rows(QUARTER).with_columns(k=pl.col("k") + 1)
            w.write(quarter.hot, CONTRACT, QUARTER, rows=again, fp=8)
        turns.append(1)
        return commit(*given, **more)

    monkeypatch.setattr(erase, "commit_replace", be_overtaken)
    gone(quarter, ZERO)
    assert len(turns) == 2
    assert delta.open_snapshot(quarter.hot).fp("2013-01") == 8
    assert rows(quarter).height == 180 and w.orphans(quarter.hot) == []
    assert Search(ZERO).below([everything(quarter)]).rows == {}


def test_a_file_that_goes_after_the_look(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moved by others and vacuumed: look again. With nobody about: it is missing, which is said."""
    stage_kept, turns = erase._stage_kept, []

    def be_overtaken(stage, partition, *given):
        if not turns:
            move_to_warm(quarter, CONTRACT, MONTHS)
            delta.vacuum(quarter.hot, retention_s=-1)
        turns.append(partition)
        return stage_kept(stage, partition, *given)

    monkeypatch.setattr(erase, "_stage_kept", be_overtaken)
    assert len(gone(quarter, ZERO).rows) == 3
    clean(quarter, ZERO)

    who, turns[:] = subject("v=0-1"), ["again"]
    search = Search(who)
    paths = [path for files in look_at(quarter).files.values() for path in files]
    search.through(paths)
    monkeypatch.setattr(search, "_one", lambda path: (path, 1, 1))
    paths[0].unlink()
    with pytest.raises(StorageError, match="a file that the log names is missing"):
        erase_rows(quarter, search, run="e")


def test_who_never_gets_a_turn_gives_up(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "_ROUNDS", 2)
    monkeypatch.setattr(erase, "_rewrite", lambda *given: ())
    with pytest.raises(ConflictError, match="run it again when it is calm"):
        erase_rows(quarter, Search(ZERO), run="e")


POINTS = [
    (erase, "erase.after_stage"),
    (erase, "erase.after_commit"),
    (purge, "erase.after_warm"),
    (purge, "erase.after_cold"),
    (purge, "erase.after_files"),
    (bounds, "erase.after_entry"),
    (erase, "erase.after_return"),
]


@pytest.mark.parametrize(("module", "point"), POINTS)
def test_interrupted_anywhere_it_is_finished_by_the_same_call(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch, module: object, point: str
) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-02"])
    archive(quarter, CONTRACT, ["2013-03"])
    with monkeypatch.context() as patched:
        reached = die_at(patched, point, module)
        with pytest.raises(KeyboardInterrupt):
            gone(quarter, ZERO)
    assert reached == [point]
    gone(quarter, ZERO)
    clean(quarter, ZERO)


def test_what_has_no_content_is_not_searched(tmp_path: Path) -> None:
    """A warm parent's socket, and a pipe, which would wait for its writer."""
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    os.mkfifo(tmp_path / "pipe.parquet")
    os.mknod(tmp_path / "parent.sock", stat.S_IFSOCK | 0o600)
    assert list(files_below(tmp_path)) == [tmp_path / "rows.parquet"]
    assert list(parquet_files(tmp_path)) == [tmp_path / "rows.parquet"]
