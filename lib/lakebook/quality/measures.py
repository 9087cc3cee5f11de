"""One query for a whole suite: scalars in one select, groupings beside it, one collect for all.

Groupings (uniqueness, distinct values) are one-row frames that are cross-joined to the scalars, so
that an engine computes everything together. Cut into partitions, each is a frame with a row for
each, and they are joined by it. Broken rows are sampled by one more query.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw

from ..errors import LakebookError
from .cut import PART, ByPartition, Cut

Schema = Mapping[str, nw.dtypes.DType]


@dataclass(frozen=True)
class Scalar:
    """An aggregate of the whole frame. `finish` turns the collected value to the result."""

    expr: nw.Expr
    finish: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class Grouped:
    """A grouping by `columns` (named `keys` in it) of the rows in `where`, then an aggregate of it.

    The grouped frame has the keys and `rows`, the size of a group. `name` tells groupings apart:
    measures with one name share one grouping. `prepare` adds to the groups what an aggregate needs
    of them all, or of all with the same values of the columns it is given. With several `exprs`,
    `finish` is given a tuple.
    """

    name: str
    keys: Mapping[str, nw.Expr]
    where: nw.Expr | None
    expr: nw.Expr | tuple[nw.Expr, ...]
    finish: Callable[[Any], Any] = lambda value: value
    prepare: Callable[[nw.LazyFrame, tuple[str, ...]], nw.LazyFrame] = lambda groups, _: groups

    @property
    def exprs(self) -> tuple[nw.Expr, ...]:
        return self.expr if isinstance(self.expr, tuple) else (self.expr,)


@dataclass(frozen=True)
class Sample:
    """Up to `limit` rows that are `broken`, or the distinct values of `unique` in the domain.

    `at_least` says how often such a value occurs: 2 finds the repeated ones. `is_most` keeps only
    those that occur most often. With `cut`, the frame has its column, values are told apart by it
    too, and `limit` is for each partition.
    """

    columns: tuple[str, ...]
    domain: nw.Expr | None
    broken: nw.Expr | None
    unique: tuple[str, ...]
    limit: int
    at_least: int = 2
    is_most: bool = False
    cut: Cut | None = None


Measure = Scalar | Grouped
ROWS = "__rows"
_MOST = "__most"
_PLACE = "__place"
_LONGEST = 200


def count_true(condition: nw.Expr | None) -> Scalar:
    """How many rows are true; None: all rows."""
    if condition is None:
        return Scalar(nw.len(), as_int)
    # Without the cast, Spark refuses to sum booleans and DuckDB answers with a decimal.
    return Scalar(condition.cast(nw.Int64).sum(), as_int)


def as_int(value: Any) -> int:
    """A count; SQL's sum of no rows is null."""
    return int(value or 0)


def as_share(value: Any) -> float:
    """A share of rows; of no rows, which engines call null or NaN, it is 0."""
    return float(value) if value and value == value else 0.0


def plain(value: Any) -> Any:
    """A collected value as Python's own: engines answer sums of integers with decimals. One with
    digits behind the point stays as it is: it is a decimal column's."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


@dataclass(frozen=True)
class Unmeasured:
    """What stands for a figure that could not be computed: the reason, in one sentence."""

    reason: str


def measure_apart(
    frame: nw.LazyFrame, measures: Sequence[Measure], cut: Cut | None = None
) -> list[Any]:
    """The values of all measures by one query or, if that fails, each by its own.

    The first must not fail: it tells a measure that cannot be computed from rows that cannot be
    read. With a cut, values are `ByPartition`.
    """

    def measured(some: Sequence[Measure]) -> list[Any]:
        return measure(frame, some) if cut is None else list(measure_by_partition(frame, some, cut))

    found = _apart(measured, measures)
    if isinstance(found[0], Unmeasured):
        measured(measures[:1])
    return found


def sample_apart(
    frame: nw.LazyFrame, samples: Sequence[Sample]
) -> list[list[dict[str, Any]] | Unmeasured]:
    """The rows of each sample by one query or, if that fails, each by its own."""
    return _apart(lambda some: sample(frame, some), samples)


def _apart(query: Callable[[Sequence[Any]], list[Any]], asked: Sequence[Any]) -> list[Any]:
    try:
        return query(asked)
    except BaseException as problem:
        if not _of_engine(problem):
            raise
        if len(asked) == 1:
            return [Unmeasured(reason_of(problem))]
    return [found for one in asked for found in _apart(query, [one])]


def _of_engine(problem: BaseException) -> bool:
    """Whether an engine may have raised it: Polars' panics are no Exceptions, nor do they share a
    class that could be named here."""
    return isinstance(problem, Exception) or type(problem).__name__ == "PanicException"


def reason_of(problem: BaseException) -> str:
    """What an engine says, without the plan that it prints below."""
    if isinstance(problem, LakebookError):
        return problem.sentence
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    first = " ".join(lines[0].split()).rstrip(":")
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"


def collect(frame: nw.LazyFrame) -> nw.DataFrame[Any]:
    """Run a query; the only place of an audit that does. Streaming on Polars: bounded memory."""
    if frame.implementation.is_polars():
        return frame.collect(engine="streaming")
    return frame.collect()


def measure(frame: nw.LazyFrame, measures: Sequence[Measure]) -> list[Any]:
    """The values of all measures, in their order, by one query."""
    if not measures:
        return []
    names = [f"m{i}" for i in range(len(measures))]
    scalars, groupings = _split(names, measures)
    rows = [frame.select(**scalars)] if scalars else []
    rows += [_one_row(frame, grouping) for grouping in groupings]
    joined = functools.reduce(lambda left, right: left.join(right, how="cross"), rows)
    row = collect(joined).row(0)
    values = dict(zip(joined.collect_schema().names(), row, strict=True))
    return _finished(names, measures, values)


def measure_by_partition(
    frame: nw.LazyFrame, measures: Sequence[Measure], cut: Cut
) -> list[ByPartition]:
    """The values of all measures for each partition, by one query; `frame` has the cut's column.

    A partition without a row has no row here either: its measures are finished from nulls.
    """
    names = [f"m{i}" for i in range(len(measures))]
    scalars, groupings = _split(names, measures)
    rows = frame.group_by(PART).agg(nw.len().alias(ROWS), **scalars)
    for grouping in groupings:
        rows = rows.join(_row_by_partition(frame, grouping), on=PART, how="left")
    found = {int(_python(row[PART])): row for row in collect(rows).iter_rows(named=True)}
    if strange := found.keys() - cut.numbers.values():
        raise AssertionError(f"rows of other partitions than {cut.names}: {strange}")
    by_partition = [
        _finished(names, measures, found.get(number, {})) for number in cut.numbers.values()
    ]
    return [ByPartition(values, cut) for values in zip(*by_partition, strict=True)]


def _split(
    names: Sequence[str], measures: Sequence[Measure]
) -> tuple[dict[str, nw.Expr], list[dict[str, Grouped]]]:
    """The scalars, and the measures of each grouping."""
    scalars: dict[str, nw.Expr] = {}
    groupings: dict[str, dict[str, Grouped]] = {}
    for name, wanted in zip(names, measures, strict=True):
        if isinstance(wanted, Scalar):
            scalars[name] = wanted.expr
        else:
            groupings.setdefault(wanted.name, {})[name] = wanted
    return scalars, list(groupings.values())


def _finished(
    names: Sequence[str], measures: Sequence[Measure], values: Mapping[str, Any]
) -> list[Any]:
    """The results of measures from a collected row."""
    found = {name: plain(_python(value)) for name, value in values.items()}
    return [
        wanted.finish(
            tuple(found.get(part) for part in _parts(name, wanted))
            if isinstance(wanted, Grouped) and isinstance(wanted.expr, tuple)
            else found.get(name)
        )
        for name, wanted in zip(names, measures, strict=True)
    ]


def _parts(name: str, wanted: Grouped) -> list[str]:
    """The columns of a grouping's aggregates in the one row."""
    if not isinstance(wanted.expr, tuple):
        return [name]
    return [f"{name}_{number}" for number in range(len(wanted.expr))]


def _python(value: Any) -> Any:
    """Arrow's scalars as Python values (DuckDB and Spark collect to Arrow).

    A time is in UTC and has no zone, as a contract's timestamps; Spark's have one.
    """
    found = value.as_py() if hasattr(value, "as_py") else value
    if isinstance(found, datetime) and found.tzinfo is not None:
        return found.astimezone(UTC).replace(tzinfo=None)
    return found


def _one_row(frame: nw.LazyFrame, grouping: Mapping[str, Grouped]) -> nw.LazyFrame:
    return _groups(frame, grouping, ()).select(**_aggregates(grouping))


def _row_by_partition(frame: nw.LazyFrame, grouping: Mapping[str, Grouped]) -> nw.LazyFrame:
    return _groups(frame, grouping, (PART,)).group_by(PART).agg(**_aggregates(grouping))


def _groups(
    frame: nw.LazyFrame, grouping: Mapping[str, Grouped], by: tuple[str, ...]
) -> nw.LazyFrame:
    first = next(iter(grouping.values()))
    kept = frame if first.where is None else frame.filter(first.where)
    keyed = kept.select(*by, **first.keys)
    return first.prepare(keyed.group_by(*by, *first.keys).agg(nw.len().alias(ROWS)), by)


def _aggregates(grouping: Mapping[str, Grouped]) -> dict[str, nw.Expr]:
    return {
        part: expr
        for name, wanted in grouping.items()
        for part, expr in zip(_parts(name, wanted), wanted.exprs, strict=True)
    }


def sample(frame: nw.LazyFrame, samples: Sequence[Sample]) -> list[list[dict[str, Any]]]:
    """The rows of each sample, by one query."""
    schema = frame.collect_schema()
    columns = list(dict.fromkeys(name for wanted in samples for name in wanted.columns))
    parts = [
        _rows(frame, schema, wanted, columns).with_columns(**{ROWS: nw.lit(number)})
        for number, wanted in enumerate(samples)
    ]
    found: list[list[dict[str, Any]]] = [[] for _ in samples]
    table = collect(nw.concat(parts, how="vertical"))
    for row in table.iter_rows(named=True):
        number = int(_python(row[ROWS]))
        found[number].append({name: _python(row[name]) for name in samples[number].columns})
    return found


def _rows(
    frame: nw.LazyFrame, schema: Schema, wanted: Sample, columns: Sequence[str]
) -> nw.LazyFrame:
    if wanted.broken is not None:
        return frame.filter(wanted.broken).select(*columns).head(wanted.limit)
    kept = frame if wanted.domain is None else frame.filter(wanted.domain)
    by = (PART,) if wanted.cut else ()
    groups = kept.group_by(*by, *wanted.unique).agg(nw.len().alias(ROWS))
    often = groups.filter(nw.col(ROWS) >= wanted.at_least)
    if wanted.is_most:
        greatest = nw.col(ROWS).max().alias(_MOST)
        if by:
            most = groups.join(groups.group_by(*by).agg(greatest), on=PART, how="inner")
        else:
            most = groups.join(groups.select(greatest), how="cross")
        often = most.filter(nw.col(ROWS) == nw.col(_MOST))
    # Only the values of the key are known here: a join back to whole rows would cost a second
    # pass over a large table to show rows that differ in nothing that the rule is about.
    shown = {
        name: nw.col(name) if name in (*by, *wanted.unique) else nw.lit(None).cast(schema[name])
        for name in columns
    }
    if not by:
        return often.head(wanted.limit).select(**shown)
    ones = often.with_columns(**{_PLACE: nw.lit(1)})
    place = nw.col(_PLACE).cum_sum().over(*by, order_by=wanted.unique)
    few = ones.with_columns(**{_PLACE: place}).filter(nw.col(_PLACE) <= wanted.limit)
    return few.select(**shown)
