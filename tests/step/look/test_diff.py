"""The difference to what is published: schema, counts, rows by key or as they are."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_lake import SmallLake, rows

from lakebook.contract.model import Column, TableContract
from lakebook.errors import UserError
from lakebook.names import Dataset
from lakebook.step.look.compare import compare

DAYS = ("2013-01-01", "2013-01-03")
ROWS = [(1, "2013-01-01", 10), (2, "2013-01-02", 20), (3, "2013-01-02T10:00:00", 30)]
COLUMNS = (
    Column("id", "int64", key_position=1),
    Column("name", "string"),
    Column("value", "float64"),
)
KEYED = TableContract(Dataset("silver", "x"), Path("c.yaml"), "1", "", COLUMNS, "snapshot")
UNKEYED = replace(KEYED, columns=(replace(COLUMNS[0], key_position=None), *COLUMNS[1:]))


def frame(*given: tuple[Any, ...]) -> pl.LazyFrame:
    schema = {"id": pl.Int64, "name": pl.String, "value": pl.Float64}
    return pl.LazyFrame(given, schema=schema, orient="row")


def figures(found: Any) -> tuple[int, int, int, int]:
    return found.added, found.removed, found.altered, found.same


def test_rows_are_compared_by_the_key() -> None:
    nan = float("nan")
    old = frame((1, "a", 1.0), (2, None, nan), (3, "c", 3.0), (4, "d", 4.0))
    new = frame((1, "a", 1.0), (2, None, nan), (3, "C", 3.5), (5, "e", 5.0))
    found = compare(old, new, KEYED)
    assert figures(found) == (1, 1, 1, 2)
    assert dict(found.columns) == {"name": 1, "value": 1}
    assert list(found.changed) == [
        ({"id": 3, "name": "c", "value": 3.0}, {"id": 3, "name": "C", "value": 3.5})
    ]
    assert [row["id"] for row in found.added_rows] == [5]
    assert [row["id"] for row in found.removed_rows] == [4]
    assert not found.is_empty and compare(old, old, KEYED).is_empty


def test_values_that_are_equal_are_no_change_however_they_are_stored() -> None:
    old, new = frame((1, "a", 0.0), (None, "b", 1.0)), frame((None, "b", 1.0), (1, "a", -0.0))
    assert compare(old, new, KEYED).is_empty
    assert compare(old, new, UNKEYED).is_empty
    chunks = pl.concat([new.collect(), new.collect()]).with_columns(
        pl.col("name").cast(pl.Categorical)
    )
    chunked = chunks[1:3].lazy().with_columns(pl.col("name").cast(pl.String))
    assert compare(old, chunked, KEYED).is_empty


@pytest.mark.parametrize("seed", range(4))
def test_the_counts_are_those_of_a_plain_comparison(seed: int) -> None:
    dice = random.Random(seed)

    def some() -> dict[int, tuple[Any, ...]]:
        ids = dice.sample(range(60), dice.randint(0, 50))
        return {n: (n, dice.choice(["a", "b", None]), float(dice.randint(0, 2))) for n in ids}

    old, new = some(), some()
    both = old.keys() & new.keys()
    changed = sum(old[n] != new[n] for n in both)
    found = compare(frame(*old.values()), frame(*new.values()), KEYED)
    expected = (len(new) - len(both), len(old) - len(both), changed, len(both) - changed)
    assert figures(found) == expected
    bags = compare(frame(*old.values()), frame(*new.values()), UNKEYED)
    assert (bags.added, bags.removed) == (expected[0] + changed, expected[1] + changed)


def test_without_a_key_rows_count_as_often_as_they_are_there() -> None:
    old = frame((1, "a", 1.0), (1, "a", 1.0), (2, "b", 2.0))
    new = frame((2, "b", 2.0), (1, "a", 1.0), (3, "c", 3.0), (3, "c", 3.0))
    found = compare(old, new, UNKEYED)
    assert (found.added, found.removed, found.altered, found.same) == (2, 1, 0, 2)
    assert [row["id"] for row in found.added_rows] == [3]
    assert [row["id"] for row in found.removed_rows] == [1]
    assert "no key" in found.notes[0]


def test_a_key_that_is_not_unique_is_said_and_rows_are_compared_whole() -> None:
    old, new = frame((1, "a", 1.0)), frame((1, "a", 1.0), (1, "b", 1.0))
    found = compare(old, new, KEYED)
    assert (found.key, found.added, found.removed) == ((), 1, 0)
    assert found.notes == ("the key id is not unique in the frame: rows are compared whole",)


def test_columns_that_come_go_and_change_their_type_are_named() -> None:
    old = frame((1, "a", 1.0))
    new = old.rename({"name": "names"}).with_columns(pl.col("value").cast(pl.String))
    found = compare(old, new, KEYED)
    assert [vars(change) for change in found.schema] == [
        {"name": "names", "kind": "added (was it name?)", "before": "", "now": "string"},
        {"name": "value", "kind": "retyped", "before": "float64", "now": "string"},
        {"name": "name", "kind": "removed", "before": "string", "now": ""},
    ]
    assert figures(found) == (0, 0, 0, 1)
    assert "values of value are not compared: another type" in found.notes


def test_a_type_that_a_write_would_cast_is_no_difference() -> None:
    new = frame((1, "a", 1.0)).with_columns(pl.col("id").cast(pl.UInt16))
    assert compare(frame((1, "a", 1.0)), new, KEYED).is_empty


# -- against a lake -------------------------------------------------------------------------------


def test_only_the_interval_is_compared(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write(ROWS, *DAYS)
    lake.write([(9, "2013-01-03", 90)], "2013-01-03", "2013-01-04")
    shown = lake.open(*DAYS).diff(rows(*ROWS, (4, "2013-01-05", 1)))
    assert "No difference in 3 rows." in repr(shown)
    assert "1 rows lie outside" in repr(shown)
    assert "against version 2 in prod, 2013-01-01 – 2013-01-02" in repr(shown)


@pytest.mark.parametrize("kind", ["zoned", "text"])
def test_a_time_in_another_type_is_no_failure(lake: SmallLake, kind: str) -> None:
    lake.contract("replace")
    lake.write(ROWS, *DAYS)
    seen = pl.col("seen")
    other = seen.dt.replace_time_zone("UTC") if kind == "zoned" else seen.cast(pl.String)
    text = repr(lake.open(*DAYS).diff(rows(*ROWS).with_columns(other)))
    assert ("No difference in 3 rows." in text) == (kind == "zoned")
    assert ("column seen retyped: timestamp -> string" in text) == (kind == "text")


def test_nothing_published_is_said(lake: SmallLake) -> None:
    lake.contract("replace")
    step = lake.open(*DAYS)
    shown = step.diff(rows(*ROWS))
    assert "Nothing is published here yet: all 3 rows are new." in repr(shown)
    assert "nothing published" in shown._repr_html_()
    with pytest.raises(UserError, match="was not written in this session"):
        step.diff()
    step.write(rows(*ROWS))
    assert "all 3 rows are new" in repr(step.diff())


def test_without_a_frame_the_last_write_is_compared_with_what_it_replaced(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write(ROWS, *DAYS)
    step = lake.open(*DAYS)
    step.write(rows(*ROWS[:2], (3, "2013-01-02T10:00:00", 31)))
    text = repr(step.diff())
    assert "Rows: 1 changed." in text and "3: amount 30 -> 31" in text
    assert "what was written, version 2, against version 1 in prod" in text


def test_an_environment_compares_with_what_it_sees(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write(ROWS, *DAYS)
    ana = SmallLake(lake.root, env="ana")
    step = ana.open(*DAYS)
    assert "No difference in 3 rows." in repr(step.diff(rows(*ROWS)))
    step.write(rows(*ROWS[:2]))
    assert "Rows: 1 removed." in repr(step.diff()), "against prod, since ana had nothing of it"
    again = ana.open(*DAYS)
    text = repr(again.diff(rows(*ROWS)))
    assert "Rows: 1 added." in text and "in ana over version 1 in prod" in text


def test_a_merge_keeps_what_its_batch_does_not_name(lake: SmallLake) -> None:
    lake.contract("merge")
    lake.write(ROWS, *DAYS)
    text = repr(lake.open(*DAYS).diff(rows((3, "2013-01-02T10:00:00", 31))))
    assert "Rows: 1 changed." in text and "a merge keeps the rows" in text


def test_a_table_whose_contract_gained_a_column_is_compared_as_it_is(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.write(ROWS, *DAYS)
    lake.contract(
        "replace", columns="      - {name: note, logicalType: string, physicalType: string}\n"
    )
    text = repr(lake.open(*DAYS).diff(rows(*ROWS).with_columns(note=pl.lit("x"))))
    assert "column note added:  -> string" in text and "No row differs" in text
