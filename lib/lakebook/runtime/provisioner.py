"""The Jupyter kernel provisioner "lakebook": a kernel is forked from the warm parent.

Everything else is Jupyter's own `LocalProvisioner`, which only wants something like a `Popen`. The
entry point is in pyproject.toml; JupyterLab, nbclient and Papermill find it by the kernelspec.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from ..errors import UserError
from ..settings import find_root, load_settings
from . import proc
from .warm import READY_S, SLOW_READY_S, WarmUnavailable, launch
from .warm_process import WarmProcess


class WarmProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Forks kernels; starts a plain one, and says so, where that is not possible."""

    # Jupyter's class has None here and does not say what else they hold.
    process: Any
    pid: int | None  # type: ignore[assignment]
    pgid: int | None  # type: ignore[assignment]
    cwd: str | None  # type: ignore[assignment]
    why_plain = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        loop = asyncio.get_running_loop()
        cmd = _without_a_trace(cmd)
        try:
            # In a thread: the first start waits for imports, and a server has other kernels.
            self.process = await loop.run_in_executor(None, lambda: _fork(cmd, kwargs))
        except (WarmUnavailable, UserError, OSError) as found:
            self.why_plain = str(found)
            self.log.warning("Lakebook: a plain kernel instead of a warm one: %s", found)
            return await super().launch_kernel(cmd, **kwargs)
        self.why_plain = ""
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd") or str(Path.cwd())
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        if isinstance(self.process, WarmProcess):
            self.process.send_signal(signum)
        else:
            await super().send_signal(signum)

    async def wait(self) -> int | None:
        if not isinstance(self.process, WarmProcess):
            return await super().wait()
        while (status := self.process.poll()) is None:
            await asyncio.sleep(0.01)
        self.process = None
        return status

    async def cleanup(self, restart: bool = False) -> None:
        if isinstance(self.process, WarmProcess):
            self.process.close()
            self.process = None
        await super().cleanup(restart=restart)


def _without_a_trace(cmd: list[str]) -> list[str]:
    """A notebook that is executed keeps its history in memory, as nbclient has it for kernels that
    are named python3: on disk, it would hold the parameters of jobs. A person's has a file."""
    is_executed = "nbclient" in sys.modules and "jupyter_server" not in sys.modules
    if not is_executed or any("HistoryManager" in word for word in cmd):
        return cmd
    return [*cmd, "--HistoryManager.hist_file=:memory:"]


def _fork(cmd: list[str], kwargs: dict[str, Any]) -> WarmProcess:
    """Have a kernel forked and wait until it is ready. Raises WarmUnavailable."""
    if "ipykernel_launcher" not in cmd:
        raise WarmUnavailable(f"{cmd[:3]} is not an IPython kernel")
    env = dict(kwargs.get("env") or os.environ)
    cwd = Path(kwargs.get("cwd") or Path.cwd())
    if env.get("LAKEBOOK_WARM", "1") == "0":
        raise WarmUnavailable("a plain kernel was asked for (LAKEBOOK_WARM=0)")
    root = Path(env["LAKEBOOK_ROOT"]) if env.get("LAKEBOOK_ROOT") else find_root(cwd)
    settings = load_settings(root, environ=env)
    argv = cmd[cmd.index("ipykernel_launcher") + 1 :]
    request = {"kind": "kernel", "argv": argv, "cwd": str(cwd)}
    if log := env.get("LAKEBOOK_KERNEL_LOG"):
        request["log"] = log
    process = launch(settings, request, env)
    if names := _hindrance(process):
        process.kill()
        process.close()
        raise WarmUnavailable(names)
    return process


def _hindrance(process: WarmProcess) -> str:
    """Why the fork cannot be the kernel; empty when it says that it is ready. Two seconds without a
    sign of life are a hang; being slow, on a machine with more to do, is none."""
    began, seen = time.monotonic(), -1.0
    while time.monotonic() - began < SLOW_READY_S:
        for event in process.events(READY_S):
            if event["event"] == "ready":
                return ""
            if event["event"] == "shadowed":
                names = " and ".join(event["names"])
                return f"the notebook's folder has a module of its own named {names}"
        used = proc.cpu_s(process.pid)
        if process.poll() is not None or (used <= seen and not proc.is_runnable(process.pid)):
            break
        seen = used
    return f"a forked kernel was not ready in {READY_S:g} s"
