"""The metrics of expectations that measure a column or the table, for the Narwhals engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
from great_expectations.constants import MAX_DISTINCT_VALUES

from .column_tests import is_in, missing, value
from .conditions import all_of
from .gx_engine import NarwhalsBatchData, SampleRequest
from .gx_register import (
    NOT_IN_SET,
    Builder,
    Kwargs,
    NarwhalsSample,
    grouping,
    register_direct,
    register_measure,
)
from .measures import ROWS, Grouped, Measure, Sample, Scalar, as_int, count_true
from .row_condition import row_condition


def _aggregate(summarize: Callable[[nw.Expr], nw.Expr]) -> Builder:
    """A measure of a column's present values in the rule's rows."""

    def build(data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
        name = arguments["column"]
        where = row_condition(arguments.get("row_condition"), data.schema)
        kept = value(name, data.schema)
        return Scalar(summarize(kept if where is None else nw.when(where).then(kept)))

    return build


def _present(arguments: Kwargs, data: NarwhalsBatchData) -> nw.Expr:
    where = row_condition(arguments.get("row_condition"), data.schema)
    present = all_of(where, ~missing(arguments["column"], data.schema))
    assert present is not None
    return present


def _distinct(expr: Callable[[str, Kwargs, NarwhalsBatchData], nw.Expr], finish: Any) -> Builder:
    """A measure of a column's distinct present values."""

    def build(data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
        name = arguments["column"]
        return Grouped(
            grouping((name,), arguments),
            {name: value(name, data.schema)},
            _present(arguments, data),
            expr(name, arguments, data),
            finish,
        )

    return build


def _values_not_in_set(data: NarwhalsBatchData, arguments: Kwargs) -> Any:
    name = arguments["column"]
    strange = all_of(_present(arguments, data), ~is_in(name, arguments["value_set"], data.schema))
    limit = int(arguments.get("limit") or MAX_DISTINCT_VALUES)
    wanted = Sample((name,), strange, None, (name,), limit, at_least=1)
    return SampleRequest(wanted, lambda rows: [row[name] for row in rows])


def _row_count(data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    return count_true(row_condition(arguments.get("row_condition"), data.schema))


def _nonnull_count(data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    return count_true(_present(arguments, data))


def _nonnull_proportion(data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    where = row_condition(arguments.get("row_condition"), data.schema)
    kept = count_true(_present(arguments, data)).expr
    return Scalar(kept / count_true(where).expr, lambda share: share or 0.0)


_AGGREGATES: dict[str, Callable[[nw.Expr], nw.Expr]] = {
    "column.min": lambda column: column.min(),
    "column.max": lambda column: column.max(),
    "column.sum": lambda column: column.sum(),
    "column.mean": lambda column: column.mean(),
    "column.median": lambda column: column.median(),
    "column.standard_deviation": lambda column: column.std(ddof=1),
}


def register() -> None:
    """Register them once per process."""
    for metric, summarize in _AGGREGATES.items():
        register_measure(metric, _aggregate(summarize))
    register_measure("column.distinct_values.count", _distinct(lambda *_: nw.len(), as_int))
    register_measure(
        "column.unique_proportion",
        # No rows: 0 distinct of 0, which Great Expectations calls 0.
        _distinct(lambda *_: nw.len() / nw.col(ROWS).sum(), lambda share: share or 0.0),
    )
    register_measure(NOT_IN_SET, _values_not_in_set, NarwhalsSample)
    register_measure(
        f"{NOT_IN_SET}.count",
        _distinct(
            lambda name, kwargs, data: (
                (~is_in(name, kwargs["value_set"], data.schema)).cast(nw.Int64).sum()
            ),
            as_int,
        ),
    )
    register_measure("column.non_null_count", _nonnull_count)
    register_measure("column.non_null_proportion", _nonnull_proportion)
    register_measure("table.row_count", _row_count)
    register_direct("table.columns", lambda data: list(data.schema.names()))
    register_direct("table.column_count", lambda data: len(data.schema))
    register_direct(
        "table.column_types",
        lambda data: [{"name": n, "type": str(t)} for n, t in data.schema.items()],
    )
