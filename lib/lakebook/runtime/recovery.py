"""What is left of a job that gave no result: its notebook, as far as the journal knows it.

`job.py` follows a job that lives.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from .journal import NAME as JOURNAL
from .journal import rebuild
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


def recover(out: Path, source: Path, name: str, cause: str, *, kernel: str) -> dict[str, Any]:
    """The job gave no result: save what its journal holds as the notebook of a killed run."""
    notebook, stats = rebuild(out / JOURNAL)
    sentence = f"{name}: the job {cause}"
    if notebook is None:
        notebook = json.loads(source.read_text(encoding="utf-8"))
    metadata = notebook.setdefault("metadata", {})
    metadata["lakebook"] = {"status": "killed", "error": sentence}
    (out / NOTEBOOK).write_text(
        json.dumps(notebook, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    return {
        **nothing(f"{sentence}; its log is {out / 'job.log'}"),
        "status": "killed",
        "exit_code": 1,
        "cells": stats,
        "peak_rss_mb": max((stat["peak_rss_mb"] for stat in stats), default=0.0),
        "kernel": kernel,
    }


def cause_of(status: int) -> str:
    if status < 0:
        return f"was killed by signal {-status}, {signal.Signals(-status).name}"
    return f"ended with status {status} and no result"
