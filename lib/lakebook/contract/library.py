"""ODCS library metrics (`metric: nullValues`, `mustBe: 0`) as Great Expectations classes.

Only what means exactly the same is translated; anything else is an error that says what to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ContractError, did_you_mean

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)
_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}
_CUSTOM = "write the rule as type: custom with engine: greatExpectations"


def translate(
    raw: Mapping[str, Any], column: str | None, *, where: str
) -> tuple[str, dict[str, Any]]:
    """Return expectation and arguments of one library rule; `column` None: of the table."""
    metric, arguments = raw["metric"], raw.get("arguments") or {}
    for key in arguments:
        if key not in _ARGUMENTS[metric]:
            raise ContractError(
                f"metric {metric} has no argument {key!r}{did_you_mean(key, _ARGUMENTS[metric])}",
                where=where,
            )
    operator = next(name for name in OPERATORS if name in raw)  # the JSON schema asks for one
    if metric == "rowCount":
        if column is not None:
            raise ContractError(
                "metric rowCount at a column", where=where, fix="move it to the table's quality"
            )
        return "expect_table_row_count_to_be_between", _row_count(raw, operator, where)
    if column is None and metric != "duplicateValues":
        raise ContractError(
            f"metric {metric} at a table", where=where, fix="move it to a column's quality"
        )
    expectation, kwargs = _of_values(metric, arguments, column, where)
    mostly = _mostly(raw, operator, metric, where)
    return expectation, kwargs if mostly == 1 else {**kwargs, "mostly": mostly}


def _of_values(
    metric: str, arguments: Mapping[str, Any], column: str | None, where: str
) -> tuple[str, dict[str, Any]]:
    if metric == "nullValues":
        return "expect_column_values_to_not_be_null", {"column": column}
    if metric == "missingValues":
        values = arguments.get("missingValues") or [None]
        if values == [None]:
            return "expect_column_values_to_not_be_null", {"column": column}
        if None in values:
            raise ContractError(
                "missingValues mixes null with values",
                where=where,
                fix="make it two rules: metric nullValues, and missingValues without null",
            )
        return "expect_column_values_to_not_be_in_set", {"column": column, "value_set": values}
    if metric == "invalidValues":
        if ("validValues" in arguments) == ("pattern" in arguments):
            raise ContractError(
                "metric invalidValues needs exactly one of the arguments validValues and pattern",
                where=where,
            )
        if "pattern" in arguments:
            return (
                "expect_column_values_to_match_regex",
                {"column": column, "regex": arguments["pattern"]},
            )
        return (
            "expect_column_values_to_be_in_set",
            {"column": column, "value_set": arguments["validValues"]},
        )
    names = arguments.get("properties") or ([column] if column else [])
    if not names:
        raise ContractError(
            "metric duplicateValues at a table does not say of which columns",
            where=where,
            fix="add arguments: {properties: [column, …]}",
        )
    if len(names) == 1:
        return "expect_column_values_to_be_unique", {"column": names[0]}
    return "expect_compound_columns_to_be_unique", {"column_list": list(names)}


def _mostly(raw: Mapping[str, Any], operator: str, metric: str, where: str) -> float:
    """The share of rows that must be good, if GX's `mostly` means what the operator says."""
    limit = raw[operator]
    if operator in ("mustBe", "mustBeLessOrEqualTo") and limit == 0:
        return 1
    # `mostly` of the others is a share of the non-null values, ODCS's percentage one of all rows.
    if (
        operator == "mustBeLessOrEqualTo"
        and raw.get("unit") == "percent"
        and metric == "nullValues"
    ):
        return round(1 - limit / 100, 12)
    raise ContractError(
        f"metric {metric} with {operator}: {limit}"
        + (" (percent)" if raw.get("unit") == "percent" else "")
        + " has no exact counterpart",
        where=where,
        fix=f"use mustBe: 0, or {_CUSTOM}",
    )


def _row_count(raw: Mapping[str, Any], operator: str, where: str) -> dict[str, Any]:
    limit = raw[operator]
    if raw.get("unit", "rows") == "rows":
        if operator == "mustBe":
            return {"min_value": limit, "max_value": limit}
        if operator == "mustNotBe" and limit == 0:
            return {"min_value": 1}
        if operator == "mustBeBetween":
            return {"min_value": limit[0], "max_value": limit[1]}
        if operator == "mustBeGreaterThan":
            return {"min_value": limit, "strict_min": True}
        if operator == "mustBeGreaterOrEqualTo":
            return {"min_value": limit}
        if operator == "mustBeLessThan":
            return {"max_value": limit, "strict_max": True}
        if operator == "mustBeLessOrEqualTo":
            return {"max_value": limit}
    raise ContractError(
        f"metric rowCount with {operator}: {limit} has no exact counterpart",
        where=where,
        fix=_CUSTOM,
    )
