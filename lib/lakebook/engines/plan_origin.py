"""Which columns of a Polars frame are made of values that must stay hidden: read from its plan.

The plan is Polars' own, as its GPU engine reads it. A column counts as open only if the plan shows
that no hidden column enters its value; rows of unknown origin (a frame that was collected) are
hidden, and so is all of a plan with a node that is not known here. Which rows there are (a filter,
a join) says nothing of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Hides = Callable[[Sequence[str], Collection[str]], frozenset[str]]
"""Of the columns of some files, those that stay hidden."""

ORIGIN = "lakebook_hidden"
"""Attribute of the function behind a Polars source of ours: `() -> frozenset` of hidden columns."""

_VERSION = 16  # of the plan's nodes, that this module was written for; others are tried as well
CHILDREN = {
    "Agg": ("arguments",),
    "Alias": ("expr",),
    "BinaryExpr": ("left", "right"),
    "Cast": ("expr",),
    "Explode": ("expr",),
    "Filter": ("input", "by"),
    "Function": ("input",),
    "Gather": ("expr", "idx"),
    "Len": (),
    "Slice": ("input", "offset", "length"),
    "Sort": ("expr",),
    "SortBy": ("expr", "by"),
    "Ternary": ("predicate", "truthy", "falsy"),
    "Window": ("function", "partition_by", "order_by"),
}
SAME_NAMES = ("Cache", "Distinct", "Filter", "SimpleProjection", "Sink", "Slice", "Sort")
KEEPS_NAMES = ("explode", "rechunk", "row_index")  # of functions of a frame


def hidden_columns(frame: pl.LazyFrame, hides: Hides) -> frozenset[str]:
    """The columns of a frame that may hold hidden values; all of them if nobody can tell."""
    import polars as pl

    names = frame.collect_schema().names()
    try:
        return frozenset(names) & _Plan(frame._ldf.visit(), hides).hidden()  # type: ignore[attr-defined]
    except (UnknownPlan, NotImplementedError, AttributeError, TypeError, ValueError):
        return frozenset(names)
    except pl.exceptions.PolarsError:  # a plan that does not run shows no row either
        return frozenset(names)
    except pl.exceptions.PanicException:
        return frozenset(names)


class UnknownPlan(Exception):
    """The plan has something that is not known here."""


class _Plan:
    """Walks the nodes of a plan from the last to its sources."""

    def __init__(self, nodes: Any, hides: Hides) -> None:
        self.nodes, self.hides = nodes, hides
        self.done: dict[int, frozenset[str]] = {}

    def hidden(self) -> frozenset[str]:
        return self._of(self.nodes.get_node())

    def _of(self, number: int) -> frozenset[str]:
        if number not in self.done:
            self.nodes.set_node(number)
            node, names = self.nodes.view_current_node(), list(self.nodes.get_schema())
            inputs = list(self.nodes.get_inputs())
            self.done[number] = frozenset(names) & frozenset(self._node(node, names, inputs))
        return self.done[number]

    def _names(self, number: int) -> list[str]:
        self.nodes.set_node(number)
        return list(self.nodes.get_schema())

    def _node(self, node: Any, names: list[str], inputs: list[int]) -> Iterable[str]:
        kind = type(node).__name__
        if kind == "Scan":
            return self.hides(list(map(str, node.paths)), names)
        if kind == "PythonScan":
            return _of_source(node.options[0], names)
        if kind == "DataFrameScan":
            return () if node.df.height() == 0 else names
        if kind in SAME_NAMES:
            return self._of(inputs[0])
        if kind in ("Union", "HConcat", "MergeSorted"):
            return frozenset[str]().union(*map(self._of, inputs))
        if kind == "Select":
            return self._made(node.expr, self._of(inputs[0]))
        if kind == "HStack":
            below = self._of(inputs[0])
            kept = below - {one.output_name for one in node.exprs}
            return kept | self._made(node.exprs, below)
        if kind == "GroupBy":
            below = self._of(inputs[0])
            if node.apply:
                raise UnknownPlan(kind)
            made = [*node.keys, *node.aggs]
            # Windows over a column give it as well, and their bounds.
            beside = set(names) - {one.output_name for one in made}
            return self._made(made, below) | (beside if beside & below else frozenset())
        if kind == "Join":
            return self._joined(node, names, inputs)
        if kind == "MapFunction":
            return _mapped(node.function, names, self._of(inputs[0]), self._names(inputs[0]))
        raise UnknownPlan(kind)

    def _made(self, exprs: Iterable[Any], below: frozenset[str]) -> frozenset[str]:
        return frozenset(one.output_name for one in exprs if self._holds(one.node, below))

    def _holds(self, number: int, below: frozenset[str]) -> bool:
        """Whether any hidden column, or a series of unknown origin, enters an expression."""
        found = self.nodes.view_expression(number)
        kind = type(found).__name__
        if kind == "Column":
            return found.name in below
        if kind == "Literal":
            return hasattr(found.value, "dtype")  # a series that was computed before
        if kind not in CHILDREN:
            raise UnknownPlan(kind)
        return any(
            self._holds(child, below)
            for field in CHILDREN[kind]
            for child in numbers(getattr(found, field))
        )

    def _joined(self, node: Any, names: list[str], inputs: list[int]) -> frozenset[str]:
        left, right = self._of(inputs[0]), self._of(inputs[1])
        how, suffix = str(node.options[0]), str(node.options[3])
        if how in ("Semi", "Anti"):
            return left
        hidden = {n for n in names if n in left or n in right or n.removesuffix(suffix) in right}
        # A key that both sides fill has values of both.
        for one, other in zip(node.left_on, node.right_on, strict=True):
            if self._holds(one.node, left) or self._holds(other.node, right):
                hidden |= {one.output_name, other.output_name}
        return frozenset(hidden)


def numbers(value: Any) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else list(value)


def _of_source(function: Any, names: Sequence[str]) -> Iterable[str]:
    origin = getattr(getattr(function, "io_source", None), ORIGIN, None)
    return names if origin is None else origin()


def _mapped(
    function: Any, names: Sequence[str], below: frozenset[str], had: Sequence[str]
) -> Iterable[str]:
    """Columns after a function of a whole frame: a renaming, or one that keeps names."""
    kind = function[0]
    if kind == "rename":
        new = dict(zip(function[1], function[2], strict=True))
        return [new.get(name, name) for name in below]
    if kind in KEEPS_NAMES:
        return [name for name in names if name in below or name not in had]
    return names if below else ()
