"""What the checkout says of its datasets today: graph, contracts, remembered lineage, tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..contract.model import TableContract
from ..errors import LakebookError
from ..graph import Graph, StepNode, load_graph
from ..lineage import CheckReport, check
from ..names import Dataset
from ..settings import Settings

HIDDEN = ("confidential", "restricted")
"""Classifications whose values no page shows."""


@dataclass(frozen=True)
class Catalog:
    """`problem`: why there is no graph (a notebook or contract is broken); the runs still show."""

    settings: Settings
    graph: Graph | None = None
    lineage: CheckReport = field(default_factory=lambda: CheckReport((), 0.0))
    tables: Mapping[str, TableContract] = field(default_factory=dict)
    problem: str = ""

    def step(self, name: str) -> StepNode | None:
        return self.graph.steps.get(_parsed(name)) if self.graph else None

    def producer(self, dataset: str) -> str:
        """The step that writes a dataset."""
        if self.graph and dataset in self.tables:
            return str(self.graph.producer(Dataset.parse(dataset)).name)
        return dataset

    def owner(self, step: str) -> str:
        node = self.step(step)
        return node.contract.owner if node and node.contract else ""

    def tags(self, step: str) -> list[str]:
        node = self.step(step)
        return sorted(node.tags) if node else []

    def hides(self, dataset: str, column: str | None) -> bool:
        """Whether values of a column must not be shown; what no contract knows is hidden."""
        if column is None:
            return False
        table = self.tables.get(dataset)
        if table is None or column not in table.names:
            return True
        return table.column(column).classification in HIDDEN

    def above(self, step: str) -> list[str]:
        node = self.step(step)
        return sorted(str(n) for n in self.graph.upstream(node.name)) if self.graph and node else []

    def below(self, step: str) -> list[str]:
        node = self.step(step)
        if not self.graph or not node:
            return []
        return sorted(str(n) for n in self.graph.downstream(node.name))


def load_catalog(settings: Settings, *, compile_lineage: bool = False) -> Catalog:
    """Read the checkout. Column lineage is what a check remembered; compiled only if asked."""
    try:
        graph = load_graph(settings).whole()
        lineage = check(settings, graph, cached_only=not compile_lineage)
    except LakebookError as broken:
        return Catalog(settings, problem=broken.sentence)
    tables = {
        str(table.dataset): table
        for node in graph.steps.values()
        if node.contract
        for table in node.contract.tables
    }
    return Catalog(settings, graph, lineage, tables)


def _parsed(name: str) -> Dataset:
    layer, _, rest = name.partition(".")
    return Dataset(layer, rest)
