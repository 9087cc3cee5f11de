"""Walk the edges of a dataset or column: up to its sources, or down to what is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import UserError, did_you_mean
from ..graph import Graph, StepNode
from ..names import Dataset
from ..settings import Settings
from .check import check
from .model import CheckReport

if TYPE_CHECKING:
    from rich.tree import Tree

Way = Literal["up", "down"]

_OF_ROWS = "from rows: no column's value enters it"


@dataclass(frozen=True)
class LineageNode:
    """A table, or one of its columns, with what is next in the direction of the walk.

    `is_copy`: the column's value passes unchanged from or to the node above it in the tree.
    `note`: why there are tables above a column and no columns. `is_repeat`: its children stand
    elsewhere.
    """

    dataset: str
    column: str | None
    children: tuple[LineageNode, ...] = ()
    is_copy: bool = False
    note: str = ""
    is_repeat: bool = False

    @property
    def name(self) -> str:
        if self.column is None:
            return self.dataset
        separator = "#" if "://" in self.dataset else "."
        return f"{self.dataset}{separator}{self.column}"


def lineage(
    settings: Settings, graph: Graph, target: str, direction: Way | str = "up"
) -> LineageNode:
    """The tree from `layer.name` or `layer.name.column`. Raises UserError for an unknown name."""
    if direction not in ("up", "down"):
        raise UserError(f"direction {direction!r} is unknown", fix="use up or down")
    dataset, column = _target(graph, target)
    steps = _reach(graph, graph.producer(dataset), direction)
    report = check(settings, graph, steps)
    walker = _Walker(report, direction)
    return walker.node(str(dataset), column, is_copy=False)


def _target(graph: Graph, text: str) -> tuple[Dataset, str | None]:
    layer, _, rest = text.partition(".")
    name, _, column = rest.partition(".")
    dataset = Dataset.parse(f"{layer}.{name}" if rest else text)
    contract = graph.producer(dataset).contract
    names = contract.table(dataset).names if contract and dataset in contract.datasets else ()
    if column and column not in names:
        raise UserError(
            f"{dataset} has no column {column!r}{did_you_mean(column, names)}",
            fix=f"its columns are {', '.join(names)}",
        )
    return dataset, column or None


def _reach(graph: Graph, step: StepNode, direction: str) -> Iterable[StepNode]:
    """The step and all that reads lead to in the direction (contract references do not)."""
    next_of: dict[Dataset, set[Dataset]] = {name: set() for name in graph.steps}
    for node in graph.steps.values():
        for read in node.reads:
            above = graph.producer(read.dataset).name
            here, there = (node.name, above) if direction == "up" else (above, node.name)
            next_of[here].add(there)
    seen, todo = {step.name}, [step.name]
    while todo:
        for name in next_of[todo.pop()] - seen:
            seen.add(name)
            todo.append(name)
    return [graph.steps[name] for name in seen]


class _Walker:
    """Builds the tree; a node's children are spelled out where it is met first."""

    def __init__(self, report: CheckReport, direction: str) -> None:
        self._up = direction == "up"
        self._opaque = report.opaque
        self._seen: set[tuple[str, str | None]] = set()
        self._columns: dict[tuple[str, str], list[tuple[str, str, bool]]] = {}
        self._tables: dict[str, list[str]] = {}
        for edge in report.columns:
            ends = (edge.target, edge.target_column), (edge.source, edge.source_column)
            here, there = ends if self._up else ends[::-1]
            self._columns.setdefault(here, []).append((*there, edge.is_copy))
        for source, target in report.tables:
            near, far = (target, source) if self._up else (source, target)
            self._tables.setdefault(near, []).append(far)

    def node(self, dataset: str, column: str | None, *, is_copy: bool) -> LineageNode:
        key = (dataset, column)
        children = self._next(dataset, column)
        if key in self._seen and children:
            return LineageNode(dataset, column, is_copy=is_copy, is_repeat=True)
        self._seen.add(key)
        note = ""
        if column is not None and self._up and dataset in self._opaque:
            note = f"not followed by column: {self._opaque[dataset]}"
        elif column is not None and self._is_of_rows(dataset, column) and children:
            note = _OF_ROWS
        below = tuple(
            self.node(name, inner, is_copy=copied)
            for name, inner, copied in sorted(
                children, key=lambda child: (child[0], child[1] or "")
            )
        )
        return LineageNode(dataset, column, below, is_copy, note)

    def _is_of_rows(self, dataset: str, column: str) -> bool:
        """Whether no column's value enters this one: a count, a constant, where rows came from."""
        return self._up and (dataset, column) not in self._columns

    def _next(self, dataset: str, column: str | None) -> list[tuple[str, str | None, bool]]:
        if column is None:
            return [(name, None, False) for name in self._tables.get(dataset, ())]
        if self._up and (dataset in self._opaque or self._is_of_rows(dataset, column)):
            return [(name, None, False) for name in self._tables.get(dataset, ())]
        found: list[tuple[str, str | None, bool]] = [*self._columns.get((dataset, column), ())]
        if not self._up:  # whoever could not be followed may use any column
            found += [
                (name, None, False)
                for name in self._tables.get(dataset, ())
                if name in self._opaque
            ]
        return found


def render_tree(node: LineageNode) -> Tree:
    """The tree for a terminal."""
    from rich.markup import escape
    from rich.tree import Tree

    tree = Tree(_line(node, escape))
    _grow(tree, node, escape)
    return tree


def _grow(tree: Any, node: LineageNode, escape: Any) -> None:
    for child in node.children:
        _grow(tree.add(_line(child, escape)), child, escape)


def _line(node: LineageNode, escape: Any) -> str:
    text = escape(node.name)
    if node.is_copy:
        text += " [dim]unchanged[/]"
    if node.is_repeat:
        text += " [dim](as above)[/]"
    return f"{text} [yellow]{escape(node.note)}[/]" if node.note else text


def to_json(node: LineageNode) -> Mapping[str, Any]:
    """The tree as plain values."""
    return {
        "dataset": node.dataset,
        "column": node.column,
        "is_copy": node.is_copy,
        "is_repeat": node.is_repeat,
        "note": node.note,
        "children": [to_json(child) for child in node.children],
    }
