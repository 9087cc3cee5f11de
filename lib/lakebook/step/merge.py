"""Merge by key: a batch's rows replace live rows of the same key; the rest of the table stays.

A row may have moved to another partition, so the whole table is searched for the batch's keys, by
the key columns alone. What holds one is rewritten; the commit is `publish`'s.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..contract.classified import is_hidden
from ..contract.model import TableContract
from ..contract.time import local_time, partitions_of
from ..delta import DataFile, Stage
from ..delta.stats import file_stats
from ..errors import StorageError, UserError
from ..intervals import NULL, WHOLE, partition_name
from .damage import check_whole
from .lost import given_up
from .view import DatasetView, view_of

if TYPE_CHECKING:
    import narwhals as nw

    from .lake import LakeContext

Bounds = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Merge:
    """rewritten: partitions that hold a key of the batch or get a row of it, that this environment
    does not hold itself, or whose rows have yet to be judged. kept: the others of the interval,
    which are as they must be.
    foreign: those of `rewritten` outside the interval; what made them is what made them before.
    lost: those of `rewritten` whose old rows cannot be read: they hold the batch's alone.
    """

    frame: nw.LazyFrame[Any]
    keys: nw.LazyFrame[Any]
    view: DatasetView
    rewritten: tuple[str, ...]
    kept: tuple[str, ...]
    foreign: tuple[str, ...]
    lost: tuple[str, ...] = ()


def plan_merge(context: LakeContext, batch: Stage, contract: TableContract) -> Merge:
    """What merging a staged batch rewrites, and the rows that it then holds.

    The live rows are no input of the fingerprint: a merge made again of the same batch gives the
    same rows. Raises UserError for a key that the batch holds twice, ColdError if partitions in
    cold may hold keys of the batch, and DamageError if a file that may hold them cannot be read.
    A forced run gives up the old rows of damaged partitions of its interval, and says so.
    """
    import narwhals as nw

    rows = context.engine.scan(batch.paths(), contract.arrow_schema())
    keys = rows.select(*contract.key)
    _refuse_doubles(keys, contract)
    # As noted: what was committed since is a conflict, not something to build on.
    view = view_of(context.settings, contract, context.noted[contract.dataset])
    own = partitions_of(contract, context.interval)
    got = {partition for _, partition in batch.files()}
    bounds = _bounds(batch, contract)
    lost = given_up(context, view, own, got)
    view.check_readable(p for p in _in_cold(view, got, bounds) if p not in lost)
    readable = [p for p in view.partitions if p not in lost]
    hit = {*got, *lost, *_holding(context, view, keys, batch, contract, bounds, readable)}
    judges = _judges(view, contract)
    kept = tuple(p for p in own if p not in hit and _stays(view, p, judges=judges))
    rewritten = (*(p for p in own if p not in kept), *sorted(hit - {*own}))
    there = [p for p in rewritten if view.tier(p) != "deleted" and p not in lost]
    check_whole(view, there, by_content=True)
    live = context.engine.scan(view.paths(there), contract.arrow_schema())
    stay = live.join(keys, on=list(contract.key), how="anti")
    frame = nw.concat([stay.select(*contract.names), rows.select(*contract.names)])
    foreign = tuple(p for p in rewritten if p not in own)
    return Merge(frame, keys, view, rewritten, kept, foreign, lost)


def _refuse_doubles(keys: nw.LazyFrame[Any], contract: TableContract) -> None:
    import narwhals as nw

    names = list(contract.key)
    counted = keys.group_by(*names).agg(nw.len().alias("_rows"))
    found = counted.filter(nw.col("_rows") > 1).head(1).collect().to_arrow().to_pylist()
    if not found:
        return
    secret = any(is_hidden(contract.column(name)) for name in names)
    shown = "" if secret else " (" + ", ".join(f"{n} = {found[0][n]}" for n in names) + ")"
    raise UserError(
        f"the batch holds {found[0]['_rows']} rows of one key{shown}, and a merge cannot tell "
        "which is to stay",
        where=str(contract.dataset),
        fix=f"leave one row per {', '.join(names)} before step.write",
    )


def _holding(
    context: LakeContext,
    view: DatasetView,
    keys: nw.LazyFrame[Any],
    batch: Stage,
    contract: TableContract,
    bounds: Bounds,
    partitions: Collection[str],
) -> set[str]:
    """Which of some partitions, in hot or warm, hold a key of the batch."""
    import narwhals as nw

    if contract.time is None:
        return {WHOLE}
    may = [
        (name, view.holder(name).table / file.path)
        for name in partitions
        for file in view.holder(name).files_in([name])
        if _may_hold(file, bounds)
    ]
    check_whole(view, dict.fromkeys(name for name, _ in may))
    paths = [str(path) for _, path in may]
    if not paths or not batch.paths():
        return set()
    time = contract.time
    day = nw.col(time.column)
    if contract.column(time.column).type == "timestamp":
        day = local_time(day, contract, None, nw).dt.date()
    live = context.engine.scan(paths, contract.arrow_schema())
    found = live.select(*dict.fromkeys((*contract.key, time.column))).join(
        keys, on=list(contract.key), how="semi"
    )
    days = found.select(day.alias("_day")).unique().collect()["_day"].to_list()
    return {NULL if day is None else partition_name(day, time.unit) for day in days}


def _bounds(batch: Stage, contract: TableContract) -> Bounds:
    """Least and greatest value of the batch's key columns, as the log has them."""
    import pyarrow.parquet as pq

    schema = contract.arrow_schema()
    stats = [file_stats(pq.read_metadata(path), schema) for path in batch.paths()]
    stats = [one for one in stats if one["numRecords"]]
    found: dict[str, tuple[Any, Any]] = {}
    for name in contract.key:
        # A footer's bounds leave NaN out, which is a key like any other.
        known = all(name in one["minValues"] for one in stats)
        if stats and known and not contract.column(name).type.startswith("float"):
            lows, highs = (
                [one[side][name] for one in stats] for side in ("minValues", "maxValues")
            )
            found[name] = (min(lows), max(highs))
    return found


def _in_cold(view: DatasetView, got: Collection[str], bounds: Bounds) -> tuple[str, ...]:
    """Partitions in cold that get rows of the batch, or may hold a key of it."""
    if not got:
        return ()
    return tuple(
        name
        for name in view.in_cold(view.partitions)
        if name in got or _archive_may_hold(view, name, bounds)
    )


def _archive_may_hold(view: DatasetView, name: str, bounds: Bounds) -> bool:
    try:
        one = view.archived([name])[name]
    except StorageError:
        if view.prod is None:
            raise
        return True  # the archive that a pin speaks of may have been replaced
    lows = {column: span.low for column, span in one.ranges.items()}
    highs = {column: span.high for column, span in one.ranges.items()}
    return one.rows > 0 and _meet(lows, highs, bounds)


def _judges(view: DatasetView, contract: TableContract) -> bool:
    """Whether rows that no batch touches may break the contract: it may say more than it did when
    they came, and what is not written anew is not audited."""
    if contract.rules or contract.relationships:
        return True
    have = view.own.schema
    required = [c.name for c in contract.columns if not c.nullable]
    return have is not None and any(f.nullable for f in have if f.name in required)


def _stays(view: DatasetView, partition: str, *, judges: bool) -> bool:
    """Whether a partition that no row of the batch touches is as it must be in this environment."""
    away = view.own.place(partition).tier in ("cold", "deleted")
    return away or (not judges and partition in view.own.by_partition)


def _may_hold(file: DataFile, bounds: Bounds) -> bool:
    """False only if the file's statistics rule out every key of the batch."""
    stats = json.loads(file.stats_json or "{}")
    return _meet(stats.get("minValues") or {}, stats.get("maxValues") or {}, bounds)


def _meet(lows: Mapping[str, Any], highs: Mapping[str, Any], bounds: Bounds) -> bool:
    return not any(
        name in lows and name in highs and (highs[name] < low or lows[name] > high)
        for name, (low, high) in bounds.items()
    )
