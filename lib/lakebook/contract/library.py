"""ODCS library metrics (`metric: nullValues`, `mustBe: 0`) as Great Expectations classes.

What means exactly the same is translated; for other limits the class counts, and the rule's
threshold says how many rows of those counted are too many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ContractError, did_you_mean
from .expectations import ALLOWED, SATISFY
from .thresholds import OPERATORS, Threshold
from .values import number

_ARGUMENTS = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}


def translate(
    raw: Mapping[str, Any], column: str | None, *, where: str
) -> tuple[str, dict[str, Any]]:
    """Return expectation and arguments of one library rule; `column` None: of the table.

    Among the arguments may be one of `thresholds`, as `ALLOWED`.
    """
    metric, arguments = raw["metric"], raw.get("arguments") or {}
    for key in arguments:
        if key not in _ARGUMENTS[metric]:
            raise ContractError(
                f"metric {metric} has no argument {key!r}{did_you_mean(key, _ARGUMENTS[metric])}",
                where=where,
            )
    operator = next(name for name in OPERATORS if name in raw)  # the JSON schema asks for one
    _check_limit(raw, operator, metric, where)
    if metric == "rowCount":
        if column is not None:
            raise ContractError(
                "metric rowCount at a column", where=where, fix="move it to the table's quality"
            )
        return "expect_table_row_count_to_be_between", _row_count(raw, operator)
    if column is None and metric != "duplicateValues":
        raise ContractError(
            f"metric {metric} at a table", where=where, fix="move it to a column's quality"
        )
    expectation, kwargs = _of_values(metric, arguments, column, where)
    return expectation, {**kwargs, **_limit(raw, operator, metric)}


def _check_limit(raw: Mapping[str, Any], operator: str, metric: str, where: str) -> None:
    limit, unit = raw[operator], raw.get("unit")
    for one in limit if isinstance(limit, list) else [limit]:
        try:
            number(one, finite=True)
        except ContractError as wrong:
            raise ContractError(
                f"metric {metric} with {operator}: {wrong.found}", where=where, fix=wrong.fix
            ) from None
        if unit == "percent" and not 0 <= one <= 100:
            raise ContractError(
                f"metric {metric} with {one} percent", where=where, fix="give 0 to 100"
            )
    if isinstance(limit, list) and limit[0] > limit[1]:
        raise ContractError(
            f"metric {metric} with {operator}: {limit}", where=where, fix="the lesser stands first"
        )
    units = ("rows",) if metric == "rowCount" else ("rows", "percent")
    if unit not in (None, *units):
        raise ContractError(
            f"metric {metric} in {unit}{did_you_mean(str(unit), units)}",
            where=where,
            fix=f"use unit: {' or unit: '.join(units)}",
        )


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
            listed = ", ".join(_sql(one) for one in values if one is not None)
            expression = f'"{column}" is not null and "{column}" not in ({listed})'
            return SATISFY, {"column_list": [column], "expression": expression}
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


def _sql(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _limit(raw: Mapping[str, Any], operator: str, metric: str) -> dict[str, Any]:
    """The argument that says how many rows are too many; none where each one is."""
    limit, is_percent = raw[operator], raw.get("unit") == "percent"
    if operator in ("mustBe", "mustBeLessOrEqualTo") and limit == 0:
        return {}
    # `mostly` of the others is a share of the non-null values, ODCS's percentage one of all rows.
    if operator == "mustBeLessOrEqualTo" and is_percent and metric == "nullValues":
        return {"mostly": round(1 - limit / 100, 12)}
    return {ALLOWED: Threshold(operator, limit, is_percent).arguments()}


def _row_count(raw: Mapping[str, Any], operator: str) -> dict[str, Any]:
    limit = raw[operator]
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
    return {"min_value": 0, ALLOWED: Threshold(operator, limit).arguments()}
