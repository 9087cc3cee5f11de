"""The time that a write goes by is the one by which its sources were limited, or it is refused.

A source that has the contract's time column gives its rows of the interval alone. Were the notebook
to change that time, rows that belong to the interval by the new one would never have been read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..engines.plan_value import IN_MEMORY, formulas
from ..engines.polars_cast import lossless_cast
from ..errors import UserError

if TYPE_CHECKING:
    import polars as pl

    from ..contract.model import TableContract
    from ..ingest import Landing
    from ..intervals import Interval


def check_time(
    frame: Any,
    contract: TableContract,
    own: TableContract,
    interval: Interval | None,
    landings: Mapping[str, Landing],
) -> None:
    """Raise UserError unless the time of a frame is that of the sources that were limited by it.

    Parameters
    ----------
    contract: of the table that is written; `own`: of the step's own table, by whose time sources
        are limited when they are read.

    The frame's plan shows it at no cost. Where it does not (a frame that was collected, SQL, a
    cast), the times are computed: each must be one that a source has, for the same key.
    """
    import narwhals as nw
    import polars as pl

    limited = {uri: one for uri, one in landings.items() if one.count is not None}
    if interval is None or contract.time is None or own.time is None or not limited:
        return
    column, by = contract.time.column, own.time.column
    found = nw.to_native(frame, pass_through=True)
    if not isinstance(found, pl.LazyFrame | pl.DataFrame):
        return  # what it is, the engine says
    rows = found.lazy()
    if column not in rows.collect_schema():
        return
    if contract.column(column).type != own.column(by).type or contract.time.zone != own.time.zone:
        raise _refusal(contract, interval, limited, f"does not have the days of {own.dataset}")
    others = len(limited) < len(landings)
    if _is_theirs(rows, column, by, limited.values(), others):
        return
    if others or _has_other_times(rows, contract, by, limited.values()):
        raise _refusal(contract, interval, limited, "is not the time that the source has")


def _refusal(
    contract: TableContract, interval: Interval, limited: Mapping[str, Landing], what: str
) -> UserError:
    assert contract.time is not None
    call = f'step.ingest("{next(iter(limited))}", whole=True)'
    return UserError(
        f"{contract.dataset}: {contract.time.column!r} as it is written {what}, by which "
        f"step.ingest has left out all rows that lie outside {interval}: some of them may belong "
        "to it now",
        fix=f"write {call}, and the rows are limited by the time that is written",
    )


def _is_theirs(
    rows: pl.LazyFrame,
    column: str,
    by: str,
    limited: Collection[Landing],
    others: bool,
) -> bool:
    """Whether the plan shows that each time is one of a source, as it was limited or read whole.

    `others`: whether there are sources that were read whole.
    """
    written = formulas(rows, column)
    known = frozenset().union(*(formulas(one.frame.to_native(), by) for one in limited))
    same = {formula.digest for formula in known}
    more = [formula for formula in written if formula.digest not in same]
    if not more:
        return bool(written)
    # Rows in which none of a limited source enters are of one that was read whole.
    cut = {source for formula in known for source in formula.sources}
    return bool(others and cut) and not any(
        formula.sources & (cut | {IN_MEMORY}) for formula in more
    )


def _has_other_times(
    rows: pl.LazyFrame, contract: TableContract, by: str, limited: Collection[Landing]
) -> bool:
    """Whether a time is none of the sources', or with a key of theirs none that the key has."""
    import polars as pl

    assert contract.time is not None
    column = contract.time.column
    schema = rows.collect_schema()
    if lossless_cast(column, schema[column], contract.column(column).type) is None:
        return False  # the engine refuses it, as it does a value that does not fit
    sources = [one.frame.to_native().lazy() for one in limited]
    have = [source.collect_schema() for source in sources]
    value = pl.col(column).cast(have[0][by], strict=False)
    key = [
        name
        for name in contract.key
        if name not in (column, by) and all(schema.get(name) == one.get(name) for one in have)
    ]
    if len(key) < len([name for name in contract.key if name != column]):
        key = []  # a part of a key tells little
    written = rows.select(*key, value).drop_nulls(column).unique()
    theirs = pl.concat([one.select(*key, pl.col(by).alias(column)) for one in sources]).unique()
    more = written.join(theirs, on=[*key, column], how="anti", nulls_equal=True)
    if not key:
        return _has_rows(more)
    more = more.collect(engine="streaming").lazy()
    of_key = more.join(theirs, on=key, how="semi", nulls_equal=True)
    return _has_rows(of_key) or _has_rows(more.join(theirs, on=column, how="anti"))


def _has_rows(frame: pl.LazyFrame) -> bool:
    return frame.head(1).collect(engine="streaming").height > 0
