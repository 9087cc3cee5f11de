"""The folder that a run works in, `<runs>/.work/<run>/`, and whose it is.

Its lock is held as long as the run's command lives. Folders without a holder are debris of commands
that were killed; `debris.py` archives them. A run also holds its environment in place, so that
`drop.py` does not move it away meanwhile.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..archive.masking import mask_parameters, masker
from ..contract.time import partitions_of
from ..files import make_folder, put_file, sync
from ..graph import OpsJob, StepNode
from ..intervals import Interval
from ..names import PROD
from ..settings import Settings

_FILE = "run.json"


@dataclass(frozen=True)
class Attempt:
    """What is known of a run before it begins. `began` is ISO 8601 in UTC.

    `command`: of a maintenance run without a notebook, how it was called. `untracked`: what its
    result depends on that nobody tracks.
    """

    run_id: str
    step: str
    notebook: str
    began: str
    start: str | None = None
    end: str | None = None
    partitions: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    untracked: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        run_id: str,
        node: StepNode | OpsJob,
        interval: Interval | None,
        began: datetime,
        parameters: Mapping[str, Any],
        hidden: Collection[str] = (),
        untracked: tuple[str, ...] = (),
    ) -> Attempt:
        """`hidden`: see `mask_parameters`."""
        contract = node.contract if isinstance(node, StepNode) else None
        tables = contract.tables if contract else ()
        names = {name for table in tables for name in partitions_of(table, interval)}
        return cls(
            run_id=run_id,
            step=str(node.name),
            notebook=str(node.notebook),
            began=began.isoformat(timespec="milliseconds"),
            start=str(interval.start) if interval else None,
            end=str(interval.end) if interval else None,
            partitions=tuple(sorted(names)),
            parameters=mask_parameters(parameters, hidden),
            untracked=untracked,
        )


@contextmanager
def workspace(settings: Settings, attempt: Attempt) -> Iterator[Path]:
    """Make the run's folder and hold it. It is removed at the end; an error leaves it as debris."""
    work = settings.runs / ".work" / attempt.run_id
    # The lock is there before the folder, so that no folder of a living run is without.
    with hold_environment(settings), _held(work) as is_ours:
        assert is_ours, f"{work} is held by another"
        work.mkdir()
        # Durable before anything runs: whatever it commits, its run is known after a power cut.
        text = json.dumps(masker(os.environ)(asdict(attempt)), default=str)
        put_file(work / _FILE, text)
        sync(work.parent)
        yield work
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def hold_environment(settings: Settings, *, alone: bool = False) -> Iterator[bool]:
    """Hold an environment in place: runs do it together, what moves it away does it `alone`.

    Gives False when `alone` was asked for and a run holds it. The system lets go at a kill. The
    lock stands outside the environment's folder, which may be moved.
    """
    if settings.env == PROD:  # which nothing moves
        yield True
        return
    path = settings.lake / ".locks" / f"{settings.env}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_CREAT | os.O_RDONLY, 0o644)
    try:
        yield _lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _lock(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        return False
    return True


def living(settings: Settings) -> tuple[str, ...]:
    """The runs whose command lives."""
    found = []
    folder = settings.runs / ".work"
    # Only folders: before its folder is there, a run must find its lock free.
    for work in sorted(folder.iterdir()) if folder.is_dir() else ():
        if work.is_dir():
            with _held(work) as is_free:
                if not is_free:
                    found.append(work.name)
    return tuple(found)


def abandoned(settings: Settings) -> Iterator[tuple[Path, Attempt | None]]:
    """The folders of runs whose command is gone; None for one that never began.

    Each is held while the caller has it, and removed after.
    """
    folder = settings.runs / ".work"
    for work in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not work.is_dir():
            continue
        with _held(work) as is_ours:
            if is_ours and work.is_dir():
                yield work, _read(work)
                shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _held(work: Path) -> Iterator[bool]:
    """Hold a folder's lock; False when somebody else does. The system lets go of it at a kill."""
    path = work.with_name(f"{work.name}.lock")
    make_folder(path.parent)
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        yield False
        return
    try:
        yield True
    finally:
        if not work.exists():
            path.unlink(missing_ok=True)
        os.close(lock)


def _read(work: Path) -> Attempt | None:
    try:
        raw = json.loads((work / _FILE).read_text(encoding="utf-8"))
        lists = {n: tuple(raw.get(n, ())) for n in ("partitions", "untracked")}
        return Attempt(**{**raw, **lists})
    except (OSError, ValueError, TypeError, KeyError):
        return None
