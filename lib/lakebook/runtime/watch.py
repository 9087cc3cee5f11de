"""Watches one kernel: measures each cell's time, CPU and memory, and enforces the limits.

A thread of the job's process, beside the kernel and not in it: native code that never returns to
Python is measured and stopped like any other.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import proc

SAMPLE_S = 0.1
INTERRUPT_GRACE_S = 3.0


@dataclass(frozen=True)
class Limits:
    """Of a run; 0 means none. Memory is private memory of the kernel and what it started."""

    cell_s: float = 0.0
    run_s: float = 0.0
    memory_mb: int = 0


class Watch:
    """Start it with the kernel, tell it when a cell begins and ends, stop it with the kernel.

    `verdict` is the sentence of a limit that was broken, or empty.
    """

    def __init__(self, pid: int, limits: Limits, send_signal: Callable[[int], None]) -> None:
        self.pid = pid
        self.limits = limits
        self.verdict = ""
        self.peak_mb = 0.0
        self._send_signal = send_signal
        self._began = time.monotonic()
        self._cell: tuple[int, float, float] | None = None  # number, began, CPU time then
        self._cell_peak_mb = 0.0
        self._may_reset = True
        self._kill_at = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._oom_kills = proc.oom_kills()
        self._thread = threading.Thread(target=self._sample, name="lakebook-watch", daemon=True)
        self._thread.start()

    def begin(self, cell: int) -> None:
        with self._lock:
            self._may_reset = proc.reset_peak(self.pid)
            self._cell_peak_mb = 0.0
            self._cell = (cell, time.monotonic(), proc.cpu_s(self.pid))

    def end(self) -> tuple[float, float, float]:
        """Elapsed seconds, CPU seconds and peak private memory in MB of the cell."""
        with self._lock:
            assert self._cell is not None
            _, began, cpu = self._cell
            self._cell = None
            private = self._measure(exactly=True)
            if private and self._may_reset:
                # The system saw the true peak; what is shared with the parent is no one's cost.
                shared = max(0.0, proc.resident_mb(self.pid) - private)
                private = max(private, proc.peak_resident_mb(self.pid) - shared)
            peak = max(private, self._cell_peak_mb)
            self.peak_mb = max(self.peak_mb, peak)
            used = max(0.0, proc.cpu_s(self.pid) - cpu)
            return time.monotonic() - began, used, peak

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def out_of_memory(self) -> bool:
        """Whether the system killed something of our control group since the start."""
        return proc.oom_kills() > self._oom_kills

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            with self._lock:
                self._check()

    def _check(self) -> None:
        now = time.monotonic()
        if self._kill_at:
            if now >= self._kill_at:
                self._send_signal(signal.SIGKILL)
            return
        used_mb = self._measure(exactly=False)
        self._cell_peak_mb = max(self._cell_peak_mb, used_mb)
        limits = self.limits
        if limits.memory_mb and used_mb > limits.memory_mb:
            # No grace: an interrupt is seen too late by what allocates without pause.
            self._break(f"used {used_mb:.0f} MB of memory, over the limit of {limits.memory_mb} MB")
        elif limits.run_s and now - self._began > limits.run_s:
            self._break(f"the run took longer than its limit of {limits.run_s:g} s", now)
        elif limits.cell_s and self._cell and now - self._cell[1] > limits.cell_s:
            self._break(f"took longer than the limit of {limits.cell_s:g} s for a cell", now)

    def _break(self, verdict: str, now: float = 0.0) -> None:
        """An interrupt shows in the notebook where the time went; then the end."""
        self.verdict = verdict
        self._kill_at = now + INTERRUPT_GRACE_S if now else time.monotonic()
        self._send_signal(signal.SIGINT if now else signal.SIGKILL)

    def _measure(self, *, exactly: bool) -> float:
        """Private memory of the kernel and its children. Exact figures are not for free."""
        pids = [self.pid, *proc.descendants(self.pid)]
        if not exactly and not self.limits.memory_mb and len(pids) == 1:
            return 0.0  # the system keeps this peak for us
        rough = sum(map(proc.resident_mb, pids))
        if not exactly and rough <= min(self.limits.memory_mb, max(self._cell_peak_mb, 1)):
            return 0.0  # resident is never less than private
        return sum(map(proc.private_mb, pids))
