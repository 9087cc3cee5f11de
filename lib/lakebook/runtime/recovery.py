"""What is left of a job that gave no result: its notebook, as far as the journal knows it.

`job.py` follows a job that lives.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from ..archive.masking import masker
from .journal import NAME as JOURNAL
from .journal import end_processes, rebuild
from .worker import NOTEBOOK


def nothing(error: str) -> dict[str, Any]:
    """The result of a notebook that was not executed."""
    return {
        "status": "failed",
        "error": error,
        "error_cell": None,
        "exit_code": 2,
        "cells": [],
        "peak_rss_mb": 0.0,
        "kernel": "none",
        "note": "",
    }


def recover(out: Path, source: Path, sentence: str, *, kernel: str) -> dict[str, Any]:
    """End what is left of a job that gave no result; its notebook is what the journal holds.

    `sentence` says what ended it. A notebook that was finished stays as it is.
    """
    end_processes(out / JOURNAL)
    notebook, stats = rebuild(out / JOURNAL)
    if notebook is not None or not _is_whole(out / NOTEBOOK):
        notebook = notebook or _as_written(source)
        metadata = notebook.setdefault("metadata", {})
        metadata["lakebook"] = {"status": "killed", "error": sentence}
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        (out / NOTEBOOK).write_text(text, encoding="utf-8")
    return {
        **nothing(sentence),
        "status": "killed",
        "exit_code": 1,
        "cells": stats,
        "peak_rss_mb": max((stat["peak_rss_mb"] for stat in stats), default=0.0),
        "kernel": kernel,
    }


def _is_whole(notebook: Path) -> bool:
    """Whether a notebook is there; of one that was never synced a power cut may leave a part."""
    try:
        json.loads(notebook.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return True


def copy_masked(source: Path, out: Path) -> None:
    """Put the notebook of the checkout into `out`, as it is, for a run that was not begun."""
    notebook = masker(os.environ)(_as_written(source))
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    (out / NOTEBOOK).write_text(text, encoding="utf-8")


def _as_written(source: Path) -> dict[str, Any]:
    """The notebook of the checkout, or an empty one where it has gone meanwhile."""
    try:
        found: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return found


def cause_of(status: int) -> str:
    if status < 0:
        return f"was killed by signal {-status}, {signal.Signals(-status).name}"
    return f"ended with status {status} and no result"
