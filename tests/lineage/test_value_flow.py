"""What `lakebook check` says of SQL, against what changes when a column of the input does."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

import duckdb
import narwhals as nw
import pytest
import sampling
from value_flow import SCHEMA, TABLES, Column, Seen, known_tables, observe, read_cases

from lakebook.lineage.sql import Tables, column_edges
from lakebook.lineage.sql_frames import duckdb_sql
from lakebook.step.context import SqlRequest
from lakebook.step.sql_text import SqlText

pytestmark = [pytest.mark.slow, pytest.mark.soak]

CASES = read_cases()
SEEDS = (*range(4), sampling.seed("value flow") % 10**6)
Edge = tuple[Column, str]


@pytest.fixture(scope="module", autouse=True)
def tables() -> Iterator[Tables]:
    with known_tables() as made:
        yield made


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    dice = random.Random(SEEDS[-1])
    more = [dice.randrange(10**6) for _ in range(sampling.examples(0, 60))]
    return observe(CASES, [*SEEDS, *more])


def claimed(sql: str, names: Sequence[str], tables: Tables) -> dict[Edge, bool]:
    """The edges of a SELECT, and whether each is a copy."""
    return {
        ((edge.source, edge.source_column), edge.target_column): edge.is_copy
        for edge in column_edges(sql, "out", tables, names)
    }


def names_of(sql: str) -> list[str]:
    return list(duckdb.sql(sql).columns)


@pytest.mark.parametrize("name", CASES)
def test_what_enters_a_value_is_in_its_lineage(
    tables: Tables, seen: dict[str, Seen], name: str
) -> None:
    sql, found = CASES[name].sql, seen[name]
    edges = claimed(sql, names_of(sql), tables)
    assert found.values - {*edges} == set()
    of_nobody = {
        (tuple(sorted(group)), output)
        for group, output in found.of_groups
        if not any((column, output) in edges for column in group)
    }
    assert of_nobody == set()


@pytest.mark.parametrize("name", CASES)
def test_what_is_in_a_lineage_enters_the_value(
    tables: Tables, seen: dict[str, Seen], name: str
) -> None:
    case, found = CASES[name], seen[name]
    edges = claimed(case.sql, names_of(case.sql), tables)
    by_group = {(column, output) for group, output in found.of_groups for column in group}
    never = {f"{'.'.join(column)}>{out}" for column, out in {*edges} - found.maybe - by_group}
    assert "*" in case.never or never == {*case.never}


@pytest.mark.parametrize("name", CASES)
def test_a_copy_has_no_value_of_its_own(tables: Tables, seen: dict[str, Seen], name: str) -> None:
    sql = CASES[name].sql
    copies = {edge for edge, is_copy in claimed(sql, names_of(sql), tables).items() if is_copy}
    assert copies & seen[name].made == set()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "rowid" not in case.sql])
def test_a_frame_in_the_sql_changes_nothing(tables: Tables, name: str) -> None:
    sql = CASES[name].sql
    names = names_of(sql)
    frames = {
        f"our_{table}": nw.from_native(duckdb.sql(f"select * from {SCHEMA}.{table} where true"))
        for table in TABLES
        if f"{SCHEMA}.{table}" in sql
    }
    # A column without a name of its own is called by its text.
    text = re.sub(rf"{SCHEMA}\.([tuv])\b(?! [a-z]\b)", r"our_\1 as \1", sql)
    text = re.sub(rf"{SCHEMA}\.([tuv])\b", r"our_\1", text)
    request = SqlRequest(SqlText(text, (), tuple(frames), ()), (), frames, {})
    relation = nw.to_native(duckdb_sql(request))
    assert claimed(relation.sql_query(), names, tables) == claimed(sql, names, tables)
