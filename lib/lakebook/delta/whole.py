"""A dataset over its directly readable tiers: the hot table with what it placed in warm.

Hot is opened first, then warm. A copy in warm counts only if it bears the very token by which hot
places it there; if it does not, hot has moved on meanwhile and both are opened again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from ..errors import ConflictError, StorageError
from . import tokens as token
from .log import open_snapshot
from .snapshot import Snapshot

_TRIES = 100


def open_whole(hot: Path, warm: Path, *, lost_ok: bool = False) -> Snapshot:
    """The newest hot snapshot, with the files of the partitions that lie in warm.

    Their paths are absolute. Partitions in cold have no file in it. Raises StorageError if warm
    lacks what hot places there; with `lost_ok` such a partition has no file in it, which is for
    its reader to say.
    """
    return open_both(hot, warm, lost_ok=lost_ok)[1]


def open_both(hot: Path, warm: Path, *, lost_ok: bool = False) -> tuple[Snapshot, Snapshot]:
    """Hot as it stands, which is what a writer notes, and the same as `open_whole` gives it."""
    for attempt in range(_TRIES):
        snapshot = open_snapshot(hot)
        whole = with_warm(snapshot, warm)
        if whole is not None:
            return snapshot, whole
        if attempt > 1:
            time.sleep(min(0.002 * attempt, 0.05))  # a lake that changes faster than it is read
        is_calm = attempt > 2 and open_snapshot(hot).version == snapshot.version
        if is_calm and (missing := _missing(snapshot, open_snapshot(warm))):
            if lost_ok:
                return snapshot, _joined(snapshot, open_snapshot(warm))
            raise StorageError(  # nobody has moved it
                f"{', '.join(missing[:3])} should lie in warm and is not there",
                where=str(warm),
                fix="lakebook tier verify names what is damaged",
            )
    raise ConflictError("the table moves faster than it is read", where=str(hot), fix="run again")


def with_warm(hot: Snapshot, warm: Path) -> Snapshot | None:
    """A hot snapshot with warm's files; None if warm has moved past it."""
    placed = hot.placed("warm")
    if not placed:
        return hot
    copies = open_snapshot(warm)
    if _missing(hot, copies):
        return None
    return _joined(hot, copies)


def _joined(hot: Snapshot, warm: Snapshot) -> Snapshot:
    files = [
        replace(file, path=str(warm.table / file.path))
        for file in warm.files_in(p for p in hot.placed("warm") if has_copy(hot, warm, p))
    ]
    return replace(hot, files=(*hot.files, *files))


def has_copy(hot: Snapshot, warm: Snapshot, partition: str) -> bool:
    """Whether warm holds the copy that hot places there."""
    name = token.placement(partition)
    return partition in warm.by_partition and warm.tokens.get(name) == hot.tokens.get(name)


def _missing(hot: Snapshot, warm: Snapshot) -> list[str]:
    return [p for p in hot.placed("warm") if not has_copy(hot, warm, p)]
