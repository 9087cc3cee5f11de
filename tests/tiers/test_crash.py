"""Changes of place that die at the points they come to, and are run again.

`make soak` takes every point of every case; else a case takes some of its points, by the commit.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sampling
from dying import points_counted
from tiers import tier_checks as c
from tiers import tier_lake as t
from tiers.tier_starts import SCENARIOS, everywhere, restored_to_hot, run, stale_in_cold
from tiers.tier_worker import Worker

from lakebook.delta import faults

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(1800)]

_SHORT = 10


def points_of(folder: Path, spec: t.Spec) -> list[str]:
    """Points that the operation comes to, each time that it does; the folder is used up."""
    worker = Worker(folder, spec, "none")
    assert worker.wait() == 0, worker.complaint
    points = [f"{p}:{turn}" for p, turns in worker.points.items() for turn in range(1, turns + 1)]
    return sampling.chosen(points, _SHORT, f"{spec} {len(points)}")


def deaths(start: Path, spec: t.Spec, points: list[str]) -> Iterator[tuple[str, Path]]:
    """For each point a lake in which the operation died there; it is gone afterwards."""
    for point in points:
        crashed = start.with_name(point)
        shutil.copytree(start, crashed)
        assert run(crashed, spec, point) == -signal.SIGKILL, point
        yield point, crashed
        shutil.rmtree(crashed)


@pytest.mark.parametrize(
    ("prepare", "spec"), SCENARIOS, ids=[f"{s['op']} {p.__name__}" for p, s in SCENARIOS]
)
def test_after_a_crash_at_any_point_the_rows_are_there_and_the_same_command_goes_on(
    tmp_path: Path, prepare: Callable[[Path], None], spec: t.Spec
) -> None:
    start, calm = tmp_path / "start", tmp_path / "calm"
    prepare(start)
    before = c.state(t.tables_at(start))
    shutil.copytree(start, calm)
    points = points_of(calm, spec)
    assert points
    expected = c.state(t.tables_at(calm))
    for point, crashed in deaths(start, spec, points):
        tables = t.tables_at(crashed)
        c.check_complete(tables)
        rows = c.state(tables)["rows"]
        assert rows in (before["rows"], expected["rows"]), f"{point}: half of a write"
        assert run(crashed, spec) == 0
        c.check_complete(tables)
        assert c.state(tables) == expected, point
        t.operate(crashed, {"op": "sweep"})
        c.check_complete(tables)
        c.check_tidy(tables)
        assert c.state(tables) == expected, point


# The subject is a row of each day in what the first write made.
ERASE: t.Spec = {"op": "erase", "keys": ("v=1-0",)}
ERASED = [everywhere, restored_to_hot, stale_in_cold]


@pytest.mark.parametrize("prepare", ERASED)
def test_after_a_crash_at_any_point_an_erasure_is_finished_by_the_same_command(
    tmp_path: Path, prepare: Callable[[Path], None]
) -> None:
    start, calm = tmp_path / "start", tmp_path / "calm"
    prepare(start)
    shutil.copytree(start, calm)
    before = c.state(t.tables_at(start))["rows"]
    points = points_of(calm, ERASE)
    expected = c.state(t.tables_at(calm))["rows"]
    assert expected != before
    for point, crashed in deaths(start, ERASE, points):
        tables = t.tables_at(crashed)
        c.check_complete(tables)
        for token, rows in c.state(tables)["rows"].items():
            assert rows in (before[token], expected[token]), f"{point}: {token}"
        assert run(crashed, ERASE) == 0  # and the proof that nothing is left is part of it
        c.check_complete(tables)
        assert c.state(tables)["rows"] == expected, point
        for op in ("sweep", "vacuum"):  # it leaves files without rows of the subject to them
            t.operate(crashed, {"op": op})
        c.check_complete(tables)
        c.check_tidy(tables)


def test_a_point_that_one_case_does_not_come_to_is_one_of_another(tmp_path: Path) -> None:
    passed: set[str] = set()
    for n, (prepare, spec) in enumerate([*SCENARIOS, *((start, ERASE) for start in ERASED)]):
        prepare(folder := tmp_path / str(n))
        with points_counted() as points:
            t.operate(folder, spec)
        passed |= set(points)
    assert set(faults.TIER_POINTS) - passed == set()
