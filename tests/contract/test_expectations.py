"""The frozen table of expectation classes is what the installed Great Expectations has."""

from __future__ import annotations

import pytest

from lakebook.contract.expectations import COMMON, EXPECTATIONS, REFUSED, UNEXPECTED_ROWS
from lakebook.quality.suite import import_gx

_ROW_BASES = {"ColumnMapExpectation", "ColumnPairMapExpectation", "MulticolumnMapExpectation"}
# Each judges a row by the others, although GX maps them.
_ACROSS = {
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_not_be_outliers",
    "expect_compound_columns_to_be_unique",
}
_OF_GX = {
    "id", "meta", "notes", "result_format", "description", "catch_exceptions", "severity",
    "rendered_content", "windows", "batch_id", "library_metadata",
}  # fmt: skip


@pytest.fixture(scope="module")
def classes() -> dict[str, type]:
    import_gx()
    import great_expectations.expectations.core as core

    # One class (multicolumn_values_to_be_unique, deprecated) has an empty name.
    return {
        cls.expectation_type: cls
        for cls in vars(core).values()
        if isinstance(cls, type) and getattr(cls, "expectation_type", "")
    }


def test_every_standard_class_is_known_or_refused(classes: dict[str, type]) -> None:
    nameless = {"expect_multicolumn_values_to_be_unique"}
    by_sql = {UNEXPECTED_ROWS}
    assert set(classes) | nameless == set(EXPECTATIONS) | set(REFUSED) | by_sql


def test_arguments_are_those_of_the_classes(classes: dict[str, type]) -> None:
    for name, known in EXPECTATIONS.items():
        fields = classes[name].__fields__  # type: ignore[attr-defined]
        required = {key for key, field in fields.items() if field.required}

        assert set(known.arguments) == set(fields) - _OF_GX, name
        assert set(known.required) >= required, name  # a regex of `.*` by default is no rule


def test_what_judges_rows_can_name_them(classes: dict[str, type]) -> None:
    for name, known in EXPECTATIONS.items():
        bases = {base.__name__ for base in classes[name].__mro__}

        assert known.maps == bool(bases & _ROW_BASES), name
        assert (known.scope == "row") == (known.maps and name not in _ACROSS), name


def test_every_class_takes_a_row_condition_except_those_on_the_shape_of_a_table() -> None:
    without = {n for n, known in EXPECTATIONS.items() if not set(COMMON) <= set(known.arguments)}

    assert without == {
        "expect_column_to_exist",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
