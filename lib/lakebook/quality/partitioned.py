"""The verdict of each partition: one query measures them all, then Great Expectations' own classes
judge the figures of each. What they say is put together to one result for each rule.

Rows that are not cut, of one partition or of a whole table, take the same way. A rule of which a
figure could not be measured is not judged: its result has the reason, and the others are judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..contract.expectations import ALLOWED
from ..contract.thresholds import Threshold
from .conditions import MAP_METRIC, all_of
from .cut import PART, ByPartition, Cut
from .measures import Sample, Unmeasured, reason_of, sample_apart
from .suite import EXACT, META
from .wording import observed_over

if TYPE_CHECKING:
    from .gx_engine import Deferred, NarwhalsBatchData

SHOWN = 3
"""Of so many failing partitions a rule's result shows figures and rows."""


_Rows = Mapping[tuple[int, str], Sequence[dict[str, Any]]]
"""Broken rows to show, by a rule's judgement and the stem of its metric."""


@dataclass(frozen=True)
class _Judged:
    """One rule: its metrics by name, and Great Expectations' result for each partition.

    `results` has one entry for a rule whose metrics are the same in every partition.
    """

    expectation: Any
    metrics: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]

    @property
    def by_partition(self) -> bool:
        return any(isinstance(value, ByPartition) for value in self.metrics.values())

    @property
    def failing(self) -> list[int]:
        if not self.by_partition:
            return []
        return [place for place, result in enumerate(self.results) if not result["success"]]


@dataclass(frozen=True)
class Verdict:
    """A rule's verdict over all partitions: those that fail, with the rows that break the rule in
    each (0 if rows are not counted), the results of the first of these, and what was found in all.
    """

    counted: Mapping[str, int]
    shown: Mapping[str, Mapping[str, Any]]
    observed: Any

    @property
    def failing(self) -> tuple[str, ...]:
        return tuple(self.counted)


def validate(
    batch: Any, suite: Any, cut: Cut | None, result_format: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Verdict]]:
    """Great Expectations' document, with one result for each rule, and the verdicts by rule."""
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.validator.validation_statistics import calc_validation_statistics

    judged = _judge_all(batch, suite, cut, result_format)
    results = [result for result, _ in judged]
    statistics = calc_validation_statistics(results)
    meta: Any = {  # of which Great Expectations' own type knows a part
        "great_expectations_version": __version__,
        "batch_markers": batch.batch_markers,
        **({"partitions": list(cut.names)} if cut else {}),
    }
    document = ExpectationSuiteValidationResult(
        results=results,
        success=statistics.success,
        suite_name=suite.name,
        statistics={
            "evaluated_expectations": statistics.evaluated_expectations,
            "successful_expectations": statistics.successful_expectations,
            "unsuccessful_expectations": statistics.unsuccessful_expectations,
            "success_percent": statistics.success_percent,
        },
        meta=meta,
        batch_id=batch.id,
    )
    names = [one.meta[META]["rule"] for one in suite.expectations]
    verdicts = {name: verdict for name, (_, verdict) in zip(names, judged, strict=True)}
    return document.to_json_dict(), verdicts


def _judge_all(
    batch: Any, suite: Any, cut: Cut | None, result_format: Mapping[str, Any]
) -> list[tuple[Any, Verdict]]:
    """Result and verdict of each rule, in the suite's order."""
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    engine = batch.data.execution_engine
    engine.batch_manager.load_batch_list(batch_list=[batch])
    needed = [
        _exactly(
            one,
            one.get_validation_dependencies(
                execution_engine=engine, runtime_configuration=_runtime(result_format)
            ).metric_configurations,
        )
        for one in suite.expectations
    ]
    found, aborted = MetricsCalculator(engine, show_progress_bars=False).compute_metrics(
        [metric for metrics in needed for metric in metrics.values()], _runtime(result_format)
    )
    judge = _Judge(engine, cut, result_format)
    judged: list[_Judged | str] = []
    for expectation, metrics in zip(suite.expectations, needed, strict=True):
        if all(metric.id in found for metric in metrics.values()):
            values = {name: found[metric.id] for name, metric in metrics.items()}
            judged.append(judge.all(expectation, values))
        else:
            judged.append(_reason(aborted))
    rows = _samples(engine.batch_data({}), cut, [j for j in judged if isinstance(j, _Judged)])
    return [
        _failed(expectation, one) if isinstance(one, str) else judge.together(one, rows)
        for expectation, one in zip(suite.expectations, judged, strict=True)
    ]


def _exactly(expectation: Any, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's metrics by its own arguments: Great Expectations coerces them once more for these,
    and leaves the row condition out of those of pairs and records."""
    from great_expectations.validator.metric_configuration import MetricConfiguration

    where = getattr(expectation, "row_condition", None)
    found = {}
    for name, metric in metrics.items():
        domain, values = dict(metric.metric_domain_kwargs), dict(metric.metric_value_kwargs)
        for key in EXACT:
            if values.get(key) is not None:
                values[key] = getattr(expectation, key)
        if where is not None and domain.get("row_condition") is None:
            domain["row_condition"] = where
        found[name] = MetricConfiguration(metric.metric_name, domain, values)
    return found


def _runtime(result_format: Mapping[str, Any]) -> dict[str, Any]:
    return {"result_format": dict(result_format)}  # which Great Expectations writes into


def _reason(aborted: Mapping[Any, Any]) -> str:
    """The first error of the metrics that could not be computed."""
    infos = [one["exception_info"] for one in aborted.values()]
    texts = [i.exception_message for info in infos for i in _several(info)]
    return next((text for text in texts if text), "a metric could not be computed")


def _several(info: Any) -> list[Any]:
    return list(info) if isinstance(info, list | set | tuple) else [info]


def _failed(expectation: Any, reason: str) -> tuple[Any, Verdict]:
    from great_expectations.core import ExpectationValidationResult

    result = ExpectationValidationResult(
        success=False,
        expectation_config=expectation.configuration,
        exception_info={"raised_exception": True, "exception_message": reason},
    )
    return result, Verdict({}, {}, None)


def _samples(data: NarwhalsBatchData, cut: Cut | None, judged: Sequence[_Judged]) -> _Rows:
    """Rows of the first failing partitions of each rule, by one query: none if all hold."""
    if cut is None:  # they came along with the figures
        return {}
    wanted: dict[tuple[int, str], Sample] = {}
    for one in judged:
        among = cut.among([cut.names[place] for place in one.failing[:SHOWN]])
        for name, deferred in _deferred(one).items():
            if one.failing:
                asked = deferred.request.sample
                broken = None if asked.broken is None else asked.broken & among
                wanted[id(one), _stem(name)] = replace(
                    asked,
                    columns=(*asked.columns, PART),
                    domain=all_of(asked.domain, among),
                    broken=broken,
                    cut=cut,
                )
    if not wanted:
        return {}
    found = zip(wanted, sample_apart(data.frame, list(wanted.values())), strict=True)
    # The verdict stands without them, and so do the counts.
    return {key: [] if isinstance(rows, Unmeasured) else rows for key, rows in found}


def _deferred(one: _Judged) -> dict[str, Deferred]:
    from .gx_engine import Deferred

    return {name: value for name, value in one.metrics.items() if isinstance(value, Deferred)}


def _stem(name: str) -> str:
    """Values and index list of one rule show the same rows: they are fetched once."""
    return name.removesuffix(".unexpected_values").removesuffix(".unexpected_index_list")


class _Judge:
    """Great Expectations' judgement of figures; a class for what all of them share."""

    def __init__(self, engine: Any, cut: Cut | None, result_format: Mapping[str, Any]) -> None:
        self.engine, self.cut, self.result_format = engine, cut, result_format
        self.names = cut.names if cut else ()

    def all(self, expectation: Any, metrics: Mapping[str, Any]) -> _Judged | str:
        """The judgement of each partition; or the reason why there is none."""
        for value in metrics.values():
            if isinstance(value, Unmeasured):
                return value.reason
        places = range(len(self.names))
        if not any(isinstance(value, ByPartition) for value in metrics.values()):
            places = range(1)
        seen: dict[str, Mapping[str, Any]] = {}  # many partitions have the same figures
        results = []
        for place in places:
            figures = {name: _at(value, place) for name, value in metrics.items()}
            key = repr(figures)
            if key not in seen:
                seen[key] = self.one(expectation, figures)
            results.append(seen[key])
        return _Judged(expectation, metrics, results)

    def one(self, expectation: Any, figures: dict[str, Any]) -> Mapping[str, Any]:
        """What `metrics_validate` does, without finding the rule's metrics again each time."""
        try:
            found = expectation._validate(
                metrics=figures,
                runtime_configuration=_runtime(self.result_format),
                execution_engine=self.engine,
            )
        except Exception as failed:  # what Great Expectations would catch for any rule
            info = {"raised_exception": True, "exception_message": reason_of(failed)}
            return {"success": False, "exception_info": info, "result": {}}
        given = found if isinstance(found, dict) else dict(found.to_json_dict())
        if allowed := expectation.meta[META].get(ALLOWED):
            return {**given, "success": _is_allowed(given["result"], Threshold.of(allowed))}
        return given

    def together(self, one: _Judged, rows: _Rows) -> tuple[Any, Verdict]:
        """One result of a rule's results: counts add up, figures are those of one partition."""
        from great_expectations.core import ExpectationValidationResult
        from great_expectations.util import convert_to_json_serializable

        failing, names = one.failing, self.names
        shown: dict[str, Mapping[str, Any]] = {}
        for place in failing[:SHOWN]:
            assert self.cut is not None
            number = self.cut.numbers[names[place]]
            of_place = {key: [r for r in got if r[PART] == number] for key, got in rows.items()}
            found = self.one(one.expectation, _filled(one, of_place, place))
            shown[names[place]] = convert_to_json_serializable(dict(found.get("result") or {}))
        if not one.by_partition:
            result = one.results[0]
        elif one.expectation.expectation_type in MAP_METRIC:
            result = self.one(one.expectation, _filled(one, rows, None))
        else:
            result = {"result": shown[names[failing[0]]]} if failing else one.results[0]
        errors = (r["exception_info"] for r in one.results if r.get("exception_info"))
        document = ExpectationValidationResult(
            success=not failing if one.by_partition else bool(result["success"]),
            expectation_config=one.expectation.configuration,
            result=convert_to_json_serializable(dict(result.get("result") or {})),
            exception_info=next(errors, None),
            meta={"partitions": [names[place] for place in failing]} if failing else {},
        )
        observed = convert_to_json_serializable(
            observed_over([r.get("result") or {} for r in one.results])
        )
        counted = {names[at]: _count(one.results[at]) for at in failing}
        return document, Verdict(counted, shown, observed)


def _is_allowed(result: Mapping[str, Any], allowed: Threshold) -> bool:
    """Whether so many bad rows, or rows at all, are within a rule's threshold."""
    if "unexpected_count" not in result:
        return allowed.holds(result["observed_value"])
    return allowed.holds(result["unexpected_count"], result["element_count"])


def _count(result: Mapping[str, Any]) -> int:
    return (result.get("result") or {}).get("unexpected_count") or 0


def _at(value: Any, place: int) -> Any:
    """A metric's value in one partition; rows are shown later, if a rule fails."""
    from .gx_engine import Deferred

    if isinstance(value, Deferred):
        return []
    return value[place] if isinstance(value, ByPartition) else value


def _filled(one: _Judged, rows: _Rows, place: int | None) -> dict[str, Any]:
    """A rule's metrics with the rows to show: in one partition, or the sums over all."""
    figures = {}
    for name, value in one.metrics.items():
        if place is None and isinstance(value, ByPartition):
            figures[name] = sum(value)
        else:
            figures[name] = _at(value, place or 0)
    for name, deferred in _deferred(one).items():
        got = [
            {k: v for k, v in row.items() if k != PART}
            for row in rows.get((id(one), _stem(name)), ())
        ]
        figures[name] = deferred.request.shape(got)
    return figures
