"""Edges of one SELECT: what is followed whatever its size, and what is not followed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import narwhals as nw
import pytest

from lakebook.lineage.origin import NotFollowed, origin
from lakebook.lineage.plan import origins
from lakebook.lineage.sql import Tables, column_edges
from lakebook.lineage.sql_frames import duckdb_sql
from lakebook.step.context import SqlRequest
from lakebook.step.sql_text import read_sql

WIDE = [f"c{number}" for number in range(1_500)]


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    made = Tables()
    duckdb.execute("create schema if not exists bronze")
    for name, columns in {"flights": ["a", "b"], "wide": WIDE, "unread": ["a"]}.items():
        fields = ", ".join(f"{column} integer" for column in columns)
        duckdb.execute(f"create or replace table bronze.{name} ({fields})")
        if name != "unread":
            made.add(("bronze", name), f"bronze.{name}", dict.fromkeys(columns, "INTEGER"))
    yield made
    duckdb.execute("drop schema bronze cascade")


def edges(sql: str, tables: Tables) -> set[tuple[str, str]]:
    names = duckdb.sql(sql).columns
    found = column_edges(sql, "silver.out", tables, names)
    return {(edge.source_column, edge.target_column) for edge in found}


def test_a_wide_table_is_followed_whole(tables: Tables) -> None:
    made = ", ".join(f"{c} + 1 as {c}" for c in WIDE)
    sql = (
        f"with x as (select {made} from bronze.wide), y as (select * from x) "
        "select * from y union all by name select * from y order by c1"
    )
    assert edges(sql, tables) == {(column, column) for column in WIDE}


@pytest.mark.parametrize(
    "sql",
    [
        "select a" + " + 1" * 900 + " as x from bronze.flights",
        "select x from (" + " union all ".join(["select a as x from bronze.flights"] * 900) + ")",
        "select a as x from " + "(select a from " * 200 + "bronze.flights" + ")" * 200,
    ],
    ids=["a sum", "a union", "subqueries"],
)
def test_sql_is_followed_however_deep(tables: Tables, sql: str) -> None:
    assert edges(sql, tables) == {("a", "x")}


def by_step(text: str, **params: Any) -> str:
    """The SQL of what a step's SQL gives in a check."""
    relation = nw.to_native(duckdb_sql(SqlRequest(read_sql(text), (), {}, params)))
    sql: str = relation.sql_query()
    return sql


@pytest.mark.parametrize("value", [2, 1.5, "it's", date(2020, 1, 1), [1, 2]], ids=repr)
def test_what_is_made_with_a_parameter_is_followed(tables: Tables, value: Any) -> None:
    sql = by_step("select a::varchar || $x::varchar as x, b from bronze.flights", x=value)
    assert edges(sql, tables) == {("a", "x"), ("b", "b")}


def test_a_parameter_that_is_none_is_followed_where_it_only_chooses_rows(tables: Tables) -> None:
    sql = by_step("select a * $n as x from bronze.flights where $x is null or b > $x", x=None, n=2)
    assert edges(sql, tables) == {("a", "x")}
    with pytest.raises(TypeError, match=r"\$x is None, of which no value can be followed"):
        by_step("select a * $x as x from bronze.flights", x=None)


def test_a_column_is_spelled_as_in_the_contract(tables: Tables) -> None:
    found = column_edges(
        "select A as out, 'it''s' as said from Bronze.FLIGHTS", "silver.out", tables, ["Out", "B"]
    )
    assert [(edge.source_column, edge.target_column) for edge in found] == [("a", "Out")]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select database_name as x from duckdb_tables()", r"reads duckdb_tables\(…\)"),
        ("select a from bronze.unread", "reads a of bronze.unread, which no cell has read"),
        (
            "with recursive r(a, n) using key (a) as (select a, 0 from bronze.flights union "
            "select a, n + 1 from r where n < 2) select * from r",
            "USING KEY",
        ),
    ],
)
def test_what_is_not_known_is_not_followed(tables: Tables, sql: str, why: str) -> None:
    with pytest.raises(NotFollowed, match=why):
        edges(sql, tables)


def test_columns_that_a_filter_leaves_out_are_not_counted() -> None:
    made = {"expression_class": "BOUND_CONSTANT"}
    below = {
        "type": "LOGICAL_GET",
        "name": "seq_scan",
        "children": [],
        "names": ["a", "b"],
        "function_data": {"schema": "bronze", "table": "flights"},
        "column_indexes": [{"index": 0}, {"index": 1}],
    }
    plan = {
        "type": "LOGICAL_FILTER",
        "children": [below],
        "expressions": [made],
        "projection_map": [1],
    }
    assert [found.columns for found in origins(plan)] == [{("bronze", "flights", "b")}]


def test_what_only_takes_rows_away_is_no_value(tables: Tables) -> None:
    assert edges("select a from bronze.flights except select b from bronze.flights", tables) == {
        ("a", "a")
    }


@pytest.mark.parametrize(
    "plan",
    [
        {"type": "LOGICAL_DELIM_GET", "chunk_types": [{"id": "INTEGER"}]},
        {"type": "LOGICAL_CTE_REF", "cte_index": 3, "chunk_types": [{"id": "INTEGER"}]},
        {"type": "LOGICAL_ANY_JOIN", "left_projection_map": [1, 0]},
        {"type": "LOGICAL_DELIM_JOIN", "delim_flipped": True},
        {"type": "LOGICAL_UNION", "column_count": 1},
    ],
    ids=lambda plan: plan["type"],
)
def test_a_plan_that_does_not_hang_together_is_not_followed(plan: dict[str, Any]) -> None:
    empty = {"type": "LOGICAL_CHUNK_GET", "chunk_types": [], "children": []}
    with pytest.raises(NotFollowed):
        origins({**plan, "children": [empty, empty]})


def test_a_plan_with_something_new_is_not_followed() -> None:
    with pytest.raises(NotFollowed, match="LOGICAL_TELEPORT, which is not known"):
        origins({"type": "LOGICAL_TELEPORT", "children": []})
    with pytest.raises(NotFollowed, match="BOUND_WISH, which is not known"):
        origin({"expression_class": "BOUND_WISH"}, [], {})


def test_a_plan_that_is_written_otherwise_is_not_followed(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakebook.lineage.sql.origins", lambda plan: plan["no such key"])
    with pytest.raises(NotFollowed, match="is not as expected: KeyError"):
        edges("select a from bronze.flights", tables)
