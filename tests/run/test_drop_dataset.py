"""What nobody promises any more is taken away whole, and nothing that somebody does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from aged_lake import DAYS, AgedLake
from small_checkout import POSITIVE
from typer.testing import CliRunner

from lakebook import delta
from lakebook.cli.main import app
from lakebook.delta import Pins
from lakebook.delta.faults import DATASET_DROP_POINTS
from lakebook.errors import UserError
from lakebook.names import Dataset, table_path
from lakebook.run.drop_dataset import apply_dataset_drop, plan_dataset_drop
from lakebook.settings import Settings, load_settings
from lakebook.tiers.audit import read_audit

EVENTS = Dataset("silver", "events")


@pytest.fixture
def lake(tmp_path: Path) -> AgedLake:
    """`silver.events` in all tiers of prod and in ana, which has pinned it too; silver.kept."""
    lake = AgedLake(tmp_path)
    for step in ("silver.kept", "silver.events"):
        lake.step = step
        lake.contract("replace", quality=POSITIVE)
        lake.write(DAYS, "2013-01-01", "2013-01-05")
    lake.everywhere()
    return lake


@pytest.fixture
def settings(lake: AgedLake) -> Settings:
    return load_settings(lake.root, environ={})


def forget(lake: AgedLake) -> None:
    """Its notebook and contract go from the checkout."""
    (lake.root / "notebooks/silver/events.contract.yaml").unlink()


def left_of(lake: AgedLake) -> list[str]:
    """Every file of the lake that has the dataset's name in its path, but for archived runs."""
    found = (p for p in (lake.root / ".lake").rglob("*") if p.is_file())
    paths = [str(path.relative_to(lake.root)) for path in found]
    return [p for p in paths if "events" in p and "/runs/" not in p and "/site/" not in p]


def test_all_of_it_goes_and_nothing_else(lake: AgedLake, settings: Settings) -> None:
    kept = table_path(settings.lake, Dataset("silver", "kept"))
    before = sorted(path.name for path in kept.rglob("*"))
    forget(lake)
    plan = plan_dataset_drop(settings, EVENTS)
    figures = {(env, str(use.dataset)): (use.partitions, use.rows) for env, use in plan.tables}
    assert figures == {
        ("prod", "silver.events"): (4, 3),
        ("prod", "silver.events__quarantine"): (1, 1),
        ("ana", "silver.events"): (1, 1),
    }
    assert plan.pins == ("ana",) and plan.size_bytes > 0
    assert left_of(lake)  # a plan deletes nothing
    operations = apply_dataset_drop(plan)
    assert [(one.kind, one.dataset, one.env, one.rows) for one in operations] == [
        ("drop", "silver.events", "prod", 3),
        ("drop", "silver.events__quarantine", "prod", 1),
        ("drop", "silver.events", "ana", 1),
    ]
    assert left_of(lake) == []
    assert list((settings.lake / ".dropped").iterdir()) == []
    assert sorted(path.name for path in kept.rglob("*")) == before
    (record,) = read_audit(settings.lake)
    assert (record["event"], record["dataset"], record["state"], record["rows"]) == (
        *("drop", "silver.events", "done"),
        5,
    )
    with pytest.raises(UserError, match=r"no table silver\.events"):
        plan_dataset_drop(settings, EVENTS)


def test_what_is_promised_or_may_be_is_refused(lake: AgedLake, settings: Settings) -> None:
    with pytest.raises(UserError, match=r"events\.contract\.yaml: silver\.events is promised by"):
        plan_dataset_drop(settings, EVENTS)
    path = lake.root / "notebooks/silver/events.contract.yaml"
    path.write_text(path.read_text().replace("int64", "int65"))
    with pytest.raises(UserError, match="may be promised by a contract that cannot be read"):
        plan_dataset_drop(settings, EVENTS)
    # Another file that has the name of the dataset for a column promises nothing.
    kept = lake.root / "notebooks/silver/kept.contract.yaml"
    path.write_text(
        kept.read_text().replace("silver.kept", "silver.other").replace("kept", "other")
    )
    path.rename(path.with_name("other.contract.yaml"))
    text = kept.read_text()
    kept.write_text(
        text.replace("name: amount", "name: events")
        .replace("column: amount", "column: events")
        .replace('"amount"', '"events"')
    )
    assert plan_dataset_drop(settings, EVENTS).tables
    for name, said in [
        ("silver.events__quarantine", "goes with the one"),
        ("silver.event", "did you mean 'silver.events'"),
    ]:
        with pytest.raises(UserError, match=said):
            plan_dataset_drop(settings, Dataset.parse(name))


def test_a_writer_and_a_reader_keep_it(lake: AgedLake, settings: Settings) -> None:
    forget(lake)
    plan = plan_dataset_drop(settings, EVENTS)
    stage = delta.begin_stage(lake.table, "interactive-1")
    for doing in (lambda: plan_dataset_drop(settings, EVENTS), lambda: apply_dataset_drop(plan)):
        with pytest.raises(UserError, match="is being written by interactive-1"):
            doing()
    stage.finish()
    lease = delta.take_lease(lake.snapshot, "a long query")
    with pytest.raises(UserError, match="is being read by a long query"):
        apply_dataset_drop(plan)
    delta.release(lease)
    path = lake.snapshot.paths()[-1]
    with Path(path).open("rb") as held:
        apply_dataset_drop(plan)
        assert pl.read_parquet(held).height == 1


@pytest.mark.parametrize("point", [*DATASET_DROP_POINTS, "drop_dataset.after_folder:3"])
def test_a_drop_that_is_killed_goes_on(lake: AgedLake, settings: Settings, point: str) -> None:
    forget(lake)
    command = [sys.executable, "-m", "lakebook.cli.main", "drop", "silver.events", "--yes"]
    environ = {**os.environ, "LAKEBOOK_FAULT": point}
    killed = subprocess.run(command, cwd=lake.root, env=environ, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert [one["state"] for one in read_audit(settings.lake)] == ["begun"]
    done = subprocess.run(command, cwd=lake.root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert left_of(lake) == []
    (record,) = read_audit(settings.lake)
    assert (record["state"], record["rows"]) == ("done", 5)
    assert Pins(settings.roots, "ana").find(EVENTS) is None


def test_the_command_shows_asks_and_is_archived(
    lake: AgedLake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake.root)
    forget(lake)
    asked = CliRunner().invoke(app, ["drop", "silver.events"])
    assert isinstance(asked.exception, UserError)
    assert "nothing was deleted: there is nobody to ask" in asked.exception.sentence
    assert "silver.events__quarantine" in asked.stdout and left_of(lake)
    status = CliRunner().invoke(app, ["tier", "status"])
    assert "lakebook drop silver.events" in status.stderr
    done = CliRunner().invoke(app, ["drop", "silver.events", "--yes"])
    assert done.exit_code == 0, done.output
    assert "silver.events is gone" in done.stdout
    runs = CliRunner().invoke(app, ["runs", "ops.drop"])
    assert "-drop-" in runs.stdout
    assert "drop" in CliRunner().invoke(app, ["audit"]).stdout
    assert "no contract promises" not in CliRunner().invoke(app, ["tier", "status"]).output
