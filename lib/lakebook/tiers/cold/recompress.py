"""Rewrites Parquet files for size: the same rows in the same order, zstd at a high level.

A column keeps its dictionary unless its integers are clearly smaller as differences; that is tried
on the first rows. Statistics and a checksum of every page are written. Memory is bounded by a batch
of row groups.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...delta.digest import Digest, digest_rows
from ...delta.footers import drop_bounds
from ...settings import TierSettings

LEVEL = TierSettings.archive_level

TARGET_BYTES = 512 << 20  # of a file

_BATCH_ROWS, _BATCH_BYTES = 250_000, 128 << 20
_TRIAL_ROWS, _TRIAL_LEVEL = 20_000, 9  # at level 3 it misjudges columns that zstd can do more for
_GAIN = 0.95  # of its size with a dictionary, below which a column is stored as differences


@dataclass(frozen=True)
class Written:
    """A file, not synced yet; `footer` and `sha256` (in hex) are those that were meant."""

    path: Path
    sha256: str
    footer: pq.FileMetaData


@dataclass(frozen=True)
class Recompressed:
    """Files, and count and digest of the rows that went in."""

    files: tuple[Written, ...]
    rows: int
    digest: Digest


def recompress(
    sources: Sequence[Path],
    folder: Path,
    schema: pa.Schema,
    *,
    level: int = LEVEL,
    target_bytes: int = TARGET_BYTES,
) -> Recompressed:
    """Write the rows of some files, in their order, to as few files as `target_bytes` allows.

    Parameters
    ----------
    schema: exact, of the files that are written; a column that a source lacks is null.

    Without rows, one file of none is written.
    """
    files: list[Written] = []
    output: _Output | None = None
    nan: frozenset[str] = frozenset()
    deltas: dict[str, str] | None = None
    rows, digest = 0, Digest(0)
    try:
        for batch, part in _batches(sources, schema):
            if deltas is None:
                deltas = _smaller_as_differences(batch.slice(0, _TRIAL_ROWS))
            if output is None:
                output = _Output(folder / f"part-{len(files):05}.parquet", schema, level, deltas)
            output.writer.write_table(batch)
            rows += batch.num_rows
            digest += part
            nan |= part.nan_columns
            if output.size_bytes >= target_bytes:
                files.append(output.finish(nan))
                output, nan = None, frozenset()
        if output is None and not files:
            output = _Output(folder / "part-00000.parquet", schema, level, {})
        if output is not None:
            files.append(output.finish(nan))
    except BaseException:
        if output is not None:
            output.abandon()
        raise
    return Recompressed(tuple(files), rows, digest)


class _Output(io.RawIOBase):
    """A Parquet file that is being written, and hashed on its way to the disk."""

    def __init__(self, path: Path, schema: pa.Schema, level: int, deltas: dict[str, str]) -> None:
        self._path = path
        self._file = path.open("xb")
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0
        self._footers: list[pq.FileMetaData] = []
        self.writer = _writer(self, schema, level, deltas, metadata_collector=self._footers)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        self._sha256.update(data)
        size = memoryview(data).nbytes
        self.size_bytes += size
        return size

    def tell(self) -> int:
        return self.size_bytes

    def finish(self, nan_columns: frozenset[str]) -> Written:
        self.writer.close()
        self._file.close()
        if nan_columns and drop_bounds(self._path, nan_columns):
            # A restore puts these bytes before every reader, and some would skip a NaN by them.
            with self._path.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            return Written(self._path, checksum, pq.read_metadata(self._path))
        return Written(self._path, self._sha256.hexdigest(), self._footers[0])

    def abandon(self) -> None:
        with contextlib.suppress(Exception):  # what went wrong is known already
            self.writer.close()
        with contextlib.suppress(Exception):
            self._file.close()


def _batches(sources: Sequence[Path], schema: pa.Schema) -> Iterator[tuple[pa.Table, Digest]]:
    """Rows in the exact schema with their digest: small row groups together, large ones alone."""
    waiting: list[pa.Table] = []
    digest = Digest(0)
    for rows, part in _groups(sources, schema):
        if waiting and not _fits([*waiting, rows]):
            yield pa.concat_tables(waiting), digest
            waiting, digest = [], Digest(0)
        waiting.append(rows)
        digest += part
    if waiting:
        yield pa.concat_tables(waiting), digest


def _fits(tables: list[pa.Table]) -> bool:
    rows, size = sum(t.num_rows for t in tables), sum(t.nbytes for t in tables)
    return rows <= _BATCH_ROWS and size <= _BATCH_BYTES


def _groups(sources: Sequence[Path], schema: pa.Schema) -> Iterator[tuple[pa.Table, Digest]]:
    texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_binary(f.type)]
    for path in sources:
        with pq.ParquetFile(path, read_dictionary=texts) as source:
            for group in range(source.num_row_groups):
                rows = source.read_row_group(group, use_threads=False)
                if rows.num_rows:
                    # Of the rows as they were read: what a cast to the schema loses, shows.
                    yield _exact(rows, schema), digest_rows(rows)


def _exact(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[f.name].cast(f.type)
        if f.name in rows.column_names
        else pa.nulls(rows.num_rows, f.type)  # a column that came later
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _smaller_as_differences(rows: pa.Table) -> dict[str, str]:
    """Encodings of the columns that are clearly smaller as differences than with a dictionary."""
    chosen: dict[str, str] = {}
    for f in rows.schema:
        kind = f.type
        if not (pa.types.is_integer(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            continue
        column = rows.select([f.name])
        encoding = {f.name: "DELTA_BINARY_PACKED"}
        if _size(column, encoding) < _GAIN * _size(column, {}):
            chosen |= encoding
    return chosen


def _size(rows: pa.Table, encodings: dict[str, str]) -> int:
    sink = pa.BufferOutputStream()
    with _writer(sink, rows.schema, _TRIAL_LEVEL, encodings) as writer:
        writer.write_table(rows)
    return int(sink.getvalue().size)


def _writer(
    sink: _Output | pa.BufferOutputStream,
    schema: pa.Schema,
    level: int,
    encodings: dict[str, str],
    **more: Any,
) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=level,
        use_dictionary=[f.name for f in schema if f.name not in encodings],
        column_encoding=encodings or None,
        write_statistics=True,
        write_page_checksum=True,
        **more,
    )
