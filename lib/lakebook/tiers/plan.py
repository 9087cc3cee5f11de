"""What would move where on a day, and why: policies against places. Two logs are read, no data.

Plans only age. What lies colder than its policy asks stays there until somebody brings it back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

from ..contract.model import TableContract
from ..settings import Settings
from .actions import Action, Group, Note, TierPlan, grouped
from .aging import Aging
from .planfile import plan_to_json, read_plan, with_id, write_plan
from .policy import policy_of

__all__ = [
    "Action",
    "Group",
    "Note",
    "TierPlan",
    "grouped",
    "plan_tiers",
    "plan_to_json",
    "read_plan",
    "write_plan",
]


def plan_tiers(
    settings: Settings,
    tables: Sequence[TableContract],
    as_of: date | None = None,
    *,
    now: float | None = None,
) -> TierPlan:
    """Compare where the partitions of prod lie with where their policies want them on a day.

    Parameters
    ----------
    tables: datasets that were never written are left out.
    as_of: the day that ages are counted to; default: today (UTC).
    now: seconds since 1970, for the time of restored copies; default: the clock, or the beginning
        of `as_of`, whichever is later.

    Raises ContractError for a policy that contradicts itself.
    """
    moment = time.time() if now is None else now
    day = as_of or datetime.fromtimestamp(moment, UTC).date()
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    moment = max(moment, begins)
    seen: list[str] = []
    actions: list[Action] = []
    notes: list[Note] = []
    for contract in sorted(tables, key=lambda table: table.dataset):
        policy = policy_of(settings, contract)
        one = Aging.open(settings, contract, policy, day, moment)
        if one is not None:
            seen.append(one.name)
            moving, left = one.judge()
            actions += moving
            notes += left
    return with_id(
        TierPlan(
            id="",
            lake=str(settings.lake),
            as_of=day,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            prices=settings.tiers.prices,
            datasets=tuple(seen),
            actions=tuple(actions),
            notes=tuple(notes),
        )
    )
