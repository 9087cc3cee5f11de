"""What is asked of a compiling process and what it answers. Plain values: they cross processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..contract.model import TableContract
from ..intervals import Unit
from ..names import Dataset
from .model import Finding, StepLineage

Pass = Literal["polars", "duckdb"]


@dataclass(frozen=True)
class StepJob:
    """One step to compile: what the graph knows of it."""

    step: Dataset
    notebook: Path
    label: str  # the notebook's path as people read it, relative to the checkout
    outputs: tuple[TableContract, ...]
    reads: tuple[Dataset, ...]
    sources: tuple[str, ...] = ()
    models: tuple[str, ...] = ()  # names of the dbt models it builds
    narrow: tuple[str, ...] = ()  # those of them that see the rows of their interval alone
    engine: str = ""  # one of its own, whose API its cells may use
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns of those sources that lack some of the contract's: the notebook computes them."""
    faults: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Of sources that cannot be read as they are: what is wrong, and what to do."""

    @property
    def unit(self) -> Unit:
        """The coarsest partition of its outputs: an interval whole for it is whole for all."""
        units = {table.time.unit for table in self.outputs if table.time}
        return "day" if units == {"day"} else "month"

    def output(self, dataset: Dataset) -> TableContract | None:
        return next((table for table in self.outputs if table.dataset == dataset), None)


@dataclass(frozen=True)
class Model:
    """A dbt model as it was compiled. `relation` is how other models' SQL names it.

    `problem`: why it could not be compiled. `asks`: why a run's SQL may be another. `clock`: which
    clock its text asks. `is_enforced`: dbt compares its columns with those of its YAML.
    """

    name: str
    relation: str
    sql: str
    path: str
    problem: str = ""
    asks: str = ""
    clock: str = ""
    is_enforced: bool = True

    @property
    def dataset(self) -> Dataset:
        return Dataset("gold", self.name)


@dataclass(frozen=True)
class Relation:
    """What a model may read besides models: a source (a dataset) or a seed, with its columns'
    types."""

    relation: str
    dataset: Dataset | None = None
    seed: Path | None = None
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtProject:
    """Compiled models, and what else their SQL names."""

    models: tuple[Model, ...]
    relations: tuple[Relation, ...]


@dataclass(frozen=True)
class PassRequest:
    """Steps for one process: as Polars frames, or as DuckDB relations."""

    kind: Pass
    root: Path
    jobs: tuple[StepJob, ...]
    contracts: Mapping[Dataset, TableContract]
    project: DbtProject | None = None  # None: there are no models, or dbt cannot compile them
    timeout_s: float = 0.0  # for each step; 0: no limit


@dataclass(frozen=True)
class PassResult:
    """What one pass over one step found. `is_final` False: another time it may find something else,
    so that it is not to be remembered.
    """

    step: Dataset
    findings: tuple[Finding, ...]
    lineage: StepLineage | None
    elapsed_s: float
    is_final: bool = True
