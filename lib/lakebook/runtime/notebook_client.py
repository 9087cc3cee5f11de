"""The notebook client of the engine "lakebook": runs the cells, with limits, figures and a journal.

`papermill_engine.py` is its entry point; `watch.py` measures, `output_client.py` keeps what cells
show.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import zmq
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbclient.util import ensure_async, run_sync
from nbformat.v4 import new_output
from papermill.engines import Engine

from ..errors import UserError
from ..settings import load_settings
from .monitor import Monitor
from .output_client import OutputClient
from .watch import Limits, Watch

_CONNECTION_PATH_LIMIT = 96
"""Bytes; a socket is named after it (`k-ipc-5` for `k.json`), and the system takes 107."""


class ManagedEngine(Engine):  # type: ignore[misc]
    """Papermill's engine with `LakebookClient` in it."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        start_timeout: float = 60,
        execution_timeout: float | None = None,
        monitor: Monitor | None = None,
        **_: Any,
    ) -> None:
        monitor = monitor or Monitor(_limits_here(execution_timeout))
        LakebookClient(
            nb_man,
            monitor,
            kernel_name=kernel_name,
            startup_timeout=start_timeout,
            log_output=log_output,
            timeout=None,
        ).execute()


def _limits_here(execution_timeout: float | None) -> Limits:
    try:
        runtime = load_settings().runtime
    except UserError:
        return Limits(cell_s=execution_timeout or 0.0)
    cell_s = execution_timeout or runtime.cell_timeout_s
    return Limits(cell_s, runtime.run_timeout_s, runtime.memory_limit_mb)


class LakebookClient(OutputClient):
    """Runs the cells and fills in `monitor`. A dead kernel or a broken limit is a failed cell."""

    def __init__(self, nb_man: Any, monitor: Monitor, **kwargs: Any) -> None:
        super().__init__(nb_man, monitor, **kwargs)
        self.watch: Watch | None = None
        self.sockets: Path | None = None
        self._ending = False

    def create_kernel_manager(self) -> Any:
        """As nbclient's, over Unix sockets that only this user can reach.

        A port is chosen before the kernel binds it, so that on a busy machine somebody else may.
        """
        manager = super().create_kernel_manager()
        self.sockets = Path(tempfile.mkdtemp(prefix="lakebook-kernel-"))
        if self.monitor.journal is not None:
            self.monitor.journal.add_scratch(self.sockets)
        connection = self.sockets / "k.json"
        if len(os.fsencode(connection)) <= _CONNECTION_PATH_LIMIT:
            manager.connection_file, manager.transport = str(connection), "ipc"
        return manager

    async def async_start_new_kernel_client(self) -> Any:
        """As nbclient's, without its pauses: one kernel_info and its idle say all is connected.

        And without heartbeats: the watch and the provisioner see a kernel die at once.
        """
        assert self.km is not None
        self.kc = self.km.client()
        # However fast a cell shows things: of more than a thousand that wait, ZeroMQ drops some.
        self.kc.context.setsockopt(zmq.RCVHWM, 0)
        try:
            await ensure_async(self.kc.start_channels(hb=False))
            about = await _wait_until_ready(self.kc, self.startup_timeout)
            self.nb.metadata["language_info"] = about["language_info"]
        except Exception:
            await self._async_cleanup_kernel()
            raise
        self.kc.allow_stdin = False
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    def execute(self, **kwargs: Any) -> Any:
        """As Papermill's, which at the end asks the kernel once more, be it dead or not."""
        self.reset_execution_trackers()
        try:
            with self.setup_kernel(**kwargs):
                self.papermill_execute_cells()
                self.set_widgets_metadata()
        finally:
            if self.sockets is not None:
                shutil.rmtree(self.sockets, ignore_errors=True)
        return self.nb

    def papermill_execute_cells(self) -> None:
        provisioner = self.km.provisioner
        self.monitor.why_plain = getattr(provisioner, "why_plain", "")
        self.monitor.kernel = "plain" if self.monitor.why_plain else "warm"
        loop_signal = run_sync(provisioner.send_signal)
        process = provisioner.process
        # A warm process may be signalled from a thread; for a plain one use the group itself.
        send = getattr(process, "send_signal", loop_signal)
        if self.monitor.journal is not None:
            self.monitor.journal.add_process(provisioner.pid)
        self.watch = Watch(provisioner.pid, self.monitor.limits, send)
        code = [i for i, cell in enumerate(self.nb.cells) if cell.cell_type == "code"]
        self.monitor.emit({"event": "start", "cells": len(code)})
        try:
            for done, index in enumerate(code, start=1):
                if not self._run_cell(index, done, len(code)):
                    break
        finally:
            self.watch.stop()
            self.monitor.verdict = self.watch.verdict
            self.monitor.peak_mb = self.watch.peak_mb

    def _run_cell(self, index: int, done: int, of: int) -> bool:
        cell = self.nb.cells[index]
        progress = {"event": "cell", "index": index, "done": done, "of": of}
        assert self.watch is not None
        self.monitor.emit({**progress, "status": "running"})
        self.begin_outputs()
        self.nb_man.cell_start(cell, index)
        self.watch.begin(index)
        status, ended = "ok", False
        try:
            self.execute_cell(cell, index)
            if any(output["output_type"] == "error" for output in cell.get("outputs", ())):
                self.monitor.tolerated.append(index)
        except CellExecutionError as raised:
            ended = raised.ename == "SystemExit" and raised.evalue in ("", "0", "None")
            if not ended:  # by sys.exit() a notebook ends well, in Papermill too
                status = "failed"
                self.nb_man.cell_exception(cell, cell_index=index, exception=raised)
        except DeadKernelError:
            status = "failed"
            self._bury(cell, index)
        if self.watch.verdict:
            status = "failed"  # also when the cell swallowed the interrupt
            self._add_error(cell, index, "LimitExceeded", self.watch.verdict)
        elapsed, cpu, peak = self.watch.end()
        stat = {
            "index": index,
            "number": cell.metadata.pop("lakebook_cell", 0),  # 0: injected by Papermill
            "elapsed_s": round(elapsed, 4),
            "cpu_s": round(cpu, 3),
            "peak_rss_mb": round(peak, 1),
            "status": status,
        }
        cell.metadata["lakebook"] = stat
        self.end_outputs(cell)
        self.monitor.stats.append(stat)
        self._note({"cell": index, "outputs": cell.outputs, "stat": stat})
        self.nb_man.cell_complete(cell, cell_index=index)
        self.monitor.emit({**progress, **stat})
        if status == "failed":
            self.monitor.failed_at = index
        return status == "ok" and not ended

    async def _async_poll_kernel_alive(self) -> None:
        """As nbclient's, which looks once a second only."""
        while True:
            await asyncio.sleep(0.1)
            if self._ending:
                return  # after an interrupt it is we who end the kernel, and nobody waits
            try:
                await self._async_check_alive()
            except DeadKernelError:
                assert self.task_poll_for_reply is not None
                self.task_poll_for_reply.cancel()
                return

    async def _async_cleanup_kernel(self) -> None:
        """As nbclient's, but a kernel that is idle gets no interrupt and no polling pauses."""
        km = self.km
        self._ending = True
        if km is not None and km.has_kernel:
            if self.monitor.failed_at is not None:
                await km._async_shutdown_kernel(now=bool(self.monitor.verdict))
            else:
                deadline = time.monotonic() + 5
                await km._async_request_shutdown()
                while time.monotonic() < deadline and await km.provisioner.poll() is None:
                    await asyncio.sleep(0.005)
        await super()._async_cleanup_kernel()

    _cleanup_kernel = run_sync(_async_cleanup_kernel)

    def _bury(self, cell: Any, index: int) -> None:
        """Write into the cell what ended the kernel."""
        assert self.watch is not None
        if self.watch.verdict:
            return
        status = run_sync(self.km.provisioner.poll)() if self.km and self.km.provisioner else None
        self.monitor.death = _cause(status, self.watch.out_of_memory())
        self._add_error(cell, index, "KernelDied", self.monitor.death)

    def _add_error(self, cell: Any, index: int, name: str, text: str) -> None:
        line = f"{name}: {text}"
        cell.outputs.append(new_output("error", ename=name, evalue=text, traceback=[line]))
        self.nb_man.cell_exception(cell, cell_index=index)


async def _wait_until_ready(kc: Any, timeout_s: float) -> dict[str, Any]:
    """Wait for the reply to a kernel_info on shell and its idle on iopub; return what it says."""
    from queue import Empty

    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        asked = kc.kernel_info()
        try:
            while True:
                reply = await ensure_async(kc.shell_channel.get_msg(timeout=0.5))
                if reply["parent_header"].get("msg_id") == asked:
                    break
            while True:
                heard = await ensure_async(kc.iopub_channel.get_msg(timeout=0.1))
                if heard["parent_header"].get("msg_id") == asked and (
                    heard["content"].get("execution_state") == "idle"
                ):
                    kc._handle_kernel_info_reply(reply)
                    return dict(reply["content"])
        except Empty:
            # The kernel is not up yet, or spoke before our subscription reached it: ask again.
            if not await ensure_async(kc.parent.is_alive()):
                raise RuntimeError("the kernel ended before it was ready") from None
    raise RuntimeError(f"the kernel was not ready within {timeout_s:g} s")


def _cause(status: int | None, out_of_memory: bool) -> str:
    if out_of_memory:
        return "the kernel was ended by the system, which ran out of memory"
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        hint = {"SIGKILL": " (by somebody, or by the system for want of memory)"}.get(name, "")
        return f"the kernel was killed by signal {-status}, {name}{hint}"
    return f"the kernel ended with status {status} before the cell did"
