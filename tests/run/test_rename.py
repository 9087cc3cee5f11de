"""A dataset that has another name has the same rows, everywhere, or still none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aged_lake import DAYS, AgedLake
from small_checkout import POSITIVE
from typer.testing import CliRunner

from lakebook.cli.main import app
from lakebook.contract.derived import note_derived
from lakebook.contract.lookup import find_table
from lakebook.delta.faults import RENAME_POINTS
from lakebook.errors import ContractError, UserError
from lakebook.names import Dataset, tier_tables
from lakebook.quality import quarantine
from lakebook.run.query import run_query
from lakebook.run.rename import apply_rename, plan_rename
from lakebook.settings import Settings, load_settings
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.verify import verify

OLD, NEW = Dataset("silver", "events"), Dataset("gold", "visits")
OPEN = "id, seen, amount"


@pytest.fixture
def lake(tmp_path: Path) -> AgedLake:
    """`silver.events` in all tiers of prod, set aside, and in ana."""
    lake = AgedLake(tmp_path)
    lake.contract("replace", quality=POSITIVE)
    lake.write(DAYS, "2013-01-01", "2013-01-05")
    lake.everywhere()
    return lake


@pytest.fixture
def settings(lake: AgedLake) -> Settings:
    return load_settings(lake.root, environ={})


def renamed(lake: AgedLake, old: str = "int64", new: str = "int64") -> None:
    """What a person does: the contract, and with it the notebook, has another name."""
    path = lake.root / "notebooks/silver/events.contract.yaml"
    text = (
        path.read_text().replace("silver.events", str(NEW)).replace("name: events", "name: visits")
    )
    target = lake.root / "notebooks/gold/visits.contract.yaml"
    target.parent.mkdir()
    target.write_text(
        text.replace(
            f"amount, logicalType: integer, physicalType: {old}",
            f"amount, logicalType: integer, physicalType: {new}",
        )
    )
    path.unlink()
    lake.step = str(NEW)


def rows(lake: AgedLake, name: Dataset, env: str = "prod") -> list[tuple[object, ...]]:
    settings = load_settings(lake.root, env=env)
    days = "where seen < '2013-01-02' or seen >= '2013-01-03'"  # the second lies in cold
    return run_query(
        settings, f"select {OPEN} from {name} {days} order by all", unmask=True
    ).fetchall()


def aside(lake: AgedLake, settings: Settings, name: Dataset) -> list[int]:
    shown = quarantine.show(settings, find_table(settings, name)).select("id").collect()
    return [row[0] for row in shown.rows()]


def is_renamed(lake: AgedLake, settings: Settings, before: list[tuple[object, ...]]) -> None:
    assert rows(lake, NEW) == before
    assert [row[2] for row in rows(lake, NEW, "ana")] == [11, *(row[2] for row in before[1:])]
    assert aside(lake, settings, NEW) == [3]
    tables, contract = tier_tables(settings.roots, NEW), find_table(settings, NEW)
    assert verify(settings, [contract]).findings == ()
    assert restore(tables, contract, ["2013-01-02"]).moved == ("2013-01-02",)
    sql = f"select id from {NEW} order by id"
    assert run_query(settings, sql).fetchall() == [(1,), (2,), (4,)]
    left = [p for p in (lake.root / ".lake").rglob("*events*") if "runs" not in p.parts]
    assert [path for path in left if path.name != "silver.events.json"] == []


def test_rows_tiers_and_quarantine_go_along(lake: AgedLake, settings: Settings) -> None:
    before = rows(lake, OLD)
    note_derived(settings, OLD, ["amount"])
    renamed(lake)
    plan = plan_rename(settings, OLD, NEW)
    assert [(env, use.rows) for env, use in plan.tables] == [("prod", 3), ("ana", 1)]
    done = apply_rename(plan)
    assert [(one.kind, one.dataset, one.env) for one in done] == [
        ("rename", "gold.visits", "prod"),
        ("rename", "gold.visits", "ana"),
    ]
    assert find_table(settings, NEW).column("amount").classification == "confidential"
    is_renamed(lake, settings, before)


@pytest.mark.parametrize(
    "point",
    [f"{p}:{n}" for p in RENAME_POINTS for n in ((1, 2, 3, 4, 5) if "folder" in p else (1,))],
)
def test_one_that_is_killed_goes_on_and_shows_all_rows_or_none(
    lake: AgedLake, settings: Settings, point: str
) -> None:
    before = rows(lake, OLD)
    renamed(lake)
    command = [sys.executable, "-m", "lakebook.cli.main", "rename", str(OLD), str(NEW), "--yes"]
    environ = {**os.environ, "LAKEBOOK_FAULT": point}
    killed = subprocess.run(command, cwd=lake.root, env=environ, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    try:
        found = rows(lake, NEW)
    except UserError:
        found = []
    assert found in ([], before)
    done = subprocess.run(command, cwd=lake.root, check=False, capture_output=True, text=True)
    if point.endswith(":5"):  # it was the last folder
        assert done.returncode == 2
    else:
        assert done.returncode == 0, done.stderr
    is_renamed(lake, settings, before)


def test_what_cannot_be_renamed_is_refused(lake: AgedLake, settings: Settings) -> None:
    with pytest.raises(UserError, match=r"silver\.events is promised by its contract"):
        plan_rename(settings, OLD, NEW)
    renamed(lake)
    with pytest.raises(UserError, match=r"no contract promises gold\.visit \(did you mean"):
        plan_rename(settings, OLD, Dataset("gold", "visit"))
    with pytest.raises(UserError, match=r"no table silver\.event \(did you mean 'silver\.events'"):
        plan_rename(settings, Dataset("silver", "event"), NEW)
    lake.write(DAYS[:1], "2013-01-01", "2013-01-02")
    with pytest.raises(UserError, match=r"gold\.visits has a table in the environment 'prod'"):
        plan_rename(settings, OLD, NEW)


def test_rows_of_another_kind_are_refused(lake: AgedLake, settings: Settings) -> None:
    renamed(lake, new="int32")
    with pytest.raises(ContractError, match=r"'amount' of gold\.visits is int64 in the table"):
        plan_rename(settings, OLD, NEW)


def test_the_command_says_what_is_next(
    lake: AgedLake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lake.root)
    renamed(lake)
    done = CliRunner().invoke(app, ["rename", str(OLD), str(NEW), "--yes"])
    assert done.exit_code == 0, done.output
    assert "lakebook plan gold.visits+ shows what" in done.stdout
    assert "-rename-" in CliRunner().invoke(app, ["runs", "ops.rename"]).stdout
