"""What the readers of a contract's parts share: places in the file, and Lakebook's own properties.

ODCS has `customProperties` for what a tool needs beyond the standard. Those without a vendor, or
with the vendor `lakebook`, are ours and strict; those of another vendor are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..ages import HOW_TO_WRITE, age_days
from ..errors import ContractError, did_you_mean
from .strict import named
from .yamlfile import Document, Key, Place

_UNIT = {
    "h": 1 / 24, "hr": 1 / 24, "hour": 1 / 24, "hours": 1 / 24,
    "d": 1.0, "day": 1.0, "days": 1.0,
    "w": 7.0, "week": 7.0, "weeks": 7.0,
    "y": 365.0, "yr": 365.0, "year": 365.0, "years": 365.0,
}  # fmt: skip
_KINDS = {str: "text", dict: "a mapping", bool: "true or false", list: "a list"}


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

    def refuse(self, key: str, fix: str) -> None:
        """Stop at a key of the standard that Lakebook would not keep: a promise must be checked."""
        if self.value.get(key) not in (None, False, [], {}):
            raise self.error(f"{key!r} in {self.name()} is not checked by Lakebook", key, fix=fix)

    def choice(self, value: Any, allowed: Iterable[str], what: str, *keys: Key) -> str:
        options = tuple(allowed)
        if value not in options:
            raise self.error(
                f"{what} {value!r} is unknown{did_you_mean(str(value), options)}",
                *keys,
                fix=f"use one of {', '.join(options)}",
            )
        return str(value)

    def properties(self, known: Mapping[str, type]) -> dict[str, tuple[Any, Reader]]:
        """Our customProperties by name, each with its own place; an unknown one is an error."""
        found: dict[str, tuple[Any, Reader]] = {}
        for item in self.items("customProperties"):
            if item["vendor"] not in (None, "lakebook"):
                continue
            name, value = item["property"], item["value"]
            if name not in known:
                raise item.error(
                    f"unknown customProperty {name!r} in {self.name()}{did_you_mean(name, known)}",
                    "property",
                    fix=f"known here: {', '.join(known) or 'none'}",
                )
            if not isinstance(value, known[name]):
                kind = _KINDS[known[name]]
                raise item.error(f"{name} in {self.name()} is {value!r}, not {kind}", "value")
            if name in found:
                raise item.error(f"{name} stands twice in {self.name()}", "property")
            found[name] = (value, item)
        return found

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
