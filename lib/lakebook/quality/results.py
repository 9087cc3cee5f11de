"""What an audit found, as frozen values that a run record can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..contract.classified import MASK, classified_columns, shown_observation
from ..contract.model import Action, Rule, Scope, TableContract


@dataclass(frozen=True)
class CheckResult:
    """One rule's verdict.

    `unexpected` of `evaluated` rows broke it (None where a rule does not count rows); `observed` is
    the measured value of an aggregate rule, or says what was found in the first of `partitions`,
    which fail; `sample` holds some broken rows, key columns first. `problem` says in one sentence
    why the rule could not be evaluated: then it does not hold, and nothing is known of any row.
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
    problem: str = ""

    @classmethod
    def of(cls, rule: Rule, success: bool, **found: Any) -> CheckResult:
        """A rule's verdict, with what the contract says of the rule. `found`: the other fields."""
        return cls(
            name=rule.name,
            expectation=rule.expectation,
            column=rule.column,
            action=rule.action,
            scope=rule.scope,
            success=success,
            reason=rule.reason,
            dimension=rule.dimension,
            **found,
        )


@dataclass(frozen=True)
class AuditResult:
    """All verdicts of one audit. `rows`: rows audited; `gx`: the validation result as JSON.

    `counted` has the rows that break a rule, by rule and by partition in which it does not hold
    (one of an empty name, if the audit was told of none).
    """

    rows: int
    checks: tuple[CheckResult, ...]
    elapsed_s: float
    gx: Mapping[str, Any] = field(default_factory=dict)
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def failed(self, action: Action) -> tuple[CheckResult, ...]:
        """The checks with this action that did not hold."""
        return tuple(c for c in self.checks if not c.success and c.action == action)

    def stops(self) -> tuple[CheckResult, ...]:
        """The checks that let nothing be published: those that fail, and those by which rows
        cannot be told apart."""
        apart = tuple(check for check in self.failed("quarantine") if check.problem)
        return (*self.failed("fail"), *apart)

    def broken(self) -> dict[str, Mapping[str, int]]:
        """The rules whose rows go to quarantine, with how many of each partition: see `counted`."""
        apart = [check.name for check in self.failed("quarantine") if not check.problem]
        return {name: self.counted[name] for name in apart}

    @property
    def success(self) -> bool:
        """Whether every rule held, whatever its action."""
        return all(c.success for c in self.checks)


def without_classified(
    audit: AuditResult, contract: TableContract, *, ours: Mapping[str, str] | None = None
) -> AuditResult:
    """The same verdicts without values of classified columns, for whoever may read a run's record.

    Counts stay. Great Expectations' own document, which has samples as well, is left out. `ours`:
    reasons by the names of rules that could not be evaluated, in words that quote no value.
    """
    known = ours or {}
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
            problem=known.get(check.name, _WITHHELD) if check.problem else "",
        )
        for check in audit.checks
    )
    return replace(audit, checks=checks, gx={})


_WITHHELD = "the reason may hold a value of a classified column and is not shown"


def _masked(row: Any, column: str | None, hidden: frozenset[str]) -> Any:
    """A sampled row, or the value alone where a table has no key."""
    if isinstance(row, Mapping):
        return {name: MASK if name in hidden else value for name, value in row.items()}
    return row if column is not None and column not in hidden else MASK
