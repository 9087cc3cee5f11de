"""A writer is killed at each point of a write that has a quarantine, and the same write is made
again: what is published and what is set aside are those of an uninterrupted write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_checkout import POSITIVE
from small_lake import Row, SmallLake

from lakebook import delta

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[1]
D1, D2, D3 = "2013-01-01", "2013-01-02", "2013-01-03"
OLD: list[Row] = [(1, D1, 10), (2, D1, -20), (3, D2, 30)]
NEW: list[Row] = [(1, D1, 11), (2, D1, -21), (4, D1, -40), (3, D2, 30), (5, D2, -50)]
SCRIPT = """
import sys
from pathlib import Path
from small_lake import SmallLake
SmallLake(Path(sys.argv[1]), code="two").write(eval(sys.argv[2]), "2013-01-01", "2013-01-03")
"""
# The quarantine's own table comes first, so that a point is passed twice or more.
POINTS = [
    (point, turn)
    for point in delta.FAULT_POINTS
    if point.startswith(("stage", "inspect", "commit", "finish"))
    for turn in (1, 2)
]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], list[tuple[int, int]]]:
    lake = SmallLake(tmp_path_factory.mktemp("calm"))
    prepare(lake)
    output = again(lake)
    assert (output.rows_audited, output.rows_published, output.rows_quarantined) == (5, 2, 3)
    return lake.rows(), lake.quarantined()


def prepare(lake: SmallLake) -> None:
    lake.contract("replace", quality=POSITIVE)
    lake.write(OLD, D1, D3)


def again(lake: SmallLake):
    lake.code = "two"
    return lake.write(NEW, D1, D3)


@pytest.mark.parametrize(("point", "turn"), POINTS)
def test_a_killed_write_is_made_again_with_its_quarantine(
    tmp_path: Path, calm: tuple[list[Row], list[tuple[int, int]]], point: str, turn: int
) -> None:
    lake = SmallLake(tmp_path)
    prepare(lake)
    before = lake.rows(), lake.quarantined()
    script = tmp_path / "write.py"  # a file: pyspark, where it is, ends a `python -c`
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), repr(NEW)],
        env={**os.environ, "PYTHONPATH": str(HERE), "LAKEBOOK_FAULT": f"{point}:{turn}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        assert turn > 1 or point == "commit.before_empty", "the write does not pass this point"
    else:
        assert done.returncode == -9, done.stderr
    assert (lake.rows(), lake.quarantined()) in (before, calm), "readers see one or the other"
    again(lake)
    assert (lake.rows(), lake.quarantined()) == calm
    delta.sweep(lake.table)
    files = {path.relative_to(lake.table).as_posix() for path in lake.table.glob("_part*/*")}
    snapshot = lake.snapshot
    assert files <= snapshot.known_paths and {f.path for f in snapshot.files} <= files
