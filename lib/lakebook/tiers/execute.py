"""Actions of one dataset and kind into the change of place that does them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.lookup import find_table
from ..delta.snapshot import Snapshot
from ..names import Dataset, tier_tables
from ..settings import Settings
from .actions import Action
from .policy import policy_of

Outcome = tuple[Sequence[str], Mapping[str, str]]
"""Partitions that are in their new place, and why others are not."""


@dataclass(frozen=True)
class Work:
    """What is known where actions are applied.

    noted: hot, when they were compared with the plan.
    on_progress: called with a partition when it is ready to be placed.
    """

    settings: Settings
    dataset: Dataset
    plan: str
    run: str
    noted: Snapshot
    on_progress: Callable[[str], None] = lambda partition: None


def execute(work: Work, actions: Sequence[Action]) -> Outcome:
    """Apply actions of one kind, each only while its fence in hot stands as noted."""
    return _EXECUTORS[actions[0].kind](work, actions)


def _move(work: Work, actions: Sequence[Action]) -> Outcome:
    from .move import move_to_warm

    contract = find_table(work.settings, work.dataset)
    tables = tier_tables(work.settings.roots, work.dataset)
    moved = move_to_warm(tables, contract, _names(actions), **_common(work, actions))
    return moved.moved, moved.skipped


def _archive(work: Work, actions: Sequence[Action]) -> Outcome:
    from .cold.archive import archive

    contract = find_table(work.settings, work.dataset)
    tables = tier_tables(work.settings.roots, work.dataset)
    level = work.settings.tiers.archive_level
    moved = archive(
        tables,
        contract,
        _names(actions),
        level=level,
        on_progress=lambda partition, size: work.on_progress(partition),
        **_common(work, actions),
    )
    return moved.moved, moved.skipped


def _fall_back(work: Work, actions: Sequence[Action]) -> Outcome:
    from .cold.fall_back import fall_back

    tables = tier_tables(work.settings.roots, work.dataset)
    moved = fall_back(
        tables,
        _names(actions),
        contract=find_table(work.settings, work.dataset),
        now=math.inf,  # whose time is over is what the plan says, and it noted the time
        **_common(work, actions),
    )
    return moved.moved, moved.skipped


def _delete(work: Work, actions: Sequence[Action]) -> Outcome:
    from .retention import delete

    policy = policy_of(work.settings, find_table(work.settings, work.dataset))
    deleted = delete(
        work.settings,
        work.dataset,
        _names(actions),
        noted=work.noted,
        run=work.run,
        policy=str(policy),
        reasons={action.partition: action.reason for action in actions},
    )
    return deleted.deleted, deleted.skipped


def _names(actions: Sequence[Action]) -> list[str]:
    return [action.partition for action in actions]


def _common(work: Work, actions: Sequence[Action]) -> dict[str, Any]:
    return {
        "run": work.run,
        "metadata": {"plan": work.plan},
        "fences": {p: work.noted.fence(p) for p in _names(actions)},
    }


_EXECUTORS: Mapping[str, Callable[[Work, Sequence[Action]], Outcome]] = {
    "move": _move,
    "archive": _archive,
    "fall_back": _fall_back,
    "delete": _delete,
}
