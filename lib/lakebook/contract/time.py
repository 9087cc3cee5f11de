"""From days in a contract's zone to values of its time column, and back to partitions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ..intervals import WHOLE, Interval
from .model import TableContract


def bounds(
    contract: TableContract, interval: Interval
) -> tuple[date, date] | tuple[datetime, datetime]:
    """First value inside and first value after the interval, in the time column's own type.

    A timestamp column holds UTC without a zone, so the edges are midnight in the contract's zone.
    """
    assert contract.time is not None
    if contract.column(contract.time.column).type == "date":
        return interval.start, interval.end
    zone = ZoneInfo(contract.time.zone)

    def midnight(day: date) -> datetime:
        local = datetime(day.year, day.month, day.day, tzinfo=zone)
        return local.astimezone(UTC).replace(tzinfo=None)

    return midnight(interval.start), midnight(interval.end)


def partitions_of(contract: TableContract, interval: Interval | None) -> tuple[str, ...]:
    """Names of the partitions that an interval touches (without the null partition)."""
    if contract.time is None:
        return (WHOLE,)
    if interval is None:
        return ()
    return interval.partitions(contract.time.unit)
