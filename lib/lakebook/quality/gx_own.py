"""Lakebook's own expectation classes: over single rows, as GX's multicolumn map expectations.

This module imports Great Expectations, which takes seconds: import it only inside a function that
audits. Which rows break them stands in `own_conditions`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.expectations.expectation import MulticolumnMapExpectation

from .own_conditions import IN_REFERENCE, SATISFIED


def register_classes() -> None:
    """Importing this module has registered them."""


class _OverRows(MulticolumnMapExpectation):
    """Over any number of columns; Great Expectations' own want two."""

    @pydantic.validator("column_list", allow_reuse=True)
    def _validate_column_list(cls, v: list[str]) -> list[str]:
        return v


class ExpectRowsToSatisfy(_OverRows):
    """An expression in SQL is not false in any row."""

    expression: str
    ignore_row_if: Any = "never"
    map_metric: ClassVar[str] = SATISFIED
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "expression")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "expression")


class ExpectKeysToBeThere(_OverRows):
    """The values of some columns, none of them missing, are a key of the referenced dataset."""

    reference: str
    ignore_row_if: Any = "any_value_is_missing"
    map_metric: ClassVar[str] = IN_REFERENCE
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "reference")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "reference")
