"""A write's memory is bounded: eight times the rows do not take eight times the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_checkout import POSITIVE
from small_lake import SmallLake

pytestmark = pytest.mark.slow

TEXT = "      - {name: note, logicalType: string, physicalType: string}\n"
PROGRAM = """
import resource, sys
from pathlib import Path
import polars as pl
from small_lake import SmallLake
lake, rows = SmallLake(Path(sys.argv[1])), int(sys.argv[2])
step = lake.open("2013-01-01", "2013-01-09")
seconds = pl.col("j") * 86400 * 8 // (rows // 1000)
frame = pl.LazyFrame({"i": range(1000)}).join(
    pl.LazyFrame({"j": range(rows // 1000)}), how="cross"
).select(
    id=pl.col("i") * 1_000_000 + pl.col("j"),
    seen=pl.datetime(2013, 1, 1) + pl.duration(seconds=seconds),
    amount=pl.col("i") - 1,  # one in a thousand is refused
    note=pl.format("{} of {}, and {} more", "i", "j", pl.col("i") * pl.col("j")),
)
output = step.write(frame).output
assert output.rows_audited == rows and output.rows_quarantined == rows // 1000, output
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mb(folder: Path, rows: int) -> int:
    folder.mkdir()
    SmallLake(folder).contract("replace", columns=TEXT, quality=POSITIVE)
    code = [sys.executable, "-c", PROGRAM, str(folder), str(rows)]
    tests = Path(__file__).parents[1]
    done = subprocess.run(code, capture_output=True, text=True, cwd=tests, timeout=250)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def test_a_write_with_a_quarantine_streams(tmp_path: Path) -> None:
    """16 million rows are 1.1 GB in memory; a stream of them holds open files and a few batches."""
    few, many = peak_mb(tmp_path / "few", 2_000_000), peak_mb(tmp_path / "many", 16_000_000)
    assert many < few + 500, f"{few} MB for 2 M rows, {many} MB for 16 M"
