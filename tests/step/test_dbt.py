"""dbt inside a step: what models see, what is published, and what a failure says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from lakebook.engines import get_engine
from lakebook.engines.duckdb_input import Input
from lakebook.errors import LakebookError, RunError, UserError
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.settings import Settings
from lakebook.step.dbt_plugin import open_session
from lakebook.step.dbt_run import Cards, run_selection

REPO = Path(__file__).resolve().parents[2]
SCHEMA = pa.schema([("day", pa.date32()), ("n", pa.int64()), ("gained", pa.string())])
EVENTS = Dataset("silver", "events")
TOTAL = Dataset("gold", "total")

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: silver.events
name: silver.events
version: 1.0.0
status: active
domain: tests
tags: [events]
description: {purpose: Events of the tests.}
team: {name: tests, members: [{username: owner@example.org, role: owner}]}
slaProperties: [{property: latency, value: 24, unit: h}]
schema:
  - name: events
    logicalType: object
    physicalType: table
    description: One row per event.
    customProperties:
      - {property: write, value: replace}
      - {property: timeColumn, value: day}
      - {property: timeZone, value: UTC}
      - {property: partitionUnit, value: month}
    properties:
      - {name: day, logicalType: date, physicalType: date}
      - {name: n, logicalType: integer, physicalType: int64}
      - {name: gained, logicalType: string, physicalType: string}
"""
YAML = """\
version: 2
sources:
  - {name: silver, schema: silver, tables: [{name: events}]}
models:
  - name: total
    columns:
      - {name: n, data_type: bigint, data_tests: [not_null]}
  - name: doubled
    columns:
      - {name: n, data_type: bigint}
"""


@dataclass
class Host:
    """A step whose tables are files, and that notes what it is given to write."""

    settings: Settings
    files: list[str]
    interval: Interval | None = None
    step: Dataset = TOTAL
    engine: Any = field(default_factory=lambda: get_engine("polars"))
    written: dict[str, list[Any]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    withheld: dict[str, list[str]] = field(default_factory=dict)

    def note_checks(self, checks: list[dict[str, Any]]) -> None:
        self.checks.extend(checks)

    def dataset_files(
        self, dataset: Dataset, *, whole: bool = False
    ) -> tuple[list[str], pa.Schema]:
        assert dataset == EVENTS
        return self.files, SCHEMA

    def write(self, frame: Any, table: Dataset) -> Dataset:
        self.written[str(table)] = frame.collect()["n"].to_list()
        return table


@pytest.fixture
def host(tmp_path: Path) -> Host:
    contract = tmp_path / "notebooks" / "silver" / "events.contract.yaml"
    contract.parent.mkdir(parents=True)
    contract.write_text(CONTRACT)
    for name in ("dbt_project.yml", "profiles.yml", "macros/lakebook.sql"):
        target = tmp_path / "dbt" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((REPO / "dbt" / name).read_text())
    models = tmp_path / "dbt" / "models"
    models.mkdir()
    (models / "models.yml").write_text(YAML)
    (models / "total.sql").write_text(
        """select cast(sum(n) as bigint) as n from {{ source("silver", "events") }}"""
    )
    (models / "doubled.sql").write_text("""select 2 * n as n from {{ ref("total") }}""")
    path = tmp_path / "_partition=2013-01" / "old file's.parquet"
    path.parent.mkdir()
    days = [date(2013, 1, 1), date(2013, 1, 9), None]
    pl.DataFrame({"day": days, "n": [1, 10, 100]}).write_parquet(path)
    return Host(Settings(tmp_path, tmp_path / "lake"), [str(path)])


def rows(each: Input) -> list[tuple[Any, ...]]:
    connection = duckdb.connect()
    connection.execute("create schema silver")
    connection.execute(each.view_sql())
    return connection.sql("select n, gained from silver.events order by n").fetchall()


def test_a_column_that_older_files_lack_is_null_and_the_partition_is_no_column(host: Host) -> None:
    assert rows(Input(EVENTS, host.files, SCHEMA)) == [(1, None), (10, None), (100, None)]


def test_a_table_without_files_is_an_empty_view_with_its_columns() -> None:
    assert rows(Input(EVENTS, [], SCHEMA)) == []


def test_models_that_build_together_are_written_in_their_order(host: Host) -> None:
    cards = run_selection(host, "doubled total")
    assert cards == Cards((TOTAL, Dataset("gold", "doubled")))
    assert host.written == {"gold.total": [111], "gold.doubled": [222]}
    assert list((host.settings.state / "dbt").glob("run-*")) == []


def test_rows_outside_the_interval_are_not_seen_and_rows_without_time_are(host: Host) -> None:
    host.interval = Interval.parse("2013-01-01", "2013-01-05")  # a part of the input's month
    run_selection(host, "total")
    assert host.written == {"gold.total": [101]}


def test_a_model_without_rows_writes_none(host: Host) -> None:
    model = host.settings.dbt / "models" / "total.sql"
    model.write_text(model.read_text() + " having false")
    run_selection(host, "total")
    assert host.written == {"gold.total": []}


def test_nothing_is_published_when_a_dbt_test_fails(host: Host) -> None:
    (host.settings.dbt / "models" / "total.sql").write_text("select cast(null as bigint) as n")
    with pytest.raises(
        RunError, match=r"^dbt/models/models\.yml: dbt test not_null_total_n failed"
    ):
        run_selection(host, "total")
    assert host.written == {}
    [check] = host.checks
    assert (check["dataset"], check["column"], check["action"]) == ("gold.total", "n", "fail")
    assert (check["success"], check["unexpected"]) == (False, 1)


def test_dbt_tests_are_checks_of_the_run(host: Host) -> None:
    models = host.settings.dbt / "models" / "models.yml"
    warn = "data_tests: [{unique: {config: {severity: warn}, description: No total twice.}}]"
    models.write_text(models.read_text().replace("data_tests: [not_null]", warn))
    run_selection(host, "total doubled")
    assert host.checks == [
        {
            "dataset": "gold.total",
            "name": "unique_total_n",
            "expectation": "dbt_unique",
            "column": "n",
            "action": "warn",
            "scope": "partition",
            "success": True,
            "observed": None,
            "unexpected": 0,
            "evaluated": None,
            "sample": [],
            "reason": "No total twice.",
            "dimension": "",
        }
    ]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select nn as n from {{ source('silver', 'events') }}", "nn"),  # unknown column
        ("select n::double as n from {{ source('silver', 'events') }}", "data type mismatch"),
        ("select n, n as m from {{ source('silver', 'events') }}", "missing in contract"),
    ],
)
def test_a_model_that_is_wrong_is_named_with_its_file_and_cause(
    host: Host, sql: str, said: str
) -> None:
    (host.settings.dbt / "models" / "total.sql").write_text(sql)
    with pytest.raises(LakebookError) as raised:
        run_selection(host, "total")
    assert raised.value.where == "dbt/models/total.sql"
    assert "total" in raised.value.found
    assert said in raised.value.sentence
    assert "\n" not in raised.value.sentence


def test_a_project_that_does_not_parse_is_an_error_in_one_line(host: Host) -> None:
    (host.settings.dbt / "models" / "total.sql").write_text("select {{ nonsense( }}")
    with pytest.raises(UserError) as raised:
        run_selection(host, "total")
    assert "total" in raised.value.sentence
    assert "\n" not in raised.value.sentence


def test_a_misspelt_selection_suggests_the_model(host: Host) -> None:
    with pytest.raises(UserError, match=r"'totl'\) selects no model \(did you mean 'total'\?\)"):
        run_selection(host, "totl")


def test_a_second_session_in_the_process_is_refused(tmp_path: Path) -> None:
    with open_session((), tmp_path), pytest.raises(RunError, match="already running"):
        open_session((), tmp_path).__enter__()


def test_a_build_leaves_no_process_or_thread_that_a_kernel_would_wait_for(host: Host) -> None:
    tracker = resource_tracker._resource_tracker  # type: ignore[attr-defined]
    before = tracker._pid
    others = set(threading.enumerate())  # of tests that ran earlier in this process
    run_selection(host, "total")
    run_selection(host, "total")  # from the manifest that the first has kept
    assert tracker._pid == before
    assert [t for t in threading.enumerate() if t not in others and not t.daemon] == []
