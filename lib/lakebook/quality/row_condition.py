"""A rule's `row_condition` as a Narwhals expression: Great Expectations' text forms and its values.

Text is read by Python's own parser, never evaluated: `col("x") > 1 and col("y").notNull()`, or the
pandas spelling `x > 1 & y.notnull()`.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import narwhals as nw

from ..errors import ContractError, did_you_mean

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda column, values: column.is_in(values),
    ast.NotIn: lambda column, values: ~column.is_in(values),
}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda column, values: column.is_in(list(values)),
    "NOT_IN": lambda column, values: ~column.is_in(list(values)),
}
_NULL_CALLS = {"isnull": True, "isna": True, "notnull": False, "notna": False}


def row_condition(given: Any, schema: Mapping[str, Any]) -> nw.Expr | None:
    """The rows that a condition keeps, never null; None for no condition.

    `given` is text, a GX condition or its dictionary. Raises ContractError with what is wrong.
    """
    if given is None or given == "":
        return None
    if isinstance(given, str):
        kept = _Text(given, schema).expression()
    else:
        tree = given if isinstance(given, Mapping) else given.dict()
        if tree.get("type") == "pass_through":
            return row_condition(tree["pass_through_filter"], schema)
        kept = _tree(tree, schema)
    return kept.fill_null(False)


def _column(name: str, schema: Mapping[str, Any]) -> nw.Expr:
    if name not in schema:
        raise ContractError(
            f"row_condition names the unknown column {name!r}{did_you_mean(name, schema)}"
        )
    return nw.col(name)


def _tree(tree: Mapping[str, Any], schema: Mapping[str, Any]) -> nw.Expr:
    kind = tree.get("type")
    if kind in ("and", "or"):
        join = operator.and_ if kind == "and" else operator.or_
        return functools.reduce(join, (_tree(_plain(part), schema) for part in tree["conditions"]))
    column = _column(tree["column"]["name"], schema)
    if kind == "nullity":
        return column.is_null() if tree["is_null"] else ~column.is_null()
    if kind == "comparison":
        name = str(getattr(tree["operator"], "value", tree["operator"]))
        return _OPERATORS[name](column, tree["parameter"])
    raise ContractError(f"row_condition has the unknown type {kind!r}")


def _plain(part: Any) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else part.dict()


class _Text:
    """One condition as text; a class only to carry the text into errors."""

    def __init__(self, text: str, schema: Mapping[str, Any]) -> None:
        self.text = text
        self.schema = schema

    def expression(self) -> nw.Expr:
        try:
            tree = ast.parse(self.text.strip(), mode="eval")
        except SyntaxError:
            raise self.refuse() from None
        return self.logical(tree.body)

    def refuse(self) -> ContractError:
        return ContractError(
            f"row_condition {self.text!r} is not understood",
            fix="write comparisons of a column with a constant, joined by and, or, not",
        )

    def logical(self, node: ast.expr) -> nw.Expr:
        if isinstance(node, ast.BoolOp):
            join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
            return functools.reduce(join, (self.logical(part) for part in node.values))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            join = operator.and_ if isinstance(node.op, ast.BitAnd) else operator.or_
            return join(self.logical(node.left), self.logical(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            return ~self.logical(node.operand)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            compare = _COMPARE.get(type(node.ops[0]))
            if compare is not None:
                return compare(self.operand(node.left), self.operand(node.comparators[0]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            wanted = _NULL_CALLS.get(node.func.attr.lower().replace("_", ""))
            if wanted is not None:
                is_null = self.operand(node.func.value).is_null()
                return is_null if wanted else ~is_null
        if isinstance(node, ast.Name):
            return _column(node.id, self.schema)
        raise self.refuse()

    def operand(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return _column(node.id, self.schema)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
            if len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
                return _column(str(node.args[0].value), self.schema)
            raise self.refuse()
        try:
            return ast.literal_eval(node)
        except ValueError:
            raise self.refuse() from None
