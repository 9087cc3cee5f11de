"""The metrics of expectations that measure a column or the table, for the Narwhals engine."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import narwhals as nw
from great_expectations.constants import MAX_DISTINCT_VALUES

from .column_tests import is_in
from .conditions import all_of
from .gx_engine import NarwhalsBatchData, SampleRequest
from .gx_register import (
    MISSING_FROM_COLUMN,
    NOT_IN_SET,
    Builder,
    Kwargs,
    NarwhalsSample,
    grouping,
    register_direct,
    register_measure,
)
from .measures import ROWS, Grouped, Measure, Sample, Scalar, as_int, as_share, count_true
from .row_condition import row_condition
from .statistics import AGGREGATES, QUANTILES, statistic
from .typed import missing, value

MOST_TIES = 1000
"""With more values that are equally common than this, the others count as less common."""


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
    return Scalar(kept / count_true(where).expr, as_share)


def _statistic(metric: str, data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    return statistic(metric, arguments, data.schema)


def _wanted(data: NarwhalsBatchData, arguments: Kwargs) -> list[Any]:
    """The distinct values of a rule's set."""
    return list(dict.fromkeys(v for v in arguments["value_set"] if v is not None))


def _missing_count(data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    wanted = _wanted(data, arguments)
    found = is_in(arguments["column"], wanted, data.schema).cast(nw.Int64).sum()
    count = _distinct(lambda *_: found, lambda number: len(wanted) - as_int(number))
    return count(data, arguments)  # type: ignore[no-any-return]


def _missing_values(data: NarwhalsBatchData, arguments: Kwargs) -> Any:
    name, wanted = arguments["column"], _wanted(data, arguments)
    limit = int(arguments.get("limit") or MAX_DISTINCT_VALUES)
    present = all_of(_present(arguments, data), is_in(name, wanted, data.schema))
    found = Sample((name,), present, None, (name,), len(wanted), at_least=1)

    def lacking(rows: list[dict[str, Any]]) -> list[Any]:
        there = {row[name] for row in rows}
        return [v for v in wanted if v not in there][:limit]

    return SampleRequest(found, lacking)


def _most_common(data: NarwhalsBatchData, arguments: Kwargs) -> Any:
    name = arguments["column"]
    most = Sample(
        (name,),
        _present(arguments, data),
        None,
        (name,),
        MOST_TIES,
        at_least=1,
        is_most=True,
    )
    return SampleRequest(most, lambda rows: sorted(row[name] for row in rows))


def register() -> None:
    """Register them once per process."""
    for metric in (*AGGREGATES, QUANTILES):
        register_measure(metric, functools.partial(_statistic, metric))
    register_measure("column.most_common_value", _most_common)
    register_measure("column.distinct_values.count", _distinct(lambda *_: nw.len(), as_int))
    register_measure(
        "column.unique_proportion",
        _distinct(lambda *_: nw.len() / nw.col(ROWS).sum(), as_share),
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
    register_measure(MISSING_FROM_COLUMN, _missing_values, NarwhalsSample)
    register_measure(f"{MISSING_FROM_COLUMN}.count", _missing_count)
    register_measure("column.non_null_count", _nonnull_count)
    register_measure("column.non_null_proportion", _nonnull_proportion)
    register_measure("table.row_count", _row_count)
    register_direct("table.columns", lambda data: list(data.schema.names()))
    register_direct("table.column_count", lambda data: len(data.schema))
    register_direct(
        "table.column_types",
        lambda data: [{"name": n, "type": str(t)} for n, t in data.schema.items()],
    )
