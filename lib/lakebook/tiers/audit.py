"""The audit trail: what retention and erasure deleted, when, by whom and why. Kept for good.

`<lake>/prod/audit/deletions.jsonl`, a line per event and never a line changed: `begun` is durable
before the first file goes, `done` follows when the last one has gone. No line holds a value of a
row.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import storage_errors
from ..files import make_folder, sync_all
from ..names import PROD

BEGUN, DONE = "begun", "done"


def audit_path(lake: Path) -> Path:
    return lake / PROD / "audit" / "deletions.jsonl"


def append_audit(lake: Path, events: Iterable[Mapping[str, Any]]) -> None:
    """Add events, each as a line with the time of now (UTC); durable when it returns."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    lines = [json.dumps({"at": at, **event}, ensure_ascii=False) for event in events]
    if not lines:
        return
    path = audit_path(lake)
    with storage_errors("writing the audit trail", path):
        make_folder(path.parent)
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            text = _line_break(handle) + "".join(f"{line}\n" for line in lines)
            content = memoryview(text.encode())
            while content:
                content = content[os.write(handle, content) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        # Also where the file was there: who made it may have died before its name was durable.
        sync_all((path.parent, path.parent.parent))


def read_audit(lake: Path) -> tuple[dict[str, Any], ...]:
    """One record for each `id`, oldest first: what all its events say, the last word counting.

    `state` is `begun` or `done`, `begun_at` when it began. A torn line is left out.
    """
    records: dict[str, dict[str, Any]] = {}
    try:
        content = audit_path(lake).read_bytes()
    except FileNotFoundError:
        return ()
    for line in content.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        known = records.get(event["id"], {"begun_at": event["at"]})
        records[event["id"]] = {**known, **event}
    return tuple(records.values())


def _line_break(handle: int) -> str:
    """What separates new lines from one that a power cut tore."""
    size = os.fstat(handle).st_size
    return "" if size == 0 or os.pread(handle, 1, size - 1) == b"\n" else "\n"
