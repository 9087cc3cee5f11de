"""Writes a partition as an archive into a draft, and reads it back before anybody relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ...contract.model import TableContract
from ...delta.disk import put, sync_file
from ...delta.faults import fault_point
from ...delta.snapshot import Snapshot
from ...delta.stats import file_stats
from ...delta.tokens import signed
from ...errors import StorageError, storage_errors
from ..checksums import checksum_of, named_checksum
from .archive_check import archive_damages
from .cold_folders import Draft, begin_draft
from .manifest import FILE, ArchiveFile, Manifest, archive_id, columns_of
from .ranges import merge_stats
from .recompress import LEVEL, Recompressed, recompress

_MEND = "lakebook tier verify names the file; run the step of this partition again, or put it back"


@dataclass(frozen=True)
class Rows:
    """What goes into an archive.

    sources: Parquet files in the order of the rows. schema: exact, of the files that are written.
    digest: what their rows must have, as a token. generation: of the partition's place in cold.
    """

    partition: str
    sources: Sequence[Path]
    schema: pa.Schema
    digest: int
    generation: int

    @classmethod
    def of(cls, whole: Snapshot, partition: str) -> Rows:
        """Those of a partition that lies in hot or warm."""
        schema, digest = whole.schema, whole.data(partition)
        assert schema is not None and digest is not None, partition
        sources = [Path(path) for path in whole.paths([partition])]
        generation = whole.place(partition).then("cold").generation
        return cls(partition, sources, schema, digest, generation)


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

    Raises StorageError if the sources do not hold the rows that they must, or if what was written
    cannot be read back. The draft is gone then.
    """
    _check_sources(rows.sources)
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


def _check_sources(sources: Sequence[Path]) -> None:
    """Are the files there, with the checksum in their names where they have one?"""
    for path in sources:
        expected = named_checksum(path.name)
        if not path.exists():
            raise StorageError("the file is missing", where=str(path), fix=_MEND)
        if expected is not None and not checksum_of(path).startswith(expected):
            raise StorageError("its bytes are not those in its name", where=str(path), fix=_MEND)


def _write(rows: Rows, folder: Path, level: int) -> Recompressed:
    where = ", ".join(map(str, rows.sources))
    try:
        written = recompress(rows.sources, folder, rows.schema, level=level)
    except (pa.ArrowException, FileNotFoundError) as broken:
        raise StorageError(f"it cannot be read ({broken})", where=where, fix=_MEND) from None
    if signed(written.digest.value) != rows.digest:
        raise StorageError(
            f"the rows of {rows.partition} are not those that were committed (their digest "
            "differs)",
            where=where,
            fix=_MEND,
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
