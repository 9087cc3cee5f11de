"""The way to cold: an archive of each partition, then one hot commit that says that it is there.

Each archive is written anew under a name of its own, so that only the process that made it can ever
commit it, and only while hot's fence stands as it was noted before. That is what lets a sweep
remove archives that no token names (`cold_sweep`).
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...contract.model import TableContract
from ...delta import open_snapshot
from ...delta.commit import fence_stands
from ...delta.faults import fault_point
from ...delta.snapshot import Snapshot
from ...delta.whole import open_both
from ...errors import LakebookError, UserError
from ...intervals import NULL, WHOLE
from ...names import TierTables
from ..batches import in_batches
from ..clearing import clear_warm
from ..move import Moved
from ..placing import CHANGED, Fences, NewPlace, moved_on, set_places
from ..remedy import with_remedy
from ..warm import note_tables
from .archive_check import archive_damages
from .cold_folders import archive_folder, supersede, sync_above
from .make_archive import Made, Rows, make_archive
from .recompress import LEVEL

Progress = Callable[[str, int], None]
"""Called with a partition and the bytes of its files, when it is done."""


@dataclass(frozen=True)
class Archived(Moved):
    """`size_bytes`: of the files that were archived; `archive_bytes`: of their archives."""

    archive_bytes: int = 0


def archive(
    tables: TierTables,
    contract: TableContract,
    partitions: Iterable[str],
    *,
    run: str = "",
    level: int = LEVEL,
    metadata: Mapping[str, str] | None = None,
    fences: Fences | None = None,
    on_progress: Progress = lambda partition, size: None,
) -> Archived:
    """Move partitions from hot or warm to cold. One that changes meanwhile stays and is named.

    A partition that was restored, and is as it was, goes back to the archive that it has.

    Parameters
    ----------
    level: of zstd.
    fences: of a plan; a partition that has another one now stays.

    Copies that lay in warm are left to `sweep_warm`. Partitions are committed in batches; when one
    cannot be archived (StorageError), those before it are committed first.
    """
    run = run or f"archive-{uuid.uuid4().hex[:8]}"
    about = {"run": run, "operation_kind": "archive", **(metadata or {})}
    names = tuple(dict.fromkeys(partitions))
    _check_names(tables, names)
    _, whole = open_both(tables.hot, tables.warm)
    known, skipped = _split(whole, names, fences)
    sizes = {p: _size(whole, p) for p in known}
    job = _Job(tables, contract, run, level, fences, on_progress)
    archived = Archived(whole.version, (), skipped)
    for batch in in_batches(sizes):
        with with_remedy(tables, contract):
            archived = archived.then(job.archive(batch, about))
    return archived


def _check_names(tables: TierTables, partitions: Sequence[str]) -> None:
    for p in partitions:
        if p in (NULL, WHOLE) or "/" in p:
            raise UserError(
                f"{tables.dataset}: the partition {p} has no age and stays in hot",
                fix="name partitions of a day or a month",
            )


@dataclass
class _Batch:
    """Partitions that go to cold by one commit: what was noted of them, and their archives."""

    hot: Snapshot
    whole: Snapshot
    skipped: dict[str, str]
    ready: dict[str, int] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    failed: LakebookError | None = None

    def discard(self) -> None:
        for one in self.made.values():
            one.draft.discard()


@dataclass(frozen=True)
class _Job:
    """What the archives of a call have in common."""

    tables: TierTables
    contract: TableContract
    run: str
    level: int
    fences: Fences | None
    on_progress: Progress

    def archive(self, partitions: Sequence[str], metadata: Mapping[str, str]) -> Archived:
        noted = note_tables(self.tables, self.contract)
        clear = clear_warm(self.tables, noted.warm, partitions, metadata, fences=self.fences)
        hot, whole = open_both(self.tables.hot, self.tables.warm)
        fault_point("archive.after_note")
        fences = {p: self._fence(hot, p, clear) for p in partitions}
        wanted, skipped = _split(hot, partitions, fences)
        batch = _Batch(hot, whole, skipped)
        try:
            for p in wanted:
                if batch.failed is None:
                    self._make_ready(batch, p)
            archived = self._commit(batch, metadata)
        except BaseException:
            batch.discard()
            raise
        if batch.failed is not None:
            raise batch.failed
        return archived

    def _fence(self, hot: Snapshot, partition: str, clear: Mapping[str, int]) -> int:
        """The one that a partition must have: of what lies in hot, since warm was cleared."""
        if partition in clear:
            return clear[partition]
        if hot.place(partition).tier == "hot":
            return -1  # it was not cleared
        return hot.fence(partition) if self.fences is None else self.fences.get(partition, -1)

    def _make_ready(self, batch: _Batch, partition: str) -> None:
        hot, cold, standing = batch.hot, self.tables.cold, batch.hot.archive(partition)
        try:
            if standing is not None and self._is_whole(hot, partition, standing):
                batch.ready[partition] = standing
            else:
                rows = Rows.of(batch.whole, partition)
                one = make_archive(cold, self.contract, rows, run=self.run, level=self.level)
                batch.made[partition] = one
                batch.ready[partition] = one.archive
        except LakebookError as failed:
            if fence_stands(hot, open_snapshot(self.tables.hot), partition):
                batch.failed = failed
            else:
                batch.skipped[partition] = CHANGED  # others came in the place of its files
        else:
            self.on_progress(partition, _size(batch.whole, partition))

    def _is_whole(self, hot: Snapshot, partition: str, archive: int) -> bool:
        folder = archive_folder(self.tables.cold, partition, archive)
        return not any(archive_damages(folder, archive, rows_digest=hot.data(partition)))

    def _commit(self, batch: _Batch, metadata: Mapping[str, str]) -> Archived:
        """Put the archives in their places, all at once, and say so in hot's log."""
        if not batch.ready:
            return Archived(batch.hot.version, (), batch.skipped)
        fault_point("archive.before_rename")
        folders = {p: one.draft.publish(one.archive) for p, one in batch.made.items()}
        if folders:
            sync_above(self.tables.cold)
        fault_point("archive.after_rename")
        places = {p: NewPlace("cold", archive=archive) for p, archive in batch.ready.items()}
        placed = set_places(self.tables.hot, batch.hot, places, metadata)
        fault_point("archive.after_hot")
        for p in placed.skipped:
            # No log names it, and nobody but this process ever would.
            if p in folders and (folder := supersede(folders[p], time.time())):
                shutil.rmtree(folder, ignore_errors=True)
        files = batch.whole.files_in(placed.done)
        return Archived(
            placed.version,
            placed.done,
            {**batch.skipped, **placed.skipped},
            len(files),
            sum(file.size_bytes for file in files),
            sum(file.rows for file in files),
            sum(batch.made[p].manifest.size_bytes for p in placed.done if p in batch.made),
        )


def _split(
    hot: Snapshot, partitions: Sequence[str], fences: Fences | None
) -> tuple[list[str], dict[str, str]]:
    """The partitions that can be archived, and why not of the others."""
    wanted: list[str] = []
    skipped: dict[str, str] = {}
    for p in partitions:
        tier = hot.place(p).tier
        if hot.data(p) is None:
            skipped[p] = "it was never written"
        elif tier not in ("hot", "warm"):
            skipped[p] = f"it lies in {tier}" if tier == "cold" else "it was deleted by retention"
        elif moved_on(hot, p, fences):
            skipped[p] = CHANGED
        else:
            wanted.append(p)
    return wanted, skipped


def _size(whole: Snapshot, partition: str) -> int:
    return sum(file.size_bytes for file in whole.by_partition.get(partition, ()))
