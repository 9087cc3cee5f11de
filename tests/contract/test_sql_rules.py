"""Rules in SQL, thresholds and `unique`: what a contract's text becomes, and what it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lakebook.contract.expectations import ALLOWED, QUERY, SATISFY, UNEXPECTED_ROWS
from lakebook.contract.fingerprint import fingerprint_of
from lakebook.contract.model import Contract, Rule
from lakebook.contract.thresholds import Threshold
from lakebook.errors import ContractError

Load = Callable[..., Contract]
LIBRARY = "        metric: rowCount\n        mustBeGreaterThan: 0\n"
PLACE = "notebooks/silver/flights.contract.yaml:"


def at_table(load: Load, action: str = "fail", **body: Any) -> Rule:
    """The rule of the table with other keys."""
    given = {**body, "customProperties": [{"property": "action", "value": action}]}
    lines = "".join(f"        {key}: {json.dumps(value)}\n" for key, value in given.items())
    return load((LIBRARY, lines)).tables[0].rules[0]


def sql(load: Load, query: str, action: str = "fail", **operator: Any) -> Rule:
    return at_table(load, action, type="sql", query=query, **operator)


def test_an_expression_that_must_be_true_judges_each_row(load: Load) -> None:
    rule = sql(load, "fare > 0 or carrier = 'AA'", "quarantine", mustBe=True)

    assert (rule.expectation, rule.scope, rule.action) == (SATISFY, "row", "quarantine")
    assert rule.kwargs == {
        "column_list": ["fare", "carrier"],
        "expression": "fare > 0 or carrier = 'AA'",
    }


def test_braces_of_a_pattern_are_no_placeholder(load: Load) -> None:
    text = "SELECT count(*) FILTER (regexp_matches(Carrier, '^[A-Z]{2}$')) FROM {model}"
    rule = sql(load, text, mustBeGreaterThan=5)

    assert "{2}$" in rule.kwargs["query"] and 'FROM "flights"' in rule.kwargs["query"]


def test_names_in_sql_have_no_case(load: Load) -> None:
    assert sql(load, "FARE > 0", mustBe=True).kwargs["column_list"] == ["fare"]


def test_a_query_gives_one_value_of_the_whole_table(load: Load) -> None:
    rule = sql(load, "SELECT COUNT(*) FROM ${table} WHERE fare IS NULL;", mustBeLessThan=5)

    assert (rule.expectation, rule.scope) == (QUERY, "table")
    assert rule.kwargs == {
        "query": 'SELECT COUNT(*) FROM "flights" WHERE fare IS NULL',
        ALLOWED: {"operator": "mustBeLessThan", "limit": 5},
    }


def test_unexpected_rows_are_a_query_as_well(load: Load) -> None:
    query = {"unexpected_rows_query": "select * from {batch} where fare < 0"}
    rule = at_table(
        load,
        "warn",
        type="custom",
        engine="greatExpectations",
        implementation={"type": "UnexpectedRowsExpectation", "kwargs": query},
    )
    assert (rule.expectation, rule.scope, rule.kwargs) == (UNEXPECTED_ROWS, "partition", query)


@pytest.mark.parametrize(
    ("query", "operator", "said"),
    [
        ("fares > 0", {"mustBe": True}, "unknown column 'fares' (did you mean 'fare'?)"),
        ("fare > 'a'", {"mustBe": True}, "they cannot be compared"),
        ("fare >", {"mustBe": True}, "it does not parse"),
        ("fare > 0", {"mustBe": 0}, "mustBe: true says that it holds in each row"),
        ("upper(carrier) = 'A'", {"mustBe": True}, "UPPER(carrier) cannot be computed on a row"),
        ("1 = 1", {"mustBe": True}, "compares two constants"),
        ("select fares from {table}", {"mustBe": 0}, "does not bind"),
        ("select fare, carrier from {table}", {"mustBe": 0}, "gives 2 columns"),
        ("select carrier from {table}", {"mustBeLessThan": 5}, "gives VARCHAR"),
        ("select count(*) from {table}", {"mustBe": True}, "gives BIGINT"),
        ("select count(*) from bronze.other", {"mustBe": 0}, "sees the rows of silver.flights"),
        ("select count(*) from 'a.csv'", {"mustBe": 0}, "a rule sees the rows"),
        ("select count(*) from read_csv('a.csv')", {"mustBe": 0}, "the SQL reads"),
        ("select count(*) from {tabel}", {"mustBe": 0}, "(did you mean 'table'?)"),
        ("select count(${column}) from {table}", {"mustBe": 0}, "stands at no column"),
        ("select random() from {table}", {"mustBe": 0}, "no two audits agree"),
        ("select count(*) from {table} tablesample 10%", {"mustBe": 0}, "no two audits agree"),
        ("select count(*) from {table} using sample 3", {"mustBe": 0}, "no two audits agree"),
        ("select txid_current() from {table}", {"mustBe": 0}, "no two audits agree"),
        ("select max(age(seen)) from {table}", {"mustBe": 0}, "no two audits agree"),
        ("select max(flight_date) - current_date from {table}", {"mustBe": 0}, "no two audits"),
        ("select 1 from {table}; drop table x", {"mustBe": 0}, "is not one SELECT"),
        ("with x as (select 1) delete from flights", {"mustBe": 0}, "is not one SELECT"),
    ],
)
def test_sql_that_cannot_be_kept_is_refused_with_its_line(
    load: Load, query: str, operator: dict[str, Any], said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        sql(load, query, **operator)

    assert said in str(raised.value)
    assert str(raised.value).startswith(PLACE)


def test_a_query_cannot_quarantine(load: Load) -> None:
    with pytest.raises(ContractError, match="does not say which rows are bad"):
        sql(load, "select count(*) from {table}", "quarantine", mustBe=0)


def at_fare(load: Load, *, column: str = "", action: str = "quarantine", **body: Any) -> Rule:
    own = [{"property": "action", "value": action}]
    given = {"name": "odd", "description": "why", "customProperties": own, **body}
    fare = "physicalType: decimal(10, 2)\n"
    text = f"{fare}{column}        quality: [{json.dumps(given)}]\n"
    (rule,) = (r for r in load((fare, text)).tables[0].rules if r.name == "odd")
    return rule


@pytest.mark.parametrize(
    ("body", "threshold"),
    [
        ({"metric": "nullValues", "mustBeLessThan": 5}, Threshold("mustBeLessThan", 5)),
        (
            {"metric": "duplicateValues", "mustBeLessThan": 1.5, "unit": "percent"},
            Threshold("mustBeLessThan", 1.5, is_percent=True),
        ),
        (
            {
                "metric": "invalidValues",
                "arguments": {"validValues": [1, 2]},
                "mustBeLessOrEqualTo": 5,
                "unit": "percent",
            },
            Threshold("mustBeLessOrEqualTo", 5, is_percent=True),
        ),
        (
            {"metric": "missingValues", "mustBeBetween": [0, 9], "unit": "rows"},
            Threshold("mustBeBetween", [0, 9]),
        ),
    ],
)
def test_a_metric_may_allow_some_rows(
    load: Load, body: dict[str, Any], threshold: Threshold
) -> None:
    assert Threshold.of(at_fare(load, **body).kwargs[ALLOWED]) == threshold


def test_missing_values_may_be_null_and_others(load: Load) -> None:
    values = {"missingValues": [None, 0, 9.5]}
    rule = at_fare(load, metric="missingValues", arguments=values, mustBe=0)

    assert rule.expectation == SATISFY
    assert rule.kwargs["expression"] == '"fare" is not null and "fare" not in (0, 9.5)'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"mustBeGreaterThan": 5}, "does not hold of no rows, which a quarantine leaves"),
        ({"mustBeLessThan": 120, "unit": "percent"}, "give 0 to 100"),
        ({"mustBeLessThan": 5, "unit": "percents"}, "did you mean 'percent'?"),
        ({"mustBeBetween": [9, 0]}, "the lesser stands first"),
    ],
)
def test_a_threshold_that_cannot_be_kept_is_refused(
    load: Load, body: dict[str, Any], said: str
) -> None:
    with pytest.raises(ContractError) as raised:
        at_fare(load, metric="nullValues", **body)

    assert said in str(raised.value)


def test_an_own_class_may_not_be_given_a_threshold_by_its_arguments(load: Load) -> None:
    kwargs = {"allowed": {"operator": "mustBe", "limit": 1}}
    implementation = {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs}
    with pytest.raises(ContractError, match="has no argument 'allowed'"):
        at_fare(load, type="custom", engine="greatExpectations", implementation=implementation)


@pytest.mark.parametrize(
    ("threshold", "amount", "rows", "holds"),
    [
        (Threshold("mustBeLessThan", 5, True), 5, 100, False),
        (Threshold("mustBeLessThan", 5, True), 0, 0, True),
        (Threshold("mustBeLessOrEqualTo", 7, True), 7, 100, True),
        (Threshold("mustBeLessOrEqualTo", 0.07, True), 7, 10_000, True),
        (Threshold("mustNotBeBetween", [1, 3]), 3, None, False),
        (Threshold("mustNotBe", 3), 4, None, True),
        (Threshold("mustBe", True), True, None, True),
        (Threshold("mustBeGreaterOrEqualTo", 3), None, None, False),
    ],
)
def test_a_threshold_is_exact(
    threshold: Threshold, amount: Any, rows: int | None, holds: bool
) -> None:
    assert threshold.holds(amount, rows) is holds


def test_unique_is_a_rule_over_the_whole_table(load: Load) -> None:
    before = load().tables[0]
    after = load(("name: fare", "name: fare\n        unique: true")).tables[0]
    (rule,) = (rule for rule in after.rules if rule.name == "fare_unique")

    assert (rule.expectation, rule.action, rule.scope, rule.column) == (
        "expect_column_values_to_be_unique",
        "fail",
        "table",
        "fare",
    )
    assert load(("name: fare", "name: fare\n        unique: false")).tables[0] == before
    assert fingerprint_of(after) != fingerprint_of(before)
