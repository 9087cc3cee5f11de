"""A condition on one row as SQL says it: `arr_time > dep_time or cancelled`.

It is read by sqlglot, in DuckDB's spelling, to the same typed values as a `row_condition`. Only
what every engine computes alike is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..errors import ContractError
from .expression import (
    Constant,
    Joined,
    Missing,
    Opposite,
    Test,
    Value,
    absolute,
    among,
    arithmetic,
    coalesce,
    columns_of,
    compare,
    constant,
    length,
    like,
    negative,
    truth,
)
from .row_text import column

TAKEN = (
    "a row expression takes comparisons, + - * / %, and, or, not, in, between, like, is null, "
    "abs, length, coalesce"
)


def read_row_sql(text: str, columns: Mapping[str, str], *, where: str = "") -> Test:
    """The condition; raises ContractError at `where` for anything else.

    `columns` has types by name.
    """
    try:
        return _read(text.strip(), tuple(columns.items()))
    except ContractError as wrong:
        raise ContractError(
            f"the SQL {text.strip()!r}: {wrong.found}", where=where, fix=wrong.fix
        ) from None


def is_select(text: str) -> bool:
    """Whether SQL is a query of its own, not an expression over a row."""
    return text.lstrip(" \t\r\n(").lower().startswith(("select", "with", "from"))


_READ = ("this", "expression", "expressions", "low", "high", "to", "is_string", "safe")
"""Arguments of sqlglot's nodes that are read. `safe`: null for x / 0 and for no date, as we do."""


@lru_cache(maxsize=256)
def _read(text: str, columns: tuple[tuple[str, str], ...]) -> Test:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(f"select {text}\n", read="duckdb")
    except SqlglotError as broken:
        first = (getattr(broken, "errors", None) or [{}])[0]
        near = f", near {first['highlight']!r}" if first.get("highlight") else ""
        raise ContractError(f"it does not parse{near}", fix=TAKEN) from None
    rest = [name for name, value in tree.args.items() if value and name not in ("expressions",)]
    if len(tree.expressions) != 1 or [name for name in rest if name not in ("kind", "hint")]:
        raise ContractError("it is more than one expression", fix=TAKEN)
    found = _Reader(dict(columns)).test(tree.expressions[0])
    if not columns_of(found):
        raise ContractError("it names no column", fix=TAKEN)
    return found


class _Reader:
    """From sqlglot's tree to ours; a class to carry the columns."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = columns

    def test(self, node: Any) -> Test:
        node = _whole(node.unnest(), "negate")
        found = self._test(node)
        return Opposite(found) if node.args.get("negate") else found

    def _test(self, node: Any) -> Test:
        from sqlglot import exp

        compared = {
            exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
        }  # fmt: skip
        if isinstance(node, exp.And | exp.Or):
            op = "and" if isinstance(node, exp.And) else "or"
            return Joined(op, (self.test(node.this), self.test(node.expression)))
        if isinstance(node, exp.Not):
            return Opposite(self.test(node.this))
        if type(node) in compared:
            return compare(compared[type(node)], *self.two(node))
        if isinstance(node, exp.Between):
            value = self.value(node.this)
            low, high = self.value(node.args["low"]), self.value(node.args["high"])
            return Joined("and", (compare(">=", value, low), compare("<=", value, high)))
        if isinstance(node, exp.In) and node.expressions:
            values = [self.value(one) for one in node.expressions]
            if not all(isinstance(one, Constant) for one in values):
                raise ContractError(f"{node.sql('duckdb')} has more than constants", fix=TAKEN)
            constants = tuple(one for one in values if isinstance(one, Constant))
            return among(self.value(node.this), constants)
        if isinstance(node, exp.Is) and isinstance(node.expression.unnest(), exp.Null):
            return Missing(self.value(node.this))
        if isinstance(node, exp.Like) and isinstance(node.expression, exp.Literal):
            return like(self.value(node.this), str(node.expression.this))
        return truth(self.value(node))

    def _arithmetic(self, node: Any) -> Value:
        """Products before sums, each from the left.

        The tree does not say which is which: in sqlglot's `%` binds as `+` does, in SQL as `*`.
        """
        first, *rest = _in_order(node)
        products, signs = [self.value(first)], []
        for op, operand in zip(rest[::2], rest[1::2], strict=True):
            if op in ("+", "-"):
                signs.append(op)
                products.append(self.value(operand))
            else:
                products[-1] = arithmetic(op, products[-1], self.value(operand))
        total = products[0]
        for op, product in zip(signs, products[1:], strict=True):
            total = arithmetic(op, total, product)
        return total

    def two(self, node: Any) -> tuple[Value, Value]:
        return self.value(node.this), self.value(node.expression)

    def value(self, node: Any) -> Value:
        from sqlglot import exp

        node = _whole(node.unnest())
        called: dict[Any, Callable[[Value], Value]] = {
            exp.Neg: negative,
            exp.Abs: absolute,
            exp.Length: length,
        }
        if isinstance(node, exp.Column) and len(node.parts) == 1:
            return column(node.name.lower(), self.columns)  # SQL folds case
        if type(node) in _operators():
            return self._arithmetic(node)
        if type(node) in called:
            return called[type(node)](self.value(node.this))
        if isinstance(node, exp.Coalesce):
            return coalesce(tuple(self.value(one) for one in (node.this, *node.expressions)))
        if isinstance(node, exp.Literal):
            return constant(str(node.this) if node.is_string else Decimal(str(node.this)))
        if isinstance(node, exp.Boolean):
            return constant(bool(node.this))
        if isinstance(node, exp.Cast | exp.TryCast) and isinstance(node.this, exp.Literal):
            return _time(node)
        if isinstance(node, exp.Null):
            raise ContractError("null equals nothing", fix="write is null, or is not null")
        raise ContractError(f"{node.sql('duckdb')} cannot be computed on a row", fix=TAKEN)


@lru_cache(maxsize=1)
def _operators() -> dict[Any, str]:
    """Operators of arithmetic by sqlglot's nodes. `%` has the dividend's sign in SQL."""
    from sqlglot import exp

    return {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "rem"}


def _in_order(node: Any) -> list[Any]:
    """Operands and operators as they stand in the text; what is in parentheses is an operand."""
    if type(node) not in _operators():
        return [node]
    _whole(node)
    return [*_in_order(node.this), _operators()[type(node)], *_in_order(node.expression)]


def _whole(node: Any, *more: str) -> Any:
    """The node, if nothing is in it that is not read here, such as `symmetric`.

    sqlglot says a negation by a node around another, or by the argument `negate`; which, hangs on
    the other and on its release.
    """
    if any(value and name not in (*_READ, *more) for name, value in node.args.items()):
        raise ContractError(f"{node.sql('duckdb')} cannot be computed on a row", fix=TAKEN)
    return node


def _time(node: Any) -> Constant:
    """`date '2024-01-31'`, `timestamp '2024-01-31 12:00:00'`."""
    kind, text = node.to.this.name, str(node.this.this)
    try:
        if kind == "DATE":
            return constant(date.fromisoformat(text))
        if kind in ("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME"):
            return constant(datetime.fromisoformat(text))
    except ValueError:
        pass
    raise ContractError(f"{node.sql('duckdb')} is no constant that is understood", fix=TAKEN)
