"""Compaction of a dataset: each partition where it lies, sorted by time and key."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract.model import TableContract
from ..delta import CompactResult, compact, open_snapshot, small_files, sweep
from ..delta.rewriting import TARGET_BYTES
from ..delta.snapshot import DataFile, Snapshot
from ..delta.whole import has_copy
from ..engines.duckdb_sort import SORT_MEMORY_MB
from ..names import TierTables
from .batches import in_batches
from .operation import Operation
from .remedy import with_remedy

_STEP_BYTES = 1 << 30  # merged by one commit: what a kill undoes, and needs room beside the old


@dataclass(frozen=True)
class Compaction:
    """What is to be merged in one of a dataset's tables; `tier` is hot or warm."""

    dataset: str
    tier: str
    table: Path
    sort_by: tuple[str, ...]
    work: Mapping[str, tuple[DataFile, ...]]  # partition -> its small files
    tables: TierTables
    contract: TableContract

    @property
    def files(self) -> int:
        return sum(map(len, self.work.values()))

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for files in self.work.values() for file in files)

    def operation(self, done: CompactResult, reason: str) -> Operation:
        """What was merged, for a run's record."""
        return Operation(
            "compact",
            self.dataset,
            done.compacted,
            self.tier,
            self.tier,
            files=done.files_before,
            size_bytes=done.bytes_before,
            reason=reason,
        )


def plan_compaction(
    tables: TierTables,
    contract: TableContract,
    partitions: Iterable[str] | None = None,
    *,
    target_bytes: int = TARGET_BYTES,
) -> tuple[Compaction, ...]:
    """What a compaction of a dataset would merge, hot first; a tier without work is left out."""
    hot, warm = open_snapshot(tables.hot), open_snapshot(tables.warm)
    chosen = None if partitions is None else frozenset(partitions)
    places: dict[str, tuple[Snapshot, Sequence[str]]] = {
        "hot": (hot, hot.partitions),
        # A copy that hot does not place in warm is stale: its sweep is near.
        "warm": (warm, [p for p in hot.placed("warm") if has_copy(hot, warm, p)]),
    }
    found = []
    for tier, (snapshot, there) in places.items():
        wanted = [p for p in there if chosen is None or p in chosen]
        work = small_files(snapshot, wanted, target_bytes=target_bytes)
        if work:
            by = sort_columns(contract, snapshot.schema)
            found.append(
                Compaction(str(tables.dataset), tier, snapshot.table, by, work, tables, contract)
            )
    return tuple(found)


def sort_columns(contract: TableContract, schema: Any) -> tuple[str, ...]:
    """Time, then the key; those of them that the table has."""
    time = () if contract.time is None else (contract.time.column,)
    return tuple(c for c in dict.fromkeys((*time, *contract.key)) if c in schema.names)


def run_compaction(
    plan: Compaction,
    *,
    target_bytes: int = TARGET_BYTES,
    memory_mb: int = SORT_MEMORY_MB,
    run: str = "",
    on_progress: Callable[[CompactResult], None] | None = None,
) -> CompactResult:
    """Merge what a plan names, in several commits where it is much; give their sum.

    Partitions that were written since are merged as they are now, or skipped and named.
    """
    run = run or f"compact-{uuid.uuid4().hex[:8]}"
    sweep(plan.table)
    total = CompactResult(open_snapshot(plan.table).version, ())
    sizes = {p: sum(file.size_bytes for file in files) for p, files in plan.work.items()}
    for partitions in in_batches(sizes, most_bytes=_STEP_BYTES, most=len(sizes)):
        with with_remedy(plan.tables, plan.contract):
            done = compact(
                plan.table,
                partitions,
                sort_by=plan.sort_by,
                target_bytes=target_bytes,
                memory_mb=memory_mb,
                run_id=run,
            )
        total = total.then(done)
        if on_progress is not None:
            on_progress(done)
    return total
