"""The record of a run and the immutable folder that holds it: `<runs>/<day>/<run_id>/`.

A folder holds notebook.ipynb, record.json, cells.json (its sanitized cells), what the kernel wrote
past Jupyter and Great Expectations' own result of each audit. What changes with time, such as
neighbours and history, is `lakebook.site`'s.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from ..errors import StorageError, disk_error
from ..files import make_folder, sync, sync_all
from . import withheld
from .masking import masker

FORMAT = 1
NOTEBOOK, RECORD, CELLS = "notebook.ipynb", "record.json", "cells.json"
_LOGS = ("kernel.log", "job.log")
_AUDITS = "audit.{}.json"

Status = Literal["ok", "failed", "killed"]

NO_KERNEL = "none"
"""The `kernel` of a command that is archived as a run without a notebook; its `note` names it."""


@dataclass(frozen=True)
class RunRecord:
    """One execution of one step. Times are ISO 8601 in UTC, memory is private memory in MB.

    `inputs`, `outputs`, `checks`, `timings`, `notes` and `operations` (what a maintenance job did)
    are as the step or job wrote them to step.json; `summary` is what a job came to, in words;
    `untracked` are calls whose answers no fingerprint has; `cells` are the fields of
    `runtime.job.CellStat`; `note` is of the run itself. `error_type` is the class of what a cell
    raised.
    """

    run_id: str
    step: str
    env: str
    status: Status
    began: str
    elapsed_s: float
    start: str | None = None
    end: str | None = None
    partitions: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    error_cell: int | None = None
    error_type: str = ""
    exit_code: int = 0
    inputs: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    operations: tuple[Mapping[str, Any], ...] = ()
    summary: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    cells: tuple[Mapping[str, Any], ...] = ()
    peak_rss_mb: float = 0.0
    kernel: str = "warm"
    note: str = ""
    notes: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def day(self) -> str:
        return self.began[:10]

    def rows(self, kind: Literal["audited", "published", "quarantined"]) -> int:
        """Rows over all outputs."""
        return sum(int(output.get(f"rows_{kind}") or 0) for output in self.outputs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> RunRecord:
        """Fields that a later version wrote are left out."""
        known = {item.name for item in fields(cls)}
        lists = (
            "partitions",
            "inputs",
            "outputs",
            "checks",
            "cells",
            "notes",
            "untracked",
            "operations",
        )
        values: dict[str, Any] = {
            name: tuple(value) if name in lists else value
            for name, value in raw.items()
            if name in known
        }
        return cls(**values)


def read_step(out: Path) -> dict[str, Any]:
    """What the step's kernel wrote for the record; empty when it did not come that far."""
    try:
        found: dict[str, Any] = json.loads((out / "step.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {
        name: found[name] for name in ("inputs", "outputs", "checks", "timings") if name in found
    }


def run_folder(runs: Path, record: RunRecord) -> Path:
    return runs / record.day / record.run_id


def write_record(
    runs: Path,
    record: RunRecord,
    out: Path,
    cells: str | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Path:
    """Make the run's folder from the job's `out` folder and return it.

    It appears whole or not at all, is durable when this returns and read-only from then on.
    `secrets` are those among the run's parameters (`masking.secrets_in`). Raises StorageError when
    the run has one already, or the disk refuses.
    """
    target = run_folder(runs, record)
    partial = target.with_name(f".{record.run_id}.{os.getpid()}.partial")
    mask = masker({**os.environ, **(secrets or {})})
    hidden = withheld.read(out)
    try:
        make_folder(partial.parent)
        partial.mkdir()
        if (out / NOTEBOOK).is_file():
            shutil.copyfile(out / NOTEBOOK, partial / NOTEBOOK)  # masked while it ran
        text = json.dumps(mask(record.to_json()), indent=1, default=str, ensure_ascii=False)
        (partial / RECORD).write_text(text + "\n", encoding="utf-8")
        if cells is not None:
            (partial / CELLS).write_text(mask(cells), encoding="utf-8")
        for log in (*(out / name for name in _LOGS), *sorted(out.glob(_AUDITS.format("*")))):
            if log.is_file() and log.stat().st_size:
                words = log.read_text(encoding="utf-8", errors="replace")
                if hidden and log.name in _LOGS:
                    words = withheld.kept_log(hidden)
                (partial / log.name).write_text(mask(words), encoding="utf-8")
        for file in partial.iterdir():
            file.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        if target.exists():
            raise StorageError(f"run {record.run_id} is archived already", where=str(target))
        sync_all([*partial.iterdir(), partial])
        partial.rename(target)
        sync(target.parent)
    except OSError as broken:
        disk = disk_error(broken)
        raise StorageError(
            f"the run could not be archived: {disk.found if disk else broken}",
            where=str(target),
            fix=disk.fix.partition(";")[0] if disk else "",  # the table may be published
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def read_record(folder: Path) -> RunRecord:
    """Raises StorageError when the folder holds no readable record."""
    path = folder / RECORD
    try:
        return RunRecord.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as broken:
        raise StorageError(f"not the record of a run: {broken}", where=str(path)) from None


def read_records(runs: Path, *, limit: int | None = None) -> tuple[RunRecord, ...]:
    """The records below `runs`, newest first."""
    found: list[RunRecord] = []
    for day in sorted(_folders(runs), reverse=True):
        of_day = [read_record(folder) for folder in _folders(day) if (folder / RECORD).is_file()]
        found += sorted(of_day, key=lambda record: (record.began, record.run_id), reverse=True)
        if limit is not None and len(found) >= limit:
            break
    return tuple(found[:limit])


def newest_audit(runs: Path, dataset: str) -> Path | None:
    """Great Expectations' result of the last audit of a dataset, published or not."""
    for day in sorted(_folders(runs), reverse=True):
        found = [
            (read_record(one.parent).began, one) for one in day.glob(f"*/audit.{dataset}.json")
        ]
        if found:
            return max(found)[1]
    return None


def names_in(folder: Path) -> list[str]:
    """Names of a folder of the archive, in no order; none where it is not there."""
    try:
        return os.listdir(folder)  # noqa: PTH208 (a name is all that is needed)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.name.startswith("."):
                yield entry
