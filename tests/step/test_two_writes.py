"""A run writes each table once: a second write would take away what the first one published."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_lake import SmallLake, rows

from lakebook.errors import UserError
from lakebook.step import Step
from lakebook.step.context import use_context
from lakebook.step.lake import LakeContext
from lakebook.step.run_context import RunContext


def steps(lake: SmallLake, out: Path | None, *intervals: tuple[str, str]) -> list[Step]:
    """Steps of one run whose folder is `out`; None: of a session."""
    from lakebook.settings import load_settings

    static = {"code": "one"} if out else {}
    run = RunContext("run", load_settings(lake.root), static=static, out=out)
    with use_context(lambda *given: LakeContext(run, *given)):
        return [Step(lake.step, start=start, end=end) for start, end in intervals]


def test_a_second_write_of_a_run_is_refused_and_the_first_one_stays(lake: SmallLake) -> None:
    lake.contract("replace")
    (step,) = steps(lake, lake.root / "out", ("2013-01-01", "2013-01-03"))
    step.write(rows((1, "2013-01-01", 1)))
    with pytest.raises(UserError, match=r"silver.events is written a second time in one run"):
        step.write(rows((2, "2013-01-02", 2)))
    assert step.result().collect()["id"].to_list() == [1]


def test_it_is_refused_to_another_step_of_the_run_as_well(lake: SmallLake) -> None:
    lake.contract("replace")
    days = (("2013-01-01", "2013-01-02"), ("2013-01-02", "2013-01-03"))
    first, second = steps(lake, lake.root / "out", *days)
    first.write(rows((1, "2013-01-01", 1)))
    with pytest.raises(UserError, match="a second time"):
        second.write(rows((2, "2013-01-02", 2)))


def test_a_write_that_failed_may_be_tried_again(lake: SmallLake) -> None:
    lake.contract("replace")
    (step,) = steps(lake, lake.root / "out", ("2013-01-01", "2013-01-02"))
    with pytest.raises(UserError, match="outside the interval"):
        step.write(rows((1, "2013-01-05", 1)))
    step.write(rows((1, "2013-01-01", 1)))
    assert step.result().collect()["id"].to_list() == [1]


def test_in_a_session_a_cell_may_be_run_again(lake: SmallLake) -> None:
    lake.contract("replace")
    (step,) = steps(lake, None, ("2013-01-01", "2013-01-02"))
    for number in (1, 2):
        step.write(rows((number, "2013-01-01", 1)))
    assert step.result().collect()["id"].to_list() == [2]
