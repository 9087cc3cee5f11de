"""Whose rows are erased: values of some columns that must all hold. Values never show in a text.

They are parsed by the contract's types. Nothing here may put a value into an error or a log.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...contract.types import EXACT, arrow_type
from ...errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from ...contract.model import TableContract


@dataclass(frozen=True)
class Condition:
    """A column and the value that a row of the subject has there, in the contract's type."""

    column: str
    type: str
    value: Any = field(repr=False)
    text: str = field(repr=False)  # as it was given


@dataclass(frozen=True)
class Subject:
    """The rows for which all conditions hold."""

    conditions: tuple[Condition, ...]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(condition.column for condition in self.conditions)

    def rows_in(self, table: pa.Table) -> pa.ChunkedArray:
        """Which rows are the subject's, never null. The table has all the columns."""
        import pyarrow.compute as pc

        masks = [_holds(table[c.column], c) for c in self.conditions]
        both = masks[0]
        for mask in masks[1:]:
            both = pc.and_(both, mask)
        return both


def parse_subject(contract: TableContract, given: Sequence[str]) -> Subject:
    """Parse `COLUMN=VALUE` texts. Raises UserError, which names a column but never a value."""
    conditions: dict[str, Condition] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError("a key is not COLUMN=VALUE", fix="write --key id=4711")
        if name not in contract.names:
            raise UserError(
                f"{contract.dataset} has no column {name!r}{did_you_mean(name, contract.names)}",
                fix=f"its columns are {', '.join(contract.names)}",
            )
        if name in conditions:
            raise UserError(
                f"the column {name!r} is given twice, and no row has two values in it",
                fix="run the command once for each value",
            )
        kind = contract.column(name).type
        conditions[name] = Condition(name, kind, _parse(name, kind, value), value)
    if not conditions:
        raise UserError("no key is given", fix="add --key COLUMN=VALUE")
    return Subject(tuple(conditions.values()))


def _parse(column: str, kind: str, text: str) -> Any:
    """A value in a column's type; one that it cannot hold exactly is an error."""
    if not text:
        raise UserError(
            f"the key {column!r} has no value",
            fix="rows without a value there are nobody's: name another column",
        )
    parse, example = _PARSERS.get(kind, (_decimal(kind), "12.50"))
    try:
        return parse(text)
    except (ValueError, ArithmeticError):
        # The text itself stays out: this sentence may end in a log.
        raise UserError(
            f"the value of the key {column!r} is no {kind}", fix=f"write it such as {example}"
        ) from None


def _int(bits: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise ValueError
        return value

    return parse


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _boolean(text: str) -> bool:
    return ("false", "true").index(text.lower()) == 1


def _timestamp(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _decimal(kind: str) -> Callable[[str], Decimal]:
    def parse(text: str) -> Decimal:
        precision, scale = map(int, kind.removeprefix("decimal(").removesuffix(")").split(","))
        value = Decimal(text)
        if not value.is_finite():
            raise InvalidOperation
        exact = value.quantize(Decimal(1).scaleb(-scale), context=EXACT)
        if exact != value or len(exact.as_tuple().digits) > precision:
            raise InvalidOperation
        return exact

    return parse


_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "string": (str, "a text"),
    "int64": (_int(64), "4711"),
    "int32": (_int(32), "4711"),
    "float64": (_float, "0.5"),
    "float32": (_float, "0.5"),
    "boolean": (_boolean, "true"),
    "date": (date.fromisoformat, "2013-01-31"),
    "timestamp": (_timestamp, "2013-01-31T10:00:00 (UTC)"),
    "binary": (bytes.fromhex, "0a1b2c (hex)"),
}


def _holds(column: pa.ChunkedArray, condition: Condition) -> pa.ChunkedArray:
    """Where a column has the value; a file of other types is compared as far as types allow."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = arrow_type(condition.type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        equal = pc.equal(column.cast(wanted), pa.scalar(condition.value, wanted))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        try:
            equal = pc.equal(column.cast(pa.string()), condition.text)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return pa.chunked_array([pa.repeat(False, len(column))], pa.bool_())
    return pc.fill_null(equal, False)
