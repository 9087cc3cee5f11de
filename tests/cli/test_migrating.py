"""`lakebook migrate` by the command line: from the refusal to fresh partitions."""

from __future__ import annotations

import json

from small_checkout import Checkout

DAYS = ("--start", "2013-01-01", "--end", "2013-02-01")


def test_a_contract_by_month_for_a_table_by_day(checkout: Checkout) -> None:
    assert checkout.run(end=DAYS[-1])["silver.events"]["status"] == "ok"
    path = checkout.root / "notebooks/silver/events.contract.yaml"
    text = path.read_text()
    path.write_text(text.replace("partitionUnit, value: day", "partitionUnit, value: month"))
    rows = "select id, amount from silver.events order by id"

    refused = checkout.lakebook("query", rows)
    assert refused.returncode == 2 and "lakebook migrate silver.events" in refused.stderr
    nobody = checkout.lakebook("migrate", "silver.events")
    assert nobody.returncode == 2 and "there is nobody to ask" in nobody.stderr
    assert "partitionUnit: day -> month" in nobody.stdout
    shown = json.loads(checkout.lakebook("migrate", "silver.events", "--dry-run", "--json").stdout)
    assert (shown["changes"], shown["rows"]) == (["partitionUnit: day -> month"], 3)
    assert shown["operations"] == []
    wrong = checkout.lakebook("migrate", "silver.events", "--rename", "amount", "--yes")
    assert wrong.returncode == 2 and "is not OLD=NEW" in wrong.stderr

    done = checkout.lakebook("migrate", "silver.events", "--yes")
    assert done.returncode == 0, done.stderr
    assert "3 rows in 1 partition" in done.stdout
    assert [row["id"] for row in checkout.query(rows)] == [1, 3, 4]
    kept = json.loads(checkout.lakebook("quarantine", "show", "silver.events", "--json").stdout)
    assert [row["id"] for row in kept] == [2]
    again = checkout.lakebook("migrate", "silver.events")
    assert again.returncode == 0 and "is as its contract says" in again.stdout
    (run,) = json.loads(checkout.lakebook("runs", "--limit", "1", "--json").stdout)
    assert (run["step"], run["operations"][0]["kind"]) == ("ops.migrate", "migrate")

    assert checkout.run("silver.events", end=DAYS[-1])["silver.events"]["status"] == "ok"
    assert [row["id"] for row in checkout.query(rows)] == [1, 3, 4]
    (plan,) = json.loads(checkout.lakebook("plan", "silver.events", *DAYS, "--json").stdout)
    assert (plan["stale"], plan["fresh"]) == ([], ["2013-01"])
