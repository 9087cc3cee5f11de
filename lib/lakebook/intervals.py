"""Days, half-open intervals of days, and the partitions that they cut a dataset into.

Which column carries a dataset's time stands in its contract (`contract.model.TimeColumn`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from .errors import UserError

Unit = Literal["day", "month"]

WHOLE = "*"
"""The one partition of a dataset without time."""

NULL = "null"
"""The partition of rows whose time is null."""


FIRST_DAY, LAST_DAY = date(2, 1, 1), date(9999, 1, 1)
"""The edges of a calendar in which the partition before and the one after can be named."""


def parse_day(text: str | date, *, what: str = "date") -> date:
    """Return an ISO date; raise UserError with the text that is none."""
    if isinstance(text, date):
        return text
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        raise UserError(
            f"{what} {text!r} is not a date", fix="write it as YYYY-MM-DD, such as 2013-01-31"
        ) from None


@dataclass(frozen=True, order=True)
class Interval:
    """Days from `start` (inclusive) to `end` (exclusive); never empty."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start < FIRST_DAY or self.end > LAST_DAY:
            raise UserError(
                f"interval [{self.start}, {self.end}) reaches over the edge of the calendar",
                fix=f"use days from {FIRST_DAY} to {LAST_DAY}",
            )
        if self.end <= self.start:
            raise UserError(
                f"interval [{self.start}, {self.end}) is empty",
                fix="the end is the first day after the interval and must be later than the start",
            )

    @classmethod
    def parse(cls, start: str | date, end: str | date) -> Interval:
        return cls(parse_day(start, what="start"), parse_day(end, what="end"))

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def widen(self, unit: Unit) -> Interval:
        """Return the smallest interval of whole partitions that contains this one."""
        return Interval(floor(self.start, unit), _ceil(self.end, unit))

    def is_whole(self, unit: Unit) -> bool:
        return self.widen(unit) == self

    def expand(self, before_days: int = 0, after_days: int = 0) -> Interval:
        return Interval(
            self.start - timedelta(days=before_days), self.end + timedelta(days=after_days)
        )

    def split(self, unit: Unit) -> tuple[Interval, ...]:
        """Cut at the edges of `unit`; the first and last piece may be shorter than a whole one."""
        pieces, at = [], self.start
        while at < self.end:
            edge = min(next_edge(at, unit), self.end)
            pieces.append(Interval(at, edge))
            at = edge
        return tuple(pieces)

    def partitions(self, unit: Unit) -> tuple[str, ...]:
        """Names of the partitions that this interval touches, in order (see `partition_name`)."""
        return tuple(partition_name(piece.start, unit) for piece in self.widen(unit).split(unit))

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"


def floor(day: date, unit: Unit) -> date:
    return day.replace(day=1) if unit == "month" else day


def next_edge(day: date, unit: Unit) -> date:
    """First day of the partition after the one that holds `day`."""
    if unit == "day":
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _ceil(day: date, unit: Unit) -> date:
    return day if floor(day, unit) == day else next_edge(day, unit)


def partition_name(day: date, unit: Unit) -> str:
    return day.isoformat()[:7] if unit == "month" else day.isoformat()


def partition_interval(name: str) -> Interval:
    """The days of a partition named `2013-01` or `2013-01-31`."""
    unit: Unit = "month" if len(name) == 7 else "day"
    first = parse_day(f"{name}-01" if unit == "month" else name, what="partition")
    return Interval(first, next_edge(first, unit))


def merge_partitions(names: Iterable[str]) -> tuple[Interval, ...]:
    """Join adjacent partitions to the fewest intervals that hold exactly their days."""
    joined: list[Interval] = []
    for piece in sorted(partition_interval(name) for name in names if name not in (WHOLE, NULL)):
        if joined and joined[-1].end >= piece.start:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, piece.end))
        else:
            joined.append(piece)
    return tuple(joined)
