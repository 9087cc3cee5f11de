"""One step as a value: what it reads, what it writes, and what its code is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..contract.model import Contract
from ..names import Dataset


@dataclass(frozen=True)
class Read:
    """One read of a dataset by a step; `cell` counts from 1 in the notebook (0: a dbt model)."""

    dataset: Dataset
    before_days: int = 0
    after_days: int = 0
    whole: bool = False
    refresh: str = "always"
    cell: int = 0


@dataclass(frozen=True)
class Call:
    """A call and what about it is not known. `paths`: of a file or files that it reads, where they
    are written out; it is tracked if all of them are there."""

    line: int
    text: str
    what: str
    paths: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Call:
        return cls(raw["line"], raw["text"], raw["what"], tuple(raw["paths"]))


@dataclass(frozen=True)
class StepNode:
    """One notebook with its contract. `models` are the dbt models that it builds, `narrow` those of
    them of which nothing is said on the rows around their interval.

    `texts` are those in its code that may be paths of files (see `files`).
    `parameters` are the names in its cell of parameters, without the interval; `defaults` the
    values that stand there, of those that are written out. `untracked`: what its code asks that no
    fingerprint has, a cell's number and a call each. `uses_clock`: its
    result depends on the interval that is run, by `step.now` or `step.seed`. `uses_sql`: a part of
    it is computed by `step.sql`. `engine`: one of its own; empty: the profile's.
    """

    name: Dataset
    notebook: Path
    contract: Contract | None
    reads: tuple[Read, ...] = ()
    sources: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    untracked: tuple[tuple[int, Call], ...] = ()
    uses_clock: bool = False
    uses_sql: bool = False
    engine: str = ""
    code_hash: str = ""
    models_hash: str = ""
    tests_hash: str = ""

    @property
    def outputs(self) -> tuple[Dataset, ...]:
        return self.contract.datasets if self.contract else ()

    @property
    def tags(self) -> frozenset[str]:
        if self.contract is None:
            return frozenset()
        tables = {tag for table in self.contract.tables for tag in table.tags}
        return frozenset(self.contract.tags) | tables
