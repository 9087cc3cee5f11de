"""The move of partitions from hot to warm: their files go as they are, and no row is decoded."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

from ..contract.model import TableContract
from ..delta.checksums import named_checksum
from ..delta.faults import fault_point
from ..delta.snapshot import DataFile, Snapshot
from ..names import TierTables
from .copying import Source
from .file_check import check_rows
from .operation import Operation
from .placing import CHANGED, Fences, NewPlace, Placed, moved_on
from .remedy import with_remedy
from .warm import bring_to_warm, note_tables


@dataclass(frozen=True)
class Moved:
    """moved: what lies in its new tier now, and its files, rows and bytes. skipped: why not."""

    version: int
    moved: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    files: int = 0
    size_bytes: int = 0
    rows: int = 0

    @classmethod
    def of(
        cls, placed: Placed, sources: Iterable[Source], skipped: Mapping[str, str] | None = None
    ) -> Self:
        moved = [s for s in sources if s.partition in placed.done]
        size, rows = sum(s.size_bytes for s in moved), sum(s.rows for s in moved)
        more = {**(skipped or {}), **placed.skipped}
        return cls(placed.version, placed.done, more, len(moved), size, rows)

    def then(self, later: Self) -> Self:
        """This and what followed, as one."""
        sums = {
            field.name: getattr(self, field.name) + getattr(later, field.name)
            for field in fields(self)
            if field.name not in ("version", "skipped")
        }
        return replace(later, skipped={**self.skipped, **later.skipped}, **sums)

    def operation(
        self, kind: str, tables: TierTables, source: str, target: str, reason: str
    ) -> Operation:
        """What was moved, for a run's record."""
        return Operation(
            kind,
            str(tables.dataset),
            self.moved,
            source,
            target,
            self.files,
            self.rows,
            self.size_bytes,
            reason,
        )


def move_to_warm(
    tables: TierTables,
    contract: TableContract,
    partitions: Iterable[str],
    *,
    run: str = "",
    metadata: Mapping[str, str] | None = None,
    fences: Fences | None = None,
) -> Moved:
    """Move partitions that lie in hot to warm. One that changes meanwhile stays and is named.

    `fences`: of a plan; a partition that has another one now stays, too.
    """
    run = run or f"move-{uuid.uuid4().hex[:8]}"
    noted = note_tables(tables, contract)
    fault_point("move.after_note")
    wanted, skipped = split_by_place(noted.hot, partitions, "hot", fences)
    sources = sources_of(noted.hot, wanted)
    if not sources:
        return Moved(noted.hot.version, (), skipped)
    places = dict.fromkeys(wanted, NewPlace("warm"))
    about = {"operation_kind": "move", **(metadata or {})}
    with with_remedy(tables, contract):
        check_rows(noted.hot, sources)
        placed = bring_to_warm(tables, noted, sources, places, run=run, metadata=about)
    return Moved.of(placed, sources, skipped)


def split_by_place(
    hot: Snapshot, partitions: Iterable[str], tier: str, fences: Fences | None = None
) -> tuple[list[str], dict[str, str]]:
    """The partitions that lie in a tier, and why not of the others."""
    wanted: list[str] = []
    skipped: dict[str, str] = {}
    for p in dict.fromkeys(partitions):
        place = hot.place(p).tier
        if hot.data(p) is None:
            skipped[p] = "it was never written"
        elif place != tier:
            skipped[p] = f"it lies in {place}"
        elif moved_on(hot, p, fences):
            skipped[p] = CHANGED
        else:
            wanted.append(p)
    return wanted, skipped


def sources_of(snapshot: Snapshot, partitions: Iterable[str]) -> list[Source]:
    """The files of partitions to copy, with the checksum that a name states."""
    return [_source(snapshot, file) for file in snapshot.files_in(partitions)]


def _source(snapshot: Snapshot, file: DataFile) -> Source:
    return Source(
        partition=file.partition,
        path=snapshot.table / file.path,
        stats_json=file.stats_json or "{}",
        size_bytes=file.size_bytes,
        expected=named_checksum(file.path),
    )
