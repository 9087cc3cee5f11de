"""The index of runs: one plain page, `<runs>/index.html`, over the records below it."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from .page import badge, count, duration, interval, page, table
from .record import REPORT, RunRecord, read_records, run_folder

INDEX = "index.html"


def write_index(runs: Path) -> Path:
    """Write the page anew and return its path; readers see the old one or the new one."""
    records = read_records(runs)
    title = f"Lakebook runs: {runs.parent.name}"
    counts = ", ".join(
        f"{sum(record.status == status for record in records)} {status}"
        for status in ("ok", "failed", "killed")
    )
    body = table(
        f"{len(records)} runs, newest first: {counts}",
        ("Status", "Step", "Interval", "Began (UTC)", "Took", "Published", "Quarantined", "Report"),
        (_row(runs, record) for record in records),
    )
    runs.mkdir(parents=True, exist_ok=True)
    target = runs / INDEX
    partial = runs / f".{INDEX}.{os.getpid()}"
    text = f"<header><h1>{escape(title)}</h1></header>\n<main>{body or '<p>No run yet.</p>'}</main>"
    partial.write_text(page(title, text), encoding="utf-8")
    partial.replace(target)
    return target


def _row(runs: Path, record: RunRecord) -> tuple[str, ...]:
    report = run_folder(runs, record) / REPORT
    link = report if report.is_file() else report.parent
    href = escape(link.relative_to(runs).as_posix(), quote=True)
    why = f'<br><span class="dim">{escape(record.error)}</span>' if record.error else ""
    return (
        badge(record.status),
        escape(record.step) + why,
        interval(record.start, record.end),
        escape(record.began[:19].replace("T", " ")),
        duration(record.elapsed_s),
        count(record.rows("published")),
        count(record.rows("quarantined")),
        f'<a href="{href}">{escape(record.run_id)}</a>',
    )
