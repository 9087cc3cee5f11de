"""What became of a plan: operations, what others came before, what an error kept back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .actions import Action, TierPlan, spans
from .operation import Operation
from .tidy import Tidied


@dataclass(frozen=True)
class Left:
    """Partitions that were not brought where the plan wanted them, and why."""

    kind: str
    dataset: str
    partitions: tuple[str, ...]
    why: str

    @property
    def sentence(self) -> str:
        names = f" {spans(self.partitions)}" if self.partitions else ""
        return f"{self.dataset}{names}: {self.why}"

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "partitions": list(self.partitions)}


@dataclass(frozen=True)
class Applied:
    """skipped: others came first, so that the plan does not hold there. failed: by an error."""

    plan: TierPlan
    run: str
    operations: tuple[Operation, ...] = ()
    skipped: tuple[Left, ...] = ()
    failed: tuple[Left, ...] = ()
    tidied: Tidied = field(default_factory=Tidied)

    @property
    def partitions(self) -> int:
        return sum(len(operation.partitions) for operation in self.operations)

    @property
    def size_bytes(self) -> int:
        return sum(operation.size_bytes or 0 for operation in self.operations)

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan.id,
            "run": self.run,
            "operations": [operation.to_json() for operation in self.operations],
            "skipped": [left.to_json() for left in self.skipped],
            "failed": [left.to_json() for left in self.failed],
            "tidied": self.tidied.to_json(),
        }


def operations_of(actions: Iterable[Action]) -> tuple[Operation, ...]:
    """One for each dataset, kind and reason, in the order in which they were begun."""
    groups: dict[tuple[str, ...], list[Action]] = {}
    for a in actions:
        groups.setdefault((a.dataset, a.kind, a.source, a.target, a.because), []).append(a)
    return tuple(map(_operation, groups.values()))


def _operation(actions: list[Action]) -> Operation:
    """Of actions that are alike but for their partition."""
    first = actions[0]
    ended = sorted({action.ended for action in actions if action.ended})
    return Operation(
        kind=first.kind,
        dataset=first.dataset,
        partitions=tuple(action.partition for action in actions),
        source=first.source,
        target=first.target,
        files=sum(action.files for action in actions),
        rows=sum(action.rows for action in actions),
        size_bytes=sum(action.size_bytes for action in actions),
        reason=f"{first.reason} … {ended[-1]}" if len(ended) > 1 else first.reason,
    )


def left_of(left: Iterable[tuple[Action, str]]) -> tuple[Left, ...]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for action, why in left:
        groups.setdefault((action.kind, action.dataset, why), []).append(action.partition)
    return tuple(
        Left(kind, dataset, tuple(names), why) for (kind, dataset, why), names in groups.items()
    )
