"""dbt inside a step: what models see, what is published, and what a failure says."""

from __future__ import annotations

import threading
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_dbt import EVENTS, SCHEMA, TOTAL, Host, make_host, run_selection

from lakebook.engines.duckdb_input import Input
from lakebook.errors import LakebookError, RunError, UserError
from lakebook.intervals import Interval
from lakebook.names import Dataset
from lakebook.step.dbt_plugin import open_session
from lakebook.step.dbt_run import Cards


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


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
