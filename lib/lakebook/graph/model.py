"""Steps and their edges as values. How they are found stands in `load`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter

from ..errors import UserError, did_you_mean
from ..names import LAYERS, Dataset
from ..step.dbt_selection import Nodes
from .connect import Broken, Held, connect
from .edges import producers_of
from .step_node import StepNode


@dataclass(frozen=True)
class Graph:
    """The steps of a checkout that can be run: every read has one producer, and there is no cycle.

    Beside them, `broken`: those that cannot be read or connected; `held`: those that hang on them.
    """

    steps: Mapping[Dataset, StepNode]
    _above: Mapping[Dataset, frozenset[Dataset]] = field(default_factory=dict)
    dbt: Nodes = field(default_factory=lambda: Nodes({}))
    broken: Mapping[Dataset, Broken] = field(default_factory=dict)
    held: Mapping[Dataset, Held] = field(default_factory=dict)

    @classmethod
    def of(
        cls, steps: Iterable[StepNode], dbt: Nodes | None = None, broken: Iterable[Broken] = ()
    ) -> Graph:
        """Connect steps. `dbt`: the project's nodes, where steps build some of them. `broken`: what
        could not be read; two writers, an unknown name and a cycle make more of them."""
        found = connect(steps, broken)
        return cls(found.steps, found.above, dbt or Nodes({}), found.broken, found.held)

    def whole(self) -> Graph:
        """This graph, if all of it can be run; raises the first problem of a broken step."""
        for name in self.names:
            if name in self.broken:
                raise self.broken[name].problem
        return self

    @cached_property
    def nodes(self) -> Mapping[Dataset, StepNode]:
        """The steps that are right, also those that hang on broken ones."""
        return {**self.steps, **{name: one.node for name, one in self.held.items()}}

    @cached_property
    def _made_by(self) -> Mapping[Dataset, StepNode]:
        return producers_of(self.nodes.values())

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple(sorted(self._made_by))

    def maker(self, dataset: Dataset) -> Dataset:
        """The name of the step that writes a dataset (or has its name), broken ones too.

        Raises UserError.
        """
        if dataset in self._made_by:
            return self._made_by[dataset].name
        if dataset in self.nodes or dataset in self.broken:
            return dataset
        for one in self.broken.values():
            if dataset in one.outputs:
                return one.name
        known = [str(name) for name in (*self._made_by, *self.nodes, *self.broken)]
        raise UserError(
            f"there is no dataset {dataset}{did_you_mean(str(dataset), known)}",
            fix="lakebook graph shows what there is",
        )

    def producer(self, dataset: Dataset) -> StepNode:
        """The step that writes a dataset (or has its name). Raises UserError: that there is none,
        or the problem of one that is broken, or that it hangs on such a one."""
        name = self.maker(dataset)
        if name in self.broken:
            raise self.broken[name].problem
        if name in self.held:
            raise self.held[name].problem
        return self.steps[name]

    def upstream(self, step: Dataset) -> frozenset[Dataset]:
        """Steps directly above, by reads and by the references that contracts check."""
        return self._above.get(step, frozenset())

    @cached_property
    def _below(self) -> Mapping[Dataset, frozenset[Dataset]]:
        return {
            name: frozenset(low for low, above in self._above.items() if name in above)
            for name in (*self.nodes, *self.broken)
        }

    def downstream(self, step: Dataset) -> frozenset[Dataset]:
        return self._below[step]

    def order(self) -> tuple[StepNode, ...]:
        """Each step after all that it reads; by layer and name where that leaves a choice."""
        return tuple(self.steps[name] for name in self.names if name in self.steps)

    @cached_property
    def names(self) -> tuple[Dataset, ...]:
        """Of all steps, in that order. What a broken one reads is not known: the layers below."""
        known = (*self.steps, *self.broken)
        guessed = {
            name: [other for other in known if _floor(other) < _floor(name)] for name in self.broken
        }
        sorter = TopologicalSorter({**guessed, **self._above})
        sorter.prepare()
        ordered: list[Dataset] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            ordered.extend(ready)
            sorter.done(*ready)
        return tuple(ordered)


def _floor(name: Dataset) -> int:
    return LAYERS.index(name.layer)
