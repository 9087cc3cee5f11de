"""The outbox: what is in it, in which order, and that emitting again adds nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from catalog.records import SECRET, STRICT, aspects, check, proposals
from small_checkout import COLUMNS, POSITIVE, Checkout

from lakebook.archive.record import RunRecord
from lakebook.catalog.emit import emit_all, emit_runs
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.errors import StorageError
from lakebook.settings import Settings

SILVER = "delta-lake,silver.events,PROD"
Archive = Callable[..., RunRecord]


def names(settings: Settings) -> list[str]:
    return [file.path.name for file in list_files(outbox_folder(settings))]


def test_definitions_come_first_and_once(settings: Settings, plain: Checkout, archived: Archive):
    archived()
    emit_runs(settings)
    assert [name.split("-")[1] for name in names(settings)][:2] == ["definitions", "dataset"]
    first = proposals(settings, "definitions")
    defined = [one["entityUrn"] for one in first]
    assert "urn:li:structuredProperty:lakebook.layer" in defined
    assert {"urn:li:tag:events", "urn:li:domain:tests"} <= set(defined)
    path = plain.root / "notebooks/silver/events.contract.yaml"
    path.write_text(path.read_text().replace("tags: [events]", "tags: [events, fresh]"))
    archived()
    emit_runs(settings)
    new = proposals(settings, "definitions")[len(first) :]
    assert [one["entityUrn"] for one in new] == ["urn:li:tag:fresh"]


def test_everything_a_dataset_refers_to_is_defined_before_it(settings: Settings):
    emit_all(settings)
    seen: set[str] = set()
    for one in proposals(settings):
        content = json.dumps(one["aspect"])
        for kind in ("tag", "domain", "glossaryTerm", "structuredProperty"):
            for word in content.split('"'):
                if word.startswith(f"urn:li:{kind}:"):
                    assert word in seen, (word, one["entityUrn"])
        seen.add(one["entityUrn"])


def test_emitting_again_makes_no_new_file(settings: Settings, archived: Archive):
    archived(ok=False)
    archived()
    emit_all(settings)
    before = names(settings)
    for again in (False, True, True):
        emit_all(settings, again=again)
        emit_runs(settings)
    assert names(settings) == before


def test_a_run_that_was_not_emitted_is_made_good_by_the_next(settings: Settings, archived: Archive):
    first = archived()
    emit_runs(settings)
    missed, last = archived(), archived()
    done = emit_runs(settings)
    assert done.runs == 2
    runs = [file.name for file in list_files(outbox_folder(settings)) if file.kind == "run"]
    assert runs == [first.run_id, missed.run_id, last.run_id]


def test_a_broken_record_keeps_no_other_back(settings: Settings, archived: Archive):
    record = archived()
    broken = settings.runs / record.day / "broken-silver.events-ffffff"
    broken.mkdir()
    (broken / "record.json").write_text("{")
    done = emit_runs(settings)
    assert done.runs == 1
    assert len(done.troubles) == 1 and "ffffff" in done.troubles[0]


def test_a_damaged_state_is_said_and_without_it_everything_is_gone_through(
    settings: Settings, archived: Archive
):
    archived(ok=False)
    emit_runs(settings)
    before, state = names(settings), outbox_folder(settings) / "state.json"
    known = state.read_text()
    for damaged in ("{", "[]", '{"no such": 1}'):
        state.write_text(damaged)
        with pytest.raises(StorageError, match=r"not the state of an outbox.*emit --all"):
            emit_runs(settings)
    state.unlink()
    emit_runs(settings)
    assert names(settings) == before
    assert json.loads(state.read_text())["incidents"] == json.loads(known)["incidents"]


def test_the_outbox_can_be_made_again_from_contracts_and_archive(
    settings: Settings, archived: Archive
):
    archived(ok=False)
    archived()
    emit_runs(settings)
    emit_all(settings)
    whole = {(file.kind, file.name, file.digest) for file in list_files(outbox_folder(settings))}
    for file in outbox_folder(settings).iterdir():
        file.unlink()
    emit_all(settings, again=True)
    again = {(file.kind, file.name, file.digest) for file in list_files(outbox_folder(settings))}
    # Definitions may have come in another number of files; lineage as it was last.
    kinds = ("dataset", "run")
    assert {one for one in again if one[0] in kinds} == {one for one in whole if one[0] in kinds}
    assert {one for one in again if one[0] == "lineage"} <= whole


def test_a_dataset_without_a_contract_is_marked_removed(settings: Settings, plain: Checkout):
    emit_all(settings)
    for name in ("events.contract.yaml", "events.ipynb"):
        (plain.root / "notebooks/silver" / name).unlink()
    emit_all(settings)
    assert aspects(proposals(settings), "status", SILVER)[-1] == {"removed": True}
    before = names(settings)
    emit_all(settings)
    assert names(settings) == before


def test_a_dataset_has_what_its_contract_says(settings: Settings, plain: Checkout):
    terms = "      - {property: terms, value: [Event]}\n"
    path = plain.contract(
        "silver.events",
        COLUMNS.replace("physicalType: int64}", "physicalType: int64, description: How much.}"),
        quality=POSITIVE + STRICT,
    )
    path.write_text(path.read_text().replace("    quality:\n", terms + "    quality:\n"))
    (plain.root / "notebooks/glossary.yaml").write_text("Event: Something that was seen.\n")
    emit_all(settings)
    found = proposals(settings)
    schema = aspects(found, "schemaMetadata", SILVER)[0]
    fields = {field["fieldPath"]: field for field in schema["fields"]}
    assert fields["amount"]["description"] == "How much." and fields["amount"]["nullable"]
    assert fields["seen"]["isPartitioningKey"] and fields["id"]["isPartOfKey"]
    assert schema["primaryKeys"] == ["id"]
    owner = aspects(found, "ownership", SILVER)[0]["owners"][0]
    assert owner["owner"] == "urn:li:corpuser:owner@example.org"
    assert aspects(found, "domains", SILVER) == [{"domains": ["urn:li:domain:tests"]}]
    assert aspects(found, "glossaryTerms", SILVER)[0]["terms"] == [
        {"urn": "urn:li:glossaryTerm:event"}
    ]
    term = aspects(found, "glossaryTermInfo", "glossaryTerm:event")[0]
    assert term["definition"] == "Something that was seen."
    values = {
        one["propertyUrn"].rpartition(".")[2]: one["values"]
        for one in aspects(found, "structuredProperties", SILVER)[0]["properties"]
    }
    assert values["layer"] == [{"string": "silver"}]
    assert values["partition_unit"] == [{"string": "day"}]
    assert values["contract_version"] == [{"string": "1.0.0"}]


def test_the_contract_is_a_data_contract_of_its_assertions(settings: Settings):
    emit_all(settings)
    found = proposals(settings)
    contract = next(
        one
        for one in aspects(found, "dataContractProperties")
        if SILVER in one["entity"] and "silver.events" in one["rawContract"]
    )
    defined = {one["entityUrn"] for one in found if one["aspectName"] == "assertionInfo"}
    rules = {one["assertion"] for one in contract["dataQuality"]}
    named = {contract["schema"][0]["assertion"], contract["freshness"][0]["assertion"], *rules}
    assert len(rules) == 2 and named <= defined


def test_lineage_goes_down_to_columns_and_up_to_the_source_file(settings: Settings):
    emit_all(settings)
    found = proposals(settings)
    lineage = aspects(found, "upstreamLineage", SILVER)[0]
    assert [one["dataset"] for one in lineage["upstreams"]] == [
        "urn:li:dataset:(urn:li:dataPlatform:delta-lake,bronze.events,PROD)"
    ]
    amounts = [
        one for one in lineage["fineGrainedLineages"] if one["downstreams"][0].endswith(",amount)")
    ]
    assert amounts[0]["upstreams"] == [
        "urn:li:schemaField:(urn:li:dataset:"
        "(urn:li:dataPlatform:delta-lake,bronze.events,PROD),amount)"
    ]
    source = "urn:li:dataset:(urn:li:dataPlatform:file,events.csv,PROD)"
    above = aspects(found, "upstreamLineage", "bronze.events")[0]
    assert [one["dataset"] for one in above["upstreams"]] == [source]
    assert aspects(found, "datasetProperties", source)[0]["name"] == "events.csv"


def test_a_run_keeps_the_lineage_that_a_check_found(settings: Settings, archived: Archive):
    emit_all(settings)
    archived()
    emit_runs(settings)
    assert len([name for name in names(settings) if "-lineage-silver.events-" in name]) == 1


def test_a_run_of_a_step_that_was_never_compiled_has_lineage_of_tables(
    settings: Settings, archived: Archive
):
    shutil.rmtree(settings.state / "compile")
    archived()
    emit_runs(settings)
    lineage = aspects(proposals(settings), "upstreamLineage", SILVER)[0]
    assert [one["dataset"] for one in lineage["upstreams"]] == [
        "urn:li:dataset:(urn:li:dataPlatform:delta-lake,bronze.events,PROD)"
    ]
    emit_all(settings)
    assert "fineGrainedLineages" in aspects(proposals(settings), "upstreamLineage", SILVER)[1]


def test_a_run_is_an_instance_of_its_step(settings: Settings, archived: Archive):
    record = archived()
    emit_runs(settings)
    found = proposals(settings, "run")
    about = aspects(found, "dataProcessInstanceProperties")[0]
    assert about["name"] == record.run_id
    assert about["customProperties"]["version of bronze.events"] == "7"
    related = aspects(found, "dataProcessInstanceRelationships")[0]
    assert related["parentTemplate"].endswith(",silver.events)")
    assert len(aspects(found, "dataProcessInstanceInput")[0]["inputs"]) == 1
    assert SILVER in aspects(found, "dataProcessInstanceOutput")[0]["outputs"][0]
    events = aspects(found, "dataProcessInstanceRunEvent")
    assert [one["status"] for one in events] == ["STARTED", "COMPLETE"]
    assert events[1]["result"]["type"] == "SUCCESS" and events[1]["durationMillis"] == 2500
    operation = aspects(found, "operation")[0]
    assert operation["numAffectedRows"] == 3
    assert operation["partitionSpec"]["partition"] == "2013-01-01/2013-01-02"


def test_checks_report_on_the_assertions_of_the_contract(settings: Settings, archived: Archive):
    archived(ok=False)
    archived()
    emit_runs(settings)
    defined = {
        one["entityUrn"]: one["aspect"]["json"]["datasetAssertion"]["nativeParameters"]["rule"]
        for one in proposals(settings, "dataset")
        if one["aspectName"] == "assertionInfo" and "datasetAssertion" in one["aspect"]["json"]
    }
    results = [
        (defined.get(one["assertionUrn"]), one["result"]["type"])
        for one in aspects(proposals(settings, "run"), "assertionRunEvent")
    ]
    assert results == [
        *((None, "SUCCESS"), ("small", "FAILURE")),  # None: the schema, which is no rule
        *((None, "SUCCESS"), ("small", "SUCCESS")),
    ]


def test_a_dbt_test_is_an_assertion_with_its_result(settings: Settings, archived: Archive):
    tested = check("not_null_events_id", success=True, expectation="dbt_not_null", column="id")
    archived(checks=(tested,))
    emit_runs(settings)
    found = proposals(settings, "run")
    info = aspects(found, "assertionInfo")[0]
    assert info["customProperties"]["tool"] == "dbt"
    assert info["datasetAssertion"]["nativeType"] == "not_null"
    assert aspects(found, "assertionRunEvent")[-1]["result"]["type"] == "SUCCESS"


def test_no_value_of_a_classified_column_reaches_the_outbox(
    settings: Settings, plain: Checkout, archived: Archive
):
    top = check(
        "top", success=False, column="secret", observed="ZZTOP", sample=["ZZTOP"], unexpected=None
    )
    plain.contract("silver.events", COLUMNS + SECRET, quality=POSITIVE + STRICT)
    archived()
    archived(ok=False, checks=(check(success=False), top), error="silver.events: 'ZZTOP' is no x")
    emit_runs(settings)
    text = "".join(path.read_text() for path in outbox_folder(settings).glob("*.json"))
    for hidden in ("ZZTOP", "777777", "ana", "zoe"):
        assert hidden not in text.replace("urn:li:dataPlatform", "")
    fields = {
        one["fieldPath"]: one
        for one in aspects(proposals(settings), "datasetProfile")[0]["fieldProfiles"]
    }
    assert (fields["amount"]["min"], fields["amount"]["max"]) == ("10", "40")
    assert fields["amount"]["nullCount"] == 1 and fields["amount"]["uniqueCount"] == 2
    assert "min" not in fields["secret"] and fields["secret"]["uniqueCount"] == 3


def test_a_source_is_named_without_its_password(settings: Settings, archived: Archive):
    uri = "postgresql://ana:hunter2@db.example.org/sales?password=hunter2"
    shutil.rmtree(settings.state / "compile")
    archived(inputs=({"source": uri, "digest": "00", "modified": ""},))
    emit_runs(settings)
    found = proposals(settings)
    assert "hunter2" not in json.dumps(found)
    assert any("dataPlatform:postgres,db.example.org/sales" in one["entityUrn"] for one in found)


def test_two_emissions_at_once_give_one_order(settings: Settings, archived: Archive):
    for _ in range(6):
        archived()
    code = "import sys; from lakebook.catalog.emit import emit_in; emit_in(*sys.argv[1:])"
    where = [str(settings.root), str(settings.lake), "prod"]
    both = [subprocess.Popen([sys.executable, "-c", code, *where]) for _ in range(2)]
    assert [one.wait(120) for one in both] == [0, 0]
    numbers = [file.number for file in list_files(outbox_folder(settings))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len([name for name in names(settings) if "-run-" in name]) == 6


def test_an_emission_that_is_killed_anywhere_is_finished_by_the_next(
    settings: Settings, archived: Archive, monkeypatch: pytest.MonkeyPatch
):
    archived(ok=False)
    archived()
    emit_runs(settings)
    wanted = {file.name for file in outbox_folder(settings).glob("0*.json")}
    state = json.loads((outbox_folder(settings) / "state.json").read_text())
    for file in outbox_folder(settings).iterdir():
        file.unlink()
    for _ in range(len(wanted) * 2 + 8):
        if not _killed_after_one_write(settings):
            break
    else:
        raise AssertionError("it never came to its end")
    assert {file.name for file in outbox_folder(settings).glob("0*.json")} == wanted
    assert json.loads((outbox_folder(settings) / "state.json").read_text()) == state


def _killed_after_one_write(settings: Settings) -> bool:
    """Emit in a child that kills itself after its first durable write; whether it was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            from lakebook.catalog import outbox

            real = outbox.write_durably

            def write(path: Path, text: str) -> None:
                real(path, text)
                os.kill(os.getpid(), signal.SIGKILL)

            outbox.write_durably = write
            emit_runs(settings)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
