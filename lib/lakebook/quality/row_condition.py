"""Conditions on a row as Narwhals expressions, the same on every engine.

NaN counts as missing. A `row_condition` has the logic of pandas: a comparison with a missing value
is false, `!=` and `not in` are true. A row rule in SQL has SQL's: it is unknown.
"""

from __future__ import annotations

import functools
import math
import operator
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import narwhals as nw

from ..contract.expression import (
    Among,
    Comparison,
    Computed,
    Constant,
    Field,
    Joined,
    Like,
    Missing,
    Opposite,
    Test,
    Value,
)
from ..contract.row_sql import read_row_sql
from ..contract.row_text import read_condition
from ..contract.types import EXACT
from .typed import DIGITS, decimal_among, decimal_literal

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_SMALL = 2**63
"""Whole numbers below it are computed as int64, others as decimals of 38 digits."""


def row_condition(given: Any, schema: Mapping[str, Any]) -> nw.Expr | None:
    """The rows that a condition keeps, never null; None for no condition.

    `given` is text, a GX condition or its dictionary. Raises ContractError with what is wrong.
    """
    test = read_condition(given, _types(schema))
    return None if test is None else _Lowered(is_pandas=True).test(test)


def row_test(sql: str, schema: Mapping[str, Any]) -> nw.Expr:
    """Whether a row keeps a rule in SQL; null where it is unknown."""
    return _Lowered(is_pandas=False).test(read_row_sql(sql, _types(schema)))


def _types(schema: Mapping[str, Any]) -> dict[str, str]:
    """The types of a frame in a contract's words."""
    return {name: _type(dtype) for name, dtype in schema.items()}


def _type(dtype: Any) -> str:
    if isinstance(dtype, nw.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    if dtype in (nw.Int8, nw.Int16, nw.Int32, nw.UInt8, nw.UInt16):
        return "int32"
    if dtype in (nw.Int64, nw.UInt32):
        return "int64"
    if dtype == nw.Datetime:
        return "timestamp"
    known = {nw.Float64: "float64", nw.Float32: "float32", nw.String: "string"}
    known |= {nw.Boolean: "boolean", nw.Date: "date"}
    return next((name for one, name in known.items() if dtype == one), "binary")


class _Lowered:
    """Expressions of one logic: pandas' of two truths, or SQL's of three."""

    def __init__(self, *, is_pandas: bool) -> None:
        self.is_pandas = is_pandas

    def test(self, node: Test) -> nw.Expr:
        if isinstance(node, Joined):
            join = operator.and_ if node.op == "and" else operator.or_
            return functools.reduce(join, (self.test(part) for part in node.parts))
        if isinstance(node, Opposite):
            return ~self.test(node.part)
        if isinstance(node, Missing):
            return _value(node.value).is_null()
        if isinstance(node, Comparison):
            return self.known(_compared(node), node.op == "!=")
        if isinstance(node, Among):
            return self.known(_among(node), False)
        if isinstance(node, Like):
            from .column_tests import like_regex

            return self.known(_value(node.value).str.contains(like_regex(node.pattern)), False)
        return self.known(_value(node.value), False)

    def known(self, expr: nw.Expr, if_missing: bool) -> nw.Expr:
        return expr.fill_null(if_missing) if self.is_pandas else expr


def _compared(node: Comparison) -> nw.Expr:
    """A comparison, null where one of its sides is missing."""
    left, right, op = node.left, node.right, node.op
    if isinstance(left, Constant):
        left, right, op = right, left, _FLIPPED.get(op, op)
    if left.kind == "exact" and isinstance(right, Constant):
        return _with_constant(left, op, right)
    if left.kind == right.kind == "exact":
        scale = max(left.scale, right.scale)
        bound = max(one.bound * 10 ** (scale - one.scale) for one in (left, right))
        return _COMPARE[op](_exact(left, scale, bound), _exact(right, scale, bound))
    if "float" in (left.kind, right.kind):
        return _COMPARE[op](_float(left), _as_stored(right, left))
    if {left.kind, right.kind} == {"date", "timestamp"}:
        return _COMPARE[op](_timestamp(left), _timestamp(right))
    return _COMPARE[op](_value(left), _value(right))


def _among(node: Among) -> nw.Expr:
    """Whether a value is one of some constants, however many; null where it is missing."""
    value = node.value
    given = [one.value for one in node.constants]
    if value.kind == "float":
        floats = [_stored(float(one), value) for one in given if isinstance(one, Decimal)]
        return _float(value).is_in(floats)
    if value.kind != "exact":
        kinds = {one.kind for one in node.constants}
        if value.kind == "timestamp" or kinds == {"date", "timestamp"}:
            moments = [datetime.fromisoformat(str(one)) for one in given]
            return _timestamp(value).is_in(moments)
        return (_timestamp(value) if kinds == {"timestamp"} else _value(value)).is_in(given)
    shifted = [one.scaleb(value.scale, EXACT) for one in given if isinstance(one, Decimal)]
    wholes = [int(one) for one in shifted if one.copy_abs() < value.bound and one == int(one)]
    if not wholes:
        return _always(value, False)
    expr = _exact(value, value.scale, value.bound)
    if _exact_type(value.scale, value.bound) == nw.Int64:
        return expr.is_in(wholes)
    numbers = [Decimal(one).scaleb(-value.scale, EXACT) for one in wholes]
    return decimal_among(expr, numbers, value.scale)


def _with_constant(value: Value, op: str, limit: Constant) -> nw.Expr:
    """A number that is exact, with a constant that may have more digits: never rounded."""
    assert isinstance(limit.value, Decimal)
    shifted = limit.value.scaleb(value.scale, EXACT)
    if shifted.copy_abs() > min(value.bound, 10**DIGITS) - 1:
        # Beyond all that the type holds: every value lies on one side.
        above = (op in ("<", "<=", "!=")) if shifted > 0 else (op in (">", ">=", "!="))
        return _always(value, above)
    whole = int(shifted.to_integral_value(ROUND_FLOOR, EXACT))
    if whole != shifted:
        if op in ("==", "!="):
            return _always(value, op == "!=")
        op = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}[op]
    return _COMPARE[op](
        _exact(value, value.scale, value.bound), _number(whole, value.scale, value.bound)
    )


def _always(value: Value, verdict: bool) -> nw.Expr:
    return nw.when(~_value(value).is_null()).then(nw.lit(verdict))


def _exact_type(scale: int, bound: int) -> Any:
    """A type that holds `bound` whole numbers of 10**-scale, and what engines compute of it."""
    return nw.Int64() if not scale and bound <= _SMALL + 1 else nw.Decimal(DIGITS, scale)


def _number(whole: int, scale: int, bound: int) -> nw.Expr:
    """A constant of 10**-scale, in the type of `_exact`."""
    dtype = _exact_type(scale, bound)
    if dtype == nw.Int64:
        return nw.lit(whole).cast(dtype)
    return decimal_literal(Decimal(whole).scaleb(-scale, EXACT), scale)


def _exact(value: Value, scale: int, bound: int) -> nw.Expr:
    """A number in a type that has `scale` digits behind the point and holds `bound`."""
    if isinstance(value, Constant):
        assert isinstance(value.value, Decimal)
        return _number(int(value.value.scaleb(scale, EXACT)), scale, bound)
    expr = _computed(value) if isinstance(value, Computed) else nw.col(_name(value))
    return expr.cast(_exact_type(scale, bound))


def _whole(value: Value) -> nw.Expr:
    """The digits of a number, as a whole one of 10**-scale."""
    if isinstance(value, Constant):
        assert isinstance(value.value, Decimal)
        return _number(int(value.value.scaleb(value.scale, EXACT)), 0, 10**DIGITS)
    expr = _exact(value, value.scale, 10**DIGITS)
    if not value.scale:
        return expr
    if len(str(value.bound - 1)) + value.scale > DIGITS:
        # No decimal holds the product with 10**scale, in which those behind the point are zeros.
        return expr.cast(nw.String).str.replace_all(r"\.", "").cast(nw.Decimal(DIGITS, 0))
    return (expr * _number(10**value.scale, 0, 10**DIGITS)).cast(nw.Decimal(DIGITS, 0))


def _computed(value: Computed) -> nw.Expr:
    """What an exact or float operation gives; an exact one with the digits of its scale."""
    op, parts = value.op, value.parts
    if op == "length":
        return _value(parts[0]).str.len_chars().cast(nw.Int64)
    if op == "coalesce" and value.kind not in ("exact", "float"):
        return nw.coalesce(*(_value(part) for part in parts))
    if value.kind == "float":
        return _no_nan(_float_computed(value))
    if op in ("mod", "rem"):
        bound = max(part.bound for part in parts)
        dividend, divisor = (_exact(part, 0, bound) for part in parts)
        # The sign of a remainder differs between engines.
        rest = (dividend % divisor + divisor) % divisor
        if op == "mod":
            return rest
        return nw.when((dividend < 0) & (rest > 0)).then(rest - divisor).otherwise(rest)
    if op == "*":
        return _product(value)
    same = [_exact(part, value.scale, value.bound) for part in parts]
    if op == "neg":
        return -same[0]
    if op == "abs":
        return nw.when(same[0] < 0).then(-same[0]).otherwise(same[0])
    if op == "coalesce":
        return nw.coalesce(*same)
    return _ARITHMETIC[op](*same)


def _product(value: Computed) -> nw.Expr:
    """Engines differ in the digits that they keep of a product of two numbers with some."""
    left, right = value.parts
    if left.scale and right.scale:
        unit = decimal_literal(Decimal(1).scaleb(-value.scale), value.scale)
        return _whole(left) * _whole(right) * unit
    # Whole numbers in a type of their own kind, which is all that a product with decimals takes.
    held = 10**DIGITS if value.scale else value.bound
    return _exact(left, left.scale, held) * _exact(right, right.scale, held)


def _float_computed(value: Computed) -> nw.Expr:
    parts = [_float(part) for part in value.parts]
    if value.op == "neg":
        return -parts[0]
    if value.op == "abs":
        return parts[0].abs()
    if value.op == "coalesce":
        return nw.coalesce(*parts)
    return _ARITHMETIC[value.op](*parts)


def _float(value: Value) -> nw.Expr:
    """A number as a float64, null where it is NaN."""
    if isinstance(value, Constant):
        assert isinstance(value.value, Decimal)
        return nw.lit(float(value.value)).cast(nw.Float64)
    if value.kind == "exact":
        expr = _computed(value) if isinstance(value, Computed) else nw.col(_name(value))
        return expr.cast(nw.Float64)
    return _value(value).cast(nw.Float64)


def _as_stored(value: Value, other: Value) -> nw.Expr:
    """A constant that is compared with a float32 is one, as in pandas: 0.1 is found in it."""
    if isinstance(value, Constant) and isinstance(other, Field) and other.type == "float32":
        assert isinstance(value.value, Decimal)
        return nw.lit(_stored(float(value.value), other)).cast(nw.Float64)
    return _float(value)


def _stored(number: float, other: Value) -> float:
    if not isinstance(other, Field) or other.type != "float32":
        return number
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return math.copysign(math.inf, number)


def _timestamp(value: Value) -> nw.Expr:
    if isinstance(value, Constant) and value.kind == "date":
        return nw.lit(datetime.fromisoformat(str(value.value)))
    expr = _value(value)
    return expr.cast(nw.Datetime("us")) if value.kind == "date" else expr


def _value(value: Value) -> nw.Expr:
    """A value as the engine has it, null where it is NaN."""
    if isinstance(value, Constant):
        return _float(value) if isinstance(value.value, Decimal) else nw.lit(value.value)
    if isinstance(value, Computed):
        return _computed(value)
    column = nw.col(_name(value))
    return _no_nan(column) if value.kind == "float" else column


def _no_nan(expr: nw.Expr) -> nw.Expr:
    return nw.when(~expr.is_nan()).then(expr)


def _name(value: Value) -> str:
    assert isinstance(value, Field)
    return value.name
