"""The history of a step's checks: its newest runs alone, in the order in which they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakebook.archive import record as records
from lakebook.archive.record import RunRecord, write_record
from lakebook.names import Dataset
from lakebook.step import history
from lakebook.step.history import past_checks

STEP = Dataset("silver", "events")


def run(runs: Path, day: int, step: str = "silver.events", broken: int = 0) -> Path:
    check = {
        "dataset": "silver.events",
        "name": "positive",
        "unexpected": broken,
        "success": not broken,
    }
    record = RunRecord(
        run_id=f"201301{day:02}T100000-{step}-abc{day:03}",
        step=step,
        env="prod",
        status="ok",
        began=f"2013-01-{day:02}T10:00:00+00:00",
        elapsed_s=1,
        checks=(check,),
    )
    return write_record(runs, record, runs)


def figures(runs: Path, **options: Any) -> list[tuple[float | None, bool]]:
    found = past_checks(runs, STEP, **options).get(("silver.events", "positive"), [])
    return [(one.value, one.good) for one in found]


def test_figures_of_earlier_runs_come_oldest_first(tmp_path: Path) -> None:
    for day, broken in ((1, 0), (2, 3), (3, 0)):
        run(tmp_path, day, broken=broken)
    run(tmp_path, 2, "silver.events_of_others", broken=9)
    assert figures(tmp_path) == [(0, True), (3, False), (0, True)]


def test_only_the_newest_runs_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(1, 10):
        run(tmp_path, day, broken=day)
    read = []

    def reading(folder: Path) -> RunRecord:
        read.append(folder.name)
        return records.read_record(folder)

    monkeypatch.setattr(history, "read_record", reading)
    assert figures(tmp_path, limit=2) == [(8, False), (9, False)]
    assert len(read) == 2


def test_no_archive_and_a_damaged_record_are_no_error(tmp_path: Path) -> None:
    assert figures(tmp_path / "none") == []
    run(tmp_path, 1)
    broken = run(tmp_path, 2) / "record.json"
    broken.chmod(0o600)
    broken.write_text(json.dumps({"run_id": 1})[:5])
    assert figures(tmp_path) == [(0, True)]
