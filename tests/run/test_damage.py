"""The command line where files are damaged: each command names what mends them, and that does."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from small_checkout import Checkout

from lakebook.delta import open_snapshot
from lakebook.names import Dataset, table_path

SPAN = ("--start", "2013-01-01", "--end", "2013-01-04")
MEND = "lakebook run {} --start 2013-01-02 --end 2013-01-03 --force"


def file_of(checkout: Checkout, dataset: str, day: str = "2013-01-02") -> Path:
    table = table_path(checkout.root / ".lake", Dataset.parse(dataset))
    (path,) = open_snapshot(table).paths([day])
    return Path(path)


def findings(checkout: Checkout, code: int) -> dict[str, str]:
    done = checkout.lakebook("tier", "verify", "--json")
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    assert found["files_without_checksum"] == 0
    return {one["file"]: one["command"] for one in found["findings"]}


@pytest.mark.slow
def test_from_the_damage_to_the_command_that_mends_it(checkout: Checkout) -> None:
    assert checkout.run("+silver.events")["silver.events"]["status"] == "ok"
    bronze, silver = file_of(checkout, "bronze.events"), file_of(checkout, "silver.events")
    content = bytearray(bronze.read_bytes())
    content[len(content) // 2] ^= 1
    bronze.write_bytes(content)
    silver.unlink()

    plan = checkout.lakebook("plan", "+silver.events", *SPAN, "--json")
    assert f"damaged: {silver.name}: the file is missing" in plan.stdout
    sql = "select count(*) as n, sum(amount) as total from silver.events"
    asked = checkout.lakebook("query", sql)
    assert asked.returncode == 1 and asked.stderr.strip() == (
        f"error {silver}: silver.events 2013-01-02 in hot: the file is missing; make it anew: "
        + MEND.format("silver.events")
    )
    found = findings(checkout, 1)
    assert found == {
        str(bronze): MEND.format("bronze.events"),
        str(silver): MEND.format("silver.events"),
    }
    for command in found.values():
        done = checkout.lakebook(*command.split()[1:])
        assert done.returncode == 0, done.stderr
    assert findings(checkout, 0) == {}

    file_of(checkout, "silver.events").unlink()
    assert checkout.run("+silver.events")["silver.events"]["status"] == "ok"  # without --force
    assert checkout.query(sql) == [{"n": 3, "total": 80}]


@pytest.mark.slow
def test_rows_set_aside_that_are_lost_make_their_partition_stale(checkout: Checkout) -> None:
    assert checkout.run("+silver.events")["silver.events"]["status"] == "ok"
    table = table_path(checkout.root / ".lake", Dataset.parse("silver.events__quarantine"))
    (path,) = (Path(path) for path in open_snapshot(table).paths())
    path.unlink()
    plan = json.loads(checkout.lakebook("plan", "+silver.events", *SPAN, "--json").stdout)
    (silver,) = (one for one in plan if one["step"] == "silver.events")
    said = f"damaged: {path.name} of its quarantine: the file is missing"
    assert list(silver["reasons"].values()) == [said]
    made = checkout.run("+silver.events")
    assert made["bronze.events"]["status"] == "fresh" and made["silver.events"]["status"] == "ok"
    (again,) = (Path(path) for path in open_snapshot(table).paths())
    assert pl.read_parquet(again, columns=["id", "amount"]).rows() == [(2, -5)]
