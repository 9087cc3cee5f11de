"""An incident is raised when a gate fails and resolved when the same partitions pass it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.records import aspects, check, proposals

from lakebook.archive.record import RunRecord
from lakebook.catalog.emit import emit_runs
from lakebook.settings import Settings

Archive = Callable[..., RunRecord]
DAY_2 = {"partitions": ("2013-01-02",), "start": "2013-01-02", "end": "2013-01-03"}


def incidents(settings: Settings) -> list[tuple[str, Any]]:
    emit_runs(settings)
    return [
        (one["entityUrn"], one["aspect"]["json"])
        for one in proposals(settings)
        if one["aspectName"] == "incidentInfo"
    ]


def test_a_gate_that_fails_raises_an_incident_on_its_dataset(settings: Settings, archived: Archive):
    archived(ok=False)
    [(_, incident)] = incidents(settings)
    assert incident["status"]["state"] == "ACTIVE"
    assert "silver.events" in incident["entities"][0]
    assert incident["title"] == "silver.events: rule small does not hold"
    assert "2 of 4 rows" in incident["status"]["message"]
    result = aspects(proposals(settings), "assertionRunEvent")[0]
    assert incident["source"] == {
        "type": "ASSERTION_FAILURE",
        "sourceUrn": result["assertionUrn"],
    }


def test_it_is_resolved_when_the_gate_passes_again(settings: Settings, archived: Archive):
    archived(ok=False)
    archived()
    (opened, _), (closed, last) = incidents(settings)
    assert opened == closed and last["status"]["state"] == "RESOLVED"
    archived()
    assert len(incidents(settings)) == 2


def test_another_day_that_is_well_does_not_resolve_it(settings: Settings, archived: Archive):
    archived(ok=False)
    archived(**DAY_2)
    assert [one["status"]["state"] for _, one in incidents(settings)] == ["ACTIVE", "ACTIVE"]
    archived()
    assert incidents(settings)[-1][1]["status"]["state"] == "RESOLVED"


def test_partitions_may_be_mended_one_by_one(settings: Settings, archived: Archive):
    archived(ok=False, partitions=("2013-01-01", "2013-01-02"), end="2013-01-03")
    archived()
    assert incidents(settings)[-1][1]["status"]["state"] == "ACTIVE"
    archived(**DAY_2)
    assert incidents(settings)[-1][1]["status"]["state"] == "RESOLVED"


def test_a_failure_after_it_was_resolved_is_a_new_incident(settings: Settings, archived: Archive):
    for ok in (False, True, False):
        archived(ok=ok)
    first, _, third = (urn for urn, _ in incidents(settings))
    assert first != third


def test_a_check_that_passes_in_a_run_that_failed_resolves_nothing(
    settings: Settings, archived: Archive
):
    archived(ok=False)
    archived(ok=False, checks=(check(success=True),))
    assert len(incidents(settings)) == 1


def test_a_rule_that_only_warns_raises_none(settings: Settings, archived: Archive):
    archived(checks=(check(success=False, action="warn"),))
    assert incidents(settings) == []
