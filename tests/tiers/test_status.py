"""What each tier holds, costs and waits to lose."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import delta_worker as w
import pytest
from tiers.aged import MONTHS, NEW_YEAR, Aged

from lakebook import delta
from lakebook.intervals import Interval
from lakebook.settings import Prices
from lakebook.tiers.apply import apply_plan
from lakebook.tiers.cold.cold_folders import archive_folder
from lakebook.tiers.cold.cold_sweep import sweep_cold
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.promote import promote
from lakebook.tiers.status import DatasetStatus, TierUse, status

LATER = datetime(2095, 1, 1, 12, tzinfo=UTC)


def look(aged: Aged, as_of: date = NEW_YEAR) -> tuple[DatasetStatus, dict[str, TierUse]]:
    (found,) = status(aged.settings, [aged.contract], as_of)
    return found, {use.tier: use for use in found.tiers}


def test_a_dataset_that_was_only_written_is_hot(aged: Aged) -> None:
    found, tiers = look(aged)
    files = aged.hot.files
    assert tiers["hot"] == TierUse(
        "hot",
        partitions=12,
        files=12,
        rows=1095,
        size_bytes=sum(file.size_bytes for file in files),
        monthly_cost=Prices().monthly("hot", sum(file.size_bytes for file in files)),
    )
    assert tiers["warm"] == TierUse("warm") and tiers["cold"] == TierUse("cold")
    assert (found.due, found.deleted, found.restored, found.problems) == (10, 0, (), ())
    assert str(found.policy) == "hot 60d, warm 180d"


def test_each_tier_after_a_plan(aged: Aged) -> None:
    hot = {p: aged.hot.files_in([p])[0].size_bytes for p in MONTHS}
    apply_plan(aged.settings, aged.plan())
    found, tiers = look(aged)
    assert {tier: use.partitions for tier, use in tiers.items()} == {"hot": 2, "warm": 4, "cold": 6}
    assert {tier: use.rows for tier, use in tiers.items()} == {"hot": 183, "warm": 369, "cold": 543}
    assert tiers["warm"].size_bytes == sum(hot[p] for p in MONTHS[6:10])
    on_disk = [path.stat().st_size for path in aged.tables.cold.rglob("*.parquet")]
    assert (tiers["cold"].files, tiers["cold"].size_bytes) == (6, sum(on_disk))
    assert tiers["hot"].waiting_files == 10
    assert tiers["hot"].waiting_bytes == sum(hot[p] for p in MONTHS[:10])
    assert found.due == 0 and found.next_change == date(2014, 1, 28)  # July, 180 d after 08-01
    assert found.size_bytes == sum(use.size_bytes for use in found.tiers)
    assert found.monthly_cost == pytest.approx(sum(use.monthly_cost for use in found.tiers))
    raw = json.loads(json.dumps(found.to_json()))
    assert raw["tiers"][2]["rows"] == 543 and raw["next_change"] == "2014-01-28"


def test_a_restored_copy_is_in_both_and_its_end_is_the_next_change(aged: Aged) -> None:
    apply_plan(aged.settings, aged.plan())
    restore(aged.tables, aged.contract, ["2013-01"], expires=LATER)
    found, tiers = look(aged, date(2095, 1, 1))
    assert found.restored == (("2013-01", LATER),)
    assert (tiers["warm"].partitions, tiers["cold"].partitions) == (5, 5)
    assert (tiers["warm"].rows, tiers["cold"].rows) == (462, 543)
    assert found.due == 6  # all others, of that day
    assert found.next_change == date(2095, 1, 1)
    assert look(aged, date(2095, 1, 2))[0].due == 7


def test_what_waits_in_warm_and_cold(aged: Aged) -> None:
    apply_plan(aged.settings, aged.plan())
    promote(aged.tables, ["2013-07"], expires=int(LATER.timestamp()))
    archived = aged.hot.archive("2013-01")
    assert archived is not None
    old = archive_folder(aged.tables.cold, "2013-01", archived)
    size = sum(path.stat().st_size for path in old.iterdir())
    january = Interval.parse("2013-01-01", "2013-02-01")
    aged.write(january, rows=w.make_rows(january, seed=1), fp=2)
    sweep_cold(aged.tables)
    _, tiers = look(aged)
    (copy,) = delta.open_snapshot(aged.tables.warm).files_in(["2013-07"])
    assert (tiers["warm"].waiting_files, tiers["warm"].waiting_bytes) == (1, copy.size_bytes)
    assert (tiers["cold"].waiting_files, tiers["cold"].waiting_bytes) == (2, size)
    assert (tiers["hot"].partitions, tiers["cold"].partitions) == (4, 5)


def test_a_damaged_archive_is_named_and_the_rest_counts(aged: Aged) -> None:
    apply_plan(aged.settings, aged.plan())
    archived = aged.hot.archive("2013-01")
    assert archived is not None
    path = archive_folder(aged.tables.cold, "2013-01", archived) / "manifest.json"
    path.chmod(0o644)
    path.write_text("{}")
    found, tiers = look(aged)
    assert tiers["cold"].files == 5 and tiers["cold"].partitions == 6
    (problem,) = found.problems
    assert str(path) in problem and "damaged" in problem


def test_a_copy_that_is_missing_in_warm_is_named(aged: Aged) -> None:
    move_to_warm(aged.tables, aged.contract, ["2013-07"])
    from lakebook.delta.transaction import Change, transact

    transact(aged.tables.warm, lambda now: Change(removes=now.files))
    found, tiers = look(aged)
    assert "2013-07 should lie in warm and is not there" in found.problems[0]
    assert (tiers["warm"].partitions, tiers["warm"].files, tiers["hot"].files) == (1, 0, 11)


def test_deleted_partitions_are_counted(aged: Aged) -> None:
    aged.promise(retention="value: 300, unit: d")
    apply_plan(aged.settings, aged.plan())
    found, tiers = look(aged)
    assert found.deleted == 2 and sum(use.partitions for use in tiers.values()) == 10


def test_what_was_never_written_is_left_out(aged: Aged) -> None:
    other = replace(aged.contract, dataset=replace(aged.contract.dataset, name="others"))
    assert [s.dataset for s in status(aged.settings, [other, aged.contract])] == ["silver.events"]
