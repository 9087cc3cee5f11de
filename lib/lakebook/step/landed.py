"""What a write of landed rows accounts for: every row of a source lies in the table, outside the
interval, or was left out by the notebook, and each of these is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..contract.time import inside
from ..engines.polars_cast import LOSS, lossless_cast, stopped_at
from ..errors import SourceError
from ..ingest.counted import SourceRows, count_rows, in_words
from ..intervals import NULL

if TYPE_CHECKING:
    from ..contract.model import TableContract
    from ..delta import Inspection
    from ..ingest import Landing
    from ..intervals import Interval
    from .lake import LakeContext

_RECORDED_DAYS = 400
"""A record names at most so many of the days that lie outside, those with the most rows."""


def untouched(frame: Any, landings: Mapping[str, Landing]) -> str:
    """The source whose rows a notebook writes as they came; empty where it did something."""
    return next((uri for uri, landing in landings.items() if frame is landing.frame), "")


def limited(
    frame: Any, contract: TableContract, interval: Interval | None, landings: Mapping[str, Landing]
) -> tuple[Any, SourceRows | None]:
    """The rows of the interval where the notebook computed the time that a source lacks, and all
    of them by day: counted by a computation of their time alone.

    Rows of a source that has the time were limited when it was read: they are given as they are.
    Raises SourceError for a column that neither a source nor the notebook has.
    """
    import narwhals as nw
    import polars as pl

    native = nw.to_native(frame, pass_through=True)
    if not isinstance(native, pl.LazyFrame | pl.DataFrame):
        return frame, None  # what it is, the engine says
    rows = native.lazy()
    schema = rows.collect_schema()
    for landing in landings.values():
        for name, error in landing.absent.items():
            if name not in schema and all(name in one.absent for one in landings.values()):
                raise error
    time = contract.time
    if time is None or all(one.count for one in landings.values()) or time.column not in schema:
        return frame, None
    value = lossless_cast(time.column, schema[time.column], contract.column(time.column).type)
    if value is None:
        return frame, None  # the engine refuses it
    cast = rows.with_columns(value.alias(time.column))
    try:
        counted = count_rows(cast, contract)
    except pl.exceptions.PolarsError as raised:
        if stopped_at(raised, LOSS):
            return frame, None  # the engine names the values that do not fit
        raise
    if interval is None:
        return cast, counted
    column = pl.col(time.column)
    return cast.filter(inside(column, contract, interval) | column.is_null()), counted


def account(
    context: LakeContext,
    contract: TableContract,
    found: Inspection | None,
    *,
    as_came: str,
    computed: SourceRows | None,
) -> None:
    """Say of each source where its rows went: landed, outside the interval, or left out.

    Parameters
    ----------
    found: what is staged; None for a merge, which stages other rows as well.
    as_came: see `untouched`; computed: see `limited`.

    Raises SourceError unless all rows of the interval of a source that is written as it came are
    staged.
    """
    landed, interval = 0, context.interval if contract.time else None
    for uri, landing in context.landings.items():
        if found is not None and uri == as_came and found.rows == landing.total:
            undated = sum(file.rows for file in found.by_partition.get(NULL, ()))
            rows = SourceRows({}, undated, within=found.rows - undated)
        elif landing.count is not None:
            rows = landing.count()
        elif computed is not None:
            rows, computed = computed, None
            _note_change(context, landing.total, rows.total, "had a time computed")
        else:
            return  # nobody knows
        landed += rows.landed(interval)
        entry = _entry(rows, interval)
        context.outcome.count_source(uri, entry)
        if rows.total and not entry["landed"]:
            context.outcome.add_note(f"no row of {uri} lies in {interval}: {entry['said']}")
    if found is None:
        return
    if as_came and landed != found.rows:
        raise SourceError(
            f"{landed:,} rows of the source belong to the interval, and {found.rows:,} arrived: "
            "it changed while it was read, or rows were lost",
            where=str(contract.dataset),
            fix="run it again; if it says the same, report it with the source",
        )
    _note_change(context, landed, found.rows, "were written")


def _note_change(context: LakeContext, before: int | None, after: int, what: str) -> None:
    if before is not None and before != after:
        verb = "left out" if after < before else "added"
        context.outcome.add_note(
            f"{before:,} rows landed and {after:,} {what}: the notebook {verb} "
            f"{abs(before - after):,}"
        )


def _entry(rows: SourceRows, interval: Interval | None) -> dict[str, Any]:
    """What a record has of a source: all its rows, those of the interval, and the others by day."""
    outside = rows.outside(interval)
    most = sorted(outside, key=lambda day: -outside[day])[:_RECORDED_DAYS]
    return {
        "total": rows.total,
        "landed": rows.landed(interval),
        "without_time": rows.undated if interval else 0,
        "outside": sum(outside.values()),
        "outside_by_day": {day: outside[day] for day in sorted(most)},
        "said": in_words(rows, interval),
    }
