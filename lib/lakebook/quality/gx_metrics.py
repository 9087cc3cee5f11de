"""The metrics of the standard expectations, for the Narwhals engine.

Each is registered under Great Expectations' own name. A metric is two: a partial one that builds a
measure without touching data, and a bundled one that the engine computes with all others. The stock
map metric providers are not used: they make a condition wait for the row count, a second pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import narwhals as nw
from great_expectations.constants import MAX_DISTINCT_VALUES
from great_expectations.core.metric_function_types import (
    MetricFunctionTypes,
    MetricPartialFunctionTypes,
)
from great_expectations.expectations.metrics.metric_provider import MetricProvider
from great_expectations.expectations.registry import get_metric_kwargs, register_metric
from great_expectations.validator.metric_configuration import MetricConfiguration

from .conditions import (
    COLUMN_METRICS,
    PAIR_METRICS,
    RECORD_METRICS,
    all_of,
    condition,
    is_in,
    missing,
    value,
)
from .gx_engine import NarwhalsBatchData, NarwhalsExecutionEngine, SampleRequest
from .measures import ROWS, Grouped, Measure, Sample, Scalar, as_int, count_true
from .references import resolve_reference
from .row_condition import row_condition

NOT_IN_SET = "column.distinct_values.not_in_set"

Kwargs = Mapping[str, Any]
Builder = Callable[[NarwhalsBatchData, Kwargs], Any]


class NarwhalsMetric(MetricProvider):
    """Provider of every metric here; the base class finds the partial metric by its name."""


class NarwhalsSample(NarwhalsMetric):
    """Provider of the broken rows, which are fetched only when there are any."""

    @classmethod
    def _get_evaluation_dependencies(
        cls,
        metric: MetricConfiguration,
        configuration: Any = None,
        execution_engine: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[str, MetricConfiguration]:
        needed = super()._get_evaluation_dependencies(
            metric, configuration, execution_engine, runtime_configuration
        )
        if not metric.metric_name.endswith(".aggregate_fn"):
            values = {k: v for k, v in metric.metric_value_kwargs.items() if k not in _SHOWN}
            needed["unexpected_count"] = MetricConfiguration(
                metric_name=_count_name(metric.metric_name),
                metric_domain_kwargs=metric.metric_domain_kwargs,
                metric_value_kwargs=values,
            )
        return needed


_SHOWN = ("result_format", "limit")  # how much of the broken rows is shown, not which they are


def _count_name(metric: str) -> str:
    """The metric that counts what a sample metric shows."""
    if metric == NOT_IN_SET:
        return f"{metric}.count"
    return metric.rsplit(".", 1)[0] + ".unexpected_count"


def _arguments(domain: Kwargs, values: Kwargs | None, data: NarwhalsBatchData) -> dict[str, Any]:
    """One mapping of a rule's arguments, with a reference's token replaced by its keys."""
    arguments = {**domain, **(values or {})}
    if "value_set" in arguments:
        arguments["value_set"] = resolve_reference(arguments["value_set"], data.references)
    return arguments


def _register(name: str, build: Builder, provider: type[MetricProvider] = NarwhalsMetric) -> None:
    """Register `name` as bundled, with `build` as its partial; keys as GX knows them."""
    keys = get_metric_kwargs(name)
    suffix = MetricPartialFunctionTypes.AGGREGATE_FN.metric_suffix

    def partial(
        cls: Any,
        execution_engine: NarwhalsExecutionEngine,
        metric_domain_kwargs: Kwargs,
        metric_value_kwargs: Kwargs | None,
        metrics: Any,
        runtime_configuration: Any,
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        data = execution_engine.batch_data(metric_domain_kwargs)
        arguments = _arguments(metric_domain_kwargs, metric_value_kwargs, data)
        return build(data, arguments), {}, {}

    for metric_name, function, kind in (
        (f"{name}.{suffix}", partial, MetricPartialFunctionTypes.AGGREGATE_FN),
        (name, None, MetricPartialFunctionTypes.AGGREGATE_FN),
    ):
        register_metric(
            metric_name=metric_name,
            metric_domain_keys=keys["metric_domain_keys"],
            metric_value_keys=keys["metric_value_keys"],
            execution_engine=NarwhalsExecutionEngine,
            metric_class=provider,
            metric_provider=function,
            metric_fn_type=kind,
        )


def _register_direct(name: str, compute: Callable[[NarwhalsBatchData], Any]) -> None:
    """Register a metric that the schema answers, without a query."""
    keys = get_metric_kwargs(name)

    def direct(
        cls: Any, execution_engine: NarwhalsExecutionEngine, metric_domain_kwargs: Kwargs, **_: Any
    ) -> Any:
        return compute(execution_engine.batch_data(metric_domain_kwargs))

    register_metric(
        metric_name=name,
        metric_domain_keys=keys["metric_domain_keys"],
        metric_value_keys=keys["metric_value_keys"],
        execution_engine=NarwhalsExecutionEngine,
        metric_class=NarwhalsMetric,
        metric_provider=direct,
        metric_fn_type=MetricFunctionTypes.VALUE,
    )


def _grouping(columns: tuple[str, ...], arguments: Kwargs) -> str:
    """A name that rules over the same groups share, so that they are grouped once."""
    return repr((columns, repr(arguments.get("row_condition")), arguments.get("ignore_row_if")))


def _count_broken(metric: str, data: NarwhalsBatchData, arguments: Kwargs) -> Measure:
    found = condition(metric, arguments, data.schema)
    if found.broken is not None:
        return count_true(found.broken)
    keys = {name: value(name, data.schema) for name in found.unique}
    # Not sum(rows) - groups: Great Expectations counts every row of a repeated value.
    repeated = nw.when(nw.col(ROWS) > 1).then(nw.col(ROWS)).sum()
    return Grouped(_grouping(found.unique, arguments), keys, found.domain, repeated, as_int)


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
            _grouping((name,), arguments),
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
    """Register every metric once per process."""
    for metric in (*COLUMN_METRICS, *PAIR_METRICS, *RECORD_METRICS):
        _register_map(metric)
    for metric, summarize in _AGGREGATES.items():
        _register(metric, _aggregate(summarize))
    _register("column.distinct_values.count", _distinct(lambda *_: nw.len(), as_int))
    _register(
        "column.unique_proportion",
        # No rows: 0 distinct of 0, which Great Expectations calls 0.
        _distinct(lambda *_: nw.len() / nw.col(ROWS).sum(), lambda share: share or 0.0),
    )
    _register(NOT_IN_SET, _values_not_in_set, NarwhalsSample)
    _register(
        f"{NOT_IN_SET}.count",
        _distinct(
            lambda name, kwargs, data: (
                (~is_in(name, kwargs["value_set"], data.schema)).cast(nw.Int64).sum()
            ),
            as_int,
        ),
    )
    _register("column.non_null_count", _nonnull_count)
    _register("column.non_null_proportion", _nonnull_proportion)
    _register("table.row_count", _row_count)
    _register_direct("table.columns", lambda data: list(data.schema.names()))
    _register_direct("table.column_count", lambda data: len(data.schema))
    _register_direct(
        "table.column_types",
        lambda data: [{"name": n, "type": str(t)} for n, t in data.schema.items()],
    )


def _register_map(metric: str) -> None:
    """The count of broken rows, of rows in the domain, and samples in two shapes."""
    _register(f"{metric}.unexpected_count", functools.partial(_count_broken, metric))
    if metric not in COLUMN_METRICS:
        _register(f"{metric}.filtered_row_count", functools.partial(_count_domain, metric))
    for suffix, index in (("unexpected_values", False), ("unexpected_index_list", True)):
        build = functools.partial(_sample_of, metric, index=index)
        _register(f"{metric}.{suffix}", build, NarwhalsSample)
    _register_direct(f"{metric}.unexpected_index_query", lambda data: None)
