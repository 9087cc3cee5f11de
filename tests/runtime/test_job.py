"""A notebook's run ends in a result, a sentence and a notebook, however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import threading
import types
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import NoSuchKernel

from lakebook.archive.masking import MASK
from lakebook.runtime import proc, warm
from lakebook.runtime.cancel import Cancel
from lakebook.runtime.job import JobRequest, JobResult, Limits, execute
from lakebook.runtime.monitor import Monitor
from lakebook.runtime.notebook_client import LakebookClient
from lakebook.settings import Settings

from .conftest import wait_until, write_notebook


class Runner:
    """Writes a notebook from cells and runs it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.out = folder / "out"
        self.events: list[dict[str, Any]] = []

    def __call__(self, *cells: str, **changes: Any) -> JobResult:
        notebook = write_notebook(self.folder / "step.ipynb", 'start = "unset"', *cells)
        return self.again(notebook, **changes)

    def again(self, notebook: Path, **changes: Any) -> JobResult:
        """Run a notebook as it is."""
        request = JobRequest(
            **{
                "run_id": "r1",
                "notebook": notebook,
                "parameters": {"start": "2013-01-01"},
                "context": {"run_id": "r1"},
                "out_dir": self.out,
                "settings": self.settings,
                **{name: value for name, value in changes.items() if name != "cancel"},
            }
        )
        return execute(request, self.events.append, changes.get("cancel"))

    def cells(self) -> list[dict[str, Any]]:
        """The executed cells, without the banner that Papermill puts before a failed one."""
        cells = json.loads((self.out / "notebook.ipynb").read_text())["cells"]
        return [cell for cell in cells if cell["cell_type"] == "code"]

    def outputs(self) -> str:
        return json.dumps([cell["outputs"] for cell in self.cells()], ensure_ascii=False)


@pytest.fixture
def run(settings: Settings, tmp_path: Path) -> Runner:
    return Runner(settings, tmp_path)


def test_a_notebook_runs_with_its_parameters(run: Runner) -> None:
    result = run("print('from', start)")
    assert (result.status, result.exit_code, result.error) == ("ok", 0, None)
    assert result.kernel == "warm", result.note
    assert "from 2013-01-01" in run.outputs()


def test_each_cell_has_time_memory_and_its_number_in_the_checkout(run: Runner) -> None:
    result = run("import time; time.sleep(0.2)", "block = bytearray(80_000_000); del block")
    assert [cell.number for cell in result.cells] == [1, 0, 2, 3]
    assert result.cells[2].elapsed_s >= 0.2
    assert result.cells[3].peak_rss_mb - result.cells[2].peak_rss_mb > 60
    assert result.peak_rss_mb >= result.cells[3].peak_rss_mb


def test_progress_is_told_cell_by_cell(run: Runner) -> None:
    run("1 + 1")
    done = [(e["done"], e["of"]) for e in run.events if e.get("status") == "ok"]
    assert run.events[0] == {"event": "start", "cells": 3}
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_what_the_parent_imported_costs_a_cell_nothing(run: Runner) -> None:
    result = run("import papermill, polars, ipykernel.kernelapp")
    assert result.kernel == "warm", result.note
    assert result.cells[-1].cpu_s < 0.3


def test_an_error_of_lakebook_is_its_sentence_and_exit_code(run: Runner) -> None:
    result = run(
        "from lakebook.errors import UserError\n"
        "raise UserError('the carrier is unknown', where='step.ipynb, cell 2', fix='name it')"
    )
    assert result.status == "failed"
    assert result.error == "step.ipynb, cell 2: the carrier is unknown; name it"
    assert result.exit_code == 2
    card, ended = run.cells()[-1]["outputs"]
    assert "".join(card["data"]["text/plain"]).splitlines() == [
        "UserError: the carrier is unknown",
        "  where: step.ipynb, cell 2",
        "         line 2 of this cell",
        "  to do: name it",
    ]
    assert "<details><summary>Traceback</summary>" in "".join(card["data"]["text/html"])
    assert (ended["ename"], ended["evalue"]) == ("UserError", result.error)
    assert [len(ended["traceback"]), "carrier is unknown" in ended["traceback"][0]] == [2, True]


def test_any_other_error_names_notebook_and_cell(run: Runner) -> None:
    result = run("1 / 0", "print('never')")
    assert result.error == "step.ipynb, cell 2: ZeroDivisionError: division by zero"
    assert (result.error_cell, result.exit_code) == (2, 1)
    assert "ZeroDivisionError" in run.outputs()
    assert "never" not in run.outputs()


def test_a_syntax_error_is_an_error_of_the_cell(run: Runner) -> None:
    result = run("def broken(:")
    assert result.status == "failed"
    assert "SyntaxError" in (result.error or "")


def test_a_missing_notebook_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    gone = tmp_path / "gone.ipynb"
    request = JobRequest("r1", gone, {}, {}, tmp_path / "out", settings=settings)
    result = execute(request)
    assert (result.status, result.exit_code) == ("failed", 2)
    assert "gone.ipynb" in (result.error or "")


def test_a_killed_kernel_fails_the_run_with_its_cause(run: Runner) -> None:
    result = run("print('before', flush=True)", "import os; os.kill(os.getpid(), 9)")
    assert result.status == "failed"
    assert "cell 3: the kernel was killed by signal 9, SIGKILL" in (result.error or "")
    assert "before" in run.outputs()
    assert "KernelDied" in run.outputs()


def test_a_crash_of_native_code_is_named_by_its_signal(run: Runner) -> None:
    result = run("import ctypes; ctypes.string_at(0)")
    assert "SIGSEGV" in (result.error or "")


def test_a_cell_over_its_time_limit_is_stopped_where_it_is(run: Runner) -> None:
    result = run("import time", "time.sleep(60)", limits=Limits(cell_s=1))
    assert result.status == "killed"
    assert result.error == "step.ipynb, cell 3: took longer than the limit of 1 s for a cell"
    assert result.elapsed_s < 10
    assert "KeyboardInterrupt" in run.outputs()


def test_a_cell_that_ignores_the_interrupt_is_killed(run: Runner) -> None:
    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "end = time.time() + 60\nwhile time.time() < end: pass"
    )
    result = run(stubborn, limits=Limits(cell_s=1))
    assert result.status == "killed"
    assert result.elapsed_s < 15


def test_a_run_over_its_time_limit_is_stopped(run: Runner) -> None:
    result = run(*["import time; time.sleep(0.4)"] * 9, limits=Limits(run_s=1))
    assert result.status == "killed"
    assert "the run took longer than its limit of 1 s" in (result.error or "")


def test_memory_over_the_limit_ends_the_run(run: Runner) -> None:
    result = run(
        "import time\nblock = bytearray(b'x') * 700_000_000\ntime.sleep(20)",
        limits=Limits(memory_mb=400),
    )
    assert result.status == "killed"
    assert "over the limit of 400 MB" in (result.error or "")
    assert result.elapsed_s < 15


CONNECTION = """
import json, os
from ipykernel.connect import get_connection_file
file = get_connection_file()
folder = os.path.dirname(file)
print(json.load(open(file))["transport"], oct(os.stat(folder).st_mode & 0o777), folder)
"""


@pytest.mark.parametrize(
    "then", ["", "1 / 0", "os.kill(os.getpid(), 9)", "os.kill(os.getppid(), 9)"]
)
def test_a_kernel_listens_on_no_port_and_its_sockets_go_with_the_job(
    run: Runner, then: str
) -> None:
    run(
        CONNECTION, then.replace("os.getppid()", f"int(open({str(run.out)!r} + '/job.pid').read())")
    )
    (shown,) = re.findall(r"ipc 0o700 (/[^\\\s]*/lakebook-kernel-\w+)", run.outputs())
    assert not Path(shown).exists()


def test_where_a_socket_s_path_would_be_too_long_a_kernel_takes_ports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    manager = types.SimpleNamespace(nb=nbformat.v4.new_notebook(), log_output=False)
    for folder, transport in ((tempfile.gettempdir(), "ipc"), (str(deep), "tcp")):
        monkeypatch.setattr(tempfile, "tempdir", folder)
        client = LakebookClient(manager, Monitor(Limits()), kernel_name="python3")
        assert client.create_kernel_manager().transport == transport
        assert client.sockets is not None and client.sockets.parent == Path(folder)
        client.sockets.rmdir()


def test_the_sockets_of_a_kernel_that_never_started_go_too() -> None:
    manager = types.SimpleNamespace(nb=nbformat.v4.new_notebook(), log_output=False)
    client = LakebookClient(manager, Monitor(Limits()), kernel_name="no-such-kernel")
    with pytest.raises(NoSuchKernel):
        client.execute()
    assert client.sockets is not None and not client.sockets.exists()


def test_a_killed_job_leaves_what_was_printed(run: Runner) -> None:
    def kill_job() -> None:
        journal = run.out / "journal.jsonl"
        assert wait_until(lambda: journal.is_file() and journal.read_bytes().count(b'"stat"') == 3)
        os.kill(int((run.out / "job.pid").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill_job)
    killer.start()
    result = run("print('so far', flush=True)", "import time; time.sleep(60)")
    killer.join()
    assert result.status == "killed"
    assert "SIGKILL" in (result.error or "")
    assert "so far" in run.outputs()
    assert [cell.status for cell in result.cells] == ["ok", "ok", "ok"]


@pytest.mark.parametrize("warm", [True, False])
def test_a_cancelled_job_ends_at_once_with_its_kernel(run: Runner, warm: bool) -> None:
    cancel, pid, ran_on = Cancel(), run.folder / "kernel.pid", run.folder / "ran_on"

    def stop() -> None:
        assert wait_until(lambda: pid.is_file() and pid.read_text(), 60)
        cancel.stop("stopped by Ctrl-C")

    stopper = threading.Thread(target=stop)
    stopper.start()
    result = run(
        "import os, pathlib, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('so far', flush=True)",
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(3600)\n"
        f"pathlib.Path({str(ran_on)!r}).touch()",
        warm=warm,
        cancel=cancel,
    )
    stopper.join()
    assert (result.status, result.error) == ("killed", "step.ipynb: stopped by Ctrl-C")
    assert proc.started(int(pid.read_text())) == 0
    assert "so far" in run.outputs()
    assert not ran_on.exists()


def test_a_job_that_begins_after_the_stop_does_nothing(run: Runner) -> None:
    cancel = Cancel()
    cancel.stop("stopped by Ctrl-C")
    result = run("print('never', 1)", cancel=cancel)
    assert (result.status, result.error) == ("killed", "step.ipynb: stopped by Ctrl-C")
    assert "never 1" not in run.outputs()


def test_secrets_are_masked_in_outputs_and_errors(run: Runner) -> None:
    result = run(
        "import os, sys\nsecret = os.environ['MY_API_TOKEN']\nprint('got', secret)",
        "for letter in secret: print(letter, end='', flush=True)",
        "raise ValueError(secret)",
        env={"MY_API_TOKEN": "s3cr3t-value"},
    )
    assert MASK in run.outputs()
    assert MASK in (result.error or "")
    for file in run.out.iterdir():
        assert "s3cr3t-value" not in file.read_text(), file.name


def test_a_secret_is_in_no_other_process(run: Runner) -> None:
    run("1", env={"MY_API_TOKEN": "s3cr3t-value"})
    spec = warm.warm_spec(run.settings.root, linger_s=1)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and spec.key in (entry / "cmdline").read_text():
            assert "s3cr3t-value" not in (entry / "environ").read_text()


def test_a_step_writes_its_part_of_the_record(run: Runner) -> None:
    run(
        "import json, os, pathlib\n"
        "context = json.load(open(os.environ['LAKEBOOK_RUN']))\n"
        "pathlib.Path(context['out'], 'step.json').write_text(json.dumps({'inputs': []}))"
    )
    assert json.loads((run.out / "step.json").read_text()) == {"inputs": []}


def test_without_a_warm_parent_the_job_runs_plainly_and_says_so(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise warm.WarmUnavailable("no fork here")

    monkeypatch.setattr("lakebook.runtime.job.launch", refuse)
    result = run("print(start)")
    assert (result.status, result.kernel) == ("ok", "plain")
    assert any("no fork here" in event.get("text", "") for event in run.events)
    assert "2013-01-01" in run.outputs()
