"""The metrics of expectations that judge rows, for the Narwhals engine: counts and samples.

Those that measure a column or the table are in `gx_aggregates`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import narwhals as nw

from . import gx_aggregates
from .conditions import COLUMN_METRICS, PAIR_METRICS, RECORD_METRICS, condition
from .gx_engine import NarwhalsBatchData, SampleRequest
from .gx_register import (
    Kwargs,
    NarwhalsSample,
    grouping,
    register_direct,
    register_measure,
)
from .measures import ROWS, Grouped, Measure, Sample, as_int, count_true
from .typed import value


def register() -> None:
    """Register every metric once per process."""
    for metric in (*COLUMN_METRICS, *PAIR_METRICS, *RECORD_METRICS):
        _register_map(metric)
    gx_aggregates.register()


def _register_map(metric: str) -> None:
    """The count of broken rows, of rows in the domain, and samples in two shapes."""
    register_measure(f"{metric}.unexpected_count", functools.partial(_count_broken, metric))
    if metric not in COLUMN_METRICS:
        register_measure(f"{metric}.filtered_row_count", functools.partial(_count_domain, metric))
    for suffix, index in (("unexpected_values", False), ("unexpected_index_list", True)):
        build = functools.partial(_sample_of, metric, index=index)
        register_measure(f"{metric}.{suffix}", build, NarwhalsSample)
    register_direct(f"{metric}.unexpected_index_query", lambda data: None)


def _count_broken(metric: str, data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    found = condition(metric, arguments, data.schema)
    if found.broken is not None:
        return count_true(found.broken)
    keys = {name: value(name, data.schema) for name in found.unique}
    # Not sum(rows) - groups: Great Expectations counts every row of a repeated value.
    repeated = nw.when(nw.col(ROWS) > 1).then(nw.col(ROWS)).sum()
    return Grouped(grouping(found.unique, arguments), keys, found.domain, repeated, as_int)


def _count_domain(metric: str, data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    return count_true(condition(metric, arguments, data.schema).domain)


def _sample_of(metric: str, data: NarwhalsBatchData, arguments: Kwargs, index: bool) -> Any:
    found = condition(metric, arguments, data.schema)
    result_format = arguments["result_format"]
    shown = [*(result_format.get("unexpected_index_column_names") or ()), *found.columns]
    wanted = Sample(
        columns=tuple(dict.fromkeys(shown)),
        domain=found.domain,
        broken=found.broken,
        unique=found.unique,
        limit=int(result_format["partial_unexpected_count"]),
    )
    if index:
        return SampleRequest(wanted, lambda rows: rows)
    shape: Callable[[dict[str, Any]], Any]
    if metric in COLUMN_METRICS:
        shape = lambda row: row[found.columns[0]]  # noqa: E731
    elif metric in PAIR_METRICS:
        shape = lambda row: tuple(row[name] for name in found.columns)  # noqa: E731
    else:
        shape = lambda row: {name: row[name] for name in found.columns}  # noqa: E731
    return SampleRequest(wanted, lambda rows: [shape(row) for row in rows])
