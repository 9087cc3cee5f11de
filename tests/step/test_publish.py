"""A write by partition through `Step`: what it covers, and what its rules see."""

from __future__ import annotations

import pytest
from small_checkout import about_table, rule
from small_lake import SmallLake

from lakebook.errors import GateError

D1, D2 = "2013-01-01", "2013-01-02"
BOTH = (D1, "2013-01-03")


def test_the_first_write_of_all_may_leave_a_day_without_rows(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write([(1, D1, 10)], *BOTH)
    assert lake.partitions() == {D1: [(1, D1, 10)], D2: []}


def test_a_rule_about_the_table_does_not_count_rows_that_go(lake: SmallLake) -> None:
    two = rule("two", "expect_table_row_count_to_be_between", "fail", min_value=2)
    lake.contract("replace", quality=about_table(two))
    lake.write([(1, D1, 10), (2, D2, 20)], *BOTH)
    with pytest.raises(GateError, match="'two' does not hold"):
        lake.write([(1, D1, 10)], *BOTH)
    lake.write([(3, D1, 30)], D1, D2)
    assert lake.rows() == [(2, D2, 20), (3, D1, 30)]
