"""The profile in a run's record: exact where it can be, silent where it must be."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakebook.contract.model import Column, TableContract
from lakebook.delta import begin_stage, ensure_table
from lakebook.delta import inspect as inspect_files
from lakebook.engines import get_engine
from lakebook.names import Dataset
from lakebook.step import profile as module
from lakebook.step.profile import profile

COLUMNS = (
    Column("id", "int64", nullable=False),
    Column("name", "string"),
    Column("secret", "string", classification="restricted"),
    Column("inner", "float64", classification="confidential"),
    Column("day", "date"),
    Column("at", "timestamp"),
    Column("ratio", "float64"),
    Column("empty", "string"),
    Column("long", "string"),
)
FRAME = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "name": ["b", None, "a", "b"],
        "secret": ["ana", "zoe", "zoe", None],
        "inner": [4.5, 4.5, 7.5, 9.5],
        "day": [date(2013, 1, 1), date(2013, 1, 3), None, None],
        "at": [datetime(2013, 1, 1, 10), datetime(2013, 1, 2, 11), None, None],
        "ratio": [0.0, 0.5, 1.0, float("nan")],
        "empty": pl.Series([None] * 4, dtype=pl.String),
        "long": ["x" * 40, "y", "y", "y"],
    }
)


@pytest.fixture
def profiled(tmp_path: Path) -> dict[str, Any]:
    contract = TableContract(
        Dataset("silver", "events"), tmp_path / "c.yaml", "1", "", COLUMNS, "snapshot"
    )
    table = tmp_path / "table"
    ensure_table(table, contract)
    stage = begin_stage(table, "run")
    engine = get_engine("polars")
    import narwhals as nw

    engine.stage(nw.from_native(FRAME.lazy()), stage, contract, interval=None)
    found = inspect_files(stage, contract)
    rows = engine.scan([str(table / f.path) for f in found.files], contract.arrow_schema())
    return profile(found, contract, rows)


def test_nulls_distinct_values_and_ranges_are_exact(profiled: dict[str, Any]):
    assert profiled["rows"] == 4
    columns = profiled["columns"]
    assert columns["id"] == {"nulls": 0, "distinct": 4, "min": 1, "max": 4}
    assert columns["name"] == {"nulls": 1, "distinct": 2, "min": "a", "max": "b"}
    assert columns["empty"] == {"nulls": 4, "distinct": 0, "min": None, "max": None}
    assert (columns["day"]["min"], columns["day"]["max"]) == ("2013-01-01", "2013-01-03")
    assert columns["at"]["min"] == "2013-01-01T10:00:00.000"
    assert columns["at"]["max"] == "2013-01-02T11:00:00.000"


def test_classified_columns_have_counts_and_no_values(profiled: dict[str, Any]):
    assert profiled["columns"]["secret"] == {"nulls": 1, "distinct": 2, "min": None, "max": None}
    assert profiled["columns"]["inner"] == {"nulls": 0, "distinct": 3, "min": None, "max": None}
    text = json.dumps(profiled)
    assert "ana" not in text and "9.5" not in text


def test_a_range_that_is_not_known_whole_is_left_out(profiled: dict[str, Any]):
    for name in ("long", "ratio"):  # a text that statistics cut, numbers with NaN
        assert profiled["columns"][name]["min"] is None
        assert profiled["columns"][name]["max"] is None


def test_it_is_plain_json(profiled: dict[str, Any]):
    assert json.loads(json.dumps(profiled, allow_nan=False)) == profiled


def test_distinct_values_of_a_large_result_are_not_counted(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    monkeypatch.setattr(module, "DISTINCT_CELLS", 35)  # it has 36
    profiled = request.getfixturevalue("profiled")
    assert {one["distinct"] for one in profiled["columns"].values()} == {None}
    assert profiled["columns"]["id"]["max"] == 4
