"""Whether a process runs, as this machine knows."""

from __future__ import annotations

import os
import subprocess
import sys

from lakebook.processes import is_alive


def test_a_process_that_ended_does_not_run_even_before_its_parent_asks_how() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert not is_alive(process.pid)
    process.wait()
    assert not is_alive(process.pid)


def test_a_process_of_somebody_else_runs() -> None:
    assert is_alive(1)
    assert is_alive(os.getpid())
