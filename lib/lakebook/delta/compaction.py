"""Merges the small files of a partition into sorted ones of the target size.

The rows stay, and so do all tokens but the fence.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..engines.duckdb_sort import SORT_MEMORY_MB
from ..errors import DamageError, StorageError, UserError, did_you_mean, storage_errors
from . import commit
from . import tokens as token
from .checksums import name_by_checksum, named_checksum
from .damage import MISSING, bytes_damage
from .digest import Digest, digest_groups
from .faults import fault_point
from .footers import hides_nan
from .inspection import digest_files, read_footer
from .log import open_snapshot
from .rewriting import TARGET_BYTES, Layout, rewrite
from .snapshot import DataFile, Snapshot
from .staging import Stage, begin_stage
from .stats import file_stats
from .transaction import Change, NewFile, transact


@dataclass(frozen=True)
class CompactResult:
    """compacted: partitions that have fewer files now. skipped: someone wrote them meanwhile.

    Files and bytes are those that were merged, and those that came of it.
    """

    version: int
    compacted: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    def then(self, later: CompactResult) -> CompactResult:
        """Both, as one result."""
        return CompactResult(
            later.version,
            self.compacted + later.compacted,
            self.skipped + later.skipped,
            self.files_before + later.files_before,
            self.files_after + later.files_after,
            self.bytes_before + later.bytes_before,
            self.bytes_after + later.bytes_after,
        )


def small_files(
    snapshot: Snapshot,
    partitions: Iterable[str] | None = None,
    *,
    target_bytes: int = TARGET_BYTES,
) -> dict[str, tuple[DataFile, ...]]:
    """What a compaction merges: the files below the target size, where a partition has several.

    And files that hide a NaN from readers that go by footers, whatever their size is.
    """
    chosen = snapshot.partitions if partitions is None else dict.fromkeys(partitions)
    work = {}
    for p in chosen:
        files = snapshot.by_partition.get(p, ())
        small = [file for file in files if file.size_bytes < target_bytes]
        merged = set(small if len(small) > 1 else ())
        found = tuple(file for file in files if file in merged or _hides_nan(snapshot, file))
        if found:
            work[p] = found
    return work


def _hides_nan(snapshot: Snapshot, file: DataFile) -> bool:
    assert snapshot.schema is not None
    return hides_nan(snapshot.table / file.path, file.stats, snapshot.schema)


def compact(
    table: Path,
    partitions: Iterable[str] | None = None,
    *,
    sort_by: Sequence[str] = (),
    target_bytes: int = TARGET_BYTES,
    memory_mb: int = SORT_MEMORY_MB,
    run_id: str = "",
) -> CompactResult:
    """Merge the small files of partitions that have several, in one commit.

    Parameters
    ----------
    sort_by: columns that the new files are sorted by, most significant first; none: order is kept.
    memory_mb: what a sort may hold before it spills into the table's staging folder.

    Raises UserError for an unknown column, StorageError if an old file is damaged, or if the rows
    would not stay the same.
    """
    noted = open_snapshot(table)
    work = small_files(noted, partitions, target_bytes=target_bytes)
    if not work:
        return CompactResult(noted.version, ())
    _check_columns(noted, sort_by)
    layout = Layout(tuple(sort_by), target_bytes, memory_mb)
    stage = begin_stage(table, run_id or f"compact-{uuid.uuid4().hex[:8]}")
    try:
        new: dict[str, list[NewFile]] = {}
        with storage_errors("compacting", table):
            for partition, files in work.items():
                paths = _rewritten(stage, noted, files, layout)
                if paths is not None:
                    new[partition] = _described(stage, noted, partition, paths)
            return _commit(stage, noted, work, new)
    except BaseException:
        stage.discard()
        raise


def _check_columns(noted: Snapshot, sort_by: Sequence[str]) -> None:
    assert noted.schema is not None
    for column in sort_by:
        if column not in noted.schema.names:
            guess = did_you_mean(column, noted.schema.names)
            raise UserError(
                f"there is no column {column!r} to sort by{guess}", where=str(noted.table)
            )


def _rewritten(
    stage: Stage, noted: Snapshot, files: Sequence[DataFile], layout: Layout
) -> dict[Path, Digest] | None:
    """New files of a partition, on the disk; None if somebody replaced and deleted the old ones."""
    assert noted.schema is not None
    partition = files[0].partition
    sources = [noted.table / file.path for file in files]
    try:
        for path, file in zip(sources, files, strict=True):
            if what := bytes_damage(path, file):
                raise DamageError(what, where=str(path), partition=partition)
        paths, read = rewrite(stage, partition, sources, noted.schema, layout)
        _check_rows(noted, partition, files, read)
    except (DamageError, FileNotFoundError) as found:
        if not commit.fence_stands(noted, open_snapshot(noted.table), partition):
            return None
        if isinstance(found, DamageError):
            raise
        raise DamageError(MISSING, where=str(found.filename), partition=partition) from None
    written = digest_files({path: read_footer(path).num_row_groups for path in paths}, threads=2)
    if sum(written.values(), Digest(0)).value != read.value:
        raise StorageError(
            f"compacting {partition} would have changed its rows", where=str(noted.table)
        )
    return written


def _check_rows(noted: Snapshot, partition: str, files: Sequence[DataFile], read: Digest) -> None:
    """Raise DamageError if the rows that were read are not those that were written.

    Where checksums have told so already, files that are not merged are not read for it.
    """
    rest = [file for file in noted.by_partition[partition] if file not in files]
    if rest and all(named_checksum(file.path) for file in files):
        return
    for file in rest:
        read += sum(digest_groups(noted.table / file.path), Digest(0))
    if noted.data(partition) not in (None, token.signed(read.value)):
        raise DamageError(
            "the files do not hold the rows that were written (their digest differs)",
            where=str((noted.table / files[0].path).parent),
            partition=partition,
        )


def _described(
    stage: Stage, noted: Snapshot, partition: str, digests: Mapping[Path, Digest]
) -> list[NewFile]:
    assert noted.schema is not None
    new = []
    named_paths = name_by_checksum(stage, list(digests), threads=2)
    for digest, named in zip(digests.values(), named_paths, strict=True):
        stats = file_stats(read_footer(named), noted.schema, nan_columns=digest.nan_columns)
        relative = named.relative_to(stage.table).as_posix()
        new.append(NewFile(relative, partition, named.stat().st_size, json.dumps(stats)))
    return new


def _commit(
    stage: Stage,
    noted: Snapshot,
    work: Mapping[str, Sequence[DataFile]],
    new: Mapping[str, Sequence[NewFile]],
) -> CompactResult:
    done: list[str] = []

    def decide(now: Snapshot) -> Change | None:
        stage.check_stands()
        done[:] = [p for p in new if commit.fence_stands(noted, now, p)]
        if not done:
            return None
        return Change(
            adds=tuple(file for p in done for file in new[p]),
            removes=tuple(file for p in done for file in work[p]),
            tokens={token.fence(p): now.fence(p) + 1 for p in done},
            metadata={"run": stage.run_id, "operation_kind": "compact"},
            data_change=False,
        )

    fault_point("compact.before_commit")
    version = transact(stage.table, decide, last=stage.check_stands)
    stage.finish(frozenset(file.path for p in done for file in new[p]))
    before = [file for p in done for file in work[p]]
    after = [file for p in done for file in new[p]]
    return CompactResult(
        version,
        tuple(done),
        tuple(p for p in work if p not in done),
        len(before),
        len(after),
        sum(file.size_bytes for file in before),
        sum(file.size_bytes for file in after),
    )
