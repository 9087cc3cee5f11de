"""A `row_condition` as GX takes it: pandas' spelling, `col("x")`, or a condition as a mapping.

Text is read by Python's own parser, never evaluated. As in pandas, `&` and `|` bind like `and` and
`or`: `x > 1 & y.notnull()`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..errors import ContractError, did_you_mean
from .expression import (
    Constant,
    Joined,
    Missing,
    Opposite,
    Test,
    Value,
    among,
    arithmetic,
    compare,
    constant,
    field,
    negative,
    truth,
)

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "mod",
}
_NULL_CALLS = {"isnull": True, "isna": True, "notnull": False, "notna": False}
_WORDS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|&&?|\|\|?""")


def read_condition(given: Any, columns: Mapping[str, str], *, where: str = "") -> Test | None:
    """The condition that text, a GX condition or its mapping says; None for none.

    `columns` has types by name. Raises ContractError at `where` for what is not understood, an
    unknown column, and what does not fit a column's type.
    """
    if given is None or given == "":
        return None
    try:
        if isinstance(given, str):
            return _read_text(given, tuple(columns.items()))
        tree = given if isinstance(given, Mapping) else given.dict()
        if tree.get("type") == "pass_through":
            return read_condition(tree["pass_through_filter"], columns)
        return _tree(tree, columns)
    except ContractError as wrong:
        found = wrong.found.removeprefix("row_condition ")
        told = f"row_condition {given!r}: " if isinstance(given, str) else "row_condition: "
        text = found if found.startswith(told) else told + found
        raise ContractError(text, where=where or wrong.where, fix=wrong.fix) from None
    except (KeyError, TypeError, AttributeError):
        raise ContractError(
            f"row_condition {given!r} is no condition of Great Expectations",
            where=where,
            fix="write it as text: x > 1 and y.notnull()",
        ) from None


def column(name: str, columns: Mapping[str, str]) -> Value:
    if name not in columns:
        raise ContractError(f"unknown column {name!r}{did_you_mean(name, columns)}")
    return field(name, columns[name])


def _tree(tree: Mapping[str, Any], columns: Mapping[str, str]) -> Test:
    kind = tree.get("type")
    if kind in ("and", "or"):
        return Joined(str(kind), tuple(_tree(_plain(p), columns) for p in tree["conditions"]))
    value = column(tree["column"]["name"], columns)
    if kind == "nullity":
        return Missing(value) if tree["is_null"] else Opposite(Missing(value))
    if kind != "comparison":
        raise ContractError(f"unknown type {kind!r}")
    op, parameter = str(getattr(tree["operator"], "value", tree["operator"])), tree["parameter"]
    if op in ("IN", "NOT_IN"):
        found = among(value, tuple(map(constant, parameter)))
        return found if op == "IN" else Opposite(found)
    if op not in _COMPARE.values():
        raise ContractError(f"unknown operator {op!r}")
    return compare(op, value, constant(parameter))


def _plain(part: Any) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else part.dict()


@lru_cache(maxsize=256)
def _read_text(text: str, columns: tuple[tuple[str, str], ...]) -> Test:
    return _Text(text, dict(columns)).read()


def _as_python(match: re.Match[str]) -> str:
    word = match[0]
    if word[0] == "`":
        return f"col({word[1:-1]!r})"
    return {"&": " and ", "|": " or "}.get(word[0], word)


class _Text:
    """One condition as text; a class only to carry the text and the columns along."""

    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self.source = " ".join(_WORDS.sub(_as_python, text.strip()).splitlines())
        self.columns = columns

    def read(self) -> Test:
        try:
            tree = ast.parse(self.source, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
            why = problem.msg if isinstance(problem, SyntaxError) else str(problem)
            raise self.refuse(f"not understood ({why})") from None
        return self.test(tree.body)

    def refuse(self, found: str) -> ContractError:
        return ContractError(
            found, fix="write comparisons such as x + y > 1 or x.notnull(), joined by and, or, not"
        )

    def part(self, node: ast.expr) -> str:
        return ast.get_source_segment(self.source, node) or ast.unparse(node)

    def test(self, node: ast.expr) -> Test:
        if isinstance(node, ast.BoolOp):
            op = "and" if isinstance(node.op, ast.And) else "or"
            return Joined(op, tuple(self.test(part) for part in node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            return Opposite(self.test(node.operand))
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            parts = tuple(
                self.compared(op, left, right)
                for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
            )
            return parts[0] if len(parts) == 1 else Joined("and", parts)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            wanted = _NULL_CALLS.get(node.func.attr.lower().replace("_", ""))
            if wanted is not None and not node.args and not node.keywords:
                missing = Missing(self.value(node.func.value))
                return missing if wanted else Opposite(missing)
        return truth(self.value(node))

    def compared(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Test:
        listed = isinstance(right, ast.List | ast.Tuple | ast.Set)
        if isinstance(op, ast.In | ast.NotIn) or (listed and isinstance(op, ast.Eq | ast.NotEq)):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set):
                raise self.refuse(f"{self.part(right)} is no list")
            values = [self.value(one) for one in right.elts]
            constants = tuple(one for one in values if isinstance(one, Constant))
            if len(constants) != len(values):
                raise self.refuse(f"{self.part(right)} has more than constants")
            found = among(self.value(left), constants)
            return found if isinstance(op, ast.In | ast.Eq) else Opposite(found)
        if type(op) not in _COMPARE:
            raise self.refuse(f"{self.part(left)} is …: ask with .isnull() or .notnull()")
        return compare(_COMPARE[type(op)], self.value(left), self.value(right))

    def value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            return column(node.id, self.columns)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return arithmetic(
                _ARITHMETIC[type(node.op)], self.value(node.left), self.value(node.right)
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return negative(self.value(node.operand))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd):
            return self.value(node.operand)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "col":
            if len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
                return column(str(node.args[0].value), self.columns)
        elif isinstance(node, ast.Constant):
            return self.constant(node)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "date"
            and [type(one) for one in node.args] == [ast.Constant]
        ):
            return self.value(node.args[0])  # as Great Expectations' own parser writes one
        raise self.refuse(f"{self.part(node)} is not understood")

    def constant(self, node: ast.Constant) -> Constant:
        if node.value is None:
            raise self.refuse("None equals nothing; ask with .isnull() or .notnull()")
        if isinstance(node.value, float):  # as it is written: 0.1 is a tenth, for decimals
            written = Decimal(self.part(node).replace("_", ""))
            return replace(constant(written), is_float=True)
        if isinstance(node.value, int | str):  # bool is an int
            return constant(node.value)
        raise self.refuse(f"{self.part(node)} is not understood")
