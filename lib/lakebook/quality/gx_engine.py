"""A Great Expectations ExecutionEngine over Narwhals frames, and the datasource that brings it.

Only public extension points are used. This module imports Great Expectations, which takes seconds:
import it only inside a function that audits. Its metrics are in `gx_metrics`.
"""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, cast

import narwhals as nw
from great_expectations.compatibility import pydantic
from great_expectations.core import IDDict
from great_expectations.core.batch import BatchData, BatchMarkers, LegacyBatchDefinition
from great_expectations.core.batch_spec import RuntimeDataBatchSpec
from great_expectations.datasource.fluent import BatchRequest
from great_expectations.datasource.fluent.batch_identifier_util import make_batch_identifier
from great_expectations.datasource.fluent.interfaces import Batch, DataAsset, Datasource
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.exceptions.exceptions import BuildBatchRequestError
from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations.row_conditions import (
    AndCondition,
    ComparisonCondition,
    Condition,
    NullityCondition,
    OrCondition,
)

from .cut import PART, ByPartition, Cut
from .measures import Sample, Unmeasured, count_true, measure_apart, sample_apart
from .references import Keys, marked
from .row_condition import row_condition


class NarwhalsBatchData(BatchData):
    """A lazy frame with its schema, and the key values of references that rules name by a token.

    With a cut, every metric is measured for each of its partitions (`ByPartition`), and broken rows
    are left for later (`Deferred`): which are to be shown depends on the verdicts.
    """

    def __init__(
        self,
        execution_engine: ExecutionEngine[Any],
        frame: nw.LazyFrame,
        references: Mapping[str, Keys],
        cut: Cut | None = None,
    ) -> None:
        super().__init__(execution_engine=execution_engine)
        self.cut = cut
        joined = marked(frame, references)
        self.frame = cut.of(joined) if cut else joined
        self.schema = frame.collect_schema()
        self.references = references
        self.rows: int | None = None  # known once a query ran

    def release(self) -> None:
        """Let go of the rows: the engine keeps its last batch until the next audit."""
        self.frame = self.frame.head(0)
        self.references = {}


class AuditInput:
    """What an audit hands to the asset as its `dataframe`: a frame, its references and its cut."""

    def __init__(
        self,
        frame: nw.LazyFrame,
        references: Mapping[str, Keys],
        cut: Cut | None = None,
    ) -> None:
        self.frame = frame
        self.references = references
        self.cut = cut


class NarwhalsExecutionEngine(ExecutionEngine[nw.Expr]):
    """Computes all metrics of a suite by one query, and samples of broken rows by a second."""

    def __init__(self, **kwargs: Any) -> None:
        # The cache is keyed by a batch's name, which the next audit uses for other data.
        super().__init__(**{**kwargs, "caching": False})

    def get_batch_data_and_markers(self, batch_spec: Any) -> tuple[NarwhalsBatchData, BatchMarkers]:
        if not isinstance(batch_spec, RuntimeDataBatchSpec):
            raise GreatExpectationsError(f"no frame in {type(batch_spec).__name__}")
        given = batch_spec.batch_data
        batch_spec.batch_data = "NarwhalsFrame"  # the spec is written into the result as JSON
        loaded = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        data = NarwhalsBatchData(self, given.frame, given.references, given.cut)
        return data, BatchMarkers({"ge_load_time": loaded})

    def batch_data(self, domain_kwargs: Mapping[str, Any]) -> NarwhalsBatchData:
        """The data that a metric's domain is about."""
        batch_id = domain_kwargs.get("batch_id")
        if batch_id is None:
            return cast(NarwhalsBatchData, self.batch_manager.active_batch_data)
        return cast(NarwhalsBatchData, self.batch_manager.batch_data_cache[batch_id])

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> nw.LazyFrame:
        data = self.batch_data(domain_kwargs)
        condition = row_condition(domain_kwargs.get("row_condition"), data.schema)
        return data.frame if condition is None else data.frame.filter(condition)

    def get_compute_domain(
        self,
        domain_kwargs: dict[str, Any],
        domain_type: Any,
        accessor_keys: Iterable[str] | None = None,
    ) -> tuple[nw.LazyFrame, dict[str, Any], dict[str, Any]]:
        parts = self._partition_domain_kwargs(domain_kwargs, domain_type, accessor_keys)
        return self.get_domain_records(domain_kwargs), parts.compute, parts.accessor

    def resolve_metric_bundle(self, metric_fn_bundle: Iterable[Any]) -> dict[Any, Any]:
        """All measures of a bundle by one query, all samples of broken rows by one more."""
        resolved: dict[Any, Any] = {}
        measures: dict[str | None, list[tuple[Any, Any]]] = {}
        samples: dict[str | None, list[tuple[Any, Sample, Any]]] = {}
        for computation in metric_fn_bundle:
            metric = computation.metric_configuration
            batch_id = metric.metric_domain_kwargs.get("batch_id")
            if isinstance(computation.metric_fn, SampleRequest):
                request = computation.metric_fn
                counted = computation.metric_provider_kwargs["metrics"].get("unexpected_count")
                if isinstance(counted, Unmeasured):
                    resolved[metric.id] = counted
                elif isinstance(counted, ByPartition):
                    resolved[metric.id] = Deferred(request) if any(counted) else []
                # Without a count to go by, there is always something to show.
                elif counted is None or counted:
                    samples.setdefault(batch_id, []).append((metric, request.sample, request.shape))
                else:
                    resolved[metric.id] = []
            elif isinstance(computation.metric_fn, Unmeasured):
                resolved[metric.id] = computation.metric_fn
            else:
                measures.setdefault(batch_id, []).append((metric.id, computation.metric_fn))
        for batch_id, wanted in measures.items():
            values = self._measure(batch_id, [m for _, m in wanted])
            resolved.update(zip((name for name, _ in wanted), values, strict=True))
        for batch_id, asked in samples.items():
            resolved.update(self._sample(batch_id, asked))
        return resolved

    def _measure(self, batch_id: str | None, wanted: Sequence[Any]) -> list[Any]:
        data = self.batch_data({"batch_id": batch_id})
        # The number of rows comes along: a suite may have no rule that asks for it.
        rows, *values = measure_apart(data.frame, [count_true(None), *wanted], data.cut)
        data.rows = rows if data.cut is None else sum(rows)
        return values

    def _sample(
        self, batch_id: str | None, asked: Sequence[tuple[Any, Sample, Any]]
    ) -> dict[Any, Any]:
        # Values and index list of one rule show the same rows: fetch them once.
        distinct: dict[tuple[Any, ...], Sample] = {}
        places = []
        for metric, wanted, _ in asked:
            name = metric.metric_name.removesuffix(".unexpected_values")
            name = name.removesuffix(".unexpected_index_list")
            kwargs = {k: v for k, v in metric.metric_value_kwargs.items() if k != "result_format"}
            place = (name, metric.metric_domain_kwargs_id, repr(sorted(kwargs.items())))
            distinct.setdefault(place, wanted)
            places.append(place)
        data = self.batch_data({"batch_id": batch_id})
        wanted_rows = [_with_partition(one, data.cut) for one in distinct.values()]
        found = dict(zip(distinct, sample_apart(data.frame, wanted_rows), strict=True))
        return {
            metric.id: _shaped(found[place], shape, data.cut)
            for (metric, _, shape), place in zip(asked, places, strict=True)
        }

    def _comparison_condition_to_filter_clause(self, condition: ComparisonCondition) -> nw.Expr:
        return self._clause(condition)

    def _nullity_condition_to_filter_clause(self, condition: NullityCondition) -> nw.Expr:
        return self._clause(condition)

    def _and_condition_to_filter_clause(self, condition: AndCondition) -> nw.Expr:
        clauses = [self.condition_to_filter_clause(part) for part in condition.conditions]
        return functools.reduce(operator.and_, clauses)

    def _or_condition_to_filter_clause(self, condition: OrCondition) -> nw.Expr:
        clauses = [self.condition_to_filter_clause(part) for part in condition.conditions]
        return functools.reduce(operator.or_, clauses)

    def _clause(self, condition: Condition) -> nw.Expr:
        clause = row_condition(condition, self.batch_data({}).schema)
        assert clause is not None  # only an empty text gives none
        return clause


class SampleRequest:
    """A sample and the shape in which its metric shows it: a partial result of two metrics."""

    def __init__(self, wanted: Sample, shape: Any) -> None:
        self.sample = wanted
        self.shape = shape


class Deferred:
    """Broken rows that are there, and that nobody has fetched."""

    def __init__(self, request: SampleRequest) -> None:
        self.request = request


def _with_partition(wanted: Sample, cut: Cut | None) -> Sample:
    return replace(wanted, columns=(*wanted.columns, PART), cut=cut) if cut else wanted


def _shaped(rows: list[dict[str, Any]] | Unmeasured, shape: Any, cut: Cut | None) -> Any:
    if isinstance(rows, Unmeasured):
        return rows
    if cut is None:
        return shape(rows)
    parts: dict[int, list[dict[str, Any]]] = {number: [] for number in cut.numbers.values()}
    for row in rows:
        parts[row[PART]].append({name: value for name, value in row.items() if name != PART})
    return ByPartition((shape(part) for part in parts.values()), cut)


class NarwhalsFrameAsset(DataAsset):
    """A frame that is handed over with the batch request."""

    type: Literal["narwhals_frame"] = "narwhals_frame"

    class Config:
        extra = pydantic.Extra.forbid

    def test_connection(self) -> None:
        """A frame needs no connection."""

    def get_batch_parameters_keys(self, partitioner: Any = None) -> tuple[str, ...]:
        return ("dataframe",)

    def build_batch_request(
        self, options: Any = None, batch_slice: Any = None, partitioner: Any = None
    ) -> BatchRequest[Any]:
        if not options or not isinstance(options.get("dataframe"), AuditInput):
            raise BuildBatchRequestError(message="options must be {'dataframe': AuditInput}")
        return BatchRequest(
            datasource_name=self.datasource.name, data_asset_name=self.name, options=options
        )

    def _validate_batch_request(self, batch_request: BatchRequest[Any]) -> None:
        """Done where it is built."""

    def get_batch_identifiers_list(self, batch_request: BatchRequest[Any]) -> list[dict[str, Any]]:
        return [IDDict(batch_request.options)]

    def get_batch(self, batch_request: BatchRequest[Any]) -> Batch:
        spec = RuntimeDataBatchSpec(batch_data=batch_request.options["dataframe"])
        engine = self.datasource.get_execution_engine()
        data, markers = engine.get_batch_data_and_markers(batch_spec=spec)
        definition = LegacyBatchDefinition(
            datasource_name=self.datasource.name,
            data_connector_name="fluent",
            data_asset_name=self.name,
            batch_identifiers=make_batch_identifier({"dataframe": "NarwhalsFrame"}),
            batch_spec_passthrough=None,
        )
        return Batch(
            datasource=self.datasource,
            data_asset=self,
            batch_request=batch_request,
            data=data,
            metadata={},
            batch_markers=markers,
            batch_spec=spec,
            batch_definition=definition,
        )


class NarwhalsDatasource(Datasource):
    """Frames of any engine that Narwhals knows."""

    asset_types: ClassVar[list[builtins.type[DataAsset]]] = [NarwhalsFrameAsset]
    type: Literal["narwhals"] = "narwhals"
    assets: list[NarwhalsFrameAsset] = []  # noqa: RUF012 - a pydantic field, copied per instance

    @property
    def execution_engine_type(self) -> builtins.type[NarwhalsExecutionEngine]:
        return NarwhalsExecutionEngine

    def test_connection(self, test_assets: bool = True) -> None:
        """Frames need no connection."""

    def add_frame_asset(self, name: str) -> NarwhalsFrameAsset:
        return cast(NarwhalsFrameAsset, self._add_asset(NarwhalsFrameAsset(name=name)))
