"""A dataset's page calls late what was promised, and nothing that is old on purpose."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_checkout import COLUMNS, Checkout

from lakebook.contract.lookup import load_step_contract
from lakebook.names import Dataset
from lakebook.settings import load_settings
from lakebook.site.dataset_view import freshness
from lakebook.site.store import Point, Run, Store

NAME = "silver.events"
VIEW: Any = SimpleNamespace(partitions=("2026-03-01", "2026-03-02"))


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    """Freshness after runs of (end, moment); the contract promises a day within 24 hours."""
    made = Checkout(tmp_path)
    (tmp_path / "lakebook.toml").write_text("")
    made.contract(NAME, COLUMNS)
    table = load_step_contract(load_settings(tmp_path, environ={}), Dataset.parse(NAME)).tables[0]

    def judge(*runs: tuple[str, str]) -> dict[str, Any]:
        store = Store(tmp_path / "runs.sqlite")
        for number, (end, moment) in enumerate(runs):
            point = Point(f"r{number}", moment, NAME, "rows", "", 3, True, {"end": end})
            store.add(Run(f"r{number}", NAME, moment, "ok", "", "", {}), "", [point])
        found = freshness(table, VIEW, store, NAME)
        store.close()
        return found

    return judge


def test_the_next_day_is_due_once_one_came_in_time(judged: Any) -> None:
    found = judged(("2026-03-02", "2026-03-02T05:00:00+00:00"))
    assert not found["history"]
    # The newest day is the 2nd; the next ends with the 3rd and is promised a day later.
    assert found["due"] == 1_772_668_800  # 2026-03-05T00:00Z
    assert found["until"] == "2026-03-02"


def test_nothing_is_due_of_data_that_is_old_on_purpose(judged: Any) -> None:
    found = judged(("2013-01-02", "2026-03-02T05:00:00+00:00"))
    assert (found["history"], found["due"]) == (True, None)


def test_what_came_in_time_once_stays_due_after_a_backfill(judged: Any) -> None:
    found = judged(
        ("2026-03-02", "2026-03-02T05:00:00+00:00"), ("2013-01-02", "2026-03-03T05:00:00+00:00")
    )
    assert found["due"] == 1_772_668_800
