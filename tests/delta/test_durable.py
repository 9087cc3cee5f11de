"""What is on the disk before what: by the order of every sync, link and deletion of a write."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import delta_worker as w
import pytest
from deltalake import write_deltalake

from lakebook import delta
from lakebook.delta.checkpoint import checkpoint_path
from lakebook.delta.entry import commit_path
from lakebook.delta.transaction import Change, transact
from lakebook.errors import RunError, StorageError
from lakebook.intervals import Interval

MONTHLY, DAILY = w.make_contract("month"), w.make_contract("day")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")


class Disk:
    """The calls that a power cut is about, in order: (what, path)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, Path]] = []
        fsync, link, unlink = os.fsync, os.link, Path.unlink

        def synced(handle: int) -> None:
            self.calls.append(("sync", Path(f"/proc/self/fd/{handle}").readlink()))
            fsync(handle)

        def linked(source: Path, target: Path) -> None:
            # A link has the content that was synced under the other name.
            assert (
                source.parent.name == ".."
                or ("sync", Path(source)) in self.calls
                or (".checkpoint-" in str(target))
            )
            link(source, target)
            self.calls.append(("name", Path(target)))

        def unlinked(path: Path, missing_ok: bool = False) -> None:
            self.calls.append(("delete", path))
            unlink(path, missing_ok=missing_ok)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "link", linked)
        monkeypatch.setattr(Path, "unlink", unlinked)

    def syncs(self) -> list[Path]:
        return [path for what, path in self.calls if what == "sync"]

    def at(self, what: str, path: Path) -> int:
        return self.calls.index((what, path))

    def at_sync_of_staged(self, path: Path) -> int:
        """A file is synced before its checksum becomes a part of its name."""
        stem, _, _ = path.name.rpartition("-")
        return self.at("sync", path.with_name(f"{stem}.parquet"))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Disk]:
    return lambda: Disk(monkeypatch)


def january(days: int) -> Interval:
    return Interval.parse("2013-01-01", f"2013-01-{days + 1:02}")


@pytest.mark.parametrize("days", [1, 2, 7])
def test_a_write_syncs_little_and_two_times_more_for_each_partition(
    table: Path, disk: Callable[[], Disk], days: int
) -> None:
    w.write(table, DAILY, january(1))
    seen = disk()
    w.write(table, DAILY, january(days), rows=w.make_rows(january(days), seed=1))
    assert len(seen.syncs()) == 7 + 2 * (days - 1)


def test_files_and_folders_are_there_before_the_commit_that_names_them(
    table: Path, disk: Callable[[], Disk]
) -> None:
    delta.ensure_table(table, DAILY)
    seen = disk()
    w.write(table, DAILY, january(2))
    named = seen.at("name", commit_path(table, 1))
    for path in map(Path, delta.open_snapshot(table).paths()):
        assert seen.at_sync_of_staged(path) < seen.at("sync", path.parent) < named
    assert seen.at("sync", table) < named
    assert ("sync", table / "_delta_log") in seen.calls[named:]
    # The manifest comes before the first file, and goes after the commit is on the disk.
    files = [Path(path) for path in delta.open_snapshot(table).paths()]
    assert seen.at("sync", table / "_staging") < min(map(seen.at_sync_of_staged, files))
    assert seen.calls[-1][0] == "delete" and seen.calls[-1][1].parent == table / "_staging"
    assert seen.at("sync", table / "_delta_log") < len(seen.calls) - 1


@pytest.mark.parametrize("there", range(6))
def test_a_new_table_is_there_with_the_folders_above_it(
    tmp_path: Path, disk: Callable[[], Disk], there: int
) -> None:
    """Also with those that somebody has made before, who may not have put them on the disk."""
    table = tmp_path / "lake" / "prod" / "hot" / "silver" / "events"
    folders = (table, *table.parents[:5])
    folders[there].mkdir(parents=True, exist_ok=True)
    seen = disk()
    delta.ensure_table(table, MONTHLY)
    named = seen.at("name", commit_path(table, 0))
    for folder in folders:
        assert seen.at("sync", folder) < named


def test_a_commit_of_another_program_is_on_the_disk_before_what_builds_on_it(
    table: Path, disk: Callable[[], Disk]
) -> None:
    w.write(table, MONTHLY, JANUARY)
    row = {"day": [w.make_rows(JANUARY)["day"][0]], "k": [1], "v": ["x"], "_partition": ["2013-01"]}
    for _ in range(2):
        write_deltalake(str(table), w.pl.DataFrame(row), mode="append")
    seen = disk()
    transact(table, lambda now: Change(tokens={"fence/x": 1}))
    named = seen.at("name", commit_path(table, 4))
    assert seen.at("sync", commit_path(table, 2)) < named
    assert seen.at("sync", commit_path(table, 3)) < named
    again = disk()
    transact(table, lambda now: Change(tokens={"fence/x": 2}))
    assert commit_path(table, 3) not in again.syncs()


def test_who_finds_its_work_done_by_another_syncs_it_before_it_says_so(
    table: Path, disk: Callable[[], Disk]
) -> None:
    w.write(table, MONTHLY, JANUARY)
    seen = disk()
    again = w.write(table, MONTHLY, JANUARY)
    assert again.unchanged == ("2013-01",)
    assert seen.syncs()[-1] == table / "_delta_log"


def test_what_a_killed_commit_left_in_the_log_goes_with_the_next_checkpoint(table: Path) -> None:
    delta.ensure_table(table, MONTHLY)
    old, new = (table / "_delta_log" / f".{9:020}.json.{letter * 32}" for letter in "ab")
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (0, 0))
    for _ in range(20):
        transact(table, lambda now: Change(tokens={"fence/x": now.fence("x") + 1}))
    assert (old.exists(), new.exists()) == (False, True)


def test_files_are_deleted_after_the_commit_by_which_nobody_needs_them(
    table: Path, disk: Callable[[], Disk]
) -> None:
    w.write(table, MONTHLY, JANUARY)
    old = Path(delta.open_snapshot(table).paths()[0])
    w.write(table, MONTHLY, JANUARY, rows=w.make_rows(JANUARY, seed=1))
    seen = disk()
    delta.vacuum(table, retention_s=0, now=time.time() + 1)
    named, gone = seen.at("name", commit_path(table, 3)), seen.at("delete", old)
    log = [at for at, call in enumerate(seen.calls) if call == ("sync", table / "_delta_log")]
    assert any(named < at < gone for at in log)


def test_a_checkpoint_is_on_the_disk_before_the_entries_that_it_stands_for_go(
    table: Path, disk: Callable[[], Disk]
) -> None:
    delta.ensure_table(table, MONTHLY)
    for _ in range(19):
        transact(table, lambda now: Change(tokens={"fence/x": now.fence("x") + 1}))
    long_ago = time.time() - 40 * 86_400
    for version in range(20):
        os.utime(commit_path(table, version), (long_ago, long_ago))
    seen = disk()
    transact(table, lambda now: Change(tokens={"fence/x": now.fence("x") + 1}))
    checkpoint = checkpoint_path(table, 20)
    placed = seen.at("name", checkpoint)
    content = [path for path in seen.syncs() if path.name == checkpoint.name]
    assert len(content) == 1 and seen.at("sync", content[0]) < placed
    assert ("sync", table / "_delta_log") in seen.calls[placed:]
    assert not commit_path(table, 5).exists()  # delta-rs took it, after all of this
    assert delta.open_snapshot(table).fence("x") == 20


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Moves the clock of stages on."""
    real = time.time
    yield lambda seconds: monkeypatch.setattr(time, "time", lambda: real() + seconds)


def test_who_sleeps_over_the_deadline_of_its_files_does_not_publish(
    table: Path, late: Callable[[float], None]
) -> None:
    w.write(table, MONTHLY, JANUARY)
    with pytest.raises(RunError, match="run is past the time for which its staged files were kept"):
        w.write(
            table,
            MONTHLY,
            JANUARY,
            rows=w.make_rows(JANUARY, seed=1),
            before_commit=lambda: late(86_401),
        )
    assert delta.open_snapshot(table).version == 1


def test_the_deadline_is_looked_at_when_only_the_name_is_missing(
    table: Path, late: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    w.write(table, MONTHLY, JANUARY)
    real = os.fsync

    def slow(handle: int) -> None:
        real(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.parent.name == "_delta_log" and path.name.startswith("."):
            late(86_401)  # the process sleeps between its last check and the publication

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(RunError, match="past the time"):
        w.write(table, MONTHLY, JANUARY, rows=w.make_rows(JANUARY, seed=1))
    assert delta.open_snapshot(table).version == 1
    assert [p.name for p in (table / "_delta_log").iterdir() if p.name.startswith(".")] == []


def staged(table: Path) -> tuple[delta.Stage, str]:
    stage = delta.begin_stage(table, "sleeper")
    path = stage.file_path("2013-01", 0)
    path.write_bytes(b"rows")
    return stage, path.relative_to(table).as_posix()


def added(path: str) -> Change:
    return Change((delta.transaction.NewFile(path, "2013-01", 4, "{}"),))  # type: ignore[attr-defined]


def test_a_commit_of_files_that_a_sweep_took_is_refused_wherever_it_slept(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    stage, path = staged(table)

    def decide(now: delta.Snapshot) -> Change:
        # It has looked, and sleeps: the sweep comes, with its commit, before the publication.
        if stage.manifest_path.exists():
            delta.sweep(table, now=time.time() + 2 * 86_400)
        return added(path)

    with pytest.raises(StorageError, match=f"{path} was deleted meanwhile"):
        transact(table, decide)
    assert delta.open_snapshot(table).version == 2  # the sweep's


def test_a_vacuum_of_files_that_nobody_knows_commits_before_it_deletes(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    w.write(table, MONTHLY, JANUARY)
    stage, path = staged(table)
    stage.manifest_path.unlink()  # its run slept through a sweep that came before its file
    calls = 0

    def decide(now: delta.Snapshot) -> Change:
        nonlocal calls
        calls += 1
        if calls == 1:
            delta.vacuum(table, retention_s=0, now=time.time() + 1)
        return added(path)

    with pytest.raises(StorageError, match="was deleted meanwhile"):
        transact(table, decide)
    assert (delta.open_snapshot(table).version, (table / path).exists()) == (2, False)


def test_a_file_that_a_vacuum_has_marked_is_not_published(table: Path) -> None:
    w.write(table, MONTHLY, JANUARY)
    _, path = staged(table)
    delta.staging.doom(table, [path])  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="was deleted meanwhile"):
        transact(table, lambda now: added(path))
