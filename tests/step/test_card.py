"""What a write shows: its rows, its checks with those of earlier runs, some rows, its inputs."""

from __future__ import annotations

import json

from small_checkout import POSITIVE
from small_lake import SmallLake

from lakebook.archive.record import RunRecord, write_record
from lakebook.step import card as module

DAYS = ("2013-01-01", "2013-01-02")
ROWS = [(1, "2013-01-01", 10), (2, "2013-01-01", -5), (3, "2013-01-01T10:00:00", 30)]


def archived(lake: SmallLake, day: int, broken: int) -> None:
    found = {"dataset": "silver.events", "name": "amount_positive", "unexpected": broken}
    record = RunRecord(
        run_id=f"201301{day:02}T100000-silver.events-aaaaaa",
        step="silver.events",
        env="prod",
        status="ok",
        began=f"2013-01-{day:02}T10:00:00+00:00",
        elapsed_s=1,
        checks=({**found, "success": not broken, "action": "quarantine"},),
    )
    write_record(lake.root / ".lake/prod/runs", record, lake.root)


def test_a_card_has_rows_checks_history_sample_and_version(lake: SmallLake) -> None:
    lake.contract("replace", quality=POSITIVE)
    archived(lake, 1, 4)
    archived(lake, 2, 0)
    from small_lake import rows

    shown = lake.open(*DAYS).write(rows(*ROWS))
    html = shown._repr_html_()
    assert "last 3 runs: did not hold in 2; now 1, most 4" in html
    assert "silver.events</b> version 1" in html and "2013-01-01 written" in html
    assert "2 rows of it" in html and "lakebook quarantine show silver.events" in html
    assert repr(shown).splitlines() == [
        "silver.events: 3 rows audited = 2 published + 1 quarantined; version 1, "
        "1 partitions written, 0 unchanged",
        "  quarantined  amount_positive (1 rows)",
    ]


def test_the_archive_is_read_only_when_a_card_is_shown(lake: SmallLake, monkeypatch) -> None:
    lake.contract("replace", quality=POSITIVE)
    monkeypatch.setattr(module, "check_view", lambda *_: 1 / 0)
    lake.write(ROWS, *DAYS)


def test_rows_of_classified_columns_are_kept_masked(lake: SmallLake) -> None:
    lake.contract("replace")
    path = lake.root / "notebooks/silver/events.contract.yaml"
    text = path.read_text()
    secret = "{name: amount, classification: restricted, "
    path.write_text(text.replace("{name: amount, ", secret))
    output = lake.write([(1, "2013-01-01", 4711)], *DAYS)
    kept = output.profile["sample"]
    assert [column["name"] for column in kept["columns"]] == ["id", "seen", "amount"]
    assert kept["rows"] == [["1", "2013-01-01 00:00:00", "•••"]]
    assert "4711" not in json.dumps(output.profile)
