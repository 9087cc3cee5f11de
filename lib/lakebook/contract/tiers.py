"""What a contract says of tiers: the ages `hot` and `warm`, how long it is kept, a legal hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ages import contradiction
from ..errors import ContractError
from .model import TierPolicy
from .reader import Reader


@dataclass(frozen=True)
class Retention:
    """The service level `retention`: whole days, and where it stands."""

    days: int
    place: str


def read_retention(raw: Reader) -> Retention:
    """Read the entry of `slaProperties`."""
    days = int(raw.amount_days("retention"))
    if days < 1:
        raise raw.error(
            f"retention {raw['value']!r} is less than a day",
            "value",
            fix="leave it out to keep the data for good",
        )
    return Retention(days, raw.where("value"))


def read_policy(own: dict[str, tuple[Any, Reader]], retention: Retention | None) -> TierPolicy:
    """Read `tier` and `legalHold` of a table. Raises ContractError if its ages contradict."""
    ages: dict[str, float | None] = {"hot": None, "warm": None}
    places: dict[str, str] = {}
    if "tier" in own:
        value, at = own["tier"]
        for key, age in value.items():
            at.choice(key, ages, "tier", "value", key)
            ages[key] = at.age_days(age, f"tier {key}", "value", key)
            places[key] = at.where("value", key)
    if retention is not None:
        places["retention"] = retention.place
    days = retention.days if retention else None
    if clash := contradiction({**ages, "retention": days}):
        raise ContractError(f"{clash.found}, {clash.so}", where=places[clash.later], fix=clash.fix)
    hold = bool(own["legalHold"][0]) if "legalHold" in own else False
    return TierPolicy(ages["hot"], ages["warm"], days, hold, places)
