"""Casts to the contract's exact types that lose nothing, or fail the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contract.types import arrow_type
from ..errors import ContractError
from .messages import type_name

if TYPE_CHECKING:
    import polars as pl

    from ..contract.model import TableContract


NANOSECONDS = "from `i64` to `i8`"
"""In Polars' message when a timestamp is no whole microsecond: no other cast goes to 8 bits."""


def exact_casts(found: pl.Schema, contract: TableContract) -> list[pl.Expr]:
    """One expression per column of the contract, in its order.

    Raises ContractError for types that no cast without loss connects; a value that does not fit
    (an integer too wide, nanoseconds that are no whole microseconds) fails when it is computed.
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
        exprs.append(expr.alias(column.name))
    return exprs


def lossless_cast(name: str, have: pl.DataType, wanted: str) -> pl.Expr | None:
    """A column in a contract's type; None where no cast without loss connects the two."""
    import polars as pl
    import pyarrow as pa

    column = pl.col(name)
    empty = pl.from_arrow(pa.nulls(0, arrow_type(wanted)))
    assert isinstance(empty, pl.Series)
    target = empty.dtype
    if have == target:
        return column
    if have == pl.Null:
        return column.cast(target)
    if have.is_integer() and (target.is_integer() or target.is_decimal()):
        return column.cast(target, strict=True)
    if have == pl.Float32 and target == pl.Float64:
        return column.cast(target)
    if isinstance(have, (pl.Categorical, pl.Enum)) and target == pl.String:
        return column.cast(target)
    if isinstance(have, pl.Decimal) and isinstance(target, pl.Decimal):
        return column.cast(target, strict=True) if have.scale <= target.scale else None
    if isinstance(have, pl.Datetime) and wanted == "timestamp":
        return _timestamp(column, have)
    return None


def _timestamp(column: pl.Expr, have: pl.Datetime) -> pl.Expr:
    import polars as pl

    if have.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if have.time_unit == "us":
        return column
    if have.time_unit == "ms":
        return column.cast(pl.Datetime("us"), strict=True)
    ticks = column.to_physical()
    # Polars has no assertion in an expression: a rest is made too wide for the cast, which fails.
    rest = ((ticks % 1000) * 1000).cast(pl.Int8, strict=True)
    return (ticks // 1000 + rest).cast(pl.Datetime("us"))
