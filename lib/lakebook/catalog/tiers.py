"""What a command did to tiers, told to the archive and the catalog as a run without a notebook.

A maintenance notebook needs none of this: its run record has its operations. Commands use it by
`cli.telling`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..archive.record import NO_KERNEL, RunRecord, write_record
from ..errors import LakebookError
from ..settings import Settings
from .emit import emit_runs
from .pending import settle


def emit_moves(
    settings: Settings,
    operations: Sequence[Mapping[str, Any]],
    run_id: str,
    *,
    job: str = "tiering",
    command: str = "",
    began: datetime | None = None,
    error: str = "",
) -> str:
    """Archive what a command did, then emit it; return a note for people, empty if all went well.

    Never raises: what was moved has been moved. A note says what is missing, and whatever is in
    the archive is emitted by the next run or by `lakebook datahub emit`.

    Parameters
    ----------
    operations: as in the record of a maintenance run (`catalog.operations`). Nothing is archived
        where there is none, and no error.
    run_id: the run that stands in the commits' metadata; a name for a folder.
    job: the maintenance job whose notebook does the same: tiering, restore, retention, erase …
    command: how it was called, such as `lakebook tier apply`, without values of rows.
    began: when, with a zone; it ended now.
    error: why it did not come to its end. `operations` are then those that were done.
    """
    if not operations and not error:
        return ""
    ended = datetime.now(UTC)
    began = began or ended
    record = RunRecord(
        run_id=run_id,
        step=f"ops.{job}",
        env=settings.env,
        status="failed" if error else "ok",
        began=began.astimezone(UTC).isoformat(timespec="milliseconds"),
        elapsed_s=round((ended - began).total_seconds(), 3),
        operations=tuple(dict(one) for one in operations),
        error=error or None,
        exit_code=1 if error else 0,
        kernel=NO_KERNEL,
        note=command,
    )
    try:
        with tempfile.TemporaryDirectory() as empty:
            write_record(settings.runs, record, Path(empty))
    except Exception as broken:
        return f"not archived: {_words(broken)}"
    if settings.env not in settings.catalog.emit:
        return ""
    try:
        problem = emit_runs(settings).problem
    except Exception as broken:
        problem = _words(broken)
        settle(settings, problem)
    return f"not emitted to the catalog: {problem}; the next run tries again" if problem else ""


def _words(broken: Exception) -> str:
    if isinstance(broken, LakebookError):
        return broken.sentence
    return f"{type(broken).__name__}: {broken}"
