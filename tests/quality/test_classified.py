"""Verdicts go into a run's record without values of classified columns."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from lakebook.contract.model import Rule, TableContract
from lakebook.quality import AuditResult, audit, without_classified


def rule(name: str, expectation: str, **kwargs: Any) -> Rule:
    return Rule(name, expectation, kwargs, "warn", "row", reason="it matters")


RULES = (
    rule("far", "expect_column_values_to_be_between", column="distance", max_value=1),
    rule("late", "expect_column_values_to_be_between", column="dep_delay", max_value=-100),
    replace(
        rule("top", "expect_column_max_to_be_between", column="distance", max_value=1),
        scope="partition",
    ),
)


@pytest.fixture
def audited(flights: pa.Table, make_contract: Any) -> tuple[AuditResult, TableContract]:
    contract: TableContract = make_contract(*RULES)
    columns = tuple(
        replace(column, classification="restricted") if column.name == "distance" else column
        for column in contract.columns
    )
    contract = replace(contract, columns=columns)
    return audit(nw.from_native(pl.from_arrow(flights).lazy()), contract), contract


def test_samples_and_measures_are_masked_and_counts_stay(
    audited: tuple[AuditResult, TableContract],
):
    before, contract = audited
    after = without_classified(before, contract)
    checks = {check.name: check for check in after.checks}
    values = {str(row["distance"]) for check in before.checks for row in _rows(check.sample)}
    assert values and before.checks[2].observed is not None
    assert not values & {str(row["distance"]) for c in after.checks for row in _rows(c.sample)}
    assert checks["top"].observed is None
    for then, now in zip(before.checks, after.checks, strict=True):
        assert (then.success, then.unexpected, then.evaluated) == (
            now.success,
            now.unexpected,
            now.evaluated,
        )
    assert after.gx == {}


def test_open_columns_keep_their_samples(audited: tuple[AuditResult, TableContract]):
    before, contract = audited
    late = next(check for check in before.checks if check.name == "late")
    after = next(c for c in without_classified(before, contract).checks if c.name == "late")
    assert late.sample and after.sample == late.sample


def test_a_contract_without_such_columns_changes_nothing(
    audited: tuple[AuditResult, TableContract], make_contract: Any
):
    assert without_classified(audited[0], make_contract(*RULES)) is audited[0]


def test_a_value_alone_is_masked(audited: tuple[AuditResult, TableContract]):
    before, contract = audited
    bare = replace(before, checks=(replace(before.checks[0], sample=(4711, 4712)),))
    assert "471" not in json.dumps(without_classified(bare, contract).checks[0].sample)


def _rows(sample: Any) -> list[Any]:
    return [row for row in sample if isinstance(row, dict) and "distance" in row]
