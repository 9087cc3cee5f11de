"""Merges the small files of a partition into few; the rows stay, and so do `data/` and `fp/`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import LakebookError, StorageError, storage_errors
from . import commit
from . import tokens as token
from .digest import MASK, digest_file
from .disk import sync_file
from .log import open_snapshot
from .snapshot import DataFile, Snapshot
from .staging import Stage, begin_stage
from .stats import file_stats
from .transaction import Change, NewFile, transact

TARGET_BYTES = 128 << 20


@dataclass(frozen=True)
class CompactResult:
    """compacted: partitions with fewer files now. skipped: someone wrote them meanwhile."""

    version: int
    compacted: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    files_before: int = 0
    files_after: int = 0


def compact(
    table: Path,
    partitions: Iterable[str] | None = None,
    *,
    target_bytes: int = TARGET_BYTES,
    run_id: str = "",
) -> CompactResult:
    """Rewrite partitions that have several files below the target size, in one commit.

    Raises StorageError if the rewritten rows are not the same rows.
    """
    noted = open_snapshot(table)
    chosen = noted.partitions if partitions is None else tuple(partitions)
    work = {p: _small(noted.by_partition.get(p, ()), target_bytes) for p in chosen}
    work = {p: files for p, files in work.items() if len(files) > 1}
    if not work:
        return CompactResult(noted.version, ())
    stage = begin_stage(table, run_id or f"compact-{uuid.uuid4().hex[:8]}")
    try:
        return _compact(stage, noted, work, target_bytes)
    except LakebookError:
        stage.discard()
        raise


def _compact(
    stage: Stage, noted: Snapshot, work: Mapping[str, list[DataFile]], target_bytes: int
) -> CompactResult:
    new = {p: _rewrite(stage, noted, p, files, target_bytes) for p, files in work.items()}
    done: list[str] = []

    def decide(now: Snapshot) -> Change | None:
        stage.check_stands()
        done[:] = [p for p in work if commit.fence_stands(noted, now, p)]
        if not done:
            return None
        return Change(
            adds=tuple(file for p in done for file in new[p]),
            removes=tuple(file for p in done for file in work[p]),
            tokens={token.fence(p): now.fence(p) + 1 for p in done},
            metadata={"run": stage.run_id, "operation_kind": "compact"},
            data_change=False,
        )

    version = transact(stage.table, decide)
    stage.finish(frozenset(file.path for p in done for file in new[p]))
    return CompactResult(
        version,
        tuple(done),
        tuple(p for p in work if p not in done),
        sum(len(work[p]) for p in done),
        sum(len(new[p]) for p in done),
    )


def _small(files: Sequence[DataFile], target_bytes: int) -> list[DataFile]:
    return [file for file in files if file.size_bytes < target_bytes]


def _rewrite(
    stage: Stage, noted: Snapshot, partition: str, files: list[DataFile], target_bytes: int
) -> list[NewFile]:
    """Copy row groups one by one; memory is bounded by the largest."""
    assert noted.schema is not None
    schema = noted.schema
    paths: list[Path] = []
    writer: pq.ParquetWriter | None = None
    expected, written_bytes = 0, 0
    with storage_errors("compacting", stage.table):
        for file in files:
            expected += digest_file(noted.table / file.path)
            if writer is None or written_bytes > target_bytes:
                if writer is not None:
                    writer.close()
                paths.append(stage.file_path(partition, len(paths)))
                writer = pq.ParquetWriter(paths[-1], schema, compression="zstd")
                written_bytes = 0
            _copy(noted.table / file.path, writer, schema)
            written_bytes += file.size_bytes
        assert writer is not None
        writer.close()
    if expected & MASK != sum(map(digest_file, paths)) & MASK:
        raise StorageError(
            f"compacting {partition} would have changed its rows", where=str(stage.table)
        )
    return [_describe(stage, partition, path, schema) for path in paths]


def _copy(path: Path, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
    with pq.ParquetFile(path) as source:
        for group in range(source.num_row_groups):
            rows = source.read_row_group(group, use_threads=False)
            columns = [
                rows[f.name].cast(f.type)
                if f.name in rows.column_names
                else pa.nulls(rows.num_rows, f.type)  # a column that came later
                for f in schema
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _describe(stage: Stage, partition: str, path: Path, schema: pa.Schema) -> NewFile:
    sync_file(path)
    floats = {f.name for f in schema if pa.types.is_floating(f.type)}
    # Whether a float is NaN was not looked at, so floats get no bounds here.
    stats = file_stats(pq.read_metadata(path), schema, nan_columns=floats)
    return NewFile(
        path.relative_to(stage.table).as_posix(), partition, path.stat().st_size, json.dumps(stats)
    )
