"""Jupyter's own tools get a warm kernel by its kernelspec, and a plain one where that cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from lakebook.runtime.kernelspec import install
from lakebook.settings import Settings

from .conftest import wait_until, write_notebook


@pytest.fixture
def kernel(settings: Settings, tmp_path: Path) -> Iterator[Any]:
    install()
    manager = KernelManager(kernel_name="lakebook")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=30)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: Any, code: str) -> tuple[str, list[dict[str, Any]]]:
    """The reply's status and the outputs."""
    outputs: list[dict[str, Any]] = []
    reply = client.execute_interactive(
        code, timeout=30, output_hook=lambda msg: outputs.append(msg["content"])
    )
    return reply["content"]["status"], outputs


def test_a_kernel_is_forked_and_computes(kernel: Any) -> None:
    manager, client = kernel
    assert manager.provisioner.why_plain == ""
    status, outputs = run(client, "import polars as pl; print(pl.DataFrame({'a': [1, 2]}).sum())")
    assert status == "ok"
    assert any("3" in output.get("text", "") for output in outputs)


def test_a_kernel_stands_in_its_folder_and_imports_from_it(kernel: Any, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("here = True")
    status, outputs = run(kernel[1], "import os, sys, beside; print(os.getcwd(), '' in sys.path)")
    assert status == "ok"
    assert any(f"{tmp_path} True" in output.get("text", "") for output in outputs)


@pytest.mark.parametrize("ending", ["", "; plt.show()"])
def test_a_plot_is_shown_in_the_notebook(kernel: Any, ending: str) -> None:
    _, outputs = run(kernel[1], f"import matplotlib.pyplot as plt; plt.plot([1, 2]){ending}")
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1


def test_an_interrupt_reaches_the_cell(kernel: Any) -> None:
    manager, client = kernel
    # Before the cell's own code runs, an interrupt may meet the kernel's, and is lost there.
    client.execute("import time; print('begun', flush=True); time.sleep(600)")
    while "begun" not in client.get_iopub_msg(timeout=60)["content"].get("text", ""):
        continue
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=60)["content"]["ename"] == "KeyboardInterrupt"


def test_a_restart_gives_a_fresh_namespace(kernel: Any) -> None:
    manager, client = kernel
    run(client, "x = 1")
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=30)
    assert run(client, "x")[0] == "error"


def test_a_dead_kernel_is_seen(kernel: Any) -> None:
    manager, client = kernel
    client.execute("import os; os._exit(7)")
    assert manager.provisioner.process.wait(10) == 7
    assert not manager.is_alive()


def papermill(notebook: Path, folder: Path, *options: str) -> dict[str, Any]:
    target = folder / "done.ipynb"
    command = [sys.executable, "-m", "papermill", "-k", "lakebook", *options]
    ended = subprocess.run(
        [*command, "--no-progress-bar", "-p", "start", "2013", str(notebook), str(target)],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert ended.returncode == 0, ended.stderr
    done: dict[str, Any] = json.loads(target.read_text())
    return done


WARM = "import sys; print(start, 'lakebook.runtime.preload' in sys.modules)"


@pytest.mark.parametrize("options", [(), ("--engine", "lakebook")])
def test_plain_papermill_runs_on_a_warm_kernel(
    settings: Settings, tmp_path: Path, options: tuple[str, ...]
) -> None:
    notebook = write_notebook(tmp_path / "step.ipynb", "start = 0", WARM)
    assert "2013 True" in json.dumps(papermill(notebook, tmp_path, *options))


def test_outside_a_checkout_the_kernel_is_plain(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKEBOOK_ROOT")
    notebook = write_notebook(tmp_path / "step.ipynb", "start = 0", WARM)
    assert "2013 False" in json.dumps(papermill(notebook, tmp_path))


SLOW_FLUSH = """
import time
kernel = get_ipython().kernel
answer = kernel.control_handlers["shutdown_request"]
async def answered(*args):
    # What is to be flushed waits, and the main thread is on its way out meanwhile.
    kernel.iopub_thread.io_loop.add_callback(time.sleep, 0.5)
    await answer(*args)
kernel.control_handlers["shutdown_request"] = answered
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a kernel that is started after this one says what nobody hears."""
    monkeypatch.setenv("LAKEBOOK_KERNEL_LOG", str(tmp_path / "kernel.log"))
    return tmp_path / "kernel.log"


def test_a_kernel_that_is_asked_to_end_waits_for_no_stream(log: Path, kernel: Any) -> None:
    manager, client = kernel
    assert run(client, SLOW_FLUSH)[0] == "ok"
    process = manager.provisioner.process
    manager.request_shutdown()
    assert wait_until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert "flush timed out" not in log.read_text()
