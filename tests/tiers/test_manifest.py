"""The manifest of an archive: what it says, how it is named, and what is said of a damaged one."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakebook.delta.stats import file_stats
from lakebook.errors import StorageError
from lakebook.tiers.cold.manifest import (
    ArchiveColumn,
    ArchiveFile,
    Manifest,
    ValueRange,
    archive_id,
    archive_name,
    columns_of,
    read_manifest,
)
from lakebook.tiers.cold.ranges import merge_stats

MANIFEST = Manifest(
    dataset="silver.flights",
    partition="2013-01",
    generation=3,
    rows=2,
    size_bytes=100,
    digest=-7,
    schema=(
        ArchiveColumn("day", "date", False),
        ArchiveColumn("price", "decimal(12,2)", True),
        ArchiveColumn("note", "string", True),
    ),
    files=(ArchiveFile("part-00000.parquet", 2, 100, "ab" * 32, {"numRecords": 2}),),
    ranges={"day": ValueRange("2013-01-01", "2013-01-31"), "note": ValueRange("Zürich", "é")},
    nulls={"day": 0, "price": 2, "note": 0},
    contract_version="1.2.0",
    run="r1",
    created="2026-01-02T03:04:05.000006+00:00",
)


def put(tmp_path: Path, content: bytes, name: str = "") -> Path:
    folder = tmp_path / (name or archive_name(archive_id(content)))
    folder.mkdir()
    (folder / "manifest.json").write_bytes(content)
    return folder


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read_manifest(put(tmp_path, MANIFEST.to_bytes())) == MANIFEST
    assert MANIFEST.arrow_schema() == pa.schema(
        [
            pa.field("day", pa.date32(), nullable=False),
            pa.field("price", pa.decimal128(12, 2)),
            pa.field("note", pa.string()),
        ]
    )
    assert columns_of(MANIFEST.arrow_schema()) == MANIFEST.schema


def test_a_manifest_is_json_that_people_can_read() -> None:
    raw = json.loads(MANIFEST.to_bytes())
    assert (raw["format"], raw["dataset"], raw["rows"], raw["bytes"]) == (
        *(1, "silver.flights"),
        *(2, 100),
    )
    assert raw["rows_digest"] == "fffffffffffffff9"
    assert raw["columns"][0] == {
        **{"name": "day", "type": "date", "nullable": False, "nulls": 0},
        **{"min": "2013-01-01", "max": "2013-01-31"},
    }
    assert raw["columns"][1] == {
        **{"name": "price", "type": "decimal(12,2)", "nullable": True, "nulls": 2}
    }


def test_an_archive_is_named_by_the_sha256_of_its_manifest() -> None:
    content = MANIFEST.to_bytes()
    number = archive_id(content)
    assert archive_name(number) == hashlib.sha256(content).hexdigest()[:16]
    assert -(1 << 63) <= number < 1 << 63
    assert archive_id(replace(MANIFEST, run="r2").to_bytes()) != number


def test_every_single_flipped_bit_of_a_manifest_is_seen(tmp_path: Path) -> None:
    content = MANIFEST.to_bytes()
    folder = put(tmp_path, content)
    for at in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        (folder / "manifest.json").write_bytes(damaged)
        with pytest.raises(StorageError, match="the manifest is damaged"):
            read_manifest(folder)


def test_a_manifest_of_another_archive_is_refused(tmp_path: Path) -> None:
    folder = put(tmp_path, MANIFEST.to_bytes())
    with pytest.raises(StorageError, match=r"does not begin with 0000000000000001"):
        read_manifest(folder, 1)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"manifest\.json: the archive is not there; put"):
        read_manifest(tmp_path / "0123456789abcdef")
    with pytest.raises(StorageError, match=r"manifest\.json: the archive has no manifest"):
        read_manifest(tmp_path)


FILE = {"name": "a", "rows": 1, "bytes": 1, "sha256": "", "stats": {}}


def changed(**keys: object) -> bytes:
    return json.dumps({**json.loads(MANIFEST.to_bytes()), **keys}).encode()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no manifest of an archive"),
        (b"[]", "no manifest of an archive"),
        (b"\xff\xfe", "no manifest of an archive"),
        (changed(format=2), "format 2, and this Lakebook reads 1"),
        (changed(rows=None), "lacks something"),
        (changed(files=3), "lacks something"),
        (changed(rows_digest="x"), "lacks something"),
        (changed(columns=[{"name": "a", "type": "int7", "nullable": True}]), "int7"),
        (
            changed(files=[{"name": "../a", "rows": 1, "bytes": 1, "sha256": "", "stats": {}}]),
            "no file name",
        ),
    ],
)
def test_one_sentence_for_what_is_no_manifest(tmp_path: Path, content: bytes, what: str) -> None:
    folder = put(tmp_path, content)
    with pytest.raises(StorageError, match=what) as raised:
        read_manifest(folder)
    assert str(folder / "manifest.json") in raised.value.where and raised.value.fix


def stats_of(tmp_path: Path, *columns: list[float | None]) -> list[dict[str, object]]:
    found = []
    for number, values in enumerate(columns):
        table = pa.table({"x": pa.array(values, pa.float64())})
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table, path)
        nan = {"x"} if any(v is not None and math.isnan(v) for v in values) else set()
        found.append(file_stats(pq.read_metadata(path), table.schema, nan_columns=nan))
    return found


@pytest.mark.parametrize(
    ("columns", "bounds", "nulls"),
    [
        ([[1.0, 5.0], [None, 7.0], []], ValueRange(1.0, 7.0), 1),
        ([[1.0], [None, None]], ValueRange(1.0, 1.0), 2),
        ([[1.0], [math.nan, 2.0]], None, 0),
        ([[None]], None, 1),
        ([[]], None, 0),
    ],
)
def test_ranges_over_several_files(
    tmp_path: Path,
    columns: list[list[float | None]],
    bounds: ValueRange | None,
    nulls: int,
) -> None:
    ranges, counts = merge_stats(stats_of(tmp_path, *columns))
    assert ranges.get("x") == bounds and counts.get("x", 0) == nulls
