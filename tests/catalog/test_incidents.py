"""An incident is raised when a gate fails and resolved when the same partitions pass it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.records import aspects, check, proposals

from lakebook.archive.record import RunRecord
from lakebook.catalog.contract import schema_urn
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
    result = aspects(proposals(settings), "assertionRunEvent")[-1]
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


REFUSED = {
    "checks": (),
    "error": "silver.events: column 'amount' is text in the result and int64 in the contract",
    "error_type": "ContractError",
}


def schema_results(settings: Settings) -> list[str]:
    urn = schema_urn("urn:li:dataset:(urn:li:dataPlatform:delta-lake,silver.events,PROD)")
    found = aspects(proposals(settings), "assertionRunEvent")
    return [one["result"]["type"] for one in found if one["assertionUrn"] == urn]


def test_files_without_the_promised_schema_are_a_failure_and_an_incident(
    settings: Settings, archived: Archive
):
    archived(ok=False, **REFUSED)
    [(_, incident)] = incidents(settings)
    assert incident["type"] == "DATA_SCHEMA" and incident["status"]["state"] == "ACTIVE"
    assert incident["title"] == "silver.events: not the promised schema"
    [result] = aspects(proposals(settings), "assertionRunEvent")
    assert result["result"]["type"] == "FAILURE"
    assert "column 'amount' is text" in result["result"]["nativeResults"]["error"]
    assert incident["source"]["sourceUrn"] == result["assertionUrn"]
    archived()
    assert incidents(settings)[-1][1]["status"]["state"] == "RESOLVED"
    assert schema_results(settings) == ["FAILURE", "SUCCESS"]


def test_rows_that_came_to_a_rule_had_the_promised_schema(settings: Settings, archived: Archive):
    archived(ok=False)
    assert len(incidents(settings)) == 1
    assert schema_results(settings) == ["SUCCESS"]


def test_another_error_says_nothing_of_the_schema(settings: Settings, archived: Archive):
    archived(ok=False, **{**REFUSED, "error_type": "UserError"})
    broken = "notebooks/silver/events.contract.yaml, line 3: unknown key 'nmae'"
    archived(ok=False, **{**REFUSED, "error": broken})
    assert incidents(settings) == [] and schema_results(settings) == []
