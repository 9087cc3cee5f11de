"""From days in a contract's zone to values of its time column, and back to partitions.

A day of a zone is not always one piece of time: where clocks go back over midnight it begins, ends
and begins again, and a zone that changes sides of the date line skips one.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from ..intervals import FIRST_DAY, WHOLE, Interval
from ..zones import Piece, pieces
from .model import TableContract

Value = date | datetime
Span = tuple[Value, Value]

_FARTHEST = timedelta(hours=27)
"""No zone was ever farther from UTC than 16 hours; a change moves it by a day at most."""
_RULED = date(1830, 1, 1), date(2100, 1, 1)
"""Before the first no zone had a law on its clocks; after the last, who knows."""


def spans(contract: TableContract, interval: Interval) -> tuple[Span, ...]:
    """The values of the time column inside an interval: half-open ranges in order, in its own type.

    A timestamp column holds UTC without a zone. There is more than one range where the first or the
    last day begins twice, and none where the zone skipped the interval.
    """
    assert contract.time is not None
    if contract.column(contract.time.column).type == "date":
        return ((interval.start, interval.end),)
    begun = _turns(contract.time.zone, interval.start)
    over = _turns(contract.time.zone, interval.end)
    found: list[tuple[datetime, datetime]] = []
    is_begun = is_over = False
    for at, after in itertools.pairwise([*sorted({*begun, *over}), datetime.max]):
        is_begun ^= at in begun
        is_over ^= at in over
        if not is_begun or is_over:
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], after)
        else:
            found.append((at, after))
    return tuple(found)


def bounds(contract: TableContract, interval: Interval) -> Span:
    """First value inside and first value after the interval, in the time column's own type.

    Between them may lie values of the day before or after it (see `spans`): it is for leaving out
    what cannot be needed, not for choosing rows.
    """
    found = spans(contract, interval)
    if not found:
        assert contract.time is not None
        skipped = _turns(contract.time.zone, interval.start)[0]
        return skipped, skipped
    return found[0][0], found[-1][1]


def inside(column: Any, contract: TableContract, interval: Interval) -> Any:
    """Whether a column's value lies in the interval; an expression of the column's own engine.

    It is null where the value is.
    """
    ranges = [(column >= low) & (column < high) for low, high in spans(contract, interval)]
    if not ranges:  # a day that the zone skipped
        low, high = bounds(contract, interval)
        ranges = [(column >= low) & (column < high)]
    return functools.reduce(operator.or_, ranges)


def inside_sql(column: str, contract: TableContract, interval: Interval) -> str:
    """As `inside`, in SQL. `column`: as it is quoted there."""
    ranges = spans(contract, interval) or (bounds(contract, interval),)
    parts = [f"({column} >= '{low}' and {column} < '{high}')" for low, high in ranges]
    return " or ".join(parts)


def partitions_of(contract: TableContract, interval: Interval | None) -> tuple[str, ...]:
    """Names of the partitions that an interval touches (without the null partition)."""
    if contract.time is None:
        return (WHOLE,)
    if interval is None:
        return ()
    return interval.partitions(contract.time.unit)


def local_time(value: Any, contract: TableContract, within: Interval | None, api: Any) -> Any:
    """A timestamp (UTC) as the clocks of the contract's zone show it.

    Parameters
    ----------
    value: an expression; `api`: the module that it is of, `polars` or `narwhals`.
    within: days outside of which a value need not be exact, only stay outside; None: all days that
        have changes of clocks.
    """
    assert contract.time is not None
    if contract.time.zone == "UTC":
        return value
    first, last = (within.start, within.end) if within else _RULED
    start = _midnight(max(first, FIRST_DAY)) - 2 * _FARTHEST
    held = pieces(contract.time.zone, max(start, datetime.min), _midnight(last) + 2 * _FARTHEST)

    def offset(of: Sequence[Piece]) -> Any:
        # By halves: one inside the other, the 270 pieces of a zone are more than engines can parse.
        if len(of) == 1:
            return api.lit(of[0].offset)
        half = len(of) // 2
        before = api.when(value < of[half - 1].end).then(offset(of[:half]))
        return before.otherwise(offset(of[half:]))

    return value + offset(held)


@functools.lru_cache(maxsize=1 << 16)
def _turns(zone: str, day: date) -> tuple[datetime, ...]:
    """The moments (UTC) at which a zone's clocks come to `day`, leave it backwards, and come again.

    An odd number, in order: before the first all local days are earlier, after the last none is.
    """
    midnight = _midnight(day)
    if zone == "UTC":
        return (midnight,)
    held = pieces(zone, midnight - _FARTHEST, midnight + _FARTHEST)
    if len(held) == 1:
        return (midnight - held[0].offset,)
    found: list[datetime] = []
    is_there = False
    for piece in held:
        # Within a piece clocks only go forward.
        begins = (piece.start, piece.start + piece.offset >= midnight)
        for at, now in (begins, (midnight - piece.offset, True)):
            if piece.start <= at < piece.end and now != is_there:
                found.append(at)
                is_there = now
    return tuple(found)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
