"""An environment is listed with what it holds, and dropped whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from small_checkout import POSITIVE
from small_lake import SmallLake

from lakebook import delta
from lakebook.delta.faults import DROP_POINTS
from lakebook.errors import UserError
from lakebook.run.drop import apply_drop, plan_drop
from lakebook.run.environments import survey
from lakebook.run.workspace import Attempt, hold_environment, workspace
from lakebook.settings import Settings, load_settings

DAYS = [(1, "2013-01-01", 10), (2, "2013-01-02", 20), (3, "2013-01-03", -1)]


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """Three days in prod; in ana one of them, and an archived run."""
    lake = SmallLake(tmp_path)
    lake.contract("replace", quality=POSITIVE)
    lake.write(DAYS, "2013-01-01", "2013-01-04")
    lake.env = "ana"
    lake.write([(1, "2013-01-01", 11), (2, "2013-01-01", -7)], "2013-01-01", "2013-01-02")
    (tmp_path / ".lake/ana/runs/2013-01-01/20130101T000000-silver.events-abc").mkdir(parents=True)
    return lake


@pytest.fixture
def settings(lake: SmallLake) -> Settings:
    return load_settings(lake.root, environ={})


def test_each_environment_is_listed_with_what_it_wrote(lake: SmallLake, settings: Settings):
    prod, ana = survey(settings)
    assert (prod.name, prod.partitions, prod.rows, prod.runs) == ("prod", 3, 2, 0)
    assert (ana.name, ana.partitions, ana.rows, ana.runs) == ("ana", 1, 1, 1)
    assert [str(table.dataset) for table in ana.datasets] == ["silver.events"]
    assert [str(table.dataset) for table in ana.tables][1:] == ["silver.events__quarantine"]
    assert ana.owner == Path(lake.root).owner()
    assert 0 < ana.datasets[0].size_bytes < ana.size_bytes
    assert ana.last_use and abs((ana.last_use - datetime.now(UTC)).total_seconds()) < 300
    assert [(pin.dataset, pin.version) for pin in ana.pins] == [("silver.events", 1)]


def test_a_damaged_table_is_listed_as_that_and_can_be_dropped(lake: SmallLake, settings: Settings):
    (lake.table / "_delta_log" / f"{1:020}.json").write_text("{")
    assert "damaged log entry" in survey(settings)[1].datasets[0].problem
    apply_drop(plan_drop(settings, "ana"))
    assert [use.name for use in survey(settings)] == ["prod"]


def test_a_plan_deletes_nothing_and_its_doing_leaves_prod(lake: SmallLake, settings: Settings):
    plan = plan_drop(settings, "ana")
    assert plan.use == survey(settings)[1] and plan.size_bytes == plan.use.size_bytes
    apply_drop(plan)
    assert [use.name for use in survey(settings)] == ["prod"]
    assert list((settings.lake / ".dropped").iterdir()) == []
    lake.env = "prod"
    assert sorted(lake.partitions()) == ["2013-01-01", "2013-01-02", "2013-01-03"]


def test_archived_runs_can_be_kept(lake: SmallLake, settings: Settings):
    plan = plan_drop(settings, "ana", keep_runs=True)
    apply_drop(plan)
    left = survey(settings)[1]
    assert (left.name, left.runs, left.tables, left.pins) == ("ana", 1, (), ())
    apply_drop(plan_drop(settings, "ana"))
    assert len(survey(settings)) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("prod", "never dropped"),
        ("anna", r"no environment 'anna' \(did you mean 'ana'\?\)"),
        ("../x", "is not a name"),
    ],
)
def test_what_cannot_be_dropped_is_refused(settings: Settings, name: str, words: str):
    with pytest.raises(UserError, match=words):
        plan_drop(settings, name)


def test_a_run_that_is_going_on_keeps_its_environment(lake: SmallLake, settings: Settings):
    mine = replace(settings, env="ana")
    attempt = Attempt("r1", "silver.events", "x.ipynb", "2013-01-01T00:00:00+00:00")
    plan = plan_drop(settings, "ana")
    with workspace(mine, attempt):
        with pytest.raises(UserError, match=r"a run of the environment 'ana' is going on \(r1\)"):
            plan_drop(settings, "ana")
        with pytest.raises(UserError, match="is going on"):  # begun between plan and doing
            apply_drop(plan)
    with hold_environment(mine), pytest.raises(UserError, match="is going on"):
        apply_drop(plan)
    assert delta.open_snapshot(lake.table).version > 0
    apply_drop(plan_drop(settings, "ana"))


def test_a_notebook_that_is_writing_keeps_its_environment(lake: SmallLake, settings: Settings):
    stage = delta.begin_stage(lake.table, "interactive-1")
    with pytest.raises(UserError, match="interactive-1"):
        plan_drop(settings, "ana")
    stage.finish()
    plan_drop(settings, "ana")


def test_a_reader_that_holds_files_reads_on(lake: SmallLake, settings: Settings):
    path = delta.open_snapshot(lake.table).paths()[0]
    with Path(path).open("rb") as held:
        apply_drop(plan_drop(settings, "ana"))
        assert pl.read_parquet(held).height == 1
    assert not Path(path).exists()


@pytest.mark.parametrize("keep_runs", [False, True])
@pytest.mark.parametrize("point", DROP_POINTS)
def test_a_drop_that_is_killed_goes_on(
    lake: SmallLake, settings: Settings, point: str, keep_runs: bool
):
    code = (
        "import sys; from pathlib import Path; from lakebook.settings import load_settings\n"
        "from lakebook.run.drop import apply_drop, plan_drop\n"
        f"apply_drop(plan_drop(load_settings(Path(sys.argv[1])), 'ana', keep_runs={keep_runs}))"
    )
    command = [sys.executable, "-c", code, str(lake.root)]
    done = subprocess.run(command, env={**os.environ, "LAKEBOOK_FAULT": point}, check=False)
    if point == "drop.after_folder" and not keep_runs:
        assert done.returncode == 0  # one rename has no middle
        return
    assert done.returncode == -signal.SIGKILL
    left = plan_drop(settings, "ana", keep_runs=keep_runs)
    assert left.leftovers and left.size_bytes > 0
    apply_drop(left)
    assert list((settings.lake / ".dropped").iterdir()) == []
    assert [use.tables for use in survey(settings)[1:]] == ([()] if keep_runs else [])
    assert lake.snapshot.version == -1
