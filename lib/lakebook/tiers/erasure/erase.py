"""Takes a subject's rows out of a table: the partitions that have some are written anew without.

It is a write like any other: it lands in hot, raises the fence, sets `data/` to the digest of the
rows that stay (the digest adds up, so this is checked), and leaves `fp/` alone, so that no plan
makes the partition anew from sources that may still have the subject. Whoever lay in warm or cold
goes back there by a move of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...contract.model import Column, TableContract
from ...contract.types import type_of
from ...delta import begin_stage, commit_replace, inspect, open_snapshot, sweep
from ...delta.commit import fence_stands
from ...delta.digest import MASK, digest_rows
from ...delta.faults import fault_point
from ...delta.place import Tier
from ...delta.snapshot import Snapshot
from ...delta.staging import Stage
from ...delta.tokens import signed
from ...delta.whole import open_both
from ...errors import ConflictError, StorageError, storage_errors
from ...names import Dataset, TierTables
from ..batches import in_batches
from ..cold.archive import archive
from ..cold.named import named_files
from ..cold.recompress import LEVEL
from ..move import move_to_warm
from .search import Search
from .subject import Subject

_ROUNDS = 20
_MEND = "bring it back from a backup or run the partition again, then erase again"


@dataclass
class Erased:
    """rows: partition -> rows taken out of what readers see. came_from: where it lay before."""

    rows: dict[str, int] = field(default_factory=dict)
    came_from: dict[str, Tier] = field(default_factory=dict)


@dataclass(frozen=True)
class Now:
    """A dataset as it is: `hot` is what a writer notes; `files` hold the rows of each partition, in
    whatever tier (in cold those of its archive).
    """

    hot: Snapshot
    files: Mapping[str, Sequence[Path]]


def look_at(tables: TierTables) -> Now:
    hot, whole = open_both(tables.hot, tables.warm)
    files: dict[str, list[Path]] = {
        p: [hot.table / file.path for file in found] for p, found in whole.by_partition.items()
    }
    files |= {p: named_files(tables.cold, hot, p) for p in hot.placed("cold")}
    return Now(hot, files)


def erase_rows(tables: TierTables, search: Search, *, run: str) -> Erased:
    """Take the rows out of every partition of a table that has some.

    Raises StorageError for a partition whose rows are not those that its log says, and
    ConflictError if others keep writing the same partitions.
    """
    erased = Erased()
    for _ in range(_ROUNDS):
        now = look_at(tables)
        paths = [path for files in now.files.values() for path in files]
        hits = search.through(paths)
        if hits.unread:
            path, why = next(iter(hits.unread.items()))
            raise StorageError(
                f"a file cannot be read ({why})",
                where=str(path),
                fix=_MEND,
            )
        todo = {p: files for p, files in now.files.items() if any(f in hits.rows for f in files)}
        if not todo:
            return erased
        sizes = {p: sum(map(_size, files)) for p, files in todo.items()}
        for names in in_batches(sizes):
            batch = {p: todo[p] for p in names}
            for partition in _rewrite(tables, now, batch, search.subject, run):
                rows = sum(hits.rows.get(path, 0) for path in batch[partition])
                erased.rows[partition] = erased.rows.get(partition, 0) + rows
                erased.came_from.setdefault(partition, now.hot.place(partition).tier)
            fault_point("erase.after_commit")
    raise ConflictError(
        "others keep writing the partitions that hold the subject",
        where=str(tables.hot),
        fix="run it again when it is calm",
        partitions=tuple(todo),
    )


def go_back(
    tables: TierTables, contract: TableContract, erased: Erased, *, run: str, level: int = LEVEL
) -> None:
    """Move the partitions to where they lay. Killed before it, they age there by their policy.

    `level`: of zstd, for archives.
    """
    places = erased.came_from.items()
    if warm := [p for p, tier in places if tier == "warm"]:
        move_to_warm(tables, contract, warm, run=run)
    if cold := [p for p, tier in places if tier == "cold"]:
        archive(tables, contract, cold, run=run, level=level)
    fault_point("erase.after_return")


def of_one_table(table: Path, dataset: Dataset) -> TierTables:
    """A table that has no tiers: of an environment, or a quarantine."""
    return TierTables(dataset, table, table / ".none", table / ".none")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _rewrite(
    tables: TierTables,
    now: Now,
    batch: Mapping[str, Sequence[Path]],
    subject: Subject,
    run: str,
) -> tuple[str, ...]:
    """Commit a batch of partitions without the rows; those whose fence had moved are left."""
    sweep(tables.hot)
    contract = _contract_of(tables, now.hot)
    stage = begin_stage(tables.hot, run)
    try:
        try:
            with storage_errors("erasing rows", tables.hot):
                gone = {p: _stage_kept(stage, p, batch[p], contract, subject) for p in batch}
        except FileNotFoundError as missing:
            latest = open_snapshot(tables.hot)
            if not all(fence_stands(now.hot, latest, p) for p in batch):
                return ()  # moved or written meanwhile, and vacuumed
            raise StorageError(
                "a file that the log names is missing", where=str(missing.filename), fix=_MEND
            ) from None
        found = inspect(stage, contract)
        for p in batch:
            if signed((found.digest(p) + gone[p]) & MASK) != now.hot.data(p):
                raise StorageError(
                    f"the rows of {p} are not those that were committed: a file is damaged",
                    where=str(tables.hot),
                    fix=_MEND,
                )
        fault_point("erase.after_stage")
        done = commit_replace(
            tables.hot,
            stage=stage,
            inspection=found,
            partitions=tuple(batch),
            noted=now.hot,
            fps={},
            metadata={"run": run, "operation_kind": "erase"},
        )
    finally:
        stage.discard()
    return done.committed


def _stage_kept(
    stage: Stage,
    partition: str,
    sources: Iterable[Path],
    contract: TableContract,
    subject: Subject,
) -> int:
    """Stage the rows that stay, a file for each source; the digest of the others."""
    schema, gone, n = contract.arrow_schema(), 0, 0
    for source in sources:
        writer: pq.ParquetWriter | None = None
        try:
            with pq.ParquetFile(source) as file:
                for group in range(file.num_row_groups):
                    rows = file.read_row_group(group, use_threads=False)
                    theirs = _theirs(rows, subject)
                    gone += digest_rows(rows.filter(theirs)).value
                    kept = _conform(rows.filter(pc.invert(theirs)), schema)
                    if not kept.num_rows:
                        continue
                    if writer is None:
                        path = stage.file_path(partition, n)
                        writer = pq.ParquetWriter(
                            path, schema, compression="zstd", compression_level=1
                        )
                        n += 1
                    writer.write_table(kept)
        finally:
            if writer is not None:
                writer.close()
    return gone


def _theirs(rows: pa.Table, subject: Subject) -> pa.ChunkedArray:
    if not set(subject.columns) <= set(rows.column_names):  # a column that came later
        return pa.chunked_array([pa.repeat(False, rows.num_rows)], pa.bool_())
    return subject.rows_in(rows)


def _conform(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[f.name].cast(f.type) if f.name in rows.column_names else pa.nulls(len(rows), f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _contract_of(tables: TierTables, snapshot: Snapshot) -> TableContract:
    """The columns that the table has, whatever the contract's file says by now."""
    assert snapshot.schema is not None
    columns = []
    for f in snapshot.schema:
        kind = type_of(f.type)
        if kind is None:
            raise StorageError(f"column {f.name!r} is {f.type}", where=str(tables.hot))
        columns.append(Column(f.name, kind, nullable=f.nullable))
    return replace(_BARE, dataset=tables.dataset, columns=tuple(columns))


_BARE = TableContract(
    dataset=Dataset("bronze", "none"),
    path=Path(),
    version="",
    description="",
    columns=(),
    write="replace",
)
