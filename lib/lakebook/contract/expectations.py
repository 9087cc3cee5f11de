"""The standard Great Expectations classes that an audit computes, so that a contract is checked
without GX, and what to write instead of the others.

Importing `great_expectations` takes seconds. tests/contract/test_expectations.py compares these
tables with the installed package; tests/quality/test_against_pandas.py, with what is computed.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Scope

COMMON = ("row_condition", "condition_parser")
"""Arguments that most classes take beside their own. `severity` is left out: the action says it."""


@dataclass(frozen=True)
class Expectation:
    """What is known of one class: arguments without default, the others, and the usual scope.

    `maps` says that the class judges single rows, so that failing rows can be told apart.
    """

    scope: Scope
    maps: bool
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


def _row(required: str, optional: str = "", scope: Scope = "row") -> Expectation:
    return Expectation(scope, True, tuple(required.split()), ("mostly", *optional.split(), *COMMON))


def _across(required: str, optional: str = "") -> Expectation:
    """Judges rows, but each by the others in the batch: uniqueness, order, outliers."""
    return _row(required, optional, scope="partition")


def _whole(required: str, optional: str = "") -> Expectation:
    return Expectation("partition", False, tuple(required.split()), (*optional.split(), *COMMON))


def _batch(required: str = "", optional: str = "") -> Expectation:
    return Expectation("partition", False, tuple(required.split()), tuple(optional.split()))


_BOUNDS = "min_value max_value strict_min strict_max"

EXPECTATIONS: dict[str, Expectation] = {
    # each row by itself
    "expect_column_value_lengths_to_be_between": _row("column", _BOUNDS),
    "expect_column_value_lengths_to_equal": _row("column value"),
    "expect_column_values_to_be_between": _row("column", _BOUNDS),
    "expect_column_values_to_be_in_set": _row("column value_set"),
    "expect_column_values_to_be_null": _row("column"),
    "expect_column_values_to_match_like_pattern": _row("column like_pattern", "escape"),
    "expect_column_values_to_match_like_pattern_list": _row(
        "column like_pattern_list", "match_on escape"
    ),
    "expect_column_values_to_match_regex": _row("column regex"),
    "expect_column_values_to_match_regex_list": _row("column regex_list", "match_on"),
    "expect_column_values_to_not_be_in_set": _row("column value_set"),
    "expect_column_values_to_not_be_null": _row("column"),
    "expect_column_values_to_not_match_like_pattern": _row("column like_pattern", "escape"),
    "expect_column_values_to_not_match_like_pattern_list": _row(
        "column like_pattern_list", "escape"
    ),
    "expect_column_values_to_not_match_regex": _row("column regex"),
    "expect_column_values_to_not_match_regex_list": _row("column regex_list"),
    "expect_column_pair_values_a_to_be_greater_than_b": _row(
        "column_A column_B", "or_equal ignore_row_if"
    ),
    "expect_column_pair_values_to_be_equal": _row("column_A column_B", "ignore_row_if"),
    "expect_column_pair_values_to_be_in_set": _row(
        "column_A column_B value_pairs_set", "ignore_row_if"
    ),
    "expect_multicolumn_sum_to_equal": _row("column_list sum_total", "ignore_row_if"),
    "expect_multicolumn_values_to_be_equal": _row("column_list", "ignore_row_if"),
    "expect_select_column_values_to_be_unique_within_record": _row("column_list", "ignore_row_if"),
    # each row by the others
    "expect_column_value_z_scores_to_be_less_than": _across("column threshold double_sided"),
    "expect_column_values_to_be_unique": _across("column"),
    "expect_column_values_to_not_be_outliers": _across("column", "method multiplier"),
    "expect_compound_columns_to_be_unique": _across("column_list", "ignore_row_if"),
    # a figure over all rows
    "expect_column_distinct_values_to_be_in_set": _whole("column value_set"),
    "expect_column_distinct_values_to_contain_set": _whole("column value_set"),
    "expect_column_distinct_values_to_equal_set": _whole("column value_set"),
    "expect_column_max_to_be_between": _whole("column", _BOUNDS),
    "expect_column_mean_to_be_between": _whole("column", _BOUNDS),
    "expect_column_median_to_be_between": _whole("column", _BOUNDS),
    "expect_column_min_to_be_between": _whole("column", _BOUNDS),
    "expect_column_most_common_value_to_be_in_set": _whole("column value_set", "ties_okay"),
    "expect_column_proportion_of_non_null_values_to_be_between": _whole("column", _BOUNDS),
    "expect_column_proportion_of_unique_values_to_be_between": _whole("column", _BOUNDS),
    "expect_column_quantile_values_to_be_between": _whole(
        "column quantile_ranges", "allow_relative_error"
    ),
    "expect_column_stdev_to_be_between": _whole("column", _BOUNDS),
    "expect_column_sum_to_be_between": _whole("column", _BOUNDS),
    "expect_column_unique_value_count_to_be_between": _whole("column", _BOUNDS),
    "expect_table_row_count_to_be_between": _whole("", _BOUNDS),
    "expect_table_row_count_to_equal": _whole("value"),
    # the shape of the table
    "expect_column_to_exist": _batch("column", "column_index"),
    "expect_table_column_count_to_be_between": _batch("", "min_value max_value"),
    "expect_table_column_count_to_equal": _batch("value"),
    "expect_table_columns_to_match_ordered_list": _batch("column_list"),
    "expect_table_columns_to_match_set": _batch("column_set", "exact_match"),
}

SATISFY = "expect_rows_to_satisfy"
KEYS_THERE = "expect_keys_to_be_there"
OWN: dict[str, Expectation] = {
    SATISFY: _row("column_list expression"),
    KEYS_THERE: _row("column_list reference"),
}
"""Lakebook's own classes: a rule in SQL over each row, and a reference by several columns.

No `type: custom` names them; `rules` makes them of `type: sql` and of relationships.
"""

QUERY = "expect_query_value_to_be"
UNEXPECTED_ROWS = "unexpected_rows_expectation"
BY_SQL: dict[str, Expectation] = {
    QUERY: Expectation("table", False, ("query",), ("column",)),
    UNEXPECTED_ROWS: Expectation("partition", False, ("unexpected_rows_query",), ()),
}
"""Rules whose query DuckDB evaluates beside the one pass of the others. The second is a class of
Great Expectations, and as such named by `type: custom`; the first is made of `type: sql`."""

ALLOWED = "allowed"
"""The argument of a rule that allows some bad rows: a threshold as `thresholds` has it. Only an
ODCS metric or query gives a rule one."""

KNOWN = {**EXPECTATIONS, **OWN, **BY_SQL}

_OF_ITS_OWN = "state a rule on this table's own columns, such as a query of type: sql"
_PARSED = (
    "give the column the type date or timestamp and parse it in the notebook, "
    "or use expect_column_values_to_match_regex"
)
_ORDERED = (
    "rows of a table have no order; compare two columns of a row with "
    "expect_column_pair_values_a_to_be_greater_than_b"
)

REFUSED: dict[str, str] = {
    # the footer check knows types exactly; GX asks for an engine's own class names
    "expect_column_type_to_be": "state the type as the column's physicalType",
    "expect_column_values_to_be_in_type_list": "state the type as the column's physicalType",
    "expect_column_values_to_be_of_type": "state the type as the column's physicalType",
    # other tables are out of reach of an audit of staged files
    "expect_query_results_to_match_comparison": _OF_ITS_OWN,
    "expect_table_row_count_to_equal_other_table": _OF_ITS_OWN,
    # Python for each row; an audit is one query of the engine
    "expect_column_values_to_be_dateutil_parseable": _PARSED,
    "expect_column_values_to_match_strftime_format": _PARSED,
    "expect_column_values_to_be_json_parseable": (
        "parse it in the notebook, or use expect_column_values_to_match_regex"
    ),
    "expect_column_values_to_match_json_schema": (
        "parse it in the notebook, and state rules on the columns that come of it"
    ),
    # rows of a partition have no order
    "expect_column_values_to_be_increasing": _ORDERED,
    "expect_column_values_to_be_decreasing": _ORDERED,
    "expect_multicolumn_values_to_be_unique": (
        "within a row, use expect_select_column_values_to_be_unique_within_record; "
        "over all rows, use expect_compound_columns_to_be_unique"
    ),
    "expect_column_kl_divergence_to_be_less_than": (
        "use expect_column_quantile_values_to_be_between for numbers, "
        "expect_column_distinct_values_to_be_in_set for categories"
    ),
}
"""Standard classes that a contract may not use, and what to write instead."""
