"""Measures of one column's present values, and which of them a rule about outliers needs first.

Both the audit and `flag` compute them; Great Expectations is not needed here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw

from .cut import ByPartition
from .measures import ROWS, Grouped, Measure, Scalar
from .row_condition import row_condition
from .typed import Schema, as_float, as_whole, exact, missing

MEAN, DEVIATION, QUANTILES = "column.mean", "column.standard_deviation", "column.quantile_values"
_SUM = "column.sum"
_FAR, _SMALLER = 1e150, 2.0**-600
_SQUARED = 1.3e154  # what is larger has an infinite square, and so, as on pandas, is infinite
QUARTILES = (0.25, 0.75)
_UP_TO, _TOTAL = "__up_to", "__total"

AGGREGATES: dict[str, Callable[[nw.Expr], nw.Expr]] = {
    "column.min": lambda column: column.min(),
    "column.max": lambda column: column.max(),
    _SUM: lambda column: column.sum(),
    MEAN: lambda column: column.mean(),
    "column.median": lambda column: column.median(),
    DEVIATION: lambda column: column.std(ddof=1),
}


def statistic(metric: str, kwargs: Mapping[str, Any], schema: Schema) -> Measure:
    """The measure of a metric over the column's present values in the rule's rows."""
    if metric == QUANTILES:
        return _quantiles(kwargs, schema)
    where = row_condition(kwargs.get("row_condition"), schema)
    kept = _measured(metric, kwargs["column"], schema)
    if where is not None:
        kept = nw.when(where).then(kept)
    expr = AGGREGATES[metric](kept)
    if metric == DEVIATION:
        expr = _deviation(kept)
    # Of no values, pandas has a sum; SQL has none.
    return Scalar(expr, lambda total: total or 0) if metric == _SUM else Scalar(expr)


def _deviation(kept: nw.Expr) -> nw.Expr:
    """Undefined where a value is infinite, which DuckDB refuses to compute, as it does squares that
    no float64 can hold: of such large values it is taken at a smaller scale."""
    of = AGGREGATES[DEVIATION]
    finite, far = kept.is_finite(), kept.abs() > _FAR
    infinite, large = (one.cast(nw.Int64).sum() for one in (~finite, far))
    scaled = of(nw.when(finite).then(kept * _SMALLER)) / _SMALLER
    scaled = nw.when(scaled >= _SQUARED).then(nw.lit(math.inf)).otherwise(scaled)
    plain = of(nw.when(finite & ~far).then(kept))
    return nw.when(infinite == 0).then(nw.when(large == 0).then(plain).otherwise(scaled))


def _measured(metric: str, name: str, schema: Schema) -> nw.Expr:
    """The column in a type in which the figure is exact, or as near as float64 is."""
    dtype = schema[name]
    if metric == _SUM:
        if dtype.is_integer() or dtype == nw.Boolean:
            return as_whole(name, schema)
        return exact(name, schema)
    if metric in ("column.min", "column.max"):
        return exact(name, schema)
    if dtype == nw.Boolean:
        return nw.col(name).cast(nw.Int64).cast(nw.Float64)
    return as_float(name, schema)


def needed(metric: str, kwargs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The statistics that a row rule compares with, each with its own arguments; mostly none."""
    if metric == "column_values.z_score.under_threshold":
        return {MEAN: {}, DEVIATION: {}}
    if metric == "column_values.not_outliers":
        if kwargs.get("method") == "std":
            return {MEAN: {}, DEVIATION: {}}
        return {QUANTILES: {"quantiles": list(QUARTILES), "allow_relative_error": "linear"}}
    return {}


def _quantiles(kwargs: Mapping[str, Any], schema: Schema) -> Grouped:
    """Exact quantiles as pandas defines them, from the sorted distinct values with their counts.

    The value at position k (from 0) of the sorted rows is the least one up to which more than k
    rows come. Engines agree on no other way to ask for it.
    """
    name = kwargs["column"]
    where = row_condition(kwargs.get("row_condition"), schema)
    present = ~missing(name, schema)
    shares = [float(share) for share in kwargs["quantiles"]]
    way = kwargs.get("allow_relative_error") or "nearest"
    parts = [part for share in shares for part in _at(share, name, way)]
    return Grouped(
        repr(("ranked", name, repr(kwargs.get("row_condition")))),
        {name: as_float(name, schema)},
        present if where is None else where & present,
        (*parts, nw.col(ROWS).sum()),
        lambda found: _interpolated(shares, way, found[:-1], found[-1]),
        lambda groups, by: _ranked(groups, name, by),
    )


def _ranked(groups: nw.LazyFrame, name: str, by: tuple[str, ...]) -> nw.LazyFrame:
    """Groups with the number of rows up to each, and of all (that are equal in `by`)."""
    total = nw.col(ROWS).sum().alias(_TOTAL)
    up_to = nw.col(ROWS).cum_sum().over(*by, order_by=name).alias(_UP_TO)
    ranked = groups.with_columns(up_to)
    if by:
        return ranked.join(groups.group_by(*by).agg(total), on=list(by), how="inner")
    return ranked.join(groups.select(total), how="cross")


def _at(share: float, name: str, way: str) -> tuple[nw.Expr, ...]:
    """The value nearest to a quantile's position, or those below and above it."""
    position = (nw.col(_TOTAL) - 1) * share
    last = nw.col(_UP_TO) - 1  # the position of the group's last row
    least = lambda kept: nw.when(kept).then(nw.col(name)).min()  # noqa: E731
    if way == "nearest":  # half to even
        near = (position < last + 0.5) | ((position == last + 0.5) & (last % 2 == 0))
        return (least(near),)
    return (least(position < last + 1), least(position <= last))


def _interpolated(
    shares: Sequence[float], way: str, found: Sequence[Any], rows: int | None
) -> list[Any]:
    if way == "nearest" or not rows:
        return list(found[: len(shares)])
    pairs = zip(found[::2], found[1::2], strict=True)
    return [_between(way, share, *pair, rows) for share, pair in zip(shares, pairs, strict=True)]


def _between(way: str, share: float, low: Any, high: Any, rows: int) -> Any:
    if way in ("lower", "higher"):
        return low if way == "lower" else high
    if way == "midpoint":
        return low + (high - low) / 2
    return low + (high - low) * math.modf((rows - 1) * share)[0]


def is_outlier(
    metric: str, name: str, kwargs: Mapping[str, Any], statistics: Mapping[str, Any]
) -> nw.Expr | None:
    """The rows that lie too far out; None or null where the values spread too little to say so.

    As in Great Expectations, a column without spread has no z-scores, so that all its values hold.
    The statistics are numbers, or numbers of each partition.
    """
    column = nw.col(name).cast(nw.Float64)
    multiplier = float(kwargs.get("multiplier", 1.5))
    if QUANTILES in statistics:
        quartiles = statistics[QUANTILES]
        low, high = (_number(quartiles, operator.itemgetter(side)) for side in (0, 1))
        if low is None or high is None:
            return None
        reach = multiplier * (high - low)
        return (column < low - reach) | (column > high + reach)
    mean, deviation = _number(statistics[MEAN]), _number(statistics[DEVIATION])
    if mean is None or deviation is None:
        return None
    if metric == "column_values.not_outliers":
        reach = deviation * multiplier
        too_far = (column - mean).abs() >= reach
        if isinstance(reach, nw.Expr):
            return nw.when(reach <= 0).then(column != mean).otherwise(too_far)
        return column != mean if reach <= 0 else too_far
    if isinstance(deviation, nw.Expr):
        deviation = nw.when(deviation != 0).then(deviation)
    elif deviation == 0:
        return None
    score, threshold = (column - mean) / deviation, float(kwargs["threshold"])
    return score.abs() >= abs(threshold) if kwargs["double_sided"] else score >= threshold


def _number(found: Any, part: Callable[[Any], Any] = lambda value: value) -> Any:
    """A finite number, None, or a column of one number for each partition."""
    if isinstance(found, ByPartition):
        return found.cut.look_up([_number(part(value)) for value in found])
    value = part(found)
    return float(value) if value is not None and math.isfinite(value) else None
