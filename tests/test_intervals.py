"""Intervals widen to whole partitions and partitions join to intervals, without loss."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakebook.errors import UserError
from lakebook.intervals import Interval, merge_partitions, partition_interval

DAYS = st.dates(date(1999, 12, 1), date(2032, 3, 1))
UNITS = st.sampled_from(["day", "month"])


@given(DAYS, st.integers(1, 800), UNITS)
def test_partitions_cover_the_widened_interval_exactly(start, days, unit):
    interval = Interval(start, start + timedelta(days=days))
    pieces = [partition_interval(name) for name in interval.partitions(unit)]
    wide = interval.widen(unit)
    assert pieces[0].start == wide.start and pieces[-1].end == wide.end
    assert all(a.end == b.start for a, b in pairwise(pieces))
    assert wide.start <= interval.start and wide.end >= interval.end


@given(DAYS, st.integers(1, 800), UNITS, st.randoms())
def test_partitions_in_any_order_join_to_one_interval(start, days, unit, random):
    wide = Interval(start, start + timedelta(days=days)).widen(unit)
    names = list(wide.partitions(unit))
    random.shuffle(names)
    assert merge_partitions(names) == (wide,)


def test_a_gap_keeps_intervals_apart():
    assert merge_partitions(["2013-01", "2013-03", "2013-02", "2013-05"]) == (
        Interval.parse("2013-01-01", "2013-04-01"),
        Interval.parse("2013-05-01", "2013-06-01"),
    )


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2013-02-30", "2013-03-01", "start '2013-02-30' is not a date; write it as YYYY-MM-DD"),
        ("2013-01-01", "2013-01-01", "interval [2013-01-01, 2013-01-01) is empty"),
        ("2013-02-01", "2013-01-01", "is empty"),
    ],
)
def test_a_bad_interval_is_one_sentence(start, end, said):
    with pytest.raises(UserError) as raised:
        Interval.parse(start, end)
    assert said in str(raised.value)
    assert raised.value.exit_code == 2


def test_the_edge_of_the_calendar_is_one_sentence():
    with pytest.raises(UserError, match="edge of the calendar"):
        Interval.parse("9999-12-01", "9999-12-31")
    with pytest.raises(UserError, match="edge of the calendar"):
        Interval.parse("9998-12-02", "9999-01-01").expand(0, 1)
    assert Interval.parse("9998-12-02", "9999-01-01").partitions("month") == ("9998-12",)
