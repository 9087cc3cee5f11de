"""What one node of a cell's syntax tree says; `syntax` walks over all of them."""

from __future__ import annotations

import ast
from typing import Any

from ..errors import GraphError


def step_names(tree: ast.Module) -> list[str]:
    """Variables that hold a Step."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and is_step(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def is_step(node: ast.AST | None) -> bool:
    return is_call(node, "Step")


def is_call(node: ast.AST | None, name: str) -> bool:
    """Whether a node calls `name(…)` or `something.name(…)`."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    return (isinstance(called, ast.Name) and called.id == name) or (
        isinstance(called, ast.Attribute) and called.attr == name
    )


def is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def keys_of(node: ast.expr | None) -> list[str] | None:
    """Names in a literal of params; None where it is made elsewhere, so that nobody knows."""
    if node is None or is_none(node):
        return []
    if not isinstance(node, ast.Dict):
        return None
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    return [str(key) for key in keys] if len(keys) == len(node.keys) else None


def first_text(node: ast.Call, call: str, example: str, *, where: str) -> str:
    first = node.args[0] if node.args else None
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        raise GraphError(
            f"{call}({ast.unparse(first) if first else ''}) does not name its target as text",
            where=where,
            fix=f"write the name itself: {example}",
        )
    return first.value


def literal(node: ast.expr, kind: type, name: str, *, where: str) -> Any:
    if isinstance(node, ast.Constant) and type(node.value) is kind:
        return node.value
    raise GraphError(
        f"{name}={ast.unparse(node)} is not a literal {kind.__name__}",
        where=where,
        fix="write the value itself, so that the graph can see it",
    )
