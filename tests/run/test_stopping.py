"""A command that is stopped ends its jobs at once, and says what ran and what did not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_checkout import COLUMNS, Checkout


def slow_step(checkout: Checkout, mark: Path) -> None:
    """silver.events sleeps before it writes; gold.below waits for it."""
    checkout.notebook(
        "silver.events",
        [
            'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
            'events = step.read("bronze.events").select("id", "seen", "amount")',
            "print('so far', flush=True)",
            "import pathlib, time\n"
            f"pathlib.Path({str(mark)!r}).touch()\ntime.sleep(60)\nstep.write(events)",
        ],
    )
    checkout.contract("gold.below", COLUMNS)
    checkout.notebook(
        "gold.below",
        [
            'from lakebook import Step\nstep = Step("gold.below", start=start, end=end)',
            'step.write(step.read("silver.events"))',
        ],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGINT, "stopped by Ctrl-C"), (signal.SIGTERM, "stopped by SIGTERM")],
)
def test_a_signal_stops_what_runs_and_archives_it(
    checkout: Checkout, tmp_path: Path, number: signal.Signals, words: str
):
    mark = tmp_path / "sleeping"
    slow_step(checkout, mark)
    command = [sys.executable, "-m", "lakebook.cli.main", "run"]
    running = subprocess.Popen(
        [*command, "--start", "2013-01-01", "--end", "2013-01-04"],
        cwd=checkout.root,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 120
        while not mark.exists():
            assert running.poll() is None and time.monotonic() < until, running.communicate()
            time.sleep(0.05)
        asked = time.monotonic()
        running.send_signal(number)
        said, _ = running.communicate(timeout=60)
        took = time.monotonic() - asked
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 128 + number, said
    assert took < 10, said  # four seconds, on a machine that does nothing else
    assert f"notebooks/silver/events.ipynb: {words}" in said
    assert "1 ok, 1 failed, 1 stopped" in said
    runs = checkout.root / ".lake/prod/runs"
    (folder,) = runs.glob("*/*-silver.events-*")
    assert words in (runs.parent / "site" / "runs" / f"{folder.name}.html").read_text()
    assert "so far" in (folder / "notebook.ipynb").read_text()
    assert not list((runs / ".work").iterdir())
    assert checkout.query("SELECT count(*) AS n FROM bronze.events") == [{"n": 4}]
    done = checkout.lakebook("query", "SELECT * FROM silver.events")
    assert "has no table yet" in done.stderr
