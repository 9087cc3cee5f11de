"""What the outbox holds and what waits, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings import Settings
from .cursor import Cursor, receiver_folder, rejected, waiting
from .outbox import STATE, list_files, outbox_folder, read_state
from .pending import pending, problem
from .push import URL, server_of


def status_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, Any]:
    """Counts of files; `waiting` and `set_aside`, with reasons, are None where no server is named.

    `not_emitted` are the archived runs that the outbox lacks, `problem` what the last emission
    stumbled over.
    """
    folder = outbox_folder(settings)
    state = read_state(folder / STATE)
    found: dict[str, Any] = {
        "folder": str(folder),
        "files": len(list_files(folder)),
        "not_emitted": pending(settings),
        "problem": problem(settings),
        "waiting": None,
        "set_aside": None,
        "incidents": sorted(state.incidents) if state else [],
    }
    if environ.get(URL):
        receiver = receiver_folder(folder, server_of(environ)[0])
        found["waiting"] = len(waiting(folder, Cursor.read(receiver)))
        found["set_aside"] = rejected(receiver)
    return found
