"""Archives: the same rows, readable by anyone, named by one commit; and the sweep of the others."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import delta_worker as w
import dying
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dying import Killed

from lakebook import delta
from lakebook.delta.digest import digest_file, digest_table
from lakebook.delta.faults import TIER_POINTS
from lakebook.errors import LakebookError, StorageError, UserError
from lakebook.intervals import Interval
from lakebook.names import TierTables
from lakebook.tiers import batches, clearing, warm
from lakebook.tiers.cold import archive as archiving
from lakebook.tiers.cold import cold_folders, cold_sweep, make_archive, recompress
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.archive_check import archive_damages
from lakebook.tiers.cold.cold_folders import archive_folder, archives, begin_draft
from lakebook.tiers.cold.cold_sweep import sweep_cold
from lakebook.tiers.cold.manifest import read_manifest
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.warm import sweep_warm

QUARTER = Interval.parse("2013-01-01", "2013-04-01")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")
CONTRACT = w.make_contract()
LATER = 4e9  # in 2096


def folder_of(tables: TierTables, partition: str = "2013-01") -> Path:
    named = delta.open_snapshot(tables.hot).archive(partition)
    assert named is not None
    return archive_folder(tables.cold, partition, named)


def in_place(tables: TierTables) -> list[Path]:
    return [path for _, path in archives(tables.cold)]


def rows_of(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))])


@pytest.mark.parametrize("source", ["hot", "warm"])
def test_an_archive_holds_the_rows_and_one_commit_says_so(quarter: TierTables, source: str) -> None:
    if source == "warm":
        move_to_warm(quarter, CONTRACT, ["2013-01", "2013-02"])
    before = delta.open_snapshot(quarter.hot)
    archived = archive(quarter, CONTRACT, ["2013-01", "2013-02"], run="r1")
    hot = delta.open_snapshot(quarter.hot)
    assert archived.moved == ("2013-01", "2013-02") and archived.skipped == {}
    assert archived.files == 2 and archived.archive_bytes > 0
    assert archived.version == hot.version
    assert hot.placed("cold") == ("2013-01", "2013-02") and hot.partitions == ("2013-03",)
    assert hot.data("2013-01") == before.data("2013-01") and hot.fp("2013-01") == 1
    assert hot.fence("2013-01") == before.fence("2013-01") + (1 if source == "warm" else 2)
    folder = folder_of(quarter)
    manifest = read_manifest(folder)
    assert (manifest.dataset, manifest.partition, manifest.run) == (
        "silver.events",
        "2013-01",
        "r1",
    )
    assert manifest.generation == hot.place("2013-01").generation
    assert (manifest.digest, manifest.contract_version) == (hot.data("2013-01"), "1")
    assert manifest.arrow_schema() == CONTRACT.arrow_schema()
    assert rows_of(folder).equals(w.make_rows(JANUARY))
    assert list(archive_damages(folder, deep=True)) == []
    assert sweep_warm(quarter) == (("2013-01", "2013-02") if source == "warm" else ())
    assert len(in_place(quarter)) == 2


def test_an_archive_is_read_only_and_nothing_is_left_beside_it(quarter: TierTables) -> None:
    archive(quarter, CONTRACT, ["2013-01"])
    folder = folder_of(quarter)
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}


def test_anyone_with_a_parquet_reader_can_read_an_archive(tables: TierTables) -> None:
    import duckdb

    contract = w.make_contract(
        "month",
        w.Column("at", "timestamp"),
        w.Column("x", "float64"),
        w.Column("d", "decimal(12,2)"),
        w.Column("ok", "boolean"),
        w.Column("raw", "binary"),
    )
    rows = w.make_rows(JANUARY).with_columns(
        at=pl.datetime(2013, 1, 1) + pl.duration(microseconds=pl.col("k")),
        x=pl.when(pl.col("k") % 7 == 0).then(float("nan")).otherwise(pl.col("k") / 3),
        d=(pl.col("k") % 1000).cast(pl.Decimal(12, 2)),
        ok=pl.col("k") % 2 == 0,
        raw=pl.col("v").cast(pl.Binary),
    )
    w.write(tables.hot, contract, JANUARY, rows=rows)
    archive(tables, contract, ["2013-01"])
    (path,) = folder_of(tables).glob("*.parquet")
    table = pq.read_table(path)
    assert table.schema.remove_metadata() == contract.arrow_schema()
    assert digest_table(table) == digest_table(rows.to_arrow())
    assert duckdb.sql(f"from '{path}'").pl().equals(rows)
    assert pl.scan_parquet(path).filter(pl.col("day") == date(2013, 1, 9)).collect().height == 3
    ranges = read_manifest(path.parent).ranges
    assert "x" not in ranges and ranges["day"].low == "2013-01-01"
    assert (ranges["d"].low, ranges["d"].high) == (690, 992)


def test_columns_keep_statistics_and_dictionaries_and_get_page_checksums(tmp_path: Path) -> None:
    n = 30_000
    table = pa.table(
        {
            "carrier": pa.array([["UA", "AA", "DL"][i * 7 % 3] for i in range(n)]),
            "delay": pa.array(random.Random(1).choices(range(9), k=n), pa.int64()),
            "second": pa.array([i * 1000 + i % 3 for i in range(n)], pa.int64()),
        }
    )
    source = tmp_path / "source.parquet"
    pq.write_table(table, source, compression="snappy", row_group_size=1000)
    made = recompress.recompress([source], tmp_path, table.schema)
    path = made.files[0].path
    footer = pq.read_metadata(path)
    assert footer.num_row_groups == 1 and footer.num_rows == made.rows == n
    chunks = {
        footer.row_group(0).column(i).path_in_schema: footer.row_group(0).column(i)
        for i in range(3)
    }
    assert {c.compression for c in chunks.values()} == {"ZSTD"}
    assert all(c.statistics.has_min_max and c.statistics.has_null_count for c in chunks.values())
    assert [c.has_dictionary_page for c in chunks.values()] == [True, True, False]
    assert "DELTA_BINARY_PACKED" in chunks["second"].encodings  # a dictionary would be larger
    assert pq.read_table(path).equals(table)
    assert made.digest.value == digest_file(path)
    content = bytearray(path.read_bytes())
    content[chunks["delay"].data_page_offset + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_rows_keep_their_order_over_several_files_and_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recompress, "_BATCH_ROWS", 250)
    dice = random.Random(1)
    tables = [pa.table({"k": [dice.getrandbits(60) for _ in range(1000)]}) for _ in range(3)]
    sources = [tmp_path / f"{i}.parquet" for i in range(3)]
    for table, path in zip(tables, sources, strict=True):
        pq.write_table(table, path, row_group_size=100)
    made = recompress.recompress(sources, tmp_path, tables[0].schema, target_bytes=10_000)
    assert len(made.files) > 1
    assert max(pq.read_metadata(f.path).row_group(0).num_rows for f in made.files) == 200
    read = pa.concat_tables([pq.read_table(f.path) for f in made.files])
    assert read.equals(pa.concat_tables(tables).combine_chunks())


def test_an_empty_partition_is_archived_as_well(tables: TierTables) -> None:
    w.write(tables.hot, CONTRACT, QUARTER, rows=w.make_rows(JANUARY))
    assert archive(tables, CONTRACT, ["2013-02"]).moved == ("2013-02",)
    manifest = read_manifest(folder_of(tables, "2013-02"))
    assert (manifest.rows, manifest.digest, len(manifest.files)) == (0, 0, 1)
    assert list(archive_damages(folder_of(tables, "2013-02"), deep=True)) == []


def test_a_column_that_came_later_is_null_in_the_archive(quarter: TierTables) -> None:
    wider = w.make_contract("month", w.Column("x", "float64"))
    delta.ensure_table(quarter.hot, wider)
    archive(quarter, wider, ["2013-01"])
    assert rows_of(folder_of(quarter))["x"].null_count() == 93


def test_what_cannot_be_archived_is_named(quarter: TierTables) -> None:
    archive(quarter, CONTRACT, ["2013-01"])
    version = delta.open_snapshot(quarter.hot).version
    again = archive(quarter, CONTRACT, ["2013-01", "2012-01"])
    assert again.skipped == {"2013-01": "it lies in cold", "2012-01": "it was never written"}
    assert delta.open_snapshot(quarter.hot).version == version
    for name in ("null", "*"):
        with pytest.raises(UserError, match="has no age"):
            archive(quarter, CONTRACT, ["2013-02", name])


def test_batches_are_committed_one_by_one(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_COUNT", 2)
    version = delta.open_snapshot(quarter.hot).version
    told = []
    archived = archive(
        *(quarter, CONTRACT, ["2013-01", "2013-02", "2013-03"]),
        on_progress=lambda partition, size: told.append(partition),
    )
    assert archived.moved == ("2013-01", "2013-02", "2013-03") == tuple(told)
    assert archived.version == version + 2 * 2  # of each: fences that keep movers away, places


def test_an_older_copy_in_warm_goes_before_a_partition_leaves_hot(quarter: TierTables) -> None:
    move_to_warm(quarter, CONTRACT, ["2013-01"])
    w.write(quarter.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=2), fp=2)
    assert delta.open_snapshot(quarter.warm).partitions == ("2013-01",)
    assert archive(quarter, CONTRACT, ["2013-01"]).moved == ("2013-01",)
    assert delta.open_snapshot(quarter.warm).partitions == ()
    assert rows_of(folder_of(quarter)).equals(w.make_rows(JANUARY, seed=2))


def test_a_mover_that_holds_older_rows_is_turned_away_by_an_archive(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = warm.copy_files

    def archive_then_copy(*given):
        monkeypatch.undo()
        archive(quarter, CONTRACT, ["2013-01"])
        return copy(*given)

    monkeypatch.setattr(warm, "copy_files", archive_then_copy)
    # The files are still there for old versions to show, so that the mover can copy them.
    assert "meanwhile" in move_to_warm(quarter, CONTRACT, ["2013-01"]).skipped["2013-01"]
    assert delta.open_snapshot(quarter.warm).partitions == ()
    assert delta.open_snapshot(quarter.hot).place("2013-01").tier == "cold"


def test_an_archive_leaves_what_a_mover_has_just_put_in_warm(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = clearing.open_snapshot

    def move_then_open(table: Path) -> delta.Snapshot:
        monkeypatch.undo()
        w.write(quarter.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=2), fp=2)
        move_to_warm(quarter, CONTRACT, ["2013-01"])
        w.write(quarter.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=3), fp=3)
        return raised(table)

    monkeypatch.setattr(clearing, "open_snapshot", move_then_open)
    assert "meanwhile" in archive(quarter, CONTRACT, ["2013-01"]).skipped["2013-01"]
    assert archive(quarter, CONTRACT, ["2013-01"]).moved == ("2013-01",)
    assert rows_of(folder_of(quarter)).equals(w.make_rows(JANUARY, seed=3))


def test_a_write_while_its_archive_is_made_wins(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, rows = archiving.set_places, w.make_rows(JANUARY, seed=2)

    def write_then_place(*given):
        w.write(quarter.hot, CONTRACT, JANUARY, rows=rows, fp=2)
        return place(*given)

    monkeypatch.setattr(archiving, "set_places", write_then_place)
    archived = archive(quarter, CONTRACT, ["2013-01", "2013-02"])
    assert archived.moved == ("2013-02",)
    assert archived.skipped == {"2013-01": "someone wrote or moved it meanwhile"}
    assert [p for p, _ in archives(quarter.cold)] == ["2013-02"]
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-01").tier == "hot" and hot.archive("2013-01") is None
    assert w.read(hot).filter(pl.col("day") < JANUARY.end).equals(rows)


def test_a_backfill_into_cold_ends_in_hot_and_its_archive_is_taken_away_and_later_deleted(
    quarter: TierTables,
) -> None:
    archive(quarter, CONTRACT, ["2013-01", "2013-02"])
    rows = w.make_rows(JANUARY, seed=2)
    w.write(quarter.hot, CONTRACT, JANUARY, rows=rows, fp=2)
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-01").tier == "hot" and hot.archive("2013-01") is None
    swept = sweep_cold(quarter)
    assert (swept.superseded, swept.deleted) == (("2013-01",), 0)
    assert [p for p, _ in archives(quarter.cold)] == ["2013-02"]
    assert delta.open_snapshot(quarter.hot).fence("2013-01") == hot.fence("2013-01") + 1
    swept = sweep_cold(quarter, now=LATER)
    assert (swept.superseded, swept.deleted) == ((), 1) and swept.freed_bytes > 0
    assert list((quarter.cold / "2013-01").iterdir()) == []
    version = delta.open_snapshot(quarter.hot).version
    assert sweep_cold(quarter).superseded == ()
    assert delta.open_snapshot(quarter.hot).version == version


def test_the_same_rows_written_again_leave_the_archive(quarter: TierTables) -> None:
    archive(quarter, CONTRACT, ["2013-01"])
    assert w.write(quarter.hot, CONTRACT, JANUARY, fp=7).unchanged == ("2013-01",)
    assert sweep_cold(quarter).superseded == () and folder_of(quarter).is_dir()


def test_a_sweep_leaves_living_drafts_and_takes_those_of_dead_processes(
    quarter: TierTables,
) -> None:
    living = begin_draft(quarter.cold, "2013-01")
    dead = begin_draft(quarter.cold, "2013-02")
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    dead.path.rename(dead.path.with_name(dead.path.name.replace(f"-{os.getpid()}-", f"-{pid}-")))
    assert sweep_cold(quarter).drafts == 1
    assert living.path.is_dir() and list((quarter.cold / "2013-02").iterdir()) == []
    assert sweep_cold(quarter, now=time.time() + 2 * cold_folders.DAY_S).drafts == 1
    assert not living.path.exists()


def test_an_archive_whose_draft_was_swept_meanwhile_fails_and_can_be_made_again(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = make_archive._read_back

    def sweep_then_check(*given):
        describe(*given)
        sweep_cold(quarter, now=LATER)

    monkeypatch.setattr(make_archive, "_read_back", sweep_then_check)
    with pytest.raises(Exception, match="swept as abandoned"):
        archive(quarter, CONTRACT, ["2013-01"])
    monkeypatch.undo()
    assert archive(quarter, CONTRACT, ["2013-01"]).moved == ("2013-01",)


def test_an_archive_that_was_swept_before_its_commit_is_never_named(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = archiving.set_places

    def sweep_then_place(*given):
        assert sweep_cold(quarter).superseded == ("2013-01",)
        return place(*given)

    monkeypatch.setattr(archiving, "set_places", sweep_then_place)
    assert archive(quarter, CONTRACT, ["2013-01"]).moved == ()
    hot = delta.open_snapshot(quarter.hot)
    assert hot.archive("2013-01") is None and w.read(hot).height == 270


@pytest.mark.parametrize("tier", ["hot", "warm"])
def test_a_damaged_source_is_named_and_not_archived(quarter: TierTables, tier: str) -> None:
    if tier == "warm":
        move_to_warm(quarter, CONTRACT, ["2013-02"])
    whole = delta.open_whole(quarter.hot, quarter.warm)
    (path,) = map(Path, whole.paths(["2013-02"]))
    table = pq.read_table(path)
    if tier == "hot":  # whole, but with other rows
        pq.write_table(table.slice(1), path)
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    with pytest.raises(StorageError, match=path.name):
        archive(quarter, CONTRACT, ["2013-01", "2013-02", "2013-03"])
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-02").tier == tier and hot.archive("2013-02") is None
    assert hot.placed("cold") == ("2013-01",)  # what came before it is done
    assert len(in_place(quarter)) == 1
    assert list(quarter.cold.rglob(".*")) == []


def test_what_the_disk_gives_back_otherwise_is_not_committed(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = make_archive._seal

    def seal_and_damage(path: Path) -> None:
        if path.suffix == ".parquet":
            content = bytearray(path.read_bytes())
            content[40] ^= 4
            path.write_bytes(content)
        seal(path)

    monkeypatch.setattr(make_archive, "_seal", seal_and_damage)
    with pytest.raises(StorageError, match="just written is damaged"):
        archive(quarter, CONTRACT, ["2013-01"])
    assert delta.open_snapshot(quarter.hot).place("2013-01").tier == "hot"
    assert in_place(quarter) == []


POINTS = [point for point in TIER_POINTS if point.startswith("archive.") and "sweep" not in point]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("source", ["hot", "warm"])
def test_a_rerun_after_a_death_at_any_point_converges(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch, point: str, source: str
) -> None:
    if source == "warm":
        move_to_warm(quarter, CONTRACT, ["2013-01"])
    before = delta.open_snapshot(quarter.hot)
    die_at(monkeypatch, point)
    if source == "hot" or "warm" not in point:
        with pytest.raises(Killed):
            archive(quarter, CONTRACT, ["2013-01"])
    monkeypatch.undo()
    archived = archive(quarter, CONTRACT, ["2013-01"])
    assert archived.moved == (() if point == "archive.after_hot" else ("2013-01",))
    sweep_cold(quarter, retention_s=-1, now=time.time() + 2 * cold_folders.DAY_S)
    hot = delta.open_snapshot(quarter.hot)
    assert hot.place("2013-01").tier == "cold" and hot.data("2013-01") == before.data("2013-01")
    assert list((quarter.cold / "2013-01").iterdir()) == [folder_of(quarter)]
    assert rows_of(folder_of(quarter)).equals(w.make_rows(JANUARY))


@pytest.mark.parametrize(
    "point", ["archive.sweep_fenced", "archive.sweep_taken", "archive.sweep_deleted"]
)
def test_a_sweep_that_died_is_finished_by_the_next(
    quarter: TierTables, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    archive(quarter, CONTRACT, ["2013-01", "2013-02"])
    w.write(quarter.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=2), fp=2)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        sweep_cold(quarter, retention_s=-1)
    monkeypatch.undo()
    sweep_cold(quarter, retention_s=-1)
    assert list((quarter.cold / "2013-01").iterdir()) == []
    assert in_place(quarter) == [folder_of(quarter, "2013-02")]


def die_at(monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """Leave everything as a kill would: nothing that is cleaned up on the way out is."""
    dying.die_at(monkeypatch, point, archiving, clearing, make_archive, cold_sweep)
    monkeypatch.setattr(cold_folders.Draft, "discard", lambda self: None)


def test_a_full_disk_is_one_sentence_and_leaves_everything_as_it_was(tables: TierTables) -> None:
    rows = w.make_rows(JANUARY, per_day=500).with_columns(
        v=pl.int_range(pl.len()).hash().cast(pl.String)
    )
    w.write(tables.hot, CONTRACT, JANUARY, rows=rows)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with pytest.raises(StorageError, match="larger than the system allows while archiving"):
            archive(tables, CONTRACT, ["2013-01"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    hot = delta.open_snapshot(tables.hot)
    assert hot.place("2013-01").tier == "hot" and list((tables.cold / "2013-01").iterdir()) == []
    assert archive(tables, CONTRACT, ["2013-01"]).moved == ("2013-01",)
    assert rows_of(folder_of(tables)).equals(rows)


def test_archives_sweeps_and_moves_at_once_end_with_one_archive_of_each(
    quarter: TierTables,
) -> None:
    months, before = ["2013-01", "2013-02", "2013-03"], delta.open_snapshot(quarter.hot)
    end = time.monotonic() + 1

    def again(job: Callable[[], object]) -> None:
        while time.monotonic() < end:
            with contextlib.suppress(LakebookError):  # one of the others came first
                job()

    def sweep() -> None:
        sweep_cold(quarter, retention_s=-1)
        sweep_warm(quarter)

    jobs: tuple[Callable[[], object], ...] = (
        lambda: archive(quarter, CONTRACT, months),
        lambda: archive(quarter, CONTRACT, months),
        lambda: restore(quarter, CONTRACT, months),
        sweep,
    )
    with ThreadPoolExecutor(len(jobs)) as pool:
        for future in [pool.submit(again, job) for job in jobs]:
            future.result()
    # How often one got through says nothing: two archives turn each other away.
    archive(quarter, CONTRACT, months)
    sweep_cold(quarter, retention_s=-1)
    hot = delta.open_snapshot(quarter.hot)
    assert hot.placed("cold") == tuple(months)
    assert {p: hot.data(p) for p in months} == {p: before.data(p) for p in months}
    assert sorted(p for p in quarter.cold.glob("*/*")) == [folder_of(quarter, p) for p in months]
    assert pl.concat([rows_of(folder_of(quarter, p)) for p in months]).equals(w.make_rows(QUARTER))
