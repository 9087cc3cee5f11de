"""What the site may still say of runs that left the archive: that they were there, and no value.

A run goes by `lakebook report prune`, which leaves a note, or with its folder. Whatever of the site
was made of it goes at the next build: pages, search data, and pages of an older build that no run
of now has.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..archive.record import RunRecord
from . import render
from .places import page_name

SOURCE = "source.json"
"""In a folder of Data Docs: which run's audit they show."""

_KEPT = ("id", "step", "status", "began", "took", "start", "end", "rows", "aside", "warn", "mb")
_OUTPUT = ("dataset", "version", "rows_published", "rows_quarantined")
_GONE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Removed run</title></head>
<body><p>This run is no longer in the archive. <a href="../index.html">All runs</a></p></body>
</html>
"""


def without_content(record: RunRecord) -> RunRecord:
    """A record without parameters, samples, outputs of cells, and words that a run wrote.

    An error or a note may quote a value.
    """
    return replace(
        record,
        parameters={},
        inputs=(),
        cells=(),
        timings={},
        checks=(),
        error=None,
        operations=(),
        summary="",
        note="",
        notes=(),
        outputs=tuple({k: one.get(k) for k in _OUTPUT} for one in record.outputs),
    )


def bare_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A run's line of the index, as figures alone."""
    return {**{key: row[key] for key in _KEPT if key in row}, "error": "", "pruned": 1}


def clear_away(
    site: Path, runs: Iterable[str], segments: Iterable[int], datasets: Iterable[str] | None
) -> None:
    """Remove what no run, segment of data or dataset of now has; a run's page becomes a note.

    `datasets`: None where they are not known. The caller holds the site's lock.
    """
    pages = {Path(page_name(run_id)).name for run_id in runs}
    for page in _files(site / "runs"):
        if page.name not in pages and page.suffix == ".html" and page.read_text("utf-8") != _GONE:
            render.write(page, _GONE)  # a link to it finds that, not nothing
    data = {f"{kind}-{number}.js" for number in segments for kind in ("runs", "words")}
    for file in _files(site / "data"):
        if file.name not in data and file.name.startswith(("runs-", "words-")):
            file.unlink(missing_ok=True)
    if datasets is not None:
        known = {"index.html", *(f"{name}.html" for name in datasets)}
        for page in _files(site / "datasets"):
            if page.name not in known:
                page.unlink(missing_ok=True)
    for folder in (site, site / "runs", site / "data", site / "datasets"):
        for part in folder.glob(".*.html.*"):  # what a builder that was killed had begun
            part.unlink(missing_ok=True)
    for part in (site / "data").glob(".[rw]*.js.*"):
        part.unlink(missing_ok=True)


def clear_docs(docs: Path, runs: Collection[str]) -> None:
    """Remove Data Docs that were rendered from a run which is not in the archive, or nobody knows
    from which; `lakebook report docs` makes them anew.
    """
    for folder in sorted(docs.glob("[!.]*")):
        try:
            run_id = json.loads((folder / SOURCE).read_text("utf-8"))["run"]
        except (OSError, ValueError, KeyError, TypeError):
            run_id = ""
        if run_id not in runs:
            shutil.rmtree(folder, ignore_errors=True)


def drop_dataset_pages(site: Path) -> None:
    """They come back with the next build that can read the graph."""
    for page in _files(site / "datasets"):
        page.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (file for file in sorted(folder.iterdir()) if not file.name.startswith("."))
