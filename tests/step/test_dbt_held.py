"""A run refuses of a dbt model what `lakebook check` refuses, before anything is published."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from small_dbt import DAY, Host, N, make_host, write_contract

from lakebook import Step
from lakebook.errors import UserError
from lakebook.intervals import Interval
from lakebook.step.context import DbtRequest
from lakebook.step.dbt_clock import clock_of
from lakebook.step.dbt_run import run_selection

COLUMNS = {"day": "date", "n": "bigint"}
EVENTS = '{{ source("silver", "events") }}'
SUM = f"select day, cast(sum(n) over (order by day) as bigint) as n from {EVENTS}"
PLAIN = f"select day, n from {EVENTS}"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = make_host(tmp_path)
    write_contract(tmp_path, "gold.total", DAY + N)
    host.events([(date(2013, 1, 3), 5), (date(2013, 1, 9), 7)])
    host.interval = Interval.parse("2013-01-01", "2013-02-01")
    return host


def build(host: Host, sql: str, *, is_said: bool = False) -> None:
    host.model("total", sql, columns=COLUMNS)
    run_selection(host, DbtRequest("total", is_said=is_said))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (PLAIN + " where random() < 2", "throws dice by rand"),
        (PLAIN + " where day <= current_date", "asks for the clock by current_date"),
        (PLAIN + " where '{{ invocation_id }}' <> ''", "asks for the clock by invocation_id"),
        (
            "{{ config(pre_hook='create temp table t as select now() as at') }}" + PLAIN,
            "a pre-hook asks for now",
        ),
        (
            "{% set found = run_query('select epoch_ms(now())') %}"
            "{% set at = found.columns[0].values()[0] if execute else 0 %}"
            + PLAIN
            + " where n <> {{ at }}",
            "asks the database for now",
        ),
        (
            "{{ config(pre_hook='create temp table t as from read_text(\"a.txt\")') }}" + PLAIN,
            "a pre-hook reads read_text",
        ),
        (
            "{% set found = run_query('select count(*) from read_text(\"a.txt\")') %}" + PLAIN,
            "the model has the database read read_text",
        ),
    ],
)
def test_clock_dice_and_files_are_refused(host: Host, sql: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        build(host, sql, is_said=True)
    assert raised.value.where == "dbt/models/total.sql"
    assert host.written == {}


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("create temp table t as from 'data/a.csv'", "a pre-hook reads from 'data/a.csv'"),
        ("attach 'other.db' as other", "a pre-hook reads attach 'other.db'"),
        ("attach ':memory:' as other", ""),
        ("create macro f(x) as x || 'from here' -- read_text('a')", ""),
        ("insert into t select * from ' ~ source('a', 'b') ~ '", ""),
    ],
)
def test_a_hook_reads_no_file(hook: str, said: str) -> None:
    config = {"pre-hook": [{"sql": hook}]}
    node = {"raw_code": PLAIN, "config": config, "depends_on": {"macros": []}}
    found = clock_of(node, {})
    assert found.startswith(said) and bool(found) == bool(said)


def test_a_window_is_refused_unless_the_step_says_how_far_it_reaches(host: Host) -> None:
    with pytest.raises(UserError, match=r"may need rows of other months for .*before=0 if no row"):
        build(host, SUM)
    assert host.written == {}
    build(host, SUM, is_said=True)
    assert host.written["gold.total"] == [5, 12]
    build(host, PLAIN)
    assert host.written["gold.total"] == [5, 7]


@pytest.mark.parametrize(
    ("given", "is_said"), [({}, False), ({"before": 0}, True), ({"whole": False}, True)]
)
def test_a_call_says_it_by_any_of_its_words(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, int], is_said: bool
) -> None:
    asked: list[DbtRequest] = []
    step = Step.__new__(Step)
    step._context = type("Context", (), {"dbt": lambda self, request: asked.append(request)})()
    step.dbt("total", **given)  # type: ignore[arg-type]
    assert asked == [DbtRequest("total", 0, 0, False, is_said)]
