"""The right values at the edges of types: overflow, exactness, missing values, no rows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rule_cases import contract_of

from lakebook.contract.arguments import UnfitArgument, bind
from lakebook.contract.model import Rule
from lakebook.quality import FAILED_RULES, audit, flag, without_classified
from lakebook.quality.column_tests import is_in

INF = float("inf")
DAY = date(2013, 1, 1)
BIG = 2**53


def frame(**columns: list[Any]) -> pa.Table:
    """A table with the contract's types; columns that are left out are null."""
    rows = len(next(iter(columns.values()), []))
    schema = contract_of().arrow_schema()
    given = {"id": list(range(rows)), "day": [DAY] * rows, **columns}
    return pa.table(
        [pa.array(given.get(f.name, [None] * rows), f.type, from_pandas=False) for f in schema],
        schema=schema,
    )


def rule(expectation: str, action: str = "warn", **kwargs: Any) -> Rule:
    return Rule("rule", f"expect_{expectation}", kwargs, action, "partition")  # type: ignore


def found(to_frame: Any, table: pa.Table, one: Rule, *partitions: str) -> Any:
    (check,) = audit(to_frame(table), contract_of(one), partitions=partitions).checks
    assert check.problem == ""
    return check


@pytest.mark.parametrize("partitions", [(), ("2013-01-01", "2013-01-02")])
def test_a_sum_has_room_for_all_integers(to_frame: Any, partitions: tuple[str, ...]) -> None:
    billions = frame(int32_a=[2_000_000_000, 2_000_000_000, 1])
    sums = rule("column_sum_to_be_between", column="int32_a", min_value=0)
    assert found(to_frame, billions, sums, *partitions[:1]).observed == 4_000_000_001
    most = frame(int64_a=[2**63 - 1, 2**63 - 1])
    sums = rule("column_sum_to_be_between", column="int64_a", min_value=2**64 - 2)
    assert found(to_frame, most, sums, *partitions[:1]).success
    mean = rule("column_mean_to_be_between", column="int64_a", min_value=9.2e18)
    assert found(to_frame, most, mean, *partitions[:1]).success
    less = replace(sums, kwargs={**sums.kwargs, "min_value": 2**64 - 1})
    assert not found(to_frame, most, less, *partitions).success


def test_a_row_has_no_sum_with_a_missing_value(to_frame: Any) -> None:
    names = {"column_list": ["int32_a", "int32_b"]}
    table = frame(int32_a=[3, 2_000_000_000, 3, None], int32_b=[None, 2_000_000_000, 0, None])
    three = rule("multicolumn_sum_to_equal", **names, sum_total=3)
    check = found(to_frame, table, three)
    assert (check.unexpected, check.evaluated) == (2, 3)  # (3, null) and the billions
    billions = rule("multicolumn_sum_to_equal", **names, sum_total=4_000_000_000)
    assert found(to_frame, table, billions).unexpected == 2


def test_integers_beyond_floats_are_compared_exactly(to_frame: Any) -> None:
    table = frame(int64_a=[BIG, BIG + 1, BIG + 2])
    most = rule("column_values_to_be_between", "quarantine", column="int64_a", max_value=BIG + 1)
    contract = contract_of(most)
    result = audit(to_frame(table), contract)
    assert result.checks[0].unexpected == 1 and result.broken() == {"rule": {"": 1}}
    rows = flag(to_frame(table), contract, result.broken()).filter(~nw.col(FAILED_RULES).is_null())
    assert sorted(rows.collect()["int64_a"].to_list()) == [BIG + 2]


@pytest.mark.parametrize("values", [[], [None, None], [float("nan"), None]])
def test_a_share_of_nothing_is_none_of_it(to_frame: Any, values: list[Any]) -> None:
    for share in ("unique", "non_null"):
        name = f"column_proportion_of_{share}_values_to_be_between"
        at_most = rule(name, column="float64_a", max_value=0.5)
        at_least = rule(name, column="float64_a", min_value=0.1)
        table = frame(float64_a=values)
        assert found(to_frame, table, at_most).success
        assert not found(to_frame, table, at_least).success


def test_a_day_without_rows_is_judged_alike_alone_and_among_others(to_frame: Any) -> None:
    shares = rule("column_proportion_of_unique_values_to_be_between", column="int64_a", max_value=1)
    table = frame(int64_a=[1, 2])
    days = ("2013-01-01", "2013-01-02", "2013-01-03")
    assert found(to_frame, table, shares, *days).success
    assert found(to_frame, table.slice(0, 0), shares, days[1]).success


@pytest.mark.parametrize(
    ("kind", "total"), [("int32", 0.5), ("int64", 1e300), ("decimal", 1e300), ("float64", 1e300)]
)
def test_a_total_that_no_row_can_have_is_had_by_none(
    to_frame: Any, kind: str, total: float
) -> None:
    names = [f"{kind}_a", f"{kind}_b"]
    value = Decimal("0.25") if kind == "decimal" else 1
    table = frame(**{name: [value, value] for name in names})
    one = rule(
        "multicolumn_sum_to_equal", column_list=names, sum_total=total, ignore_row_if="never"
    )
    assert found(to_frame, table, one).unexpected == 2


def test_times_are_bounded_by_days_and_times(to_frame: Any) -> None:
    table = frame(timestamp_a=[datetime(2013, 1, 1, 6), datetime(2013, 1, 2)])
    for name, bounds in {
        "column_min_to_be_between": {"min_value": "2013-01-01"},
        "column_max_to_be_between": {"max_value": "2013-01-02"},
        "column_values_to_be_between": {"min_value": "2013-01-01T06:00"},
    }.items():
        one = rule(name, column="timestamp_a", **bounds)
        assert found(to_frame, table, one).success, name
        late = rule(name, column="timestamp_a", min_value="2013-01-02T00:00:01")
        assert not found(to_frame, table, late).success, name


def test_a_decimal_is_exact(to_frame: Any) -> None:
    table = frame(**{"decimal_a": [Decimal("0.10"), Decimal("0.30"), None]})
    of_set = rule("column_values_to_be_in_set", column="decimal_a", value_set=[0.1, "0.30"])
    assert found(to_frame, table, of_set).unexpected == 0
    top = rule("column_max_to_be_between", column="decimal_a", max_value=0.3, min_value=0.3)
    check = found(to_frame, table, top)
    assert (check.success, check.observed) == (True, 0.3)
    total = rule("column_sum_to_be_between", column="decimal_a", min_value=0.4, max_value=0.4)
    assert found(to_frame, table, total).success


@pytest.mark.parametrize("kind", ["decimal_a", "timestamp_a", "date_a"])
def test_what_was_found_in_partitions_can_be_recorded(to_frame: Any, kind: str) -> None:
    given = {"decimal_a": Decimal("0.25"), "timestamp_a": datetime(2013, 1, 1), "date_a": DAY}
    bound = {"decimal_a": 0.5, "timestamp_a": "2014-01-01", "date_a": "2014-01-01"}[kind]
    top = rule("column_max_to_be_between", column=kind, max_value=bound)
    check = found(to_frame, frame(**{kind: [given[kind]]}), top, "2013-01-01", "null")
    assert check.partitions == ("null",)
    without = replace(top, kwargs={**top.kwargs, "column": kind})
    same = audit(to_frame(frame(**{kind: [given[kind]]})), contract_of(without)).checks[0]
    assert json.dumps([check.observed, same.observed])


@pytest.mark.parametrize("partitions", [(), ("2013-01-01",), ("2013-01-01", "2013-01-02")])
def test_values_are_shown_alike_of_one_partition_and_of_several(
    to_frame: Any, partitions: tuple[str, ...]
) -> None:
    table = frame(timestamp_a=[datetime(2013, 1, 1, 6)], decimal_a=[Decimal("1.25")])
    columns = {"timestamp_a": ["2014-01-01"], "decimal_a": [2]}
    rules = [
        replace(rule("column_distinct_values_to_be_in_set", column=name, value_set=of), name=name)
        for name, of in columns.items()
    ]
    result = audit(to_frame(table), contract_of(*rules), partitions=partitions)
    where = "2013-01-01: " if partitions else ""
    assert {check.name: (check.observed, check.sample) for check in result.checks} == {
        "timestamp_a": (f"{where}not in the set: '2013-01-01T06:00:00'", ("2013-01-01T06:00:00",)),
        "decimal_a": (f"{where}not in the set: 1.25", (1.25,)),
    }
    assert json.dumps(result.gx)


def test_the_mean_of_yes_and_no_is_a_share(to_frame: Any) -> None:
    table = frame(boolean_a=[True, False, True, True, None])
    mean = rule("column_mean_to_be_between", column="boolean_a", min_value=0)
    assert found(to_frame, table, mean).observed == 0.75


def test_a_deviation_of_infinite_values_is_not_there(to_frame: Any) -> None:
    table = frame(float64_a=[1.0, 2.0, INF])
    deviation = rule("column_stdev_to_be_between", column="float64_a", min_value=0)
    check = found(to_frame, table, deviation)
    assert (check.success, check.observed) == (False, None)


@pytest.mark.parametrize(
    "values", [[1e200, 1.0], [1e200, 1e200], [1e308, -1e308], [1e151, 1.0], [1e160, 2e160, 3.0]]
)
def test_a_deviation_of_values_whose_squares_no_float_holds_is_as_on_pandas(
    to_frame: Any, values: list[float]
) -> None:
    deviation = rule("column_stdev_to_be_between", column="float64_a", min_value=0)
    check = found(to_frame, frame(float64_a=values), deviation)
    assert check.problem == ""
    with np.errstate(over="ignore"):
        assert check.observed == pytest.approx(pd.Series(values).std())


def test_the_reason_is_withheld_where_it_may_hold_a_classified_value(to_frame: Any) -> None:
    odd = rule(
        "column_values_to_be_between", column="int64_a", min_value=1, row_condition="secret ("
    )
    contract = contract_of(odd)
    columns = (replace(contract.columns[0], classification="restricted"), *contract.columns[1:])
    result = audit(to_frame(frame(int64_a=[1])), contract)
    assert "secret" in result.checks[0].problem
    (check,) = without_classified(result, replace(contract, columns=columns)).checks
    assert check.problem and "secret" not in check.problem


@pytest.mark.parametrize("given", ["no", "yes", "false", 0, 1])
def test_a_flag_is_true_or_false(given: Any) -> None:
    kwargs = {"column_A": "a", "column_B": "b", "or_equal": given}
    with pytest.raises(UnfitArgument, match="neither true nor false"):
        bind(
            "expect_column_pair_values_a_to_be_greater_than_b", kwargs, dict.fromkeys("ab", "int64")
        )


def test_a_decimal_is_the_number_that_it_is_however_it_is_written(to_frame: Any) -> None:
    """DuckDB takes Decimal("1E+3") of Python for 1.000."""
    rows = [Decimal(1000), Decimal(1000), Decimal(1), Decimal("1.5")]
    table = frame(decimal_a=rows, decimal_b=[Decimal(0)] * 4)
    for written in ("1e3", 1e3, "1000", "15e2", "1e-3"):
        number = Decimal(str(written))
        less = rule(
            "column_values_to_be_between", column="decimal_a", max_value=written, strict_max=True
        )
        assert found(to_frame, table, less).unexpected == sum(one >= number for one in rows)
        both = {"column_list": ["decimal_a", "decimal_b"], "sum_total": written}
        sums = found(to_frame, table, rule("multicolumn_sum_to_equal", **both))
        assert sums.unexpected == sum(one != number for one in rows)
        if written == "1e-3":
            continue  # no value of the column
        for values in ([written], [written, 7]):
            of = rule("column_values_to_not_be_in_set", column="decimal_a", value_set=values)
            assert found(to_frame, table, of).unexpected == sum(one == number for one in rows)


def test_a_reference_has_no_key_between_two_decimals() -> None:
    data = pa.table({"x": pa.array([Decimal("0.10"), Decimal("0.11")], pa.decimal128(5, 2))})
    lazy = nw.from_native(data).lazy("polars")
    kept = lazy.filter(is_in("x", [Decimal("0.105"), Decimal("0.110"), 7], lazy.collect_schema()))
    assert kept.collect()["x"].to_list() == [Decimal("0.11")]
