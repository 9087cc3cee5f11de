"""What `lakebook quarantine` shows and hides, and running its partitions again."""

from __future__ import annotations

import json

import pytest
from small_checkout import COLUMNS, EVENTS, LANDING, POSITIVE, Checkout

CLASSIFIED = COLUMNS.replace(", required: true", "").replace(
    "physicalType: int64", "physicalType: int64, classification: restricted"
)


@pytest.mark.slow
def test_rows_without_a_time_are_shown_masked_and_replayed(checkout: Checkout):
    checkout.contract("bronze.events", CLASSIFIED + LANDING, quality=POSITIVE)
    checkout.source(EVENTS.replace("-5", "5") + "5,,-77123\n")
    first = checkout.run("bronze.events")["bronze.events"]
    assert first["status"] == "ok", first["error"]

    shown = checkout.lakebook("quarantine", "show", "bronze.events")
    assert "-77123" not in shown.stdout and "•••" in shown.stdout
    assert "1 row of bronze.events in quarantine" in shown.stdout
    assert "hidden by classification: amount; --unmask shows them" in shown.stdout
    as_json = checkout.lakebook("quarantine", "show", "bronze.events", "--json")
    assert "-77123" not in as_json.stdout
    assert [(r["id"], r["amount"]) for r in json.loads(as_json.stdout)] == [(5, "•••")]
    unmasked = checkout.lakebook("quarantine", "show", "bronze.events", "--unmask")
    assert "-77123" in unmasked.stdout
    none = checkout.lakebook("quarantine", "show", "bronze.events", "--limit", "0")
    assert "1 row of bronze.events" in none.stdout and "•••" not in none.stdout

    checkout.source(EVENTS.replace("-5", "5") + "5,,77\n")
    given = ("--start", "2013-01-02", "--end", "2013-01-03")
    dated = checkout.lakebook("quarantine", "replay", "bronze.events", *given)
    assert dated.returncode == 0, dated.stdout + dated.stderr
    assert len(records(checkout)) == 2 and records(checkout)[0]["partitions"] == ["2013-01-02"]
    checkout.source(EVENTS.replace("-5", "5") + "5,,-78\n")
    checkout.run("bronze.events", start="2013-01-02", end="2013-01-03")
    checkout.source(EVENTS.replace("-5", "5") + "5,,78\n")
    replayed = checkout.lakebook("quarantine", "replay", "bronze.events")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    newest = records(checkout)[0]
    assert newest["partitions"] == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert "0 rows" in checkout.lakebook("quarantine", "show", "bronze.events").stdout
    asked = "SELECT amount FROM bronze.events WHERE id = 5"
    assert checkout.query(asked) == [{"amount": "•••"}]
    assert checkout.query(asked, "--unmask") == [{"amount": 78}]


def records(checkout: Checkout) -> list[dict]:
    return json.loads(checkout.lakebook("runs", "bronze.events", "--json").stdout)
