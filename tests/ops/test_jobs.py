"""The other jobs: restore, verify, compact, retention and erase, each on an aged year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import delta_worker as w
import polars as pl
import pytest
from tiers.aged import MONTHS, Aged, by_tier

from lakebook import delta
from lakebook.engines import get_engine
from lakebook.errors import RunError, UserError
from lakebook.ops import Maintenance

WINTER = ("2013-01-01", "2013-03-01")


def kinds(kept: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in kept["operations"]]


def test_a_restore_says_what_it_takes_and_then_does_it(
    aged: Aged, in_tiers: Maintenance, outcome: Callable[[], Any]
) -> None:
    job = Maintenance("restore")
    planned = job.restore("silver.events", *WINTER, dry_run=True)
    assert planned.headline.startswith("2 partitions of silver.events would come back to warm")
    assert aged.tiers()["2013-01"] == "cold"
    done = job.restore("silver.events", *WINTER, days=3)
    assert done.headline.startswith(
        "2 partitions of silver.events (2013-01, 2013-02) copied back to warm, until "
    )
    (one,) = outcome()["operations"]
    assert (one["kind"], one["from"], one["to"]) == ("restore", "cold", "warm")
    assert one["partitions"] == ["2013-01", "2013-02"] and one["rows"] == 177
    longer = job.restore("silver.events", *WINTER, days=30)
    assert "2 copies there already, now until" in longer.headline
    assert kinds(outcome()) == ["restore", "prolong"]
    assert "past" not in in_tiers.plan().headline and aged.hot.expires("2013-01") is not None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("", *WINTER), "no dataset is named; set it: -p dataset=silver.flights"),
        (("silver.events", "", ""), "no interval is given; set both: -p start=2013-01-01"),
        (("silver.events", "2012-01-01", "2012-02-01"), "silver.events has no partition 2012-01"),
        (("silver.events", "2013-12-01", "2014-01-01"), "2013-12 was never archived"),
        (("silver.events", "2013-02-01", "2013-01-01"), "is empty"),
    ],
)
def test_a_restore_of_what_cannot_be_has_one_sentence(
    in_tiers: Maintenance, given: tuple[str, str, str], found: str
) -> None:
    with pytest.raises(UserError, match=found):
        Maintenance("restore").restore(*given)
    with pytest.raises(UserError, match="days=-1 is no number of days"):
        Maintenance("restore").restore("silver.events", *WINTER, days=-1)


def test_a_clean_lake_has_no_finding(in_tiers: Maintenance, outcome: Callable[[], Any]) -> None:
    job = Maintenance("verify")
    found = job.verify()
    assert found.headline.endswith("in 12 partitions read: every file holds what was written")
    assert {tier: one["partitions"] for tier, one in found.scanned.items()} == {
        "hot": 2,
        "warm": 4,
        "cold": 6,
    }
    found.fail_if_any()
    assert outcome() == {
        "step": "ops.verify",
        "operations": [],
        "notes": [],
        "summary": found.headline,
    }


def flip(file: Path) -> None:
    """One bit, in the middle."""
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_damaged_file_is_named_and_fails_the_run(aged: Aged, in_tiers: Maintenance) -> None:
    (cold,) = (aged.tables.cold / "2013-03").glob("*/*.parquet")
    (warm,) = (aged.tables.warm / "_partition=2013-08").glob("*.parquet")
    flip(cold)
    flip(warm)
    found = Maintenance("verify").verify()
    assert found.state == "failed" and found.scanned["cold"]["damaged"] == 1
    assert found.scanned["hot"]["damaged"] == 0
    assert str(cold.relative_to(aged.settings.lake)) in repr(found)
    with pytest.raises(RunError) as raised:
        found.fail_if_any()
    assert cold.name in raised.value.sentence and warm.name in raised.value.sentence
    assert raised.value.sentence.startswith("2 findings in")


def test_small_files_are_merged(aged: Aged, outcome: Callable[[], Any]) -> None:
    append(aged, 3)
    job = Maintenance("compact")
    planned = job.compact(dry_run=True)
    assert planned.headline.startswith("4 small files (") and outcome()["operations"] == []
    done = job.compact()
    assert done.headline.startswith("4 files merged into 1, ")
    assert done.tables_changed.select("dataset", "tier", "files_before", "files_after").rows() == [
        ("silver.events", "hot", 4, 1)
    ]
    (one,) = outcome()["operations"]
    assert (one["kind"], one["partitions"], one["files"]) == ("compact", ["2013-05"], 4)
    assert job.compact().headline == "no partition has several small files"
    assert job.vacuum().headline == "there was nothing to vacuum"  # its files are too young


def append(aged: Aged, times: int) -> None:
    """Add small files to May."""
    contract = w.make_contract()
    for number in range(times):
        stage = delta.begin_stage(aged.tables.hot, "r")
        rows = pl.DataFrame({"day": [date(2013, 5, 5)], "k": [10_000 + number], "v": ["a"]})
        get_engine("polars").stage(rows, stage, contract, interval=None)
        delta.commit_append(
            aged.tables.hot,
            stage=stage,
            inspection=delta.inspect(stage, contract),
            offsets={"s": number + 1},
            expected_offsets={"s": number or None},
            metadata={},
        )


def test_retention_only_says_what_is_due_unless_it_is_told_to(
    aged: Aged, in_tiers: Maintenance, outcome: Callable[[], Any]
) -> None:
    aged.promise(retention="value: 300, unit: d")
    job = Maintenance("retention", as_of="2014-01-01")
    due = job.retention()
    assert due.headline.startswith("2 partitions past retention on 2014-01-01 would be deleted")
    assert due.expiries["expires"].min().isoformat() == "2013-11-28"
    assert "2013-03" in repr(due) and "deleted" not in by_tier(aged.tiers())
    assert outcome()["operations"] == []
    done = job.retention(dry_run=False)
    assert by_tier(aged.tiers())["deleted"] == ["2013-01", "2013-02"]
    assert done.expiries.height == 10
    assert kinds(outcome()) == ["delete"]
    assert outcome()["operations"][0]["reason"].startswith("past its retention of 300 d")
    assert job.retention(dry_run=False).headline == "nothing is past its retention on 2014-01-01"


def test_a_legal_hold_is_shown_and_kept(aged: Aged, outcome: Callable[[], Any]) -> None:
    aged.promise(retention="value: 300, unit: d", hold=True)
    card = Maintenance("retention", as_of="2014-01-01").retention(dry_run=False)
    assert card.headline == "nothing is past its retention on 2014-01-01"
    assert "and under legal hold" in repr(card) and by_tier(aged.tiers()) == {"hot": list(MONTHS)}


def test_an_erasure_shows_where_the_rows_are_and_then_takes_them(
    aged: Aged, in_tiers: Maintenance, outcome: Callable[[], Any]
) -> None:
    value = aged.rows()["v"][0]
    job = Maintenance("erase")
    planned = job.erase("silver.events", f"v={value}")
    rows = planned.places["rows"].sum()
    assert rows > 0 and "of the subject (by v) would be erased" in planned.headline
    assert outcome()["operations"] == []
    done = job.erase("silver.events", f"v={value}", dry_run=False)
    assert value not in aged.rows()["v"].to_list()
    assert sum(one["rows"] for one in outcome()["operations"]) == rows
    assert {one["from"] for one in outcome()["operations"]} <= {"hot", "warm", "cold"}
    assert "none holds it" in done.headline


def test_the_key_stands_in_no_sentence(aged: Aged, outcome: Callable[[], Any]) -> None:
    job = Maintenance("erase")
    with pytest.raises(UserError) as raised:
        job.erase("silver.events", "k=anna-4711")
    assert "anna" not in raised.value.sentence and "is no int64" in raised.value.sentence
    with pytest.raises(UserError, match="no key is given"):
        job.erase("silver.events", "")
    with pytest.raises(UserError, match="no dataset is named"):
        job.erase("", "k=anna-4711")
