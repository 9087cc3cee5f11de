"""Models that need the rows around their interval give the same however the time is cut."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from small_dbt import DAY, Host, N, make_host, run_selection, write_contract

from lakebook.intervals import Interval

COLUMNS = {"day": "date", "n": {"data_type": "bigint", "data_tests": ["not_null"]}}
SUMS = """
select
    day,
    cast(sum(n) over (
        order by day range between interval 6 days preceding and current row
    ) as bigint) as n
from {{ source("silver", "events") }}
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = make_host(tmp_path)
    host.model("total", SUMS, columns=COLUMNS)
    write_contract(tmp_path, "gold.total", DAY + N)
    return host


@pytest.mark.timeout(300)
def test_a_window_gives_the_same_however_the_time_is_cut(host: Host) -> None:
    draw = random.Random(7)
    rows = [
        (date(2013, 1, 1) + timedelta(days), draw.randint(1, 1000))
        for days in sorted(draw.sample(range(120), 50))
    ]
    host.events([*rows])
    expected = {d: sum(n for o, n in rows if 0 <= (d - o).days <= 6) for d, _ in rows}
    months = ["2013-01-01", "2013-02-01", "2013-03-01", "2013-04-01", "2013-05-01"]

    for start, end in [
        (months[0], months[-1]),
        (months[0], months[2]),
        *itertools.pairwise(months),
    ]:
        host.interval = Interval.parse(start, end)
        inside = {d: n for d, n in expected.items() if start <= d.isoformat() < end}
        run_selection(host, "total", before=6)
        assert dict(host.frames["gold.total"].select("day", "n").rows()) == inside
        assert (host.asked[-1].before_days, host.asked[-1].whole) == (6, False)
        run_selection(host, "total", whole=True)
        assert dict(host.frames["gold.total"].select("day", "n").rows()) == inside


def test_tests_see_the_rows_of_the_interval_alone(host: Host) -> None:
    host.events([(date(2013, 1, 30), 5), (date(2013, 2, 2), 7)])
    host.interval = Interval.parse("2013-02-01", "2013-03-01")
    host.put("tests/week.sql", "select * from {{ ref('total') }} where n < 12")
    run_selection(host, "total", before=6)  # the rows before 30 January are not read
    assert host.written == {"gold.total": [12]}
    assert {c["name"]: c["success"] for c in host.checks} == {
        "not_null_total_n": True,
        "week": True,
    }


def test_rows_without_time_are_kept_and_models_further_down_see_the_rows_around(host: Host) -> None:
    host.events([(date(2013, 1, 30), 5), (date(2013, 2, 2), 7), (None, 3)])
    host.model("again", SUMS.replace('source("silver", "events")', "ref('total')"), columns=COLUMNS)
    write_contract(host.settings.root, "gold.again", DAY + N)
    host.interval = Interval.parse("2013-02-01", "2013-03-01")
    run_selection(host, "total again", before=12)
    assert {name: sorted(found) for name, found in host.written.items()} == {
        "gold.total": [3, 12],
        "gold.again": [3, 17],
    }
