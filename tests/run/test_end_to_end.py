"""A small checkout through the real command line: sources to silver, again, changed and broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

from small_checkout import COLUMNS, EVENTS, Checkout, rule


def test_a_run_lands_cleans_quarantines_and_reports(checkout: Checkout):
    steps = checkout.run()
    assert {name: step["status"] for name, step in steps.items()} == {
        "bronze.events": "ok",
        "silver.events": "ok",
    }
    output = steps["silver.events"]["runs"][0]["outputs"][0]
    assert (output["rows_audited"], output["rows_published"], output["rows_quarantined"]) == (
        4,
        3,
        1,
    )
    ids = checkout.query("SELECT id FROM silver.events ORDER BY id")
    assert [row["id"] for row in ids] == [1, 3, 4]
    kept = json.loads(checkout.lakebook("quarantine", "show", "silver.events", "--json").stdout)
    assert [(row["id"], row["_failed_rules"]) for row in kept] == [(2, "amount_positive")]
    site = checkout.root / ".lake/prod/site"
    index = (site / "index.html").read_text()
    assert "silver.events" in index and "bronze.events" in index
    assert steps["silver.events"]["runs"][0]["report"].startswith(str(site / "runs"))
    assert "amount_positive" in Path(steps["silver.events"]["runs"][0]["report"]).read_text()


def test_nothing_is_run_again_that_would_give_the_same(checkout: Checkout):
    checkout.run()
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}
    forced = checkout.run("--force")
    for step in forced.values():
        assert step["runs"][0]["outputs"][0]["committed"] == []


def test_a_changed_source_makes_stale_only_what_differs(checkout: Checkout):
    checkout.run()
    checkout.source(EVENTS.replace("4,2013-01-03T10:00:00Z,40", "4,2013-01-03T10:00:00Z,41"))
    steps = checkout.run()
    # Bronze records the new source in every row; silver differs on one day only.
    assert steps["silver.events"]["runs"][0]["outputs"][0]["committed"] == ["2013-01-03"]
    assert checkout.query("SELECT sum(amount) AS s FROM silver.events")[0]["s"] == 81


def test_a_comment_makes_nothing_stale_and_code_does(checkout: Checkout):
    checkout.run()
    path = checkout.root / "notebooks/silver/events.ipynb"
    path.write_text(path.read_text().replace("events = step", "# why\\nevents  =  step"))
    assert checkout.run()["silver.events"]["status"] == "fresh"
    assert json.loads(checkout.lakebook("graph", "state:modified", "--json").stdout) == []
    path.write_text(path.read_text().replace("events.select(", "events.filter().select("))
    plan = checkout.lakebook(
        "plan", "state:modified", "--explain", "--start", "2013-01-01", "--end", "2013-01-04"
    )
    assert re.search(r"changed: code: 2013-01-01, 2013-01-02, 2013-01-03", plan.stdout), plan


def test_days_in_any_order_end_in_the_same_tables_as_the_whole(checkout: Checkout):
    for day in (3, 1, 2):
        checkout.run(start=f"2013-01-0{day}", end=f"2013-01-0{day + 1}")
    by_days = checkout.query("SELECT * FROM silver.events ORDER BY id")
    whole = checkout.lakebook(
        *("run", "--start", "2013-01-01", "--end", "2013-01-04", "--lake", "other")
    )
    assert whole.returncode == 0, whole.stderr
    sql = "SELECT * FROM silver.events ORDER BY id"
    assert checkout.query(sql, "--lake", "other") == by_days
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}


def test_a_failed_step_stops_what_depends_on_it_and_nothing_else(checkout: Checkout):
    checkout.contract("silver.other", COLUMNS)
    checkout.notebook(
        "silver.other",
        [
            'from lakebook import Step\nstep = Step("silver.other", start=start, end=end)',
            'events = step.read("bronze.events")\nraise ValueError("a bug")',
        ],
    )
    checkout.contract("gold.below", COLUMNS)
    checkout.notebook(
        "gold.below",
        [
            'from lakebook import Step\nstep = Step("gold.below", start=start, end=end)',
            'step.write(step.read("silver.other"))',
        ],
    )
    steps = checkout.run()
    assert {name: step["status"] for name, step in steps.items()} == {
        "bronze.events": "ok",
        "silver.events": "ok",
        "silver.other": "failed",
        "gold.below": "blocked",
    }
    assert "a bug" in steps["silver.other"]["error"]
    done = checkout.lakebook("run", "--start", "2013-01-01", "--end", "2013-01-04")
    assert done.returncode == 1 and "blocked" in done.stdout
    page = (checkout.root / ".lake/prod/site/index.html").read_text()
    assert "1 step needs attention" in page and "a bug" in page


def test_a_rule_that_fails_publishes_nothing(checkout: Checkout):
    strict = rule(
        "small", "expect_column_values_to_be_between", "fail", column="amount", max_value=20
    )
    checkout.contract("silver.events", COLUMNS, quality=strict)
    done = checkout.lakebook("run", "--start", "2013-01-01", "--end", "2013-01-04")
    assert done.returncode == 1
    assert re.search(r"silver\.events: rule 'small' does not hold \(2 of 4 rows\)", done.stdout)
    assert checkout.query("SELECT count(*) AS n FROM silver.events")[0]["n"] == 0


def test_an_environment_reads_prod_and_keeps_its_writes(checkout: Checkout):
    checkout.run()
    path = checkout.root / "notebooks/silver/events.ipynb"
    path.write_text(path.read_text().replace("events.select(", "events.head(1).select("))
    checkout.run("silver.events", "--env", "ana", start="2013-01-01", end="2013-01-02")
    prod = checkout.query("SELECT count(*) AS n FROM silver.events")
    own = checkout.query("SELECT count(*) AS n FROM silver.events", "--env", "ana")
    assert (prod[0]["n"], own[0]["n"]) == (3, 3)
    day = "SELECT count(*) AS n FROM silver.events WHERE seen < '2013-01-02'"
    assert checkout.query(day, "--env", "ana") == checkout.query(day)
    assert not (checkout.root / ".lake/ana/hot/bronze").exists()
