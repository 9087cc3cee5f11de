"""What an audit found, as frozen values that a run record can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..contract.classified import MASK, classified_columns, shown_observation
from ..contract.model import Action, Scope, TableContract


@dataclass(frozen=True)
class CheckResult:
    """One rule's verdict.

    `unexpected` of `evaluated` rows broke it (None where a rule does not count rows); `observed` is
    the measured value of an aggregate rule, or says what was found in the first of `partitions`,
    which fail; `sample` holds some broken rows, key columns first.
    """

    name: str
    expectation: str
    column: str | None
    action: Action
    scope: Scope
    success: bool
    observed: Any = None
    unexpected: int | None = None
    evaluated: int | None = None
    sample: tuple[Any, ...] = ()
    reason: str = ""
    dimension: str = ""
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuditResult:
    """All verdicts of one audit. `rows`: rows audited; `gx`: the validation result as JSON."""

    rows: int
    checks: tuple[CheckResult, ...]
    elapsed_s: float
    gx: Mapping[str, Any] = field(default_factory=dict)

    def failed(self, action: Action) -> tuple[CheckResult, ...]:
        """The checks with this action that did not hold."""
        return tuple(c for c in self.checks if not c.success and c.action == action)

    def broken(self) -> dict[str, tuple[str, ...]]:
        """The rules whose rows go to quarantine, with the partitions in which they do not hold.

        No partitions: in all rows.
        """
        return {check.name: check.partitions for check in self.failed("quarantine")}

    @property
    def success(self) -> bool:
        """Whether every rule held, whatever its action."""
        return all(c.success for c in self.checks)


def without_classified(audit: AuditResult, contract: TableContract) -> AuditResult:
    """The same verdicts without values of classified columns, for whoever may read a run's record.

    Counts stay. Great Expectations' own document, which has samples as well, is left out.
    """
    hidden = classified_columns(contract)
    if not hidden:
        return audit
    checks = tuple(
        replace(
            check,
            observed=shown_observation(
                {"column": check.column, "observed": check.observed}, contract
            ),
            sample=tuple(_masked(row, check.column, hidden) for row in check.sample),
        )
        for check in audit.checks
    )
    return replace(audit, checks=checks, gx={})


def _masked(row: Any, column: str | None, hidden: frozenset[str]) -> Any:
    """A sampled row, or the value alone where a table has no key."""
    if isinstance(row, Mapping):
        return {name: MASK if name in hidden else value for name, value in row.items()}
    return row if column is not None and column not in hidden else MASK
