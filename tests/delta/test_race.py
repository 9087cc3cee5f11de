"""Real processes on one table at a time: nothing lost, nothing doubled, and the fence is why."""

from __future__ import annotations

import time
from pathlib import Path

import delta_worker as w
import pytest

from lakebook import delta
from lakebook.delta import compaction
from lakebook.intervals import Interval

pytestmark = pytest.mark.slow

YEAR = Interval.parse("2013-01-01", "2014-01-01")
JANUARY = Interval.parse("2013-01-01", "2013-02-01")


def race(table: Path, *specs: dict[str, object], fence: bool = True) -> list[str]:
    """Start all at the same moment; return what those that failed raised."""
    barrier = table.parent / f"go-{time.monotonic_ns()}"
    barrier.parent.mkdir(parents=True, exist_ok=True)
    running = [w.Worker(table, {**spec, "barrier": str(barrier), "fence": fence}) for spec in specs]
    deadline = time.monotonic() + 60
    while len(list(barrier.parent.glob(f"{barrier.name}.*"))) < len(specs):
        assert time.monotonic() < deadline, "a process did not reach the start"
        time.sleep(0.01)
    barrier.touch()
    return [worker.complaint for worker in running if worker.wait() != 0]


def one_write(table: Path, interval: Interval, unit: str = "month") -> dict[str, object]:
    w.write(table, w.make_contract(unit), interval)
    return w.content(table)


def test_six_creators_make_one_table(table: Path) -> None:
    failed = race(table, *[{"op": "create"}] * 6)
    assert failed == []
    assert delta.open_snapshot(table).version == 0
    assert len(list((table / "_delta_log").iterdir())) == 1


def test_two_runs_of_one_interval_end_as_one(table: Path, tmp_path: Path) -> None:
    spec = {"op": "write", "start": "2013-01-01", "end": "2014-01-01"}
    assert race(table, spec, spec) == []
    assert w.content(table) == one_write(tmp_path / "calm", YEAR)
    assert w.orphans(table) == []


@pytest.mark.parametrize("longer", [JANUARY, YEAR], ids=["a month", "a year"])
def test_a_run_of_many_days_beside_day_runs_both_finish(
    table: Path, tmp_path: Path, longer: Interval
) -> None:
    days = [
        {"op": "write", "unit": "day", "start": f"2013-01-{d:02}", "end": f"2013-01-{d + 1:02}"}
        for d in (3, 4, 5)
    ]
    long = {"op": "write", "unit": "day", "start": str(longer.start), "end": str(longer.end)}
    assert race(table, {**long, "sleep_s": 0.3}, *days) == []
    assert w.content(table) == one_write(tmp_path / "calm", longer, "day")


def test_writers_of_different_months_lose_nothing(table: Path) -> None:
    months = [str(piece.start) for piece in YEAR.split("month")][:4]
    ends = [str(piece.end) for piece in YEAR.split("month")][:4]
    specs = [
        {"op": "write", "start": s, "end": e, "seed": n, "fp": n + 1}
        for n, (s, e) in enumerate(zip(months, ends, strict=True))
    ]
    assert race(table, *specs) == []
    snapshot = delta.open_snapshot(table)
    assert [snapshot.fp(p) for p in snapshot.partitions] == [1, 2, 3, 4]
    assert snapshot.rows == 3 * (31 + 28 + 31 + 30)


MERGED = [0, 1, 10, 11, 20, 21, 99]


def merging(table: Path, *, fence: bool) -> list[int]:
    """Keys that are there after three processes added some each, read-modify-write."""
    contract = w.make_contract()
    old = w.make_rows(JANUARY).head(1).with_columns(k=w.pl.lit(99, dtype=w.pl.Int64))
    w.write(table, contract, JANUARY, rows=old)
    specs: list[dict[str, object]] = [
        {"op": "merge", "keys": [10 * n, 10 * n + 1]} for n in range(3)
    ]
    assert race(table, *specs, fence=fence) == []
    return w.read(delta.open_snapshot(table))["k"].to_list()


def test_merges_beside_each_other_keep_all_keys(table: Path) -> None:
    assert merging(table, fence=True) == MERGED


def test_a_compaction_beside_a_write_and_another_doubles_nothing(table: Path) -> None:
    w.append(table, w.make_contract(), "s", [[n] for n in range(6)])
    specs: list[dict[str, object]] = [
        {"op": "write", "seed": 5, "fp": 5},
        {"op": "compact", "times": 8, "sleep_s": 0.03},
        {"op": "compact", "times": 8, "sleep_s": 0.02},
    ]
    assert race(table, *specs) == []
    assert w.read(delta.open_snapshot(table)).equals(w.make_rows(JANUARY, seed=5))


def test_a_compaction_beside_appends_loses_nothing(table: Path) -> None:
    batches = [[[source * 100 + n] for n in range(8)] for source in range(2)]
    specs: list[dict[str, object]] = [
        {"op": "append", "source": f"s{n}", "batches": batch} for n, batch in enumerate(batches)
    ]
    delta.ensure_table(table, w.make_contract())
    assert race(table, *specs, {"op": "compact", "times": 15, "sleep_s": 0.02}) == []
    expected = sorted(key for batch in batches for keys in batch for key in keys)
    assert w.read(delta.open_snapshot(table))["k"].to_list() == expected
    snapshot = delta.open_snapshot(table)
    whole = table.with_name("whole")
    w.write(whole, w.make_contract(), JANUARY, rows=w.read(snapshot))
    assert snapshot.data("2013-01") == delta.open_snapshot(whole).data("2013-01")


def test_a_sweep_beside_runs_takes_nothing_that_is_needed(table: Path, tmp_path: Path) -> None:
    spec = {"op": "write", "start": "2013-01-01", "end": "2014-01-01", "sleep_s": 0.2}
    assert race(table, spec, *[{"op": "sweep"}] * 3) == []
    assert w.content(table) == one_write(tmp_path / "calm", YEAR)


def test_without_the_fence_the_merges_double_rows(table: Path) -> None:
    """The proof that the tests above can fail: the same race, with the fence taken out."""
    for attempt in range(5):
        keys = merging(table.with_name(f"t{attempt}"), fence=False)
        if keys != MERGED:
            return
    pytest.fail("three unfenced merges kept every row once, five times")


def test_without_the_fence_a_compaction_brings_old_rows_back(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one process, at the moment that a race would have to hit: a write inside a compaction."""
    contract = w.make_contract()
    rows = {}
    for fenced in (True, False):
        target = table.with_name(f"fenced-{fenced}")
        w.append(target, contract, "s", [[1], [2]])
        real = compaction.rewrite

        def rewrite(*args: object, real: object = real, target: Path = target) -> object:
            new = real(*args)  # type: ignore[operator]
            w.write(target, contract, JANUARY)
            return new

        with monkeypatch.context() as patch:
            patch.setattr(compaction, "rewrite", rewrite)
            if not fenced:
                patch.setattr(compaction.commit, "fence_stands", lambda *_: True)
            delta.compact(target)
        rows[fenced] = delta.open_snapshot(target).rows
    assert rows == {True: 93, False: 95}
