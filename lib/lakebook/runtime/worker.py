"""The body of a job: one notebook by Papermill, in a child of the warm parent or a plain process.

`python -m lakebook.runtime.worker` reads a job from stdin and reports to stdout, as a child of the
warm parent does to its socket. Who asks is `job.py`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..archive.cells import ANSI
from ..archive.masking import masker
from .child import describe
from .journal import NAME as JOURNAL
from .journal import Journal
from .monitor import Monitor
from .watch import Limits

NOTEBOOK = "notebook.ipynb"
PARTIAL = ".notebook.ipynb"
_SENTENCE_MAX = 2_000

Emit = Callable[[dict[str, Any]], None]


def run_job(job: dict[str, Any], emit: Emit) -> dict[str, Any]:
    """Execute `job["notebook"]` into `job["out"]`; return the JSON of a JobResult."""
    from .kernelspec import NAME, install

    began = time.monotonic()
    out = Path(job["out"])
    (out / "job.pid").write_text(str(os.getpid()))
    os.environ["LAKEBOOK_RUN"] = job["context"]
    os.environ["LAKEBOOK_KERNEL_LOG"] = str(out / "kernel.log")
    os.environ["LAKEBOOK_WARM"] = "1" if job["warm"] else "0"
    install()
    journal = Journal(out / JOURNAL)
    journal.add_process(os.getpid())
    monitor = Monitor(Limits(**job["limits"]), journal, emit)
    failure = ""
    try:
        _papermill(job, out / PARTIAL, monitor, NAME)
    except Exception as raised:
        if monitor.failed_at is None and not monitor.tolerated:
            # Not a cell: the notebook could not be read, or the kernel not started.
            failure = describe(raised)["found"]
    finally:
        journal.close()
    result = _result(job, monitor, failure)
    if _keep(out):
        (out / JOURNAL).unlink()
    result["elapsed_s"] = round(time.monotonic() - began, 4)
    return result


def _papermill(job: dict[str, Any], output: Path, monitor: Monitor, kernel: str) -> None:
    import papermill

    notebook = _load(Path(job["notebook"]), kernel)
    parameters = job["parameters"]
    if parameters:
        notebook = papermill.parameterize.parameterize_notebook(
            notebook, parameters, kernel_name=kernel, language="python", engine_name="lakebook"
        )
    assert monitor.journal is not None
    monitor.journal.add({"notebook": masker(os.environ)(json.loads(json.dumps(notebook)))})
    papermill.execute_notebook(
        notebook,
        str(output),
        engine_name="lakebook",
        kernel_name=kernel,
        language="python",
        progress_bar=False,
        cwd=job["cwd"],
        # The journal is the running copy; writing the whole notebook after each cell is slow.
        request_save_on_cell_execute=False,
        autosave_cell_every=0,
        monitor=monitor,
    )


def _load(path: Path, kernel: str) -> Any:
    import papermill

    notebook = papermill.iorw.load_notebook_node(str(path))
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata["lakebook_cell"] = number  # as people count, before one is injected
    for part in (notebook, *notebook.cells):
        if not isinstance(part.metadata.get("papermill"), dict):
            part.metadata["papermill"] = {}  # Papermill would end at a word of somebody else's
    notebook.metadata["kernelspec"] = {
        "name": kernel,
        "display_name": "Lakebook",
        "language": "python",
    }
    return notebook


def _keep(out: Path) -> bool:
    """Mask the finished notebook once more as a whole, and give it its name."""
    partial = out / PARTIAL
    if not partial.is_file():
        return False
    notebook = masker(os.environ)(json.loads(partial.read_text(encoding="utf-8")))
    partial.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(out / NOTEBOOK)
    return True


def _result(job: dict[str, Any], monitor: Monitor, failure: str) -> dict[str, Any]:
    mask = masker(os.environ)
    error, error_type, exit_code, status = "", "", 0, "ok"
    cell = _cell_number(monitor, job)
    if monitor.verdict:
        error, exit_code, status = f"{job['name']}, cell {cell}: {monitor.verdict}", 1, "killed"
    elif monitor.death:
        error, exit_code, status = f"{job['name']}, cell {cell}: {monitor.death}", 1, "failed"
    elif monitor.failed_at is not None:
        found = _error_file(Path(job["out"]))
        status, exit_code = "failed", found.get("exit_code", 1)
        error_type = found.get("type", "")
        error = found.get("sentence", "the cell failed")
        if not found.get("where"):
            error = f"{job['name']}, cell {cell}: {error}"
    elif failure:
        error, exit_code, status = failure, 1, "failed"
    elif monitor.tolerated:
        found = _error_file(Path(job["out"]))
        status, exit_code, error_type = "failed", 1, found.get("type", "")
        error = f"{job['name']}, cell {cell}: {found.get('sentence', 'the cell failed')}"
        error += "; the cells after it have run, as its tag raises-exception says"
    return {
        "status": status,
        "error": _brief(mask(error)) or None,
        "error_cell": cell,
        "error_type": error_type,
        "exit_code": exit_code,
        "cells": monitor.stats,
        "peak_rss_mb": round(monitor.peak_mb, 1),
        "kernel": monitor.kernel,
        "note": monitor.why_plain,
    }


def _brief(error: str) -> str:
    """A sentence for terminal and record: the whole is in the notebook."""
    plain = ANSI.sub("", error)
    if len(plain) <= _SENTENCE_MAX:
        return plain
    tail = _SENTENCE_MAX // 4
    head = _SENTENCE_MAX - tail
    gone = len(plain) - _SENTENCE_MAX
    return f"{plain[:head]} … {gone:,} characters are in the notebook … {plain[-tail:]}"


def _cell_number(monitor: Monitor, job: dict[str, Any]) -> int | None:
    """The failed cell as people count them in the notebook of the checkout."""
    failed = [*monitor.tolerated, *([] if monitor.failed_at is None else [monitor.failed_at])]
    if not failed:
        return None
    for stat in monitor.stats:
        if stat["index"] == failed[-1]:
            return int(stat.get("number", stat["index"] + 1))
    return failed[-1] + 1


def _error_file(out: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((out / "error.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def main() -> int:
    """The plain process that stands in for a child of the warm parent."""
    job = json.loads(sys.stdin.read())
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print; only reports belong on the pipe

    def emit(event: dict[str, Any]) -> None:
        reports.write(json.dumps(event, default=str) + "\n")
        reports.flush()

    emit({"event": "result", "value": run_job(job, emit)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
