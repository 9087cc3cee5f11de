"""Quarantined rows: counted, replaced by their own fingerprint only, shown if published, swept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from lakebook.contract.model import Column, Rule, TableContract, TimeColumn
from lakebook.delta import begin_stage, commit_replace, ensure_table, open_snapshot
from lakebook.delta import inspect as inspect_files
from lakebook.engines import get_engine
from lakebook.intervals import Interval
from lakebook.names import Dataset, table_path
from lakebook.quality import FAILED_RULES, audit, flag
from lakebook.quality import quarantine as aside
from lakebook.settings import Settings

YEAR = Interval(date(2013, 1, 1), date(2013, 4, 1))
NOON = [datetime(2013, month, 1, 4, 30) for month in (1, 2, 3)]  # UTC: the day before in New York


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path, lake=tmp_path / "lake")


@pytest.fixture
def contract() -> TableContract:
    return TableContract(
        dataset=Dataset("silver", "flights"),
        path=Path("notebooks/silver/flights.contract.yaml"),
        version="1.0.0",
        description="",
        columns=(
            Column("id", "int64", nullable=False),
            Column("day", "date"),
            Column("x", "int64"),
        ),
        write="replace",
        time=TimeColumn("day", "America/New_York", "month"),
        rules=(
            Rule(
                "x_is_small",
                "expect_column_values_to_be_between",
                {"column": "x", "max_value": 10},
                "quarantine",
                "row",
            ),
        ),
    )


Write = Callable[..., int]


@pytest.fixture
def write(settings: Settings) -> Write:
    """A write as a step does it: audit, set aside, publish what is left; the rows set aside."""

    def run(contract: TableContract, rows: pl.DataFrame, fps: dict[str, int], run_id: str) -> int:
        engine = get_engine("polars")
        frame = nw.from_native(rows.lazy())
        names = [check.name for check in audit(frame, contract).failed("quarantine")]
        flagged = flag(frame, contract, names)
        bad = ~nw.col(FAILED_RULES).is_null()
        interval = YEAR if contract.time else None
        kept_out = aside.publish(
            settings,
            contract,
            flagged.filter(bad),
            engine=engine,
            run_id=run_id,
            fps=fps,
            interval=interval,
        )
        table = table_path(settings.lake, contract.dataset)
        noted = ensure_table(table, contract)
        stage = begin_stage(table, run_id)
        good = flagged.filter(~bad).drop(FAILED_RULES)
        engine.stage(good, stage, contract, interval=interval)
        commit_replace(
            table,
            stage=stage,
            inspection=inspect_files(stage, contract),
            partitions=list(fps),
            noted=noted,
            fps=fps,
            metadata={},
        )
        stage.discard()
        assert kept_out + flagged.filter(~bad).collect().shape[0] == rows.height
        return kept_out

    return run


def shown(settings: Settings, contract: TableContract) -> list[tuple[Any, ...]]:
    table = aside.show(settings, contract).collect().to_arrow()
    columns = ("id", FAILED_RULES, "_run")
    return sorted(zip(*(table[name].to_pylist() for name in columns), strict=True))


def rows(*values: tuple[int, int | None, int]) -> pl.DataFrame:
    """Rows of id, month (None: no date) and x."""
    days = [None if month is None else date(2013, month, 15) for _, month, _ in values]
    return pl.DataFrame(
        {"id": [v[0] for v in values], "day": days, "x": [v[2] for v in values]},
        schema={"id": pl.Int64, "day": pl.Date, "x": pl.Int64},
    )


MONTHS = ("2013-01", "2013-02", "2013-03")


def test_rows_are_kept_by_partition_with_the_rule_and_the_run(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    data = rows((1, 1, 5), (2, 1, 50), (3, 2, 60), (4, 3, 7), (5, None, 70))
    fps = dict(zip((*MONTHS, "null"), (11, -22, 33, 44), strict=True))
    assert write(contract, data, fps, "run-1") == 3
    assert shown(settings, contract) == [
        (2, "x_is_small", "run-1"),
        (3, "x_is_small", "run-1"),
        (5, "x_is_small", "run-1"),
    ]
    assert sorted(aside.partitions(settings, contract)) == ["2013-01", "2013-02", "null"]


def test_a_rerun_replaces_its_own_rows(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    for run in ("run-1", "run-2"):
        write(contract, rows((1, 1, 50), (2, 2, 60)), dict.fromkeys(MONTHS, 11), run)
    assert [row[0] for row in shown(settings, contract)] == [1, 2]


def test_only_rows_of_the_published_fingerprint_are_shown(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    write(contract, rows((1, 1, 50), (2, 2, 60)), dict.fromkeys(MONTHS, 11), "run-1")
    write(contract, rows((1, 1, 5), (2, 2, 61)), dict.fromkeys(MONTHS, 12), "run-2")
    assert shown(settings, contract) == [(2, "x_is_small", "run-2")]
    assert aside.partitions(settings, contract) == ("2013-02",)


def test_a_dataset_without_time_has_a_quarantine_too(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    timeless = replace(contract, time=None, write="snapshot")
    assert write(timeless, rows((1, 1, 50), (2, 2, 6)), {"*": 7}, "run-1") == 1
    assert shown(settings, timeless) == [(1, "x_is_small", "run-1")]
    assert aside.partitions(settings, timeless) == ("*",)


def test_timestamps_are_cut_at_midnight_of_the_contracts_zone(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    hours = replace(
        contract,
        columns=(contract.columns[0], Column("day", "timestamp"), contract.columns[2]),
    )
    data = pl.DataFrame({"id": [1, 2], "day": [NOON[1], NOON[2]], "x": [50, 60]})
    fps = dict(zip(MONTHS, (1, 2, 3), strict=True))
    assert write(hours, data, fps, "run-1") == 2
    assert sorted(aside.partitions(settings, hours)) == ["2013-01", "2013-02"]


def test_nothing_is_shown_where_nothing_was_published(
    settings: Settings, contract: TableContract
) -> None:
    assert shown(settings, contract) == []
    assert aside.sweep(settings, contract) == 0


def test_an_environment_sees_prods_quarantine_until_it_has_its_own_partition(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    write(contract, rows((1, 1, 50)), dict.fromkeys(MONTHS, 11), "run-1")
    assert [row[0] for row in shown(replace(settings, env="ana"), contract)] == [1]


def test_a_sweep_keeps_what_a_kept_version_shows_and_what_is_fresh(
    settings: Settings, contract: TableContract, write: Write
) -> None:
    write(contract, rows((1, 1, 50)), dict.fromkeys(MONTHS, 11), "run-1")
    engine = get_engine("polars")
    abandoned = flag(nw.from_native(rows((9, 1, 90)).lazy()), contract, ["x_is_small"])
    aside.publish(
        settings,
        contract,
        abandoned,
        engine=engine,
        run_id="never-published",
        fps={"2013-01": 99},
        interval=YEAR,
    )
    write(contract, rows((1, 1, 5)), dict.fromkeys(MONTHS, 12), "run-2")
    table = table_path(settings.lake, contract.dataset.quarantine)
    before = open_snapshot(table).rows
    assert before == 2
    assert aside.sweep(settings, contract) == 0  # the run may be about to publish
    assert aside.sweep(settings, contract, now=time.time() + 2 * aside.GRACE_S) == 1
    assert open_snapshot(table).rows == 1  # of run-1, whose version can still be rolled back to
