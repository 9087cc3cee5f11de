"""What a run did is read back from the commits that bear its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import delta_worker as w
import pytest
from tiers import tier_lake as t

from lakebook import delta
from lakebook.names import Dataset, tables_of, tier_tables
from lakebook.run.unsaid import unsaid_operations
from lakebook.tiers.cold.archive import archive
from lakebook.tiers.cold.fall_back import fall_back
from lakebook.tiers.cold.restore import restore
from lakebook.tiers.compaction import plan_compaction, run_compaction
from lakebook.tiers.erasure.erase import erase_rows
from lakebook.tiers.erasure.search import Search
from lakebook.tiers.erasure.subject import parse_subject
from lakebook.tiers.from_log import operations_in_log
from lakebook.tiers.move import move_to_warm
from lakebook.tiers.promote import promote
from lakebook.tiers.retention import delete
from lakebook.tiers.warm import sweep_warm

JANUARY, FEBRUARY, MARCH = t.MONTHS
CONTRACT = w.make_contract()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    t.write(t.tables_at(tmp_path), t.MONTHS, 1)
    return tmp_path


def test_each_kind_with_its_partitions_and_its_way(folder: Path) -> None:
    tables, began = t.tables_at(folder), datetime.now(UTC)
    sizes = {p: delta.open_snapshot(tables.hot).files_in([p]) for p in t.MONTHS}
    two_months = sum(file.size_bytes for p in (JANUARY, FEBRUARY) for file in sizes[p])

    def compact(run: str) -> None:
        for plan in plan_compaction(tables, CONTRACT):
            run_compaction(plan, run=run)

    def retain(run: str) -> None:
        noted = delta.open_snapshot(tables.hot)
        delete(t.settings_at(folder), CONTRACT.dataset, [MARCH], noted=noted, run=run)

    done: dict[str, Callable[[str], object]] = {
        "move": lambda run: move_to_warm(tables, CONTRACT, [JANUARY, FEBRUARY], run=run),
        "compact": compact,
        "promote": lambda run: promote(tables, [FEBRUARY], run=run),
        "archive": lambda run: archive(tables, CONTRACT, [JANUARY], run=run, level=3),
        "restore": lambda run: restore(
            tables, CONTRACT, [JANUARY], to="hot", expires=t.FOREVER, run=run
        ),
        "fall_back": lambda run: fall_back(
            tables, [JANUARY], contract=CONTRACT, now=float("inf"), run=run
        ),
        "erase": lambda run: erase_rows(
            tables, Search(parse_subject(CONTRACT, ["v=1-0", f"k={FIRST_OF_MARCH}"])), run=run
        ),
        "delete": retain,
        "sweep": lambda run: sweep_warm(tables, run=run),
    }
    for kind, act in done.items():
        act(f"run-{kind}")
        act(f"again-{kind}") if kind == "sweep" else None
    found = {
        kind: [
            (one.kind, set(one.partitions), one.source, one.target)
            for one in operations_in_log(tables, f"run-{kind}", began)
        ]
        for kind in done
    }
    assert found == {
        "move": [("move", {JANUARY, FEBRUARY}, "hot", "warm")],
        # Each where it lies: March in hot, whose log does not say so, the others in warm.
        "compact": [
            ("compact", {MARCH}, "", ""),
            ("compact", {JANUARY, FEBRUARY}, "warm", "warm"),
        ],
        "promote": [("promote", {FEBRUARY}, "warm", "hot")],
        "archive": [("archive", {JANUARY}, "", "cold")],
        "restore": [("restore", {JANUARY}, "cold", "hot")],
        "fall_back": [("fall_back", {JANUARY}, "", "cold")],
        "erase": [("erase", {MARCH}, "", "")],
        "delete": [("delete", {MARCH}, "", "deleted")],
        "sweep": [],
    }
    (move,) = operations_in_log(tables, "run-move", began)
    assert (move.files, move.size_bytes, move.rows) == (4, two_months, None)
    assert operations_in_log(tables, "run-move", datetime.now(UTC) + timedelta(seconds=1)) == ()


UNKNOWN_TIER = (
    '{"commitInfo": {"run": "r1", "operation_kind": "move", "timestamp": 9000000000000}}\n'
    '{"txn": {"appId": "placement/x", "version": 7}}'
)


@pytest.mark.parametrize("entry", ["{", "null", UNKNOWN_TIER, ""])
def test_a_damaged_log_keeps_nothing_else_back(folder: Path, entry: str) -> None:
    began, settings = datetime.now(UTC), t.settings_at(folder)
    move_to_warm(t.tables_at(folder), CONTRACT, [JANUARY], run="r1")
    damaged = tier_tables(settings.roots, Dataset("bronze", "others")).hot
    log = damaged / "_delta_log" / f"{0:020}.json"
    log.parent.mkdir(parents=True)
    if entry:
        log.write_text(entry)
    else:
        log.mkdir()  # a folder in its place
    assert damaged in [tier_tables(settings.roots, d).hot for d in tables_of(settings.roots.hot)]
    assert [one["kind"] for one in unsaid_operations(settings, "r1", began)] == ["move"]


FIRST_OF_MARCH = datetime(2013, 3, 1).toordinal() * 10
