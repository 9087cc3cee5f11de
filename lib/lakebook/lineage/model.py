"""What a check finds: findings, edges between columns and tables, and how long each step took.

A table is named by its dataset ("silver.flights") or, outside the lake, by its source's URI.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Something in a step that would fail its run, or (`is_error` False) only worth knowing.

    `cell` counts the notebook's cells from 1; None where the finding is about a whole file.
    """

    step: str
    message: str
    notebook: str  # relative to the checkout; the SQL file of a dbt model
    cell: int | None = None
    line: int | None = None  # in the cell, or in the file
    expected: str = ""
    found: str = ""
    fix: str = ""
    is_error: bool = True

    @property
    def where(self) -> str:
        return self.notebook if self.cell is None else f"{self.notebook}, cell {self.cell}"

    @property
    def sentence(self) -> str:
        is_named = self.message.startswith(f"{self.step} ")
        message = self.message if is_named else f"{self.step}: {self.message}"
        text = f"{message}; {self.where}"
        return f"{text}; {self.fix}" if self.fix else text

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "sentence": self.sentence}


@dataclass(frozen=True, order=True)
class ColumnEdge:
    """One column of a table enters the value of one column of another; `is_copy`: unchanged."""

    source: str
    source_column: str
    target: str
    target_column: str
    is_copy: bool = False


@dataclass(frozen=True)
class StepLineage:
    """Edges into the tables of one step.

    `opaque` names the outputs that have edges between tables alone, with the reason (the cell that
    could not be followed).
    """

    tables: tuple[tuple[str, str], ...] = ()  # (source, target)
    columns: tuple[ColumnEdge, ...] = ()
    opaque: Mapping[str, str] | None = None


@dataclass(frozen=True)
class StepCheck:
    """The check of one step. `elapsed_s` is the time it took when it was compiled."""

    step: str
    findings: tuple[Finding, ...]
    lineage: StepLineage
    elapsed_s: float
    is_cached: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "is_cached": self.is_cached,
            "elapsed_s": self.elapsed_s,
            "findings": [asdict(finding) for finding in self.findings],
            "tables": [list(edge) for edge in self.lineage.tables],
            "columns": [
                [e.source, e.source_column, e.target, e.target_column, e.is_copy]
                for e in self.lineage.columns
            ],
            "opaque": dict(self.lineage.opaque or {}),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], *, is_cached: bool) -> StepCheck:
        return cls(
            raw["step"],
            tuple(Finding(**finding) for finding in raw["findings"]),
            StepLineage(
                tuple((source, target) for source, target in raw["tables"]),
                tuple(ColumnEdge(*edge) for edge in raw["columns"]),
                raw["opaque"],
            ),
            raw["elapsed_s"],
            is_cached,
        )


@dataclass(frozen=True)
class CheckReport:
    """The checks of the selected steps, in dependency order, and findings that are of no step."""

    steps: tuple[StepCheck, ...]
    elapsed_s: float
    others: tuple[Finding, ...] = ()

    def joined(self, other: CheckReport) -> CheckReport:
        """This report and another as one."""
        return CheckReport(
            (*self.steps, *other.steps),
            round(self.elapsed_s + other.elapsed_s, 4),
            (*self.others, *other.others),
        )

    def with_steps(self, steps: Iterable[StepCheck], order: Iterable[str]) -> CheckReport:
        """This report with the checks of more steps, by the order of the steps' names."""
        found = {one.step: one for one in (*self.steps, *steps)}
        return replace(self, steps=tuple(found[name] for name in order if name in found))

    def with_others(self, findings: Iterable[Finding]) -> CheckReport:
        """This report with more findings that no step's check has made."""
        return replace(self, others=(*self.others, *findings))

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*(finding for step in self.steps for finding in step.findings), *self.others)

    @property
    def columns(self) -> tuple[ColumnEdge, ...]:
        return tuple(edge for step in self.steps for edge in step.lineage.columns)

    @property
    def tables(self) -> tuple[tuple[str, str], ...]:
        return tuple(edge for step in self.steps for edge in step.lineage.tables)

    @property
    def opaque(self) -> dict[str, str]:
        """Tables whose columns could not be followed, with the reason."""
        return {
            name: why for step in self.steps for name, why in (step.lineage.opaque or {}).items()
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "elapsed_s": round(self.elapsed_s, 3),
            "findings": [finding.to_json() for finding in self.findings],
            "steps": [
                {key: value for key, value in step.to_json().items() if key != "findings"}
                for step in self.steps
            ],
        }
