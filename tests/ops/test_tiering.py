"""The tiering job: plan, apply and status, as cards and as operations of the run's record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tiers.aged import MONTHS, Aged, by_tier

from lakebook.archive.sanitize import sanitize
from lakebook.errors import RunError, UserError
from lakebook.intervals import Interval
from lakebook.ops import Maintenance

NEW_YEAR = "2014-01-01"


def test_a_year_ages_and_the_record_tells_how(aged: Aged, outcome: Callable[[], Any]) -> None:
    job = Maintenance("tiering", as_of=NEW_YEAR)
    before = job.status()
    assert before.tiers["hot"]["partitions"] == 12 and before.tiers["cold"]["size_bytes"] == 0
    plan = job.plan()
    assert "10 partitions would move on 2014-01-01" in plan.headline
    done = job.apply(plan)
    assert done.headline == "moved 4 partitions, archived 6 partitions"
    assert by_tier(aged.tiers()) == {
        "hot": [*MONTHS[10:]],
        "warm": [*MONTHS[6:10]],
        "cold": [*MONTHS[:6]],
    }
    kept = outcome()
    assert kept["summary"] == done.headline and kept["notes"] == []
    move, archive = kept["operations"]
    assert (move["kind"], move["from"], move["to"]) == ("move", "hot", "warm")
    assert move["partitions"] == list(MONTHS[6:10]) and move["rows"] == 369
    assert archive["reason"].startswith("older than 180 d in hot: ended 2013-02-01")
    after = job.status()
    assert {tier: sums["partitions"] for tier, sums in after.tiers.items()} == {
        "hot": 2,
        "warm": 4,
        "cold": 6,
    }
    assert after.places.filter(after.places["tier"] == "cold")["rows"].sum() == archive["rows"]


def test_a_second_run_finds_nothing_to_move(in_tiers: Maintenance) -> None:
    plan = in_tiers.plan()
    assert plan.headline == "nothing moves on 2014-01-01"
    assert in_tiers.apply(plan).headline == "there was nothing to do"


def test_expired_partitions_are_left_to_retention(aged: Aged, outcome: Callable[[], Any]) -> None:
    aged.promise(retention="value: 300, unit: d")
    job = Maintenance("tiering", as_of=NEW_YEAR)
    plan = job.plan()
    assert "2 partitions past retention: lakebook run ops.retention deletes" in repr(plan)
    job.apply(plan)
    assert "deleted" not in by_tier(aged.tiers())
    assert {one["kind"] for one in outcome()["operations"]} == {"move", "archive"}


def test_a_dry_run_changes_nothing(aged: Aged, outcome: Callable[[], Any]) -> None:
    job = Maintenance("tiering", as_of=NEW_YEAR, dry_run=True)
    done = job.apply(job.plan())
    assert done.headline.startswith("a dry run: 10 partitions would move")
    assert by_tier(aged.tiers()) == {"hot": list(MONTHS)}
    assert outcome()["operations"] == []


def test_a_person_s_environment_looks_and_changes_nothing(
    aged: Aged, in_run: Callable[..., Any]
) -> None:
    in_run("ana")
    job = Maintenance("tiering", as_of=NEW_YEAR)
    assert job.status().tiers["hot"]["partitions"] == 12  # of prod
    plan = job.plan()
    with pytest.raises(UserError, match=r"job\.apply changes prod, and this notebook runs in"):
        job.apply(plan)
    dry = Maintenance("tiering", as_of=NEW_YEAR, dry_run=True)
    assert "10 partitions" in dry.apply(plan).headline
    for change in (job.compact, job.vacuum):
        with pytest.raises(UserError, match=r"lakebook run ops\.tiering"):
            change()
    assert job.verify().findings == ()


def test_an_error_fails_the_run_after_all_else_was_done(
    aged: Aged, outcome: Callable[[], Any]
) -> None:
    job = Maintenance("tiering", as_of=NEW_YEAR)
    plan = job.plan()
    (file,) = (Path(aged.tables.hot) / "_partition=2013-02").glob("*.parquet")
    file.write_bytes(b"rotten")
    with pytest.raises(RunError, match=r"silver\.events 2013-02: "):
        job.apply(plan)
    kept = outcome()
    assert sum(len(one["partitions"]) for one in kept["operations"]) == 9
    assert "2013-02" in kept["notes"][0] and aged.tiers()["2013-02"] == "hot"


def test_what_changed_since_the_plan_is_left_and_noted(
    aged: Aged, outcome: Callable[[], Any]
) -> None:
    job = Maintenance("tiering", as_of=NEW_YEAR)
    plan = job.plan()
    row = pl.DataFrame({"day": [date(2013, 1, 5)], "k": [1], "v": ["late"]})
    aged.write(Interval.parse("2013-01-01", "2013-02-01"), rows=row)
    done = job.apply(plan)
    assert done.state == "warn" and aged.tiers()["2013-01"] == "hot"
    assert outcome()["notes"] == [
        "silver.events 2013-01: someone wrote or moved it meanwhile; left as it is"
    ]


def test_only_the_named_datasets_are_looked_at(aged: Aged, outcome: Callable[[], Any]) -> None:
    job = Maintenance("tiering", as_of=NEW_YEAR, datasets=" silver.events , silver.events")
    assert [str(table.dataset) for table in job.tables] == ["silver.events"]
    with pytest.raises(UserError, match=r"no contract promises silver\.event \(did you mean"):
        Maintenance("tiering", datasets="silver.event").plan()
    with pytest.raises(UserError, match=r"datasets=\[3\] are no names"):
        Maintenance("tiering", datasets=[3]).plan()  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"as_of": "yesterday"}, "as_of 'yesterday' is not a date"),
        ({"dry_run": "False"}, "dry_run='False' is neither true nor false; write -p dry_run=false"),
    ],
)
def test_bad_parameters_get_one_sentence(
    outcome: Callable[[], Any], given: dict[str, Any], found: str
) -> None:
    with pytest.raises(UserError, match=found):
        Maintenance("tiering", **given)


def test_a_card_is_html_that_the_archive_keeps_as_it_is(in_tiers: Maintenance) -> None:
    shown = in_tiers.status()
    assert sanitize(shown.shown.html) == shown.shown.html
    assert "lb-card" in shown._repr_html_() and "hot 60" in shown._repr_html_()
    assert "by dataset" in repr(shown) and "silver.events" in repr(shown)
