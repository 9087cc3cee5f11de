"""Which values of a frame do not fit the contract: looked for only once it is sure that some do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..contract.classified import is_hidden
from ..errors import ContractError
from .polars_cast import held_values

if TYPE_CHECKING:
    import polars as pl

    from ..contract.model import Column, TableContract

_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def misfit(rows: pl.LazyFrame, contract: TableContract, name: str) -> ContractError:
    """The error of a column with values that a cast to the contract's type would change."""
    import polars as pl

    column = contract.column(name)
    have = rows.collect_schema()[name]
    held = held_values(pl.col(name), have, column.type)
    found = None
    if held is not None:
        value = pl.col(name).filter(pl.col(name).is_not_null() & held.is_null())
        value = value.to_physical() if have.is_temporal() else value
        found = rows.select(n=value.len(), first=value.first()).collect(engine="streaming").row(0)
    return ContractError(
        f"column {name!r} of the result has {_said(column, have, found)}",
        where=str(contract.dataset),
        fix="clean the column in the notebook, or give it a type in the contract that holds it",
    )


def _said(column: Column, have: pl.DataType, found: tuple[int, Any] | None) -> str:
    if not found or not found[0]:  # not the same rows a second time
        return f"a value that does not fit {column.type} in the contract"
    count, first = found
    shown = f"a ({column.classification}) value" if is_hidden(column) else _shown(first, have)
    noun = "1 value that does" if count == 1 else f"{count:,} values that do"
    return f"{noun} not fit {column.type} in the contract ({shown}{_why(have)})"


def _why(have: pl.DataType) -> str:
    if not have.is_temporal():
        return ""
    if getattr(have, "time_unit", "") == "ns":
        return ", with fractions of a microsecond"
    return "; years are 1 to 9999"


def _shown(value: Any, have: pl.DataType) -> str:
    """A value as text; dates by hand, since Python has no year before 1 or after 9999."""
    import polars as pl

    if have == pl.Date:
        return _date(value)
    if isinstance(have, pl.Datetime):
        unit = have.time_unit
        days, ticks = divmod(value, _DAY[unit])
        seconds, rest = divmod(ticks, _DAY[unit] // 86_400)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        digits = len(str(_DAY[unit] // 86_400)) - 1
        return f"{_date(days)} {clock}" + (f".{rest:0{digits}}" if rest else "")
    return str(value)


def _date(days: int) -> str:
    """Days since 1970 in the proleptic Gregorian calendar, of any year."""
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    number = month + 3 if month < 10 else month - 9
    return (
        f"{year + 400 * era + (number <= 2):04}-{number:02}-{day - (153 * month + 2) // 5 + 1:02}"
    )
