"""A run that needs cold says so before its kernel starts, or restores it first with --restore."""

from __future__ import annotations

import json

import pytest
from small_checkout import COLUMNS, Checkout

from lakebook.archive.record import read_records
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.contract.lookup import find_table
from lakebook.names import Dataset, tier_tables
from lakebook.settings import load_settings
from lakebook.step.view import DatasetView, open_view
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import NewPlace, set_places

D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"
INTERVAL = ("--start", D1, "--end", "2013-01-04")
COMMAND = "lakebook tier restore bronze.events --start 2013-01-02 --end 2013-01-03"


def to_cold(checkout: Checkout, dataset: str, *partitions: str) -> None:
    settings = load_settings(checkout.root, env="prod")
    table = find_table(settings, Dataset.parse(dataset))
    tables = tier_tables(settings.roots, table.dataset)
    move_to_warm(tables, table, partitions)
    assert archive(tables, table, partitions, level=3).moved == partitions


def view_of(checkout: Checkout, dataset: str) -> DatasetView:
    settings = load_settings(checkout.root, env="prod")
    return open_view(settings, find_table(settings, Dataset.parse(dataset)))


def change_code(checkout: Checkout, step: str = "silver.events") -> None:
    layer, name = step.split(".")
    path = checkout.root / "notebooks" / layer / f"{name}.ipynb"
    raw = json.loads(path.read_text())
    raw["cells"][-1]["source"].append("\n1 + 1")
    path.write_text(json.dumps(raw))


@pytest.mark.slow
def test_a_damaged_archive_stops_a_step_and_not_the_plan(checkout: Checkout):
    checkout.run()
    to_cold(checkout, "bronze.events", D2)
    change_code(checkout)
    archives = checkout.root / ".lake/prod/cold/bronze/events" / D2
    (manifest,) = archives.glob("*/manifest.json")
    manifest.chmod(0o644)
    manifest.write_text("{")
    planned = checkout.lakebook("plan", *INTERVAL)
    assert planned.returncode == 0, planned.stderr
    # A run of both makes the damaged partition anew; one of silver alone stops.
    assert "bronze.events  1 stale of 3 partitions" in planned.stdout
    assert "silver.events" in planned.stdout
    assert "will stop, unless " in planned.stdout and "manifest.json" in planned.stdout
    assert {step["status"] for step in checkout.run().values()} == {"ok"}


@pytest.mark.slow
def test_only_what_is_stale_needs_cold(checkout: Checkout):
    checkout.run()
    to_cold(checkout, "bronze.events", D2)
    to_cold(checkout, "silver.events", D1)
    # A change of place makes nothing stale, and what is fresh reads nothing.
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}
    change_code(checkout)
    # The days that do not need it are run.
    ran = checkout.run("silver.events", start=D1, end=D2)["silver.events"]
    assert ran["status"] == "ok" and ran["runs"][0]["outputs"][0]["unchanged"] == [D1]
    assert view_of(checkout, "silver.events").tier(D1) == "cold"

    # The plan foresees it.
    foreseen = checkout.lakebook("plan", "silver.events", *INTERVAL)
    assert foreseen.returncode == 0 and "will stop: bronze.events lies in cold" in foreseen.stdout
    planned = checkout.lakebook("plan", "silver.events", *INTERVAL, "--json").stdout
    (silver,) = json.loads(planned)
    assert silver["in_cold"] == {"bronze.events": [D2]} and COMMAND in silver["error"]
    assert silver["stops"] == "surely"
    # Bronze may get other rows, and then lies in hot. It does not, so it stays in cold.
    planned = checkout.lakebook("plan", *INTERVAL, "--force", "--json").stdout
    assert [(step["step"], step["stops"]) for step in json.loads(planned)] == [
        ("bronze.events", None),
        ("silver.events", "maybe"),
    ]
    forced = checkout.lakebook("run", *INTERVAL, "--force")
    assert forced.returncode == 2 and COMMAND in forced.stdout

    refused = checkout.lakebook("run", "silver.events", *INTERVAL)
    assert refused.returncode == 2 and "Traceback" not in refused.stdout + refused.stderr
    assert f"bronze.events lies in cold for {D2} (1 partition, " in refused.stdout
    assert COMMAND in refused.stdout
    # It is archived like any refusal, and no kernel was started for it.
    (record, *_) = json.loads(checkout.lakebook("runs", "silver.events", "--json").stdout)
    assert record["status"] == "failed" and COMMAND in record["error"]
    folder = next((checkout.root / ".lake/prod/runs").glob(f"*/{record['run_id']}"))
    assert not any(
        cell["outputs"] for cell in json.loads((folder / "cells.json").read_text())["cells"]
    )
    assert view_of(checkout, "bronze.events").tier(D2) == "cold"

    done = checkout.lakebook("run", "silver.events", *INTERVAL, "--restore")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"restoring {D2} of bronze.events from cold until " in done.stderr
    view = view_of(checkout, "bronze.events")
    assert view.tier(D2) == "warm" and view.own.expires(D2)
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}
    assert checkout.query(f"SELECT count(*) AS n FROM silver.events WHERE seen > '{D2}'") == [
        {"n": 2}
    ]


@pytest.mark.slow
def test_days_that_retention_deleted_are_left_alone(checkout: Checkout):
    checkout.run()
    view = view_of(checkout, "bronze.events")
    places = {D2: NewPlace("deleted", archive=0)}
    set_places(view.own.table, view.own, places, {"operation_kind": "retention"})
    done = checkout.lakebook("run", "silver.events", *INTERVAL, "--force", "--restore")
    assert done.returncode == 0, done.stdout
    assert checkout.query("SELECT count(*) AS n FROM silver.events") == [{"n": 3}]


MERGE = [
    'from lakebook import Step\nstep = Step("silver.events", start=start, end=end)',
    'events = step.read("bronze.events")',
    'step.write(events.select("id", "seen", "amount"))',
]


@pytest.mark.slow
def test_a_merge_that_meets_cold_is_run_again_after_the_restore(checkout: Checkout):
    checkout.contract("silver.events", COLUMNS, write="merge")
    checkout.notebook("silver.events", MERGE)
    checkout.run()
    to_cold(checkout, "silver.events", D3)
    # The row of the third day comes with another time: its key lies in cold.
    checkout.source("id,seen,amount\n1,2013-01-01T10:00:00Z,10\n4,2013-01-01T12:00:00Z,41\n")
    refused = checkout.run(start=D1, end=D2)["silver.events"]
    assert refused["status"] == "failed"
    assert "lakebook tier restore silver.events --start 2013-01-03" in refused["error"]
    done = checkout.run("--restore", start=D1, end=D2)["silver.events"]
    assert done["status"] == "ok" and [run["status"] for run in done["runs"]] == ["failed", "ok"]
    rows = checkout.query("SELECT id, amount FROM silver.events ORDER BY id")
    assert [(row["id"], row["amount"]) for row in rows] == [(1, 10), (2, -5), (3, 30), (4, 41)]


@pytest.mark.slow
def test_what_is_read_beyond_the_interval_is_foreseen(checkout: Checkout):
    cells = [
        MERGE[0],
        "import datetime\nimport narwhals as nw\nday = datetime.datetime.fromisoformat(start)\n"
        'events = step.read("bronze.events", before=1).filter(nw.col("seen") >= day)',
        MERGE[2],
    ]
    checkout.notebook("silver.events", cells)
    checkout.run()
    to_cold(checkout, "bronze.events", D2)
    change_code(checkout)
    day = {"start": D3, "end": "2013-01-04"}
    refused = checkout.run("silver.events", **day)["silver.events"]
    assert refused["status"] == "failed" and COMMAND in refused["error"]
    assert checkout.run("silver.events", "--restore", **day)["silver.events"]["status"] == "ok"


@pytest.mark.slow
def test_an_environment_is_told_to_move_its_pin(checkout: Checkout):
    checkout.run()
    to_cold(checkout, "bronze.events", D2)
    checkout.environment("ana")
    args = ("silver.events", *INTERVAL, "--env", "ana")
    for more in ((), ("--restore",)):
        change_code(checkout)
        done = checkout.lakebook("run", *args, *more)
        assert done.returncode == 2
        assert "lakebook env refresh ana bronze.events" in done.stdout
    assert checkout.lakebook("env", "refresh", "ana", "bronze.events").returncode == 0
    assert checkout.lakebook("run", *args).returncode == 0


@pytest.mark.slow
def test_a_query_from_the_command_line(checkout: Checkout):
    checkout.run()
    to_cold(checkout, "bronze.events", D2)
    sql = "SELECT count(*) AS n FROM bronze.events"
    refused = checkout.lakebook("query", sql)
    assert refused.returncode == 2 and COMMAND in refused.stderr
    limited = ("--start", D3, "--end", "2013-01-04")
    assert checkout.query(sql, *limited) == [{"n": 1}]
    assert checkout.query(f"{sql} WHERE seen::DATE <> '{D2}' AND seen < '{D2}'") == [{"n": 2}]
    done = checkout.lakebook("query", sql, "--restore", "--format", "csv")
    assert done.stdout.split() == ["n", "4"] and f"note restoring {D2}" in done.stderr
    # What it restored is a run for the archive and an operation for the catalog.
    settings = load_settings(checkout.root)
    (record, *_) = read_records(settings.runs)
    (restored,) = record.operations
    assert (record.step, restored["kind"], restored["partitions"]) == (
        "ops.restore",
        "restore",
        [D2],
    )
    emitted = [file for file in list_files(outbox_folder(settings)) if file.name == record.run_id]
    assert [file.kind for file in emitted] == ["run"]
