"""Bounds in a table's log of files that may have held a subject, and taking them out.

The lowest and the highest value of each column of a file stand in its statistics: in the log
entry that added it, in checkpoints from then on, and in what a pin keeps. Whose key is no bound may
be one by name, so all bounds of such a file go. Of a file that still counts they are values of
other rows. An entry is put back without bounds rather than deleted: a writer that slept would take
the version of an entry that is gone, and its commit would be lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from ...delta import open_snapshot
from ...delta.checkpoint import checkpoint_path
from ...delta.checkpointing import clear_scratch, place_checkpoint
from ...delta.disk import put, sync_folder
from ...delta.faults import fault_point
from ...delta.log import commit_path, list_log, log_folder
from ...errors import StorageError, storage_errors
from .search import Search

_SCRATCH_S = 60.0  # a checkpoint that is being made now is not disturbed
_SIDES = ("minValues", "maxValues")


class Suspects:
    """Files of a table whose bounds may be the subject's: those that do not count any more and have
    rows of the subject, or cannot be asked, since they are gone from the disk or cannot be decoded.
    """

    def __init__(self, table: Path, search: Search) -> None:
        self._table, self._search = table, search
        self._live = {file.path for file in open_snapshot(table).files}

    def tell(self, name: str, stats_json: str | None) -> bool:
        """Whether a file is one of them and its statistics have a bound. `name`: as in the log."""
        if not stats_json or not _has_bounds(json.loads(stats_json)):
            return False
        path = unquote(name)
        return path not in self._live and not self._search.is_clear(self._table / path)


def telling_entries(table: Path, search: Search) -> Iterator[Path]:
    """Log entries and checkpoints with bounds of such files."""
    suspects = Suspects(table, search)
    commits, checkpoints = list_log(table)
    for version in commits:
        path = commit_path(table, version)
        if _without(path, suspects) is not None:
            yield path
    for version in checkpoints:
        path = checkpoint_path(table, version)
        if any(suspects.tell(name, stats) for name, stats in _added(path)):
            yield path


def redact(table: Path, search: Search) -> int:
    """Take such bounds out of a table's log; return how many of its files changed.

    The versions stay readable, but for those that only a checkpoint with such bounds could give.
    Raises StorageError for a damaged log.
    """
    if open_snapshot(table).version < 0:
        return 0
    suspects = Suspects(table, search)
    clear_scratch(table, older_than_s=_SCRATCH_S)  # links to entries as they were
    changed = 0
    with storage_errors("taking bounds out of the log", table):
        telling = list(telling_entries(table, search))
        if any(path.suffix == ".parquet" for path in telling):
            place_checkpoint(table, open_snapshot(table).version)
        for path in telling:
            if path.suffix == ".parquet":
                path.unlink(missing_ok=True)
            elif (content := _without(path, suspects)) is not None:
                put(path, content)
            changed += 1
            fault_point("erase.after_entry")
        if changed:
            sync_folder(log_folder(table))
    return changed


def _has_bounds(stats: dict[str, Any]) -> bool:
    return any(stats.get(side) for side in _SIDES)


def _without(path: Path, suspects: Suspects) -> bytes | None:
    """An entry's content without telling bounds; None if it has none, or is gone."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return None
    changed = False
    for at, line in enumerate(lines):
        if b'"stats"' not in line:
            continue
        try:
            action = json.loads(line)
        except ValueError as broken:
            raise StorageError(f"damaged log entry: {broken}", where=str(path)) from None
        for kind in ("add", "remove"):
            file = action.get(kind) or {}
            if file and suspects.tell(file["path"], file.get("stats")):
                stats = json.loads(file["stats"])
                file["stats"] = json.dumps({**stats, **{side: {} for side in _SIDES}})
                # Its end stays as it was: delta-rs ends its last line with nothing.
                end = line[len(line.rstrip(b"\r\n")) :]
                lines[at] = json.dumps(action, separators=(",", ":")).encode() + end
                changed = True
    return b"".join(lines) if changed else None


def _added(checkpoint: Path) -> Iterator[tuple[str, str | None]]:
    """Files of a checkpoint with their statistics."""
    try:
        rows = pq.ParquetFile(checkpoint).read(columns=["add.path", "add.stats"], use_threads=False)
    except FileNotFoundError:
        return
    except pa.ArrowInvalid as broken:
        raise StorageError(f"damaged checkpoint: {broken}", where=str(checkpoint)) from None
    for action in rows["add"].combine_chunks().drop_null().to_pylist():
        yield action["path"], action["stats"]
