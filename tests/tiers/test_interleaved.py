"""Other operations run, whole, at each point of an operation: the real thing, step against step.

What `test_model` explores in a model is done here to tables, for one interruption of each kind.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from dying import points_counted
from tiers import tier_checks as c
from tiers import tier_lake as t

from lakebook.delta import faults
from lakebook.errors import ConflictError, StorageError

MONTH = t.MONTHS[:1]
POINTS = ("move.", "promote.", "warm_sweep.", "archive.", "restore.", "commit.before_write")

# How the partition lies at first: the operations that bring it there.
STARTS: dict[str, tuple[str, ...]] = {
    "hot": ("write",),
    "warm": ("write", "move"),
    "hot, older in warm": ("write", "move", "write"),
    "cold": ("write", "archive"),
    "warm, restored": ("write", "archive", "restore"),
}
FIRST = {
    "hot": ("move", "archive", "write"),
    "warm": ("promote", "archive", "write"),
    "hot, older in warm": ("move", "archive", "sweep"),
    "cold": ("restore", "write", "sweep"),
    "warm, restored": ("fall_back", "archive", "promote"),
}
BETWEEN: tuple[tuple[str, ...], ...] = (
    ("write",),
    ("move",),
    ("promote",),
    ("sweep",),
    ("write", "move"),
    ("promote", "move"),
    ("write", "sweep"),
    ("promote", "sweep"),
    ("write", "move", "write"),
    ("write", "move", "promote"),
    ("move", "write", "move"),
    ("archive",),
    ("restore",),
    ("fall_back",),
    ("write", "archive"),
    ("write", "archive", "restore"),
    ("move", "write", "archive"),
)
FEW = (("write",), ("write", "move"))

_numbers = itertools.count(100)


def do(folder: Path, *operations: str) -> None:
    for op in operations:
        spec = {"op": op, "months": MONTH, "number": next(_numbers)}
        t.operate(folder, spec)


def passing(
    monkeypatch: pytest.MonkeyPatch, run: Callable[[], None], point: str, then: Callable[[], None]
) -> dict[str, int]:
    """Run something, and `then` when it comes to a point; how often it came to each."""
    kill = os.kill

    def reached(pid: int, number: int) -> None:
        if number != signal.SIGKILL or pid != os.getpid():
            return kill(pid, number)
        os.environ[faults.VARIABLE] = "none"
        then()

    with points_counted() as points, monkeypatch.context() as patch:
        patch.setattr(os, "kill", reached)
        patch.setenv(faults.VARIABLE, point)
        run()
        return dict(points)


def walk(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    first: str,
    between: tuple[tuple[str, ...], ...],
) -> int:
    """Interrupt one operation at each of its points by each of the others; how many there were."""
    prepared, calm = folder / "start", folder / "calm"
    do(prepared, *STARTS[start])
    shutil.copytree(prepared, calm)
    came = passing(monkeypatch, lambda: do(calm, first), "none", lambda: None)
    points = [
        f"{p}:{turn}"
        for p, turns in came.items()
        for turn in range(1, turns + 1)
        if p.startswith(POINTS)
    ]
    for point, others in itertools.product(points, between):
        here = folder / f"{point} {'-'.join(others)}"
        shutil.copytree(prepared, here)
        interrupt(here, monkeypatch, first, point, others)
        shutil.rmtree(here)
    return len(points) * len(between)


def interrupt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, first: str, point: str, others: tuple[str, ...]
) -> None:
    tables = t.tables_at(folder)
    done = []

    def then() -> None:
        do(folder, *others)
        c.check_complete(tables)
        c.check_files(tables)
        done.append(point)

    def run() -> None:
        with contextlib.suppress(ConflictError):
            do(folder, first)

    passing(monkeypatch, run, point, then)
    assert done, f"it does not come to {point} again"
    c.check_complete(tables)
    c.check_files(tables)
    t.operate(folder, {"op": "sweep"})
    c.check_complete(tables)
    c.check_tidy(tables)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("start", "first"), [(start, first) for start, all_ in FIRST.items() for first in all_]
)
def test_rows_are_there_once_whatever_comes_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, first: str
) -> None:
    walk(tmp_path, monkeypatch, start, first, BETWEEN)


def test_a_move_that_is_overtaken_at_any_point_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert walk(tmp_path, monkeypatch, "hot", "move", FEW) >= 12


def test_an_archive_that_is_overtaken_leaves_no_older_rows_in_warm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert walk(tmp_path, monkeypatch, "hot", "archive", (("move", "write"),)) >= 8


@pytest.mark.parametrize("fence", ["hot", "warm"])
def test_without_a_fence_the_same_walk_finds_rows_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fence: str
) -> None:
    module = importlib.import_module(
        {"hot": "lakebook.tiers.placing", "warm": "lakebook.tiers.warm"}[fence]
    )
    monkeypatch.setattr(module, "fence_stands", lambda noted, now, partition: True)
    with pytest.raises((AssertionError, StorageError), match=r"other rows|not there"):
        walk(tmp_path, monkeypatch, "hot", "move", FEW)
