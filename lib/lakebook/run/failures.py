"""The partitions whose last run failed, per step: a good commit alone does not make a run good.

Kept as `<lake>/<env>/state/failed/<step>.json`, partition -> run. The planner calls them stale.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..files import make_folder, put_file
from ..names import Dataset
from ..settings import Settings


def failed_partitions(settings: Settings, step: Dataset) -> dict[str, str]:
    """Partition -> the run that failed."""
    return _read(_path(settings, step))


def note_failed(settings: Settings, step: Dataset, names: Iterable[str], run_id: str) -> None:
    """Remember that these partitions must be run again, whatever their tokens say."""
    added = dict.fromkeys(names, run_id)
    _change(_path(settings, step), lambda noted: {**noted, **added})


def clear_failed(settings: Settings, step: Dataset, names: Iterable[str]) -> None:
    """Forget partitions that a good run has made."""
    path, good = _path(settings, step), set(names)
    if path.is_file():
        _change(path, lambda noted: {n: run for n, run in noted.items() if n not in good})


def _path(settings: Settings, step: Dataset) -> Path:
    return settings.lake / settings.env / "state" / "failed" / f"{step}.json"


def _read(path: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _change(path: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Read, change, replace; under a lock, since other commands note other partitions."""
    make_folder(path.parent)
    lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _read(path)
        after = change(before)
        if after != before:
            put_file(path, json.dumps(after, indent=1))
    finally:
        os.close(lock)
