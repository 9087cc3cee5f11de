"""`lakebook erase` and `lakebook audit` in a terminal."""

from __future__ import annotations

import json
import subprocess
import sys

from small_checkout import Checkout

from lakebook.archive.record import read_records
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.settings import load_settings


def ids(checkout: Checkout, dataset: str) -> list[int]:
    return [row["id"] for row in checkout.query(f"select id from {dataset} order by id")]


def test_a_subject_is_erased_and_does_not_come_back(checkout: Checkout) -> None:
    assert "nothing was deleted yet" in checkout.lakebook("audit").stdout
    checkout.run()
    shown = checkout.lakebook("erase", "silver.events", "--key", "id=3", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "prod: silver.events in hot, 1 row of 1 partition" in shown.stdout
    assert "not erased: 1 row of upstream bronze.events; erase there too" in shown.stdout
    assert ids(checkout, "silver.events") == [1, 3, 4]

    asked = checkout.lakebook("erase", "silver.events", "--key", "id=3")
    assert asked.returncode == 2 and "there is nobody to ask; add --yes" in asked.stderr
    assert ids(checkout, "silver.events") == [1, 3, 4]

    done = checkout.lakebook("erase", "bronze.events", "--key", "id=3", "--downstream", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "erased 2 rows" in done.stdout and "proved" in done.stdout
    assert "the value of id is too short to be searched as text" in done.stdout
    assert (
        ids(checkout, "silver.events") == [1, 4] == sorted({*ids(checkout, "bronze.events")} - {2})
    )

    # The source still has the row: it does not come back by itself, but whoever forces it gets it.
    done = checkout.run()
    assert [step["status"] for step in done.values()] == ["fresh", "ok"]
    assert ids(checkout, "silver.events") == [1, 4]

    trail = json.loads(checkout.lakebook("audit", "--json").stdout)
    assert [(one["event"], one["columns"], one["rows"]) for one in trail] == [
        ("erasure", ["id"], 2)
    ]
    settings = load_settings(checkout.root)
    (record,) = [one for one in read_records(settings.runs) if one.step == "ops.erase"]
    assert record.run_id == trail[0]["run"] and record.status == "ok"
    assert [(one["dataset"], one["env"], one["rows"]) for one in record.operations] == [
        ("bronze.events", "prod", 1),
        ("silver.events", "prod", 1),
    ]
    assert record.run_id in {file.name for file in list_files(outbox_folder(settings))}
    table = checkout.lakebook("audit").stdout
    assert "erasure" in table and "bronze.events +1" in table and "done" in table


def test_an_erasure_that_knows_the_key_alone_proves_nothing(checkout: Checkout) -> None:
    checkout.run("bronze.events")
    command = ("erase", "bronze.events", "--key", "id=4", "--yes")
    first = checkout.lakebook(*command, "--reports")
    assert first.returncode == 0 and "\nproved: " in first.stdout
    again = checkout.lakebook(*command, "--reports")
    assert again.returncode == 0 and "\nproved: " not in again.stdout
    assert "not proved: " in again.stdout
    assert "other values than the key are not known any more" in again.stdout


def test_the_value_can_come_from_the_standard_input(checkout: Checkout) -> None:
    checkout.run("bronze.events")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lakebook.cli.main", "erase", "bronze.events"),
            *("--key", "id", "--key", "amount", "--yes", "--json"),
        ],
        cwd=checkout.root,
        input="4\n40\n",
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["clean"], told["rows"], told["columns"]) == (True, 1, ["id", "amount"])
    assert ids(checkout, "bronze.events") == [1, 2, 3]


def test_what_is_left_ends_with_1_and_is_named(checkout: Checkout) -> None:
    checkout.run("bronze.events")
    table = checkout.root / ".lake/prod/hot/bronze/events"
    copy = table / "backup" / "of" / "mine.parquet"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(next(table.glob("_partition=2013-01-03/*.parquet")).read_bytes())
    done = checkout.lakebook("erase", "bronze.events", "--key", "id=4", "--yes")
    assert done.returncode == 1
    assert "left .lake/prod/hot/bronze/events/backup/of/mine.parquet: 1 rows" in done.stdout
    assert "not proved" in done.stdout


def test_bad_input_is_one_sentence(checkout: Checkout) -> None:
    for args in (
        ("silver.nothing", "--key", "id=1"),
        ("silver.events", "--key", "id=abc"),
    ):
        done = checkout.lakebook("erase", *args, "--yes")
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert "abc" not in done.stderr
