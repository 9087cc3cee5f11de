"""How much of something a rule allows: ODCS's operators (`mustBeLessThan: 5`, `unit: percent`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

OPERATORS = (
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
)


@dataclass(frozen=True)
class Threshold:
    """An operator, its limit, and whether it is of a hundredth of all rows."""

    operator: str
    limit: Any
    is_percent: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Threshold:
        """From a rule's arguments, as `arguments` gives them."""
        return cls(given["operator"], given["limit"], given.get("unit") == "percent")

    def arguments(self) -> dict[str, Any]:
        """Plain values, which a fingerprint and a record can hold."""
        unit = {"unit": "percent"} if self.is_percent else {}
        return {"operator": self.operator, "limit": self.limit, **unit}

    def holds(self, amount: Any, rows: int | None = None) -> bool:
        """Whether an amount, of so many rows, keeps to it. Of no rows none is 0 percent.

        A missing amount, null or NaN, keeps to nothing. A decimal is compared with the number that
        the contract has, not with the float next to it.
        """
        if amount is None or amount != amount:
            return False
        if self.is_percent and rows:
            # Exactly: 7 of 100 rows are 7 percent, whatever a float makes of 0.07.
            limits = [Decimal(str(limit)) * rows for limit in self._limits()]
            return self._holds(amount * 100, limits)
        if isinstance(amount, Decimal):
            exact = [Decimal(str(one)) if isinstance(one, float) else one for one in self._limits()]
            return self._holds(amount, exact)
        return self._holds(amount, self._limits())

    def _limits(self) -> list[Any]:
        return self.limit if isinstance(self.limit, list) else [self.limit]

    def _holds(self, amount: Any, limits: list[Any]) -> bool:
        first, last = limits[0], limits[-1]
        if self.operator in ("mustBe", "mustNotBe"):
            return bool((amount == first) == (self.operator == "mustBe"))
        if self.operator in ("mustBeBetween", "mustNotBeBetween"):
            return bool((first <= amount <= last) == (self.operator == "mustBeBetween"))
        if self.operator == "mustBeGreaterThan":
            return bool(amount > first)
        if self.operator == "mustBeGreaterOrEqualTo":
            return bool(amount >= first)
        if self.operator == "mustBeLessThan":
            return bool(amount < first)
        return bool(amount <= first)

    def __str__(self) -> str:
        return f"{self.operator}: {self.limit}{' percent' if self.is_percent else ''}"
