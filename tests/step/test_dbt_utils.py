"""The usual macros and tests of dbt_utils, as the package has them, by what they give."""

from __future__ import annotations

import hashlib
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from small_dbt import REPO, Host, make_host, run_selection

from lakebook.errors import RunError

D1, D2, D3 = date(2013, 1, 1), date(2013, 1, 9), date(2013, 1, 10)
ROWS = [(D1, 1), (D2, 10), (D3, 10)]


def hashed(*parts: str) -> str:
    return hashlib.md5("-".join(parts).encode()).hexdigest()


# The model's columns (`n` is always one), its SQL, and its rows in order. EVENTS is the source's
# relation in Jinja, FROM the same in SQL.
MODELS: dict[str, tuple[dict[str, str], str, list[tuple[Any, ...]]]] = {
    "spine": (
        {"d": "timestamp"},
        "select 1::bigint as n, date_day::timestamp as d from ({{ dbt_utils.date_spine('day', "
        "\"cast('2013-01-01' as date)\", \"cast('2013-01-04' as date)\") }})",
        [(1, datetime(2013, 1, n)) for n in (1, 2, 3)],
    ),
    "series": (
        {},
        "select generated_number::bigint as n from ({{ dbt_utils.generate_series(3) }})",
        [(1,), (2,), (3,)],
    ),
    "keyed": (
        {"k": "varchar"},
        "select n, {{ dbt_utils.generate_surrogate_key(['day', 'n']) }} as k from FROM",
        [(n, hashed(str(d), str(n))) for d, n in ROWS],
    ),
    "starred": (
        {"day": "date"},
        "select {{ dbt_utils.star(from=EVENTS, except=['gained', 'day']) }}, day from FROM",
        [(n, d) for d, n in ROWS],
    ),
    "valued": (
        {},
        "select {% for v in dbt_utils.get_column_values(EVENTS, 'n') %}{{ v }} + {% endfor %} "
        "0::bigint as n",
        [(11,)],
    ),
    "pivoted": (
        {"of_1": "bigint", "of_10": "bigint"},
        "select 0::bigint as n, {{ dbt_utils.pivot('n', dbt_utils.get_column_values(EVENTS, 'n'), "
        "prefix='of_', then_value='1::bigint', else_value='0::bigint', agg='max') }} from FROM",
        [(0, 1, 1)],
    ),
    "unpivoted": (
        {"field_name": "varchar"},
        "select value as n, field_name from ({{ dbt_utils.unpivot(ref('total'), 'bigint') }})",
        [(21, "n")],
    ),
    "united": (
        {},
        "select n::bigint as n from ({{ dbt_utils.union_relations([EVENTS, ref('doubled')], "
        "include=['n']) }})",
        [(1,), (10,), (10,), (42,)],
    ),
    "single": (
        {},
        "with e as (select day, n from FROM) select n from ({{ dbt_utils.deduplicate('e', "
        "partition_by='n', order_by='day desc') }})",
        [(1,), (10,)],
    ),
    "halved": (
        {},
        "select cast({{ dbt_utils.safe_divide('n * 2', '2') }} as bigint) as n from FROM",
        [(1,), (10,), (10,)],
    ),
    "grouped": (
        {"c": "bigint"},
        "select n, count(*) as c from FROM {{ dbt_utils.group_by(1) }}",
        [(1, 1), (10, 2)],
    ),
    "highest": (
        {},
        "select {{ dbt_utils.get_single_value('select max(n) from ' ~ EVENTS) }}::bigint as n",
        [(10,)],
    ),
    "asked": (
        {},
        "{% set sql = 'select max(n) as m from ' ~ EVENTS %}"
        "select {{ dbt_utils.get_query_results_as_dict(sql)['m'][0] }}::bigint as n",
        [(10,)],
    ),
}


def sql_of(text: str) -> str:
    return text.replace("FROM", "{{ EVENTS }}").replace("EVENTS", "source('silver', 'events')")


def with_utils(dbt: Path) -> None:
    shutil.copytree(REPO / "tests" / "dbt_utils", dbt / "dbt_packages" / "dbt_utils")
    named = "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.4.1\n"
    (dbt / "packages.yml").write_text(named)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = make_host(tmp_path)
    host.events(list(ROWS))
    with_utils(host.settings.dbt)
    return host


def test_macros_give_what_they_say(host: Host) -> None:
    for name, (columns, sql, _) in MODELS.items():
        host.model(name, sql_of(sql), columns={"n": "bigint", **columns})
    run_selection(host, " ".join(["total", "doubled", *MODELS]))
    for name, (columns, _, rows) in MODELS.items():
        found = host.frames[f"gold.{name}"].select("n", *columns).rows()
        assert sorted(found) == sorted(rows), name


TESTS = {
    "accepted_range": ({"min_value": 1, "max_value": 10}, {"min_value": 1, "max_value": 9}),
    "expression_is_true": ({"expression": "> 0"}, {"expression": "> 1"}),
}


@pytest.mark.parametrize("name", TESTS)
def test_generic_tests_are_run_and_hold_back_what_fails(host: Host, name: str) -> None:
    sql = sql_of("select n from FROM")
    for arguments, holds in zip(TESTS[name], (True, False), strict=True):
        test = {f"dbt_utils.{name}": {"arguments": arguments}}
        host.model("tested", sql, columns={"n": {"data_type": "bigint", "data_tests": [test]}})
        host.written.clear()
        if holds:
            run_selection(host, "tested")
            assert host.written == {"gold.tested": [1, 10, 10]}
            continue
        with pytest.raises(RunError, match=f"dbt test dbt_utils_{name}.* failed"):
            run_selection(host, "tested")
        assert host.written == {}


def test_a_test_of_several_columns_is_run(host: Host) -> None:
    for columns, holds in ((["n", "day"], True), (["n"], False)):
        test = {
            "dbt_utils.unique_combination_of_columns": {
                "arguments": {"combination_of_columns": columns}
            }
        }
        given = {"n": "bigint", "day": "date"}
        sql = sql_of("select n, day from FROM")
        host.model("tested", sql, columns=given, data_tests=[test])
        if holds:
            run_selection(host, "tested")
        else:
            with pytest.raises(RunError, match=r"unique_combination_of_columns.* failed"):
                run_selection(host, "tested")
