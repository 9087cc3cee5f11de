"""Models of all kinds that dbt has, by what they give."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_dbt import Host, make_host, run_selection

from lakebook.errors import LakebookError, RunError

EVENTS = "{{ source('silver', 'events') }}"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


@pytest.mark.parametrize("kind", ["table", "view"])
@pytest.mark.parametrize("end", ["-- the end", ";", " ;\n-- the end\n/* or here */ ", "\n/* c */"])
def test_a_table_or_view_with_an_alias_is_a_result_however_it_ends(
    host: Host, kind: str, end: str
) -> None:
    config = f"{{{{ config(materialized='{kind}', alias='other') }}}}"
    sql = f"{config} select ';--' as x, sum(n)::bigint as n from {EVENTS}{end}"
    host.model("total", sql, columns={"x": "varchar", "n": "bigint"})
    run_selection(host, "doubled total")
    assert host.written == {"gold.total": [111], "gold.doubled": [222]}


def test_ephemeral_models_versions_and_seeds_are_parts_of_what_reads_them(host: Host) -> None:
    config = "{{ config(materialized='ephemeral', contract={'enforced': false}) }}"
    codes = f"select n, code from {EVENTS} join {{{{ ref('codes') }}}} using (n)"
    host.put("models/part.sql", f"{config} {codes}")
    host.put("seeds/codes.csv", "n,code\n1,5\n10,6\n")
    host.model("coded", "", latest_version=2, versions=[{"v": 1}, {"v": 2}])
    (host.settings.dbt / "models" / "coded.sql").unlink()
    host.put("models/coded_v1.sql", "select sum(code)::bigint as n from {{ ref('part') }}")
    host.put("models/coded_v2.sql", "select 2 * n as n from {{ ref('coded', v=1) }}")
    run_selection(host, "coded")
    assert host.written == {"gold.coded_v1": [11], "gold.coded_v2": [22]}


CONSTRAINTS = [
    (
        {"type": "check", "expression": "n > 111"},
        r"breaks its constraint check \(n > 111\) 1 times",
    ),
    ({"type": "check", "expression": "n > 110"}, ""),
    ({"type": "primary_key"}, ""),
    ({"type": "foreign_key", "to": "ref('total')", "to_columns": ["n"]}, "of the kind foreign_key"),
]


@pytest.mark.parametrize(("constraint", "said"), CONSTRAINTS)
def test_a_result_is_held_to_the_constraints_of_its_model(
    host: Host, constraint: dict[str, str], said: str
) -> None:
    columns = {"n": {"data_type": "bigint", "constraints": [constraint]}}
    host.model("total", f"select sum(n)::bigint as n from {EVENTS}", columns=columns)
    if not said:
        run_selection(host, "total")
        return
    with pytest.raises(LakebookError, match=rf"^dbt/models/total\.sql: .*{said}"):
        run_selection(host, "total")
    assert host.written == {}


KEYS = [("(1), (null)", "not_null"), ("(1), (1)", "unique"), ("(1), (1)", "primary_key")]


@pytest.mark.parametrize(("rows", "kind"), KEYS)
def test_nulls_and_doubles_break_the_constraints_of_a_key(host: Host, rows: str, kind: str) -> None:
    columns = {"n": {"data_type": "bigint", "constraints": [{"type": kind}]}}
    host.model("total", f"select n::bigint as n from (values {rows}) as t(n)", columns=columns)
    with pytest.raises(RunError, match=rf"breaks its constraint {kind} \(.n.\) 1 times"):
        run_selection(host, "total")


def test_a_model_that_asks_the_database_for_rows_sees_its_inputs(host: Host) -> None:
    host.model(
        "total",
        """
{% set asked = "select distinct n from " ~ source("silver", "events") %}
{% set values = run_query(asked).columns[0].values() if execute else [] %}
select {% for value in values %}{{ value }} + {% endfor %} 0::bigint as n
""",
    )
    run_selection(host, "total")
    assert host.written == {"gold.total": [111]}


def test_sums_of_integers_stay_integers_for_who_reads_them_too(host: Host) -> None:
    """Parquet has none of 128 bits; as a float the last digit would be another."""
    contract = {"config": {"contract": {"enforced": False}}}
    text = 'select sum(9007199254740993) as n, count(*) as "Of all" from ' + EVENTS + " limit 1"
    host.model("wide", text + " -- the end", columns={"n": {}, "Of all": {}}, **contract)
    host.model(
        "text", "select n::varchar as n from {{ ref('wide') }}", columns={"n": {}}, **contract
    )
    run_selection(host, "wide text")
    assert host.written == {"gold.wide": [3 * 9007199254740993], "gold.text": ["27021597764222979"]}
    host.model("wide", "select 9223372036854775808::hugeint as n", columns={"n": {}}, **contract)
    with pytest.raises(LakebookError, match="INT128 with value 9223372036854775808 can't be cast"):
        run_selection(host, "wide")
