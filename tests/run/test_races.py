"""Runs beside each other and runs that are killed: the tables end as those of a calm run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_checkout import COLUMNS, Checkout

from lakebook.delta import open_snapshot, sweep
from lakebook.delta.staging import STAGING

pytestmark = pytest.mark.slow

DAYS = ("--start", "2013-01-01", "--end", "2013-01-04")
SECOND = ("--start", "2013-01-02", "--end", "2013-01-03")
SQL = "SELECT * FROM silver.events ORDER BY id"

# Whoever has read waits here until as many have: then their writes do meet. Later ones pass.
GATE = """\
import os, pathlib, time
gate = pathlib.Path(os.environ["LAKEBOOK_ROOT"]) / "gate"
gate.mkdir(exist_ok=True)
(gate / str(os.getpid())).touch()
until = time.monotonic() + 60
while len(list(gate.iterdir())) < {count} and time.monotonic() < until:
    time.sleep(0.02)
"""
DIE = """\
import os, pathlib
deadly = pathlib.Path(os.environ["LAKEBOOK_ROOT"]) / "die"
if deadly.exists():
    os.environ["LAKEBOOK_FAULT"] = deadly.read_text()
    deadly.unlink()
"""


def silver(checkout: Checkout, before_write: str, *, write: str = "replace") -> None:
    checkout.contract("silver.events", COLUMNS, write=write)
    path = checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'events = step.read("bronze.events").select("id", "seen", "amount").collect()',
            before_write,
            "import narwhals as nw\n"
            "step.write(events.with_columns(amount=nw.col('amount') * scale))",
        ],
    )
    # One literal more in the parameters cell: runs with another value have another fingerprint.
    path.write_text(path.read_text().replace("end = \\", "scale = 1\\nend = \\", 1))
    assert "scale = 1" in path.read_text()


@dataclass
class Started:
    process: subprocess.Popen[str]

    def end(self) -> dict[str, Any]:
        """Wait for exit code 0; return the steps of its JSON by name."""
        out, err = self.process.communicate(timeout=240)
        assert self.process.returncode == 0, out + err
        return {step["step"]: step for step in json.loads(out)["steps"]}


def start(checkout: Checkout, *args: str) -> Started:
    command = [sys.executable, "-m", "lakebook.cli.main", "run", *args, "--json"]
    return Started(
        subprocess.Popen(
            command,
            cwd=checkout.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )


def beside(checkout: Checkout, *commands: Sequence[str]) -> list[dict[str, Any]]:
    return [started.end() for started in [start(checkout, *args) for args in commands]]


def tables(checkout: Checkout) -> list[Path]:
    return sorted(log.parent for log in (checkout.root / ".lake").glob("*/hot/*/*/_delta_log"))


def check_nothing_is_left(checkout: Checkout) -> None:
    """No file but those of the tables' versions, no manifest, no job, no process of a run."""
    for table in tables(checkout):
        known = open_snapshot(table).known_paths
        found = {path.relative_to(table).as_posix() for path in table.rglob("*.parquet")}
        assert {name for name in found if not name.startswith("_delta_log")} <= known
        assert list((table / STAGING).glob("*")) == []
    deadline = time.monotonic() + 10
    while (left := runs_of(checkout)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def runs_of(checkout: Checkout) -> list[str]:
    """Kernels of this checkout: a forked one has its parent's command line, but its own folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(
                checkout.root / "notebooks"
            ):
                found.append(entry.name)
        except OSError:
            continue
    return found


def calm(checkout: Checkout, *args: str) -> list[dict[str, Any]]:
    """What one undisturbed run gives, in a lake of its own."""
    done = checkout.lakebook("run", *DAYS, "--lake", "calm", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout.query(SQL, "--lake", "calm")


def test_two_runs_of_one_interval_end_as_one(checkout: Checkout) -> None:
    silver(checkout, GATE.format(count=2))
    beside(checkout, DAYS, DAYS)
    check_nothing_is_left(checkout)
    assert checkout.query(SQL) == calm(checkout)
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}


def test_a_run_of_all_days_beside_one_of_a_day_is_refused_there_and_runs_again(
    checkout: Checkout,
) -> None:
    checkout.run()
    silver(checkout, GATE.format(count=2))
    whole, single = beside(
        checkout,
        ("silver.events", *DAYS, "-p", "scale=2"),
        ("silver.events", *SECOND, "-p", "scale=3"),
    )
    runs = whole["silver.events"]["runs"] + single["silver.events"]["runs"]
    assert [run["status"] for run in runs].count("failed") == 1, "one of both came second"
    check_nothing_is_left(checkout)
    amounts = [row["amount"] for row in checkout.query(SQL)]
    assert amounts in ([20, -10, 60, 80], [20, -10, 90, 80])


def test_a_forced_run_beside_another_changes_nothing(checkout: Checkout) -> None:
    silver(checkout, GATE.format(count=2))
    beside(checkout, DAYS, (*DAYS, "--force"))
    check_nothing_is_left(checkout)
    assert checkout.query(SQL) == calm(checkout)


def test_merges_beside_each_other_lose_no_key(checkout: Checkout) -> None:
    """The second one finds its fences moved, commits nothing and runs its whole interval again."""
    checkout.run("bronze.events")
    silver(checkout, GATE.format(count=2), write="merge")
    first, second = beside(
        checkout,
        ("silver.events", *DAYS),
        ("silver.events", *SECOND, "--force"),
    )
    runs = [*first["silver.events"]["runs"], *second["silver.events"]["runs"]]
    assert [run["status"] for run in runs].count("failed") == 1
    check_nothing_is_left(checkout)
    assert checkout.query(SQL) == calm(checkout)


def test_a_killed_run_is_finished_by_the_same_command(checkout: Checkout) -> None:
    silver(checkout, GATE.format(count=2))
    killed = start(checkout, *DAYS)
    deadline = time.monotonic() + 120
    while not list((checkout.root / "gate").glob("*")):
        assert time.monotonic() < deadline and killed.process.poll() is None
        time.sleep(0.05)
    assert runs_of(checkout), "the run has a kernel"
    killed.process.send_signal(signal.SIGKILL)
    assert killed.process.wait(timeout=30) == -signal.SIGKILL
    killed.process.communicate()
    (checkout.root / "gate" / "open").touch()
    start(checkout, *DAYS).end()
    deadline = time.monotonic() + 30
    while runs_of(checkout) and time.monotonic() < deadline:
        time.sleep(0.1)
    check_nothing_is_left(checkout)
    assert checkout.query(SQL) == calm(checkout)


@pytest.mark.parametrize("point", ["commit.before_write", "commit.after_write"])
def test_a_kernel_that_dies_in_the_commit_is_made_good_by_the_same_command(
    checkout: Checkout, point: str
) -> None:
    silver(checkout, DIE)
    (checkout.root / "die").write_text(point)
    done = checkout.lakebook("run", *DAYS)
    assert done.returncode == 1 and "SIGKILL" in done.stdout, done.stdout
    again = checkout.run()
    # A failed run is run again, also where its commit had landed: then it has nothing to commit.
    assert again["silver.events"]["status"] == "ok"
    committed = again["silver.events"]["runs"][0]["outputs"][0]["committed"]
    assert bool(committed) == (point == "commit.before_write")
    # What was staged and not committed is known to a sweep, and only that.
    for table in tables(checkout):
        sweep(table)
    check_nothing_is_left(checkout)
    assert checkout.query(SQL) == calm(checkout)
