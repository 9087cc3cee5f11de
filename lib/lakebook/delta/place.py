"""Where a partition lies: the value of its `placement/` token in the hot table's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from . import tokens as token

Tier = Literal["hot", "warm", "cold", "deleted"]

TIERS: tuple[Tier, ...] = ("hot", "warm", "cold", "deleted")
"""In the order of their codes. Deleted: retention took the rows; what they were is still known."""

_CODES = 8


@dataclass(frozen=True)
class Place:
    """A tier, and how often the partition has changed its place. No token: hot, generation 0."""

    tier: Tier = "hot"
    generation: int = 0

    @property
    def value(self) -> int:
        """The token's value; it only grows."""
        return self.generation * _CODES + TIERS.index(self.tier)

    @classmethod
    def of(cls, value: int) -> Place:
        return cls(TIERS[value % _CODES], value // _CODES)

    def then(self, tier: Tier) -> Place:
        return Place(tier, self.generation + 1)


def written_tokens(tokens: Mapping[str, int], partition: str) -> dict[str, int]:
    """What a write of new rows sets: the partition lies in hot, and no archive holds its rows."""
    place = Place.of(tokens.get(token.placement(partition), 0))
    changed = {} if place.tier == "hot" else {token.placement(partition): place.then("hot").value}
    for name in (token.archive(partition), token.expires(partition)):
        if tokens.get(name):
            changed[name] = 0
    return changed
