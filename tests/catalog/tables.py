"""Real tables of `silver.events`, and moves of their partitions, without a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.engines import get_engine
from lakebook.intervals import Interval
from lakebook.names import Dataset, TierTables, tier_tables
from lakebook.settings import Settings
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import NewPlace, set_places

EVENTS = Dataset("silver", "events")


def tables_of(settings: Settings) -> TierTables:
    return tier_tables(settings.roots, EVENTS)


def write_days(settings: Settings, days: int, *, rows: int = 5, first: str = "2013-01-01") -> None:
    """Write so many days from one on, each with the same number of rows."""
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    seen = [start + timedelta(days=day, minutes=row) for day in range(days) for row in range(rows)]
    frame = pl.DataFrame({"id": range(len(seen)), "seen": seen, "amount": range(len(seen))})
    interval = Interval(start.date(), start.date() + timedelta(days=days))
    contract, hot = find_table(settings, EVENTS), tables_of(settings).hot
    noted = delta.ensure_table(hot, contract)
    stage = delta.begin_stage(hot, "run")
    get_engine("polars").stage(frame, stage, contract, interval=interval)
    partitions = interval.partitions("day")
    delta.commit_replace(
        hot,
        stage=stage,
        inspection=delta.inspect(stage, contract),
        partitions=partitions,
        noted=noted,
        fps=dict.fromkeys(partitions, 1),
        metadata={},
    )


def to_warm(settings: Settings, *partitions: str) -> None:
    contract = find_table(settings, EVENTS)
    assert move_to_warm(tables_of(settings), contract, partitions).moved == partitions


def place(settings: Settings, partition: str, new: NewPlace) -> None:
    """Place a partition by hand: its files leave hot."""
    hot = tables_of(settings).hot
    assert set_places(hot, delta.open_snapshot(hot), {partition: new}, {}).done == (partition,)


def to_cold(settings: Settings, *partitions: str) -> int:
    """Archive partitions; returns the bytes of their archives."""
    done = archive(tables_of(settings), find_table(settings, EVENTS), partitions, level=3)
    assert done.moved == partitions
    return done.archive_bytes


def back_to_warm(settings: Settings, partition: str, until: datetime | None) -> None:
    contract = find_table(settings, EVENTS)
    assert restore(tables_of(settings), contract, [partition], expires=until).moved == (partition,)
