"""The values that a notebook's cell of parameters has, and which of those given are others."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .notebook import INTERVAL, assigned

_UNKNOWN = object()  # which JSON cannot keep, as any value that is left out


def defaults_of(trees: Sequence[ast.Module]) -> dict[str, Any]:
    """Name -> value of the parameters that are written out in the cells tagged `parameters`.

    Left out is what is set twice or computed, and what JSON would give back otherwise. Of several
    cells none counts: values are put behind the first, and the second may set them again.
    """
    if len(trees) != 1:
        return {}
    names = (node for node in ast.walk(trees[0]) if isinstance(node, ast.Name))
    set_times = Counter(node.id for node in names if not isinstance(node.ctx, ast.Load))
    found = {}
    for node in trees[0].body:
        for name in assigned(node):
            value = _literal(node)
            if name in INTERVAL or set_times[name] != 1 or not _is_kept(value):
                continue
            found[name] = value
    return found


def other_than_default(
    given: Mapping[str, Any] | None, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters given whose value, or its type, is not the one that the notebook has."""
    return {
        name: value
        for name, value in (given or {}).items()
        if name not in defaults or not _is_same(value, defaults[name])
    }


def _literal(node: ast.stmt) -> Any:
    value = getattr(node, "value", None)
    if not isinstance(value, ast.expr):
        return _UNKNOWN
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return _UNKNOWN


def _is_kept(value: Any) -> bool:
    try:
        return _is_same(json.loads(json.dumps(value, allow_nan=False)), value)
    except (TypeError, ValueError):
        return False


def _is_same(one: Any, other: Any) -> bool:
    if type(one) is not type(other) or one != other:
        return False
    try:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    except (TypeError, ValueError):
        return False
