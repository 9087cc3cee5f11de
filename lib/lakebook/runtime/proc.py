"""What Linux tells about a process: CPU time, private memory, and whether memory ran out."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
_OOM_COUNTERS = ("memory.events", "memory.oom_control")


def cpu_s(pid: int) -> float:
    """User and system time of a process and its reaped children; 0.0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / _TICKS


def started(pid: int) -> int:
    """When a process began, in ticks since boot: with the pid it names one process for good.

    0 when it is gone, or has ended and waits to be reaped.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_runnable(pid: int) -> bool:
    """Whether the main thread computes or waits for a processor or the disk, not for a lock."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state in "RD"


def resident_mb(pid: int) -> float:
    """Resident size: cheap, but counts pages that a fork shares with its parent."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB
    except (OSError, IndexError):
        return 0.0


def private_mb(pid: int) -> float:
    """Memory that ending the process would free; 0.0 when it is gone."""
    return _sum_kb(Path(f"/proc/{pid}/smaps_rollup"), ("Private_Clean:", "Private_Dirty:")) / 1024


def peak_resident_mb(pid: int) -> float:
    """The highest resident size since the start or the last `reset_peak`."""
    return _sum_kb(Path(f"/proc/{pid}/status"), ("VmHWM:",)) / 1024


def reset_peak(pid: int) -> bool:
    """Let the highest resident size begin anew (Linux: 5 to clear_refs); False if not allowed."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def descendants(pid: int) -> list[int]:
    """Processes that `pid` started, and theirs."""
    found: list[int] = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return found
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found


def oom_kills() -> int:
    """How often the system ended a process of our control group for want of memory."""
    folders = [Path("/sys/fs/cgroup")]
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kind, path = line.split(":", 2)
            folders.append(Path("/sys/fs/cgroup", "memory" if kind == "memory" else "", path[1:]))
    except OSError:
        return 0
    counts = [_counter(folder / name) for folder in folders for name in _OOM_COUNTERS]
    return max(counts, default=0)


def _counter(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _sum_kb(path: Path, names: tuple[str, ...]) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))
