"""After a run: what it left goes to the catalog's outbox. This never fails a run.

What could not be emitted is emitted with the next run, or by `lakebook datahub emit`.
"""

from __future__ import annotations

from ..errors import LakebookError
from ..runtime.warm import WarmUnavailable, call
from ..settings import Settings

_LONGEST_S = 120.0


def emit_after_run(settings: Settings) -> str:
    """Emit the runs that the outbox lacks; return a note for people, empty if all went well."""
    if settings.env not in settings.catalog.emit:
        return ""
    try:
        troubles = _emit(settings)
    except LakebookError as broken:
        troubles = [broken.sentence]
    except Exception as broken:  # whatever it is: the run is done, and what it made stands
        troubles = [f"{type(broken).__name__}: {broken}"]
    if not troubles:
        return ""
    more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return f"not emitted to the catalog: {troubles[0]}{more}; the next run tries again"


def _emit(settings: Settings) -> list[str]:
    where = (str(settings.root), str(settings.lake), settings.env)
    target = "lakebook.catalog.emit:emit_in"
    try:
        done = call(settings, target, *where, timeout_s=_LONGEST_S)
    except WarmUnavailable:  # then this process pays for the imports
        from ..catalog.emit import emit_in

        done = emit_in(*where)
    found: list[str] = done["troubles"]
    return found
