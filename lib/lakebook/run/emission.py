"""After a run: what it left goes to the catalog's outbox. This never fails a run.

What could not be emitted is emitted with the next run, or by `lakebook datahub emit`.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from ..errors import LakebookError
from ..runtime.warm import WarmUnavailable, call
from ..settings import Settings

_LONGEST_S = 120.0


def begin_emission(settings: Settings) -> Callable[[], str]:
    """Start `emit_after_run` beside what else ends a run; the function waits and returns its note.

    The work is done by another process, so that a run of one step hardly waits for it.
    """
    notes: list[str] = []
    worker = Thread(
        target=lambda: notes.append(emit_after_run(settings)), name="emission", daemon=True
    )
    worker.start()

    def finish() -> str:
        worker.join()
        return notes[0] if notes else ""

    return finish


def emit_after_run(settings: Settings) -> str:
    """Emit the runs that the outbox lacks; return a note for people, empty if all went well."""
    if settings.env not in settings.catalog.emit:
        return ""
    try:
        problem = _emit(settings)
    except Exception as broken:  # whatever it is: the run is done, and what it made stands
        problem = broken.sentence if isinstance(broken, LakebookError) else _words(broken)
        from ..catalog.pending import settle

        settle(settings, problem)
    return f"not emitted to the catalog: {problem}; the next run tries again" if problem else ""


def _emit(settings: Settings) -> str:
    where = (str(settings.root), str(settings.lake), settings.env)
    target = "lakebook.catalog.emit:emit_in"
    try:
        done = call(settings, target, *where, timeout_s=_LONGEST_S)
    except WarmUnavailable:  # then this process pays for the imports
        from ..catalog.emit import emit_in

        done = emit_in(*where)
    return str(done["problem"])


def _words(broken: Exception) -> str:
    return f"{type(broken).__name__}: {broken}"
