"""How many rows a source has by the day of their time, so that none is left out in silence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from ..contract.model import TableContract
from ..intervals import Interval
from ..zones import Piece, pieces

if TYPE_CHECKING:
    import polars as pl

_TOP_DAYS = 3
_DAY_US = 86_400_000_000
_FIRST_DAY, _LAST_DAY = ((day - date(1970, 1, 1)).days for day in (date.min, date.max))


@dataclass(frozen=True)
class SourceRows:
    """Rows of a source: by day (ISO, in the contract's zone), and those without a time.

    A dataset without a time column has all of them under `undated`. `within`: rows that are known
    to lie in the interval, so that nobody counted their days.
    """

    days: Mapping[str, int]
    undated: int
    within: int = 0

    @property
    def total(self) -> int:
        return sum(self.days.values()) + self.undated + self.within

    def landed(self, interval: Interval | None) -> int:
        """Rows that a landing of the interval has: those without a time belong to each."""
        if interval is None:
            return self.total
        inside = sum(rows for day, rows in self.days.items() if _is_in(day, interval))
        return self.undated + self.within + inside

    def outside(self, interval: Interval | None) -> dict[str, int]:
        """Day -> rows that the interval leaves out, in order."""
        if interval is None:
            return {}
        return {day: n for day, n in sorted(self.days.items()) if not _is_in(day, interval)}

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SourceRows:
        return cls(**json.loads(text))


def count_rows(frame: pl.LazyFrame, contract: TableContract) -> SourceRows:
    """Count rows that have the time column in the contract's type, by one aggregate of it alone."""
    import polars as pl

    if contract.time is None:
        return SourceRows({}, frame.select(pl.len()).collect(engine="streaming").item())
    value = pl.col(contract.time.column)
    if contract.column(contract.time.column).type == "timestamp":
        days = partial(_local_days, zone=contract.time.zone)
        value = value.map_batches(days, return_dtype=pl.Date, is_elementwise=True)
    counted = frame.group_by(value.alias("day")).len().collect(engine="streaming")
    days_of = {day.isoformat(): rows for day, rows in counted.iter_rows() if day is not None}
    return SourceRows(dict(sorted(days_of.items())), sum(counted["len"]) - sum(days_of.values()))


def _local_days(times: pl.Series, zone: str) -> pl.Series:
    """The day that clocks of a zone show at each time (UTC)."""
    import numpy as np
    import polars as pl

    ticks = times.drop_nulls().to_physical().to_numpy()
    if not len(ticks):
        return pl.Series(times.name, [None] * len(times), dtype=pl.Date)
    years = np.unique(ticks.astype("datetime64[us]").astype("datetime64[Y]").astype(int)) + 1970
    held = [piece for year in years for piece in _pieces(zone, int(year))]
    starts = np.array([piece.start for piece in held], "datetime64[us]").astype(np.int64)
    offsets = np.array([piece.offset for piece in held], "timedelta64[us]").astype(np.int64)
    local = ticks + offsets[np.maximum(np.searchsorted(starts, ticks, "right") - 1, 0)]
    # The first and last hours of the calendar may show a day that it has not.
    days = np.clip(local // _DAY_US, _FIRST_DAY, _LAST_DAY)
    found = pl.Series(times.name, days, dtype=pl.Int64).cast(pl.Date)
    if len(found) == len(times):
        return found
    every = times.is_not_null().arg_true()
    return pl.Series(times.name, [None] * len(times), dtype=pl.Date).scatter(every, found)


def _pieces(zone: str, year: int) -> tuple[Piece, ...]:
    year = min(max(year, 2), 9998)  # a zone cannot be asked over the edge of the calendar
    return pieces(zone, datetime(year, 1, 1), datetime(year + 1, 1, 1))


def in_words(rows: SourceRows, interval: Interval | None) -> str:
    """`5 rows, 2 landed; 3 outside the interval: 3 before (2012-12-31: 2, 2012-12-30: 1)`."""
    said = f"{rows.total:,} rows, {rows.landed(interval):,} landed"
    if interval is None:
        return said
    if rows.undated:
        said += f" ({rows.undated:,} without a time)"
    outside = rows.outside(interval)
    before = {day: n for day, n in outside.items() if date.fromisoformat(day) < interval.start}
    after = {day: n for day, n in outside.items() if day not in before}
    parts = [
        f"{sum(some.values()):,} {word} ({_top(some)})"
        for some, word in ((before, "before"), (after, "after"))
        if some
    ]
    if not parts:
        return said
    return f"{said}; {sum(outside.values()):,} outside the interval: {', '.join(parts)}"


def _top(days: Mapping[str, int]) -> str:
    top = sorted(days.items(), key=lambda item: (-item[1], item[0]))[:_TOP_DAYS]
    rest = len(days) - len(top)
    more = f", {rest} more day{'s' if rest > 1 else ''}" if rest else ""
    return ", ".join(f"{day}: {rows:,}" for day, rows in top) + more


def _is_in(day: str, interval: Interval) -> bool:
    return interval.start <= date.fromisoformat(day) < interval.end
