"""A run reports whether its data came in time; data that is old on purpose is not called late."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from catalog.records import aspects, proposals
from small_checkout import COLUMNS, Checkout

from lakebook.archive.record import RunRecord
from lakebook.catalog.contract import freshness_urn
from lakebook.catalog.emit import emit_all, emit_runs
from lakebook.catalog.outbox import outbox_folder
from lakebook.settings import Settings

OfDay = Callable[[str, str, str], None]
URN = freshness_urn("urn:li:dataset:(urn:li:dataPlatform:delta-lake,silver.events,PROD)")


@pytest.fixture
def of_day(archived: Callable[..., RunRecord]) -> OfDay:
    """Archive a run of [start, end) that began at a moment; the contract promises 24 hours."""

    def archive(start: str, end: str, began: str) -> None:
        run_id = f"{began.replace('-', '').replace(':', '')}-silver.events-{start[-2:]}"
        days = {"start": start, "end": end, "partitions": (start,)}
        archived(run_id=run_id, began=f"{began}:00+00:00", **days)

    return archive


def results(settings: Settings) -> list[tuple[str, str]]:
    emit_all(settings, again=True)
    return [
        (one["result"]["type"], one["result"]["nativeResults"]["hours"])
        for one in aspects(proposals(settings, "run"), "assertionRunEvent")
        if one["assertionUrn"] == URN
    ]


def said(settings: Settings) -> list[str]:
    found = aspects(proposals(settings, "run"), "operation")
    return [one["customProperties"]["freshness"] for one in found]


def test_data_within_the_promise_is_in_time_and_after_it_late(settings: Settings, of_day: OfDay):
    of_day("2026-03-01", "2026-03-02", "2026-03-02T05:00")
    of_day("2026-03-02", "2026-03-03", "2026-03-04T09:30")
    assert results(settings) == [("SUCCESS", "5.0"), ("FAILURE", "33.5")]
    assert said(settings)[1] == "late: 33.5 h after 2026-03-03T00:00:00+00:00"


def test_history_that_is_loaded_is_not_late(settings: Settings, of_day: OfDay):
    of_day("2013-01-01", "2013-01-02", "2026-03-01T12:00")
    assert results(settings) == []
    [why] = said(settings)
    assert why == "not judged: history, as the interval ended 2013-01-02, 4,806 days before the run"


def test_a_backfill_says_nothing_of_a_dataset_that_is_in_time(settings: Settings, of_day: OfDay):
    of_day("2026-03-01", "2026-03-02", "2026-03-02T05:00")
    of_day("2026-02-01", "2026-02-02", "2026-03-02T07:00")
    of_day("2026-03-01", "2026-03-02", "2026-03-05T07:00")
    assert results(settings) == [("SUCCESS", "5.0")]
    assert said(settings)[1:] == [
        f"not judged: the interval up to {end} is not the newest"
        for end in ("2026-02-02", "2026-03-02")
    ]


def test_what_was_missed_in_an_outage_is_late(settings: Settings, of_day: OfDay):
    of_day("2026-03-01", "2026-03-02", "2026-03-02T05:00")
    of_day("2026-03-02", "2026-03-03", "2026-03-06T05:00")
    of_day("2026-03-05", "2026-03-06", "2026-03-06T05:30")
    assert results(settings) == [("SUCCESS", "5.0"), ("FAILURE", "77.0"), ("SUCCESS", "5.5")]


def test_an_interval_that_has_not_ended_is_not_judged(settings: Settings, of_day: OfDay):
    of_day("2026-03-02", "2026-03-03", "2026-03-02T05:00")
    assert results(settings) == []
    assert said(settings) == ["not judged: the interval ends 2026-03-03, after the run"]


def test_a_table_without_time_is_held_to_the_run_before(
    settings: Settings, plain: Checkout, archived: Callable[..., RunRecord]
):
    plain.contract("silver.events", COLUMNS, time=False)
    for day in (1, 2, 5):
        whole = {"start": None, "end": None, "partitions": ("*",)}
        archived(run_id=f"r{day}", began=f"2026-03-0{day}T05:00:00+00:00", **whole)
    assert results(settings) == [("SUCCESS", "0.0"), ("SUCCESS", "24.0"), ("FAILURE", "72.0")]


def test_what_was_known_is_known_when_the_outbox_is_made_again(settings: Settings, of_day: OfDay):
    of_day("2026-03-01", "2026-03-02", "2026-03-02T05:00")
    of_day("2026-03-02", "2026-03-03", "2026-03-03T09:30")
    emit_all(settings, again=True)
    state = outbox_folder(settings) / "state.json"
    known = json.loads(state.read_text())["published"]
    assert known == {"silver.events": "2026-03-03T00:00:00+00:00"}
    state.unlink()
    emit_runs(settings)
    assert json.loads(state.read_text())["published"] == known
