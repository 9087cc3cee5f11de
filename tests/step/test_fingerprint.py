"""A partition is stale exactly when something that it is made of has changed."""

from __future__ import annotations

from lakebook.intervals import NULL
from lakebook.step.fingerprint import InputTokens, input_parts, partition_fingerprint

STATIC = {"code": "a", "contract": "b"}
MONTHS = {"2013-01": 1, "2013-02": 2, "2013-03": 3}


def fp(partition: str, **changes: object) -> int:
    given = {"dataset": "bronze.flights", "unit": "month", "data": MONTHS, **changes}
    return partition_fingerprint(STATIC, partition, [InputTokens(**given)])


def test_other_partitions_do_not_matter():
    assert fp("2013-02") == fp("2013-02", data={**MONTHS, "2013-03": 99, "2014-01": 5})
    assert fp("2013-02") != fp("2013-02", data={**MONTHS, "2013-02": 99})


def test_a_read_over_the_edge_takes_in_the_neighbour():
    late = {**MONTHS, "2013-01": 99}
    assert fp("2013-02", before_days=1) != fp("2013-02", before_days=1, data=late)
    assert fp("2013-02", after_days=1) == fp("2013-02", after_days=1, data=late)


def test_a_whole_read_takes_in_everything():
    assert fp("2013-02", whole=True) != fp("2013-02", whole=True, data={**MONTHS, "2014-01": 5})


def test_a_month_reads_the_days_of_a_daily_input():
    days = {"2013-01-31": 1, "2013-02-01": 2, "2013-02-28": 3, "2013-03-01": 4}
    one = InputTokens("bronze.weather", "day", days)
    assert set(input_parts("2013-02", [one])) == {
        "bronze.weather/2013-02-01",
        "bronze.weather/2013-02-28",
    }


def test_rows_without_time_matter_to_every_partition():
    assert fp("2013-02") != fp("2013-02", data={**MONTHS, NULL: 7})
    assert fp(NULL, data={**MONTHS, NULL: 7}) == fp(NULL, data={"2013-02": 99, NULL: 7})


def test_the_order_of_reads_does_not_matter():
    a, b = InputTokens("silver.a", None, {"*": 1}), InputTokens("silver.b", None, {"*": 2})
    assert partition_fingerprint(STATIC, "*", [a, b]) == partition_fingerprint(STATIC, "*", [b, a])
    assert -(2**63) <= partition_fingerprint(STATIC, "*", [a]) < 2**63
