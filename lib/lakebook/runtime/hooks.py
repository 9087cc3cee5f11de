"""IPython extension of every Lakebook kernel: what an error looks like, and how a run learns of it.

A LakebookError is a sentence for a person, so it is shown as that sentence, not as a traceback; in
a run, the error that stopped a cell is written to `<out>/error.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..archive.masking import masker
from ..errors import LakebookError
from ..step import Step
from ..step.sql_magic import register
from ..step.told import told
from .child import describe


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when the kernel starts (`--ext` in the kernelspec)."""
    LakebookError._render_traceback_ = _render  # type: ignore[attr-defined]
    register(shell)
    shell.events.register("post_run_cell", partial(_record, shell.user_ns))


def _render(error: LakebookError) -> list[str]:
    """IPython shows these lines instead of a traceback."""
    return [f"\x1b[0;31m{type(error).__name__}\x1b[0m: {error.sentence}"]


def _record(names: Mapping[str, Any], result: Any) -> None:
    raised = result.error_before_exec or result.error_in_exec
    context = os.environ.get("LAKEBOOK_RUN")
    if raised is None or not context:
        return
    out = json.loads(Path(context).read_text(encoding="utf-8"))["out"]
    raised = _told(raised, names) or raised
    found = {**describe(raised), "sentence": str(raised)}
    if not isinstance(raised, LakebookError):
        found["sentence"] = f"{type(raised).__name__}: {raised}".strip().rstrip(":")
        found["where"] = (
            ""  # a line of a cell's temporary file helps nobody: the job names the cell
        )
    # Before the cell's reply: who waits for that finds the file complete.
    Path(out, "error.json").write_text(json.dumps(masker(os.environ)(found)), encoding="utf-8")


def _told(raised: BaseException, names: Mapping[str, Any]) -> LakebookError | None:
    """What to tell of an engine's error, by what the cells' steps have read."""
    steps = {id(value): value for value in names.values() if isinstance(value, Step)}
    try:
        return told(raised, steps.values())
    except Exception:  # the source may be gone meanwhile: then the error itself must do
        return told(raised, [])
