"""`lakebook rollback`: a dataset and what it set aside are as the run left them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_checkout import EVENTS, Checkout

from lakebook import delta
from lakebook.names import Dataset, table_path
from lakebook.settings import load_settings

DAYS = ("--start", "2013-01-01", "--end", "2013-01-04")
LATER = EVENTS.replace("30\n", "31\n").replace("-5\n", "5\n")  # of two days
NAMES = ("bronze.events", "silver.events")


def rows(checkout: Checkout, name: str) -> list[dict[str, Any]]:
    return checkout.query(f"select id, amount from {name} order by id")


def kept_out(checkout: Checkout) -> list[dict[str, Any]]:
    done = checkout.lakebook("quarantine", "show", "silver.events", "--json")
    return [{**row, "_run": ""} for row in json.loads(done.stdout)]


def last_run(checkout: Checkout, name: str) -> str:
    done = checkout.lakebook("runs", name, "--limit", "1", "--json")
    return str(json.loads(done.stdout)[0]["run_id"])


def stale(checkout: Checkout) -> dict[str, int]:
    done = checkout.lakebook("plan", *DAYS, "--json")
    return {one["step"]: len(one["stale"]) for one in json.loads(done.stdout)}


def back(checkout: Checkout, name: str, run: str, *more: str) -> tuple[int, str]:
    done = checkout.lakebook("rollback", name, "--to", run, *more)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def twice(checkout: Checkout) -> tuple[Checkout, dict[str, str], dict[str, list[dict[str, Any]]]]:
    """A checkout with two runs; the first one's ids and rows."""
    assert checkout.run()["silver.events"]["status"] == "ok"
    first = {name: last_run(checkout, name) for name in NAMES}
    were = {name: rows(checkout, name) for name in NAMES} | {"aside": kept_out(checkout)}
    checkout.source(LATER)
    assert checkout.run()["silver.events"]["status"] == "ok"
    assert rows(checkout, "silver.events") != were["silver.events"]
    assert kept_out(checkout) != were["aside"]
    return checkout, first, were


def test_it_is_as_the_run_left_it_and_can_be_taken_back(twice: Any) -> None:
    checkout, first, were = twice
    now = {name: rows(checkout, name) for name in NAMES} | {"aside": kept_out(checkout)}
    code, said = back(checkout, "silver.events", first["silver.events"], "--yes")
    assert code == 0, said
    assert "2 partitions put back" in said and "2013-01-01: 2 -> 1 row" in said
    assert rows(checkout, "silver.events") == were["silver.events"]
    assert kept_out(checkout) == were["aside"] != []
    assert rows(checkout, "bronze.events") == now["bronze.events"]
    assert stale(checkout) == {"bronze.events": 0, "silver.events": 2}

    code, said = back(checkout, "bronze.events", first["bronze.events"], "--yes")
    assert code == 0 and "silver.events" not in said  # it is made of the rows of then
    checkout.source(EVENTS)
    # The third day's rows were the same, and stayed with what the later source says of them.
    assert stale(checkout) == {"bronze.events": 1, "silver.events": 0}

    undone = json.loads(checkout.lakebook("runs", "--limit", "2", "--json").stdout)[1]
    assert (undone["step"], undone["note"]) == ("ops.rollback", "lakebook rollback")
    (operation,) = undone["operations"]
    assert (operation["kind"], operation["dataset"]) == ("rollback", "silver.events")
    assert operation["partitions"] == ["2013-01-01", "2013-01-02"]
    code, said = back(checkout, "silver.events", undone["run_id"], "--yes")
    assert code == 0 and "is as the run" in said


def test_one_partition_alone_and_as_json(twice: Any) -> None:
    checkout, first, _ = twice
    code, said = back(
        *(checkout, "silver.events", first["silver.events"]),
        *("--partition", "2013-01-02", "--yes", "--json"),
    )
    assert code == 0
    found = json.loads(said)
    assert found["partitions"] == {"2013-01-02": {"rows_before": 1, "rows_after": 1}}
    assert {row["id"]: row["amount"] for row in rows(checkout, "silver.events")} == {
        **{1: 10, 2: 5},  # of the run before
        **{3: 30, 4: 40},
    }
    code, said = back(
        *(checkout, "bronze.events", first["bronze.events"]),
        *("--partition", "2013-01-01", "--yes"),
    )
    assert (
        code == 0
        and (
            "stale below: silver.events (1 partition); "
            "lakebook run silver.events+ --start 2013-01-01 --end 2013-01-02"
        )
        in said
    )


def test_what_cannot_be_put_back_is_refused_with_a_sentence(twice: Any) -> None:
    checkout, first, _ = twice
    run = first["silver.events"]
    before = rows(checkout, "silver.events")
    for name, to, more, words in (
        ("silver.events", run, (), "there is nobody to ask"),
        ("silver.events", run[:-1], ("--yes",), f"did you mean '{run}'?"),
        ("silver.events", run, ("--yes", "-P", "2013-02-01"), "has no partition '2013-02-01'"),
        ("silver.evens", run, ("--yes",), "did you mean"),
        ("silver.events", run, ("--yes", "--env", "ana"), "has no environment 'ana'"),
    ):
        code, said = back(checkout, name, to, *more)
        assert code == 2 and words in said, said
    assert rows(checkout, "silver.events") == before


def test_files_that_a_vacuum_took_do_not_come_back(twice: Any) -> None:
    checkout, first, _ = twice
    table = table_path(load_settings(checkout.root, environ={}).lake, Dataset("silver", "events"))
    files = {str(path) for path in Path(table).rglob("*.parquet")}
    delta.vacuum(table, retention_s=0)
    assert {str(path) for path in Path(table).rglob("*.parquet")} < files
    before = rows(checkout, "silver.events")
    code, said = back(checkout, "silver.events", first["silver.events"], "--yes")
    assert code == 1 and "was vacuumed" in said and "choose a later run" in said
    assert rows(checkout, "silver.events") == before
