"""Which archived runs the outbox lacks, and what the last emission stumbled over.

Both are told to the report site, whose pages are not written anew for it (`data/catalog.js`).
`emit` catches up; this needs no lock and imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path

from ..archive.record import RECORD, names_in
from ..errors import LakebookError
from ..settings import Settings
from ..site.places import CATALOG
from ..site.render import data_file
from ..site.render import write as write_page
from .outbox import STATE, list_files, outbox_folder, read_state, write_durably


def missing_runs(settings: Settings, since: str, emitted: Collection[str]) -> Iterator[Path]:
    """Folders of archived runs, from a day on, that are not among the emitted, by day and name."""
    for day in sorted(names_in(settings.runs)):
        if not _is_day(day) or day < since:
            continue
        for run_id in sorted(names_in(settings.runs / day)):
            if run_id in emitted or run_id.startswith("."):
                continue
            folder = settings.runs / day / run_id
            if (folder / RECORD).is_file():
                yield folder


def pending(settings: Settings) -> list[str]:
    """Ids of the archived runs that were not emitted. Raises StorageError for a damaged state."""
    folder = outbox_folder(settings)
    state = read_state(folder / STATE)
    emitted = {file.name for file in list_files(folder) if file.kind == "run"}
    found = missing_runs(settings, state.since if state else "", emitted)
    return [folder.name for folder in found]


def problem(settings: Settings) -> str:
    """Why the last emission left something out; empty if it did not."""
    try:
        return str(json.loads(_problem_file(settings).read_text(encoding="utf-8"))["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def settle(settings: Settings, found: str) -> None:
    """Keep what an emission stumbled over (nothing: forget it), and tell the site what waits.

    Never raises, as it follows a run.
    """
    with contextlib.suppress(OSError):
        path = _problem_file(settings)
        if found:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, json.dumps({"problem": found}))
        else:
            path.unlink(missing_ok=True)
    tell_site(settings)


def tell_site(settings: Settings) -> None:
    """Let the pages of the site say what waits; nothing where nobody has asked for a catalog."""
    is_wanted = settings.env in settings.catalog.emit or outbox_folder(settings).exists()
    with contextlib.suppress(OSError, LakebookError):
        note = {"waiting": pending(settings) if is_wanted else [], "problem": problem(settings)}
        text = data_file("catalog", note)
        page = settings.site / CATALOG
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            write_page(page, text)


def _problem_file(settings: Settings) -> Path:
    # Not in the outbox: that may be what cannot be written.
    return settings.lake / settings.env / "state" / "emission.json"


def _is_day(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True
