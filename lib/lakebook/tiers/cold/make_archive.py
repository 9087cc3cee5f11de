"""Writes a partition as an archive into a draft, and reads it back before anybody relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ...contract.model import TableContract
from ...delta.damage import bytes_damage
from ...delta.disk import put, sync_file
from ...delta.faults import fault_point
from ...delta.snapshot import DataFile, Snapshot
from ...delta.stats import file_stats
from ...delta.tokens import signed
from ...errors import DamageError, StorageError, storage_errors
from .archive_check import archive_damages
from .cold_folders import Draft, begin_draft
from .manifest import FILE, ArchiveFile, Manifest, archive_id, columns_of
from .ranges import merge_stats
from .recompress import LEVEL, Recompressed, recompress


@dataclass(frozen=True)
class Rows:
    """What goes into an archive.

    sources: Parquet files in the order of the rows, as `files` of the log.
    schema: exact, of the files that are written.
    digest: what their rows must have, as a token. generation: of the partition's place in cold.
    """

    partition: str
    sources: Sequence[Path]
    files: Sequence[DataFile]
    schema: pa.Schema
    digest: int
    generation: int

    @classmethod
    def of(cls, whole: Snapshot, partition: str) -> Rows:
        """Those of a partition that lies in hot or warm."""
        schema, digest = whole.schema, whole.data(partition)
        assert schema is not None and digest is not None, partition
        files = whole.files_in([partition])
        sources = [whole.table / file.path for file in files]
        generation = whole.place(partition).then("cold").generation
        return cls(partition, sources, files, schema, digest, generation)


@dataclass(frozen=True)
class Made:
    """An archive in its draft: written, durable and verified, in nobody's sight."""

    draft: Draft
    archive: int
    manifest: Manifest


def make_archive(
    cold: Path, contract: TableContract, rows: Rows, *, run: str, level: int = LEVEL
) -> Made:
    """Recompress rows into a draft below `cold`; publishing and committing it is the caller's.

    Raises DamageError if the sources do not hold the rows that they must, and StorageError if what
    was written cannot be read back. The draft is gone then.
    """
    _check_sources(rows)
    draft = begin_draft(cold, rows.partition)
    try:
        with storage_errors("archiving", draft.path):
            fault_point("archive.after_draft")
            written = _write(rows, draft.path, level)
            for file in written.files:
                _seal(file.path)
            fault_point("archive.after_files")
            manifest = _describe(contract, rows, written, run)
            content = manifest.to_bytes()
            put(draft.path / FILE, content)  # which makes the folder's entries durable as well
            (draft.path / FILE).chmod(0o444)
            fault_point("archive.after_manifest")
            _read_back(draft.path, archive_id(content))
    except BaseException:
        draft.discard()
        raise
    return Made(draft, archive_id(content), manifest)


def _check_sources(rows: Rows) -> None:
    """Are the files there, as large as the log says, with the checksums in their names?"""
    for path, file in zip(rows.sources, rows.files, strict=True):
        if what := bytes_damage(path, file):
            raise DamageError(what, where=str(path), partition=rows.partition)


def _write(rows: Rows, folder: Path, level: int) -> Recompressed:
    where, p = ", ".join(map(str, rows.sources)), rows.partition
    try:
        written = recompress(rows.sources, folder, rows.schema, level=level)
    except (pa.ArrowException, FileNotFoundError) as broken:
        raise DamageError(f"it cannot be decoded ({broken})", where=where, partition=p) from None
    if signed(written.digest.value) != rows.digest:
        raise DamageError(
            "its rows are not those that were committed (their digest differs)",
            where=where,
            partition=p,
        )
    return written


def _describe(contract: TableContract, rows: Rows, written: Recompressed, run: str) -> Manifest:
    nan = written.digest.nan_columns
    files = tuple(
        ArchiveFile(
            file.path.name,
            file.footer.num_rows,
            file.path.stat().st_size,
            file.sha256,
            file_stats(file.footer, rows.schema, nan_columns=nan),
        )
        for file in written.files
    )
    ranges, nulls = merge_stats([file.stats for file in files])
    return Manifest(
        dataset=str(contract.dataset),
        partition=rows.partition,
        generation=rows.generation,
        rows=written.rows,
        size_bytes=sum(file.size_bytes for file in files),
        digest=rows.digest,
        schema=columns_of(rows.schema),
        files=files,
        ranges=ranges,
        nulls=nulls,
        contract_version=contract.version,
        run=run,
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
    )


def _seal(path: Path) -> None:
    """Make a file durable and read-only."""
    path.chmod(0o444)
    sync_file(path)


def _read_back(folder: Path, archive: int) -> None:
    for damage in archive_damages(folder, archive, deep=True):
        raise StorageError(
            f"the archive that was just written is damaged: {damage.what}",
            where=str(damage.path),
            fix="check the disk; the partition stays where it was",
        )
