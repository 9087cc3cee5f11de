"""From a job's folder to the archive: record, notebook and sanitized cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..archive.record import RunRecord, write_record
from ..errors import LakebookError
from ..runtime.job import JobResult
from ..runtime.warm import WarmUnavailable, call
from ..settings import Settings
from .workspace import Attempt

_PACKAGES = ("lakebook", "polars", "narwhals", "deltalake", "duckdb", "great-expectations")


def archive_run(
    settings: Settings,
    attempt: Attempt,
    result: JobResult,
    outcome: Mapping[str, Any],
    work: Path,
    secrets: Mapping[str, str] | None = None,
) -> Path:
    """Write the run's immutable folder and return it."""
    record = RunRecord(
        run_id=attempt.run_id,
        step=attempt.step,
        env=settings.env,
        status=result.status,
        began=attempt.began,
        elapsed_s=result.elapsed_s,
        start=attempt.start,
        end=attempt.end,
        partitions=attempt.partitions,
        parameters=dict(attempt.parameters),
        error=result.error,
        error_cell=result.error_cell,
        error_type=result.error_type,
        exit_code=result.exit_code,
        inputs=tuple(outcome.get("inputs", ())),
        outputs=tuple(outcome.get("outputs", ())),
        checks=tuple(outcome.get("checks", ())),
        operations=tuple(outcome.get("operations", ())),
        summary=outcome.get("summary", ""),
        timings=outcome.get("timings", {}),
        cells=tuple(asdict(cell) for cell in result.cells),
        peak_rss_mb=result.peak_rss_mb,
        kernel=result.kernel,
        note=result.note,
        notes=tuple(outcome.get("notes", ())),
        untracked=attempt.untracked,
        versions={name: version(name) for name in _PACKAGES},
    )
    notebook = work / "notebook.ipynb"
    cells = None
    try:
        cells = _cells(settings, notebook, work) if notebook.is_file() else None
    except LakebookError as broken:  # the run itself must be archived all the same
        record = replace(record, note=f"{record.note} no cells: {broken}".strip())
    return write_record(settings.runs, record, work, cells, secrets)


def _cells(settings: Settings, notebook: Path, work: Path) -> str:
    """The sanitized cells, rendered where nbconvert is imported already, if that can be had."""
    target = work / "cells.json"
    try:
        call(settings, "lakebook.archive.cells:write_cells", str(notebook), str(target))
    except WarmUnavailable:
        from ..archive.cells import write_cells

        write_cells(str(notebook), str(target))
    return target.read_text(encoding="utf-8")
