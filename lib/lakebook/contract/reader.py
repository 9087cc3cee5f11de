"""What the readers of a contract's parts share: places in the file, our own properties, ages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..ages import HOW_TO_WRITE, age_days
from ..errors import ContractError, did_you_mean
from .custom import is_ours
from .strict import named
from .yamlfile import Document, Key, Place

_UNIT = {
    "h": 1 / 24, "hr": 1 / 24, "hour": 1 / 24, "hours": 1 / 24,
    "d": 1.0, "day": 1.0, "days": 1.0,
    "w": 7.0, "week": 7.0, "weeks": 7.0,
    "y": 365.0, "yr": 365.0, "year": 365.0, "years": 365.0,
}  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A mapping of the document and its place."""

    document: Document
    place: Place
    value: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.value.get(key)

    def text(self, key: str) -> str:
        return str(self.value.get(key) or "").strip()

    def items(self, key: str) -> list[Reader]:
        """The mappings of a list."""
        return [
            Reader(self.document, (*self.place, key, i), item)
            for i, item in enumerate(self.value.get(key) or [])
        ]

    @property
    def line(self) -> int:
        return self.document.line(self.place)

    def where(self, *keys: Key) -> str:
        return self.document.at((*self.place, *keys))

    def name(self) -> str:
        """The place in words."""
        return named(self.document.value, self.place)

    def error(self, found: str, *keys: Key, fix: str = "") -> ContractError:
        return ContractError(found, where=self.where(*keys), fix=fix)

    def choice(self, value: Any, allowed: Iterable[str], what: str, *keys: Key) -> str:
        options = tuple(allowed)
        if value not in options:
            raise self.error(
                f"{what} {value!r} is unknown{did_you_mean(str(value), options)}",
                *keys,
                fix=f"use one of {', '.join(options)}",
            )
        return str(value)

    def properties(self) -> dict[str, tuple[Any, Reader]]:
        """Our customProperties by name, as `custom` has checked them, each with its own place."""
        items = self.items("customProperties")
        return {item["property"]: (item["value"], item) for item in items if is_ours(item.value)}

    def age_days(self, text: Any, what: str, *keys: Key) -> float:
        """Days of an age such as `30d`, `4w`, `7y` or `never`."""
        days = age_days(str(text))
        if days is None:
            raise self.error(
                f"{what} {text!r} is not an age", *keys, fix=f"write it as {HOW_TO_WRITE}"
            )
        return days

    def amount_days(self, what: str) -> float:
        """Days of an ODCS pair of `value` and `unit`."""
        value, unit = self["value"], self.text("unit") or "d"
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.error(f"{what} {value!r} is not a number", "value")
        if unit not in _UNIT:
            raise self.error(
                f"unit {unit!r} of {what} is unknown{did_you_mean(unit, _UNIT)}",
                "unit",
                fix="use h, d, w or y",
            )
        return float(value) * _UNIT[unit]
