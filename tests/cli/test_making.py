"""`lakebook new` writes files that load, and overwrites none."""

from __future__ import annotations

import json

from small_checkout import Checkout


def test_a_new_step_is_in_the_graph_at_once(checkout: Checkout):
    done = checkout.lakebook("new", "gold.totals", "--reads", "silver.events")
    assert done.returncode == 0, done.stderr
    steps = {s["step"]: s for s in json.loads(checkout.lakebook("graph", "--json").stdout)}
    assert steps["gold.totals"]["reads"] == ["silver.events"]
    case = checkout.root / "tests/golden/gold.totals/first"
    assert {path.name for path in case.iterdir()} == {
        "case.toml",
        "expected.csv",
        "silver.events.csv",
    }


def test_what_is_there_is_not_overwritten(checkout: Checkout):
    before = (checkout.root / "notebooks/silver/events.ipynb").read_text()
    done = checkout.lakebook("new", "silver.events")
    assert done.returncode == 2 and "is there already" in done.stderr
    assert (checkout.root / "notebooks/silver/events.ipynb").read_text() == before


def test_a_bronze_step_needs_its_source(checkout: Checkout):
    done = checkout.lakebook("new", "bronze.more")
    assert done.returncode == 2 and "--source" in done.stderr


def test_reads_of_one_name_get_variables_of_their_own(checkout: Checkout):
    done = checkout.lakebook(
        "new", "gold.both", "--reads", "bronze.events", "--reads", "silver.events"
    )
    assert done.returncode == 0, done.stderr
    text = (checkout.root / "notebooks/gold/both.ipynb").read_text()
    assert "bronze_events = step.read(" in text and "silver_events = step.read(" in text
