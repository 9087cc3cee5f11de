"""Verification: a damaged bit anywhere is found and named, and nothing else is."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import delta_worker as w
import polars as pl
import pyarrow.parquet as pq
import pytest
from old_files import forget_checksums

from lakebook import delta
from lakebook.delta.transaction import Change, transact
from lakebook.intervals import Interval
from lakebook.names import TierTables
from lakebook.settings import Settings
from lakebook.tiers import decoding
from lakebook.tiers import verify as verifying
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.cold_folders import archive_folder
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.decoding import ENDED, BrokenFileError, Decoder
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.verify import Finding, Progress, Verified, verify
from lakebook.tiers.warm import sweep_warm

HALF = Interval.parse("2013-01-01", "2013-07-01")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")
CONTRACT = w.make_contract()
MONTHS = [f"2013-0{month}" for month in range(1, 7)]


@pytest.fixture(scope="module")
def decoders() -> Iterator[object]:
    """Shared, as starting a process for each test would take most of the time."""
    shared = verifying._Decoders()
    yield shared
    shared.close()


@pytest.fixture(autouse=True)
def share(decoders: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "closing", contextlib.nullcontext)
    monkeypatch.setattr(verifying, "_Decoders", lambda: decoders)


@pytest.fixture
def half(tables: TierTables) -> TierTables:
    """`silver.events` with six months in hot."""
    w.write(tables.hot, CONTRACT, HALF)
    return tables


def look(tables: TierTables, **options: object) -> Verified:
    lake = tables.hot.parents[3]
    return verify(Settings(root=lake.parent, lake=lake), [CONTRACT], **options)  # type: ignore[arg-type]


def found(tables: TierTables, **options: object) -> dict[str, tuple[str, str, str]]:
    """By partition: tier, file below the lake's root and what is wrong with it."""
    lake = tables.hot.parents[3]
    findings = look(tables, **options).findings
    assert len({f.partition for f in findings}) == len(findings), findings
    return {f.partition: (f.tier, str(Path(f.file).relative_to(lake)), f.what) for f in findings}


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def page(path: Path) -> int:
    """A place in the values of a data page."""
    chunk = pq.read_metadata(path).row_group(0).column(1)
    start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)))
    return int(start + chunk.total_compressed_size - 20)


def file_of(tables: TierTables, partition: str) -> Path:
    (path,) = delta.open_whole(tables.hot, tables.warm).paths([partition])
    return Path(path)


def folder_of(tables: TierTables, partition: str) -> Path:
    return archive_folder(
        tables.cold, partition, delta.open_snapshot(tables.hot).archive(partition) or 0
    )


def test_a_whole_dataset_has_no_finding_in_any_tier(half: TierTables) -> None:
    move_to_warm(half, CONTRACT, MONTHS[:2])
    archive(half, CONTRACT, MONTHS[2:5])
    restore(half, CONTRACT, MONTHS[4:5])
    told: list[Progress] = []
    for deep in (False, True):
        result = look(half, deep=deep, on_progress=told.append)
        assert result.findings == ()
        assert result.partitions == 1 + 3 + 3  # hot; warm, with the restored one; archives
        assert result.size_bytes == told[-1].done_bytes == told[-1].total_bytes > 0
    assert len(told) == 2 * 7
    assert {p.partition for p in told} == set(MONTHS)
    assert look(half, tiers=["cold"]).partitions == 3


def test_damage_in_hot_is_found_and_named(half: TierTables) -> None:
    paths = {p: file_of(half, p) for p in MONTHS}
    flip(paths["2013-01"], page(paths["2013-01"]))
    flip(paths["2013-02"], -2)  # of the magic bytes at the end
    paths["2013-03"].write_bytes(paths["2013-03"].read_bytes()[:-9])
    paths["2013-04"].unlink()
    rows = pl.read_parquet(paths["2013-05"]).with_columns(v=pl.lit("0-9"))
    size = paths["2013-05"].stat().st_size
    rows.write_parquet(paths["2013-05"])
    content = paths["2013-05"].read_bytes()
    findings = found(half)
    assert findings.keys() == set(MONTHS[:5])
    for p in MONTHS[:5]:
        tier, file, _ = findings[p]
        assert tier == "hot" and file.endswith(f"_partition={p}/{paths[p].name}")
    checksum = "its SHA-256 is not the one in its name"
    assert findings["2013-01"][2] == findings["2013-02"][2] == checksum
    assert "bytes, and the log says" in findings["2013-03"][2]
    assert findings["2013-04"][2] == "the file is missing"
    assert len(content) == size or "bytes" in findings["2013-05"][2]


def test_damage_of_a_file_without_a_checksum_is_found_by_its_rows(half: TierTables) -> None:
    forget_checksums(half.hot)
    result = look(half)
    assert (result.findings, result.unnamed) == ((), 6)
    paths = {p: file_of(half, p) for p in MONTHS}
    flip(paths["2013-01"], page(paths["2013-01"]))
    flip(paths["2013-02"], -2)  # of the magic bytes at the end
    findings = found(half)
    assert findings.keys() == {"2013-01", "2013-02"}
    assert "digest" in findings["2013-01"][2] or "decoded" in findings["2013-01"][2]
    assert "decoded" in findings["2013-02"][2]


def test_statistics_that_would_hide_rows_are_found(half: TierTables) -> None:
    forget_checksums(half.hot)
    path = file_of(half, "2013-02")
    chunk = pq.read_metadata(path).row_group(0).column(1)
    raw = chunk.statistics.max_raw.to_bytes(8, "little")
    content = path.read_bytes()
    footer = content.rindex(raw)
    path.write_bytes(content[:footer] + bytes([raw[0] ^ 1]) + content[footer + 1 :])
    tier, _, what = found(half)["2013-02"]
    assert (tier, what) == ("hot", "the statistics of its column 'k' are not those in the log")


def test_damage_in_warm_is_found_and_named(half: TierTables) -> None:
    move_to_warm(half, CONTRACT, MONTHS)
    paths = {p: file_of(half, p) for p in MONTHS}
    flip(paths["2013-01"], page(paths["2013-01"]))
    flip(paths["2013-02"], -9)  # in the footer
    paths["2013-03"].write_bytes(paths["2013-03"].read_bytes()[:-9])
    paths["2013-04"].unlink()
    transact(half.warm, lambda now: Change(removes=now.files_in(["2013-05"])))
    findings = found(half)
    assert findings.keys() == set(MONTHS[:5])
    for p in MONTHS[:4]:
        assert findings[p][0] == "warm" and findings[p][1].endswith(paths[p].name)
    checksum = "its SHA-256 is not the one in its name"
    assert findings["2013-01"][2] == findings["2013-02"][2] == checksum
    assert "bytes, and the log says" in findings["2013-03"][2]
    assert findings["2013-04"][2] == "the file is missing"
    assert findings["2013-05"][2] == "warm does not hold the copy that hot places there"


def test_a_file_without_a_checksum_in_its_name_is_compared_by_its_rows(tables: TierTables) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2], [3]])
    move_to_warm(tables, CONTRACT, ["2013-01"])
    delta.compact(tables.warm)
    assert look(tables).findings == ()
    path = file_of(tables, "2013-01")
    rows = pl.read_parquet(path)
    rows.with_columns(v=pl.lit("b")).write_parquet(path)
    log = delta.open_snapshot(tables.warm).files[0]
    if path.stat().st_size == log.size_bytes:
        assert "digest" in found(tables)["2013-01"][2]
    else:
        assert "bytes" in found(tables)["2013-01"][2]


def test_damage_in_cold_is_found_and_named(half: TierTables) -> None:
    archive(half, CONTRACT, MONTHS)
    folders = {p: folder_of(half, p) for p in MONTHS}
    files = {p: next(folder.glob("*.parquet")) for p, folder in folders.items()}
    flip(files["2013-01"], page(files["2013-01"]))
    flip(files["2013-02"], -9)
    flip(folders["2013-03"] / "manifest.json", 100)
    files["2013-04"].unlink()
    shutil.rmtree(folders["2013-05"])
    (folders["2013-06"] / "more.parquet").touch()
    findings = found(half)
    assert {tier for tier, _, _ in findings.values()} == {"cold"}
    assert {p: Path(file).name for p, (_, file, _) in findings.items()} == {
        **{"2013-01": "part-00000.parquet", "2013-02": "part-00000.parquet"},
        **{"2013-03": "manifest.json", "2013-04": "part-00000.parquet"},
        **{"2013-05": "manifest.json", "2013-06": "more.parquet"},
    }
    for p in MONTHS:
        assert folders[p].name in findings[p][1]
    assert findings["2013-01"][2] == "its SHA-256 is not the one in the manifest"
    assert findings["2013-02"][2] == "its SHA-256 is not the one in the manifest"
    assert "the manifest is damaged" in findings["2013-03"][2]
    assert findings["2013-04"][2] == "the file is missing"
    assert findings["2013-05"][2] == "the archive is not there"
    assert findings["2013-06"][2] == "the manifest does not name this file"


def test_the_archive_of_a_restored_copy_is_looked_at_too(half: TierTables) -> None:
    archive(half, CONTRACT, MONTHS[:2])
    restore(half, CONTRACT, MONTHS[:2])
    flip(next(folder_of(half, "2013-01").glob("*.parquet")), 100)
    assert found(half)["2013-01"][0] == "cold"
    w.write(half.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=3), fp=2)
    assert look(half).findings == ()  # it counts no more


def test_an_archive_of_other_rows_than_the_log_says(half: TierTables) -> None:
    archive(half, CONTRACT, ["2013-01"])
    transact(half.hot, lambda now: Change(tokens={"data/2013-01": 5}))
    assert "other rows" in found(half)["2013-01"][2]


def test_several_findings_of_a_partition_are_all_named(half: TierTables) -> None:
    archive(half, CONTRACT, ["2013-01"])
    folder = folder_of(half, "2013-01")
    next(folder.glob("*.parquet")).unlink()
    (folder / "x").touch()
    assert sorted(Path(f.file).name for f in look(half).findings) == ["part-00000.parquet", "x"]


def test_damaged_logs_are_named(half: TierTables) -> None:
    move_to_warm(half, CONTRACT, ["2013-01"])
    log = half.warm / "_delta_log" / f"{1:020}.json"
    log.write_text("{")
    (finding,) = look(half).findings
    assert (finding.tier, finding.file) == ("warm", str(log)) and "damaged log" in finding.what
    log = half.hot / "_delta_log" / f"{1:020}.json"
    log.write_text("{")
    (finding,) = look(half).findings
    assert (finding.tier, finding.file) == ("hot", str(log))
    assert finding.sentence.startswith(f"silver.events * in hot: {log}: damaged log entry")


def test_what_is_written_while_it_is_looked_at_is_no_finding(
    half: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, done = verifying.file_damages, []

    def write_then_check(table, files, *args, **options):
        given = list(files)
        if given and given[0].partition == "2013-01" and not done:
            done.append(given)
            w.write(half.hot, CONTRACT, JANUARY, rows=w.make_rows(JANUARY, seed=3), fp=2)
            delta.vacuum(half.hot, retention_s=-1)
        return check(table, given, *args, **options)

    monkeypatch.setattr(verifying, "file_damages", write_then_check)
    assert look(half).findings == () and len(done) == 1


def test_what_is_moved_while_it_is_looked_at_is_no_finding(
    half: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_to_warm(half, CONTRACT, ["2013-01"])
    check = verifying.file_damages

    def archive_then_check(table, files, *args, **options):
        given = list(files)
        if given and given[0].partition == "2013-01":
            archive(half, CONTRACT, ["2013-01"])
            sweep_warm(half)
            delta.vacuum(half.warm, retention_s=-1)
        return check(table, given, *args, **options)

    monkeypatch.setattr(verifying, "file_damages", archive_then_check)
    assert look(half).findings == ()


def test_what_is_compacted_in_warm_while_it_is_looked_at_is_no_finding(
    tables: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    w.append(tables.hot, CONTRACT, "s", [[1, 2], [3]])
    move_to_warm(tables, CONTRACT, ["2013-01"])
    check = verifying.file_damages

    def compact_then_check(table, files, *args, **options):
        given = list(files)
        delta.compact(tables.warm)
        delta.vacuum(tables.warm, retention_s=-1)
        return check(table, given, *args, **options)

    monkeypatch.setattr(verifying, "file_damages", compact_then_check)
    assert look(tables).findings == ()
    old = delta.open_snapshot(tables.warm).tombstones
    assert old and not any((tables.warm / t.path).exists() for t in old)


def test_quarantines_are_looked_at_as_well(half: TierTables) -> None:
    dataset = CONTRACT.dataset.quarantine
    aside = half.hot.parent / dataset.name
    w.write(aside, CONTRACT, JANUARY)
    (path,) = map(Path, delta.open_snapshot(aside).paths())
    path.unlink()
    assert look(half).findings == (
        Finding(
            "silver.events__quarantine",
            "hot",
            "2013-01",
            str(path),
            "the file is missing",
            "make it anew: lakebook run silver.events --start 2013-01-01 --end 2013-02-01 --force",
            "lakebook run silver.events --start 2013-01-01 --end 2013-02-01 --force",
        ),
    )


def test_a_file_that_ends_the_process_that_reads_it_is_named(
    half: TierTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Decoder() as decoder:
        start = decoder._start

        def start_one_that_dies():
            process = start()
            process.kill()
            return process

        path = file_of(half, "2013-01")
        monkeypatch.setattr(decoder, "_start", start_one_that_dies)
        with pytest.raises(BrokenFileError, match=ENDED):
            decoder.digest(path, None)
        monkeypatch.undo()
        assert decoder.digest(path, None) == decoding._answer(path, None)[0]
