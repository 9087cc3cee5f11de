"""Rules, references and dbt tests as assertions, and what a run's checks said of them.

No value of a row is passed on: neither samples of broken rows nor what was measured on a column
whose values are classified.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract.classified import shown_observation
from ..contract.expectations import KEYS_THERE
from ..contract.model import TableContract
from . import urns
from .proposals import Proposal, proposal

SCHEMA = "schema"
"""The inspection of files against the contract's columns (`inspected`), by this name a check."""

DBT = "dbt_"
"""How the expectation of a dbt test begins in a run's checks (`step.dbt_tests`)."""

_OPERATORS = {
    "to_be_between": "BETWEEN",
    "to_be_in_set": "IN",
    "to_not_be_in_set": "NOT_IN",
    "to_not_be_null": "NOT_NULL",
    "to_be_null": "NULL",
    "to_match_regex": "REGEX_MATCH",
    "to_equal": "EQUAL_TO",
}
_AGGREGATIONS = {
    "expect_column_max": "MAX",
    "expect_column_mean": "MEAN",
    "expect_column_median": "MEDIAN",
    "expect_column_min": "MIN",
    "expect_column_stdev": "STDDEV",
    "expect_column_sum": "SUM",
    "expect_column_unique_value_count": "UNIQUE_COUNT",
    "expect_column_proportion_of_unique": "UNIQUE_PROPORTION",
    "expect_table_row_count": "ROW_COUNT",
    "expect_table_column_count": "COLUMN_COUNT",
}


@dataclass(frozen=True)
class Promise:
    """One thing that is checked of a dataset, whoever states it."""

    name: str
    expectation: str
    columns: tuple[str, ...]
    arguments: Mapping[str, Any]
    action: str
    reason: str = ""
    dimension: str = ""

    def urn(self, table: str) -> str:
        return urns.assertion_urn(table, self.name, self.expectation, self.arguments)


_WHOLE_SCHEMA = Promise(
    *(SCHEMA, SCHEMA, (), {}, "fail"),
    reason="Names, types, order and nulls of the files are those of the contract.",
)


def promises(table: TableContract) -> tuple[Promise, ...]:
    """The rules and references of a contract."""
    found = [
        Promise(
            rule.name,
            rule.expectation,
            _columns(rule.kwargs),
            {key: value for key, value in rule.kwargs.items() if key != "column"},
            rule.action,
            rule.reason,
            rule.dimension,
        )
        for rule in table.rules
    ]
    found += [
        Promise(
            relation.name,
            # As the audit computes it.
            KEYS_THERE if relation.others else "expect_column_values_to_be_in_set",
            relation.columns,
            # Not the keys themselves: they are data.
            {"values_of": f"{relation.to_dataset}.{', '.join(relation.to_columns)}"},
            relation.action,
            relation.reason,
            "consistency",
        )
        for relation in table.relationships
    ]
    return tuple(found)


def promise_of(check: Mapping[str, Any], table: TableContract | None) -> tuple[Promise, bool]:
    """What a run's check was about, and whether the contract states it (then it is known already).

    A dbt test, or a rule that the contract has lost since, is described by the check alone.
    """
    if check["expectation"] == SCHEMA:
        return _WHOLE_SCHEMA, True
    for one in promises(table) if table else ():
        if one.name == check["name"] and one.expectation == check["expectation"]:
            return one, True
    column = check.get("column")
    return Promise(
        check["name"],
        check["expectation"],
        (column,) if column else (),
        {},
        check["action"],
        check.get("reason") or "",
        check.get("dimension") or "",
    ), False


def assertion(promise: Promise, table: str) -> Proposal:
    """The definition of an assertion on the dataset with the URN `table`."""
    from datahub.metadata.schema_classes import (
        AssertionInfoClass,
        AssertionSourceClass,
        AssertionSourceTypeClass,
        AssertionTypeClass,
        DatasetAssertionInfoClass,
    )

    native = {"action": promise.action, "rule": promise.name}
    native |= {key: _text(value) for key, value in sorted(promise.arguments.items())}
    is_dbt = promise.expectation.startswith(DBT)
    info = AssertionInfoClass(
        type=AssertionTypeClass.DATASET,
        datasetAssertion=DatasetAssertionInfoClass(
            dataset=table,
            scope=_scope(promise),
            operator=_match(_OPERATORS, promise.expectation.endswith) or "_NATIVE_",
            aggregation=_match(_AGGREGATIONS, promise.expectation.startswith) or _default(promise),
            fields=[urns.field_urn(table, name) for name in promise.columns] or None,
            nativeType=promise.expectation.removeprefix(DBT),
            nativeParameters=native,
        ),
        source=AssertionSourceClass(type=AssertionSourceTypeClass.EXTERNAL),
        description=f"{promise.name}: {promise.reason}" if promise.reason else promise.name,
        customProperties={
            "tool": "dbt" if is_dbt else "great_expectations",
            "action": promise.action,
            **({"dimension": promise.dimension} if promise.dimension else {}),
        },
    )
    return proposal(promise.urn(table), info)


def result(
    check: Mapping[str, Any],
    promise: Promise,
    *,
    table: str,
    contract: TableContract | None,
    run_id: str,
    at_ms: int,
    error: str = "",
) -> Proposal:
    """What one check of a run found. Counts of rows, never rows; `error`: why, if known."""
    from datahub.metadata.schema_classes import (
        AssertionResultClass,
        AssertionResultTypeClass,
        AssertionRunEventClass,
        AssertionRunStatusClass,
    )

    seen = shown_observation(check, contract)
    native = {"action": promise.action, "scope": str(check.get("scope", ""))}
    is_number = isinstance(seen, int | float) and not isinstance(seen, bool)
    return proposal(
        promise.urn(table),
        AssertionRunEventClass(
            timestampMillis=at_ms,
            runId=run_id,
            asserteeUrn=table,
            assertionUrn=promise.urn(table),
            status=AssertionRunStatusClass.COMPLETE,
            result=AssertionResultClass(
                type=AssertionResultTypeClass.SUCCESS
                if check["success"]
                else AssertionResultTypeClass.FAILURE,
                rowCount=check.get("evaluated"),
                unexpectedCount=check.get("unexpected"),
                actualAggValue=float(seen) if is_number else None,
                nativeResults={**native, **({"error": error} if error else {})},
            ),
        ),
    )


def _columns(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    named = [arguments.get(key) for key in ("column", "column_A", "column_B")]
    return (*(str(n) for n in named if n), *arguments.get("column_list", ()))


def _scope(promise: Promise) -> str:
    if "_table_column" in promise.expectation or promise.expectation == "expect_column_to_exist":
        return "DATASET_SCHEMA"
    return "DATASET_COLUMN" if promise.columns else "DATASET_ROWS"


def _default(promise: Promise) -> str:
    return "IDENTITY" if promise.columns else "_NATIVE_"


def _match(table: Mapping[str, str], matches: Any) -> str | None:
    return next((word for part, word in table.items() if matches(part)), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
