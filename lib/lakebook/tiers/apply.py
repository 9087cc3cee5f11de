"""Does exactly what a plan says, dataset by dataset, then sweeps what changes of place leave.

An action is done only while its partition lies where the plan found it, with the same rows. A
crash loses at most a batch: the commits before it stand, what it left is swept, and the same plan
or a new one goes on from there.
"""

from __future__ import annotations

import uuid
from itertools import groupby

from ..errors import LakebookError
from ..names import Dataset
from ..settings import Settings
from .actions import TierPlan
from .applied import Applied, Left, left_of, operations_of
from .batches import in_batches
from .roots import claim_roots
from .settling import OnProgress, Settling
from .tidy import Tidied, tidy

__all__ = ["Applied", "apply_plan"]

BATCH_BYTES = 1 << 30
BATCH_COUNT = 100


def apply_plan(
    settings: Settings,
    plan: TierPlan,
    *,
    run: str = "",
    on_progress: OnProgress = lambda action: None,
    vacuum: bool = False,
) -> Applied:
    """Apply a plan, then sweep all datasets that it looked at.

    Parameters
    ----------
    run: the run's id, for the metadata of commits.
    vacuum: also delete the files that moves leave on the disk, as far as nobody may need them.

    An error in one dataset keeps none of the others back: it is in `failed`.
    """
    claim_roots(settings)
    run = run or f"tier-{plan.id}-{uuid.uuid4().hex[:6]}"
    job = Settling(settings, plan, run, on_progress)
    for (name, _), actions in groupby(plan.actions, key=lambda a: (a.dataset, a.kind)):
        by_name = {action.partition: action for action in actions}
        sizes = {p: action.size_bytes for p, action in by_name.items()}
        for batch in in_batches(sizes, most_bytes=BATCH_BYTES, most=BATCH_COUNT):
            job.apply(Dataset.parse(name), [by_name[p] for p in batch])
    tidied, problems = _tidy(settings, plan, run, vacuum)
    return Applied(
        plan,
        run,
        operations_of(job.done),
        left_of(job.skipped),
        left_of(job.failed) + problems,
        tidied,
    )


def _tidy(
    settings: Settings, plan: TierPlan, run: str, vacuum: bool
) -> tuple[Tidied, tuple[Left, ...]]:
    tidied = Tidied()
    problems: list[Left] = []
    for name in plan.datasets:
        try:
            one = tidy(settings, Dataset.parse(name), run=run, with_vacuum=vacuum)
            tidied = tidied.then(one)
        except LakebookError as failed:
            problems.append(Left("sweep", name, (), failed.sentence))
    return tidied, tuple(problems)
