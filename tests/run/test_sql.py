"""A step written in SQL cells, through the real command line: graph, check, run, what is stale."""

from __future__ import annotations

import json
import re

import pytest
from small_checkout import Checkout

FIRST = 'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)'
CLEAN = """\
%%sql clean
-- what is worth keeping
select id, seen, amount * $factor as amount
from bronze.events
where id % 2 = 1;
"""
WRITE = 'step.write(clean.select("id", "seen", "amount"))'


@pytest.fixture
def by_sql(checkout: Checkout) -> Checkout:
    checkout.notebook("silver.events", [FIRST, "factor = 2", CLEAN, WRITE])
    return checkout


def executed(checkout: Checkout, run: str) -> str:
    (notebook,) = checkout.root.glob(f".lake/prod/runs/*/{run}/*.ipynb")
    return notebook.read_text()


def test_a_step_in_sql_cells_runs_and_is_fresh_until_its_sql_changes(by_sql: Checkout) -> None:
    graph = json.loads(by_sql.lakebook("graph", "--json").stdout)
    (node,) = [step for step in graph if step["step"] == "silver.events"]
    assert node["reads"] == ["bronze.events"]

    done = by_sql.run()["silver.events"]
    assert done["status"] == "ok", done
    ids = by_sql.query("select id, amount from silver.events order by id")
    assert [(row["id"], row["amount"]) for row in ids] == [(1, 20), (3, 60)]
    notebook = executed(by_sql, done["runs"][0]["run_id"])
    assert "clean: id Int64, seen Datetime" in notebook
    record = json.loads(
        next(by_sql.root.glob(".lake/prod/runs/*/*silver*/record.json")).read_text()
    )
    assert [read["dataset"] for read in record["inputs"]] == ["bronze.events"]

    edited = CLEAN.replace("-- what is worth keeping", "-- said otherwise\n\n")
    by_sql.notebook("silver.events", [FIRST, "factor = 2", edited, WRITE])
    assert by_sql.run()["silver.events"]["status"] == "fresh"

    by_sql.notebook("silver.events", [FIRST, "factor = 2", CLEAN.replace("= 1", "= 0"), WRITE])
    interval = ("--start", "2013-01-01", "--end", "2013-01-04")
    plan = by_sql.lakebook("plan", "silver.events", "--explain", *interval)
    assert "3 stale of 3 partitions" in plan.stdout and "changed: code" in plan.stdout


def test_a_check_finds_what_is_wrong_in_a_sql_cell(by_sql: Checkout) -> None:
    assert by_sql.lakebook("check").returncode == 0
    lineage = by_sql.lakebook("lineage", "silver.events.amount").stdout
    assert "bronze.events.amount" in lineage

    by_sql.notebook("silver.events", [FIRST, CLEAN.replace("amount * $factor", "amout"), WRITE])
    found = by_sql.lakebook("check", "silver.events")
    assert found.returncode != 0
    assert "column 'amout' is not in bronze.events (did you mean 'amount'?)" in found.stdout
    assert "silver/events.ipynb, cell 3" in found.stdout

    by_sql.notebook("silver.events", [FIRST, "%%sql clean\nfrom 'events.csv'", WRITE])
    refused = by_sql.lakebook("graph")
    assert refused.returncode == 2
    assert "cell 3: the SQL reads 'events.csv', which is no dataset" in refused.stderr


def test_what_sql_meets_in_the_data_fails_the_run_in_one_sentence(by_sql: Checkout) -> None:
    cast = "%%sql clean\nselect id, seen, (id || 'x')::bigint as amount from bronze.events"
    by_sql.notebook("silver.events", [FIRST, cast, WRITE])

    failed = by_sql.run()["silver.events"]

    assert failed["status"] == "failed"
    # Of several files DuckDB names the row that it comes to first.
    assert re.search(r"Could not convert string '\dx'", failed["runs"][0]["error"])
    assert "\n" not in failed["runs"][0]["error"]
    asked = by_sql.lakebook("query", "select id from silver.events")
    assert (asked.returncode, "has no table yet" in asked.stderr) == (2, True)
