"""Steps and their edges as values. How they are found stands in `load`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ..contract.model import Contract, Relationship, TableContract
from ..errors import GraphError, UserError, did_you_mean
from ..names import Dataset
from ..step.dbt_selection import Nodes


@dataclass(frozen=True)
class Read:
    """One read of a dataset by a step; `cell` counts from 1 in the notebook (0: a dbt model)."""

    dataset: Dataset
    before_days: int = 0
    after_days: int = 0
    whole: bool = False
    refresh: str = "always"
    cell: int = 0


@dataclass(frozen=True)
class Call:
    """A call and what about it is not known. `paths`: of a file or files that it reads, where they
    are written out; it is tracked if all of them are there."""

    line: int
    text: str
    what: str
    paths: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Call:
        return cls(raw["line"], raw["text"], raw["what"], tuple(raw["paths"]))


@dataclass(frozen=True)
class StepNode:
    """One notebook with its contract. `models` are the dbt models that it builds, `narrow` those of
    them of which nothing is said on the rows around their interval.

    `texts` are those in its code that may be paths of files (see `files`).
    `parameters` are the names in its cell of parameters, without the interval; `defaults` the
    values that stand there, of those that are written out. `untracked`: what its code asks that no
    fingerprint has, a cell's number and a call each. `uses_clock`: its
    result depends on the interval that is run, by `step.now` or `step.seed`. `uses_sql`: a part of
    it is computed by `step.sql`. `engine`: one of its own; empty: the profile's.
    """

    name: Dataset
    notebook: Path
    contract: Contract | None
    reads: tuple[Read, ...] = ()
    sources: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    untracked: tuple[tuple[int, Call], ...] = ()
    uses_clock: bool = False
    uses_sql: bool = False
    engine: str = ""
    code_hash: str = ""
    models_hash: str = ""
    tests_hash: str = ""

    @property
    def outputs(self) -> tuple[Dataset, ...]:
        return self.contract.datasets if self.contract else ()

    @property
    def tags(self) -> frozenset[str]:
        if self.contract is None:
            return frozenset()
        tables = {tag for table in self.contract.tables for tag in table.tags}
        return frozenset(self.contract.tags) | tables


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
        producers = _producers(nodes.values())
        above = {node.name: frozenset(_above(node, producers)) for node in nodes.values()}
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
        return _producers(self.steps.values())

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


def _producers(steps: Iterable[StepNode]) -> dict[Dataset, StepNode]:
    made: dict[Dataset, StepNode] = {}
    for node in steps:
        for dataset in node.outputs:
            if dataset in made:
                raise GraphError(
                    f"two steps write {dataset}: {made[dataset].name} and {node.name}",
                    where=_place(node),
                    fix="let one of them write a dataset of its own",
                )
            made[dataset] = node
    return made


def _above(node: StepNode, producers: Mapping[Dataset, StepNode]) -> Iterable[Dataset]:
    known = [str(name) for name in producers]
    for read in node.reads:
        if read.dataset not in producers:
            raise GraphError(
                f"{node.name} reads {read.dataset}, which no step writes"
                f"{did_you_mean(str(read.dataset), known)}",
                where=f"{_place(node)}, cell {read.cell}" if read.cell else _place(node),
                fix=f"correct the name, or make the step: lakebook new {read.dataset}",
            )
        yield producers[read.dataset].name
    if node.contract is None:
        return
    for table in node.contract.tables:
        for relation in table.relationships:
            if relation.to_dataset not in producers:
                raise GraphError(
                    f"{table.dataset} refers to {relation.to_dataset}, which no step writes"
                    f"{did_you_mean(str(relation.to_dataset), known)}",
                    where=f"{'/'.join(table.path.parts[-3:])}:{relation.line}",
                    fix="correct the relationship's target",
                )
            _check_reference(table, relation, producers[relation.to_dataset])
            if producers[relation.to_dataset].name != node.name:
                yield producers[relation.to_dataset].name


def _check_reference(table: TableContract, relation: Relationship, other: StepNode) -> None:
    """The columns that a relationship refers to exist and have the same types."""
    if other.contract is None:
        return
    target = other.contract.table(relation.to_dataset)
    where = f"{'/'.join(table.path.parts[-3:])}:{relation.line}"
    for column, to_column in zip(relation.columns, relation.to_columns, strict=True):
        if to_column not in target.names:
            raise GraphError(
                f"{table.dataset}.{column} refers to {relation.to_dataset}."
                f"{to_column}, which is no column"
                f"{did_you_mean(to_column, target.names)}",
                where=where,
                fix="correct the relationship's target",
            )
        mine, theirs = table.column(column).type, target.column(to_column).type
        if mine != theirs:
            raise GraphError(
                f"{table.dataset}.{column} is {mine} and refers to {relation.to_dataset}."
                f"{to_column}, which is {theirs}",
                where=where,
                fix="give both the same type",
            )


def _place(node: StepNode) -> str:
    return "/".join(node.notebook.parts[-3:])
