"""What a vacuum spares: leases, also those taken while it runs, stages that live, other vacuums."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import delta_worker as w
import pytest

from lakebook import delta
from lakebook.delta import cleaner
from lakebook.errors import RunError
from lakebook.intervals import Interval

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
CONTRACT = w.make_contract()
LATER = 4e9  # in 2096
NAMED = "2013-01-0123456789abcdef0123456789abcdef.parquet"


@pytest.fixture
def rewritten(table: Path) -> Path:
    """January of three runs; the files of two are in old versions alone."""
    for seed in range(3):
        w.write(table, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=seed), fp=seed + 1)
    return table


def test_a_lease_on_an_old_version_keeps_its_files_alone(rewritten: Path) -> None:
    old = delta.open_snapshot(rewritten, 1)
    lease = delta.take_lease(old, "a reader of version 1", ttl_s=5e9)
    result = delta.vacuum(rewritten, now=LATER)
    assert (len(result.deleted), result.kept_by_lease) == (1, 1)
    assert w.read(old).equals(w.make_rows(JANUARY, seed=0))
    delta.release(lease)
    assert delta.vacuum(rewritten, now=LATER).deleted == (old.files[0].path,)


def test_a_lease_that_is_taken_while_a_vacuum_runs_is_kept_or_refused(
    rewritten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = delta.open_snapshot(rewritten, 1)
    taken: dict[str, Any] = {}

    def take(point: str) -> None:
        if point == wanted:
            try:
                taken[point] = delta.take_lease(old, "late", ttl_s=5e9)
            except RunError as refused:
                taken[point] = refused

    monkeypatch.setattr(cleaner, "fault_point", take)
    real = cleaner.doom

    def before_the_mark(*args: Any) -> None:
        take("before the mark")
        real(*args)

    monkeypatch.setattr(cleaner, "doom", before_the_mark)
    wanted = "before the mark"
    assert len(delta.vacuum(rewritten, now=LATER).deleted) == 1
    assert w.read(old).equals(w.make_rows(JANUARY, seed=0))
    delta.release(taken[wanted])
    wanted = "vacuum.after_mark"
    assert delta.vacuum(rewritten, now=LATER).deleted == (old.files[0].path,)
    assert "being deleted by a vacuum" in str(taken[wanted])
    assert delta.read_leases(rewritten) == ()


def test_a_living_stage_keeps_files_whatever_their_name(rewritten: Path) -> None:
    stage = delta.begin_stage(rewritten, "r")
    plain = stage.file_path("2013-01", 0)
    w.make_rows(JANUARY).write_parquet(plain)
    w.make_rows(JANUARY).write_parquet(stage.file_path("2013-01", 1))
    named = stage.rename(plain, f"{stage.prefix}.00000-{NAMED[-40:]}")
    for path in stage.paths():
        os.utime(path, (0, 0))
    assert delta.vacuum(rewritten, now=LATER).deleted  # those of old versions
    assert named.exists() and len(stage.paths()) == 2


def test_a_stage_that_has_expired_is_for_the_sweep(rewritten: Path) -> None:
    """Vacuum leaves its files, as no fence was raised yet; the sweep takes them."""
    stage = delta.begin_stage(rewritten, "r", ttl_s=-1)
    path = stage.file_path("2013-01", 0)
    w.make_rows(JANUARY).write_parquet(path)
    delta.vacuum(rewritten, now=LATER)
    assert path.exists()
    assert len(delta.sweep(rewritten).deleted) == 1
    assert not path.exists()


def test_files_without_manifest_go_when_they_are_old(rewritten: Path) -> None:
    name = f"_partition=2013-01/gone-1234.00000-{NAMED[-40:]}"
    for path, age in ((rewritten / name, 0), (rewritten / "_partition=2013-01/new.parquet", LATER)):
        w.make_rows(JANUARY).write_parquet(path)
        os.utime(path, (age, age))
    assert name in delta.vacuum(rewritten).deleted
    assert (rewritten / "_partition=2013-01/new.parquet").exists()


def test_a_run_that_begins_and_commits_while_a_vacuum_looks_loses_no_file(
    rewritten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cleaner._files_of

    def slow(table: Path) -> Any:
        stage = delta.begin_stage(table, "begun")
        w.get_engine("polars").stage(
            w.make_rows(JANUARY, seed=9), stage, CONTRACT, interval=JANUARY
        )
        noted = delta.open_snapshot(table)
        found = real(table)  # sees the staged file; by now its manifest is gone
        delta.commit_replace(
            table,
            stage=stage,
            inspection=delta.inspect(stage, CONTRACT),
            partitions=("2013-01",),
            noted=noted,
            fps={},
            metadata={},
        )
        return found

    monkeypatch.setattr(cleaner, "_files_of", slow)
    delta.vacuum(rewritten, now=LATER, retention_s=0)
    assert w.read(delta.open_snapshot(rewritten)).equals(w.make_rows(JANUARY, seed=9))


def test_two_vacuums_at_once_delete_each_file_once(table: Path) -> None:
    for seed in range(30):
        w.write(table, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=seed), fp=seed + 1)
    files = {t.path for t in delta.open_snapshot(table).tombstones}
    found: list[delta.VacuumResult] = []
    barrier = threading.Barrier(4)

    def run() -> None:
        barrier.wait()
        found.append(delta.vacuum(table, now=LATER))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    deleted = [path for one in found for path in one.deleted]
    assert len(files) == 29 and sorted(deleted) == sorted(files)
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(JANUARY, seed=29))
    assert w.orphans(table) == []


def test_the_checkpoints_of_the_log_are_no_orphans(table: Path) -> None:
    for seed in range(21):
        w.write(table, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=seed), fp=seed + 1)
    checkpoints = list((table / "_delta_log").glob("*.checkpoint.parquet"))
    before = w.content(table)
    assert checkpoints
    assert len(delta.vacuum(table, now=LATER).deleted) == 20
    assert all(path.exists() for path in checkpoints)
    assert w.content(table) == before


def test_a_lease_does_not_keep_what_an_erasure_takes(rewritten: Path) -> None:
    delta.take_lease(delta.open_snapshot(rewritten, 1), "a pin", ttl_s=5e9)
    assert len(delta.vacuum(rewritten, now=LATER, release_all=True).deleted) == 2
