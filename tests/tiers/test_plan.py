"""Plans: what moves and why, what stays, sizes and cost, and the file that carries a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import delta_worker as w
import pytest
from counted import calls_of
from tiers.aged import MONTHS, NEW_YEAR, Aged, shown

from lakebook import delta
from lakebook.contract.model import TierPolicy
from lakebook.delta import transaction
from lakebook.delta.entry import write_entry
from lakebook.delta.transaction import Change, NewFile
from lakebook.errors import UserError
from lakebook.intervals import Interval
from lakebook.names import tier_tables
from lakebook.settings import Prices, Settings
from lakebook.tiers import plan, promote
from lakebook.tiers.actions import Action, grouped
from lakebook.tiers.cold import manifest, named, restore
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.plan import plan_tiers, plan_to_json, read_plan, write_plan

LATER = datetime(2095, 1, 1, tzinfo=UTC)


def test_a_year_ages_month_by_month_with_reasons(aged: Aged) -> None:
    made = aged.plan()
    cold = [("archive", f"2013-0{m}", "hot", "cold") for m in range(1, 7)]
    warm = [("move", p, "hot", "warm") for p in ("2013-07", "2013-08", "2013-09", "2013-10")]
    assert shown(made.actions) == warm + cold and made.notes == ()
    assert made.datasets == ("silver.events",)
    january = made.actions[4]
    assert january.reason == "older than 180 d in hot: ended 2013-02-01"
    assert made.actions[0].reason == "older than 60 d in hot: ended 2013-08-01"
    (file,) = aged.hot.files_in(["2013-01"])
    assert (january.files, january.rows, january.size_bytes) == (1, 93, file.size_bytes)
    assert (january.placement, january.data) == (0, aged.hot.data("2013-01"))
    lines = [(group.name, group.reason) for group in grouped(made.actions)]
    assert lines == [
        ("2013-07 … 2013-10 (4)", "older than 60 d in hot: ended 2013-08-01 … 2013-11-01"),
        ("2013-01 … 2013-06 (6)", "older than 180 d in hot: ended 2013-02-01 … 2013-07-01"),
    ]


def test_nothing_is_written_by_a_plan_and_a_dataset_without_table_is_left_out(aged: Aged) -> None:
    before = sorted(path.as_posix() for path in aged.root.rglob("*"))
    aged.plan()
    assert sorted(path.as_posix() for path in aged.root.rglob("*")) == before
    other = replace(aged.contract, dataset=replace(aged.contract.dataset, name="others"))
    found = plan_tiers(aged.settings, [other, aged.contract], NEW_YEAR)
    assert found.datasets == ("silver.events",)


def test_the_edge_of_an_age_and_today_by_default(aged: Aged) -> None:
    edge = date(2013, 4, 2)  # January ended 60 days before
    assert shown(aged.plan(edge).actions) == [("move", "2013-01", "hot", "warm")]
    assert aged.plan(date(2013, 4, 1)).actions == ()
    today = plan_tiers(aged.settings, [aged.contract])
    assert len(today.actions) == 12 and today.as_of == datetime.now(UTC).date()


def test_only_what_does_not_lie_where_it_belongs_moves(aged: Aged) -> None:
    move_to_warm(aged.tables, aged.contract, ["2013-01", "2013-07"])
    archive(aged.tables, aged.contract, ["2013-02", "2013-12"])
    made = aged.plan()
    names = {action.partition: action for action in made.actions}
    assert set(names) == set(MONTHS) - {"2013-02", "2013-07", "2013-11", "2013-12"}
    assert (names["2013-01"].source, names["2013-01"].rows) == ("warm", 93)
    assert names["2013-01"].reason == "older than 180 d in warm: ended 2013-02-01"
    (note,) = made.notes
    assert (note.partitions, note.text) == (
        ("2013-12",),
        "lies in cold, and by its policy it would be hot",
    )


def test_an_archive_is_estimated_by_those_that_are_there(aged: Aged) -> None:
    first = aged.plan().actions[-1]
    assert first.estimated and first.bytes_after == first.size_bytes
    archive(aged.tables, aged.contract, ["2013-01"])
    named = aged.hot.archive("2013-01")
    assert named is not None
    folder = aged.tables.cold / "2013-01" / manifest.archive_name(named)
    known = manifest.read_manifest(folder)
    second = next(a for a in aged.plan().actions if a.partition == "2013-02")
    assert second.estimated
    assert second.bytes_after == round(known.size_bytes / known.rows * second.rows)


def test_cost_is_that_of_what_moves(aged: Aged) -> None:
    settings = aged.settings
    prices = Prices("EUR", hot=3e6, warm=2e6, cold=1e6)
    tiers = replace(settings.tiers, prices=prices)
    made = plan_tiers(replace(settings, tiers=tiers), [aged.contract], NEW_YEAR)
    size = {p: sum(f.size_bytes for f in aged.hot.files_in([p])) for p in MONTHS}
    cold, warm = sum(size[p] for p in MONTHS[:6]), sum(size[p] for p in MONTHS[6:10])
    assert made.cost_before == pytest.approx((cold + warm) * 0.003)
    assert made.cost_after == pytest.approx(cold * 0.001 + warm * 0.002)


def test_a_restored_copy_stays_until_its_time_is_over(aged: Aged) -> None:
    archive(aged.tables, aged.contract, MONTHS[:6])
    restore.restore(aged.tables, aged.contract, ["2013-01", "2013-02"], expires=LATER)
    made = aged.plan()
    assert {a.partition for a in made.actions} == set(MONTHS[6:10])
    (note,) = made.notes
    assert note.partitions == ("2013-01", "2013-02")
    assert note.text == "stays in warm until 2095-01-01 00:00 UTC, as asked for"
    over = aged.plan(now=LATER.timestamp())
    back = [a for a in over.actions if a.kind == "fall_back"]
    assert shown(back) == [("fall_back", p, "warm", "cold") for p in ("2013-01", "2013-02")]
    assert back[0].reason == "its restored copy was to stay until 2095-01-01 00:00 UTC"
    assert not back[0].estimated and back[0].bytes_after == back[0].archive_bytes > 0
    assert back[0].cost_before(over.prices) > back[0].cost_after(over.prices)
    late = aged.plan(as_of=date(2095, 1, 2))  # a plan for a day to come knows of its time, too
    assert "fall_back" in {a.kind for a in late.actions}


def test_a_copy_without_end_goes_back_with_the_next_plan(aged: Aged) -> None:
    archive(aged.tables, aged.contract, ["2013-01"])
    restore.restore(aged.tables, aged.contract, ["2013-01"], to="hot")
    action = next(a for a in aged.plan().actions if a.partition == "2013-01")
    assert (action.kind, action.source, action.target) == ("archive", "hot", "cold")
    assert not action.estimated and action.bytes_after == action.archive_bytes > 0


def test_what_was_promoted_for_a_time_goes_by_its_policy_after_it(aged: Aged) -> None:
    move_to_warm(aged.tables, aged.contract, ["2013-07"])
    until = int(LATER.timestamp())
    promote.promote(aged.tables, ["2013-07"], expires=until)
    assert "2013-07" not in {a.partition for a in aged.plan().actions}
    action = next(a for a in aged.plan(now=until).actions if a.partition == "2013-07")
    assert (action.kind, action.target) == ("move", "warm")


def test_retention_deletes_from_every_tier_and_a_hold_stops_it(aged: Aged) -> None:
    aged.promise(retention="value: 300, unit: d")
    archive(aged.tables, aged.contract, ["2013-01"])
    restore.restore(aged.tables, aged.contract, ["2013-01"], expires=LATER)
    archive(aged.tables, aged.contract, ["2013-02"])
    gone = [a for a in aged.plan().actions if a.kind == "delete"]
    assert shown(gone) == [
        ("delete", "2013-01", "warm", "deleted"),
        ("delete", "2013-02", "cold", "deleted"),
    ]
    assert gone[0].reason == "past its retention of 300 d: ended 2013-02-01"
    assert (gone[1].rows, gone[1].files) == (84, 1)
    assert [a.cost_after(Prices()) for a in gone] == [0.0, 0.0]
    aged.promise(retention="value: 300, unit: d", hold=True)
    held = aged.plan()
    assert "delete" not in {a.kind for a in held.actions}
    notes = {note.text: note.partitions for note in held.notes}
    assert notes["past its retention of 300 d, and under legal hold"] == ("2013-01", "2013-02")


def test_rows_without_time_stay_hot(aged: Aged) -> None:
    contract = w.make_contract(None)
    table = tier_tables(aged.settings.roots, replace(contract.dataset, name="whole"))
    dimension = replace(contract, dataset=table.dataset, tier=TierPolicy(0, 0))
    w.write(table.hot, dimension, Interval.parse("2013-01-01", "2013-02-01"))
    assert delta.open_snapshot(table.hot).written == ("*",)
    assert plan_tiers(aged.settings, [dimension], date(2095, 1, 1)).actions == ()


def test_a_plan_file_says_all_of_the_plan(aged: Aged, tmp_path: Path) -> None:
    made = aged.plan()
    path = tmp_path / "plan.json"
    write_plan(made, path)
    assert read_plan(aged.settings, path) == made and len(made.id) == 12
    raw = json.loads(path.read_text())
    assert raw["sums"]["rows"] == made.rows and raw["as_of"] == "2014-01-01"
    assert raw == json.loads(json.dumps(plan_to_json(made)))
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{", "[", "the plan file cannot be read"),
        ('"lakebook tier plan 2"', '"terraform"', "this is no plan of tiers"),
        ('"lakebook tier plan 2"', '"lakebook tier plan 9"', "this is no plan of tiers"),
        ('"placement": 0', '"placement": 2', "was changed after it was made"),
        ('"files"', '"fils"', "the plan file is damaged (TypeError"),
        ('"kind": "move"', '"kind": "mve"', "the plan file is damaged (ValueError: mve from hot"),
        ('"as_of": "2014-01-01"', '"as_of": "2014"', "the plan file is damaged"),
        ('"id"', '"di"', "the plan file is damaged (KeyError: 'id')"),
    ],
)
def test_a_damaged_plan_file_is_one_sentence(
    aged: Aged, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "plan.json"
    write_plan(aged.plan(), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError) as found:
        read_plan(aged.settings, path)
    assert said in found.value.sentence and str(path) in found.value.sentence
    assert found.value.sentence.endswith("make it anew: lakebook tier plan --out FILE")


def test_a_plan_of_another_lake_is_refused(aged: Aged, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_plan(aged.plan(), path)
    with pytest.raises(UserError, match="was made for the lake"):
        read_plan(replace(aged.settings, lake=tmp_path / "other"), path)
    with pytest.raises(UserError, match="no such plan file"):
        read_plan(aged.settings, tmp_path / "none.json")


def test_planning_follows_what_moves_and_reads_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, tmp_path / "lake")
    contract = replace(w.make_contract("day"), tier=TierPolicy(30, 365))
    hot = tier_tables(settings.roots, contract.dataset).hot
    delta.ensure_table(hot, contract)
    days = Interval.parse("2004-01-01", "2013-12-29").partitions("day")
    stats = json.dumps({"numRecords": 3, "minValues": {"k": 1}, "maxValues": {"k": 9}})
    files = tuple(NewFile(f"_partition={p}/x.parquet", p, 1000, stats) for p in days)
    tokens = {f"{kind}/{p}": 1 for p in days for kind in ("fence", "data", "fp")}
    change = Change(adds=files, tokens=tokens)  # no such file is there
    write_entry(hot, 1, {}, transaction._actions(delta.open_snapshot(hot), change))
    monkeypatch.setattr(named, "read_manifest", lambda *given: pytest.fail("a manifest"))
    made = plan_tiers(settings, [contract], NEW_YEAR)
    assert len(days) == 3650 and len(made.actions) == 3623
    assert calls_of(lambda: plan_tiers(settings, [contract], NEW_YEAR)) < 400 * len(days)
    assert [len(group.actions) for group in grouped(made.actions)] == [335, 3288]


def test_an_action_is_compared_by_value() -> None:
    fields = {"files": 1, "rows": 2, "size_bytes": 3, "bytes_after": 3, "data": 1, "placement": 0}
    one = Action("move", "silver.events", "2013-01", "hot", "warm", "old", **fields)
    assert one == replace(one) and grouped([one])[0].name == "2013-01"
    assert plan.grouped is grouped
