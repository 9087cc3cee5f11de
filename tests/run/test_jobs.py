"""Maintenance jobs: notebooks under notebooks/ops, run by name and archived like any step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_checkout import Checkout

# What `lakebook.ops` writes beside the notebook, here by hand: the runner only carries it.
DOES = """
import json, os, pathlib
out = pathlib.Path(json.loads(pathlib.Path(os.environ["LAKEBOOK_RUN"]).read_text())["out"])
done = {"kind": "move", "dataset": "bronze.events", "partitions": ["2013-01-01", "2013-01-02"],
        "from": "hot", "to": "warm", "files": 2, "rows": 3, "size_bytes": 4096, "reason": "aged"}
(out / "step.json").write_text(json.dumps({"operations": [done], "notes": ["one was skipped"]}))
"""


def tidy(checkout: Checkout, *cells: str, parameters: str = "days = 1", name: str = "tidy") -> None:
    checkout.notebook(f"ops.{name}", cells, parameters=parameters)


def run(checkout: Checkout, *args: str) -> tuple[int, list[dict[str, Any]]]:
    done = checkout.lakebook("run", *args, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["steps"]


def folder_of(checkout: Checkout, run_id: str) -> Path:
    (folder,) = (checkout.root / ".lake/prod/runs").glob(f"*/{run_id}")
    return folder


def sentence(checkout: Checkout, *args: str) -> str:
    done = checkout.lakebook(*args)
    assert done.returncode == 2 and not done.stdout, done.stdout
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def files_with(checkout: Checkout, text: bytes) -> list[Path]:
    files = [path for path in checkout.root.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


def test_a_job_leaves_a_run_with_its_operations(checkout: Checkout):
    tidy(checkout, DOES, "print(f'{days} days')")
    code, (report,) = run(checkout, "ops.tidy", "-p", "days=7")
    assert (code, report["step"], report["status"]) == (0, "ops.tidy", "ok")
    (one,) = report["runs"]
    record = json.loads((folder_of(checkout, one["run_id"]) / "record.json").read_text())
    assert record["step"] == "ops.tidy" and record["parameters"] == {"days": 7}
    assert record["operations"] == one["operations"]
    assert record["operations"][0]["partitions"] == ["2013-01-01", "2013-01-02"]
    assert (record["start"], record["partitions"], record["outputs"]) == (None, [], [])
    assert "7 days" in (folder_of(checkout, one["run_id"]) / "notebook.ipynb").read_text()
    page = Path(one["report"]).read_text()
    assert (
        "maintenance job" in page and "hot\u00a0→\u00a0warm" in page and "one was skipped" in page
    )
    assert 'href="../datasets/bronze.events.html"' in page and "whole table" not in page
    site = checkout.root / ".lake/prod/site"
    assert "moved 2 partitions" in (site / "data/runs-0.js").read_text()
    listed = json.loads(checkout.lakebook("runs", "ops.tidy", "--json").stdout)
    assert [each["run_id"] for each in listed] == [one["run_id"]]


@pytest.mark.slow
def test_steps_come_first_then_jobs_in_the_order_given(checkout: Checkout):
    tidy(checkout, "1")
    tidy(checkout, "2", name="sweep")
    given = ("ops.tidy", "silver.events", "ops.sweep", "bronze.events", "ops.tidy")
    interval = ("--start", "2013-01-01", "--end", "2013-01-04")
    code, reports = run(checkout, *given, *interval)
    names = [report["step"] for report in reports]
    assert names == ["bronze.events", "silver.events", "ops.tidy", "ops.sweep"]
    listed = json.loads(checkout.lakebook("runs", "--json").stdout)
    assert [each["step"] for each in reversed(listed)] == names and code == 0
    done = checkout.lakebook("run", "bronze.events", "ops.tidy", *interval)
    assert "1 step and 1 job: 1 ok, 1 fresh" in done.stdout  # a job always runs when it is named
    selected = checkout.run("state:modified+", "+silver.events", "tag:events")
    assert {"bronze.events", "silver.events"} == selected.keys()


def test_a_failed_job_is_archived_and_stops_those_behind_it(checkout: Checkout):
    tidy(checkout, DOES, "raise ValueError('three files are damaged')")
    tidy(checkout, "2", name="sweep")
    code, (failed, blocked) = run(checkout, "ops.tidy", "ops.sweep")
    assert failed["runs"][0]["notes"] == ["one was skipped"]  # and none of the catalog
    assert code == 1 and failed["status"] == "failed"
    assert "notebooks/ops/tidy.ipynb, cell 3: ValueError: three files" in failed["error"]
    assert (blocked["status"], blocked["blocked_by"]) == ("blocked", ["ops.tidy"])
    (one,) = failed["runs"]
    record = json.loads((folder_of(checkout, one["run_id"]) / "record.json").read_text())
    assert record["status"] == "failed" and record["error_cell"] == 3
    assert len(record["operations"]) == 1  # what was done stays told
    assert "three files are damaged" in Path(one["report"]).read_text()
    status = json.loads(checkout.lakebook("datahub", "status", "--json").stdout)
    assert status["not_emitted"] == [] and status["problem"] == ""
    assert "1 step needs attention" in (checkout.root / ".lake/prod/site/index.html").read_text()


def test_a_job_runs_though_the_graph_is_broken(checkout: Checkout):
    tidy(checkout, "1")
    (checkout.root / "notebooks/silver/events.contract.yaml").write_text("nonsense")
    assert run(checkout, "ops.tidy")[1][0]["status"] == "ok"


def test_bad_input_gets_one_sentence(checkout: Checkout):
    tidy(checkout, "1")
    assert (
        "there is no maintenance job ops.tidi (did you mean 'ops.tidy'?); there are ops.tidy"
        in (sentence(checkout, "run", "ops.tidi"))
    )
    assert "no chosen notebook has a parameter 'day' (did you mean 'days'?)" in (
        sentence(checkout, "run", "ops.tidy", "-p", "day=3")
    )
    interval = ("--start", "2013-01-01", "--end", "2013-01-04")
    assert "ops.tidy has no interval" in sentence(checkout, "run", "ops.tidy", *interval)
    assert "'ops.tidy' is a maintenance job, which makes no dataset and has no edges" in (
        sentence(checkout, "plan", "ops.tidy")
    )


def test_a_whole_check_takes_the_jobs_in(checkout: Checkout):
    tidy(checkout, "x = (")
    done = checkout.lakebook("check")
    assert done.returncode == 2 and "notebooks/ops/tidy.ipynb, cell 2, line 1" in done.stdout
    assert "2 steps and 1 job checked, 1 error" in done.stdout


SECRET = "id=471100815"


def test_a_parameter_that_is_a_secret_reaches_no_file(checkout: Checkout):
    loud = "import os\nprint(key, key.split('=')[1])\nos.write(2, key.encode())"
    last = "raise ValueError(f'nothing has {key!r}')"
    tidy(checkout, loud, last, parameters='key = ""')
    _, (report,) = run(checkout, "ops.tidy", "-p", f"key={SECRET}")
    assert report["status"] == "failed"
    (one,) = report["runs"]
    folder = folder_of(checkout, one["run_id"])
    record = json.loads((folder / "record.json").read_text())
    assert record["parameters"] == {"key": "•••"}
    executed = (folder / "notebook.ipynb").read_text()
    assert "471100815" not in executed and "••• •••" in executed
    assert files_with(checkout, b"471100815") == []


def test_a_killed_command_leaves_its_job_to_the_next_one(checkout: Checkout, tmp_path: Path):
    mark = tmp_path / "sleeping"
    late = f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(30)"
    noisy = "import os\nos.write(2, key.encode())"
    tidy(checkout, DOES, noisy, late, parameters='key = ""')
    running = subprocess.Popen(
        [sys.executable, "-m", "lakebook.cli.main", "run", "ops.tidy", "-p", f"key={SECRET}"],
        cwd=checkout.root,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while not mark.exists():
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    (record,) = json.loads(checkout.lakebook("runs", "ops.tidy", "--json").stdout)
    assert record["status"] == "killed" and len(record["operations"]) == 1
    assert record["error"] == "notebooks/ops/tidy.ipynb: the command that ran it was killed"
    assert files_with(checkout, b"471100815") == []
