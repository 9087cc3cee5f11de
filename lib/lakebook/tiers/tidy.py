"""After changes of place: what no log names any more goes, and what dead processes left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..delta.log import open_snapshot
from ..delta.sweeper import sweep
from ..names import Dataset, tier_tables
from ..settings import Settings


@dataclass(frozen=True)
class Tidied:
    """swept: dataset -> partitions whose stale copy in warm, or archive in cold, was taken away.

    deleted, freed_bytes: files that went from the disk. kept_by_lease: files that a reader holds.
    """

    swept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deleted: int = 0
    freed_bytes: int = 0
    kept_by_lease: int = 0

    def then(self, later: Tidied) -> Tidied:
        return Tidied(
            {**self.swept, **later.swept},
            self.deleted + later.deleted,
            self.freed_bytes + later.freed_bytes,
            self.kept_by_lease + later.kept_by_lease,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "swept": {name: list(names) for name, names in self.swept.items()},
            "deleted_files": self.deleted,
            "freed_bytes": self.freed_bytes,
            "kept_by_lease": self.kept_by_lease,
        }


def tidy(settings: Settings, dataset: Dataset, *, run: str, with_vacuum: bool) -> Tidied:
    """Sweep the tiers of a dataset, and finish deletions that were interrupted.

    Parameters
    ----------
    with_vacuum: also delete files that were removed longer ago than vacuum's retention.
    """
    from .cold.cold_sweep import sweep_cold
    from .retention import finish
    from .vacuum import vacuum_dataset
    from .warm import sweep_warm

    tables = tier_tables(settings.roots, dataset)
    both = (tables.hot, tables.warm)
    results = [sweep(table) for table in both if open_snapshot(table).version >= 0]
    deleted = sum(len(swept.deleted) for swept in results)
    freed = sum(swept.freed_bytes for swept in results)
    stale = set(sweep_warm(tables, run=run))
    cold = sweep_cold(tables, run=run)
    ended = finish(settings, dataset, run=run)
    deleted += cold.deleted + ended.files
    freed += cold.freed_bytes + ended.size_bytes
    kept = len(ended.kept)
    if with_vacuum:
        for done in vacuum_dataset(tables).values():
            deleted += len(done.vacuum.deleted)
            freed += done.vacuum.freed_bytes
            kept += done.vacuum.kept_by_lease
    swept = tuple(sorted(stale | set(cold.superseded)))
    return Tidied({str(dataset): swept} if swept else {}, deleted, freed, kept)
