"""Reading the log: files and tokens of one version, with and without a checkpoint."""

from __future__ import annotations

from pathlib import Path

import delta_worker as w
import pytest
from counted import calls_of
from deltalake import DeltaTable

from lakebook import delta
from lakebook.delta.transaction import Change, transact
from lakebook.errors import StorageError
from lakebook.intervals import Interval

JANUARY = Interval.parse("2013-01-01", "2013-02-01")


def commits(table: Path, count: int) -> None:
    for _ in range(count):
        transact(table, lambda now: Change(tokens={"fence/x": now.fence("x") + 1}))


def test_no_table_is_version_minus_one(table: Path) -> None:
    snapshot = delta.open_snapshot(table)
    assert (snapshot.version, snapshot.files, dict(snapshot.tokens)) == (-1, (), {})
    assert delta.read_tokens(table) == (-1, {})


def test_a_checkpoint_and_the_log_say_the_same_as_delta_rs(table: Path) -> None:
    w.write(table, w.make_contract(), Interval.parse("2013-01-01", "2014-01-01"))
    commits(table, 43)
    assert list((table / "_delta_log").glob("*.checkpoint.parquet"))
    ours, theirs = delta.open_snapshot(table), DeltaTable(str(table))
    assert ours.version == theirs.version() == 44
    assert set(ours.paths()) == {uri.removeprefix("file://") for uri in theirs.file_uris()}
    assert ours.fence("x") == theirs.transaction_version("fence/x") == 43
    assert ours.rows == theirs.to_pyarrow_table().num_rows


def test_an_old_version_has_the_tokens_of_that_version(table: Path) -> None:
    delta.ensure_table(table, w.make_contract())
    commits(table, 30)
    assert [delta.open_snapshot(table, v).fence("x") for v in (0, 7, 25, 30)] == [0, 7, 25, 30]


def test_a_version_that_is_not_there_is_an_error(table: Path) -> None:
    delta.ensure_table(table, w.make_contract())
    with pytest.raises(StorageError, match=r"version 9 cannot be read.*newest version is 0"):
        delta.open_snapshot(table, 9)


def test_a_damaged_or_missing_entry_is_an_error_that_names_it(table: Path) -> None:
    delta.ensure_table(table, w.make_contract())
    commits(table, 3)
    entry = table / "_delta_log" / f"{2:020}.json"
    entry.write_text('{"txn": {"appId"')
    with pytest.raises(StorageError, match=r"0002\.json: damaged log entry"):
        delta.open_snapshot(table)
    entry.unlink()
    with pytest.raises(StorageError, match="no entry 2"):
        delta.open_snapshot(table)


def test_a_long_log_is_read_from_its_checkpoint(table: Path) -> None:
    w.write(table, w.make_contract("day"), Interval.parse("2013-01-01", "2014-01-01"))
    commits(table, 100)
    assert len(delta.open_snapshot(table).partitions) == 365
    assert calls_of(lambda: delta.open_snapshot(table)) < 40_000
