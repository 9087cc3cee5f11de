"""The one mapping from a dataset's name to its places: notebook, contract, Delta table, SQL table.

Nothing else in Lakebook builds such a path by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .errors import UserError, did_you_mean

LAYERS = ("bronze", "silver", "gold")
PROD = "prod"
OPS = "ops"

_NAME = re.compile(r"[a-z][a-z0-9]*(_{1,2}[a-z0-9]+)*")
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
QUARANTINE_SUFFIX = "__quarantine"


@dataclass(frozen=True, order=True)
class Dataset:
    """A table's name, `layer.name`."""

    layer: str
    name: str

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Dataset:
        layer, dot, name = text.partition(".")
        if not dot or not _NAME.fullmatch(name):
            raise UserError(
                f"{text!r} is not a dataset name",
                where=where,
                fix="write layer.name in lower case, such as silver.flights",
            )
        if layer == OPS:
            raise UserError(
                f"{text!r} is a maintenance job, which makes no dataset and has no edges",
                where=where,
                fix=f"lakebook run {text} runs it, lakebook runs {text} lists its runs",
            )
        if layer not in LAYERS:
            raise UserError(
                f"{text!r} has the unknown layer {layer!r}{did_you_mean(layer, LAYERS)}",
                where=where,
                fix=f"the layers are {', '.join(LAYERS)}",
            )
        return cls(layer, name)

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def quarantine(self) -> Dataset:
        return Dataset(self.layer, self.name + QUARANTINE_SUFFIX)

    @property
    def is_quarantine(self) -> bool:
        return self.name.endswith(QUARANTINE_SUFFIX)


@dataclass(frozen=True, order=True)
class Job:
    """The name of a maintenance job, `ops.name`: its notebook makes no dataset."""

    layer: ClassVar[str] = OPS
    name: str

    @classmethod
    def parse(cls, text: str) -> Job:
        layer, _, name = text.partition(".")
        if layer != OPS or not _NAME.fullmatch(name):
            raise UserError(
                f"{text!r} is not the name of a maintenance job",
                fix=f"write {OPS}.name in lower case, such as {OPS}.tiering",
            )
        return cls(name)

    def __str__(self) -> str:
        return f"{OPS}.{self.name}"


def is_job(text: str) -> bool:
    """Whether a name is meant as a maintenance job's."""
    return text.startswith(f"{OPS}.")


def parse_notebook(text: str) -> Dataset | Job:
    """The step or the maintenance job that a notebook is, by its name. Raises UserError."""
    return Job.parse(text) if is_job(text) else Dataset.parse(text)


def notebook_path(root: Path, step: Dataset | Job) -> Path:
    """Where the notebook of a step or of a maintenance job is."""
    return root / "notebooks" / step.layer / f"{step.name}.ipynb"


def contract_path(root: Path, step: Dataset) -> Path:
    """Where the contract beside a step's notebook is."""
    return root / "notebooks" / step.layer / f"{step.name}.contract.yaml"


def check_path(state: Path, step: Dataset) -> Path:
    """Where the last check of a step is remembered, below the folder of caches."""
    return state / "compile" / f"{step}.json"


def step_of(path: Path) -> Dataset:
    """The step that a notebook or contract path belongs to."""
    return Dataset(path.parent.name, path.name.split(".")[0])


def table_path(lake: Path, dataset: Dataset, *, env: str = PROD, tier: str = "hot") -> Path:
    """The folder of a dataset's Delta table: `<lake>/<env>/<tier>/<layer>/<name>`."""
    return lake / env / tier / dataset.layer / dataset.name


@dataclass(frozen=True)
class Roots:
    """The storage roots of a lake, a folder each; they may be the same one."""

    hot: Path
    warm: Path
    cold: Path

    @classmethod
    def at(cls, lake: Path) -> Roots:
        return cls(lake, lake, lake)


@dataclass(frozen=True)
class TierTables:
    """A dataset's Delta tables in hot and warm, and the folder of its archives in cold."""

    dataset: Dataset
    hot: Path
    warm: Path
    cold: Path


def tier_tables(roots: Roots, dataset: Dataset) -> TierTables:
    """Where prod's tiers hold a dataset. Environments have no tiers: what they hold is hot."""
    return TierTables(
        dataset,
        table_path(roots.hot, dataset),
        table_path(roots.warm, dataset, tier="warm"),
        table_path(roots.cold, dataset, tier="cold"),
    )


def tables_of(lake: Path, *, env: str = PROD, tier: str = "hot") -> tuple[Dataset, ...]:
    """The datasets, quarantines among them, that have a table in an environment, in order."""
    logs = (lake / env / tier).glob("*/*/_delta_log")
    return tuple(sorted(Dataset(log.parent.parent.name, log.parent.name) for log in logs))


def environments_of(lake: Path) -> tuple[str, ...]:
    """Names of the environments that a lake holds, prod first."""
    found = sorted(path.name for path in lake.iterdir() if path.is_dir()) if lake.is_dir() else []
    named = [name for name in found if _ENVIRONMENT.fullmatch(name)]
    return tuple(sorted(named, key=lambda name: (name != PROD, name)))


def check_environment(lake: Path, name: str, *, where: str = "") -> None:
    """Raise UserError for an environment that a lake does not hold, as after a slip of the keys."""
    known = environments_of(lake)
    if name not in known:
        raise UserError(
            f"the lake has no environment {name!r}{did_you_mean(name, known)}",
            where=where,
            fix=f"lakebook env list shows them, lakebook env new {name} makes one",
        )


def env_name(text: str) -> str:
    """Check an environment's name; it becomes a folder."""
    if not _ENVIRONMENT.fullmatch(text):
        raise UserError(
            f"environment {text!r} is not a name", fix="use lower case letters, digits, - and _"
        )
    return text
