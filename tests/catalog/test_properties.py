"""Structured properties say where a dataset lies, follow each move, and repeat nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from catalog.gms import Gms
from catalog.records import aspects, proposals
from catalog.tables import EVENTS, back_to_warm, place, tables_of, to_cold, to_warm, write_days
from small_checkout import Checkout

from lakebook import delta
from lakebook.archive.record import RunRecord
from lakebook.catalog import describe, outbox
from lakebook.catalog.emit import emit_all, emit_runs
from lakebook.catalog.expiry import Expiry, next_expiry
from lakebook.catalog.outbox import list_files, outbox_folder
from lakebook.catalog.push import push
from lakebook.catalog.server import Patience
from lakebook.catalog.tiers import emit_moves
from lakebook.contract.lookup import find_table
from lakebook.delta import tokens as token
from lakebook.delta.place import Place, Tier
from lakebook.delta.snapshot import Snapshot
from lakebook.settings import Settings, load_settings
from lakebook.tiers.placing import NewPlace
from lakebook.tiers.policy import Policy
from lakebook.tiers.promote import promote
from lakebook.tiers.status import status

SILVER = "urn:li:dataset:(urn:li:dataPlatform:delta-lake,silver.events,PROD)"
AGES = '[tiers.silver]\nhot = "30d"\nwarm = "1y"\nretention = "7y"\n'
DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")
POLICY = Policy(hot_days=30, warm_days=365, retention_days=730)
Archive = Callable[..., RunRecord]


@pytest.fixture
def aged(plain: Checkout) -> Settings:
    """The checkout with a policy, and `silver.events` with three days in hot."""
    (plain.root / "lakebook.toml").write_text(AGES)
    settings = load_settings(plain.root)
    write_days(settings, 3)
    return settings


def values_of(settings: Settings) -> dict[str, Any]:
    """The newest properties of silver.events in the outbox."""
    newest = aspects(proposals(settings, "tiers"), "structuredProperties", SILVER)[-1]
    found = {one["propertyUrn"]: one["values"] for one in newest["properties"]}
    return {urn.rpartition(".")[2]: next(iter(value.values())) for urn, [value] in found.items()}


def emitted(settings: Settings) -> dict[str, Any]:
    assert emit_runs(settings).troubles == []
    return values_of(settings)


def names(settings: Settings) -> list[str]:
    return [file.path.name for file in list_files(outbox_folder(settings))]


def hot_bytes(settings: Settings, *partitions: str) -> int:
    hot = delta.open_snapshot(tables_of(settings).hot)
    return sum((hot.table / file.path).stat().st_size for file in hot.files_in(partitions))


def test_they_follow_each_move(aged: Settings, archived: Archive):
    archived()
    found, size = emitted(aged), hot_bytes(aged, *DAYS)
    assert size > 0
    tiers = ("hot", "warm", "cold")
    assert [found[f"bytes_{tier}"] for tier in tiers] == [size, 0, 0]
    assert [found[f"partitions_{tier}"] for tier in (*tiers, "deleted")] == [3, 0, 0, 0]
    assert (found["layer"], found["main_tier"]) == ("silver", "hot")
    assert (found["retention_days"], found["legal_hold"]) == (7 * 365, "no")
    assert found["tier"] == "hot 30 d, warm 365 d"
    assert found["next_expiry"] == "2013-02-01"
    assert found["next_expiry_action"] == "2013-01-01: hot to warm"

    left = hot_bytes(aged, DAYS[2])
    to_warm(aged, *DAYS[:2])
    found = emitted(aged)
    assert [found[f"bytes_{tier}"] for tier in tiers] == [left, size - left, 0]
    assert [found[f"partitions_{tier}"] for tier in tiers] == [1, 2, 0]
    assert found["main_tier"] == "warm"
    assert found["next_expiry_action"] == "2013-01-03: hot to warm"

    cold = to_cold(aged, DAYS[0])
    found = emitted(aged)
    [shown] = status(aged, [find_table(aged, EVENTS)])
    for use in shown.tiers:  # the catalog and `lakebook tier status` say the same
        assert found[f"bytes_{use.tier}"] == use.size_bytes
        assert found[f"partitions_{use.tier}"] == use.partitions
    assert found["bytes_cold"] == cold and found["partitions_cold"] == 1

    place(aged, DAYS[0], NewPlace("deleted", archive=0))
    found = emitted(aged)
    assert (found["bytes_cold"], found["partitions_cold"], found["partitions_deleted"]) == (0, 0, 1)

    promote(tables_of(aged), [DAYS[1]])
    found = emitted(aged)
    assert (found["main_tier"], found["partitions_hot"], found["bytes_warm"]) == ("hot", 2, 0)
    assert found["next_expiry_action"] == "2013-01-02: hot to warm"


def test_a_restored_copy_and_its_archive_both_count_and_it_falls_back(
    aged: Settings, archived: Archive
):
    archived()
    sizes = [to_cold(aged, day) for day in DAYS]
    assert emitted(aged)["bytes_cold"] == sum(sizes)
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    back_to_warm(aged, DAYS[0], soon)
    found = emitted(aged)
    assert (found["bytes_warm"], found["bytes_cold"]) == (sizes[0], sum(sizes))
    assert (found["partitions_warm"], found["partitions_cold"]) == (1, 2)
    # By its policy it would be deleted since 2020; nothing keeps it from that.
    assert found["next_expiry"] == "2020-01-01"
    assert found["next_expiry_action"] == "2013-01-01: deleted from warm"
    snapshot = delta.open_snapshot(tables_of(aged).hot)
    stays = next_expiry(Policy(30, 365), snapshot)
    assert stays == Expiry(soon.date(), "2013-01-01: warm to cold")
    assert next_expiry(Policy(30), snapshot) is None  # it may stay in warm


def test_the_same_state_adds_nothing(aged: Settings, archived: Archive):
    archived()
    to_warm(aged, DAYS[0])
    emit_all(aged)
    before = names(aged)
    emit_runs(aged)
    emit_all(aged)
    assert names(aged) == before
    assert len([name for name in before if "-tiers-silver.events-" in name]) == 1
    archived()  # a run that wrote nothing
    emit_runs(aged)
    assert [name.split("-")[1] for name in names(aged)[len(before) :]] == ["run"]


def test_a_command_that_moved_something_emits_where_it_lies(aged: Settings):
    to_warm(aged, *DAYS)
    move = {"kind": "move", "dataset": str(EVENTS), "partitions": DAYS, "from": "hot", "to": "warm"}
    assert emit_moves(aged, [move], "apply-1") == ""
    assert values_of(aged)["main_tier"] == "warm"


def test_a_policy_that_changes_is_emitted_with_the_next_run(
    aged: Settings, archived: Archive, plain: Checkout
):
    archived()
    assert emitted(aged)["next_expiry"] == "2013-02-01"
    (plain.root / "lakebook.toml").write_text(AGES.replace("30d", "60d"))
    found = emitted(load_settings(plain.root))
    assert (found["next_expiry"], found["tier"]) == ("2013-03-03", "hot 60 d, warm 365 d")


def test_a_policy_that_contradicts_itself_is_named(
    aged: Settings, archived: Archive, plain: Checkout
):
    archived()
    before = emitted(aged)
    contract = plain.root / "notebooks/silver/events.contract.yaml"
    head, tier = "    customProperties:\n", "      - {property: tier, value: {hot: 30d}}\n"
    contract.write_text(contract.read_text().replace(head, head + tier))
    (plain.root / "lakebook.toml").write_text('[tiers.silver]\nretention = "20d"\n')
    to_warm(aged, DAYS[0])
    done = emit_runs(load_settings(plain.root))
    assert "silver.events: " in done.problem and "shorter than hot 30d" in done.problem
    assert values_of(aged) == before


def test_a_dataset_without_a_table_has_what_its_contract_says(settings: Settings):
    emit_all(settings)
    found = values_of(settings)
    assert found["layer"] == "silver" and found["legal_hold"] == "no"
    assert not {"main_tier", "bytes_hot", "next_expiry", "retention_days"} & found.keys()


def test_an_environment_has_no_tiers(aged: Settings, plain: Checkout):
    own = load_settings(plain.root, env="ana")
    emit_all(own)
    [found] = aspects(proposals(own, "tiers"), "structuredProperties", "ana.silver.events")
    named = {one["propertyUrn"].rpartition(".")[2] for one in found["properties"]}
    assert "retention_days" in named and "main_tier" not in named


def test_an_archive_that_is_gone_is_named_and_keeps_no_run_back(aged: Settings, archived: Archive):
    record = archived()
    to_cold(aged, DAYS[0])
    shutil.rmtree(tables_of(aged).cold)
    done = emit_runs(aged)
    assert done.runs == 1
    assert "silver.events: " in done.problem and "the archive is not there" in done.problem
    assert "is not there" in emit_runs(aged).problem
    write_days(aged, 1, rows=6)  # other rows, which hot has
    assert emitted(aged)["partitions_hot"] == 3
    assert [f.name for f in list_files(outbox_folder(aged)) if f.kind == "run"] == [record.run_id]


def test_what_an_earlier_version_did_not_define_is_defined_first(
    aged: Settings, archived: Archive, monkeypatch: pytest.MonkeyPatch
):
    archived()
    emit_runs(aged)
    state = outbox_folder(aged) / "state.json"
    [first, *_] = list_files(outbox_folder(aged))
    known = [one for one in first.read() if "lakebook.bytes_cold" not in one["entityUrn"]]
    assert first.kind == "definitions" and len(known) == len(first.read()) - 1
    first.path.write_text(json.dumps(known))
    to_warm(aged, DAYS[0])
    before = len(names(aged))
    monkeypatch.setattr(describe, "_code", lambda: b"the next version")
    emit_runs(aged)
    assert [name.split("-")[1] for name in names(aged)[before:]] == ["definitions", "tiers"]
    assert "bytes_cold" in list_files(outbox_folder(aged))[before].path.read_text()
    assert json.loads(state.read_text())["stored"]


def test_an_emission_that_ends_anywhere_is_finished_by_the_next(
    aged: Settings, archived: Archive, monkeypatch: pytest.MonkeyPatch
):
    archived()
    archived(step="ops.tiering", start=None, end=None, partitions=(), inputs=(), outputs=(),
             checks=(), operations=({"kind": "move", "dataset": "silver.events"},))  # fmt: skip
    to_warm(aged, DAYS[0])
    emit_runs(aged)
    wanted = set(names(aged))
    state = json.loads((outbox_folder(aged) / "state.json").read_text())
    shutil.rmtree(outbox_folder(aged))
    write, count = outbox.write_durably, 0

    def write_once(*args: Any) -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise OSError("the process is gone")
        write(*args)

    monkeypatch.setattr(outbox, "write_durably", write_once)
    for _ in range(2 * len(wanted) + 8):
        count = 0
        try:
            emit_runs(aged)
        except Exception:
            continue
        break
    assert set(names(aged)) == wanted
    assert json.loads((outbox_folder(aged) / "state.json").read_text()) == state


def test_datahub_takes_them_after_their_definitions(aged: Settings, archived: Archive, gms: Gms):
    from datahub.cli.json_file import check_mce_file

    archived()
    to_warm(aged, DAYS[0])
    emit_runs(aged)
    for file in list_files(outbox_folder(aged)):
        assert "valid" in check_mce_file(str(file.path))
    push(aged, gms.url, patience=Patience(attempts=1))
    defined: set[str] = set()
    for one in gms.taken:
        if one["aspectName"] == "propertyDefinition":
            defined.add(one["entityUrn"])
        if one["aspectName"] == "structuredProperties":
            given = {each["propertyUrn"] for each in one["aspect"]["json"]["properties"]}
            assert "urn:li:structuredProperty:lakebook.next_expiry" in given <= defined


def snapshot_of(**tiers: Tier) -> Snapshot:
    """Partitions `p2013_01` and so on, each in a tier; nothing on the disk."""
    found = {}
    for name, tier in tiers.items():
        partition = name.removeprefix("p").replace("_", "-")
        found |= {token.data(partition): 1, token.placement(partition): Place(tier, 1).value}
    return Snapshot(tables_of, 1, tokens=found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "tiers", "day", "what"),
    [
        (POLICY, {"p2013_01": "hot", "p2013_02": "hot"}, "2013-03-03", "2013-01: hot to warm"),
        (POLICY, {"p2013_01": "warm", "p2013_02": "hot"}, "2013-03-31", "2013-02: hot to warm"),
        (POLICY, {"p2013_01": "warm"}, "2014-02-01", "2013-01: warm to cold"),
        (POLICY, {"p2013_01": "cold"}, "2015-02-01", "2013-01: deleted from cold"),
        (Policy(0, 0, None), {"p2013_01": "hot"}, "2013-02-01", "2013-01: hot to cold"),
        (Policy(None, None, 10), {"p2013_01": "hot"}, "2013-02-11", "2013-01: deleted from hot"),
        (
            Policy(0, 30, None),
            {"p2013_01_01": "hot", "p2013_01_02": "deleted", "p2012_12_03": "warm"},
            "2013-01-02",
            "2013-01-01: hot to warm",
        ),
        (
            Policy(30, 60),
            {"p2013_01_31": "hot", "p2013_01_01": "warm"},
            "2013-03-03",
            "2013-01-01: warm to cold; 2013-01-31: hot to warm",
        ),
    ],
)
def test_the_next_expiry_is_the_earliest_change(
    policy: Policy, tiers: dict[str, Tier], day: str, what: str
):
    assert next_expiry(policy, snapshot_of(**tiers)) == Expiry(date.fromisoformat(day), what)


@pytest.mark.parametrize(
    ("policy", "tiers"),
    [
        (Policy(), {"p2013_01": "hot"}),
        (POLICY, {"p*": "hot", "pnull": "hot"}),
        (POLICY, {"p2013_01": "deleted"}),
        (Policy(30, 365, 730, legal_hold=True), {"p2013_01": "cold"}),
        (POLICY, {}),
    ],
)
def test_what_stays_where_it_is_has_no_next_expiry(policy: Policy, tiers: dict[str, Tier]):
    assert next_expiry(policy, snapshot_of(**tiers)) is None
