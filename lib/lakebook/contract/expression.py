"""Conditions on one row as typed values: what a `row_condition` and a row rule in SQL are read to.

Two readers make them, `row_text` of pandas' spelling and `row_sql` of SQL's, and
`quality.row_condition` turns them into expressions of an engine. What does not fit its columns is
refused here, by types.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from ..errors import ContractError
from .types import EXACT

MOST = 10**38
"""Exact numbers stay below: no engine has decimals of more digits."""
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_WHOLE = {"int32": 2**31, "int64": 2**63}
_NUMBERS = ("exact", "float")
_IN_WORDS = {
    "exact": "a number",
    "float": "a number",
    "text": "a text",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a timestamp",
    "other": "of a type that is not compared",
}


@dataclass(frozen=True)
class Value:
    """A value of a row. `kind` is one of exact, float, text, boolean, date, timestamp, other.

    Exact numbers are whole ones of 10**-scale, none as great as `bound` of them.
    """

    kind: str
    scale: int = 0
    bound: int = 0

    def __str__(self) -> str:
        return "the expression"


@dataclass(frozen=True)
class Field(Value):
    name: str = ""
    type: str = ""

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Constant(Value):
    """A number as a decimal, whatever its kind; a text, a truth, a date or a timestamp.

    `is_float`: its writer means a float, with which integers are computed as floats.
    """

    value: Decimal | str | bool | date = ""
    is_float: bool = False

    def __str__(self) -> str:
        return str(self.value) if isinstance(self.value, Decimal) else repr(self.value)


@dataclass(frozen=True)
class Computed(Value):
    """`op` is one of + - * /, `mod` (with the divisor's sign), `rem` (with the dividend's), neg,
    abs, length and coalesce."""

    op: str = ""
    parts: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """`op` is one of == != < <= > >=."""

    op: str
    left: Value
    right: Value


@dataclass(frozen=True)
class Among:
    value: Value
    constants: tuple[Constant, ...]


@dataclass(frozen=True)
class Missing:
    """Null, or NaN: never unknown itself."""

    value: Value


@dataclass(frozen=True)
class Like:
    value: Value
    pattern: str


@dataclass(frozen=True)
class Truth:
    """A boolean column as it stands."""

    value: Value


@dataclass(frozen=True)
class Joined:
    """`op` is `and` or `or`."""

    op: str
    parts: tuple[Test, ...]


@dataclass(frozen=True)
class Opposite:
    part: Test


Test = Comparison | Among | Missing | Like | Truth | Joined | Opposite


def field(name: str, kind: str) -> Field:
    """A column of one of a contract's types."""
    if kind in _WHOLE:
        return Field("exact", 0, _WHOLE[kind] + 1, name, kind)
    if match := _DECIMAL.fullmatch(kind):
        return Field("exact", int(match[2]), 10 ** int(match[1]), name, kind)
    if kind in ("float32", "float64"):
        return Field("float", name=name, type=kind)
    known = {"string": "text", "boolean": "boolean", "date": "date", "timestamp": "timestamp"}
    return Field(known.get(kind, "other"), name=name, type=kind)


def constant(given: Decimal | int | float | str | bool | date) -> Constant:
    """A constant of Python's types; raises ContractError for a number of no use."""
    if isinstance(given, bool):
        return Constant("boolean", value=given)
    if isinstance(given, str):
        return Constant("text", value=given)
    if isinstance(given, datetime):
        if given.tzinfo is not None:
            raise ContractError(
                f"the timestamp {given} has a zone", fix="timestamps are in UTC, without an offset"
            )
        return Constant("timestamp", value=given)
    if isinstance(given, date):
        return Constant("date", value=given)
    number = given if isinstance(given, Decimal) else Decimal(repr(given))
    if not number.is_finite() or abs(number.adjusted()) > 400:
        raise ContractError(f"the number {given} is not finite, or too long")
    number = number.normalize(EXACT)
    scale = max(0, -int(number.as_tuple().exponent))
    size = number.copy_abs()  # abs() rounds to 28 digits
    if scale > 38 or size >= MOST:
        return Constant("float", value=number)
    return Constant("exact", scale, int(size.scaleb(scale, EXACT)) + 1, number)


def arithmetic(op: str, left: Value, right: Value) -> Value:
    """A sum, difference, product, quotient or remainder; raises ContractError for what is none."""
    for one in (left, right):
        if one.kind not in _NUMBERS:
            raise ContractError(
                f"{one} is {_IN_WORDS[one.kind]}, and {_sign(op)} is for numbers",
                fix="compare dates and texts as they are",
            )
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _folded(op, left, right)
    if op in ("mod", "rem"):
        is_whole = left.kind == "exact" and left.scale == 0 and left.bound <= 2**63 + 1
        divisor = right.value if isinstance(right, Constant) else None
        is_small = isinstance(divisor, Decimal) and 0 < divisor < 2**31 and not right.scale
        if not is_whole or not is_small:
            raise ContractError(
                f"% of {left} and {right}",
                fix="divide an integer by a positive integer constant below 2147483648",
            )
        return Computed("exact", 0, right.bound, op, (left, right))
    if op == "/" or "float" in (left.kind, right.kind) or _is_float_by(left, right):
        return Computed("float", op=op, parts=(left, right))
    if op == "*":
        return _exact(op, left, right, left.scale + right.scale, left.bound * right.bound)
    scale = max(left.scale, right.scale)
    bound = sum(one.bound * 10 ** (scale - one.scale) for one in (left, right))
    return _exact(op, left, right, scale, bound)


def _exact(op: str, left: Value, right: Value, scale: int, bound: int) -> Value:
    if bound > MOST or scale > 38:
        raise ContractError(
            f"{left} {op} {right} may have more than 38 digits",
            fix="divide by 1 (x / 1) what may be computed as a float",
        )
    return Computed("exact", scale, bound, op, (left, right))


def _is_float_by(*sides: Value) -> bool:
    """Whether integers meet a constant that is written as a float."""
    return not any(one.scale for one in sides if not isinstance(one, Constant)) and any(
        isinstance(one, Constant) and one.is_float for one in sides
    )


def _folded(op: str, left: Constant, right: Constant) -> Constant:
    a, b = left.value, right.value
    assert isinstance(a, Decimal) and isinstance(b, Decimal)
    if op in ("/", "mod", "rem"):
        if op != "/" or not b:
            raise ContractError(f"{a} {_sign(op)} {b} of two constants", fix="write the result")
        return replace(constant(float(a) / float(b)), is_float=True)
    if left.is_float or right.is_float:
        by_float = {"+": operator.add, "-": operator.sub, "*": operator.mul}[op]
        return replace(constant(by_float(float(a), float(b))), is_float=True)
    how = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply}[op]
    return constant(how(a, b))


def _sign(op: str) -> str:
    return "%" if op in ("mod", "rem") else op


def negative(value: Value) -> Value:
    if value.kind not in _NUMBERS:
        raise ContractError(f"- of {value}, which is {_IN_WORDS[value.kind]}")
    if isinstance(value, Constant) and isinstance(value.value, Decimal):
        return replace(value, value=value.value.copy_negate())
    # One more: the least int64 has no opposite among them.
    return Computed(value.kind, value.scale, value.bound + 1, "neg", (value,))


def absolute(value: Value) -> Value:
    if value.kind not in _NUMBERS:
        raise ContractError(f"abs of {value}, which is {_IN_WORDS[value.kind]}")
    return Computed(value.kind, value.scale, value.bound + 1, "abs", (value,))


def length(value: Value) -> Value:
    if value.kind != "text":
        raise ContractError(f"length of {value}, which is {_IN_WORDS[value.kind]}")
    return Computed("exact", 0, 2**31, "length", (value,))


def coalesce(parts: tuple[Value, ...]) -> Value:
    """The first that is not missing."""
    first = next((one for one in parts if not isinstance(one, Constant)), None)
    if first is None:
        raise ContractError("coalesce of no column")
    same = tuple(_fitted(one, first) for one in parts)
    kinds = {one.kind for one in same}
    if kinds == {"exact"}:
        scale = max(one.scale for one in same)
        bound = max(one.bound * 10 ** (scale - one.scale) for one in same)
        if bound > MOST:
            raise ContractError("coalesce may have more than 38 digits", fix="leave it out")
        return Computed("exact", scale, bound, "coalesce", same)
    kind = "float" if kinds <= set(_NUMBERS) else first.kind
    return Computed(kind, op="coalesce", parts=same)


def compare(op: str, left: Value, right: Value) -> Test:
    """A comparison of values that can be compared; raises ContractError for others."""
    left, right = _fitted(left, right), _fitted(right, left)
    if isinstance(left, Constant) and isinstance(right, Constant):
        raise ContractError(f"{left} {op} {right} compares two constants", fix="name a column")
    if "boolean" in (left.kind, right.kind) and op not in ("==", "!="):
        raise ContractError(f"{left} {op} {right}: true and false have no order")
    if left.kind == right.kind == "exact":
        scale = max(left.scale, right.scale)
        for one in (left, right):
            if not isinstance(one, Constant) and one.bound * 10 ** (scale - one.scale) > MOST:
                other = right if one is left else left
                if not isinstance(other, Constant):
                    raise ContractError(
                        f"{left} {op} {right}: the digits of both are more than 38",
                        fix="divide both by 1 (x / 1) to compare them as floats",
                    )
    return Comparison(op, left, right)


def among(value: Value, given: tuple[Constant, ...]) -> Test:
    if isinstance(value, Constant):
        raise ContractError(f"{value} in a list: name a column")
    if not given:
        raise ContractError("a list without a value", fix="name at least one")
    fitted = []
    for one in given:
        found = compare("==", value, one)
        assert isinstance(found, Comparison) and isinstance(found.right, Constant)
        fitted.append(found.right)
    return Among(value, tuple(fitted))


def truth(value: Value) -> Test:
    if value.kind != "boolean" or isinstance(value, Constant):
        raise ContractError(
            f"{value} stands for a condition and is {_IN_WORDS[value.kind]}",
            fix="compare it: x > 1, x == 'a', x.isnull()",
        )
    return Truth(value)


def like(value: Value, pattern: str) -> Test:
    if value.kind != "text":
        raise ContractError(f"LIKE of {value}, which is {_IN_WORDS[value.kind]}")
    return Like(value, pattern)


def _fitted(one: Value, other: Value) -> Value:
    """A constant in the other's type; raises ContractError if the two cannot be compared."""
    if other.kind == "other" or one.kind == "other":
        unfit = one if one.kind == "other" else other
        raise ContractError(
            f"{unfit} is {_IN_WORDS['other']}", fix="a condition may ask whether it is null"
        )
    if one.kind in _NUMBERS and other.kind in _NUMBERS:
        return one
    times = ("date", "timestamp")
    if one.kind in times and other.kind in times:
        return one
    if one.kind == "text" and other.kind in times and isinstance(one, Constant):
        return _time(str(one.value), other)
    if one.kind == other.kind or (
        one.kind in times and other.kind == "text" and isinstance(other, Constant)
    ):
        return one
    raise ContractError(
        f"{one} is {_IN_WORDS[one.kind]} and {other} is {_IN_WORDS[other.kind]}: "
        "they cannot be compared",
        fix="write the constant in the column's type",
    )


def _time(text: str, other: Value) -> Constant:
    """A date if the text has no time of day."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return constant(date.fromisoformat(text))
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*", text):
            raise ValueError
        return constant(datetime.fromisoformat(text))
    except ValueError:
        raise ContractError(
            f"{text!r} is compared with {other}, and is no {other.kind}",
            fix="write it as 2024-01-31, or as 2024-01-31 23:59:59 in UTC",
        ) from None


def columns_of(node: Test | Value) -> tuple[str, ...]:
    """The columns that a condition reads, in its order."""
    return tuple(dict.fromkeys(_names(node)))


def _names(node: Test | Value) -> Iterator[str]:
    if isinstance(node, Field):
        yield node.name
    elif isinstance(node, Comparison):
        yield from _names(node.left)
        yield from _names(node.right)
    elif isinstance(node, Joined | Computed):
        for part in node.parts:
            yield from _names(part)
    elif isinstance(node, Opposite):
        yield from _names(node.part)
    elif not isinstance(node, Value):
        yield from _names(node.value)
