"""After changes of place: what no log names any more goes, and what dead processes left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    from .vacuum import sweep_dataset, vacuum_dataset

    tables = tier_tables(settings.roots, dataset)
    done = (vacuum_dataset if with_vacuum else sweep_dataset)(tables, run=run).values()
    cold = sweep_cold(tables, run=run)
    ended = finish(settings, dataset, run=run)
    swept = tuple(sorted({*cold.superseded, *(p for one in done for p in one.stale)}))
    return Tidied(
        {str(dataset): swept} if swept else {},
        sum(len(one.sweep.deleted) + len(one.vacuum.deleted) for one in done)
        + cold.deleted
        + ended.files,
        sum(one.sweep.freed_bytes + one.vacuum.freed_bytes for one in done)
        + cold.freed_bytes
        + ended.size_bytes,
        sum(one.vacuum.kept_by_lease for one in done) + len(ended.kept),
    )
