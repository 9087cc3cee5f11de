"""A small checkout through the real command line: sources to silver, again, changed and broken."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from small_checkout import COLUMNS, EVENTS, Checkout, rule

from lakebook import delta
from lakebook.names import Dataset, table_path
from lakebook.settings import load_settings


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


@pytest.mark.slow
def test_the_last_audit_is_shown_as_great_expectations_shows_it(checkout: Checkout):
    done = checkout.lakebook("report", "docs", "silver.events")
    assert done.returncode == 2 and "no audit of silver.events" in done.stderr
    checkout.run()
    done = checkout.lakebook("report", "docs", "silver.events")
    assert done.returncode == 0, done.stderr
    index = checkout.root / done.stdout.strip()
    assert index == checkout.root / ".lake/prod/docs/silver.events/index.html"
    pages = "".join(page.read_text() for page in index.parent.rglob("*.html"))
    assert "silver.events" in pages
    assert "amount" in pages and "25" in pages  # percent of the four rows that broke the rule
    done = checkout.lakebook("report", "docs", "silver.event")
    assert done.returncode == 2 and "silver.event" in done.stderr


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


@pytest.mark.slow
def test_looks_run_in_a_run_are_in_its_report_and_make_nothing_stale(checkout: Checkout):
    path = checkout.root / "notebooks/silver/events.ipynb"
    plain = path.read_text()
    checkout.run()
    raw = json.loads(plain)
    view = {**raw["cells"][-1], "id": "looks", "metadata": {"tags": ["view"]}}
    view["source"] = ["step.preview(events)\n", "display(step.profile(events))\n", "step.diff()"]
    path.write_text(json.dumps({**raw, "cells": [*raw["cells"], view]}))
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}
    assert json.loads(checkout.lakebook("graph", "state:modified", "--json").stdout) == []

    silver = checkout.run("silver.events", "--force")["silver.events"]
    (run,) = silver["runs"]
    folder = next((checkout.root / ".lake/prod/runs").glob(f"*/{run['run_id']}"))
    record = json.loads((folder / "record.json").read_text())
    assert [entry["dataset"] for entry in record["inputs"]] == ["bronze.events"]
    cells = json.loads((folder / "cells.json").read_text())["cells"]
    shown = " ".join(output["html"] for output in cells[-1]["outputs"])
    assert "4 rows</b>, 6 columns" in shown and "No difference in 3 rows." in shown
    write = " ".join(output["html"] for output in cells[-2]["outputs"])
    assert 'class="lb-card' in write and "last 2 runs: did not hold in 2" in write
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}


@pytest.mark.slow
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
    assert re.search(
        r"silver\.events: rule 'small' does not hold \(2 of 4 rows in 2013-01-02, ", done.stdout
    )
    asked = checkout.lakebook("query", "SELECT count(*) AS n FROM silver.events")
    assert (asked.returncode, "has no table yet" in asked.stderr) == (2, True)


@pytest.mark.slow
def test_an_environment_reads_prod_and_keeps_its_writes(checkout: Checkout):
    checkout.run()
    path = checkout.root / "notebooks/silver/events.ipynb"
    path.write_text(path.read_text().replace("events.select(", "events.head(1).select("))
    checkout.environment("ana")
    checkout.run("silver.events", "--env", "ana", start="2013-01-01", end="2013-01-02")
    prod = checkout.query("SELECT count(*) AS n FROM silver.events")
    own = checkout.query("SELECT count(*) AS n FROM silver.events", "--env", "ana")
    assert (prod[0]["n"], own[0]["n"]) == (3, 3)
    day = "SELECT count(*) AS n FROM silver.events WHERE seen < '2013-01-02'"
    assert checkout.query(day, "--env", "ana") == checkout.query(day)
    assert not (checkout.root / ".lake/ana/hot/bronze").exists()


def test_the_first_run_of_an_interval_without_rows_makes_empty_partitions(checkout: Checkout):
    steps = checkout.run(start="2012-12-30", end="2013-01-02")
    assert [step["status"] for step in steps.values()] == ["ok", "ok"]
    assert checkout.query("SELECT count(*) AS n FROM bronze.events") == [{"n": 2}]
    assert {step["status"] for step in checkout.run(end="2013-01-02").values()} == {"fresh"}


@pytest.mark.slow
def test_a_default_of_a_parameter_that_changes_makes_stale(checkout: Checkout):
    path = checkout.root / "notebooks/silver/events.ipynb"
    text = path.read_text().replace(
        '"end = \\"2013-01-02\\""', '"end = \\"2013-01-02\\"\\n", "add = 1"'
    )
    path.write_text(text.replace('\\"amount\\"', "nw.col('amount') + add"))
    path.write_text(
        path.read_text().replace("from lakebook", "import narwhals as nw\\nfrom lakebook")
    )
    checkout.run()
    total = "SELECT sum(amount) AS s FROM silver.events"
    assert checkout.query(total) == [{"s": 83}]
    path.write_text(path.read_text().replace("add = 1", "add = 2"))
    assert checkout.run()["silver.events"]["status"] == "ok"
    assert checkout.query(total) == [{"s": 86}]
    # A value from outside counts for the steps that have the parameter.
    steps = checkout.run("-p", "add=5")
    assert (steps["bronze.events"]["status"], steps["silver.events"]["status"]) == ("fresh", "ok")
    assert checkout.query(total) == [{"s": 95}]


def test_an_unknown_parameter_is_refused(checkout: Checkout):
    done = checkout.lakebook("run", "-p", "ad=5", "--start", "2013-01-01", "--end", "2013-01-02")
    assert done.returncode == 2
    assert "no chosen notebook has a parameter 'ad'" in done.stderr


@pytest.mark.slow
def test_a_step_that_uses_the_clock_gives_the_same_by_any_interval(checkout: Checkout):
    checkout.contract(
        "silver.events",
        COLUMNS + "      - {name: at, logicalType: timestamp, physicalType: timestamp}\n",
    )
    checkout.notebook(
        "silver.events",
        [
            "import narwhals as nw\nfrom lakebook import Step\n"
            'step = Step("silver.events", start=start, end=end)',
            'events = step.read("bronze.events")',
            'step.write(events.select("id", "seen", "amount", at=nw.lit(step.now)))',
        ],
    )
    assert len(checkout.run()["silver.events"]["runs"]) == 3
    days = checkout.query('SELECT "at"::DATE - seen::DATE AS d FROM silver.events')
    assert [row["d"] for row in days] == [1, 1, 1, 1]


@pytest.mark.slow
def test_a_sweep_in_an_environment_hides_nothing_of_prod(checkout: Checkout):
    checkout.run()
    checkout.environment("ana")
    checkout.run("silver.events", "--env", "ana", "--force", end="2013-01-02")
    settings = load_settings(checkout.root, env="ana", environ={})
    table = table_path(settings.lake, Dataset.parse("silver.events"), env="ana")
    stage = delta.begin_stage(table, "left", ttl_s=-1)
    stage.file_path("2013-01-03", 0).write_bytes(b"left by a crash")
    assert delta.sweep(table).deleted
    assert delta.open_snapshot(table).fence("2013-01-03") > 0
    count = "SELECT count(*) AS n FROM silver.events"
    assert checkout.query(count, "--env", "ana") == checkout.query(count)


def test_a_read_after_the_write_is_foreseen_by_the_plan(checkout: Checkout):
    checkout.contract("silver.other", COLUMNS)
    checkout.notebook(
        "silver.other",
        [
            'from lakebook import Step\nstep = Step("silver.other", start=start, end=end)',
            'step.write(step.read("bronze.events").select("id", "seen", "amount"))',
            'step.read("silver.events").collect()',
        ],
    )
    checkout.run()
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}
    checkout.source(EVENTS.replace("4,2013-01-03T10:00:00Z,40", "4,2013-01-03T10:00:00Z,41"))
    assert {step["status"] for step in checkout.run().values()} == {"ok"}
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}


@pytest.mark.slow
def test_a_day_without_rows_breaks_a_row_count_at_once_and_day_by_day(checkout: Checkout):
    checkout.source(EVENTS.replace("3,2013-01-02T10:00:00Z,30\n", ""))
    enough = rule("has_rows", "expect_table_row_count_to_be_between", "fail", min_value=1)
    checkout.contract("silver.events", COLUMNS, quality=enough)
    at_once = checkout.run()["silver.events"]
    by_day = checkout.run("--every", "day")["silver.events"]
    assert (at_once["status"], by_day["status"]) == ("failed", "failed")
    for step in (at_once, by_day):
        assert "does not hold (2013-01-02: 0)" in json.dumps(step)
    days = checkout.query("SELECT DISTINCT seen::date::text AS day FROM silver.events")
    assert "2013-01-02" not in {row["day"] for row in days}
    records = [json.loads(p.read_text()) for p in (checkout.root / ".lake").rglob("record.json")]
    failed = [c for r in records for c in r.get("checks", ()) if not c["success"]]
    assert [c["partitions"] for c in failed] == [["2013-01-02"]] * 2
