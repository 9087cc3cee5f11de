"""Steps and their edges as values. How they are found stands in `load`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from ..errors import GraphError, UserError, did_you_mean
from ..names import Dataset
from ..step.dbt_selection import Nodes
from .edges import above_of, producers_of
from .step_node import StepNode


@dataclass(frozen=True)
class Graph:
    """All steps of a checkout; consistent: every read has one producer, and there is no cycle."""

    steps: Mapping[Dataset, StepNode]
    _above: Mapping[Dataset, frozenset[Dataset]] = field(default_factory=dict)
    dbt: Nodes = field(default_factory=lambda: Nodes({}))

    @classmethod
    def of(cls, steps: Iterable[StepNode], dbt: Nodes | None = None) -> Graph:
        """Connect steps. `dbt`: the project's nodes, where steps build some of them.

        Raises GraphError for two writers, an unknown name or a cycle.
        """
        nodes = {node.name: node for node in steps}
        producers = producers_of(nodes.values())
        above = {node.name: frozenset(above_of(node, producers)) for node in nodes.values()}
        try:
            tuple(TopologicalSorter(above).static_order())
        except CycleError as found:
            circle = " -> ".join(str(name) for name in found.args[1])
            raise GraphError(
                f"steps read or refer to each other in a circle: {circle}",
                fix="take one of these reads or relationships out, or split a step in two",
            ) from None
        return cls(nodes, above, dbt or Nodes({}))

    @cached_property
    def _made_by(self) -> Mapping[Dataset, StepNode]:
        return producers_of(self.steps.values())

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple(sorted(self._made_by))

    def producer(self, dataset: Dataset) -> StepNode:
        """The step that writes a dataset (or has its name). Raises UserError."""
        if dataset in self._made_by:
            return self._made_by[dataset]
        if dataset in self.steps:
            return self.steps[dataset]
        known = [str(name) for name in (*self._made_by, *self.steps)]
        raise UserError(
            f"there is no dataset {dataset}{did_you_mean(str(dataset), known)}",
            fix="lakebook graph shows what there is",
        )

    def upstream(self, step: Dataset) -> frozenset[Dataset]:
        """Steps directly above, by reads and by the references that contracts check."""
        return self._above[step]

    @cached_property
    def _below(self) -> Mapping[Dataset, frozenset[Dataset]]:
        return {
            name: frozenset(low for low, above in self._above.items() if name in above)
            for name in self.steps
        }

    def downstream(self, step: Dataset) -> frozenset[Dataset]:
        return self._below[step]

    def order(self) -> tuple[StepNode, ...]:
        """Each step after all that it reads; by layer and name where that leaves a choice."""
        sorter = TopologicalSorter(self._above)
        sorter.prepare()
        ordered: list[StepNode] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            ordered.extend(self.steps[name] for name in ready)
            sorter.done(*ready)
        return tuple(ordered)
