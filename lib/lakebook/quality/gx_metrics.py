"""The metrics of expectations that judge rows, for the Narwhals engine: counts and samples.

Those that measure a column or the table are in `gx_aggregates`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
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
from .own_conditions import OWN_ARGUMENTS, OWN_METRICS
from .typed import value


def register() -> None:
    """Register every metric once per process."""
    for metric in (*COLUMN_METRICS, *PAIR_METRICS, *RECORD_METRICS):
        _register_map(metric)
    for metric in OWN_METRICS:
        _register_map(metric, {"metric_domain_keys": _DOMAIN, "metric_value_keys": OWN_ARGUMENTS})
    gx_aggregates.register()


_DOMAIN = (
    *("batch_id", "table", "column_list"),
    *("row_condition", "condition_parser", "ignore_row_if"),
)


def _register_map(metric: str, keys: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """The count of broken rows, of rows in the domain, and samples in two shapes.

    `keys`: the arguments of a metric that Great Expectations does not have.
    """
    count, domain = (functools.partial(of, metric) for of in (_count_broken, _count_domain))
    register_measure(f"{metric}.unexpected_count", count, keys=keys)
    if metric not in COLUMN_METRICS:
        register_measure(f"{metric}.filtered_row_count", domain, keys=keys)
    shown = keys and {**keys, "metric_value_keys": (*keys["metric_value_keys"], "result_format")}
    for suffix, index in (("unexpected_values", False), ("unexpected_index_list", True)):
        build = functools.partial(_sample_of, metric, index=index)
        register_measure(f"{metric}.{suffix}", build, NarwhalsSample, keys=shown)
    register_direct(f"{metric}.unexpected_index_query", lambda data: None, keys=shown)


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
