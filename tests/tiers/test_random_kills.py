"""300 processes killed at a random moment, while others work and read beside them.

A short run takes a few of them.
"""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sampling
from tiers import tier_checks as c
from tiers import tier_lake as t
from tiers.tier_worker import Worker

from lakebook import delta
from lakebook.delta.disk import put

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KILLS, PARTS, SEEDS = 300, 6, 1000
OF_A_PART = sampling.examples(12, KILLS // PARTS)
WRITTEN = (c.TOGETHER, t.MONTHS[2:])  # what a write replaces in one commit
OPERATIONS = (
    *("move", "promote", "write", "write", "archive", "restore"),
    *("fall_back", "delete", "compact", "sweep", "move"),
)
# Where a month must not lie any more after an operation that ran to its end with nobody beside it.
LEFT = {
    "move": ("hot",),
    "promote": ("warm",),
    "archive": ("hot", "warm"),
    "restore": ("cold",),
    "delete": ("hot", "warm", "cold"),
}


def random_spec(chance: random.Random, number: int, *, writes: bool = True) -> t.Spec:
    op = chance.choice([o for o in OPERATIONS if writes or o != "write"])
    if op == "delete":
        return {"op": op, "months": t.MONTHS[2:], "number": number}
    months = chance.choice(WRITTEN) if op == "write" else _some(chance)
    to = chance.choice(("warm", "hot"))
    return {"op": op, "months": months, "number": number, "to": to}


def _some(chance: random.Random) -> list[str]:
    return sorted(chance.sample(t.MONTHS, chance.randint(1, len(t.MONTHS))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "floors").mkdir()
    for months in WRITTEN:
        t.write(t.tables_at(tmp_path), months, 1)
    return tmp_path


@pytest.fixture
def readers(folder: Path) -> Iterator[list[Worker]]:
    stop = folder / "stop"
    running = [Worker(folder, {"op": "read", "stop": str(stop)}) for _ in range(2)]
    yield running
    stop.touch()
    for reader in running:
        assert reader.wait() == 0, reader.complaint


@pytest.mark.soak
@pytest.mark.parametrize("part", sampling.chosen(range(PARTS), 2, "random kills"))
def test_no_reader_sees_a_row_missing_or_twice_and_every_rerun_converges(
    folder: Path, readers: list[Worker], part: int
) -> None:
    seeds = itertools.count(part * SEEDS)
    kill_many(folder, readers, seeds, OF_A_PART)


def kill_many(folder: Path, readers: list[Worker], seeds: Iterator[int], kills: int) -> None:
    """Kill operations until so many died before they ended; what must hold is checked after each.

    That the fences are needed is shown by `test_interleaved`, which takes each out.
    """
    tables = t.tables_at(folder)
    killed = 0
    for number in itertools.count():
        if killed == kills:
            return
        seed = next(seeds)
        chance = random.Random(seed)
        spec = random_spec(chance, number + 2) | {"dawdle": seed}
        killed += kill_one(folder, spec, chance) == -signal.SIGKILL
        again = Worker(folder, {k: v for k, v in spec.items() if k != "dawdle"})
        assert again.wait() == 0, f"seed {seed}: {again.complaint}"
        c.check_complete(tables)
        check_converged(folder, spec)
        assert [r.complaint for r in readers if r.complaint] == [], f"seed {seed}"
        if number % 10 == 9:
            t.operate(folder, {"op": "sweep"})
            c.check_complete(tables)
            c.check_tidy(tables)


def kill_one(folder: Path, spec: t.Spec, chance: random.Random) -> int:
    """Start an operation, perhaps another beside it, and kill the first; its exit code."""
    barrier = folder / f"go-{spec['number']}"
    victim = Worker(folder, {**spec, "barrier": str(barrier)})
    others = []
    if chance.random() < 0.8:
        beside = random_spec(chance, spec["number"], writes=spec["op"] != "write")
        beside["dawdle"] = spec["dawdle"]
        others.append(Worker(folder, {**beside, "barrier": str(barrier)}))
    while len(list(folder.glob(f"{barrier.name}.*"))) < 1 + len(others):
        time.sleep(0.001)
    barrier.touch()
    time.sleep(chance.uniform(0, 0.25))
    victim.kill()
    for other in others:
        assert other.wait() == 0 or other.is_told, other.complaint
    return victim.wait()


def check_converged(folder: Path, spec: t.Spec) -> None:
    hot = delta.open_snapshot(t.tables_at(folder).hot)
    if spec["op"] == "write":
        assert [hot.fp(month) for month in spec["months"]] == [spec["number"]] * len(spec["months"])
        for month in spec["months"]:
            put(folder / "floors" / month, str(spec["number"]).encode())
    elif spec["op"] in LEFT:
        left = [m for m in spec["months"] if hot.place(m).tier in LEFT[spec["op"]]]
        assert left == [], f"after {spec}"
