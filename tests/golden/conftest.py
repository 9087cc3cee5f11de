"""A lake of a few rows per case: CSV files in, the step's notebook by the real run, rows out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lakebook.contract.lookup import find_table
from lakebook.contract.model import Column
from lakebook.intervals import WHOLE, Interval
from lakebook.names import Dataset, table_path
from lakebook.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
FILLED: dict[str, Any] = {
    "string": "-", "int64": 0, "int32": 0, "float64": 0.0, "boolean": False,
    "date": datetime(2013, 1, 1).date(), "timestamp": datetime(2013, 1, 1),
}  # fmt: skip
"""What a required column holds that a case leaves out because it does not matter there."""


@dataclass(frozen=True)
class Lake:
    """Tables of one case."""

    settings: Settings

    def put(self, dataset: Dataset, file: Path) -> None:
        """Write the rows of a CSV file as a table; a column that is left out is null or filled."""
        import narwhals as nw
        import polars as pl

        from lakebook.delta import begin_stage, commit_replace, ensure_table, inspect, open_snapshot
        from lakebook.engines import get_engine

        contract = find_table(self.settings, dataset)
        header, *rows = read_csv(file)
        unknown = set(header) - set(contract.names)
        assert not unknown, f"{file}: {dataset} has no column {sorted(unknown)}"
        given = [dict(zip(header, row, strict=True)) for row in rows]
        schema = pl.DataFrame(contract.arrow_schema().empty_table()).schema
        values = [[_value(row, c) for c in contract.columns] for row in given]
        frame = pl.DataFrame(values, schema=schema, orient="row", strict=False)
        table = table_path(self.settings.lake, dataset)
        noted = ensure_table(table, contract)
        stage = begin_stage(table, "golden")
        engine = get_engine("polars")
        engine.stage(nw.from_native(frame.lazy()), stage, contract, interval=None)
        found = inspect(stage, contract)
        commit_replace(
            table,
            stage=stage,
            inspection=found,
            partitions=found.partitions or (WHOLE,),
            noted=noted,
            fps={},
            metadata={"run": "golden"},
        )
        assert open_snapshot(table).rows == len(rows)

    def run(self, step: Dataset, interval: Interval | None) -> Any:
        """Execute the step's notebook as `lakebook run` does."""
        from lakebook.graph import load_graph
        from lakebook.run.single import run_once

        return run_once(self.settings, load_graph(self.settings).steps[step], interval, {})

    def rows(self, dataset: Dataset, columns: list[str]) -> list[tuple[str, ...]]:
        """All published rows as texts, in the order of the file they are compared with."""
        import polars as pl

        from lakebook.delta import open_snapshot

        paths = open_snapshot(table_path(self.settings.lake, dataset)).paths()
        frame = pl.read_parquet(paths, hive_partitioning=False, missing_columns="insert")
        return [tuple(_text(value) for value in row) for row in frame.select(columns).iter_rows()]


def read_csv(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return [row for row in csv.reader(opened) if row]


def _value(row: dict[str, str], column: Column) -> Any:
    text = row.get(column.name)
    if text is None and not column.nullable:
        return FILLED[column.type]
    if not text:
        return None
    if column.type in ("int64", "int32"):
        return int(text)
    if column.type == "float64":
        return float(text)
    if column.type == "boolean":
        return {"true": True, "false": False}[text]
    if column.type in ("date", "timestamp"):
        moment = datetime.fromisoformat(text)
        return moment.date() if column.type == "date" else moment
    return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


@pytest.fixture
def lake(tmp_path: Path, caches: Path) -> Lake:
    settings = replace(load_settings(ROOT), lake=tmp_path / "lake", env="prod")
    settings.lake.mkdir()
    # What contracts, notebooks and models were parsed to is the same for every case.
    settings.state.symlink_to(caches, target_is_directory=True)
    return Lake(settings)


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("caches")
