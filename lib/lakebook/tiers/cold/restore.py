"""The way back from cold: the files of archives, as they are, to warm or hot, for a time or not.

The archive stays, and hot's log goes on naming it for as long as the partition holds the same rows:
when the time is over, the copy is dropped by one commit (`fall_back`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from ...contract.model import TableContract
from ...delta import open_snapshot
from ...delta import tokens as token
from ...delta.commit import fence_stands
from ...delta.faults import fault_point
from ...delta.snapshot import Snapshot
from ...delta.sweeper import sweep
from ...delta.transaction import Change, transact
from ...errors import ConflictError, DamageError, StorageError
from ...names import TierTables
from ..batches import in_batches
from ..copying import Source
from ..intact import is_intact_copy
from ..move import Moved
from ..placing import CHANGED, NewPlace, Placed
from ..promote import bring_to_hot
from ..remedy import with_remedy
from ..warm import Noted, bring_to_warm, note_tables
from .archive import Progress
from .cold_folders import archive_folder
from .fall_back import fall_back
from .manifest import ArchiveFile, Manifest
from .restore_plan import check_restorable, manifests_in_cold

__all__ = ["Restored", "fall_back", "restore"]


@dataclass(frozen=True)
class Restored(Moved):
    """`moved`: partitions that were copied back; `prolonged`: those whose copy stays longer now."""

    prolonged: tuple[str, ...] = ()


def restore(
    tables: TierTables,
    contract: TableContract,
    partitions: Iterable[str],
    *,
    to: Literal["warm", "hot"] = "warm",
    expires: datetime | None = None,
    run: str = "",
    metadata: Mapping[str, str] | None = None,
    on_progress: Progress = lambda partition, size: None,
) -> Restored:
    """Bring partitions back from cold. A copy that was brought back before stays longer; one that
    is damaged is made anew.

    Parameters
    ----------
    expires: until when a copy stays (with a zone); None: until its policy moves it.

    Raises UserError for an unknown partition, and if no archive holds any of them; StorageError
    naming the file for a damaged archive: nothing of its batch is restored then.
    """
    names = tuple(dict.fromkeys(partitions))
    hot = open_snapshot(tables.hot)
    check_restorable(tables.dataset, hot, names)
    with with_remedy(tables, contract), _unless_replaced(tables, hot, names):
        manifests = manifests_in_cold(tables, hot, names)
    sizes = {p: manifests[p].size_bytes if p in manifests else 0 for p in names}
    job = _Job(
        tables,
        contract,
        to,
        0 if expires is None else int(expires.timestamp()),
        run or f"restore-{uuid.uuid4().hex[:8]}",
        {"operation_kind": "restore", **(metadata or {})},
    )
    restored = Restored(hot.version, ())
    for batch in in_batches(sizes):
        with with_remedy(tables, contract):
            part = job.restore(batch)
        restored = restored.then(part)
        for p in (*part.moved, *part.prolonged):
            on_progress(p, sizes[p])
    return restored


@contextmanager
def _unless_replaced(
    tables: TierTables, noted: Snapshot, partitions: Sequence[str]
) -> Iterator[None]:
    """An archive that is missing was swept, if its partition has changed since it was noted."""
    try:
        yield
    except StorageError as failed:
        now = open_snapshot(tables.hot)
        changed = [p for p in partitions if not fence_stands(noted, now, p)]
        if not changed:
            raise
        raise ConflictError(
            "an archive was replaced while it was copied",
            where=str(failed.where or tables.cold),
            fix="run it again",
            partitions=changed,
        ) from None


@dataclass(frozen=True)
class _Job:
    """What the restores of a call have in common. `expires`: seconds since 1970; 0: for good."""

    tables: TierTables
    contract: TableContract
    to: Literal["warm", "hot"]
    expires: int
    run: str
    metadata: Mapping[str, str]

    def restore(self, partitions: Sequence[str]) -> Restored:
        noted = self._note()
        hot = noted.hot
        fault_point("restore.after_note")
        lost = _lost(self.tables, hot, partitions)
        cold, here, skipped = _split(hot, partitions, self.expires, lost)
        with _unless_replaced(self.tables, hot, cold):
            manifests = manifests_in_cold(self.tables, hot, cold, lost=lost)
            sources = [s for p, found in manifests.items() for s in self._sources(hot, p, found)]
            fault_point("restore.after_manifests")
            placed = self._bring(noted, sources, cold) if sources else Placed(hot.version, ())
        longer = self._prolong(hot, here) if here else Placed(placed.version, ())
        restored = Restored.of(placed, sources, {**skipped, **longer.skipped})
        version = max(placed.version, longer.version)
        return replace(restored, version=version, prolonged=longer.done)

    def _note(self) -> Noted:
        if self.to == "warm":
            return note_tables(self.tables, self.contract)
        sweep(self.tables.hot)
        warm = Snapshot(self.tables.warm, -1)  # nothing goes there
        return Noted(warm, open_snapshot(self.tables.hot))

    def _sources(self, hot: Snapshot, partition: str, manifest: Manifest) -> list[Source]:
        archive = hot.archive(partition)
        assert archive is not None
        folder = archive_folder(self.tables.cold, partition, archive)
        return [_source(partition, folder, file) for file in manifest.files]

    def _bring(self, noted: Noted, sources: list[Source], partitions: Sequence[str]) -> Placed:
        places = dict.fromkeys(partitions, NewPlace(self.to, expires=self.expires))
        run, about = self.run, self.metadata
        if self.to == "warm":
            return bring_to_warm(self.tables, noted, sources, places, run=run, metadata=about)
        return bring_to_hot(self.tables, noted.hot, sources, places, run=run, metadata=about)

    def _prolong(self, noted: Snapshot, partitions: Sequence[str]) -> Placed:
        """Let copies stay longer. The fence is raised so that a fall back under way looks again."""
        done: list[str] = []

        def decide(now: Snapshot) -> Change | None:
            done[:] = [p for p in partitions if fence_stands(noted, now, p)]
            tokens: dict[str, int] = {}
            for p in done:
                tokens |= {token.fence(p): now.fence(p) + 1, token.expires(p): self.expires}
            metadata = {"run": self.run, **self.metadata}
            return Change(tokens=tokens, metadata=metadata) if done else None

        fault_point("restore.before_prolong")
        version = transact(self.tables.hot, decide)
        fault_point("restore.after_prolong")
        return Placed(version, tuple(done), {p: CHANGED for p in partitions if p not in done})


def _lost(tables: TierTables, hot: Snapshot, partitions: Sequence[str]) -> frozenset[str]:
    """Those that were brought back, and whose copy is missing or damaged."""
    back = [p for p in partitions if hot.place(p).tier in ("hot", "warm") and hot.archive(p)]
    return frozenset(p for p in back if not is_intact_copy(tables, hot, p))


def _split(
    hot: Snapshot, partitions: Sequence[str], expires: int, lost: Collection[str]
) -> tuple[list[str], list[str], dict[str, str]]:
    """Those that lie in cold, those whose copy is to stay longer, and why neither of the others."""
    cold: list[str] = []
    here: list[str] = []
    skipped: dict[str, str] = {}
    for p in partitions:
        tier, until = hot.place(p).tier, hot.expires(p)
        if tier == "cold" or p in lost:
            cold.append(p)
        elif tier == "deleted":
            skipped[p] = "it was deleted by retention"
        elif hot.archive(p) is None:
            skipped[p] = f"it lies in {tier} and needs no restore"
        elif until is None:
            skipped[p] = f"its copy stays in {tier} until its policy moves it"
        elif expires and expires <= until:
            skipped[p] = f"its copy stays in {tier} until {_day(until)}"
        else:
            here.append(p)
    return cold, here, skipped


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="minutes")[:16] + " UTC"


def _source(partition: str, folder: Path, file: ArchiveFile) -> Source:
    """A file of an archive, to copy; its checksum is compared while it is copied."""
    path = folder / file.name
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise DamageError(
            "the archive is damaged: the file is missing", where=str(path), partition=partition
        ) from None
    if found != file.size_bytes:
        raise DamageError(
            f"the archive is damaged: it has {found:,} bytes and its manifest says "
            f"{file.size_bytes:,}",
            where=str(path),
            partition=partition,
        )
    return Source(partition, path, json.dumps(file.stats), file.size_bytes, file.sha256)
