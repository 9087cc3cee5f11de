"""The two sides of a difference: what is published of an interval, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...cards.words import interval
from ...contract.model import TableContract
from ...contract.time import inside, partitions_of
from ...delta import open_snapshot
from ...errors import ColdError, UserError
from ...names import PROD, table_path
from ..cold import spans_text
from ..outcome import Output
from ..view import DatasetView, open_view, view_of
from .compare import as_written
from .frames import lazy_rows

if TYPE_CHECKING:
    import polars as pl

    from ..lake import LakeContext


@dataclass(frozen=True)
class Sides:
    """`before`: published rows, None where nothing is; `said`: what is compared, for people.

    `unread`: why what is published cannot be read, where it is there.
    """

    before: pl.LazyFrame | None
    now: pl.LazyFrame
    said: str
    notes: tuple[str, ...] = ()
    unread: str = ""


@contextmanager
def sides(context: LakeContext, frame: Any, contract: TableContract) -> Iterator[Sides]:
    """A frame against what is published; without one, the last write against what it replaced.

    Only the interval is compared, and of a merge only the keys of the batch. Neither side is an
    input of the step: nothing is noted.
    """
    if frame is None:
        output = _last_write(context, contract)
        before = _at_start(context, contract)
        table = table_path(context.settings.lake, contract.dataset, env=context.settings.env)
        written = open_snapshot(table, output.version)
        said = f"what was written, version {output.version}, against {_named(context, before)}"
        # What came out equal lies where it lay.
        away = [name for name in output.unchanged if name not in written.by_partition]
        same = [name for name in away if before.tier(name) == "warm"]
        names = [*output.committed, *(n for n in output.unchanged if n not in away), *same]
        now = _scan([*written.paths(names), *before.paths(same)], contract, [written.schema])
        rest = [name for name in away if name not in same and before.tier(name) == "cold"]
        notes: tuple[str, ...] = ()
        if rest:
            notes = (f"{spans_text(rest)} came out equal and lies in cold",)
        yield _against(before, names, now, said, notes)
        return
    before = open_view(context.settings, contract)
    with lazy_rows(frame, context.settings.state, once=True) as rows:
        inside, notes = _inside(as_written(rows, contract), context, contract)
        names = list(partitions_of(contract, context.interval))
        if contract.write == "append" or (contract.time and context.interval is None):
            names = list(before.partitions)
        said = f"against {_named(context, before)}"
        yield _against(before, names, inside, said, notes)


def _last_write(context: LakeContext, contract: TableContract) -> Output:
    name = str(contract.dataset)
    written = [output for output in context.outcome.outputs if output.dataset == name]
    if not written:
        raise UserError(
            f"step.diff() has nothing to compare: {name} was not written in this session",
            fix="pass the frame, as in step.diff(frame), or write it first",
        )
    return written[-1]


def _at_start(context: LakeContext, contract: TableContract) -> DatasetView:
    """What was published before the last write: when the step opened, or at the write before."""
    return view_of(context.settings, contract, context.before(contract.dataset))


def _against(
    view: DatasetView, names: list[str], now: pl.LazyFrame, said: str, notes: tuple[str, ...]
) -> Sides:
    """A backfill of cold days needs no restore: there is only nothing to compare it with."""
    try:
        return Sides(_published(view, names), now, said, notes)
    except ColdError as cold:
        return Sides(None, now, said, notes, unread=cold.sentence)


def _published(view: DatasetView, wanted: list[str]) -> pl.LazyFrame | None:
    names = sorted({*wanted} & {*view.present})
    if not names:
        return None
    schemas = [s.schema for s in (view.own, view.prod) if s is not None and s.version >= 0]
    return _scan(view.paths(names), view.contract, schemas)


def _scan(paths: list[str], contract: TableContract, schemas: list[Any]) -> pl.LazyFrame:
    """Rows in the types of the table, which may differ from those the contract has by now."""
    import narwhals as nw
    import pyarrow as pa

    from ...engines import get_engine

    known = [schema for schema in schemas if schema is not None]
    schema = pa.unify_schemas(known) if known else contract.arrow_schema()
    found: pl.LazyFrame = nw.to_native(get_engine("polars").scan(paths, schema))
    return found


def _inside(
    rows: pl.LazyFrame, context: LakeContext, contract: TableContract
) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """Rows of the interval; others are counted, since a write would refuse them."""
    import polars as pl

    time = contract.time
    kind = rows.collect_schema().get(time.column) if time else None
    if time is None or context.interval is None or kind not in (pl.Date, pl.Datetime("us")):
        return rows, ()
    is_inside: pl.Expr = inside(pl.col(time.column), contract, context.interval)
    found = rows.select(
        null=pl.col(time.column).is_null().sum(), outside=(~is_inside).sum()
    ).collect(engine="streaming")
    null, outside = found.row(0)
    notes = []
    if outside:
        notes.append(f"{outside:,} rows lie outside {context.interval}: a write would refuse them")
    if null:
        notes.append(f"{null:,} rows have no {time.column} and are not compared")
    return rows.filter(is_inside), tuple(notes)


def _named(context: LakeContext, view: DatasetView) -> str:
    """`version 3 in prod, 2013-01-01 – 2013-01-31`."""
    if not view.exists:
        return "nothing published"
    where = (
        [f"version {view.own.version} in {context.settings.env}"] if view.own.version >= 0 else []
    )
    if view.prod is not None and view.prod.version >= 0:
        where.append(f"version {view.prod.version} in {PROD}")
    span = context.interval
    within = f", {interval(str(span.start), str(span.end))}" if span else ""
    return f"{' over '.join(where)}{within}"
