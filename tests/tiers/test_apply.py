"""Plans applied: exactly their actions, to just those rows; errors, kills and two at once."""

from __future__ import annotations

import multiprocessing
import signal
from datetime import UTC, date, datetime
from pathlib import Path

import delta_worker as w
import pytest
from tiers.aged import MONTHS, Aged, apply_and_die, by_tier, changed, shown

from lakebook import delta
from lakebook.delta import tokens as token
from lakebook.delta.cleaner import removed_files
from lakebook.delta.transaction import Change, transact
from lakebook.errors import StorageError, UserError
from lakebook.intervals import Interval
from lakebook.tiers import apply as applying
from lakebook.tiers import execute, settling
from lakebook.tiers.actions import Action
from lakebook.tiers.apply import apply_plan
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.placing import CHANGED
from lakebook.tiers.plan import plan_tiers
from lakebook.tiers.verify import verify

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
AGED = {"hot": [*MONTHS[10:]], "warm": [*MONTHS[6:10]], "cold": [*MONTHS[:6]]}


def test_a_year_goes_where_its_policy_says_and_keeps_its_rows(aged: Aged) -> None:
    before, seen = aged.rows(), []
    plan = aged.plan()
    applied = apply_plan(aged.settings, plan, run="run-1", on_progress=seen.append)
    assert by_tier(aged.tiers()) == AGED
    assert applied.skipped == () and applied.failed == ()
    assert sorted(a.partition for a in seen) == sorted(a.partition for a in plan.actions)
    assert [operation.to_json() for operation in applied.operations] == [
        {
            "kind": "move",
            "dataset": "silver.events",
            "partitions": list(MONTHS[6:10]),
            "from": "hot",
            "to": "warm",
            "files": 4,
            "rows": 369,
            "size_bytes": sum(a.size_bytes for a in plan.actions if a.kind == "move"),
            "reason": "older than 60 d in hot: ended 2013-08-01 … 2013-11-01",
        },
        {
            "kind": "archive",
            "dataset": "silver.events",
            "partitions": list(MONTHS[:6]),
            "from": "hot",
            "to": "cold",
            "files": 6,
            "rows": 543,
            "size_bytes": sum(a.size_bytes for a in plan.actions if a.kind == "archive"),
            "reason": "older than 180 d in hot: ended 2013-02-01 … 2013-07-01",
        },
    ]
    info = delta.commit_info(aged.tables.hot, aged.hot.version)
    assert (info["run"], info["plan"]) == ("run-1", plan.id)
    assert aged.plan().actions == ()
    restore(aged.tables, aged.contract, MONTHS[:6])
    assert aged.rows().equals(before)


def test_applied_again_it_says_what_is_done_already(aged: Aged) -> None:
    plan = aged.plan()
    apply_plan(aged.settings, plan)
    version = aged.hot.version
    again = apply_plan(aged.settings, plan)
    assert again.operations == () and again.failed == ()
    assert [(left.partitions, left.why) for left in again.skipped] == [
        (MONTHS[6:10], "it is in warm already"),
        (MONTHS[:6], "it is in cold already"),
    ]
    assert aged.hot.version == version


def test_what_was_written_since_stays_and_is_named(aged: Aged) -> None:
    plan = aged.plan()
    aged.write(JANUARY, rows=w.make_rows(JANUARY, seed=1), fp=2)
    applied = apply_plan(aged.settings, plan)
    (left,) = applied.skipped
    assert (left.kind, left.partitions, left.why) == ("archive", ("2013-01",), CHANGED)
    assert left.sentence == f"silver.events 2013-01: {CHANGED}"
    assert aged.tiers()["2013-01"] == "hot" and aged.tiers()["2013-02"] == "cold"


@pytest.mark.parametrize("kind", ["move", "archive"])
def test_a_write_after_the_look_is_not_moved_either(
    aged: Aged, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = aged.plan()
    real = execute._EXECUTORS[kind]
    month = {"move": "2013-07", "archive": "2013-01"}[kind]

    def written_meanwhile(work: execute.Work, actions: list[Action]) -> execute.Outcome:
        interval = Interval.parse(f"{month}-01", f"{month}-02").widen("month")
        aged.write(interval, rows=w.make_rows(interval, seed=1), fp=2)
        return real(work, actions)

    monkeypatch.setattr(execute, "_EXECUTORS", {**execute._EXECUTORS, kind: written_meanwhile})
    applied = apply_plan(aged.settings, plan)
    assert [(left.partitions, left.why) for left in applied.skipped] == [((month,), CHANGED)]
    assert aged.tiers()[month] == "hot"
    assert len(applied.operations) == 2


def test_rows_that_were_made_up_move_nothing(aged: Aged) -> None:
    plan = changed(aged.plan(), data=7)
    applied = apply_plan(aged.settings, plan)
    assert [left.partitions for left in applied.skipped] == [("2013-07",)]
    assert aged.tiers()["2013-07"] == "hot"


def test_who_only_raised_a_fence_keeps_no_plan_back(aged: Aged) -> None:
    plan = aged.plan()
    fences = {token.fence(p): aged.hot.fence(p) + 1 for p in MONTHS}
    transact(aged.tables.hot, lambda now: Change(tokens=fences))
    applied = apply_plan(aged.settings, plan)
    assert applied.skipped == () and by_tier(aged.tiers()) == AGED


def test_the_files_that_lay_there_are_told_and_not_those_of_the_plan(aged: Aged) -> None:
    plan = aged.plan()
    applied = apply_plan(aged.settings, changed(plan, files=9, size_bytes=1))
    months = MONTHS[6:10]
    assert applied.operations[0].partitions == months
    assert applied.operations[0].files == len(months)
    assert applied.operations[0].size_bytes == sum(a.size_bytes for a in plan.actions[:4])


def test_a_copy_that_was_given_more_time_does_not_fall_back(aged: Aged) -> None:
    apply_plan(aged.settings, aged.plan())
    restore(aged.tables, aged.contract, ["2013-01"], expires=datetime(2013, 12, 1, tzinfo=UTC))
    made = plan_tiers(aged.settings, [aged.contract], date(2014, 1, 1))
    assert ("fall_back", "2013-01", "warm", "cold") in shown(made.actions)
    restore(aged.tables, aged.contract, ["2013-01"], expires=datetime(2090, 1, 1, tzinfo=UTC))
    applied = apply_plan(aged.settings, made)
    assert [(left.partitions, left.why) for left in applied.skipped] == [(("2013-01",), CHANGED)]
    assert aged.tiers()["2013-01"] == "warm"


def test_one_damaged_file_keeps_no_other_partition_back(aged: Aged) -> None:
    plan = aged.plan()
    (file,) = aged.hot.files_in(["2013-03"])
    path = aged.tables.hot / file.path
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    applied = apply_plan(aged.settings, plan)
    (left,) = applied.failed
    assert (left.kind, left.partitions) == ("archive", ("2013-03",))
    assert file.path in left.why
    expected = {p: tier for tier, names in AGED.items() for p in names} | {"2013-03": "hot"}
    assert aged.tiers() == expected
    done = [p for operation in applied.operations for p in operation.partitions]
    assert sorted(done) == sorted(p for p in MONTHS[:10] if p != "2013-03")


def test_a_disk_that_fails_is_not_tried_for_every_partition(
    aged: Aged, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def full(work: execute.Work, actions: list[Action]) -> execute.Outcome:
        tries.append(len(actions))
        raise StorageError("the disk is full")

    monkeypatch.setattr(execute, "_EXECUTORS", dict.fromkeys(execute._EXECUTORS, full))
    applied = apply_plan(aged.settings, aged.plan())
    assert tries == [4, 1, 1, 1, 6, 1, 1, 1]
    assert [(left.kind, left.partitions) for left in applied.failed] == [
        ("move", MONTHS[6:10]),
        ("archive", MONTHS[:6]),
    ]
    assert applied.operations == () and set(aged.tiers().values()) == {"hot"}


def test_large_plans_are_committed_in_batches(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "BATCH_COUNT", 3)
    sizes: list[int] = []
    real = execute.execute

    def counted(work: execute.Work, actions: list[Action]) -> execute.Outcome:
        sizes.append(len(actions))
        return real(work, actions)

    monkeypatch.setattr(settling, "execute", counted)
    applied = apply_plan(aged.settings, aged.plan())
    assert sizes == [3, 1, 3, 3]
    assert len(applied.operations) == 2 and by_tier(aged.tiers()) == AGED


def test_expired_copies_fall_back_and_stale_copies_are_swept(aged: Aged) -> None:
    apply_plan(aged.settings, aged.plan())
    soon = datetime(2095, 1, 1, tzinfo=UTC)
    restore(aged.tables, aged.contract, ["2013-01"], expires=soon)
    assert aged.tiers()["2013-01"] == "warm"
    archived = aged.hot.archive("2013-01")
    applied = apply_plan(aged.settings, aged.plan(now=soon.timestamp()))
    assert [(o.kind, o.partitions) for o in applied.operations] == [("fall_back", ("2013-01",))]
    assert by_tier(aged.tiers()) == AGED and aged.hot.archive("2013-01") == archived
    assert applied.tidied.swept == {"silver.events": ("2013-01",)}
    assert "2013-01" not in delta.open_snapshot(aged.tables.warm).partitions


def test_retention_deletes_by_plan_with_its_reason(aged: Aged) -> None:
    aged.promise(retention="value: 300, unit: d")
    move_to_warm(aged.tables, aged.contract, ["2013-01"])
    archive(aged.tables, aged.contract, ["2013-02"])
    applied = apply_plan(aged.settings, aged.plan())
    (gone,) = (o for o in applied.operations if o.source == "warm")
    assert (gone.kind, gone.target, gone.partitions) == ("delete", "deleted", ("2013-01",))
    assert by_tier(aged.tiers())["deleted"] == ["2013-01", "2013-02"]
    from lakebook.tiers.audit import read_audit

    records = {record["partition"]: record for record in read_audit(aged.settings.lake)}
    assert records["2013-01"]["reason"] == "past its retention of 300 d: ended 2013-02-01"
    assert records["2013-01"]["policy"] == "hot 60d, warm 180d, retention 300d"
    assert not list(aged.root.glob("lake/**/_partition=2013-01/*.parquet"))


def test_a_hold_that_came_after_the_plan_is_kept_and_said(aged: Aged) -> None:
    aged.promise(retention="value: 300, unit: d")
    plan = aged.plan()
    aged.promise(retention="value: 300, unit: d", hold=True)
    applied = apply_plan(aged.settings, plan)
    (left,) = applied.failed
    assert left.kind == "delete" and "legal hold" in left.why
    assert "deleted" not in aged.tiers().values() and len(applied.operations) == 2


@pytest.mark.parametrize(
    ("tier", "retention", "kept", "said"),
    [
        ("hot: 60d, warm: 180d", "value: 7, unit: y", ("2013-01",), "be cold on 2014-01-01"),
        ("hot: 60d, warm: 180d", "", ("2013-01",), "be cold on 2014-01-01"),
        ("hot: 9000d", "", MONTHS[:10], "be hot on 2014-01-01"),
        ("hot: 60d, warm: 250d", "value: 320, unit: d", MONTHS[3:6], "be warm on 2014-01-01"),
        ("hot: 60d, warm: 100d", "value: 300, unit: d", MONTHS[6:8], "be cold on 2014-01-01"),
    ],
)
def test_a_kept_plan_is_held_to_the_policy_in_force(
    aged: Aged, tier: str, retention: str, kept: tuple[str, ...], said: str
) -> None:
    aged.promise(retention="value: 320, unit: d")
    plan = aged.plan()
    assert {a.partition for a in plan.actions if a.kind == "delete"} == {"2013-01"}
    aged.promise(tier, retention)
    applied = apply_plan(aged.settings, plan)
    assert applied.failed == ()
    assert {p for left in applied.skipped if said in left.why for p in left.partitions} >= {*kept}
    assert all(aged.tiers()[name] == "hot" for name in kept)
    wanted = {a.partition: a.target for a in aged.plan().actions}
    done = {p for operation in applied.operations for p in operation.partitions}
    assert all(aged.tiers()[p] == wanted.get(p, aged.tiers()[p]) for p in done)


def test_vacuum_is_done_when_asked_and_spares_what_is_young(aged: Aged) -> None:
    apply_plan(aged.settings, aged.plan())
    assert len(removed_files(aged.tables.hot, 9e9)) == 10
    assert apply_plan(aged.settings, aged.plan(), vacuum=True).tidied.deleted == 0
    for path in aged.tables.hot.rglob("*.parquet"):
        assert path.exists()


def test_a_root_of_another_lake_is_refused_before_anything_moves(aged: Aged) -> None:
    (aged.root / "lakebook.toml").write_text(f'[profiles.local.roots]\nwarm = "{aged.root}/w"\n')
    (aged.root / "w").mkdir()
    (aged.root / "w" / "lakebook-root.json").write_text('{"lake": "of somebody else"}')
    with pytest.raises(UserError, match="belongs to another lake"):
        apply_plan(aged.settings, aged.plan())
    assert set(aged.tiers().values()) == {"hot"}


@pytest.mark.parametrize(
    "point", ["move.after_copy", "move.after_warm", "archive.after_rename", "archive.after_hot"]
)
@pytest.mark.parametrize("planned", ["again", "before"])
def test_killed_and_applied_again_it_ends_the_same(aged: Aged, point: str, planned: str) -> None:
    before, plan = aged.rows(), aged.plan()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(w.PRELOAD)
    process = context.Process(target=apply_and_die, args=(aged.root, point))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    applied = apply_plan(aged.settings, plan if planned == "before" else aged.plan())
    assert by_tier(aged.tiers()) == AGED and applied.failed == ()
    assert {left.why.split(" ")[-1] for left in applied.skipped} <= {"already"}
    assert w.orphans(aged.tables.hot) == w.orphans(aged.tables.warm) == []
    assert not list(Path(aged.tables.cold).glob("*/.draft*"))
    restore(aged.tables, aged.contract, MONTHS[:6])
    assert aged.rows().equals(before)


def test_a_damaged_archive_keeps_no_plan_back_and_is_made_anew(aged: Aged) -> None:
    """January was restored for a time that is over, and its archive has rotted meanwhile."""
    apply_plan(aged.settings, aged.plan())
    before = aged.hot
    past = datetime(2013, 12, 1, tzinfo=UTC)
    restore(aged.tables, aged.contract, ["2013-01"], expires=past)
    (manifest,) = (aged.tables.cold / "2013-01").glob("*/manifest.json")
    manifest.chmod(0o644)
    manifest.write_bytes(b"{")
    made = plan_tiers(aged.settings, [aged.contract], date(2014, 2, 1))
    assert ("fall_back", "2013-01", "warm", "cold") in shown(made.actions)
    assert any("2013-01" in note.partitions and "damaged" in note.text for note in made.notes)
    done = apply_plan(aged.settings, made)
    assert done.failed == () and "2013-11" in {p for o in done.operations for p in o.partitions}
    assert aged.tiers()["2013-01"] == "cold"
    assert aged.hot.archive("2013-01") not in (None, before.archive("2013-01"))
    assert verify(aged.settings, [aged.contract]).findings == ()
