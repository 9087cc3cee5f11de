"""What a run's page shows, as data: the record, its neighbours, its history, its difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..archive.record import RunRecord, read_record
from ..cards.views import (
    check_view,
    input_view,
    operation_view,
    ordered,
    output_view,
    profile_view,
    sample_view,
)
from ..names import is_job
from .catalog import Catalog
from .charts import shares
from .content import load_cells
from .diff import compare
from .store import Run, Store
from .words import cause

AROUND = 12  # lines of a long failing cell on both sides of the one that raised
_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")


def run_view(store: Store, catalog: Catalog, run: Run) -> dict[str, Any]:
    """The names that templates/run.html uses. Raises StorageError for a folder without a record."""
    runs = catalog.settings.runs
    record = read_record(runs / run.folder)
    cells = load_cells(runs / run.folder)
    good = store.before(run, good=True)
    following = store.after(run)
    return {
        "run": record,
        "cause": cause(record.error, record.status),
        "whole_error": record.error or "",
        "failing": _pointed(failing(record, cells)),
        "cells": [{**cell, **_figures(cell, record)} for cell in cells],
        "previous": store.before(run),
        "next": following[0] if following else None,
        "good": good,
        "difference": _difference(runs, record, cells, good),
        "checks": [_check(store, catalog, run, check) for check in ordered(record.checks)],
        "outputs_made": [output_view(output) for output in record.outputs],
        "is_job": is_job(record.step),
        "operations": [
            {**operation_view(one), "known": one.get("dataset") in catalog.tables}
            for one in record.operations
        ],
        "inputs": [input_view(entry, catalog.tables) for entry in record.inputs],
        "profile": _of_outputs(catalog, record, profile_view),
        "samples": _of_outputs(catalog, record, sample_view),
        "above": catalog.above(record.step),
        "below": catalog.below(record.step),
        "owner": catalog.owner(record.step),
        "datasets": _datasets(catalog, record),
        "timings": sorted(record.timings.items(), key=lambda item: -item[1]),
    }


def _difference(
    runs: Path, record: RunRecord, cells: Sequence[Mapping[str, Any]], good: Run | None
) -> Any:
    if good is None:
        return None
    folder = runs / good.folder
    return compare(record, read_record(folder), cells, load_cells(folder))


def failing(record: RunRecord, cells: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The cell where the run failed, if a cell was to blame."""
    for cell in cells:
        if cell["status"] == "failed":
            return cell
    wanted = record.error_cell
    return next((c for c in cells if wanted is not None and c["number"] == wanted), None)


def _pointed(cell: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The failing cell's lines around the one that raised, which the traceback names."""
    if cell is None:
        return None
    trace = " ".join(o["text"] for o in cell["outputs"] if o["kind"] == "error")
    hit = _LINE.search(trace)
    line = int(hit[1]) if hit else None
    lines = cell["source"].splitlines()
    first = max(0, (line or 1) - AROUND - 1) if len(lines) > 2 * AROUND else 0
    shown = lines[first : first + 2 * AROUND + 1]
    return {
        **cell,
        "line": line,
        "lines": [
            {"number": first + n, "text": text, "here": first + n == line}
            for n, text in enumerate(shown, start=1)
        ],
    }


def _figures(cell: Mapping[str, Any], record: RunRecord) -> dict[str, Any]:
    """Shares of the run's time and memory, for the bar beside a cell."""
    total = sum(float(c.get("elapsed_s") or 0) for c in record.cells) or 1.0
    share = float(cell["elapsed_s"] or 0) / total if cell["elapsed_s"] else 0.0
    return {
        "share": share,
        "bar": shares([("time", share), ("rest", 1 - share)], 60, 4) if share else "",
        "ran": cell["status"] != "none",
    }


def _check(store: Store, catalog: Catalog, run: Run, check: Mapping[str, Any]) -> dict[str, Any]:
    dataset = str(check.get("dataset"))
    past = store.points(dataset, "check", str(check.get("name")), until=run.key)
    return check_view(check, partial(catalog.hides, dataset), past)


def _datasets(catalog: Catalog, record: RunRecord) -> list[str]:
    """The pages of what this run's step makes."""
    node = catalog.step(record.step)
    known = [str(name) for name in node.outputs] if node else []
    return known or [str(o["dataset"]) for o in record.outputs if o.get("dataset")]


def _of_outputs(catalog: Catalog, record: RunRecord, view: Callable[..., Any]) -> list[Any]:
    """A view of each output that has one, classified values hidden."""
    found = [view(o, partial(catalog.hides, str(o.get("dataset")))) for o in record.outputs]
    return [one for one in found if one is not None]
