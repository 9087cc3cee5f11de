"""What is said of frames, against what changes in them: their lineage, and what stays hidden.

The frames are computed by Polars, as a run does, and followed as a check and a run follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pytest
import sampling
from value_flow import (
    SCHEMA,
    TABLES,
    Case,
    Column,
    Result,
    Seen,
    World,
    columns_of,
    known_tables,
    observe,
    result_of,
)

from lakebook.engines.plan_origin import hidden_columns
from lakebook.lineage.sql import Tables, column_edges

pytestmark = [pytest.mark.slow, pytest.mark.soak]

Frame = nw.LazyFrame[Any]
SEEDS = (*range(4), sampling.seed("frame flow") % 10**6)
TYPES = {"INTEGER": pl.Int32(), "VARCHAR": pl.String(), "INTEGER[]": pl.List(pl.Int32())}
OURS = {
    table: {name: kind for name, kind in columns.items() if kind in TYPES}
    for table, columns in TABLES.items()
}


def totals(t: Frame, u: Frame, v: Frame) -> Frame:
    return t.group_by("g").agg(
        nw.col("a").sum(), n=nw.len(), x=nw.col("b").max() - nw.col("k").min()
    )


def windows(t: Frame, u: Frame, v: Frame) -> Frame:
    return t.select(
        "c",
        x=nw.col("a").sum().over("g"),
        y=nw.col("a").cum_sum().over("g", order_by=["b", "k"]),
        z=nw.col("b").shift(1).over(order_by=["k", "a"]),
    )


def cases(t: Frame, u: Frame, v: Frame) -> Frame:
    late = nw.when(nw.col("a") > 0).then(nw.col("b")).otherwise(nw.col("k"))
    return t.with_columns(x=late, y=nw.when(nw.col("c") == "x").then(1)).select("x", "y", "g")


FRAMES: dict[str, tuple[Callable[[Frame, Frame, Frame], Frame], Case]] = {
    "select": (lambda t, u, v: t.select("a", x=nw.col("b") + nw.col("k"), y=nw.lit(1)), Case("")),
    "swap": (lambda t, u, v: t.select("a", "b", "k").rename({"a": "b", "b": "a"}), Case("")),
    "overwrite": (
        lambda t, u, v: v.with_columns(a=nw.col("w"), w=nw.col("a")).with_columns(nw.col("w") + 1),
        Case(""),
    ),
    "filter": (
        lambda t, u, v: t.filter(nw.col("k") > 0).select("a", "k"),
        Case("", keys=(columns_of("t.k"),)),
    ),
    "left join": (
        lambda t, u, v: t.select("k", "a").join(u, on="k", how="left"),
        Case("", keys=(columns_of("t.k u.k"),)),
    ),
    "full join": (
        lambda t, u, v: v.join(u, on="k", how="full").select("a", "k", "k_right", "d"),
        Case("", keys=(columns_of("v.k u.k"),)),
    ),
    "join with a suffix": (
        lambda t, u, v: t.select("k", "a").join(v, on="k"),
        Case("", keys=(columns_of("t.k v.k"),)),
    ),
    "join by two names": (
        lambda t, u, v: t.join(u, left_on="k", right_on="d", how="left").select("a", "k", "e"),
        Case("", keys=(columns_of("t.k u.d"),)),
    ),
    "semi join": (
        lambda t, u, v: u.join(t, on="k", how="semi").select("d"),
        Case("", keys=(columns_of("t.k u.k"),)),
    ),
    "cross join": (
        lambda t, u, v: t.select("a").join(u.select("d", "e"), how="cross"),
        Case(""),
    ),
    "group_by": (totals, Case("", keys=(columns_of("t.g"),))),
    "group_by an expression": (
        lambda t, u, v: t.group_by((nw.col("k") * 2).alias("x")).agg(
            nw.col("a").max(), nw.col("b").n_unique()
        ),
        Case("", keys=(columns_of("t.k"),)),
    ),
    "over": (windows, Case("", fixed=columns_of("t.g"))),
    "when": (cases, Case("")),
    "unpivot": (
        lambda t, u, v: v.unpivot(on=["a", "w"], index="k"),
        Case(""),
    ),
    "unpivot all": (lambda t, u, v: v.unpivot(), Case("")),
    "concat": (
        lambda t, u, v: nw.concat([t.select("a", "b"), u.select(a="d", b="e")]),
        Case(""),
    ),
    "concat diagonal": (
        lambda t, u, v: nw.concat([t.select("a", "b"), u.select(b="d", z="e")], how="diagonal"),
        Case(""),
    ),
    "unique": (lambda t, u, v: t.select("a", "b").unique(), Case("", is_set=True)),
    "sort and head": (
        lambda t, u, v: t.sort("k", "a", "b").head(3).select("c"),
        Case("", fixed=columns_of("t.k t.a t.b")),
    ),
    "text": (
        lambda t, u, v: t.select(
            x=nw.concat_str("c", "g", separator="-"),
            y=nw.col("c").str.to_uppercase(),
            z=nw.col("g").str.starts_with("x"),
        ),
        Case(""),
    ),
    "horizontal": (
        lambda t, u, v: t.select(
            x=nw.coalesce("a", "b"),
            y=nw.max_horizontal("a", "k"),
            z=nw.col("b").fill_null(0),
            w=nw.col("a").is_in([1, 2, 3]),
        ),
        Case(""),
    ),
    "explode": (
        lambda t, u, v: t.select("l", "a").explode("l"),
        Case("", keys=(columns_of("t.l"),)),
    ),
    "drop_nulls": (
        lambda t, u, v: t.select("a", "b", "k").drop_nulls("k").select("a", "k"),
        Case("", keys=(columns_of("t.k"),)),
    ),
    "row index": (
        lambda t, u, v: u.with_row_index("n", order_by=["k", "d", "e"]).select("n", "d"),
        Case("", fixed=columns_of("u.k u.e"), never={"*": "the numbers are the same in any order"}),
    ),
    "quantiles": (
        lambda t, u, v: t.select(x=nw.col("a").mean(), y=nw.col("b").median(), n=nw.len()),
        Case(""),
    ),
}


class Frames(World):
    """The frames, computed by Polars."""

    def __init__(self) -> None:
        self.tables: dict[str, pl.LazyFrame] = {}

    def fill(self, table: str, columns: Mapping[str, list[Any]]) -> None:
        ours = {name: columns[name] for name in OURS[table]}
        schema = {name: TYPES[kind] for name, kind in OURS[table].items()}
        self.tables[table] = pl.LazyFrame(ours, schema=schema)

    def compute(self, case: Case) -> Result:
        make, _ = FRAMES[case.sql]
        frame = make(*(nw.from_native(self.tables[name]) for name in OURS)).collect()
        return result_of(frame.columns, frame.rows())


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    named = {name: replace(case, sql=name) for name, (_, case) in FRAMES.items()}
    more = range(100, 100 + sampling.examples(0, 60))
    return observe(named, [*SEEDS, *more], Frames())


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with known_tables() as made:
        yield made


@pytest.mark.parametrize("name", FRAMES)
def test_the_lineage_of_a_frame_is_what_changes_it(
    tables: Tables, seen: dict[str, Seen], name: str
) -> None:
    make, case = FRAMES[name]
    frames = [duckdb.table(f"{SCHEMA}.{t}").select(*columns) for t, columns in OURS.items()]
    relation = nw.to_native(make(*map(nw.from_native, frames)))
    edges = {
        ((edge.source, edge.source_column), edge.target_column): edge.is_copy
        for edge in column_edges(relation.sql_query(), "out", tables, relation.columns)
    }
    found = seen[name]
    assert found.values - {*edges} == set()
    for group, output in found.of_groups:
        assert any((column, output) in edges for column in group), (sorted(group), output)
    by_group = {(column, output) for group, output in found.of_groups for column in group}
    assert "*" in case.never or {*edges} - found.maybe - by_group == set()
    assert {edge for edge, is_copy in edges.items() if is_copy} & found.made == set()


@pytest.mark.parametrize("name", FRAMES)
def test_an_output_of_a_frame_that_changes_with_a_hidden_column_is_hidden(
    seen: dict[str, Seen], name: str, tmp_path: Path
) -> None:
    make, _ = FRAMES[name]
    scans = []
    for table, columns in OURS.items():
        schema = {column: TYPES[kind] for column, kind in columns.items()}
        pl.DataFrame(schema=schema).write_parquet(tmp_path / f"{table}.parquet")
        scans.append(nw.from_native(pl.scan_parquet(tmp_path / f"{table}.parquet")))
    plan = nw.to_native(make(*scans))
    found = seen[name]
    telling = {(frozenset({column}), output) for column, output in found.values} | found.of_groups
    for columns in {columns for columns, _ in telling}:

        def hides(paths: Any, names: Any, secret: frozenset[Column] = columns) -> frozenset[str]:
            table = Path(paths[0]).stem
            return frozenset(name for name in names if (table, name) in secret)

        told = {output for other, output in telling if other == columns}
        assert told - hidden_columns(plan, hides) == set(), sorted(columns)
