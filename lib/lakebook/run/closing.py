"""The end of a run, good or not: note it for the planner, archive its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..files import replace_file
from ..names import Dataset, Job, parse_notebook
from ..runtime.job import JobResult
from ..settings import Settings
from .archiving import archive_run
from .failures import clear_failed, note_failed
from .plan import making_path, read_making
from .unsaid import unsaid_operations
from .workspace import Attempt


def close_run(
    settings: Settings,
    attempt: Attempt,
    result: JobResult,
    work: Path,
    static: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Path:
    """Archive a run that was executed, as far as it came; return its folder."""
    step, outcome = parse_notebook(attempt.step), read_outcome(work)
    if isinstance(step, Job):  # it has no partitions that could be stale
        if result.status != "ok":
            said, began = outcome.get("operations", []), datetime.fromisoformat(attempt.began)
            outcome["operations"] = [
                *said,
                *unsaid_operations(settings, attempt.run_id, began, said),
            ]
        return archive_run(settings, attempt, result, outcome, work, secrets)
    if result.status != "ok":
        # Before the archive: killed in between, the run would be seen as failed and not run again.
        # After a conflict only what others committed meanwhile must be computed anew.
        names = outcome.get("conflicts") or attempt.partitions
        note_failed(settings, step, names, attempt.run_id)
    folder = archive_run(settings, attempt, result, outcome, work, secrets)
    if result.status == "ok":
        clear_failed(settings, step, attempt.partitions)
        _remember(settings, step, static or {}, outcome)
    return folder


def read_outcome(work: Path) -> dict[str, Any]:
    """What the step itself wrote down; empty when it did not come that far."""
    path = work / "step.json"
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:  # it is not synced each time that it is saved
        return {"notes": [f"{path.name}: a power cut has left no more than a part of it"]}
    return loaded


def _remember(
    settings: Settings, step: Dataset, static: Mapping[str, str], outcome: Mapping[str, Any]
) -> None:
    """Keep what the partitions were made of, for `plan --explain`."""
    made = read_making(settings, step)
    for name, inputs in outcome.get("parts", {}).items():
        made[name] = {"static": dict(static), "inputs": inputs}
    replace_file(making_path(settings, step), json.dumps(made))
