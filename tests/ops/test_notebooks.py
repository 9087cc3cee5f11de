"""The notebooks of the jobs, run by `lakebook run` in a checkout of three days."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from catalog.records import aspects, proposals
from small_checkout import Checkout

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.engines import get_engine
from lakebook.lineage import check_jobs
from lakebook.names import Dataset, table_path
from lakebook.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
POLICY = """
[tiers.bronze]
hot = "10d"
warm = "20d"

[tiers.silver]
hot = "10d"
retention = "90d"
"""
LATER = "2013-02-05"  # bronze is cold by then, silver warm


@pytest.fixture
def checkout(checkout: Checkout) -> Checkout:
    with (checkout.root / "lakebook.toml").open("a") as file:
        file.write(POLICY)
    shutil.copytree(ROOT / "notebooks" / "ops", checkout.root / "notebooks" / "ops")
    assert {step["status"] for step in checkout.run().values()} == {"ok"}
    return checkout


def run(checkout: Checkout, *args: str) -> list[dict[str, Any]]:
    done = checkout.lakebook("run", *args, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["steps"]


def tier(checkout: Checkout) -> None:
    (report,) = run(checkout, "ops.tiering", "-p", f"as_of={LATER}")
    assert report["status"] == "ok", report["error"]


def operations(report: dict[str, Any]) -> set[tuple[str, str, int]]:
    (one,) = report["runs"]
    return {(o["kind"], o["dataset"], len(o["partitions"])) for o in one["operations"]}


def pictures(report: dict[str, Any]) -> int:
    (one,) = report["runs"]
    return Path(one["report"]).read_text().count('alt="Picture made by cell')


def test_the_checkout_s_own_jobs_have_no_finding() -> None:
    report = check_jobs(load_settings(ROOT))
    assert report.findings == ()
    assert [step.step for step in report.steps] == [
        f"ops.{name}" for name in ("compact", "erase", "restore", "retention", "tiering", "verify")
    ]


@pytest.mark.slow
def test_an_aged_lake_is_verified_and_read_as_before(checkout: Checkout) -> None:
    count = "SELECT count(*) AS n, sum(amount) AS a FROM silver.events"
    before = checkout.query(count)
    tiering, verify = run(checkout, "ops.tiering", "ops.verify", "-p", f"as_of={LATER}")
    assert (tiering["status"], verify["status"]) == ("ok", "ok"), (tiering, verify)
    assert operations(tiering) == {
        ("archive", "bronze.events", 3),
        ("move", "silver.events", 3),
    }
    assert tiering["runs"][0]["summary"] == "archived 3 partitions, moved 3 partitions"
    assert pictures(tiering) == 2 and pictures(verify) == 1
    assert verify["runs"][0]["summary"].endswith("every file holds what was written")
    assert checkout.query(count) == before
    assert {step["status"] for step in checkout.run().values()} == {"fresh"}
    found = proposals(load_settings(checkout.root))
    moves = [o for o in aspects(found, "operation") if o["operationType"] == "CUSTOM"]
    assert {(o["customOperationType"], o["customProperties"]["run"]) for o in moves} == {
        (kind, tiering["runs"][0]["run_id"]) for kind in ("ARCHIVE", "MOVE")
    }
    jobs = {one["name"] for one in aspects(found, "dataJobInfo")}
    assert {"ops.tiering", "ops.verify"} < jobs
    newest = aspects(found, "structuredProperties", "bronze.events")[-1]["properties"]
    values = {one["propertyUrn"].rpartition(".")[2]: one["values"][0] for one in newest}
    assert values["main_tier"] == {"string": "cold"}
    site = checkout.root / ".lake/prod/site/data/runs-0.js"
    assert "archived 3 partitions, moved 3 partitions" in site.read_text()


@pytest.mark.slow
def test_what_is_restored_is_there_and_falls_back_to_nothing_else(checkout: Checkout) -> None:
    tier(checkout)
    days = ("-p", "start=2013-01-01", "-p", "end=2013-01-03")
    (report,) = run(checkout, "ops.restore", "-p", "dataset=bronze.events", *days)
    assert operations(report) == {("restore", "bronze.events", 2)} and pictures(report) == 1
    rows = checkout.query("SELECT count(*) AS n FROM bronze.events WHERE seen < '2013-01-03'")
    assert rows == [{"n": 3}]
    failed = checkout.lakebook("run", "ops.restore")
    assert failed.returncode == 2 and "no dataset is named; set it: -p dataset=" in failed.stdout


def fragment(checkout: Checkout, day: str, times: int) -> None:
    """Add small files to a partition of silver.events."""
    settings = load_settings(checkout.root, environ={})
    contract = find_table(settings, Dataset.parse("silver.events"))
    table = table_path(settings.lake, contract.dataset)
    for number in range(times):
        stage = delta.begin_stage(table, "fragment")
        seen = [datetime.fromisoformat(day) + timedelta(hours=number)]
        rows = pl.DataFrame({"id": [100 + number], "seen": seen, "amount": [1]})
        get_engine("polars").stage(rows, stage, contract, interval=None)
        delta.commit_append(
            table,
            stage=stage,
            inspection=delta.inspect(stage, contract),
            offsets={"s": number + 1},
            expected_offsets={"s": number or None},
            metadata={},
        )


@pytest.mark.slow
def test_files_are_merged_and_what_is_due_is_told_before_it_is_deleted(checkout: Checkout) -> None:
    fragment(checkout, "2013-01-03", 2)
    compact, retention = run(checkout, "ops.compact", "ops.retention", "-p", "as_of=2013-04-03")
    assert (compact["status"], retention["status"]) == ("ok", "ok"), (compact, retention)
    assert pictures(compact) == 1 and pictures(retention) == 1
    assert operations(compact) == {("compact", "silver.events", 1)}
    assert compact["runs"][0]["summary"].startswith("3 files merged into 1, ")
    assert "2 partitions past retention" in retention["runs"][0]["summary"]
    assert operations(retention) == set()
    given = ("-p", "as_of=2013-04-03", "-p", "dry_run=false")
    (deleted,) = run(checkout, "ops.retention", *given)
    assert operations(deleted) == {("delete", "silver.events", 2)}
    assert checkout.query("SELECT count(*) AS n FROM silver.events") == [{"n": 3}]


@pytest.mark.slow
def test_a_damaged_file_fails_the_run_and_is_named(checkout: Checkout) -> None:
    tier(checkout)
    (file,) = (checkout.root / ".lake/prod/cold/bronze/events/2013-01-02").glob("*/*.parquet")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = checkout.lakebook("run", "ops.verify", "ops.tiering")
    assert done.returncode == 1
    assert file.name in done.stdout and "blocked ops.tiering: ops.verify" in done.stdout
    (record,) = json.loads(checkout.lakebook("runs", "ops.verify", "--json").stdout)
    assert record["status"] == "failed" and file.name in record["error"]
    index = (checkout.root / ".lake/prod/site/index.html").read_text()
    assert "ops.verify" in index and "1 step needs attention" in index


@pytest.mark.slow
def test_an_erasure_leaves_no_trace_of_the_key(checkout: Checkout) -> None:
    text = (checkout.root / "events.csv").read_text().replace("3,2013", "471100815,2013")
    checkout.source(text)
    assert {step["status"] for step in checkout.run().values()} == {"ok"}
    tier(checkout)
    runs = checkout.root / ".lake/prod/runs"
    known = set(runs.rglob("*"))
    key = ("-p", "dataset=silver.events", "-p", "key=id=471100815")
    (dry,) = run(checkout, "ops.erase", *key)
    assert "1 row of the subject (by id) would be erased" in dry["runs"][0]["summary"]
    (done,) = run(checkout, "ops.erase", *key, "-p", "dry_run=false")
    assert done["status"] == "ok", done["error"]
    assert operations(done) == {("erase", "silver.events", 0)} and pictures(done) == 1
    assert checkout.query("SELECT count(*) AS n FROM silver.events") == [{"n": 2}]
    new = [path for path in set(runs.rglob("*")) - known if path.is_file()]
    assert new and not [path for path in new if b"471100815" in path.read_bytes()]
    site = (checkout.root / ".lake/prod/site").rglob("*ops.erase*")
    assert not [path for path in site if b"471100815" in path.read_bytes()]
