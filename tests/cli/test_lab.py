"""JupyterLab as `lakebook lab` starts it: a step's notebook, cell by cell, over its REST API."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_checkout import Checkout

websocket = pytest.importorskip("websocket")
pytest.importorskip("jupyterlab")

NOTEBOOK = "notebooks/silver/events.ipynb"
ALIVE_S = 90  # on a machine with much else to do


class Lab:
    """A running JupyterLab and the one kernel of a session in it."""

    def __init__(self, process: subprocess.Popen[str], port: int, token: str) -> None:
        self.process = process
        self._place = f"127.0.0.1:{port}"
        self._token = token
        self._socket: Any = None
        self.kernel = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://{self._place}/api{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self._token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=ALIVE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def open(self, notebook: str) -> list[str]:
        """Start a session as the notebook's tab does; return the sources of its code cells."""
        session = self.ask(
            "POST",
            "/sessions",
            {"path": notebook, "name": "", "type": "notebook", "kernel": {"name": "lakebook"}},
        )
        self.kernel = session["kernel"]["id"]
        self.connect()
        cells = self.ask("GET", f"/contents/{notebook}")["content"]["cells"]
        return [cell["source"] for cell in cells if cell["cell_type"] == "code"]

    def connect(self) -> None:
        self.close()
        self._socket = websocket.create_connection(
            f"ws://{self._place}/api/kernels/{self.kernel}/channels?token={self._token}",
            timeout=ALIVE_S,
        )

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def run(self, code: str, meanwhile: Callable[[], Any] | None = None) -> str:
        """Run a cell; return all it shows. Raises AssertionError with the cell's own error.

        `meanwhile` is called once the kernel has begun.
        """
        header = {"msg_id": secrets.token_hex(8), "msg_type": "execute_request", "version": "5.3"}
        header |= {"session": "tests", "username": "tests", "date": "2013-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {"channel": "shell", "header": header, "content": content}
        self._socket.send(json.dumps({**message, "parent_header": {}, "metadata": {}}))
        shown, reply = [], None
        is_idle = False
        while reply is None or not is_idle:
            found = json.loads(self._socket.recv())
            if found["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, said = found["msg_type"], found["content"]
            if kind == "execute_input" and meanwhile is not None:
                meanwhile()
            if kind == "execute_reply":
                reply = said
            is_idle |= kind == "status" and said["execution_state"] == "idle"
            shown += [said["text"]] if kind == "stream" else []
            shown += [str(said["data"])] if kind in ("display_data", "execute_result") else []
        assert reply["status"] == "ok", "\n".join(reply.get("traceback", [str(reply)]))
        return "".join(shown)


@pytest.fixture
def lab(checkout: Checkout, tmp_path: Path) -> Iterator[Lab]:
    checkout.run()
    checkout.environment("ana")
    path = checkout.root / NOTEBOOK
    # What is published for the first day by this code is seen in its own environment alone.
    changed = path.read_text().replace("events.select(", "events.filter(id=2).select(")
    path.write_text(changed)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "lakebook.cli.main", "lab", "--env", "ana", "--"]
    command += ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.runtime_dir={tmp_path}", f"--ServerApp.config_dir={tmp_path}"]
    with (tmp_path / "lab.log").open("w") as log:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("LAKEBOOK_")}
        process = subprocess.Popen(
            command, cwd=checkout.root / "notebooks", env=environ, stdout=log, stderr=log, text=True
        )
    lab = Lab(process, port, token)
    try:
        deadline = time.monotonic() + ALIVE_S
        while not is_up(lab):
            assert process.poll() is None, (tmp_path / "lab.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "lab.log").read_text()
            time.sleep(0.1)
        yield lab
    finally:
        lab.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def is_up(lab: Lab) -> bool:
    try:
        return bool(lab.ask("GET", "/status"))
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.mark.slow
def test_a_notebook_of_a_step_in_jupyterlab(lab: Lab, checkout: Checkout) -> None:
    prod = sorted((checkout.root / ".lake/prod/hot").rglob("_delta_log/*.json"))
    parameters, begin, read, write = lab.open(NOTEBOOK)

    # The kernel is forked warm, in the environment that the command was given.
    told = lab.run(
        "import os, sys\n"
        "print(os.getpid(), 'lakebook.runtime.preload' in sys.modules)\n"
        "print(*(os.environ[f'LAKEBOOK_{n}'] for n in ('ENV', 'ROOT', 'LAKE')), os.getcwd())"
    )
    pid, *told = told.split()
    root = str(checkout.root)
    here = f"{root}/notebooks/silver"
    assert told == ["True", "ana", root, f"{root}/.lake", here]

    # Reads fall through to prod.
    lab.run(parameters)
    lab.run(begin)
    lab.run(read)
    assert "[1, 2]" in lab.run("print(sorted(events.select('id').collect()['id'].to_list()))")
    assert not (checkout.root / ".lake/ana/hot/bronze").exists()

    # The write lands in the person's environment, and prod is as before.
    assert "silver.events" in lab.run(write)
    rows = "SELECT id FROM silver.events ORDER BY id"
    assert [row["id"] for row in checkout.query(rows)] == [1, 3, 4]
    assert [row["id"] for row in checkout.query(rows, "--env", "ana")] == [3, 4]
    assert sorted((checkout.root / ".lake/prod/hot").rglob("_delta_log/*.json")) == prod

    # An interrupt ends the cell and keeps the kernel with what it holds.
    stop = f"/kernels/{lab.kernel}/interrupt"
    with pytest.raises(AssertionError, match="KeyboardInterrupt"):
        lab.run("import time\ntime.sleep(600)", meanwhile=lambda: lab.ask("POST", stop))
    assert lab.run("print(os.getpid(), start)").split() == [pid, "2013-01-01"]

    # A restart gives a fresh namespace in a new process, warm again.
    lab.ask("POST", f"/kernels/{lab.kernel}/restart")
    lab.connect()
    with pytest.raises(AssertionError, match="NameError"):
        lab.run("start")
    second, is_warm = lab.run(
        "import os, sys\nprint(os.getpid(), 'lakebook.runtime.preload' in sys.modules)"
    ).split()
    assert is_warm == "True" and second != pid
    assert not psutil.pid_exists(int(pid))

    # The server's end is the kernel's.
    below = psutil.Process(lab.process.pid).children(recursive=True)
    lab.process.send_signal(signal.SIGTERM)
    lab.process.wait(ALIVE_S)
    left = [one for one in (*below, *kernels([second])) if is_running(one)]
    _, alive = psutil.wait_procs(left, timeout=20)
    assert alive == []


def kernels(pids: list[str]) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in pids if psutil.pid_exists(int(pid))]


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
