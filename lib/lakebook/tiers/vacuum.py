"""Vacuum of a dataset: what was abandoned goes first, then what only old versions show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..delta import SweepResult, VacuumResult, open_snapshot, sweep, vacuum
from ..delta.cleaner import RETENTION_S
from ..names import TierTables
from .warm import sweep_warm


@dataclass(frozen=True)
class Vacuumed:
    """Of one table. sweep: stages of dead runs. stale: partitions whose copy in warm was removed.

    vacuum: the files that were deleted; with `dry_run` those that would be, before any sweep.
    """

    sweep: SweepResult = field(default_factory=SweepResult)
    stale: tuple[str, ...] = ()
    vacuum: VacuumResult = field(default_factory=lambda: VacuumResult((), 0, 0))


def sweep_dataset(tables: TierTables, *, run: str = "") -> dict[str, Vacuumed]:
    """Sweep the tables that a dataset has, and warm of what hot does not place there; by tier."""
    swept = {tier: Vacuumed(sweep(table)) for tier, table in _there(tables)}
    if "warm" in swept:
        swept["warm"] = replace(swept["warm"], stale=sweep_warm(tables, run=run))
    return swept


def vacuum_dataset(
    tables: TierTables,
    *,
    run: str = "",
    retention_s: float = RETENTION_S,
    now: float | None = None,
    dry_run: bool = False,
) -> dict[str, Vacuumed]:
    """Sweep and vacuum the tables that a dataset has; by tier. Parameters as `delta.vacuum` has."""
    swept = {} if dry_run else sweep_dataset(tables, run=run)
    return {
        tier: replace(
            swept.get(tier, Vacuumed()),
            vacuum=vacuum(table, retention_s=retention_s, now=now, dry_run=dry_run),
        )
        for tier, table in _there(tables)
    }


def _there(tables: TierTables) -> list[tuple[str, Path]]:
    both = (("hot", tables.hot), ("warm", tables.warm))
    return [(tier, table) for tier, table in both if open_snapshot(table).version >= 0]
