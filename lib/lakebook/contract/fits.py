"""Which types of columns each class of rule is about.

Where pandas would compare what is not alike, or look at a number's or a time's digits as text, no
two engines agree: such a rule is refused when the contract is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from ..errors import ContractError
from .values import NUMBERS, family, is_decimal

_SUM = "expect_multicolumn_sum_to_equal"
_TEXT = ("string",)
_MEASURED = ("number", "decimal")
_ORDERED = (*_MEASURED, "date", "timestamp")
_SUMMED = (*_MEASURED, "boolean")
_VALUED = (*_ORDERED, "string", "boolean")

_FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "expect_column_value_lengths_to_be_between",
            "expect_column_value_lengths_to_equal",
            *(
                f"expect_column_values_to_{no}match_{kind}"
                for no in ("", "not_")
                for kind in ("regex", "regex_list", "like_pattern", "like_pattern_list")
            ),
        ),
        _TEXT,
    ),
    **dict.fromkeys(
        (
            "expect_column_values_to_be_between",
            "expect_column_max_to_be_between",
            "expect_column_min_to_be_between",
        ),
        _ORDERED,
    ),
    **dict.fromkeys(
        ("expect_column_sum_to_be_between", "expect_column_mean_to_be_between"), _SUMMED
    ),
    **dict.fromkeys(
        (
            "expect_column_median_to_be_between",
            "expect_column_stdev_to_be_between",
            "expect_column_quantile_values_to_be_between",
            "expect_column_value_z_scores_to_be_less_than",
            "expect_column_values_to_not_be_outliers",
        ),
        _MEASURED,
    ),
    **dict.fromkeys(
        (
            "expect_column_values_to_be_in_set",
            "expect_column_values_to_not_be_in_set",
            "expect_column_distinct_values_to_be_in_set",
            "expect_column_distinct_values_to_contain_set",
            "expect_column_distinct_values_to_equal_set",
            "expect_column_most_common_value_to_be_in_set",
        ),
        _VALUED,
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": (*_ORDERED, "string"),
    "expect_column_pair_values_to_be_in_set": _VALUED,
    _SUM: _MEASURED,
}
_ALIKE = (
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    _SUM,
    "expect_multicolumn_values_to_be_equal",
    "expect_select_column_values_to_be_unique_within_record",
)
_NAMES = {"number": "int32, int64, float32, float64", "decimal": "decimal(p,s)"}


def check_columns(expectation: str, kwargs: Mapping[str, Any], types: Mapping[str, str]) -> None:
    """Raise ContractError if a rule's columns have types that its class is not about.

    Columns that the table does not have are for others to find.
    """
    named = [kwargs.get(key) for key in ("column", "column_A", "column_B")]
    if "row_condition" in kwargs or expectation in (*_FAMILIES, *_ALIKE):
        named += kwargs.get("column_list") or []
    found = {str(name): types[name] for name in named if isinstance(name, str) and name in types}
    allowed = _FAMILIES.get(expectation)
    for name, kind in found.items():
        if allowed and family(kind) not in allowed:
            wanted = ", ".join(_NAMES.get(one, one) for one in allowed)
            raise ContractError(
                f"{name!r} is {kind}, and the class is about columns of the types {wanted}",
                fix="use another class, or give it a column of such a type",
            )
    if expectation in _ALIKE:
        for (one, kind), (other, second) in itertools.combinations(found.items(), 2):
            meet = expectation != _SUM and _whole_with_decimal(kind, second)
            if family(kind) != family(second) and not meet:
                raise ContractError(
                    f"{one!r} is {kind} and {other!r} is {second}, which are not compared",
                    fix="cast one of them in the notebook",
                )


def _whole_with_decimal(kind: str, other: str) -> bool:
    """Integers and decimals meet exactly; a float and a decimal do not."""
    kinds = {kind, other}
    return any(map(is_decimal, kinds)) and bool(kinds & set(NUMBERS[:2]))
