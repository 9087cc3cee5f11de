"""Casts to the contract's exact types that lose nothing, or fail the run."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from ..contract.types import arrow_type
from ..errors import ContractError
from .messages import type_name

if TYPE_CHECKING:
    import polars as pl

    from ..contract.model import TableContract

FIRST_DATE, LAST_DATE = date(1, 1, 1), date(9999, 12, 31)
"""What a date or timestamp of a contract can be: other years break Python, and most readers."""


LOSS, MISFIT = "loss", "misfit"
"""What stops a computation: a value of a frame, and a text of a source (`ingest.values`)."""

_STOPPED = re.compile(r'"lakebook: (?P<what>\w+) in (?P<column>\w+)"')


def or_stop(value: pl.Expr, is_bad: pl.Expr, kind: pl.DataType, column: str, what: str) -> pl.Expr:
    """A value; a row where it is bad stops the computation with an error that names the column.

    Polars has no assertion in an expression: a text of ours is cast where a row is bad, and fails.
    A function in Python would do, but nobody could read the plan then (`plan_origin`). The error
    does not have the value itself, which may be hidden.
    """
    import polars as pl

    text = pl.when(is_bad).then(pl.lit(f"lakebook: {what} in {column}"))
    stop = text.cast(pl.Int8, strict=True)
    stop = stop.cast(pl.String).cast(kind) if kind == pl.Binary else stop.cast(kind)
    return pl.coalesce(value, stop)


def stopped_at(raised: BaseException, what: str) -> str:
    """The column that `or_stop` stopped a computation at for `what`; empty for another error."""
    found = _STOPPED.search(str(raised))
    return found["column"] if found and found["what"] == what else ""


def exact_casts(found: pl.Schema, contract: TableContract) -> list[pl.Expr]:
    """One expression per column of the contract, in its order.

    Raises ContractError for types that no cast without loss connects; a value that does not fit
    (an integer too wide, nanoseconds that are no whole microseconds, a year before 1) fails when it
    is computed (`stopped_at`).
    """
    exprs = []
    for column in contract.columns:
        have = found[column.name]
        expr = lossless_cast(column.name, have, column.type)
        if expr is None:
            raise ContractError(
                f"column {column.name!r} is {type_name(have)} in the result and {column.type} in "
                "the contract",
                where=str(contract.dataset),
                fix="cast it in the notebook, where it is seen",
            )
        exprs.append(expr)
    return exprs


def lossless_cast(name: str, have: pl.DataType, wanted: str) -> pl.Expr | None:
    """A column in a contract's type; None where no cast without loss connects the two."""
    import polars as pl

    column, target = pl.col(name), polars_type(wanted)
    if have == pl.Null:
        return column.cast(target)
    if target.is_float():
        return _one_zero(column.cast(target), target).alias(name) if _widens(have, target) else None
    if (held := held_values(column, have, wanted)) is not None:
        is_lost = column.is_not_null() & held.is_null()
        return or_stop(held, is_lost, target, name, LOSS).alias(name)
    if have == target:
        return column
    if isinstance(have, pl.Categorical | pl.Enum) and target == pl.String:
        return column.cast(target)
    return None


def held_values(column: pl.Expr, have: pl.DataType, wanted: str) -> pl.Expr | None:
    """The values in a contract's type, null where one does not fit; None where all do or none."""
    import polars as pl

    target = polars_type(wanted)
    if have.is_integer() and (target.is_integer() or target.is_decimal()):
        return None if have == target else column.cast(target, strict=False)
    if isinstance(have, pl.Decimal) and isinstance(target, pl.Decimal):
        if have == target or have.scale > target.scale:
            return None
        return column.cast(target, strict=False)
    if isinstance(have, pl.Datetime) and wanted == "timestamp":
        value = _microseconds(column, have)
        last = datetime(9999, 12, 31, 23, 59, 59, 999999)
        return pl.when(value.is_between(datetime(1, 1, 1), last)).then(value)
    if have == pl.Date and wanted == "date":
        return pl.when(column.is_between(FIRST_DATE, LAST_DATE)).then(column)
    return None


def polars_type(wanted: str) -> pl.DataType:
    import polars as pl
    import pyarrow as pa

    empty = pl.from_arrow(pa.nulls(0, arrow_type(wanted)))
    assert isinstance(empty, pl.Series)
    return empty.dtype


def _one_zero(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Zero has one sign: what is equal by digest is then equal in bytes.

    Adding 0.0 does not do: Polars leaves the column as it is then.
    """
    import polars as pl

    return pl.when(value == 0).then(pl.lit(0.0, dtype=kind)).otherwise(value)


def _widens(have: pl.DataType, target: pl.DataType) -> bool:
    import polars as pl

    return have.is_float() and (have == target or target == pl.Float64 or have == pl.Float16)


def _microseconds(column: pl.Expr, have: pl.Datetime) -> pl.Expr:
    """A timestamp in UTC without a zone; null where it has fractions of a microsecond."""
    import polars as pl

    if have.time_unit == "us" and have.time_zone is None:
        return column
    ticks = column.to_physical()  # of UTC, whatever the zone
    if have.time_unit == "ns":
        ticks = pl.when(ticks % 1000 == 0).then(ticks // 1000)
    elif have.time_unit == "ms":
        return ticks.cast(pl.Datetime("ms")).cast(pl.Datetime("us"), strict=False)
    return ticks.cast(pl.Datetime("us"))
