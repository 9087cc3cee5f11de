"""Rules in SQL, thresholds and expressions over rows count what DuckDB counts, and set it aside."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest
import sampling

from lakebook.contract.expectations import ALLOWED, QUERY, SATISFY, UNEXPECTED_ROWS
from lakebook.contract.model import Action, Rule, Scope, TableContract, TimeColumn
from lakebook.contract.thresholds import OPERATORS, Threshold
from lakebook.quality import FAILED_RULES, audit, data_docs, flag

NAN = float("nan")
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03", "null")


def flights_of(salt: str) -> pa.Table:
    """Three days, of which the second has no row, and rows without a day."""
    draw = random.Random(sampling.seed(salt))
    rows = 80
    days = [date(2013, 1, 1), date(2013, 1, 3), None]
    delays = [None, NAN, -3.0, 0.0, 12.5, 900.0]
    return pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "carrier": pa.array([draw.choice(["AA", "UA", "", None]) for _ in range(rows)]),
            "dep_delay": pa.array(
                [draw.choice(delays) for _ in range(rows)], pa.float64(), from_pandas=False
            ),
            "distance": pa.array([draw.choice([None, 1, 2, 3]) for _ in range(rows)], pa.int64()),
            "flight_date": pa.array([draw.choice(days) for _ in range(rows)], pa.date32()),
        }
    )


def satisfy(name: str, expression: str, *columns: str, action: Action = "quarantine") -> Rule:
    kwargs = {"column_list": list(columns), "expression": expression}
    return Rule(name, SATISFY, kwargs, action, "row")


def query(name: str, text: str, operator: str, limit: Any, scope: Scope = "table") -> Rule:
    kwargs = {"query": text, ALLOWED: Threshold(operator, limit).arguments()}
    return Rule(name, QUERY, kwargs, "warn", scope)


def allowed(name: str, expectation: str, operator: str, limit: Any, **kwargs: Any) -> Rule:
    percent = kwargs.pop("percent", False)
    given = {**kwargs, ALLOWED: Threshold(operator, limit, percent).arguments()}
    return Rule(name, expectation, given, "quarantine", "row")


NAMES = ("id", "carrier", "dep_delay", "distance", "flight_date")


def daily(contract: TableContract) -> TableContract:
    columns = tuple(column for column in contract.columns if column.name in NAMES)
    return replace(contract, columns=columns, time=TimeColumn("flight_date", "UTC", "day"))


def counted(given: pa.Table, condition: str) -> int:
    """DuckDB's count of rows, with NaN as null."""
    flights = duckdb.sql(
        "select * replace (nullif(dep_delay, 'nan'::double) as dep_delay) from given"
    )
    (found,) = flights.query("f", f"select count(*) from f where {condition}").fetchone() or (0,)
    return int(found)


EXPRESSIONS = [
    ("dep_delay < 100 or carrier = 'AA'", ["dep_delay", "carrier"]),
    ("not (dep_delay > 100) and carrier <> ''", ["dep_delay", "carrier"]),
    ("distance * 2 + 1 between 3 and 6", ["distance"]),
    ("carrier in ('AA', 'UA') and distance is not null", ["carrier", "distance"]),
    ("coalesce(dep_delay, 0) <= distance * 100", ["dep_delay", "distance"]),
    ("flight_date > '2013-01-01' or dep_delay / distance < 5", ["flight_date", "dep_delay"]),
    ("carrier like 'A%' or length(carrier) = 0", ["carrier"]),
    ("distance % 2 = 1 or abs(dep_delay) < 1", ["distance", "dep_delay"]),
]


@pytest.mark.parametrize("days", [(), DAYS])
def test_rows_for_which_an_expression_is_false_are_counted_and_set_aside(
    to_frame: Any, make_contract: Any, days: tuple[str, ...]
) -> None:
    table = flights_of("expressions")
    rules = [satisfy(f"r{n}", text, *names) for n, (text, names) in enumerate(EXPRESSIONS)]
    contract = daily(make_contract(*rules))
    result = audit(to_frame(table), contract, partitions=days)
    flagged = flag(to_frame(table), contract, result.broken(), partitions=days)
    texts = flagged.collect().to_arrow()[FAILED_RULES].to_pylist()

    for check, (text, _) in zip(result.checks, EXPRESSIONS, strict=True):
        expected = counted(table, f"not ({text})")
        assert (check.unexpected, check.evaluated) == (expected, table.num_rows), text
        assert sum(check.name in (one or "").split(",") for one in texts) == expected, text
    assert any(not check.success for check in result.checks)


@pytest.mark.parametrize("scope", ["table", "partition"])
def test_a_value_that_is_not_a_number_keeps_to_no_limit(
    to_frame: Any, make_contract: Any, scope: Scope
) -> None:
    """NaN is missing, as null is; that it is greater than all is DuckDB's order within a query."""
    table = flights_of("thresholds")
    assert any(one == one and one is not None for one in table["dep_delay"].to_pylist())
    most = "select {}(dep_delay) from ${{table}} where dep_delay is not null"
    rules = [
        query(f"{of} {operator}", most.format(of), operator, limit, scope)
        for of in ("max", "sum")
        for operator in OPERATORS
        for limit in ([[-1e300, 1e300]] if "Between" in operator else [0, float("inf")])
    ]
    for check in audit(to_frame(table), daily(make_contract(*rules)), partitions=DAYS).checks:
        assert not check.success and check.problem == "", check.name
        assert scope == "partition" or check.observed == "NaN"


def test_a_decimal_of_a_query_is_compared_with_all_its_digits(
    to_frame: Any, make_contract: Any
) -> None:
    text = "select {}::decimal(38,1) from ${{table}} limit 1"
    exact = text.format("9007199254740992.5")
    rules = [
        query("more", exact, "mustBeGreaterThan", 2**53),
        query("less", exact, "mustBeLessThan", 2**53 + 1),
        query("tenth", text.format("0.1"), "mustBe", 0.1),
        query("same", exact, "mustBe", 2**53),
    ]
    found = audit(to_frame(flights_of("exact")), daily(make_contract(*rules))).checks
    assert [check.success for check in found] == [True, True, True, False]


IN_SET = "expect_column_values_to_be_in_set"
VALUES = {"column": "carrier", "value_set": ["AA", "UA"]}
NOT_NULL = "expect_column_values_to_not_be_null"


def test_a_threshold_judges_each_partition_by_the_rows_that_it_counts(
    to_frame: Any, make_contract: Any
) -> None:
    table = flights_of("thresholds")
    conditions = {
        "empty": (IN_SET, VALUES, "carrier = ''"),
        "lost": (NOT_NULL, {"column": "dep_delay"}, "dep_delay is null"),
    }
    rules = [
        allowed(f"{name} {operator} {percent}", of, operator, limit, percent=percent, **kw)
        for name, (of, kw, _) in conditions.items()
        for operator, limit, percent in (
            ("mustBeLessThan", 5, False),
            ("mustBeLessOrEqualTo", 40, True),
            ("mustBeLessThan", 30, True),
            ("mustBeBetween", [0, 8], False),
        )
    ]
    contract = daily(make_contract(*rules))
    result = audit(to_frame(table), contract, partitions=DAYS)
    flagged = flag(to_frame(table), contract, result.broken(), partitions=DAYS)
    rows = flagged.collect().to_arrow().to_pylist()

    for check in result.checks:
        condition = conditions[check.name.split()[0]][2]
        rule = next(rule for rule in rules if rule.name == check.name)
        threshold = Threshold.of(rule.kwargs[ALLOWED])
        broken, said = {}, []
        for day in DAYS:
            where = "flight_date is null" if day == "null" else f"flight_date = '{day}'"
            bad, all_of_day = counted(table, f"{where} and {condition}"), counted(table, where)
            share = 100 * bad / all_of_day if threshold.is_percent and all_of_day else bad
            first, last = (threshold.limit, threshold.limit)
            if isinstance(threshold.limit, list):
                first, last = threshold.limit
            kept = {
                "mustBeLessThan": share < last,
                "mustBeLessOrEqualTo": share <= last,
                "mustBeBetween": first <= share <= last,
            }[threshold.operator]
            if not kept:
                broken[day] = bad
                said.append(f"{day}: {bad} of {all_of_day} rows")
        assert check.partitions == tuple(broken), check.name
        assert check.unexpected == counted(table, condition), check.name
        assert check.evaluated == table.num_rows, "the rows that a percentage is of"
        assert not broken or check.observed == "; ".join(said), check.name
        aside = sum(check.name in (row[FAILED_RULES] or "").split(",") for row in rows)
        assert aside == sum(broken.values()), check.name


QUERIES = [
    query("share", "select avg((carrier = '')::int) from {table}", "mustBeLessThan", 0.01),
    query("few", "select count(*) from silver.flights", "mustBeBetween", [1, 1000]),
    query("top", "with t as (select * from flights) select max(id) from t", "mustBe", 79),
    query("true", "select bool_and(id >= 0) from ${object}", "mustBe", True),
    query("never", "select count(*) from {table} where id < 0", "mustNotBe", 0),
    query("daily", "select count(*) from {table}", "mustBeGreaterThan", 0, scope="partition"),
    query("mean", "select avg(distance) from {table} where id < 0", "mustBeLessThan", 5),
]


def test_a_query_gives_one_value_of_the_table_or_of_each_partition(
    to_frame: Any, make_contract: Any
) -> None:
    table = flights_of("queries")
    rows = "SELECT * FROM {batch} WHERE distance > 2"
    odd = Rule("odd", UNEXPECTED_ROWS, {"unexpected_rows_query": rows}, "warn", "partition")
    contract = daily(make_contract(*QUERIES, odd))
    checks = {c.name: c for c in audit(to_frame(table), contract, partitions=DAYS).checks}

    held = {name: check.success for name, check in checks.items()}
    assert held == {
        "share": False,
        "few": True,
        "top": True,
        "true": True,
        "never": False,
        "daily": False,  # the second day has no row
        "mean": False,  # of no rows
        "odd": False,
    }
    assert checks["share"].observed == pytest.approx(
        counted(table, "carrier = ''") / counted(table, "carrier is not null")
    )
    assert checks["daily"].partitions == ("2013-01-02",)
    assert checks["odd"].unexpected == counted(table, "distance > 2")
    assert checks["odd"].evaluated == table.num_rows
    assert all(row["distance"] == 3 for row in checks["odd"].sample)
    assert not any(check.problem for check in checks.values())


def test_a_query_that_fails_is_reported_and_the_others_are_judged(make_contract: Any) -> None:
    bad = query("bad", "select max(carrier::int) from {table}", "mustBe", 1)
    text = query("two", "select id from {table}", "mustBe", 1)
    contract = daily(make_contract(bad, text, QUERIES[1]))
    found = audit(nw.from_native(_polars(flights_of("queries"))), contract).checks

    assert "Could not convert string" in found[0].problem
    assert "more than one row" in found[1].problem
    assert (found[2].success, found[2].observed) == (True, 80)


def test_what_sql_says_of_classified_columns_stays_unsaid(make_contract: Any) -> None:
    rows = "SELECT carrier AS other FROM {batch} WHERE carrier = 'AA'"
    leak = Rule("rows", UNEXPECTED_ROWS, {"unexpected_rows_query": rows}, "warn", "partition")
    bad = query("bad", "select max(carrier::int) from {table}", "mustBe", 1)
    most = query("most", "select max(carrier) from {table}", "mustBe", "x")
    contract = daily(make_contract(leak, bad, most))
    columns = tuple(
        replace(one, classification="restricted") if one.name == "carrier" else one
        for one in contract.columns
    )
    result = audit(
        nw.from_native(_polars(flights_of("queries"))), replace(contract, columns=columns)
    )

    assert [check.success for check in result.checks] == [False, False, False]
    assert "AA" not in repr(result) and "UA" not in repr(result)


def _polars(table: pa.Table) -> Any:
    import polars as pl

    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.lazy()


def test_data_docs_show_rules_of_our_own(make_contract: Any, tmp_path: Any) -> None:
    rule = satisfy("near", "distance < 3", "distance")
    few = allowed("few", NOT_NULL, "mustBeLessThan", 50, percent=True, column="carrier")
    contract = daily(make_contract(rule, few))
    result = audit(nw.from_native(_polars(flights_of("queries"))), contract)
    page = data_docs([result], tmp_path / "docs")

    text = "".join(one.read_text() for one in page.parent.rglob("*.html"))
    assert "distance &lt; 3" in text or "distance < 3" in text
    assert (result.checks[1].success, result.checks[1].unexpected) == (
        True,
        counted(flights_of("queries"), "carrier is null"),
    )
