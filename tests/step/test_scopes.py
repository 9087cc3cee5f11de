"""A rule's verdict on a partition does not depend on the interval in which it was written."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from small_checkout import rule
from small_lake import Row, SmallLake

from lakebook.errors import GateError

DAYS = [f"2013-01-0{day}" for day in range(1, 6)]
BY_DAY = list(itertools.pairwise(DAYS))
HAS_ROWS = ("has_rows", "expect_table_row_count_to_be_between")
QUALITY = (
    rule(*HAS_ROWS, "warn", min_value=1)
    + rule("once", "expect_column_values_to_be_unique", "quarantine", column="amount")
    + rule("low", "expect_column_mean_to_be_between", "warn", column="amount", max_value=9)
    + rule(
        "mostly",
        "expect_column_values_to_be_between",
        "quarantine",
        column="amount",
        min_value=0,
        mostly=0.6,
    )
)
GIVEN: list[Row] = [
    (1, DAYS[0], 10),
    (2, DAYS[0], -5),  # one of three: the share holds
    (3, DAYS[0], 20),
    (4, DAYS[1], 30),
    (5, DAYS[1], -1),  # two of three
    (6, DAYS[1], -2),
    (7, DAYS[3], 10),  # the same amount as on another day
    (8, None, 10),
    (9, None, 10),
]
ORDERS = {
    "at once": [(DAYS[0], DAYS[-1])],
    "by days": BY_DAY,
    "by days, backwards": BY_DAY[::-1],
    "in two parts": [(DAYS[2], DAYS[4]), (DAYS[0], DAYS[2])],
}


def _write(lake: SmallLake, start: str, end: str) -> None:
    lake.write([r for r in GIVEN if r[1] is None or start <= r[1] < end], start, end)


@pytest.fixture(params=ORDERS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> SmallLake:
    lake = SmallLake(tmp_path)
    lake.contract("replace", quality=QUALITY)
    for start, end in ORDERS[request.param]:
        _write(lake, start, end)
    return lake


def test_any_intervals_give_the_same_tables_verdicts_and_quarantine(written: SmallLake) -> None:
    assert written.partitions() == {
        DAYS[0]: [(1, DAYS[0], 10), (2, DAYS[0], -5), (3, DAYS[0], 20)],
        DAYS[1]: [(4, DAYS[1], 30)],
        DAYS[2]: [],
        DAYS[3]: [(7, DAYS[3], 10)],
        "null": [],
    }
    assert written.quarantined() == [(5, -1), (6, -2), (8, 10), (9, 10)]
    failed: dict[str, set[str]] = {}
    for context in written.contexts:
        for check in context.outcome.checks:
            assert check["success"] == (not check["partitions"])
            failed.setdefault(check["name"], set()).update(check["partitions"])
    # Of no rows there is no mean, which then is not below 9.
    assert failed == {
        "has_rows": {DAYS[2]},
        "once": {"null"},
        "low": {DAYS[2], DAYS[3], "null"},
        "mostly": {DAYS[1]},
    }


@pytest.mark.parametrize("interval", [(DAYS[0], DAYS[-1]), (DAYS[2], DAYS[3])])
def test_a_day_without_a_row_stops_every_run_that_covers_it(
    lake: SmallLake, interval: tuple[str, str]
) -> None:
    lake.contract("replace", quality=rule(*HAS_ROWS, "fail", min_value=1))
    with pytest.raises(GateError, match=rf"'has_rows' does not hold \({DAYS[2]}: 0\)"):
        _write(lake, *interval)
    assert lake.partitions() == {}
    _write(lake, DAYS[0], DAYS[2])
    assert len(lake.rows()) == 8


def test_days_that_once_had_rows_without_a_time_need_none_later(lake: SmallLake) -> None:
    lake.contract("replace", quality=rule(*HAS_ROWS, "fail", min_value=1))
    lake.write([(1, DAYS[0], 1), (2, None, 2)], DAYS[0], DAYS[1])
    lake.code = "two"
    lake.write([(1, DAYS[0], 1)], DAYS[0], DAYS[1])
    assert lake.rows() == [(1, DAYS[0], 1)]


def test_a_record_names_a_few_of_many_failing_partitions(lake: SmallLake) -> None:
    lake.contract("replace", quality=rule(*HAS_ROWS, "warn", min_value=1))
    lake.write([], "2013-01-01", "2013-03-01")
    check: dict[str, Any] = lake.contexts[-1].outcome.checks[0]
    assert len(check["partitions"]) == 20
    assert check["observed"].endswith("56 more partitions")


def test_a_batch_of_a_merge_is_judged_with_the_rows_that_stay(lake: SmallLake) -> None:
    lake.contract("merge", quality=rule(*HAS_ROWS, "warn", min_value=2))
    lake.write([(1, DAYS[0], 1), (2, DAYS[1], 2)], DAYS[0], DAYS[2])
    lake.write([(3, DAYS[1], 3)], DAYS[0], DAYS[2])
    first, second = (context.outcome.checks[0] for context in lake.contexts)
    assert first["partitions"] == (DAYS[0], DAYS[1])
    # The day that the batch does not touch is of the interval, and is judged as it stands.
    assert (second["success"], second["partitions"]) == (False, (DAYS[0],))
