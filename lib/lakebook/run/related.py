"""Datasets that have the same key columns as another one, and where they stand in the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..contract.model import TableContract
from ..graph import Graph
from ..names import Dataset


@dataclass(frozen=True)
class Related:
    """`direction`: upstream, downstream, or empty for one that is neither."""

    dataset: Dataset
    direction: str


def related(graph: Graph, dataset: Dataset, columns: tuple[str, ...]) -> tuple[Related, ...]:
    """Every other dataset with these columns; those below in the order in which they are made."""
    step = graph.producer(dataset).name
    above = _reached(step, graph.upstream)
    below = _reached(step, graph.downstream)
    found = []
    for node in graph.order():
        for table in node.contract.tables if node.contract else ():
            if table.dataset != dataset and _has(table, columns):
                near = "upstream" if node.name in above else ""
                near = "downstream" if node.name in below else near
                found.append(Related(table.dataset, near))
    return tuple(found)


def sources_of(graph: Graph, dataset: Dataset) -> tuple[str, ...]:
    """The sources outside the lake that a dataset is made from, directly or by others."""
    step = graph.producer(dataset).name
    names = {step, *_reached(step, graph.upstream)}
    found = [uri for node in graph.order() if node.name in names for uri in node.sources]
    return tuple(dict.fromkeys(found))


def _has(table: TableContract, columns: tuple[str, ...]) -> bool:
    return set(columns) <= set(table.names)


def _reached(step: Dataset, near: Callable[[Dataset], frozenset[Dataset]]) -> set[Dataset]:
    found: set[Dataset] = set()
    todo = [step]
    while todo:
        for name in near(todo.pop()) - found:
            found.add(name)
            todo.append(name)
    return found
