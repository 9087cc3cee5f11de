"""The output journal: what a notebook printed, on disk line by line while it runs.

A job that is killed leaves no notebook; `rebuild` makes it from the journal, which grows with what
is shown: a display that is drawn anew adds a line. Plain JSON, so that the command line needs no
notebook library for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from . import proc

NAME = "journal.jsonl"


class Journal:
    """Appends records; each is with the system (not yet on the disk) when `add` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)

    def add(self, record: dict[str, Any]) -> None:
        data = memoryview(json.dumps(record, default=str).encode() + b"\n")
        while data:
            data = data[os.write(self._file, data) :]

    def add_process(self, pid: int) -> None:
        """Note a process that must not outlive the job."""
        self.add({"process": [pid, proc.started(pid)]})

    def add_scratch(self, folder: Path) -> None:
        """Note a folder that the job removes when it ends."""
        self.add({"scratch": str(folder)})

    def close(self) -> None:
        os.close(self._file)


def end_processes(path: Path, timeout_s: float = 3.0) -> None:
    """Kill the job and its kernel, if they live still, wait until they are gone, and clear up.

    A kernel that goes on would commit after its run was declared dead.
    """
    records = _records(path)
    noted = [record["process"] for record in records if "process" in record]
    deadline = time.monotonic() + timeout_s
    for pid, began in noted:
        while began and proc.started(pid) == began and time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.01)
    for record in records:
        if "scratch" in record:
            shutil.rmtree(record["scratch"], ignore_errors=True)


def rebuild(path: Path) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The notebook as far as it came, and the statistics of its cells; None if it never began."""
    notebook: dict[str, Any] | None = None
    stats: dict[int, dict[str, Any]] = {}
    shown: dict[str, list[dict[str, Any]]] = {}
    for record in _records(path):
        if "notebook" in record:
            notebook = record["notebook"]
        if notebook is None or "cell" not in record:
            continue
        at = record["cell"]
        cell = notebook["cells"][at]
        if "output" in record:
            cell.setdefault("outputs", []).append(record["output"])
            if "display" in record:
                shown.setdefault(record["display"], []).append(record["output"])
        elif "update" in record:
            for output in shown.get(record["update"], ()):
                output.update(record["with"])
        elif "outputs" in record:
            cell["outputs"] = record["outputs"]
        if "stat" in record:
            stats[at] = record["stat"]
            cell["metadata"]["lakebook"] = record["stat"]
    return notebook, [stats[at] for at in sorted(stats)]


def _records(path: Path) -> list[dict[str, Any]]:
    records = []
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue  # the line at which the writer was killed, and the empty one at the end
    return records
