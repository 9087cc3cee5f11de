"""The actions of a plan while it is applied: each is done, skipped or failed in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..contract.lookup import find_table
from ..delta.log import open_snapshot
from ..delta.place import Place
from ..delta.snapshot import Snapshot
from ..errors import LakebookError
from ..names import Dataset, tier_tables
from ..settings import Settings
from .actions import Action, TierPlan
from .execute import Work, execute
from .placing import CHANGED
from .policy import Policy, policy_of

PATIENCE = 3
"""Errors in a row after which the rest of a batch is not tried any more."""

OnProgress = Callable[[Action], None]
"""Called once for each action, when its work is done: it is applied next, skipped or failed."""


@dataclass
class Settling:
    """What has become of the actions so far."""

    settings: Settings
    plan: TierPlan
    run: str
    on_progress: OnProgress
    done: list[Action] = field(default_factory=list)
    skipped: list[tuple[Action, str]] = field(default_factory=list)
    failed: list[tuple[Action, str]] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)  # by id() of the action, as is
    told: set[int] = field(default_factory=set)

    def apply(self, dataset: Dataset, batch: Sequence[Action]) -> None:
        """Apply actions of one dataset and kind; if some fail, then each by itself."""
        error = self._once(dataset, batch)
        failures = 0
        for action in self._unsettled(batch):
            if failures < PATIENCE and len(batch) > 1:
                error = self._once(dataset, [action])
            if error is None:
                failures = 0
                continue
            failures += 1
            if self._settle(action):
                self.failed.append((action, error.sentence))

    def _once(self, dataset: Dataset, batch: Sequence[Action]) -> LakebookError | None:
        """Apply what still stands of a batch, and settle it; an error leaves some unsettled."""
        hot = tier_tables(self.settings.roots, dataset).hot
        try:
            noted = open_snapshot(hot)
            policy = policy_of(self.settings, find_table(self.settings, dataset))
            standing = [a for a in batch if self._stands(noted, policy, a)]
            if standing:
                by_name = {a.partition: a for a in standing}
                work = Work(
                    self.settings,
                    dataset,
                    self.plan.id,
                    self.run,
                    noted,
                    lambda partition: self._tell(by_name[partition]),
                )
                moved, skipped = execute(work, standing)
                for action in standing:
                    if action.partition in moved:
                        self._do(action, noted)
                    else:
                        self._skip(action, skipped.get(action.partition, CHANGED))
        except LakebookError as failed:
            self._look_again(hot, batch)
            return failed
        return None

    def _look_again(self, hot: Path, batch: Sequence[Action]) -> None:
        """After an error part of a batch may be committed."""
        with suppress(LakebookError):
            now = open_snapshot(hot)
            for action in self._unsettled(batch):
                if _is_done(now, action):
                    self._do(action)

    def _unsettled(self, batch: Sequence[Action]) -> list[Action]:
        return [action for action in batch if id(action) not in self.settled]

    def _stands(self, noted: Snapshot, policy: Policy, action: Action) -> bool:
        p = action.partition
        place, rows, until = noted.place(p), noted.data(p) or 0, noted.expires(p) or 0
        if (place.value, rows, until) == (action.placement, action.data, action.expires):
            return self._is_wanted(policy, action)
        done = _is_done(noted, action)
        self._skip(action, f"it is in {place.tier} already" if done else CHANGED)
        return False

    def _is_wanted(self, policy: Policy, action: Action) -> bool:
        """Whether the policy in force, on the day of the plan, asks for what the plan says."""
        wanted = policy.tier_at(action.partition, self.plan.as_of)
        if wanted == action.target or (action.kind == "delete" and policy.legal_hold):
            return True  # of a hold the deletion itself speaks
        day = self.plan.as_of
        why = f"by the policy in force it would be {wanted} on {day}: make the plan anew"
        self._skip(action, why)
        return False

    def _do(self, action: Action, noted: Snapshot | None = None) -> None:
        if self._settle(action):
            self.done.append(action if noted is None else _as_found(noted, action))

    def _skip(self, action: Action, why: str) -> None:
        if self._settle(action):
            self.skipped.append((action, why))

    def _settle(self, action: Action) -> bool:
        """Whether this is news."""
        is_new = id(action) not in self.settled
        self.settled.add(id(action))
        self._tell(action)
        return is_new

    def _tell(self, action: Action) -> None:
        if id(action) not in self.told:
            self.told.add(id(action))
            self.on_progress(action)


def _as_found(noted: Snapshot, action: Action) -> Action:
    """With the files that lay in hot: the same rows may have been compacted since the plan."""
    if action.source != "hot":
        return action
    files = noted.files_in([action.partition])
    return replace(action, files=len(files), size_bytes=sum(file.size_bytes for file in files))


def _is_done(now: Snapshot, action: Action) -> bool:
    """Whether the partition's place is the very one that the action makes of the planned one."""
    return now.place(action.partition) == Place.of(action.placement).then(action.target)
