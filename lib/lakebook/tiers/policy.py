"""How the partitions of a dataset age: what its contract says, else the default of its layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ..ages import AGES, NEVER, contradiction, show_age
from ..contract.model import TableContract, TierPolicy
from ..delta.place import Tier
from ..errors import ContractError
from ..intervals import NULL, WHOLE, partition_interval
from ..settings import LayerAges, Settings


@dataclass(frozen=True)
class Policy:
    """Ages in days after a partition's end at which it leaves hot, leaves warm, is deleted.

    None: never. Under a legal hold nothing is deleted.
    """

    hot_days: int | None = None
    warm_days: int | None = None
    retention_days: int | None = None
    legal_hold: bool = False

    def __str__(self) -> str:
        ages = (self.hot_days, self.warm_days, self.retention_days)
        words = [
            f"{name} {show_age(d)}" for name, d in zip(AGES, ages, strict=True) if d is not None
        ]
        words += ["legal hold"] if self.legal_hold else []
        return ", ".join(words) or "hot for good"

    def tier_at(self, partition: str, as_of: date) -> Tier:
        """Where a partition belongs on a day. One without time, or of no time, stays hot."""
        if partition in (NULL, WHOLE):
            return "hot"
        age = (as_of - partition_interval(partition).end).days
        tier: Tier = "hot"
        for days, then in self._steps():
            if age >= days:
                tier = then
        return tier

    def next_change(self, partition: str, as_of: date) -> tuple[date, Tier] | None:
        """The first day after `as_of` on which a partition belongs elsewhere, and where."""
        if partition in (NULL, WHOLE):
            return None
        end = partition_interval(partition).end
        age = (as_of - end).days
        # Ages that are equal make one step, of which the last word counts.
        ahead: dict[int, Tier] = {days: then for days, then in self._steps() if days > age}
        if not ahead:
            return None
        days = min(ahead)
        try:
            return end + timedelta(days=days), ahead[days]
        except OverflowError:  # beyond the calendar
            return None

    def is_held(self, partition: str, as_of: date) -> bool:
        """Whether a legal hold is all that keeps a partition from being deleted."""
        return self.legal_hold and replace(self, legal_hold=False).tier_at(partition, as_of) == (
            "deleted"
        )

    def _steps(self) -> list[tuple[int, Tier]]:
        steps: list[tuple[int | None, Tier]] = [(self.hot_days, "warm"), (self.warm_days, "cold")]
        if not self.legal_hold:
            steps.append((self.retention_days, "deleted"))
        return [(days, then) for days, then in steps if days is not None]


def policy_of(settings: Settings, contract: TableContract) -> Policy:
    """The policy of a dataset, age by age. Raises ContractError naming both places of what clashes.

    A contract that says `hot: never` needs no word on warm.
    """
    own, layer = contract.tier, settings.tiers.ages_of(contract.dataset.layer)
    said = {"hot": own.hot_days, "warm": own.warm_days, "retention": own.retention_days}
    default = {"hot": layer.hot_days, "warm": layer.warm_days, "retention": layer.retention_days}
    if said["hot"] == NEVER:
        default["warm"] = None
    ages = {key: default[key] if said[key] is None else said[key] for key in AGES}
    if ages["hot"] is None and ages["warm"] is not None:
        ages["hot"] = NEVER  # nobody says when it would leave
    _check(contract, own, layer, said, ages)
    hot, warm, retention = (_finite(ages[key]) for key in AGES)
    return Policy(hot, warm, retention, own.legal_hold)


def _check(
    contract: TableContract,
    own: TierPolicy,
    layer: LayerAges,
    said: Mapping[str, float | None],
    ages: Mapping[str, float | None],
) -> None:
    clash = contradiction(ages)
    if clash is None:
        return
    pair = (clash.earlier, clash.later)
    places = {key: (own if said[key] is not None else layer).places.get(key, "") for key in pair}
    # The contract is what this is about; else what the layer says.
    at = next((key for key in pair if said[key] is not None), clash.later)
    (other,) = (key for key in pair if key != at)
    about = f"{other} stands in {places[other]}" if places[other] else "the default"
    raise ContractError(
        f"{contract.dataset}: {clash.found} ({about}), {clash.so}", where=places[at], fix=clash.fix
    )


def _finite(days: float | None) -> int | None:
    return None if days is None or days == NEVER else int(days)
