"""Finds runs that the site does not know yet, and runs that were pruned since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..archive.record import RECORD, RunRecord, names_in, read_record
from ..cards.views import figure_of
from ..cards.words import did
from ..errors import StorageError
from ..names import is_job
from .content import load_cells
from .removed import bare_row, without_content
from .store import Point, Run, Store
from .words import cause

PRUNED = ".pruned.json"
LOST = "its folder is no longer in the archive"
FOLLOWERS = 30  # runs whose pages show the history of a check
WORDS_MAX = 4_000  # characters of a run that can be searched


@dataclass(frozen=True)
class Found:
    """A run folder, or the note that a pruned one left."""

    run_id: str
    day: str
    pruned: bool


def scan(store: Store, runs: Path) -> int:
    """Take in what is new and mark the pages that change; return how many runs that are."""
    known = store.known()
    there = list(listing(runs))
    fresh = [
        entry
        for entry in there
        if entry.run_id not in known or (entry.pruned and not known[entry.run_id])
    ]
    lost = {name for name, gone in known.items() if not gone} - {entry.run_id for entry in there}
    with store.transaction():
        for run_id in sorted(lost):
            _lose(store, run_id)
    gone = bool(lost)
    for start in range(0, len(fresh), 200):
        with store.transaction():
            for entry in fresh[start : start + 200]:
                _take(store, runs, entry)
                gone = gone or (entry.pruned and entry.run_id in known)
    if gone:
        store.shrink()
    return len(fresh)


def listing(runs: Path) -> Iterator[Found]:
    """All runs below the archive, by day; a folder wins over a note, so pruning can be resumed."""
    for day in sorted(names_in(runs)):
        if day.startswith(".") or not (runs / day).is_dir():
            continue
        names = set(names_in(runs / day))
        for name in sorted(names):
            if name.startswith("."):
                continue
            if name.endswith(PRUNED):
                run_id = name.removesuffix(PRUNED)
                if run_id not in names:
                    yield Found(run_id, day, True)
            elif "." in name or (runs / day / name).is_dir():
                yield Found(name, day, False)


def _take(store: Store, runs: Path, entry: Found) -> None:
    folder = runs / entry.day / entry.run_id
    if entry.pruned:
        note = json.loads((runs / entry.day / f"{entry.run_id}{PRUNED}").read_text("utf-8"))
        record, why = without_content(RunRecord.from_json(note["record"])), str(note["why"])
    elif (folder / RECORD).is_file():
        try:
            record, why = read_record(folder), ""
        except StorageError:
            return  # `lakebook runs` says what is wrong with it; one bad folder hides no other
    else:
        return
    run = Run(
        run_id=entry.run_id,
        step=record.step,
        began=record.began,
        status=record.status,
        folder=f"{entry.day}/{entry.run_id}",
        pruned=why,
        row=bare_row(_row(record)) if why else _row(record),
    )
    words = "" if why else _words(record, folder)
    _enter(store, run, words, _points(record))


def _enter(store: Store, run: Run, words: str, points: Iterable[Point]) -> None:
    """Remember a run, and mark its page and those of its neighbours."""
    segment = store.add(run, words, list(points))
    store.soil([f"run:{run.run_id}", f"data:{segment}"])
    if run.pruned:
        store.soil(f"run:{later.run_id}" for later in store.after(run, limit=FOLLOWERS))
    before = store.before(run)
    if before:
        store.soil([f"run:{before.run_id}"])
    # A run that comes late, or is gone, changes what its followers are compared with.
    for later in store.after(run, limit=-1):  # all
        store.soil([f"run:{later.run_id}"])
        if later.status == "ok":
            break


def _lose(store: Store, run_id: str) -> None:
    """A folder that somebody removed by hand: its page says so from now on."""
    run = store.get(run_id)
    if run is not None:
        figures = [point for point in store.points_of(run_id) if point.kind == "rows"]
        _enter(store, replace(run, pruned=LOST, row=bare_row(run.row)), "", figures)


def _row(record: RunRecord) -> dict[str, Any]:
    broken = [check for check in record.checks if not check.get("success")]
    return {
        "id": record.run_id,
        "step": record.step,
        "status": record.status,
        "began": epoch(record.began),
        "took": round(record.elapsed_s, 3),
        "start": record.start,
        "end": record.end,
        "rows": record.rows("published"),
        "aside": record.rows("quarantined"),
        "warn": sum(check.get("action") == "warn" for check in broken),
        "mb": round(record.peak_rss_mb),
        "error": cause(record.error, record.status),
        **({"did": record.summary or did(record.operations)} if is_job(record.step) else {}),
    }


def epoch(iso: str) -> int:
    """Seconds since 1970, which every browser reads alike."""
    try:
        return int(datetime.fromisoformat(iso).timestamp())
    except ValueError:
        return 0


def _points(record: RunRecord) -> Iterator[Point]:
    place = (record.run_id, record.began)
    for output in record.outputs:
        detail = {
            "version": output.get("version"),
            "audited": output.get("rows_audited"),
            "quarantined": output.get("rows_quarantined"),
            "committed": len(output.get("committed") or ()),
            "start": record.start,
            "end": record.end,
        }
        rows = output.get("rows_published")
        yield Point(*place, str(output.get("dataset")), "rows", "", rows, True, detail)
    for check in record.checks:
        found = figure_of(check)
        detail = {"action": check.get("action"), "column": check.get("column")}
        yield Point(
            *(*place, str(check.get("dataset")), "check", str(check.get("name"))),
            *(found.value, found.good, detail),
        )


def _words(record: RunRecord, folder: Path) -> str:
    """What a search looks through beside step and error: outputs, checks that did not hold."""
    parts = [record.error or "", record.note]
    parts += [str(output.get("dataset")) for output in record.outputs]
    parts += [f"{one.get('kind')} {one.get('dataset')}" for one in record.operations]
    parts += [f"{c.get('name')} {c.get('reason')}" for c in record.checks if not c.get("success")]
    parts += [f"{name} {value}" for name, value in record.parameters.items()]
    for cell in load_cells(folder):
        parts += [output.get("text", "") for output in cell["outputs"]]
    return " ".join(" ".join(parts).split())[:WORDS_MAX].lower()
