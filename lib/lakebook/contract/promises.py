"""Rules that a column makes without saying so: its `unique`."""

from __future__ import annotations

from collections.abc import Iterator

from .model import Rule
from .reader import Reader


def promised_rules(table: Reader) -> Iterator[Rule]:
    """The rules of all columns, with the action `fail`."""
    for column in table.items("properties"):
        if column["unique"] is True:
            yield _unique(column)


def _unique(column: Reader) -> Rule:
    """No value twice in the whole dataset."""
    return Rule(
        name=f"{column['name']}_unique",
        expectation="expect_column_values_to_be_unique",
        kwargs={"column": column["name"]},
        action="fail",
        scope="table",
        reason="The contract says unique: true.",
        dimension="uniqueness",
        line=column.document.line((*column.place, "unique")),
    )
