"""Partitions that a plan leaves as they are, because retention deleted what they are made of.

Made anew they would be empty, or lack what a read looked back for. What retention itself deleted
is not made anew either, unless somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..graph import StepNode
from ..graph.step_node import Read
from ..intervals import NULL, WHOLE, partition_interval
from ..names import Dataset
from ..step.view import DatasetView


@dataclass(frozen=True)
class Retained:
    """What a step reads by interval of which retention has deleted partitions."""

    inputs: tuple[tuple[Read, DatasetView, frozenset[str]], ...]

    @classmethod
    def of(cls, node: StepNode, view: Callable[[Dataset], DatasetView]) -> Retained:
        found = []
        for read in node.reads:
            if read.whole:
                continue  # it takes what there is
            seen = view(read.dataset)
            gone = deleted_partitions(seen)
            if gone and seen.contract.time is not None:
                found.append((read, seen, gone))
        return cls(tuple(found))

    def why(self, partition: str) -> str | None:
        """Why a partition of the step's output is kept; None: it is not."""
        if partition in (WHOLE, NULL):
            return None
        for read, view, gone in self.inputs:
            assert view.contract.time is not None
            around = partition_interval(partition).expand(read.before_days, read.after_days)
            if not gone.isdisjoint(around.partitions(view.contract.time.unit)):
                return f"its input was deleted by retention ({read.dataset})"
        return None


def deleted_partitions(view: DatasetView) -> frozenset[str]:
    """The partitions of a dataset that retention has deleted, as an environment sees it."""
    return frozenset(p for p in view.partitions if view.holder(p).place(p).tier == "deleted")
