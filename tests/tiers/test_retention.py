"""Retention takes what is past its time from every tier; what is downstream does not notice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from counted import calls_of
from dying import die_at
from small_checkout import POSITIVE
from small_lake import SmallLake

from lakebook import delta
from lakebook.contract.lookup import find_table
from lakebook.delta.faults import TIER_POINTS
from lakebook.errors import UserError
from lakebook.names import Dataset, TierTables, tier_tables
from lakebook.settings import Settings, load_settings
from lakebook.tiers import retention
from lakebook.tiers.audit import append_audit, audit_path, read_audit
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import NewPlace, set_places
from lakebook.tiers.retention import delete, finish

EVENTS = Dataset.parse("silver.events")
ROWS = [
    (1, "2013-01-01", 10),
    (2, "2013-01-01", -5),
    (3, "2013-01-02", 30),
    (4, "2013-01-03", 40),
]
POINTS = [p for p in TIER_POINTS if p.startswith("retention.")]


@pytest.fixture
def lake(tmp_path: Path) -> SmallLake:
    """Three days in hot; of the first one row is set aside."""
    lake = SmallLake(tmp_path)
    lake.contract("replace", quality=POSITIVE)
    lake.write(ROWS, "2013-01-01", "2013-01-04")
    return lake


@pytest.fixture
def settings(lake: SmallLake) -> Settings:
    return load_settings(lake.root, environ={})


def tables_of(settings: Settings) -> TierTables:
    return tier_tables(settings.roots, EVENTS)


def data_files(settings: Settings, day: str) -> list[str]:
    """Every file of a partition that is on the disk, in whatever tier and in the quarantine."""
    found = [p for p in settings.lake.rglob("*") if p.is_file() and day in str(p)]
    return sorted(str(p.relative_to(settings.lake)) for p in found)


def move(settings: Settings, *days: str) -> None:
    contract = find_table(settings, EVENTS)
    assert move_to_warm(tables_of(settings), contract, days).moved == days


def archive(settings: Settings, day: str) -> None:
    """Cold, as far as a deletion sees it: a folder that the hot table's token names."""
    tables, hot = tables_of(settings), delta.open_snapshot(tables_of(settings).hot)
    folder = tables.cold / day / f"{7:016x}"
    folder.mkdir(parents=True)
    for path in hot.paths([day]):
        (folder / "part-00000.parquet").write_bytes(Path(path).read_bytes())
    set_places(tables.hot, hot, {day: NewPlace("cold", archive=7)}, {})


def gone(settings: Settings, *days: str) -> retention.Deleted:
    noted = delta.open_snapshot(tables_of(settings).hot)
    return delete(settings, EVENTS, days, noted=noted, run="r1", policy="retention 1d")


def test_a_deleted_partition_leaves_every_tier_and_its_tokens_stay(
    lake: SmallLake, settings: Settings
) -> None:
    before = lake.snapshot
    move(settings, "2013-01-02")
    archive(settings, "2013-01-03")
    assert len(data_files(settings, "2013-01-01")) == 2  # one of them in the quarantine
    done = gone(settings, "2013-01-01", "2013-01-02", "2013-01-03")
    assert done.deleted == ("2013-01-01", "2013-01-02", "2013-01-03")
    assert (done.rows, done.kept, done.skipped) == (3, (), {})
    # Hot, what was moved or archived from there, warm, the archive, and the quarantine.
    assert done.files == 6 and done.size_bytes > 0
    after = lake.snapshot
    assert [after.place(p).tier for p in done.deleted] == ["deleted"] * 3
    for p in done.deleted:
        assert data_files(settings, p) == []
        assert (after.data(p), after.fp(p)) == (before.data(p), before.fp(p))
        assert after.fence(p) > before.fence(p)
        assert after.archive(p) is None
    assert lake.quarantined() == []
    assert lake.rows() == []


def test_others_keep_their_old_versions_and_what_is_set_aside(
    lake: SmallLake, settings: Settings
) -> None:
    lake.write([(9, "2013-01-03", 41)], "2013-01-03", "2013-01-04")
    assert len(data_files(settings, "2013-01-03")) == 2
    gone(settings, "2013-01-02")
    assert len(data_files(settings, "2013-01-03")) == 2
    assert lake.quarantined() == [(2, -5)]
    assert [row[0] for row in lake.rows()] == [1, 9]


def test_a_write_since_the_plan_is_not_deleted(lake: SmallLake, settings: Settings) -> None:
    noted = lake.snapshot
    lake.write([(9, "2013-01-03", 41)], "2013-01-03", "2013-01-04")
    done = delete(settings, EVENTS, ["2013-01-02", "2013-01-03", "2012-01-01"], noted=noted)
    assert done.deleted == ("2013-01-02",)
    assert done.skipped == {
        "2013-01-03": "someone wrote or moved it meanwhile",
        "2012-01-01": "it was never written",
    }
    assert (9, "2013-01-03", 41) in lake.rows()


def test_a_hold_that_came_after_the_plan_stops_it(lake: SmallLake, settings: Settings) -> None:
    path = lake.root / "notebooks/silver/events.contract.yaml"
    hold = "customProperties:\n      - {property: legalHold, value: true}\n"
    path.write_text(path.read_text().replace("customProperties:\n", hold, 1))
    with pytest.raises(UserError, match=r"silver.events is under legal hold.*take legalHold out"):
        gone(settings, "2013-01-01")
    assert len(lake.rows()) == 3
    assert not audit_path(settings.lake).exists()


def test_what_a_reader_holds_is_named_and_goes_with_the_next_call(
    lake: SmallLake, settings: Settings
) -> None:
    move(settings, "2013-01-02")
    tables = tables_of(settings)
    lease = delta.take_lease(delta.open_whole(tables.hot, tables.warm), "a report")
    done = gone(settings, "2013-01-01", "2013-01-02")
    assert [kept.partition for kept in done.kept] == ["2013-01-01", "2013-01-02"]
    assert all("a report reads it until 20" in kept.reason for kept in done.kept)
    assert all(kept.path.is_file() for kept in done.kept)
    trail = read_audit(settings.lake)
    assert [record["state"] for record in trail] == ["begun", "begun"]
    assert all("a report reads it until 20" in record["waiting"] for record in trail)
    lines = len(audit_path(settings.lake).read_bytes().splitlines())
    finish(settings, EVENTS)  # nothing new is nothing to write down
    assert len(audit_path(settings.lake).read_bytes().splitlines()) == lines
    delta.release(lease)
    rest = finish(settings, EVENTS)
    assert (rest.files, rest.kept) == (2, ())
    assert data_files(settings, "2013-01-01") == data_files(settings, "2013-01-02") == []
    trail = read_audit(settings.lake)
    assert [(record["state"], record["waiting"]) for record in trail] == [("done", "")] * 2


def test_readers_can_be_overridden(lake: SmallLake, settings: Settings) -> None:
    delta.take_lease(lake.snapshot, "a report")
    done = delete(settings, EVENTS, ["2013-01-01"], noted=lake.snapshot, release_all=True)
    assert done.kept == () and data_files(settings, "2013-01-01") == []


def test_a_partition_can_be_written_again(lake: SmallLake, settings: Settings) -> None:
    gone(settings, "2013-01-01")
    lake.write(ROWS[:2], "2013-01-01", "2013-01-02")
    assert lake.snapshot.place("2013-01-01").tier == "hot"
    assert lake.rows()[0] == (1, "2013-01-01", 10) and lake.quarantined() == [(2, -5)]
    again = gone(settings, "2013-01-01")
    assert again.deleted == ("2013-01-01",) and data_files(settings, "2013-01-01") == []
    states = [record["state"] for record in read_audit(settings.lake)]
    assert states == ["done", "done"]


def test_what_a_run_is_about_to_set_aside_is_left_to_it(
    lake: SmallLake, settings: Settings
) -> None:
    stage = delta.begin_stage(lake.table, "a backfill")
    done = gone(settings, "2013-01-01")
    assert [kept.reason for kept in done.kept] == ["a move or a run is using it"]
    assert "__quarantine" in str(done.kept[0].path)
    stage.finish()
    assert finish(settings, EVENTS).kept == ()
    assert data_files(settings, "2013-01-01") == []


@pytest.mark.parametrize("point", POINTS)
def test_interrupted_anywhere_it_is_finished_by_the_same_call(
    lake: SmallLake, settings: Settings, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    move(settings, "2013-01-02")
    archive(settings, "2013-01-03")
    days = ("2013-01-01", "2013-01-02", "2013-01-03")
    with monkeypatch.context() as patched:
        reached = die_at(patched, point, retention)
        with pytest.raises(KeyboardInterrupt):
            gone(settings, *days)
    assert reached == [point]
    done = gone(settings, *days)
    assert {*done.deleted, *done.skipped} == set(days)
    assert [data_files(settings, day) for day in days] == [[], [], []]
    assert delta.open_snapshot(lake.table).placed("deleted") == days
    records = read_audit(settings.lake)
    assert [(r["partition"], r["rows"], r["state"]) for r in records] == [
        ("2013-01-01", 1, "done"),
        ("2013-01-02", 1, "done"),
        ("2013-01-03", 1, "done"),
    ]


def test_the_record_says_who_what_when_and_why(lake: SmallLake, settings: Settings) -> None:
    move(settings, "2013-01-02")
    delete(
        settings,
        EVENTS,
        ["2013-01-02"],
        noted=lake.snapshot,
        run="r7",
        policy="retention 1d",
        reasons={"2013-01-02": "it ended 400 days ago"},
    )
    (record,) = read_audit(settings.lake)
    assert record["who"] and record["at"] >= record["begun_at"] >= "20"
    assert record["bytes"] > 0
    told = {
        "event": "retention",
        "dataset": "silver.events",
        "partition": "2013-01-02",
        "tier": "warm",
        "rows": 1,
        "run": "r7",
        "policy": "retention 1d",
        "reason": "it ended 400 days ago",
    }
    assert {name: record[name] for name in told} == told


def test_a_torn_line_of_the_trail_loses_nothing_else(tmp_path: Path) -> None:
    append_audit(tmp_path, [{"id": "a", "state": "begun", "text": "ä\u2028b"}])
    with audit_path(tmp_path).open("ab") as file:
        file.write('{"id": "torn", "text": "ä'.encode()[:-1])
    append_audit(tmp_path, [{"id": "b", "state": "begun"}, {"id": "a", "state": "done"}])
    assert [(r["id"], r["state"]) for r in read_audit(tmp_path)] == [("a", "done"), ("b", "begun")]
    assert len(audit_path(tmp_path).read_bytes().splitlines()) == 4
    assert read_audit(tmp_path / "other") == ()
    assert json.loads(audit_path(tmp_path).read_bytes().splitlines()[0])["text"] == "ä\u2028b"


def test_thousands_of_deleted_partitions_cost_a_later_call_little(
    lake: SmallLake, settings: Settings
) -> None:
    """What was deleted years ago costs each later call next to nothing."""
    noted = lake.snapshot
    many = {f"data/{1000 + i:04}-01-01": 5 for i in range(3650)}
    places = {name.replace("data/", "placement/"): 11 for name in many}  # deleted, generation 1
    transact = delta.transaction.transact
    transact(lake.table, lambda now: delta.transaction.Change(tokens={**many, **places}))
    done = []
    spent = calls_of(
        lambda: done.append(
            delete(settings, EVENTS, ["2013-01-01"], noted=replace(noted, version=0))
        )
    )
    assert done[0].deleted == ("2013-01-01",)
    assert spent < 1_000 * len(many)
