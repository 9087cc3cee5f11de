"""A step that asks for an engine of its own keeps it, and says so where people look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from small_checkout import Checkout

from lakebook.graph import StepNode
from lakebook.names import Dataset
from lakebook.run.static import static_parts
from lakebook.settings import Settings

FIRST = """\
import polars as pl
from lakebook import Step
step = Step("silver.events", start=start, end=end, engine="polars")
"""


def test_a_step_may_use_the_api_of_its_engine(checkout: Checkout) -> None:
    work = 'rows = step.read("bronze.events").to_native().with_columns(pl.col("amount").abs())'
    checkout.notebook(
        "silver.events", [FIRST, work, 'step.write(rows.select("id", "seen", "amount"))']
    )

    assert "silver.events (polars)" in checkout.lakebook("graph").stdout
    assert checkout.lakebook("check").returncode == 0
    assert checkout.run()["silver.events"]["status"] == "ok"
    assert checkout.query("select amount from silver.events where id = 2") == [{"amount": 5}]
    interval = ("--start", "2013-01-01", "--end", "2013-01-04")
    plan = checkout.lakebook("plan", "silver.events", "--force", *interval)
    assert "3 stale of 3 partitions, by polars, 1 run" in plan.stdout
    planned = json.loads(checkout.lakebook("plan", "--json", *interval).stdout)
    assert {step["step"]: step["engine"] for step in planned} == {
        "bronze.events": None,
        "silver.events": "polars",
    }


def test_an_engine_that_is_not_there_is_a_mistake_of_the_notebook(checkout: Checkout) -> None:
    checkout.notebook("silver.events", [FIRST.replace('"polars")', '"polar")')])

    done = checkout.lakebook("plan", "--start", "2013-01-01", "--end", "2013-01-04")

    assert done.returncode == 2
    assert "silver/events.ipynb, cell 2: there is no engine 'polar' (did you mean" in done.stderr


def test_engine_and_sql_decide_which_packages_a_result_depends_on(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, lake=tmp_path)
    node = StepNode(Dataset("silver", "a"), tmp_path / "a.ipynb", None)

    def packages(**changes: object) -> str:
        return static_parts(settings, replace(node, **changes))["engine packages"]

    assert packages(engine="polars") == packages()
    assert packages(engine="spark") != packages()
    assert packages(uses_sql=True) != packages()
