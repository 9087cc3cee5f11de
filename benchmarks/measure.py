"""Runs a command and says what it and all its processes cost: wall time, CPU time, peak memory.

A Lakebook command has its work done by children of the warm parent, which is a daemon and no child
of the command; so processes of that parent are counted too, found by their command line.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 0.1
PARENT = "lakebook.runtime.parent"


@dataclass(frozen=True)
class Cost:
    """`peak_mb` is proportional memory (PSS): pages that forked processes share count once."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    stdout: str


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    parent_of: Path | None = None,
) -> Cost:
    """Run to the end; `parent_of` is the checkout whose warm parent works for the command.

    Raises RuntimeError with the last lines of the output when it fails.
    """
    before = _cpu_of_parents(parent_of)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = _Peak(process.pid, parent_of)
    peak.start()
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # its own CPU and that of all it has waited for
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime + _cpu_of_parents(parent_of) - before
    peak.stop()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{output[-3000:]}")
    return Cost(round(wall_s, 3), round(max(cpu_s, 0.0), 3), round(peak.mb, 1), output)


class _Peak(threading.Thread):
    def __init__(self, root: int, parent_of: Path | None) -> None:
        super().__init__(daemon=True)
        self.root, self.parent_of, self.mb = root, parent_of, 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(EVERY_S):
            pids = descendants(self.root) | parents(self.parent_of)
            self.mb = max(self.mb, sum(_pss_mb(pid) for pid in pids))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def parents(root: Path | None) -> set[int]:
    """Warm parents that serve the checkout `root`, and their children; none without a root."""
    if root is None:
        return set()
    import psutil

    found = set()
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if PARENT in line and f'"{root}"' in line:
            found |= {process.pid} | descendants(process.pid)
    return found


def descendants(pid: int) -> set[int]:
    import psutil

    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    return {pid, *(child.pid for child in children)}


def _cpu_of_parents(root: Path | None) -> float:
    """CPU time of the warm parents of a checkout, with that of the children that have ended."""
    import psutil

    total = 0.0
    for pid in parents(root):
        try:
            total += sum(psutil.Process(pid).cpu_times()[:4])  # user, system, and children's
        except psutil.NoSuchProcess:
            continue
    return total


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it ended meanwhile
        return 0.0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
