"""When the next partition of a dataset changes its tier or is deleted, and what happens then.

It follows from the policy and from where the partitions lie, and from no clock: a day that is past
says that the change is due, and the same state gives the same answer every day.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ..delta.place import TIERS, Tier
from ..delta.snapshot import Snapshot
from ..intervals import NULL, WHOLE, partition_interval
from ..tiers.policy import Policy


@dataclass(frozen=True)
class Expiry:
    """day: the first on which it may happen. what: in words, such as `2013-01: hot to warm`."""

    day: date
    what: str


def next_expiry(policy: Policy, snapshot: Snapshot) -> Expiry | None:
    """The earliest change; None: everything stays where it is."""
    found: dict[date, dict[tuple[Tier, Tier], list[str]]] = defaultdict(lambda: defaultdict(list))
    for partition in snapshot.written:
        tier = snapshot.place(partition).tier
        change = _change(policy, partition, tier, snapshot.expires(partition))
        if change is not None:
            found[change[0]][tier, change[1]].append(partition)
    if not found:
        return None
    day = min(found)
    return Expiry(day, "; ".join(_words(*way, names) for way, names in found[day].items()))


def _change(
    policy: Policy, partition: str, tier: Tier, expires: int | None
) -> tuple[date, Tier] | None:
    """The next colder place of a partition, and from which day on it belongs there."""
    change = _by_policy(policy, partition, tier)
    if change is None or expires is None or tier == "cold":
        return change
    back = datetime.fromtimestamp(expires, UTC).date()
    if change[0] >= back:
        return change
    # A restored copy is older than its tier allows, and stays for its time, unless it is deleted.
    gone = _by_policy(policy, partition, "cold")
    return gone if gone and gone[0] <= back else (back, policy.tier_at(partition, back))


def _by_policy(policy: Policy, partition: str, tier: Tier) -> tuple[date, Tier] | None:
    """The first day on which a partition belongs to a tier that is colder than this one."""
    if partition in (NULL, WHOLE):
        return None
    day = partition_interval(partition).end - timedelta(days=1)
    while (change := policy.next_change(partition, day)) is not None:
        day, then = change
        if TIERS.index(then) > TIERS.index(tier):
            return day, then
    return None


def _words(tier: Tier, then: Tier, partitions: list[str]) -> str:
    what = partitions[0] if len(partitions) == 1 else f"{len(partitions)} partitions"
    return f"{what}: deleted from {tier}" if then == "deleted" else f"{what}: {tier} to {then}"
