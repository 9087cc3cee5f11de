"""A failed run is shown as failed and run again, at whatever point it failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_checkout import Checkout

INTERVAL = ("--start", "2013-01-01", "--end", "2013-01-04")
FIRST = 'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)'
READ = 'events = step.read("bronze.events").select("id", "seen", "amount")'


def records(checkout: Checkout, step: str) -> list[dict]:
    listed = json.loads(checkout.lakebook("runs", step, "--json").stdout)
    assert all(record["step"] == step for record in listed)
    return listed


def test_a_step_that_never_writes_has_failed(checkout: Checkout):
    checkout.notebook("silver.events", [FIRST, READ, "if False:\n    step.write(events)"])
    done = checkout.lakebook("run", *INTERVAL)
    assert done.returncode == 1, done.stdout
    assert (
        "notebooks/silver/events.ipynb: it ended without writing silver.events, "
        "which its contract promises; call step.write" in done.stdout
    )
    (record,) = records(checkout, "silver.events")
    assert record["status"] == "failed" and "without writing" in record["error"]


def test_a_step_that_passes_over_the_refusal_of_a_second_write_has_failed(checkout: Checkout):
    again = "again = Step('silver.events', start=start, end=end)"
    twice = "try:\n    again.write(events)\nexcept Exception:\n    pass"
    checkout.notebook("silver.events", [FIRST, READ, "step.write(events)", again, twice])
    done = checkout.lakebook("run", *INTERVAL)
    assert done.returncode == 1, done.stdout
    (record,) = records(checkout, "silver.events")
    assert record["status"] == "failed" and "a second time in one run" in record["error"]


@pytest.mark.slow
def test_a_run_that_fails_after_its_commit_is_run_again_until_it_is_good(checkout: Checkout):
    mark = checkout.root / "good"
    after = f"import pathlib\nassert pathlib.Path({str(mark)!r}).exists(), 'no plot'"
    checkout.notebook("silver.events", [FIRST, READ, "step.write(events)", after])
    for _ in range(2):
        step = checkout.run()["silver.events"]
        assert step["status"] == "failed" and "no plot" in step["error"]
    assert checkout.query("SELECT count(*) AS n FROM silver.events") == [{"n": 3}]
    plan = checkout.lakebook("plan", "silver.events", "--explain", *INTERVAL)
    assert "its last run failed: 2013-01-01, 2013-01-02, 2013-01-03" in plan.stdout
    mark.touch()
    checkout.run(start="2013-01-01", end="2013-01-02")
    plan = checkout.lakebook("plan", "silver.events", "--explain", *INTERVAL)
    assert "its last run failed: 2013-01-02, 2013-01-03" in plan.stdout
    step = checkout.run()["silver.events"]
    assert step["status"] == "ok"
    assert step["runs"][0]["outputs"][0]["committed"] == []
    assert checkout.run()["silver.events"]["status"] == "fresh"


def test_a_missing_source_leaves_a_failed_run(checkout: Checkout):
    (checkout.root / "events.csv").unlink()
    done = checkout.lakebook("run", *INTERVAL)
    assert done.returncode == 2, done.stdout
    (record,) = records(checkout, "bronze.events")
    assert record["status"] == "failed" and "events.csv" in record["error"]
    assert (record["start"], record["end"]) == ("2013-01-01", "2013-01-04")
    (folder,) = (checkout.root / ".lake/prod/runs").glob(f"*/{record['run_id']}")
    assert "step.ingest" in (folder / "notebook.ipynb").read_text()
    page = checkout.root / f".lake/prod/site/runs/{record['run_id']}.html"
    assert "events.csv" in page.read_text()


def killed_after_its_commit(checkout: Checkout, mark: Path) -> None:
    """Kill a command while its step, which has committed, sleeps."""
    late = f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(30)"
    checkout.notebook("silver.events", [FIRST, READ, "step.write(events)\nprint('done')", late])
    running = subprocess.Popen(
        [sys.executable, "-m", "lakebook.cli.main", "run", *INTERVAL],
        cwd=checkout.root,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while not mark.exists():
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    while_it_lives = records(checkout, "silver.events")
    assert while_it_lives == []  # its work is its own
    running.send_signal(signal.SIGKILL)
    running.wait()


@pytest.mark.slow
def test_a_killed_command_leaves_runs_that_the_next_one_archives(
    checkout: Checkout, tmp_path: Path
):
    killed_after_its_commit(checkout, tmp_path / "sleeping")
    (record,) = records(checkout, "silver.events")
    assert record["status"] == "killed"
    assert record["error"] == ("notebooks/silver/events.ipynb: the command that ran it was killed")
    assert record["partitions"] == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert record["outputs"][0]["rows_published"] == 3
    runs = checkout.root / ".lake/prod/runs"
    (folder,) = runs.glob(f"*/{record['run_id']}")
    assert "done" in (folder / "notebook.ipynb").read_text()
    page = runs.parent / "site" / "runs" / f"{record['run_id']}.html"
    assert "the command that ran it was killed" in page.read_text()
    assert not list((runs / ".work").iterdir())
    plan = checkout.lakebook("plan", "silver.events", "--explain", *INTERVAL)
    assert "its last run failed: 2013-01-01" in plan.stdout


@pytest.mark.slow
def test_what_a_dead_run_staged_is_gone_after_the_next_run(checkout: Checkout):
    checkout.run("bronze.events")
    done = checkout.lakebook(
        "run", "silver.events", *INTERVAL, LAKEBOOK_FAULT="commit.before_write"
    )
    assert done.returncode == 1 and "SIGKILL" in done.stdout, done.stdout
    hot = checkout.root / ".lake/prod/hot/silver"
    tables = (hot / "events", hot / "events__quarantine")
    before = {table: set(table.rglob("*.parquet")) for table in tables}
    for table in tables:
        assert list((table / "_staging").glob("*.json")) and before[table]
    assert checkout.run()["silver.events"]["status"] == "ok"
    for table in tables:
        assert not list((table / "_staging").iterdir())
        assert not before[table] & set(table.rglob("*.parquet"))
    assert checkout.query("SELECT count(*) AS n FROM silver.events") == [{"n": 3}]
