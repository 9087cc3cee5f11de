"""A write, a sweep, a compaction and a vacuum that die at each point, and are run again."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import delta_worker as w
import pytest
from dying import points_counted

from lakebook import delta
from lakebook.delta import staging
from lakebook.delta.snapshot import partition_folder
from lakebook.intervals import Interval

pytestmark = pytest.mark.slow

QUARTER = Interval.parse("2013-01-01", "2013-04-01")
WRITE = {"op": "write", "start": "2013-01-01", "end": "2013-04-01", "seed": 1, "fp": 2}


def run(table: Path, spec: dict[str, object], fault: str = "") -> int:
    worker = w.Worker(table, spec, fault)
    code = worker.wait()
    assert code in (0, -signal.SIGKILL), worker.complaint
    return code


def no_table(table: Path) -> None:
    """The crash meets the very first write."""


def older_rows(table: Path) -> None:
    w.write(table, w.make_contract(), QUARTER, run="old")


def small_files(table: Path) -> None:
    w.append(table, w.make_contract(), "s", [[1, 2], [3], [4, 5]])


def abandoned(table: Path) -> None:
    older_rows(table)
    assert run(table, WRITE, "commit.before_write") == -signal.SIGKILL


def replaced(table: Path) -> None:
    older_rows(table)
    w.write(table, w.make_contract(), QUARTER, rows=w.make_rows(QUARTER, seed=1), fp=2)


WRITING = ("create.", "stage.", "inspect.", "commit.", "finish.")
SCENARIOS: list[tuple[Callable[[Path], None], dict[str, object], tuple[str, ...]]] = [
    (no_table, WRITE, WRITING),
    (older_rows, WRITE, WRITING[1:]),
    (older_rows, {"op": "widen"}, ("schema.",)),
    (
        small_files,
        {"op": "compact", "sort_by": ["v", "k"]},
        ("stage.after", "compact.", "commit.", "finish."),
    ),
    (abandoned, {"op": "sweep"}, ("sweep.", "commit.")),
    (replaced, {"op": "vacuum"}, ("vacuum.", "commit.")),
]
CASES = [
    pytest.param(prepare, spec, point, id=f"{spec['op']}-{prepare.__name__}-{point}")
    for prepare, spec, prefixes in SCENARIOS
    for point in delta.FAULT_POINTS
    if point.startswith(prefixes)
]


@pytest.mark.parametrize(("prepare", "spec", "point"), CASES)
def test_a_crash_leaves_a_state_from_which_the_same_command_goes_on(
    tmp_path: Path, prepare: Callable[[Path], None], spec: dict[str, object], point: str
) -> None:
    crashed, calm = tmp_path / "crashed", tmp_path / "calm"
    for table in (crashed, calm):
        prepare(table)
    before = delta.open_snapshot(crashed)
    assert run(calm, spec) == 0
    run(crashed, spec, point)
    middle = delta.open_snapshot(crashed)
    if middle.schema is not None:  # a reader sees all of the write or nothing of it
        seen = w.content(crashed)
        assert middle.version <= 0 or seen == w.content(calm) or _same(before, middle)
    assert run(crashed, spec) == 0
    assert w.content(crashed) == w.content(calm)
    delta.sweep(crashed)
    assert w.orphans(crashed) == []
    assert w.content(crashed) == w.content(calm)


def test_a_point_that_one_scenario_does_not_come_to_is_one_of_another(tmp_path: Path) -> None:
    died_at: set[str] = set()
    for prepare, spec, prefixes in SCENARIOS:
        table = tmp_path / f"{prepare.__name__}-{spec['op']}"
        prepare(table)
        with points_counted() as points:
            w.main({**spec, "table": str(table)})
        died_at |= {point for point in points if point.startswith(prefixes)}
    assert set(delta.FAULT_POINTS) - died_at == set()


def test_a_run_that_was_stopped_and_swept_cannot_commit_when_it_wakes(tmp_path: Path) -> None:
    table = tmp_path / "t"
    older_rows(table)
    sleeper = w.Worker(table, {**WRITE, "sleep_s": 1.5})
    deadline = time.monotonic() + 30
    while not list(table.glob("_partition=2013-03/*.parquet"))[1:] and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    sleeper.send(signal.SIGSTOP)
    swept = delta.sweep(table, now=4e9)
    sleeper.send(signal.SIGCONT)
    assert swept.runs == ("run",)
    assert sleeper.wait() != 0
    assert "swept as abandoned" in sleeper.complaint
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(QUARTER))
    assert w.orphans(table) == []


def _same(one: delta.Snapshot, other: delta.Snapshot) -> bool:
    return {f.path for f in one.files} == {f.path for f in other.files}


def test_two_threads_that_open_the_first_two_files_come_to_the_point_of_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older_rows(tmp_path)
    stage = delta.begin_stage(tmp_path, "threads")
    both = threading.Barrier(2)

    def late(*of: object) -> str:
        both.wait(20)
        return partition_folder(*of)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "partition_folder", late)
    with points_counted() as points, ThreadPoolExecutor(2) as engine:
        list(engine.map(stage.file_path, ("2013-01", "2013-02"), (0, 0)))
    assert points["stage.second_file"] == 1
