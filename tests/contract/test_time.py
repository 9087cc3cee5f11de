"""Days of every zone as values: what is inside an interval is what a clock there says.

The oracle asks the clock of each moment by itself.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import polars as pl
import pytest
import sampling

from lakebook.contract.model import Contract, TableContract, TimeColumn
from lakebook.contract.time import bounds, inside, inside_sql, local_time, spans
from lakebook.intervals import Interval
from lakebook.zones import names, pieces, zone_named

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
FIRST, LAST = date(1900, 1, 1), date(2037, 12, 31)
NO_PLACE = {"localtime", "Factory"}


@pytest.fixture
def flights(load) -> TableContract:
    contract: Contract = load()
    return contract.tables[0]


def timed(table: TableContract, zone: str) -> TableContract:
    column = replace(table.columns[0], name="at", type="timestamp")
    return replace(table, columns=(column,), time=TimeColumn("at", zone, "day"))


def zones() -> list[str]:
    return sorted(names() - NO_PLACE)


def days_with_a_change(zone: str) -> list[date]:
    """Days around each change of the zone's clocks, and some without."""
    held = pieces(zone, datetime(1899, 12, 1), datetime(2038, 1, 1))
    changed = [piece.start.date() for piece in held[1:]]
    random_days = random.Random(sampling.seed(zone)).sample(range((LAST - FIRST).days), 20)
    near = {day + timedelta(days=by) for day in changed for by in (-2, -1, 0, 1)}
    near |= {FIRST + timedelta(days=by) for by in random_days}
    return sampling.chosen(sorted(d for d in near if FIRST <= d <= LAST), 80, zone)


def micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def clock_days(moments: list[datetime], zone: str) -> list[date]:
    """The oracle: each moment (UTC) by itself on the zone's clock."""
    clock = zone_named(zone)
    return [at.replace(tzinfo=UTC).astimezone(clock).date() for at in moments]


def wrong_days(table: TableContract, zone: str) -> list[str]:
    """Moments around changes of clocks at which a day is not what the clock says."""
    contract, wrong = timed(table, zone), []
    for day in days_with_a_change(zone):
        interval = Interval(day, day + timedelta(days=1))
        found = spans(contract, interval)
        start = datetime(day.year, day.month, day.day) - timedelta(hours=27)
        probes = [start + MINUTE * by for by in range(0, 78 * 60, 20)]
        probes += [edge + SECOND * by for span in found for edge in span for by in (-1, 0, 1)]
        frame = pl.DataFrame({"at": pl.Series(probes, dtype=pl.Datetime("us"))})
        staged = frame.select(local_time(pl.col("at"), contract, interval, pl).dt.date() == day)
        is_there = [one == day for one in clock_days(probes, zone)]
        in_span = [any(low <= at < high for low, high in found) for at in probes]
        if not is_there == in_span == staged["at"].to_list():
            wrong.append(f"{zone} {day}")
    return wrong


@pytest.mark.soak
def test_a_day_is_what_its_clock_says_in_every_zone(flights: TableContract) -> None:
    known = ["America/St_Johns", "America/Toronto", "Pacific/Apia", "Asia/Manila"]
    drawn = known + sampling.chosen(zones(), 4, "zones")
    assert [day for zone in drawn for day in wrong_days(flights, zone)] == []


def test_without_an_interval_every_change_of_clocks_counts(flights: TableContract) -> None:
    zone = "America/St_Johns"
    moments = [datetime(1900, 1, 1) + timedelta(hours=7 * by) for by in range(170_000)]
    frame = pl.DataFrame({"at": pl.Series(moments, dtype=pl.Datetime("us"))})
    local = frame.select(local_time(pl.col("at"), timed(flights, zone), None, pl).dt.date())
    assert local["at"].to_list() == clock_days(moments, zone)


def test_a_day_that_begins_twice_has_two_ranges(flights: TableContract) -> None:
    contract = timed(flights, "America/St_Johns")  # at 00:01 of 7 November back to 23:01 of the 6th
    sixth, seventh = (
        Interval.parse("2010-11-06", "2010-11-07"),
        Interval.parse("2010-11-07", "2010-11-08"),
    )
    assert [b - a for a, b in spans(contract, sixth)] == [
        timedelta(hours=24),
        timedelta(minutes=59),
    ]
    assert [b - a for a, b in spans(contract, seventh)] == [MINUTE, timedelta(hours=24)]
    both = Interval.parse("2010-11-06", "2010-11-08")
    assert spans(contract, both) == (bounds(contract, both),)


def test_a_day_that_the_zone_skipped_holds_nothing(flights: TableContract) -> None:
    contract = timed(flights, "Pacific/Apia")
    skipped = Interval.parse("2011-12-30", "2011-12-31")
    assert spans(contract, skipped) == ()
    low, high = bounds(contract, skipped)
    assert low == high
    year = pl.select(
        pl.datetime_range(
            datetime(2011, 12, 29), datetime(2012, 1, 1), "10m", time_unit="us"
        ).alias("t")
    )
    assert year.filter(inside(pl.col("t"), contract, skipped)).is_empty()


@pytest.mark.parametrize("zone", ["America/St_Johns", "Pacific/Apia", "UTC", "Europe/Berlin"])
def test_sql_and_expressions_choose_the_same_rows(flights: TableContract, zone: str) -> None:
    contract = timed(flights, zone)
    for first in (date(2010, 11, 5), date(2011, 12, 28), date(2012, 3, 24)):
        rows = pl.select(
            t=pl.datetime_range(
                datetime(first.year, first.month, first.day),
                datetime(first.year, first.month, first.day) + timedelta(days=5),
                "1m",
                time_unit="us",
            )
        )
        for by in range(5):
            day = Interval(first + timedelta(days=by), first + timedelta(days=by + 1))
            ours = rows.filter(inside(pl.col("t"), contract, day))["t"].to_list()
            sql = f"select t from rows where {inside_sql('t', contract, day)} order by t"
            assert [t for (t,) in duckdb.sql(sql).fetchall()] == ours
            clock = [t for t in rows["t"].to_list() if clock_days([t], zone) == [day.start]]
            assert clock == ours
