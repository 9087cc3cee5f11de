"""Row rules as Narwhals expressions: which rows a rule looks at, and which of them break it.

The audit counts them and `flag` marks them, so both use these same expressions. The meaning is
that of Great Expectations on pandas: NaN counts as missing, missing values are left out of a
column's rule. Great Expectations itself is not needed here.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from ..contract.expectations import KEYS_THERE, SATISFY
from ..errors import ContractError
from .column_tests import COLUMN_TESTS
from .own_conditions import IN_REFERENCE, OWN_METRICS, SATISFIED, own_condition
from .row_condition import row_condition
from .statistics import is_outlier
from .typed import Schema, alike, equals, missing, sums_to

MISSING_DEFAULT = {"pair": "both_values_are_missing", "record": "all_values_are_missing"}


@dataclass(frozen=True)
class Condition:
    """A row rule on a frame.

    `domain` are the rows it evaluates. `broken` are those that break it, False outside the domain.
    A uniqueness rule has no `broken`: its rows in the domain must not share a value of `unique`.
    """

    columns: tuple[str, ...]
    domain: nw.Expr | None
    broken: nw.Expr | None
    unique: tuple[str, ...] = ()

    def broken_over_rows(
        self, by: tuple[str, ...] = (), keys: Mapping[str, str] | None = None
    ) -> nw.Expr:
        """`broken` for any rule; for uniqueness by a window, so not for a streaming count.

        Rows that differ in a column of `by` are no duplicates. `keys` names the columns of the
        frame in which missing values are alike, for those in which they may not be.
        """
        if self.broken is not None:
            return self.broken
        over = (*by, *((keys or {}).get(name, name) for name in self.unique))
        if self.domain is None:
            return nw.len().over(*over) > 1
        # A row that the rule does not look at must not make another one a duplicate.
        return self.domain & (self.domain.cast(nw.Int64).sum().over(*over) > 1)


def all_of(*parts: nw.Expr | None) -> nw.Expr | None:
    """The conjunction of those that are there; None: every row."""
    given = [part for part in parts if part is not None]
    return functools.reduce(operator.and_, given) if given else None


def _same(left: str, right: str, schema: Schema) -> nw.Expr:
    """Equality in which two missing values are equal, never null."""
    a, b = alike((left, right), schema)
    both_missing = missing(left, schema) & missing(right, schema)
    return (a == b).fill_null(False) | both_missing


def _pair(metric: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    # NaN as null: Polars holds NaN for the greatest number, pandas for none.
    names = kwargs["column_A"], kwargs["column_B"]
    if metric == "column_pair_values.in_set":
        # As on pandas, what is missing is as null in a pair.
        pairs = (
            [_is(n, one, schema) for n, one in zip(names, p, strict=True)]
            for p in kwargs["value_pairs_set"]
        )
        return functools.reduce(operator.or_, (one & other for one, other in pairs))
    a, b = alike(names, schema)
    if metric == "column_pair_values.equal":
        return a == b
    return a >= b if kwargs.get("or_equal") else a > b


def _is(name: str, wanted: Any, schema: Schema) -> nw.Expr:
    if wanted is None:
        return missing(name, schema)
    return equals(name, wanted, schema).fill_null(False)


def _record(metric: str, kwargs: Mapping[str, Any], schema: Schema) -> nw.Expr:
    names = kwargs["column_list"]
    if metric == "multicolumn_sum.equal":
        return sums_to(names, kwargs["sum_total"], schema)
    same = [_same(a, b, schema) for a, b in itertools.combinations(names, 2)]
    if metric == "multicolumn_values.equal":
        return functools.reduce(operator.and_, same)
    return functools.reduce(operator.and_, (~pair for pair in same))


PAIR_METRICS = (
    "column_pair_values.equal",
    "column_pair_values.a_greater_than_b",
    "column_pair_values.in_set",
)
RECORD_METRICS = (
    "compound_columns.unique",
    "multicolumn_sum.equal",
    "multicolumn_values.equal",
    "select_column_values.unique.within_record",
)
OUTLIER_METRICS = ("column_values.z_score.under_threshold", "column_values.not_outliers")
COLUMN_METRICS = (
    "column_values.nonnull",
    "column_values.null",
    "column_values.unique",
    *COLUMN_TESTS,
    *OUTLIER_METRICS,
)


def _not_ignored(kwargs: Mapping[str, Any], names: Iterable[str], schema: Schema) -> nw.Expr | None:
    """The rows that `ignore_row_if` leaves to a rule over several columns."""
    kind = "pair" if "column_A" in kwargs else "record"
    ignore = kwargs.get("ignore_row_if") or MISSING_DEFAULT[kind]
    lost = [missing(name, schema) for name in names]
    if ignore in ("both_values_are_missing", "all_values_are_missing"):
        return ~functools.reduce(operator.and_, lost)
    if ignore in ("either_value_is_missing", "any_value_is_missing"):
        return ~functools.reduce(operator.or_, lost)
    return None


def condition(metric: str, kwargs: Mapping[str, Any], schema: Schema) -> Condition:
    """The condition of a map metric for a rule's arguments (`column`, `min_value`, ...).

    A metric about outliers needs among them `statistics`: the values of
    `statistics.needed`. Raises ContractError for a metric that is not known here.
    """
    where = row_condition(kwargs.get("row_condition"), schema)
    if metric in COLUMN_METRICS:
        return _column_condition(metric, kwargs, schema, where)
    if metric in PAIR_METRICS:
        names = (kwargs["column_A"], kwargs["column_B"])
    elif metric in OWN_METRICS:
        domain, test = own_condition(metric, kwargs, schema)
        domain = all_of(where, domain)
        return Condition(tuple(kwargs["column_list"]), domain, all_of(domain, ~test))
    elif metric in RECORD_METRICS:
        names = tuple(kwargs["column_list"])
    else:
        raise ContractError(f"the metric {metric!r} is not among those that Lakebook computes")
    domain = all_of(where, _not_ignored(kwargs, names, schema))
    if metric == "compound_columns.unique":
        return Condition(names, domain, None, unique=names)
    compare = _pair if metric in PAIR_METRICS else _record
    test = compare(metric, kwargs, schema)
    broken = all_of(domain, ~test.fill_null(False))
    return Condition(names, domain, broken)


def _column_condition(
    metric: str, kwargs: Mapping[str, Any], schema: Schema, where: nw.Expr | None
) -> Condition:
    name = kwargs["column"]
    if metric == "column_values.nonnull":
        return Condition((name,), where, all_of(where, missing(name, schema)))
    if metric == "column_values.null":
        return Condition((name,), where, all_of(where, ~missing(name, schema)))
    domain = all_of(where, ~missing(name, schema))
    if metric == "column_values.unique":
        return Condition((name,), domain, None, unique=(name,))
    if metric in OUTLIER_METRICS:
        outside = is_outlier(metric, name, kwargs, kwargs["statistics"])
        if outside is None:
            outside = nw.col(name).is_null() & ~nw.col(name).is_null()
        return Condition((name,), domain, all_of(domain, outside.fill_null(False)))
    test = COLUMN_TESTS[metric](name, kwargs, schema)
    return Condition((name,), domain, all_of(domain, ~test))


MAP_METRIC = {
    SATISFY: SATISFIED,
    KEYS_THERE: IN_REFERENCE,
    "expect_column_values_to_not_be_null": "column_values.nonnull",
    "expect_column_values_to_be_null": "column_values.null",
    "expect_column_values_to_be_unique": "column_values.unique",
    "expect_column_values_to_be_between": "column_values.between",
    "expect_column_values_to_be_in_set": "column_values.in_set",
    "expect_column_values_to_not_be_in_set": "column_values.not_in_set",
    "expect_column_values_to_match_regex": "column_values.match_regex",
    "expect_column_values_to_not_match_regex": "column_values.not_match_regex",
    "expect_column_values_to_match_regex_list": "column_values.match_regex_list",
    "expect_column_values_to_not_match_regex_list": "column_values.not_match_regex_list",
    "expect_column_values_to_match_like_pattern": "column_values.match_like_pattern",
    "expect_column_values_to_not_match_like_pattern": "column_values.not_match_like_pattern",
    "expect_column_values_to_match_like_pattern_list": "column_values.match_like_pattern_list",
    "expect_column_values_to_not_match_like_pattern_list": (
        "column_values.not_match_like_pattern_list"
    ),
    "expect_column_value_z_scores_to_be_less_than": "column_values.z_score.under_threshold",
    "expect_column_values_to_not_be_outliers": "column_values.not_outliers",
    "expect_column_value_lengths_to_be_between": "column_values.value_length.between",
    "expect_column_value_lengths_to_equal": "column_values.value_length.equals",
    "expect_column_pair_values_to_be_equal": "column_pair_values.equal",
    "expect_column_pair_values_a_to_be_greater_than_b": "column_pair_values.a_greater_than_b",
    "expect_column_pair_values_to_be_in_set": "column_pair_values.in_set",
    "expect_compound_columns_to_be_unique": "compound_columns.unique",
    "expect_multicolumn_sum_to_equal": "multicolumn_sum.equal",
    "expect_multicolumn_values_to_be_equal": "multicolumn_values.equal",
    "expect_select_column_values_to_be_unique_within_record": (
        "select_column_values.unique.within_record"
    ),
}
"""The expectations that judge single rows, so that their rows can be quarantined."""
