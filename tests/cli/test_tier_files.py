"""`lakebook tier compact` and `vacuum` over a small lake."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from small_checkout import Checkout
from typer.testing import CliRunner, Result

from lakebook import delta
from lakebook.archive.record import read_records
from lakebook.cli import tier_files
from lakebook.contract.lookup import find_table
from lakebook.engines import get_engine
from lakebook.names import Dataset, TierTables, tier_tables
from lakebook.settings import Settings, load_settings
from lakebook.tiers.move import move_to_warm

COLUMNS = "      - {name: seen, logicalType: timestamp, physicalType: timestamp}\n"
EVENTS = Dataset("silver", "events")

app = typer.Typer()
app.command("compact")(tier_files.compact)
app.command("vacuum")(tier_files.vacuum)


def lakebook(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def rows_of_json(*arguments: str) -> dict[str, Any]:
    done = lakebook(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """`silver.events` with three files a day on two days, the first of which lies in warm."""
    (tmp_path / "lakebook.toml").touch()
    monkeypatch.setenv("LAKEBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("LAKEBOOK_LAKE", raising=False)
    Checkout(tmp_path).contract("silver.events", COLUMNS, write="append", time=True)
    settings = load_settings(tmp_path)
    contract, tables = find_table(settings, EVENTS), tables_of(settings)
    for number in range(3):
        delta.ensure_table(tables.hot, contract)
        stage = delta.begin_stage(tables.hot, "r")
        seen = [datetime(2013, 1, day, 9 - number) for day in (1, 2)]
        rows = pl.DataFrame(
            {"id": [number, number + 10], "seen": seen},
            schema_overrides={"seen": pl.Datetime("us")},
        )
        get_engine("polars").stage(rows, stage, contract, interval=None)
        delta.commit_append(
            tables.hot,
            stage=stage,
            inspection=delta.inspect(stage, contract),
            offsets={"s": number + 1},
            expected_offsets={"s": number or None},
            metadata={},
        )
    move_to_warm(tables, contract, ["2013-01-01"])
    return settings


def tables_of(settings: Settings) -> TierTables:
    return tier_tables(settings.roots, EVENTS)


def test_compact_says_what_it_would_do_and_does_it(settings: Settings) -> None:
    planned = rows_of_json("compact", "--dry-run")
    assert planned["dry_run"] and planned["problems"] == []
    assert [(t["tier"], t["partitions"], t["files_before"]) for t in planned["tables"]] == [
        ("hot", ["2013-01-02"], 3),
        ("warm", ["2013-01-01"], 3),
    ]
    assert planned["tables"][0]["sort_by"] == ["seen", "id"]
    words = lakebook("compact", "--dry-run").stdout
    assert "silver.events in warm: 3 files of 1 partition" in words and "would be merged" in words
    version = delta.open_snapshot(tables_of(settings).hot).version
    done = rows_of_json("compact", "silver.events")
    assert [t["files_after"] for t in done["tables"]] == [1, 1]
    assert done["tables"][0]["version"] == version + 1
    assert [t["bytes_before"] for t in done["tables"]] == [
        t["bytes_before"] for t in planned["tables"]
    ]
    assert lakebook("compact").stdout == "no partition has several small files\n"
    (record,) = read_records(settings.runs)  # the others merged nothing
    assert (record.step, record.status) == ("ops.compact", "ok")
    assert [(o["kind"], o["from"], o["partitions"], o["files"]) for o in record.operations] == [
        ("compact", "hot", ["2013-01-02"], 3),
        ("compact", "warm", ["2013-01-01"], 3),
    ]
    assert delta.commit_info(tables_of(settings).hot, version + 1)["run"] == record.run_id
    whole = delta.open_whole(tables_of(settings).hot, tables_of(settings).warm)
    assert whole.rows == 6 and len(whole.files) == 2


def test_vacuum_says_what_it_would_do_and_does_it(settings: Settings) -> None:
    assert lakebook("vacuum").stdout == "nothing to delete\n"
    lakebook("compact")
    hot, warm = tables_of(settings).hot, tables_of(settings).warm
    lease = delta.take_lease(delta.open_snapshot(warm, 1), "a reader")
    planned = rows_of_json("vacuum", "--retention", "0", "--dry-run")
    assert [(t["tier"], t["files"], t["kept_by_lease"]) for t in planned["tables"]] == [
        ("hot", 6, 0),
        ("warm", 0, 3),
    ]
    assert len(list(hot.glob("*/*.parquet"))) >= 7
    assert "6 files would be deleted" in lakebook("vacuum", "--retention", "0", "--dry-run").stdout
    words = lakebook("vacuum", "--retention", "0").stdout
    assert "silver.events in hot: 6 files deleted" in words
    assert "silver.events in warm: 3 files kept for those who hold a lease" in words
    delta.release(lease)
    done = rows_of_json("vacuum", "--retention", "0")
    assert [(t["tier"], t["files"]) for t in done["tables"]] == [("hot", 0), ("warm", 3)]
    assert done["tables"][1]["bytes"] > 0


def test_an_unknown_table_is_named_with_the_nearest_one(settings: Settings) -> None:
    for command in ("compact", "vacuum"):
        failed = lakebook(command, "silver.event")
        assert failed.exception is not None
        assert "prod has no table silver.event (did you mean 'silver.events'?)" in str(
            failed.exception
        )
    assert lakebook("vacuum", "--retention", "-1").exit_code == 2


def test_a_damaged_dataset_does_not_keep_the_others_from_their_turn(settings: Settings) -> None:
    Checkout(settings.root).contract("bronze.events", COLUMNS, write="append", time=True)
    broken = settings.lake / "prod/hot/bronze/events/_delta_log/00000000000000000000.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    done = lakebook("compact", "--json")
    assert done.exit_code == 1
    assert "error bronze.events: " in done.stderr and "damaged log entry" in done.stderr
    raw = json.loads(done.stdout)
    assert [one["dataset"] for one in raw["problems"]] == ["bronze.events"]
    assert [one["dataset"] for one in raw["tables"]] == ["silver.events"] * 2


def test_a_table_without_a_contract_is_vacuumed_and_not_compacted(settings: Settings) -> None:
    (settings.notebooks / "silver/events.contract.yaml").unlink()
    done = lakebook("compact")
    assert done.exit_code == 0 and "no contract promises silver.events" in done.stderr
    named = lakebook("compact", "silver.events")
    assert named.exit_code == 1 and "no contract promises silver.events" in named.stderr
    assert rows_of_json("vacuum", "--retention", "0")["tables"][0]["files"] == 3
