"""A contract as frozen values. `odcs` reads them from a file; nothing here knows of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..intervals import Unit
from ..names import Dataset

if TYPE_CHECKING:
    import pyarrow as pa

Action = Literal["fail", "quarantine", "warn"]
Scope = Literal["row", "partition", "table"]
WriteKind = Literal["replace", "snapshot", "merge", "append"]


@dataclass(frozen=True)
class Column:
    """One column. `type` is one of `types.TYPES` (or `decimal(p,s)`)."""

    name: str
    type: str
    nullable: bool = True
    description: str = ""
    classification: str = ""
    unit: str = ""
    tags: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()  # of the glossary
    key_position: int | None = None  # from 1, if part of the primary key
    line: int = 0  # in the contract file
    promised: bool = True  # False: taken up from a source, and in no contract yet
    nulls: tuple[str, ...] | None = None  # texts of a source that are null; None: as the table says
    misfits: str = ""  # of a source: fail, quarantine, or as the table says, which fails by default


@dataclass(frozen=True)
class TimeColumn:
    """The column that cuts the dataset into partitions.

    A date column is taken as it is; a timestamp (no zone, in UTC) is turned to a day in `zone`.
    """

    column: str
    zone: str
    unit: Unit


@dataclass(frozen=True)
class Rule:
    """One quality rule: a Great Expectations class name and its arguments.

    `expectation` is snake case, such as `expect_column_values_to_be_between`; `kwargs` are its
    arguments, `column` included; `name` is unique in the table and is what people see.
    """

    name: str
    expectation: str
    kwargs: Mapping[str, Any]
    action: Action
    scope: Scope
    reason: str = ""
    dimension: str = ""
    line: int = 0

    @property
    def column(self) -> str | None:
        return self.kwargs.get("column")


@dataclass(frozen=True)
class Relationship:
    """A reference: each non-null value of `column` should be in `to_dataset.to_column`.

    `others` are the further pairs of a composite key: a row without a null in any of its columns
    should have one row there with all the same values.
    """

    column: str
    to_dataset: Dataset
    to_column: str
    action: Action
    reason: str = ""
    line: int = 0
    others: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{'_'.join(self.columns)}_in_{self.to_dataset.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *(mine for mine, _ in self.others))

    @property
    def to_columns(self) -> tuple[str, ...]:
        return (self.to_column, *(theirs for _, theirs in self.others))


@dataclass(frozen=True)
class TierPolicy:
    """What the contract itself says; `tiers.policy` adds the defaults of the layer.

    Ages are whole days after the end of a partition at which it leaves hot, leaves warm, is
    deleted; None: the contract does not say, NEVER: it stays. `places`: age -> file and line.
    """

    hot_days: float | None = None
    warm_days: float | None = None
    retention_days: int | None = None
    legal_hold: bool = False
    places: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Sla:
    """Service level: `freshness_hours` after the end of the interval; None: no promise."""

    freshness_hours: float | None = None
    schedule: str = ""


@dataclass(frozen=True)
class TableContract:
    """What one dataset promises."""

    dataset: Dataset
    path: Path  # of the contract file
    version: str
    description: str
    columns: tuple[Column, ...]
    write: WriteKind
    time: TimeColumn | None = None
    rules: tuple[Rule, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    owner: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()  # of the glossary
    tier: TierPolicy = field(default_factory=TierPolicy)
    sla: Sla = field(default_factory=Sla)
    nulls: tuple[str, ...] = ()  # texts of a source that are null, beside the empty one

    @property
    def key(self) -> tuple[str, ...]:
        """Primary key columns in their order; empty if there is none."""
        keyed = [c for c in self.columns if c.key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.key_position or 0))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def arrow_schema(self) -> pa.Schema:
        """The exact schema of the data files (the partition column is not among them)."""
        from .types import arrow_schema

        return arrow_schema(self.columns)


@dataclass(frozen=True)
class Contract:
    """A contract file: the step it stands beside and one or more tables."""

    path: Path
    step: Dataset
    id: str
    version: str
    tables: tuple[TableContract, ...]
    description: str = ""
    owner: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        return tuple(t.dataset for t in self.tables)

    def table(self, dataset: Dataset) -> TableContract:
        return next(t for t in self.tables if t.dataset == dataset)
