"""Days of a zone whose clocks go back over midnight land whole, by day and at once, and are found.

In America/St_Johns clocks went from 00:01 of 7 November 2010 back to 23:01 of the sixth.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from small_checkout import COLUMNS, LANDING, Checkout

from lakebook.zones import zone_named

ZONE = "America/St_Johns"
START, END = date(2010, 11, 5), date(2010, 11, 9)


def minutes() -> list[datetime]:
    """Each minute (UTC) whose day there is one of those asked for."""
    first = datetime(2010, 11, 4)
    every = [first + timedelta(minutes=by) for by in range(7 * 1440)]
    return [at for at in every if START <= local_day(at) < END]


def local_day(at: datetime) -> date:
    return at.replace(tzinfo=UTC).astimezone(zone_named(ZONE)).date()


@pytest.fixture
def newfoundland(checkout: Checkout) -> Checkout:
    lines = [f"{i},{at:%Y-%m-%dT%H:%M:%SZ},{i}" for i, at in enumerate(minutes())]
    checkout.source("\n".join(["id,seen,amount", *lines]) + "\n")
    for step, more in (("bronze.events", LANDING), ("silver.events", "")):
        path = checkout.contract(step, COLUMNS + more)
        path.write_text(path.read_text().replace("value: UTC", f"value: {ZONE}"))
    return checkout


@pytest.mark.slow
@pytest.mark.parametrize("every", [(), ("--every", "day")], ids=["at once", "by day"])
def test_days_that_begin_twice_land_and_are_queried_whole(
    newfoundland: Checkout, every: tuple[str, ...]
) -> None:
    steps = newfoundland.run(*every, start=str(START), end=str(END))
    assert {step["status"] for step in steps.values()} == {"ok"}
    wanted = Counter(local_day(at) for at in minutes())
    assert wanted[date(2010, 11, 6)] + wanted[date(2010, 11, 7)] == 49 * 60
    for day in (date(2010, 11, 6), date(2010, 11, 7)):
        found = newfoundland.query(
            "select count(*) as n, count(distinct id) as ids from silver.events",
            "--start", str(day), "--end", str(day + timedelta(days=1)),
        )  # fmt: skip
        assert found == [{"n": wanted[day], "ids": wanted[day]}], day
    over_the_fold = newfoundland.query(
        "select count(*) as n from silver.events "
        "where seen >= '2010-11-07 01:00:00' and seen < '2010-11-07 04:00:00'"
    )
    assert over_the_fold == [{"n": 180}]
