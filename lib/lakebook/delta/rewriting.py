"""Writes the rows of some files of a partition anew: sorted, and in files of the target size."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..engines.duckdb_sort import SORT_MEMORY_MB, sorted_batches
from ..engines.polars_engine import COMPRESSION_LEVEL
from ..errors import DamageError
from .digest import Digest, digest_rows
from .disk import remove
from .faults import fault_point
from .inspection import read_footer
from .staging import Stage

TARGET_BYTES = 128 << 20

_GROUP_ROWS = 250_000
_GROUP_BYTES = 128 << 20  # in memory; on disk a fifth to a tenth of it
_BATCH_ROWS = 1 << 16
_BATCH_BYTES = 16 << 20
_REST = 0.25  # of the target: fewer bytes than this make no file of their own


@dataclass(frozen=True)
class Layout:
    """How rows are laid out. `sort_by`: columns, most significant first; none: as they come."""

    sort_by: tuple[str, ...] = ()
    target_bytes: int = TARGET_BYTES
    memory_mb: int = SORT_MEMORY_MB  # of the sort; a row group and a few batches come on top


def rewrite(
    stage: Stage, partition: str, sources: Sequence[Path], schema: pa.Schema, layout: Layout
) -> tuple[list[Path], Digest]:
    """Stage the rows of Parquet files anew; return the new files and the digest of what was read.

    Raises FileNotFoundError if a source is gone, DamageError if one cannot be decoded.
    """
    footers = [read_footer(path) for path in sources]
    reading = _Reading(sources, schema, _batch_rows(footers))
    batches = reading.batches()
    if layout.sort_by:
        stage.spill_path.mkdir(exist_ok=True)
        batches = sorted_batches(
            batches,
            schema,
            layout.sort_by,
            spill=stage.spill_path,
            memory_mb=layout.memory_mb,
            batch_rows=reading.batch_rows,
        )
    files = _Files(stage, partition, schema, layout.target_bytes)
    try:
        with contextlib.closing(batches), contextlib.closing(files):
            files.write(batches, sum(footer.num_rows for footer in footers))
            fault_point("compact.after_write")
    finally:
        remove(stage.spill_path)
    return files.paths, reading.digest


def _batch_rows(footers: Sequence[pq.FileMetaData]) -> int:
    """Rows of a batch: fewer where they are wide."""
    groups = [f.row_group(i) for f in footers for i in range(f.num_row_groups)]
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1)
    return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(widest, 1))))


class _Reading:
    """Files as batches of one schema; `digest` is that of the rows read so far."""

    def __init__(self, paths: Sequence[Path], schema: pa.Schema, batch_rows: int) -> None:
        self._paths, self._schema = paths, schema
        self.batch_rows = batch_rows
        self.digest = Digest(0)

    def batches(self) -> Generator[pa.RecordBatch]:
        for path in self._paths:
            try:
                with pq.ParquetFile(path) as file:
                    for batch in file.iter_batches(self.batch_rows, use_threads=False):
                        self.digest += digest_rows(pa.Table.from_batches([batch]))
                        yield self._conform(batch)
            except (pa.ArrowInvalid, OSError) as broken:
                if isinstance(broken, OSError) and broken.errno is not None:
                    raise
                raise DamageError(f"it cannot be decoded ({broken})", where=str(path)) from None

    def _conform(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            batch[f.name].cast(f.type)
            if f.name in batch.schema.names
            else pa.nulls(batch.num_rows, f.type)  # a column that came later
            for f in self._schema
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


class _Files:
    """The staged files of one partition: whole row groups, a new file from the target size on."""

    def __init__(self, stage: Stage, partition: str, schema: pa.Schema, target_bytes: int) -> None:
        self._stage, self._partition = stage, partition
        self._schema, self._target = schema, target_bytes
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0  # of the open file
        self.paths: list[Path] = []

    def write(self, batches: Iterator[pa.RecordBatch], left: int) -> None:
        """Write all batches, which have `left` rows; no rows make one empty file."""
        self._open()
        for group in _groups(batches, self._schema, min(_GROUP_BYTES, self._target)):
            writer = self._writer or self._open()
            writer.write_table(group, row_group_size=max(group.num_rows, 1))
            self._rows += group.num_rows
            left -= group.num_rows
            size = self.paths[-1].stat().st_size
            if size >= self._target and left * size / self._rows >= _REST * self._target:
                self.close()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _open(self) -> pq.ParquetWriter:
        self.paths.append(self._stage.file_path(self._partition, len(self.paths)))
        self._rows = 0
        self._writer = pq.ParquetWriter(
            self.paths[-1], self._schema, compression="zstd", compression_level=COMPRESSION_LEVEL
        )
        return self._writer


def _groups(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, group_bytes: int
) -> Iterator[pa.Table]:
    """Batches in row groups: up to a number of rows, or of bytes in memory."""
    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        pending.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _GROUP_ROWS or size >= group_bytes:
            yield pa.Table.from_batches(pending, schema=schema)
            pending, rows, size = [], 0, 0
    if rows:
        yield pa.Table.from_batches(pending, schema=schema)
