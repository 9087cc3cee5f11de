"""What runs again after a conflict is at least what was refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from small_checkout import Checkout
from small_lake import SmallLake

from lakebook.contract.lookup import load_step_contract
from lakebook.graph import StepNode
from lakebook.intervals import NULL, WHOLE, Interval
from lakebook.names import Dataset
from lakebook.run.plan import StepPlan
from lakebook.run.scheduler import _again
from lakebook.settings import load_settings

EVENTS = Dataset("silver", "events")
WEEK = Interval.parse("2013-01-01", "2013-01-08")


def plan(root: Path, **of_node: bool) -> StepPlan:
    SmallLake(root).contract("replace")
    path = Checkout(root).notebook("silver.events", [])
    node = StepNode(EVENTS, path, load_step_contract(load_settings(root), EVENTS), **of_node)
    return StepPlan(node, WEEK, (), (), {}, {})


def test_only_the_days_that_were_refused_run_again(tmp_path: Path) -> None:
    refused = ["2013-01-02", "2013-01-03", "2013-01-06"]
    assert _again(plan(tmp_path), WEEK, refused) == (
        Interval.parse("2013-01-02", "2013-01-04"),
        Interval.parse("2013-01-06", "2013-01-07"),
    )


def test_a_step_that_uses_the_clock_runs_again_by_the_day(tmp_path: Path) -> None:
    again = _again(plan(tmp_path, uses_clock=True), WEEK, ["2013-01-02", "2013-01-03"])
    assert [piece.days for piece in again if piece] == [1, 1]


def test_rows_without_a_time_are_not_forgotten(tmp_path: Path) -> None:
    assert _again(plan(tmp_path), WEEK, [NULL]) == (WEEK,)


def test_a_step_without_time_runs_again_as_a_whole(tmp_path: Path) -> None:
    assert _again(plan(tmp_path), None, [WHOLE]) == (None,)


def test_a_step_of_several_tables_writes_them_all_again(tmp_path: Path) -> None:
    one = plan(tmp_path)
    contract = one.node.contract
    assert contract is not None
    other = replace(contract.tables[0], dataset=Dataset("silver", "other"))
    tables = replace(contract, tables=(*contract.tables, other))
    both = replace(one, node=replace(one.node, contract=tables))
    assert _again(both, WEEK, ["2013-01-02"]) == (WEEK,)
