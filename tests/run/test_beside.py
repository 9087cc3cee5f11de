"""What a command leaves out and is stale is said, above and below, with what repairs it; an input
that nobody has made is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small_checkout import COLUMNS, EVENTS, Checkout

CHANGED = EVENTS.replace("3,2013-01-02T10:00:00Z,30", "3,2013-01-02T10:00:00Z,31")
DAYS = ("--start", "2013-01-01", "--end", "2013-01-04")


@pytest.fixture
def three(checkout: Checkout) -> Checkout:
    """bronze.events, silver.events, and gold.totals, which also reads the day before."""
    checkout.contract("gold.totals", COLUMNS)
    checkout.notebook(
        "gold.totals",
        [
            'from lakebook import Step\nstep = Step("gold.totals", start=start, end=end)',
            'events = step.read("silver.events", before=1)',
            "import narwhals as nw\n"
            "from datetime import datetime\n"
            "first = datetime.fromisoformat(start)\n"
            'step.write(events.filter(nw.col("seen") >= nw.lit(first)))',
        ],
    )
    return checkout


def output(checkout: Checkout, *args: str) -> str:
    done = checkout.lakebook(*args, COLUMNS="200")
    return done.stdout + done.stderr


def machine(checkout: Checkout, *args: str) -> Any:
    return json.loads(checkout.lakebook(*args, "--json").stdout)


@pytest.mark.slow
def test_a_run_says_what_is_stale_above_and_below_it(three: Checkout):
    three.run()
    assert "stale" not in output(three, "run", "silver.events", *DAYS)
    three.source(CHANGED)
    said = output(three, "run", "silver.events", *DAYS)
    repair = "lakebook run bronze.events+ --start 2013-01-01 --end 2013-01-04"
    assert f"stale above: bronze.events (3 partitions); {repair}" in said
    assert "stale below" not in said

    planned = output(three, "plan", "bronze.events", *DAYS)
    assert "stale below: silver.events, gold.totals; lakebook run silver.events+" in planned
    (one,) = machine(three, "plan", "bronze.events", *DAYS)
    assert one["stale_below"] == ["silver.events", "gold.totals"]
    said = output(three, "run", "bronze.events", *DAYS)
    repair = "lakebook run silver.events+ --start 2013-01-01 --end 2013-01-04"
    assert "stale below: silver.events (" in said and repair in said

    found = machine(three, "run", "gold.totals", *DAYS)
    assert (found["stale_above"], found["stale_below"]) == (["silver.events"], [])
    said = output(three, *repair.split()[1:])
    assert "stale" not in said
    assert "stale" not in output(three, "plan", "gold.totals", *DAYS)


@pytest.mark.slow
def test_without_an_interval_nothing_is_said_of_steps_by_day(three: Checkout):
    three.contract("silver.names", "      - {name: n, logicalType: integer, physicalType: int64}\n",
                   time=False)  # fmt: skip
    three.notebook(
        "silver.names",
        [
            "import narwhals as nw\nfrom lakebook import Step\nstep = Step('silver.names')",
            "step.write(step.read('bronze.events', whole=True).select('id', n=nw.col('amount')))",
        ],
        time=False,
    )
    three.run()
    three.source(CHANGED)
    done = three.lakebook("run", "silver.names")
    assert done.returncode == 0, done.stderr
    assert "stale" not in done.stdout


@pytest.mark.slow
def test_the_days_of_a_window_are_looked_at_as_well(three: Checkout):
    three.run()
    three.source(CHANGED)
    three.run("bronze.events")
    day = ("--start", "2013-01-03", "--end", "2013-01-04")  # reads the second, which has changed
    (one,) = machine(three, "plan", "gold.totals", *day)
    assert one["stale_above"] == ["silver.events"]
    three.run("silver.events")
    day = ("--start", "2013-01-02", "--end", "2013-01-03")  # the third reads of it
    (one,) = machine(three, "plan", "silver.events", *day)
    assert (one["stale"], one["stale_below"]) == ([], ["gold.totals"])


@pytest.mark.slow
def test_days_of_a_window_are_looked_at_of_chosen_steps_too(three: Checkout):
    three.run()
    day = ("--start", "2013-01-03", "--end", "2013-01-04")
    assert "stale" not in output(three, "run", *day)
    three.source(CHANGED)  # of the day before, which this command does not run
    said = output(three, "run", *day)
    assert (
        "stale above: bronze.events (1 partition); "
        "lakebook run bronze.events+ --start 2013-01-02 --end 2013-01-04" in said
    ), said
    three.lakebook("run", "bronze.events+", "--start", "2013-01-02", "--end", "2013-01-04")
    assert "stale" not in output(three, "run", *day)


def test_a_step_beside_that_cannot_be_planned_keeps_nothing_back(three: Checkout):
    three.run()
    (three.root / "events.csv").unlink()
    done = three.lakebook("run", "silver.events", *DAYS)
    assert done.returncode == 0, done.stderr
    assert "stale above: bronze.events (source file://events.csv is missing" in done.stdout


def test_an_input_that_was_never_made_is_an_error_and_not_an_empty_one(three: Checkout):
    three.run("bronze.events", "silver.events", end="2013-01-02")
    done = three.lakebook("run", "gold.totals", *DAYS)
    assert done.returncode == 2, done.stdout
    said = done.stdout + done.stderr
    assert "silver.events was never made for [2013-01-02, 2013-01-04), which gold.totals" in said
    assert "lakebook run silver.events --start 2013-01-02 --end 2013-01-04" in said
    # What was made without a row is an input; what lies before the first day is no history.
    three.source("\n".join(EVENTS.splitlines()[:2]) + "\n")
    three.run("bronze.events", "silver.events")
    assert three.run("gold.totals", start="2012-12-30")["gold.totals"]["status"] == "ok"
