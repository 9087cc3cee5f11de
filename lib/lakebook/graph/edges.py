"""Which step makes what a step reads, and what its contract refers to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..contract.model import Relationship, TableContract
from ..errors import GraphError, did_you_mean
from ..names import Dataset
from .step_node import StepNode


def producers_of(steps: Iterable[StepNode]) -> dict[Dataset, StepNode]:
    """The step that writes each dataset; the last, where several do."""
    return {dataset: node for node in steps for dataset in node.outputs}


def doubles(steps: Iterable[StepNode]) -> dict[Dataset, GraphError]:
    """The steps that write what another one writes, which of them is wrong nobody knows."""
    made: dict[Dataset, StepNode] = {}
    found: dict[Dataset, GraphError] = {}
    for node in steps:
        for dataset in node.outputs:
            first = made.setdefault(dataset, node)
            if first is not node:
                problem = GraphError(
                    f"two steps write {dataset}: {first.name} and {node.name}",
                    where=_place(node),
                    fix="let one of them write a dataset of its own",
                )
                found |= {first.name: problem, node.name: problem}
    return found


def above_of(
    node: StepNode, makers: Mapping[Dataset, Dataset], producers: Mapping[Dataset, StepNode]
) -> Iterable[Dataset]:
    """The steps directly above. Raises GraphError for a dataset that none writes.

    `makers`: which step writes a dataset, or may, if it cannot be read. `producers`: those that can
    be read.
    """
    known = [str(name) for name in makers]
    for read in node.reads:
        if read.dataset not in makers:
            raise GraphError(
                f"{node.name} reads {read.dataset}, which no step writes"
                f"{did_you_mean(str(read.dataset), known)}",
                where=f"{_place(node)}, cell {read.cell}" if read.cell else _place(node),
                fix=f"correct the name, or make the step: lakebook new {read.dataset}",
            )
        yield makers[read.dataset]
    for table in node.contract.tables if node.contract else ():
        for relation in table.relationships:
            if relation.to_dataset not in makers:
                raise GraphError(
                    f"{table.dataset} refers to {relation.to_dataset}, which no step writes"
                    f"{did_you_mean(str(relation.to_dataset), known)}",
                    where=f"{'/'.join(table.path.parts[-3:])}:{relation.line}",
                    fix="correct the relationship's target",
                )
            if relation.to_dataset in producers:
                _check_reference(table, relation, producers[relation.to_dataset])
            if makers[relation.to_dataset] != node.name:
                yield makers[relation.to_dataset]


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
