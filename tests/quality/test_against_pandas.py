"""Rule by rule, an audit says what Great Expectations says on pandas, on every engine."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest
from quality_cases import CASES, LIKE

from lakebook.contract.expectations import EXPECTATIONS, KNOWN
from lakebook.contract.model import Rule
from lakebook.quality import audit
from lakebook.quality.conditions import MAP_METRIC
from lakebook.quality.suite import import_gx

COUNTS = ("element_count", "unexpected_count", "missing_count", "unexpected_percent")


@pytest.fixture(scope="module")
def on_pandas(flights: Any) -> dict[str, Any]:
    """What Great Expectations says on pandas, by case."""
    gx = import_gx()
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("flights")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        {"dataframe": flights.to_pandas()}
    )
    found = {}
    for name, (expectation, kwargs) in CASES.items():
        suite = gx.ExpectationSuite(
            name=name, expectations=[get_expectation_impl(expectation)(**kwargs)]
        )
        found[name] = batch.validate(suite, result_format="SUMMARY").to_json_dict()["results"][0]
    return found


@pytest.fixture(scope="module")
def audited(to_frame: Any, flights: Any, make_contract: Any) -> dict[str, Any]:
    """What one audit of all cases says, by case: the check and Great Expectations' result."""
    cases = {**CASES, **LIKE}
    rules = [Rule(name, *case, action="warn", scope="row") for name, case in cases.items()]
    result = audit(to_frame(flights), make_contract(*rules))
    documents = {
        one["expectation_config"]["meta"]["lakebook"]["rule"]: one for one in result.gx["results"]
    }
    return {check.name: (check, documents[check.name]) for check in result.checks}


@pytest.mark.parametrize("case", CASES)
def test_an_audit_agrees_with_great_expectations_on_pandas(
    case: str, audited: dict[str, Any], on_pandas: dict[str, Any]
) -> None:
    _agree(audited[case], on_pandas[case])


@pytest.mark.parametrize("sql", LIKE)
def test_a_like_pattern_is_that_of_sql(sql: str, audited: dict[str, Any], flights: Any) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        flights.select(["tailnum"]).to_pandas().to_sql("flights", connection, index=False)
        connection.execute("PRAGMA case_sensitive_like = ON")
        query = f"SELECT count(*), sum(NOT ({sql})) FROM flights WHERE tailnum IS NOT NULL"
        evaluated, unexpected = connection.execute(query).fetchone()
    check, _ = audited[sql]
    assert (check.evaluated, check.unexpected) == (evaluated, unexpected)


def _agree(found: Any, expected: dict[str, Any]) -> None:
    check, document = found
    assert expected["exception_info"]["raised_exception"] is False
    assert check.success == expected["success"]
    for count in COUNTS:
        assert document["result"].get(count) == expected["result"].get(count), count
    for values in ("partial_missing_list", "partial_unexpected_list"):
        if check.evaluated is None and values in expected["result"]:
            assert sorted(document["result"][values]) == sorted(expected["result"][values])
    observed, wanted = document["result"].get("observed_value"), expected["result"]
    if isinstance(wanted.get("observed_value"), dict):  # of quantiles
        wanted = wanted["observed_value"]
        assert observed["quantiles"] == wanted["quantiles"]
        nothing = [None if value != value else value for value in wanted["values"]]
        assert observed["values"] == pytest.approx(nothing)
    elif "observed_value" in wanted:
        assert observed == pytest.approx(wanted["observed_value"])


def test_every_supported_expectation_is_compared() -> None:
    compared = {expectation for expectation, _ in (*CASES.values(), *LIKE.values())}
    assert compared == set(EXPECTATIONS)


def test_what_a_contract_may_quarantine_by_is_what_names_its_rows() -> None:
    assert set(MAP_METRIC) == {name for name, known in KNOWN.items() if known.maps}
