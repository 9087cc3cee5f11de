"""Datasets that have the same key columns as another one, and where they stand in the graph."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract.model import TableContract
from ..graph import Graph
from ..graph.reach import reach
from ..names import Dataset


@dataclass(frozen=True)
class Related:
    """`direction`: upstream, downstream, or empty for one that is neither."""

    dataset: Dataset
    direction: str


def related(graph: Graph, dataset: Dataset, columns: tuple[str, ...]) -> tuple[Related, ...]:
    """Every other dataset with these columns; those below in the order in which they are made."""
    step = graph.producer(dataset).name
    above = reach({step}, graph.upstream) - {step}
    below = reach({step}, graph.downstream) - {step}
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
    names = reach({step}, graph.upstream)
    found = [uri for node in graph.order() if node.name in names for uri in node.sources]
    return tuple(dict.fromkeys(found))


def _has(table: TableContract, columns: tuple[str, ...]) -> bool:
    return set(columns) <= set(table.names)
