"""What a column of a Polars frame is computed by: two columns with the same formula have the same
values, row by row of what they are computed from.

A formula goes down to the columns of files, so that a cast or a sum counts wherever in the plan it
stands. Which rows there are (a filter, a join, a sort) is no part of it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from .plan_origin import CHILDREN, KEEPS_NAMES, SAME_NAMES, UnknownPlan, numbers

if TYPE_CHECKING:
    import polars as pl

IN_MEMORY = "a frame in memory"
"""The source of rows that were collected: whatever they come from."""

_FROM_LEFT = ("Inner", "Left", "Semi", "Anti", "Cross")
"""Joins that give a column of their left side as it is there."""


class Formula(NamedTuple):
    """How a column is computed. `sources`: the files, or functions, that its rows come from."""

    digest: str
    sources: frozenset[str]


def formulas(frame: pl.LazyFrame, column: str) -> frozenset[Formula]:
    """The formulas of a column: one, or one for each frame of those put below one another.

    Empty if nobody can tell: after a collect, a function of Python, a node that is not known here.
    """
    import polars as pl

    try:
        nodes = frame._ldf.visit()  # type: ignore[attr-defined]
        return _Formulas(nodes).of(nodes.get_node(), column)
    except (UnknownPlan, NotImplementedError, AttributeError, TypeError, ValueError):
        return frozenset()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return frozenset()


class _Formulas:
    def __init__(self, nodes: Any) -> None:
        self.nodes = nodes
        self.done: dict[tuple[int, str], frozenset[Formula]] = {}

    def of(self, number: int, name: str) -> frozenset[Formula]:
        key = number, name
        if key not in self.done:
            self.nodes.set_node(number)
            node, inputs = self.nodes.view_current_node(), list(self.nodes.get_inputs())
            self.done[key] = self._node(node, name, inputs)
        return self.done[key]

    def _node(self, node: Any, name: str, inputs: list[int]) -> frozenset[Formula]:
        kind = type(node).__name__
        if kind in ("Scan", "PythonScan"):
            leaf = _of_leaf(node)
            return frozenset({Formula(_short(*sorted(leaf), name), leaf)})
        if kind in SAME_NAMES:
            return self.of(inputs[0], name)
        if kind in ("Union", "MergeSorted"):
            return frozenset[Formula]().union(*(self.of(one, name) for one in inputs))
        if kind in ("Select", "HStack"):
            made = node.expr if kind == "Select" else node.exprs
            for one in made:
                if one.output_name == name:
                    return self._value(one.node, inputs[0])
            return self.of(inputs[0], name)
        if kind == "GroupBy":
            for one in node.keys:
                if one.output_name == name:
                    return self._value(one.node, inputs[0])
        elif kind == "Join":
            return self._joined(node, name, inputs)
        elif kind == "MapFunction":
            return self._mapped(node.function, name, inputs[0])
        raise UnknownPlan(kind)

    def _value(self, number: int, below: int) -> frozenset[Formula]:
        found = self.nodes.view_expression(number)
        kind = type(found).__name__
        if kind == "Alias":
            return self._value(found.expr, below)
        if kind == "Column":
            return self.of(below, found.name)
        return frozenset({Formula(self._digest(number, below), self._sources(below))})

    def _digest(self, number: int, below: int) -> str:
        """Of an expression; its columns stand in it by their own formulas."""
        found = self.nodes.view_expression(number)
        kind = type(found).__name__
        if kind == "Column":
            made_by = self.of(below, found.name)
            if len(made_by) != 1:
                raise UnknownPlan("a column of several frames")
            return next(iter(made_by)).digest
        if kind == "Literal":
            if hasattr(found.value, "dtype"):
                raise UnknownPlan("a series that was computed before")
            return _short("value", found.dtype, found.value)
        if kind not in CHILDREN:
            raise UnknownPlan(kind)
        parts: list[Any] = [kind]
        for field in sorted(name for name in dir(found) if not name.startswith("__")):
            value = getattr(found, field)
            if field not in CHILDREN[kind]:
                parts.append(f"{field}={value}")
                continue
            for child in numbers(value):
                parts.append(self._digest(child, below))
        return _short(*parts)

    def _joined(self, node: Any, name: str, inputs: list[int]) -> frozenset[Formula]:
        how, suffix = str(node.options[0]), str(node.options[3])
        if how not in _FROM_LEFT:
            raise UnknownPlan(how)
        left, right = (self._names(number) for number in inputs[:2])
        if name in left:
            found = self.of(inputs[0], name)
        else:
            found = self.of(inputs[1], name if name in right else name.removesuffix(suffix))
        both = self._sources(inputs[0]) | self._sources(inputs[1])
        return frozenset(Formula(one.digest, both) for one in found)

    def _sources(self, number: int) -> frozenset[str]:
        """What the rows of a node come from."""
        self.nodes.set_node(number)
        node, inputs = self.nodes.view_current_node(), list(self.nodes.get_inputs())
        below = frozenset[str]().union(*(self._sources(one) for one in inputs))
        return below if inputs else _of_leaf(node)

    def _names(self, number: int) -> list[str]:
        self.nodes.set_node(number)
        return list(self.nodes.get_schema())

    def _mapped(self, function: Any, name: str, below: int) -> frozenset[Formula]:
        kind = function[0]
        if kind == "rename":
            old = dict(zip(function[2], function[1], strict=True))
            return self.of(below, old.get(name, name))
        if kind in KEEPS_NAMES and name in self._names(below):
            return self.of(below, name)
        raise UnknownPlan(kind)


def _of_leaf(node: Any) -> frozenset[str]:
    kind = type(node).__name__
    if kind == "Scan":
        return frozenset(map(str, node.paths))
    if kind == "PythonScan":
        return frozenset({f"function {id(node.options[0])}"})
    if kind == "DataFrameScan":
        return frozenset({IN_MEMORY})
    raise UnknownPlan(kind)


def _short(*parts: Any) -> str:
    """A formula as its digest: written out, a plan of a few lines may be as long as a book."""
    text = "\n".join(f"{len(str(part))}:{part}" for part in parts)
    return sha256(text.encode()).hexdigest()
