"""Two maintenance runs at once, and one beside a backfill of the same partitions; many rounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tiers import tier_checks as c
from tiers import tier_lake as t
from tiers.tier_worker import Worker

from lakebook import delta

pytestmark = pytest.mark.slow

ROUNDS = 25
MAINTAIN: t.Spec = {"op": "maintain"}


def at_once(folder: Path, *specs: t.Spec) -> None:
    """Run operations from the same moment on; all must end well."""
    barrier = folder / f"go-{time.monotonic_ns()}"
    running = [Worker(folder, {**spec, "barrier": str(barrier)}) for spec in specs]
    while len(list(folder.glob(f"{barrier.name}.*"))) < len(specs):
        time.sleep(0.001)
    barrier.touch()
    for worker in running:
        assert worker.wait() == 0, worker.complaint
    c.check_complete(t.tables_at(folder))


def places(folder: Path) -> set[str]:
    hot = delta.open_snapshot(t.tables_at(folder).hot)
    return {hot.place(month).tier for month in t.MONTHS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    t.write(t.tables_at(tmp_path), t.MONTHS, 1)
    return tmp_path


def test_two_maintenance_runs_at_once_end_in_one_place(folder: Path) -> None:
    tables = t.tables_at(folder)
    rows = {month: delta.open_snapshot(tables.hot).data(month) for month in t.MONTHS}
    for _ in range(ROUNDS):
        at_once(folder, MAINTAIN, MAINTAIN)
        t.operate(folder, MAINTAIN)  # what one of them left to the other
        assert places(folder) == {"warm"}
        c.check_tidy(tables)
        at_once(folder, {"op": "promote"}, {"op": "promote"}, {"op": "sweep"})
        t.operate(folder, {"op": "promote"})
        assert places(folder) == {"hot"}
        t.operate(folder, {"op": "vacuum"})
        c.check_complete(tables)
    assert {m: delta.open_snapshot(tables.hot).data(m) for m in t.MONTHS} == rows


@pytest.mark.parametrize("start", ["hot", "warm"])
def test_maintenance_beside_a_backfill_ends_in_one_place_with_its_rows(
    folder: Path, start: str
) -> None:
    tables = t.tables_at(folder)
    for number in range(2, 2 + ROUNDS):
        t.operate(folder, {"op": "move" if start == "warm" else "promote"})
        assert places(folder) == {start}
        at_once(folder, MAINTAIN, {"op": "write", "number": number})
        check_written(folder, number)
        t.operate(folder, MAINTAIN)
        c.check_complete(tables)
        c.check_tidy(tables)
        assert places(folder) == {"warm"}
        check_written(folder, number)


def check_written(folder: Path, number: int) -> None:
    tables = t.tables_at(folder)
    whole = delta.open_whole(tables.hot, tables.warm)
    for month in t.MONTHS:
        paths = [whole.table / file.path for file in whole.by_partition[month]]
        assert c.number_of(month, paths) == number
