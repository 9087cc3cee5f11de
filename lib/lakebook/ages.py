"""Ages of partitions, as contracts and lakebook.toml write them, and when they contradict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

NEVER = math.inf
"""The age that nothing reaches."""

AGES = ("hot", "warm", "retention")
"""What has an age, in the order in which a partition reaches them."""

HOW_TO_WRITE = "30d, 4w or 7y, or never"

_DAYS = {"d": 1, "w": 7, "y": 365}
_THEN = {"warm": "leave warm", "retention": "be deleted"}


def age_days(text: str) -> float | None:
    """Whole days of an age such as `30d`, `4w` or `7y` (a year has 365), NEVER for `never`.

    None for a text that is no age.
    """
    age = text.strip()
    if age == "never":
        return NEVER
    number, unit = age[:-1], age[-1:]
    if unit not in _DAYS or not (number.isascii() and number.isdecimal()):
        return None
    return int(number) * _DAYS[unit]


def show_age(days: float) -> str:
    """An age as it is written."""
    if days == NEVER:
        return "never"
    return f"{days / 365:.0f}y" if days and days % 365 == 0 else f"{days:.0f}d"


@dataclass(frozen=True)
class Contradiction:
    """Two of AGES that cannot both hold, in days."""

    earlier: str
    early: float
    later: str
    late: float

    @property
    def found(self) -> str:
        early, late = show_age(self.early), show_age(self.late)
        return f"{self.later} {late} is shorter than {self.earlier} {early}"

    @property
    def so(self) -> str:
        """What it would mean."""
        return f"so that a partition would {_THEN[self.later]} before it left {self.earlier}"

    @property
    def fix(self) -> str:
        return "let the ages rise: hot, warm, retention; each counts from the partition's end"


def contradiction(ages: Mapping[str, float | None]) -> Contradiction | None:
    """The first two of AGES that cannot both hold; None if all can, or are not given.

    What never leaves hot is never in warm, but may be deleted.
    """
    given = [(name, days) for name in AGES if (days := ages.get(name)) is not None]
    for at, (later, late) in enumerate(given):
        for earlier, early in given[:at]:
            if late < early and not (early == NEVER and later == "retention"):
                return Contradiction(earlier, early, later, late)
    return None
