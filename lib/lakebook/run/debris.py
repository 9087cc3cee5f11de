"""Runs whose command was killed: archived as killed from what they left, and run again."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from ..archive.masking import MASK
from ..errors import LakebookError, StorageError
from ..names import parse_notebook
from ..runtime.job import job_result
from ..runtime.recovery import recover
from ..settings import Settings
from ..site.build import build_site
from .closing import close_run
from .unsaid import unsaid_operations
from .workspace import Attempt, abandoned


def adopt_debris(settings: Settings) -> tuple[str, ...]:
    """Archive what killed commands left in the lake; return the names of those runs.

    Costs one look at a folder when there is nothing. Runs of commands that live are left alone.
    """
    adopted = []
    for work, attempt in abandoned(settings):
        if attempt is None or (settings.runs / attempt.began[:10] / attempt.run_id).exists():
            continue  # it never began, or was archived and not yet tidied up
        _adopt(settings, attempt, work)
        adopted.append(attempt.run_id)
    if adopted:
        with contextlib.suppress(LakebookError):  # the next build finds them as well
            build_site(settings)
    return tuple(adopted)


def _adopt(settings: Settings, attempt: Attempt, work: Path) -> None:
    if attempt.command:
        _adopt_command(settings, attempt)
        return
    notebook = Path(attempt.notebook)
    name = notebook.name
    if notebook.is_relative_to(settings.root):
        name = str(notebook.relative_to(settings.root))
    last = max(path.stat().st_mtime for path in [work, *work.iterdir()])
    elapsed_s = max(0.0, last - datetime.fromisoformat(attempt.began).timestamp())
    sentence = f"{name}: the command that ran it was killed"
    if MASK in attempt.parameters.values():  # a secret that nobody knows any more
        for log in work.glob("*.log"):
            log.unlink()
    raw = recover(work, notebook, sentence, kernel="")
    close_run(settings, attempt, job_result(raw, elapsed_s, work), work)


def _adopt_command(settings: Settings, attempt: Attempt) -> None:
    """What a command without a notebook had done: its commits stand, so they are told."""
    from ..catalog.tiers import emit_moves

    began = datetime.fromisoformat(attempt.began)
    note = emit_moves(
        settings,
        unsaid_operations(settings, attempt.run_id, began),
        attempt.run_id,
        job=parse_notebook(attempt.step).name,
        command=attempt.command,
        began=began,
        error=f"{attempt.command}: the command was killed",
    )
    if not (settings.runs / attempt.began[:10] / attempt.run_id).exists():
        raise StorageError(  # which keeps its folder for the next try
            f"the killed run {attempt.run_id} was {note}", where=str(settings.runs)
        )
