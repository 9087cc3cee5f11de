"""Moves between tiers are operations with their run, and structured properties follow them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from catalog.gms import Gms
from catalog.records import aspects, proposals

from lakebook.archive.record import RunRecord, read_records
from lakebook.catalog.emit import emit_all, emit_runs
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.catalog.push import push
from lakebook.catalog.server import Patience
from lakebook.catalog.status import status_of
from lakebook.catalog.tiers import emit_moves
from lakebook.settings import Settings

SILVER = "urn:li:dataset:(urn:li:dataPlatform:delta-lake,silver.events,PROD)"
JOB = "urn:li:dataJob:(urn:li:dataFlow:(lakebook,maintenance,PROD),ops.tiering)"
MOVE = {
    "kind": "move",
    "dataset": "silver.events",
    "partitions": ["2013-01-01", "2013-01-02"],
    "from": "hot",
    "to": "warm",
    "files": 2,
    "rows": 300,
    "size_bytes": 4096,
    "reason": "30 days old",
}
ARCHIVES = tuple(
    {**MOVE, "kind": "archive", "from": tier, "to": "cold", "partitions": days, "rows": 10}
    for tier, days in (("hot", ["2012-01-01"]), ("warm", ["2012-02-01", "2012-02-03"]))
)
Archive = Callable[..., RunRecord]


@pytest.fixture
def moved(archived: Archive) -> Archive:
    """Archive a run of `ops.tiering`."""

    def archive(*operations: Mapping[str, Any], **changes: Any) -> RunRecord:
        nothing: dict[str, Any] = dict.fromkeys(("partitions", "inputs", "outputs", "checks"), ())
        about = {"step": "ops.tiering", "start": None, "end": None, **nothing, **changes}
        return archived(operations=operations, **about)

    return archive


def names(settings: Settings) -> list[str]:
    return [file.path.name for file in list_files(outbox_folder(settings))]


def test_each_move_is_an_operation_of_a_kind_of_its_own(settings: Settings, moved: Archive):
    record = moved(MOVE, *ARCHIVES)
    emit_runs(settings)
    found = aspects(proposals(settings, "run"), "operation", SILVER)
    assert {one["operationType"] for one in found} == {"CUSTOM"}
    assert [one["customOperationType"] for one in found] == ["MOVE", "ARCHIVE", "ARCHIVE"]
    assert [one["numAffectedRows"] for one in found] == [300, 10, 10]
    ended = datetime.fromisoformat(record.began) + timedelta(seconds=record.elapsed_s)
    assert {one["timestampMillis"] for one in found} == {round(ended.timestamp() * 1000)}
    assert found[0]["customProperties"] == {
        "run": record.run_id,
        "job": "ops.tiering",
        "partitions": "2013-01-01/2013-01-03",
        "partition_count": "2",
        "from": "hot",
        "to": "warm",
        "files": "2",
        "bytes": "4096",
        "reason": "30 days old",
    }
    window = found[0]["partitionSpec"]
    assert window["partition"] == "2013-01-01/2013-01-03"
    assert window["timePartition"]["length"] == {"unit": "DAY", "multiple": 2}
    # Days that are not next to each other have no window, and are named one by one.
    assert "timePartition" not in found[2]["partitionSpec"]
    assert found[2]["partitionSpec"]["partition"] == "2012-02-01/2012-02-04"
    said = found[2]["customProperties"]["partitions"]
    assert said == "2012-02-01/2012-02-02, 2012-02-03/2012-02-04"


def test_a_server_tells_the_operations_of_a_run_apart(settings: Settings, moved: Archive):
    """It knows them by dataset, time and id: without the id, one would stand for all."""
    moved(MOVE, *ARCHIVES, MOVE)
    moved(MOVE)
    emit_runs(settings)
    found = aspects(proposals(settings, "run"), "operation", SILVER)
    assert len({one["messageId"] for one in found}) == 5


def test_a_maintenance_run_is_an_instance_of_its_job(settings: Settings, moved: Archive):
    record = moved(MOVE, *ARCHIVES)
    emit_runs(settings)
    found = proposals(settings)
    about = aspects(found, "dataProcessInstanceProperties")[0]
    assert about["name"] == record.run_id
    assert about["customProperties"]["move of silver.events"] == "2 partitions, hot to warm"
    assert about["customProperties"]["archive of silver.events"] == (
        "1 partition, hot to cold; 2 partitions, warm to cold"
    )
    assert aspects(found, "dataProcessInstanceRelationships")[0]["parentTemplate"] == JOB
    assert aspects(found, "dataProcessInstanceOutput")[0]["outputs"] == [SILVER]
    assert aspects(found, "dataProcessInstanceRunEvent")[1]["result"]["type"] == "SUCCESS"
    assert aspects(found, "dataJobInfo", JOB)[0]["name"] == "ops.tiering"
    order = [one["aspectName"] for one in found]
    assert order.index("dataJobInfo") < order.index("dataProcessInstanceProperties")
    emit_all(settings)
    emit_all(settings, again=True)
    kinds = [file.kind for file in list_files(outbox_folder(settings))]
    assert (kinds.count("job"), kinds.count("run")) == (1, 1)


def test_what_has_no_partitions_counts_what_it_has(settings: Settings, moved: Archive):
    compact = {**MOVE, "kind": "compact", "to": "hot"}
    erase = {"kind": "erase", "dataset": "silver.events", "from": "warm", "to": "warm", "rows": 1}
    vacuum = {"kind": "vacuum", "dataset": "silver.events", "partitions": [], "files": 1200}
    moved(compact, erase, {**erase, "rows": 2}, vacuum)
    emit_runs(settings)
    found = proposals(settings)
    about = aspects(found, "dataProcessInstanceProperties")[0]["customProperties"]
    assert about["compact of silver.events"] == "2 partitions, hot"
    assert about["erase of silver.events"] == "3 rows, warm"
    assert about["vacuum of silver.events"] == "1,200 files"
    spec = aspects(found, "operation", SILVER)[-1]["partitionSpec"]
    assert spec["type"] == "FULL_TABLE"


def test_a_dataset_that_was_only_moved_is_described_as_well(settings: Settings, moved: Archive):
    moved({**MOVE, "dataset": "bronze.events"}, {**MOVE, "dataset": "silver.gone"})
    emit_runs(settings)
    found = proposals(settings)
    order = [one["entityUrn"] for one in found]
    bronze = SILVER.replace("silver", "bronze")
    assert aspects(found, "schemaMetadata", bronze)
    assert not aspects(found, "schemaMetadata", SILVER)
    run = next(i for i, one in enumerate(found) if one["aspectName"] == "operation")
    assert order.index(bronze) < run


def test_what_is_done_to_a_quarantine_is_said_of_its_dataset(settings: Settings, moved: Archive):
    erased = {
        "kind": "erase",
        "dataset": "silver.events__quarantine",
        "partitions": ["2013-01-01/5f"],
        "rows": 1,
        "reason": "id=4711",
    }
    moved(erased, step="ops.erase", error="no such key: id=4711", status="failed")
    emit_runs(settings)
    found = proposals(settings)
    [operation] = aspects(found, "operation", SILVER)
    assert operation["customProperties"]["table"] == "silver.events__quarantine"
    assert operation["customProperties"]["partitions"] == "2013-01-01/5f"
    assert operation["customOperationType"] == "ERASE"
    # Whom it was about stands in no catalog.
    assert "4711" not in json.dumps(found)
    assert aspects(found, "dataProcessInstanceRunEvent")[1]["result"]["type"] == "FAILURE"


def test_status_names_a_maintenance_run_until_it_is_emitted(settings: Settings, moved: Archive):
    record = moved(MOVE)
    assert status_of(settings, {})["not_emitted"] == [record.run_id]
    emit_runs(settings)
    found = status_of(settings, {})
    assert (found["not_emitted"], found["problem"], found["incidents"]) == ([], "", [])


def test_a_command_leaves_a_run_without_a_notebook(settings: Settings):
    began = datetime.now(UTC) - timedelta(seconds=5)
    about = {"command": "lakebook tier apply", "began": began}
    assert emit_moves(settings, [MOVE], "apply-1", **about) == ""
    [record] = read_records(settings.runs)
    assert (record.run_id, record.step, record.status) == ("apply-1", "ops.tiering", "ok")
    assert 5 <= record.elapsed_s < 60 and record.operations == (MOVE,)
    found = proposals(settings)
    assert [one["customOperationType"] for one in aspects(found, "operation")] == ["MOVE"]
    instance = aspects(found, "dataProcessInstanceProperties")[0]
    assert instance["type"] == "BATCH_AD_HOC"
    assert instance["customProperties"]["command"] == "lakebook tier apply"
    before = names(settings)
    assert emit_moves(settings, [], "apply-2") == ""  # it did nothing
    assert "is archived already" in emit_moves(settings, [MOVE], "apply-1", began=began)
    emit_runs(settings)
    assert names(settings) == before


def test_a_command_that_failed_says_what_it_had_done(settings: Settings):
    emit_moves(settings, [MOVE], "apply-1", error="disk full")
    found = proposals(settings)
    assert aspects(found, "dataProcessInstanceRunEvent")[1]["result"]["type"] == "FAILURE"
    assert len(aspects(found, "operation")) == 1


def test_moves_that_could_not_be_emitted_are_a_note_and_are_made_good(settings: Settings):
    outbox = outbox_folder(settings)
    outbox.parent.mkdir(parents=True)
    outbox.write_text("in the way")
    note = emit_moves(settings, [MOVE], "apply-1")
    assert note.startswith("not emitted to the catalog: ") and "the next run tries again" in note
    assert status_of(settings, {})["not_emitted"] == ["apply-1"]
    outbox.unlink()
    emit_runs(settings)
    assert len(aspects(proposals(settings), "operation")) == 1
    assert status_of(settings, {})["not_emitted"] == []


def test_an_environment_without_a_catalog_keeps_its_runs_to_itself(settings: Settings):
    own = replace(settings, catalog=replace(settings.catalog, emit=()))
    assert emit_moves(own, [MOVE], "apply-1") == ""
    assert len(read_records(own.runs)) == 1 and not outbox_folder(own).exists()


def test_datahub_takes_them(settings: Settings, moved: Archive, gms: Gms):
    from datahub.cli.json_file import check_mce_file

    moved(MOVE, *ARCHIVES, {"kind": "vacuum", "dataset": "silver.events", "files": 3})
    emit_moves(settings, [MOVE], "apply-1", command="lakebook tier apply")
    for file in list_files(outbox_folder(settings)):
        assert "valid" in check_mce_file(str(file.path))
    push(settings, gms.url, patience=Patience(attempts=1))
    assert gms.keys() == [(one["entityUrn"], one["aspectName"]) for one in proposals(settings)]


def test_the_outbox_with_moves_can_be_made_again(settings: Settings, moved: Archive):
    moved(MOVE)
    emit_moves(settings, list(ARCHIVES), "apply-1")
    runs = {(f.name, f.digest) for f in list_files(outbox_folder(settings)) if f.kind == "run"}
    shutil.rmtree(outbox_folder(settings))
    emit_all(settings, again=True)
    again = {(f.name, f.digest) for f in list_files(outbox_folder(settings)) if f.kind == "run"}
    assert len(runs) == 2 and again == runs
