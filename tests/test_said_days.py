"""Days are taken as people say them."""

from __future__ import annotations

from datetime import date, timedelta

import hypothesis
import pytest
from hypothesis import strategies as st
from small_checkout import Checkout

from lakebook.errors import UserError
from lakebook.intervals import Interval
from lakebook.said_days import said_days

TODAY = date(2024, 3, 5)  # a Tuesday after a leap day

SAID = {
    "today": ("2024-03-05", "2024-03-06"),
    "Yesterday": ("2024-03-04", "2024-03-05"),
    "this week": ("2024-03-04", "2024-03-11"),
    "last week": ("2024-02-26", "2024-03-04"),
    "last  month": ("2024-02-01", "2024-03-01"),
    "this month": ("2024-03-01", "2024-04-01"),
    "this quarter": ("2024-01-01", "2024-04-01"),
    "last quarter": ("2023-10-01", "2024-01-01"),
    "last year": ("2023-01-01", "2024-01-01"),
    "last 7 days": ("2024-02-27", "2024-03-05"),
    "last 1 day": ("2024-03-04", "2024-03-05"),
    "last 2 weeks": ("2024-02-19", "2024-03-04"),
    "last 3 months": ("2023-12-01", "2024-03-01"),
    "2013": ("2013-01-01", "2014-01-01"),
    "2013-12": ("2013-12-01", "2014-01-01"),
    "2013-03-31": ("2013-03-31", "2013-04-01"),
    "2013-01-15..2013-02": ("2013-01-15", "2013-03-01"),
    "2024-02 .. yesterday": ("2024-02-01", "2024-03-05"),
}


@pytest.mark.parametrize("text", SAID)
def test_what_is_said_is_what_is_taken(text: str) -> None:
    assert said_days(text, TODAY) == Interval.parse(*SAID[text])


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "last 0 days", "2013-13", "2013-02-30", "13-01-05", "2013-1", "0001", "9999",
     "last", "..", "2013..", "2013-02..2013-01", "2013-01-01T00:00", "last 99999 days"],
)  # fmt: skip
def test_what_is_not_understood_is_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match="--days") as raised:
        said_days(text, TODAY)
    assert raised.value.exit_code == 2


@hypothesis.settings(
    deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.given(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.integers(1, 40),
    st.sampled_from(["day", "week", "month"]),
)
def test_last_ones_follow_each_other_without_a_gap(today: date, count: int, unit: str) -> None:
    whole = said_days(f"last {count} {unit}s", today)
    assert whole.end <= today
    assert today - whole.end < timedelta(days={"day": 1, "week": 7, "month": 31}[unit])
    if count > 1:
        fewer = said_days(f"last {count - 1} {unit}s", today)
        assert fewer.end == whole.end
        assert fewer.start > whole.start


def test_a_command_says_which_days_it_took(checkout: Checkout) -> None:
    done = checkout.lakebook("plan", "--days", "2013-01-01..2013-01-03", "--json")
    assert done.returncode == 0, done.stderr
    assert (
        "--days 2013-01-01..2013-01-03: 2013-01-01 to 2013-01-03, both included "
        "(--start 2013-01-01 --end 2013-01-04)"
    ) in " ".join(done.stderr.split())
    same = checkout.lakebook("plan", "--start", "2013-01-01", "--end", "2013-01-04", "--json")
    assert done.stdout == same.stdout
    both = checkout.lakebook("query", "select 1", "--days", "today", "--start", "2013-01-01")
    assert (both.returncode, "give either" in both.stderr) == (2, True)
