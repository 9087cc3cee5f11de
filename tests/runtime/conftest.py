"""A checkout of its own for the runtime's tests, with a warm parent of few imports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lakebook.settings import Settings, load_settings

IMPORTS = (
    "papermill,jupyter_client,ipykernel.kernelapp,ipykernel.debugger,polars,lakebook.runtime.worker"
)


def processes_of(root: Path) -> list[int]:
    """Warm parents of a checkout and what they forked: a fork has its parent's command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "lakebook.runtime.parent" in command and f'"{root}"' in command:
                found.append(int(entry.name))
    return sorted(found)


def wait_until(condition: Callable[[], Any], timeout_s: float = 15.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def checkout(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lakebook.toml").write_text('[lakebook]\nlake = ".lake"\n[runtime]\nlinger_s = 20\n')
    return folder


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook whose first cell is its parameters."""
    from nbformat import v4, write

    made = [v4.new_code_cell(cells[0], metadata={"tags": ["parameters"]})]
    made += [v4.new_code_cell(source) for source in cells[1:]]
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = {"name": "lakebook", "display_name": "Lakebook", "language": "python"}
    write(v4.new_notebook(cells=made, metadata={"kernelspec": spec}), str(path))
    return path


@contextmanager
def running_kernel(name: str, folder: Path, *, ready_s: int) -> Iterator[Any]:
    """A client of a new kernel that is ready; the kernel ends with the block."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(folder))
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=ready_s)
        yield client
        client.stop_channels()
    finally:
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = checkout(tmp_path_factory.mktemp("warm"))
    yield folder
    import os
    import signal

    for pid in processes_of(folder):
        os.kill(pid, signal.SIGTERM)
    assert wait_until(lambda: not processes_of(folder))


@pytest.fixture
def settings(root: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("LAKEBOOK_WARM_IMPORTS", IMPORTS)
    monkeypatch.setenv("LAKEBOOK_ROOT", str(root))
    return load_settings(root)
