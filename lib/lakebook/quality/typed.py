"""Columns in types in which a comparison or a sum is exact, and alike on every engine.

NaN is missing, as null is. A float32 is compared as the float64 that it is, integers add up beyond
64 bits, and a bound between two values of a type is the next value that the type has.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import narwhals as nw

from ..contract.types import EXACT

Schema = Mapping[str, nw.dtypes.DType]


DIGITS = 38
"""So many has the widest decimal of an engine."""
_BEYOND = Decimal(10) ** DIGITS
"""What no decimal of an engine reaches."""


def value(name: str, schema: Schema) -> nw.Expr:
    """The column with NaN as null."""
    column = nw.col(name)
    if schema[name].is_float():
        return nw.when(~column.is_nan()).then(column)
    return column


def missing(name: str, schema: Schema) -> nw.Expr:
    """Null or NaN, never null itself."""
    column = nw.col(name)
    if schema[name].is_float():
        return column.is_null() | column.is_nan().fill_null(False)
    return column.is_null()


def exact(name: str, schema: Schema) -> nw.Expr:
    """The column with NaN as null, for a comparison with bound values."""
    return as_float(name, schema) if schema[name] == nw.Float32 else value(name, schema)


def as_float(name: str, schema: Schema) -> nw.Expr:
    """The column's numbers as float64, NaN as null."""
    return value(name, schema).cast(nw.Float64)


def as_whole(name: str, schema: Schema) -> nw.Expr:
    """Integers or booleans so wide that no sum of them overflows. Not every engine has integers of
    128 bits; all have decimals of 38 digits."""
    column = nw.col(name)
    whole = column.cast(nw.Int64) if schema[name] == nw.Boolean else column
    return whole.cast(nw.Decimal(DIGITS, 0))


def alike(names: Sequence[str], schema: Schema) -> list[nw.Expr]:
    """Columns to compare with each other: as floats if one is."""
    if any(schema[name].is_float() for name in names):
        return [as_float(name, schema) for name in names]
    return [nw.col(name) for name in names]


def decimal_literal(number: Decimal, scale: int) -> nw.Expr:
    """A constant with `scale` digits behind the point, which hold it.

    As a text: DuckDB takes Python's Decimal("1E+3") for 1.000, and one of 38 digits behind the
    point for a float.
    """
    return nw.lit(f"{number:f}").cast(nw.Decimal(DIGITS, scale))


def decimal_among(measured: nw.Expr, numbers: Iterable[Any], scale: int) -> nw.Expr:
    """Whether decimals with `scale` digits behind the point are one of some numbers.

    Those that are no such decimal equal none.
    """
    shifted = [Decimal(one).scaleb(scale, EXACT) for one in numbers]
    wholes = [int(one) for one in shifted if one.copy_abs() < _BEYOND and one == int(one)]
    held = [Decimal(one).scaleb(-scale, EXACT) for one in wholes]
    if not held:
        return never(measured)
    if scale < DIGITS:
        return measured.is_in(held)
    return functools.reduce(operator.or_, (measured == decimal_literal(x, scale) for x in held))


def never(measured: nw.Expr) -> nw.Expr:
    """False for each row: of a column, since a bare literal is no column that can be counted."""
    return measured.is_null() & ~measured.is_null()


def sums_to(names: Sequence[str], total: Any, schema: Schema) -> nw.Expr:
    """Whether a row's values sum to the total; null where one is missing, as on pandas."""
    if all(schema[name].is_integer() for name in names):
        whole = isinstance(total, int) or (math.isfinite(total) and total == int(total))
        if not whole or abs(total) > len(names) * 2**63:
            return never(nw.col(names[0]))
        return _added([as_whole(name, schema) for name in names]) == decimal_literal(
            Decimal(int(total)), 0
        )
    parts = alike(names, schema)
    if isinstance(total, Decimal):
        kinds = [schema[name] for name in names]
        scale = max(kind.scale for kind in kinds if isinstance(kind, nw.Decimal))
        digits = total.scaleb(scale, EXACT)
        if digits.copy_abs() >= _BEYOND or digits != int(digits):
            return never(nw.col(names[0]))
        return _added(parts) == decimal_literal(total, scale)
    try:
        return _added(parts) == float(total)
    except OverflowError:
        return never(nw.col(names[0]))


def _added(parts: Sequence[nw.Expr]) -> nw.Expr:
    return functools.reduce(operator.add, parts)


def between(measured: nw.Expr, kwargs: Mapping[str, Any], dtype: nw.dtypes.DType) -> nw.Expr:
    """Whether values lie in a rule's bounds, which need be no values of their type."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    strict = bool(kwargs.get("strict_min")), bool(kwargs.get("strict_max"))
    tests = []
    steps = _steps(dtype)
    if steps is not None:
        # The least and greatest values that hold, in units of the last digit.
        least, most = _first(low, strict[0], *steps), _first(high, strict[1], *steps, sign=-1)
        if (least is not None and least > steps[1]) or (most is not None and most < -steps[1] - 1):
            return never(measured)
        if least is not None and least > -steps[1] - 1:
            tests.append(measured >= _of(least, dtype, steps[0]))
        if most is not None and most < steps[1]:
            tests.append(measured <= _of(most, dtype, steps[0]))
        return functools.reduce(operator.and_, tests) if tests else ~measured.is_null()
    if low is not None:
        tests.append(measured > low if strict[0] else measured >= low)
    if high is not None:
        tests.append(measured < high if strict[1] else measured <= high)
    return functools.reduce(operator.and_, tests)


def _steps(dtype: nw.dtypes.DType) -> tuple[int, int] | None:
    """Digits behind the point and the greatest number of steps of a type that has steps."""
    if dtype.is_integer():
        return 0, (2**31 if dtype == nw.Int32 else 2**63) - 1
    if isinstance(dtype, nw.Decimal):
        return int(dtype.scale), 10 ** int(dtype.precision) - 1
    return None


def _first(bound: Any, strict: bool, scale: int, _: int, sign: int = 1) -> int | None:
    """The first step that a lower bound (sign 1) or an upper one (-1) lets through."""
    if bound is None:
        return None
    place = Fraction(bound) * 10**scale * sign
    return sign * (math.floor(place) + 1 if strict else math.ceil(place))


def _of(step: int, dtype: nw.dtypes.DType, scale: int) -> Any:
    number = Decimal(step).scaleb(-scale, EXACT)
    return step if dtype.is_integer() else decimal_literal(number, scale)


def equals(name: str, wanted: Any, schema: Schema) -> nw.Expr:
    """Whether the column has a bound value; null where it is missing."""
    kind = schema[name]
    if isinstance(kind, nw.Decimal):
        wanted = decimal_literal(wanted, kind.scale)
    return exact(name, schema) == wanted
