"""Vacuum of a dataset: what was abandoned goes first, then what only old versions show."""

from __future__ import annotations

from dataclasses import dataclass

from ..delta import SweepResult, VacuumResult, open_snapshot, sweep, vacuum
from ..delta.cleaner import RETENTION_S
from ..names import TierTables
from .warm import sweep_warm


@dataclass(frozen=True)
class Vacuumed:
    """Of one table. sweep: stages of dead runs. stale: partitions whose copy in warm was removed.

    vacuum: the files that were deleted; with `dry_run` those that would be, before any sweep.
    """

    sweep: SweepResult
    stale: tuple[str, ...]
    vacuum: VacuumResult


def vacuum_dataset(
    tables: TierTables,
    *,
    retention_s: float = RETENTION_S,
    now: float | None = None,
    dry_run: bool = False,
) -> dict[str, Vacuumed]:
    """Vacuum the tables that a dataset has; by tier. Parameters as for `delta.vacuum`."""
    found = {}
    for tier, table in (("hot", tables.hot), ("warm", tables.warm)):
        if open_snapshot(table).version < 0:
            continue
        swept = SweepResult() if dry_run else sweep(table)
        stale = sweep_warm(tables) if tier == "warm" and not dry_run else ()
        done = vacuum(table, retention_s=retention_s, now=now, dry_run=dry_run)
        found[tier] = Vacuumed(swept, stale, done)
    return found
