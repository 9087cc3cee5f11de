"""Two frames are compared row by row, exactly: counts, changed columns, examples."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakebook.quality.comparison import Comparison, Example, compare

NAN = math.nan


def frame(rows: dict[str, list[Any]], **types: Any) -> nw.LazyFrame[Any]:
    return nw.from_native(pl.LazyFrame(rows, schema_overrides=types))


def counts(found: Comparison) -> tuple[int, int, int, int]:
    return found.added, found.removed, found.changed, found.same


def test_rows_by_key():
    before = frame({"id": [1, 2, 3, 4], "a": [1.0, None, NAN, 4.0], "b": ["x", "y", "z", None]})
    after = frame({"b": ["y", "z", "w", "v"], "id": [2, 3, 4, 5], "a": [2.0, NAN, 4.0, 5.0]})
    found = compare(before, after, ["id"])
    assert counts(found) == (1, 1, 2, 1)
    assert (found.rows_before, found.rows_after, found.is_equal) == (4, 4, False)
    assert found.changed_columns == {"b": 1, "a": 1}
    assert found.examples == (
        Example("removed", {"id": 1}, {"a": 1.0, "b": "x"}, {}),
        Example("added", {"id": 5}, {}, {"b": "v", "a": 5.0}),
        Example("changed", {"id": 2}, {"a": None}, {"a": 2.0}),
        Example("changed", {"id": 4}, {"b": None}, {"b": "w"}),
    )
    assert counts(compare(before, before, ["id"])) == (0, 0, 0, 4)
    assert len(compare(before, after, ["id"], examples=1).examples) == 3
    assert compare(before, after, ["id"], examples=0).examples == ()


def test_a_key_of_several_columns_and_of_key_columns_alone():
    before = frame({"day": [date(2013, 1, 1)] * 2, "n": [1, 2]})
    after = frame({"day": [date(2013, 1, 1), date(2013, 1, 2)], "n": [1, 2]})
    assert counts(compare(before, after, ["day", "n"])) == (1, 1, 0, 1)


@pytest.mark.parametrize("key", [(), ("id",)])
def test_without_a_key_that_tells_rows_apart_whole_rows_are_counted(key: tuple[str, ...]):
    before = frame({"id": [1, 1, 1, None, 2], "a": [1, 1, 2, None, 3]})
    after = frame({"id": [1, None, 2, 2], "a": [1, None, 4, 4]})
    found = compare(before, after, key)
    assert counts(found) == (2, 3, 0, 2)
    assert (found.key, found.doubled) == ((), (2, 1) if key else (0, 0))
    assert [(e.kind, e.before.get("a") or e.after.get("a")) for e in found.examples] == [
        ("removed", 1),
        ("removed", 2),
        ("removed", 3),
        ("added", 4),
    ]


def test_columns_of_one_side_and_of_other_types_are_left_out_and_named():
    before = frame({"id": [1], "a": [1], "b": ["1"], "gone": [1]}, a=pl.Int32)
    after = frame({"id": [1], "a": [2], "b": [1], "new": [1]}, a=pl.Int64)
    found = compare(before, after, ["id"])
    assert (counts(found), found.changed_columns) == ((0, 0, 1, 0), {"a": 1})
    assert found.uncompared == ("b",)
    assert counts(compare(before, after)) == (1, 1, 0, 0)


def test_a_side_without_rows():
    rows = frame({"id": [1, 2], "a": [1, 2]})
    assert counts(compare(rows.head(0), rows, ["id"])) == (2, 0, 0, 0)
    assert counts(compare(rows, rows.head(0), ["id"])) == (0, 2, 0, 0)
    assert counts(compare(rows.head(0), rows.head(0), ["id"])) == (0, 0, 0, 0)
    assert counts(compare(rows.head(0), rows)) == (2, 0, 0, 0)


VALUES = st.one_of(st.none(), st.integers(0, 2))
ROWS = st.dictionaries(st.integers(0, 6), st.tuples(VALUES, VALUES), max_size=6)


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS)
def test_it_agrees_with_a_comparison_by_hand(before: dict, after: dict):
    def made(rows: dict) -> nw.LazyFrame[Any]:
        given = {"id": list(rows), "a": [r[0] for r in rows.values()]}
        given["b"] = [r[1] for r in rows.values()]
        return frame(given, id=pl.Int64, a=pl.Int64, b=pl.Int64)

    both = before.keys() & after.keys()
    changed = {key for key in both if before[key] != after[key]}
    found = compare(made(before), made(after), ["id"], examples=10)
    want = (len(after.keys() - both), len(before.keys() - both), len(changed))
    assert counts(found) == (*want, len(both) - len(changed))
    assert {e.key["id"] for e in found.examples if e.kind == "changed"} == changed
    for name, at in (("a", 0), ("b", 1)):
        many = sum(before[key][at] != after[key][at] for key in both)
        assert found.changed_columns.get(name, 0) == many
