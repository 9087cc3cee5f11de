"""All tests that dbt would run for a selection are run, and see what they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_dbt import Host, make_host, run_selection

from lakebook.errors import LakebookError, RunError
from lakebook.intervals import Interval

EVENTS = "{{ source('silver', 'events') }}"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


def number(*tests: Any) -> dict[str, Any]:
    """The column `n` with these tests."""
    return {"n": {"data_type": "bigint", "data_tests": list(tests)}}


def refers(to: str) -> dict[str, Any]:
    return {"relationships": {"arguments": {"to": to, "field": "n"}}}


def test_a_reference_to_a_model_that_is_not_reffed_is_tested_against_its_table(host: Host) -> None:
    host.dataset("gold.known", 111)
    host.model("known", "select 1::bigint as n")
    host.model("total", f"select sum(n)::bigint as n from {EVENTS}",
               columns=number(refers("ref('known')")))  # fmt: skip
    run_selection(host, "total")
    assert [check["success"] for check in host.checks] == [True]
    assert [(str(r.dataset), r.whole) for r in host.asked][-1] == ("gold.known", True)

    host.dataset("gold.known", 1)
    host.written.clear()
    with pytest.raises(RunError, match="dbt test relationships_total_n__n__ref_known_ failed"):
        run_selection(host, "total")
    assert host.written == {}


def test_tests_of_sources_and_singular_tests_are_run(host: Host) -> None:
    host.put("tests/small.sql", "select * from {{ ref('doubled') }} where n > 222")
    path = host.settings.dbt / "models" / "models.yml"
    unique = "{name: events, columns: [{name: n, data_tests: [unique]}]}"
    path.write_text(path.read_text().replace("{name: events}", unique))
    run_selection(host, "total doubled")
    assert {(c["dataset"], c["name"]) for c in host.checks if c["success"]} == {
        ("gold.total", "source_unique_silver_events_n"),
        ("gold.total", "not_null_total_n"),
        ("gold.doubled", "small"),
    }
    host.put("tests/small.sql", "select * from {{ ref('doubled') }} where n > 221")
    with pytest.raises(RunError, match=r"dbt/tests/small\.sql: dbt test small failed"):
        run_selection(host, "doubled total")
    host.events([(None, 1), (None, 1)])
    with pytest.raises(RunError, match="dbt test source_unique_silver_events_n failed"):
        run_selection(host, "total")


def test_a_unit_test_is_run(host: Host) -> None:
    unit = """
unit_tests:
  - name: adds
    model: total
    given: [{input: "source('silver', 'events')", rows: [{n: 1}, {n: 2}]}]
    expect: {rows: [{n: SUM}]}
"""
    host.put("models/unit.yml", unit.replace("SUM", "3"))
    run_selection(host, "total")
    host.put("models/unit.yml", unit.replace("SUM", "4"))
    with pytest.raises(LakebookError, match="adds"):
        run_selection(host, "total")


def test_a_reference_sees_the_whole_table_where_the_model_sees_an_interval(host: Host) -> None:
    host.interval = Interval.parse("2013-01-05", "2013-01-10")
    # The model makes 1 of 10, and a 1 is there on another day alone.
    host.model("total", f"select n - 9 as n from {EVENTS} where n = 10",
               columns=number("not_null", refers("source('silver', 'events')")))  # fmt: skip
    run_selection(host, "total")
    assert host.written == {"gold.total": [1]}
    assert [check["success"] for check in host.checks] == [True, True]
