"""What a run's page shows, as data: the record, its neighbours, its history, its difference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..archive.record import RunRecord, read_record
from .catalog import Catalog
from .charts import shares, sparkline
from .content import load_cells
from .diff import compare
from .store import Run, Store
from .words import cause

HIDDEN = "•••"
SAMPLES = 5
AROUND = 12  # lines of a long failing cell on both sides of the one that raised
# What a record of another version may lack; pages are strict about names.
_INPUT = {"version": "", "versions": {}, "partitions": (), "digest": "", "modified": ""}
_OUTPUT = {"dataset": "", "version": "", "committed": (), "rows_audited": None}
_OUTPUT |= {"rows_published": None, "rows_quarantined": None}
_CHECK = {"name": "", "column": None, "reason": "", "unexpected": None, "evaluated": None}
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
        "checks": [_check(store, catalog, run, check) for check in _ordered(record.checks)],
        "outputs_made": [_output(output) for output in record.outputs],
        "inputs": [_input(catalog, entry) for entry in record.inputs],
        "profile": profile(catalog, record),
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


def _ordered(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What did not hold first, the gravest first among it."""
    weight = {"fail": 0, "quarantine": 1, "warn": 2}
    return sorted(
        checks, key=lambda c: (bool(c.get("success")), weight.get(str(c.get("action")), 3))
    )


def _check(store: Store, catalog: Catalog, run: Run, check: Mapping[str, Any]) -> dict[str, Any]:
    dataset, column = str(check.get("dataset")), check.get("column")
    secret = catalog.hides(dataset, column)
    state = "ok"
    if not check.get("success"):
        state = {"fail": "failed", "quarantine": "aside"}.get(str(check.get("action")), "warn")
    past = store.points(dataset, "check", str(check.get("name")), until=run.key)
    observed = check.get("observed")
    return {
        **_CHECK,
        **check,
        "state": state,
        "observed": HIDDEN if secret and observed is not None else _short(observed),
        "sample": _sample(catalog, dataset, check, secret) if state != "ok" else [],
        "history": sparkline(past),
    }


def _sample(
    catalog: Catalog, dataset: str, check: Mapping[str, Any], secret: bool
) -> list[dict[str, Any]]:
    """Some rows that broke a rule, classified columns hidden."""
    shown = []
    for row in list(check.get("sample") or ())[:SAMPLES]:
        if isinstance(row, Mapping):
            shown.append(
                {k: HIDDEN if catalog.hides(dataset, k) else _short(v) for k, v in row.items()}
            )
        else:
            shown.append({str(check.get("column") or "value"): HIDDEN if secret else _short(row)})
    return shown


def _short(value: Any) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _output(output: Mapping[str, Any]) -> dict[str, Any]:
    published = int(output.get("rows_published") or 0)
    aside = int(output.get("rows_quarantined") or 0)
    return {
        **_OUTPUT,
        **output,
        "bar": shares([("rows", published), ("aside", aside)]),
        "balanced": int(output.get("rows_audited") or 0) == published + aside,
    }


def _input(catalog: Catalog, entry: Mapping[str, Any]) -> dict[str, Any]:
    dataset = str(entry.get("dataset") or "")
    return {
        **_INPUT,
        **entry,
        "dataset": dataset,
        "page": dataset if dataset in catalog.tables else "",
    }


def _datasets(catalog: Catalog, record: RunRecord) -> list[str]:
    """The pages of what this run's step makes."""
    node = catalog.step(record.step)
    known = [str(name) for name in node.outputs] if node else []
    return known or [str(o["dataset"]) for o in record.outputs if o.get("dataset")]


def profile(catalog: Catalog, record: RunRecord) -> list[dict[str, Any]]:
    """Columns of each output with nulls, distinct values and bounds; classified bounds hidden."""
    found = []
    for output in record.outputs:
        given = output.get("profile") or {}
        rows = int(given.get("rows") or 0)
        columns = []
        for name, figures in (given.get("columns") or {}).items():
            secret = catalog.hides(str(output.get("dataset")), name)
            nulls = int(figures.get("nulls") or 0)
            bounds = {
                k: HIDDEN if secret and figures.get(k) is not None else _short(figures.get(k))
                for k in ("min", "max")
            }
            filled = 1 - nulls / rows if rows else 1.0
            columns.append(
                {
                    "name": name,
                    "nulls": nulls,
                    "filled": filled,
                    "bar": shares([("rows", filled), ("rest", 1 - filled)], 60, 6),
                    "distinct": figures.get("distinct"),
                    **bounds,
                }
            )
        if columns:
            found.append({"dataset": output.get("dataset"), "rows": rows, "columns": columns})
    return found
