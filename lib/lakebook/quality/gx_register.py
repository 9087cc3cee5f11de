"""How a metric is registered with Great Expectations for the Narwhals engine, under GX's own name.

A metric is two: a partial one that builds a measure without touching data, and a bundled one that
the engine computes with all others. The stock map metric providers are not used: they make a
condition wait for the row count, a second pass. The metrics are in `gx_metrics`, `gx_aggregates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from great_expectations.core.metric_function_types import (
    MetricFunctionTypes,
    MetricPartialFunctionTypes,
)
from great_expectations.expectations.metrics.metric_provider import MetricProvider
from great_expectations.expectations.registry import get_metric_kwargs, register_metric
from great_expectations.validator.metric_configuration import MetricConfiguration

from .gx_engine import NarwhalsBatchData, NarwhalsExecutionEngine
from .measures import Unmeasured, reason_of
from .references import resolve_reference
from .statistics import needed

NOT_IN_SET = "column.distinct_values.not_in_set"
MISSING_FROM_COLUMN = "column.distinct_values.missing_from_column"
_PARTIAL = f".{MetricPartialFunctionTypes.AGGREGATE_FN.metric_suffix}"

Kwargs = Mapping[str, Any]
Builder = Callable[[NarwhalsBatchData, Kwargs], Any]


class NarwhalsMetric(MetricProvider):
    """Provider of every metric here; the base class finds the partial metric by its name.

    Rules about outliers wait for the statistics that they compare with: a query before theirs.
    """

    @classmethod
    def _get_evaluation_dependencies(
        cls,
        metric: MetricConfiguration,
        configuration: Any = None,
        execution_engine: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[str, MetricConfiguration]:
        found = super()._get_evaluation_dependencies(
            metric, configuration, execution_engine, runtime_configuration
        )
        if metric.metric_name.endswith(_PARTIAL):
            of = metric.metric_name.removesuffix(_PARTIAL).rpartition(".")[0]
            for name, values in needed(of, metric.metric_value_kwargs).items():
                found[name] = MetricConfiguration(name, metric.metric_domain_kwargs, values)
        return found


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
        found = super()._get_evaluation_dependencies(
            metric, configuration, execution_engine, runtime_configuration
        )
        if not metric.metric_name.endswith(_PARTIAL):
            values = {k: v for k, v in metric.metric_value_kwargs.items() if k not in _SHOWN}
            found["unexpected_count"] = MetricConfiguration(
                metric_name=_count_name(metric.metric_name),
                metric_domain_kwargs=metric.metric_domain_kwargs,
                metric_value_kwargs=values,
            )
        return found


_SHOWN = ("result_format", "limit")  # how much of the broken rows is shown, not which they are


def _count_name(metric: str) -> str:
    """The metric that counts what a sample metric shows."""
    if metric in (NOT_IN_SET, MISSING_FROM_COLUMN):
        return f"{metric}.count"
    return metric.rsplit(".", 1)[0] + ".unexpected_count"


def _arguments(domain: Kwargs, values: Kwargs | None, data: NarwhalsBatchData) -> dict[str, Any]:
    """One mapping of a rule's arguments, with a reference's token replaced by its keys."""
    arguments = {**domain, **(values or {})}
    if "value_set" in arguments:
        arguments["value_set"] = resolve_reference(arguments["value_set"], data.references)
    return arguments


def register_measure(
    name: str,
    build: Builder,
    provider: type[MetricProvider] = NarwhalsMetric,
    keys: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """Register `name` as bundled, with `build` as its partial; `keys`: by default, GX's."""
    keys = keys or get_metric_kwargs(name)
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
        for found in (metrics or {}).values():
            if isinstance(found, Unmeasured):
                return found, {}, {}
        try:
            arguments = _arguments(metric_domain_kwargs, metric_value_kwargs, data)
            # By name, as `needed` has asked for them; the others are of Great Expectations' own.
            arguments["statistics"] = metrics
            return build(data, arguments), {}, {}
        except Exception as problem:  # this rule cannot be evaluated, which its result says
            return Unmeasured(reason_of(problem)), {}, {}

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


def register_direct(
    name: str,
    compute: Callable[[NarwhalsBatchData], Any],
    keys: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """Register a metric that the schema answers, without a query."""
    keys = keys or get_metric_kwargs(name)

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


def grouping(columns: tuple[str, ...], arguments: Kwargs) -> str:
    """A name that rules over the same groups share, so that they are grouped once."""
    return repr((columns, repr(arguments.get("row_condition")), arguments.get("ignore_row_if")))
