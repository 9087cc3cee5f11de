"""A step that asks for an engine of its own keeps it, and says so where people look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from small_checkout import Checkout
from small_lake import SmallLake

from lakebook.errors import UserError
from lakebook.graph import StepNode
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.run.static import static_parts
from lakebook.settings import Settings, load_settings
from lakebook.step import Step
from lakebook.step.context import use_context
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext

FIRST = """\
import polars as pl
from lakebook import Step
step = Step("silver.events", start=start, end=end, engine="polars")
"""


def test_graph_and_plan_show_it(checkout: Checkout) -> None:
    checkout.notebook("silver.events", [FIRST, 'step.write(step.read("bronze.events"))'])

    assert "silver.events (polars)" in checkout.lakebook("graph").stdout
    plan = checkout.lakebook("plan", "--json", "--start", "2013-01-01", "--end", "2013-01-04")
    assert {step["step"]: step["engine"] for step in json.loads(plan.stdout)} == {
        "bronze.events": None,
        "silver.events": "polars",
    }


def test_its_frames_may_be_unwrapped_and_written(tmp_path: Path) -> None:
    lake = SmallLake(tmp_path)
    lake.contract("replace")
    lake.write([(1, "2013-01-01", -5)], "2013-01-01", "2013-01-02")
    lake.step = "silver.own"
    lake.contract("replace")
    run = RunContext("run", load_settings(tmp_path))

    def factory(step: Dataset, interval: Interval | None, engine: str | None) -> LakeContext:
        lake.contexts.append(LakeContext(run, step, interval, engine))
        return lake.contexts[-1]

    with use_context(factory):
        step = Step("silver.own", start="2013-01-01", end="2013-01-02", engine="polars")
        step.write(step.read("silver.events").to_native().with_columns(pl.col("amount").abs()))
        assert lake.rows() == [(1, "2013-01-01", 5)]
        with pytest.raises(UserError, match=r"silver\.own: there is no engine 'polar'"):
            Step("silver.own", start="2013-01-01", end="2013-01-02", engine="polar")
        with pytest.raises(UserError, match="the engine 'duckdb' checks steps"):
            Step("silver.own", start="2013-01-01", end="2013-01-02", engine="duckdb")


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
