"""A run emits what it left by itself, in prod only, and never fails because of it."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from catalog.records import aspects, proposals
from small_checkout import COLUMNS, Checkout, rule

from lakebook.settings import load_settings


def step_of(checkout: Checkout, *args: str) -> dict[str, Any]:
    return checkout.run("bronze.events", *args)["bronze.events"]


def test_a_run_fills_the_outbox_and_a_gate_that_fails_raises_an_incident(checkout: Checkout):
    settings = load_settings(checkout.root)
    limit = {"column": "amount", "max_value": 35}
    strict = rule("small", "expect_column_values_to_be_between", "fail", **limit)
    checkout.contract("silver.events", COLUMNS, quality=strict)
    steps = checkout.run()
    assert steps["silver.events"]["status"] == "failed"
    assert not any(step["runs"][0]["notes"] for step in steps.values())
    found = proposals(settings)
    assert [one["status"]["state"] for one in aspects(found, "incidentInfo")] == ["ACTIVE"]
    named = {one["name"] for one in aspects(found, "dataProcessInstanceProperties")}
    assert named == {step["runs"][0]["run_id"] for step in steps.values()}
    profile = aspects(found, "datasetProfile", "bronze.events")[0]
    fields = {one["fieldPath"]: one for one in profile["fieldProfiles"]}
    assert profile["rowCount"] == 4
    assert (fields["amount"]["min"], fields["amount"]["max"]) == ("-5", "40")
    stored = aspects(found, "structuredProperties", "bronze.events")[-1]["properties"]
    values = {one["propertyUrn"].rpartition(".")[2]: one["values"][0] for one in stored}
    assert values["main_tier"] == {"string": "hot"} and values["partitions_hot"] == {"double": 3.0}
    assert values["bytes_hot"]["double"] > 0
    # The rows that broke the rule, and their keys, are in the record and not in the outbox.
    checks = [one for one in aspects(found, "assertionRunEvent") if "rowCount" in one["result"]]
    assert [one["result"]["unexpectedCount"] for one in checks] == [1]
    relaxed = strict.replace('"max_value": 35', '"max_value": 50')
    checkout.contract("silver.events", COLUMNS, quality=relaxed)
    checkout.run()
    assert aspects(proposals(settings), "incidentInfo")[-1]["status"]["state"] == "RESOLVED"


@pytest.mark.slow
def test_an_environment_of_a_person_emits_nothing_by_itself(checkout: Checkout):
    step_of(checkout)
    checkout.environment("ana")
    assert step_of(checkout, "--env", "ana", "--force")["status"] == "ok"
    assert not (checkout.root / ".lake/ana/outbox").exists()
    done = checkout.lakebook("datahub", "emit", "--env", "ana", "--json")
    assert json.loads(done.stdout)["runs"] == 1, done.stderr
    found = proposals(load_settings(checkout.root, env="ana"), "run")
    assert aspects(found, "operation", "delta-lake,ana.bronze.events,DEV)")
    assert aspects(found, "operation", "delta-lake,bronze.events,PROD)") == []


@pytest.mark.slow
def test_an_outbox_that_cannot_be_written_is_a_note_and_is_made_good(checkout: Checkout):
    outbox = checkout.root / ".lake/prod/outbox"
    outbox.parent.mkdir(parents=True)
    outbox.write_text("in the way")
    step = step_of(checkout)
    assert step["status"] == "ok"
    [note] = step["runs"][0]["notes"]
    assert note.startswith("not emitted to the catalog: ")
    assert "a file is where the outbox must be" in note
    run_id = step["runs"][0]["run_id"]
    told = checkout.root / ".lake/prod/site/data/catalog.js"
    assert run_id in told.read_text()
    found = checkout.lakebook("datahub", "status")
    assert f"not emitted: {run_id}" in found.stdout and "the last emission: " in found.stdout
    outbox.unlink()
    assert step_of(checkout, "--force")["runs"][0]["notes"] == []
    found = proposals(load_settings(checkout.root), "run")
    assert len(aspects(found, "dataProcessInstanceProperties")) == 2
    assert told.read_text() == 'lakebook.catalog({"waiting": [], "problem": ""});\n'
    assert "emitted" not in checkout.lakebook("datahub", "status").stdout
    shutil.rmtree(outbox)


def test_a_step_that_breaks_its_schema_is_said_of_the_schema(checkout: Checkout):
    settings = load_settings(checkout.root)
    number = "amount, logicalType: integer, physicalType: int64"
    text = COLUMNS.replace(number, "amount, logicalType: string, physicalType: string")
    checkout.contract("silver.events", text)
    assert checkout.run()["silver.events"]["status"] == "failed"
    results = aspects(proposals(settings), "assertionRunEvent")
    said = {(one["asserteeUrn"].split(",")[1], one["result"]["type"]) for one in results}
    assert said == {("bronze.events", "SUCCESS"), ("silver.events", "FAILURE")}
    assert [one["type"] for one in aspects(proposals(settings), "incidentInfo")] == ["DATA_SCHEMA"]
