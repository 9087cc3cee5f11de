"""Counts of a comparison are those that one makes by hand, whatever is null, new or gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lakebook.contract.model import Column, TableContract
from lakebook.names import Dataset
from lakebook.step.look.compare import Difference, compare

COLUMNS = (
    Column("id", "int64", key_position=1),
    Column("a", "int64"),
    Column("b", "int64"),
)
KEYED = TableContract(Dataset("silver", "x"), Path("c.yaml"), "1", "", COLUMNS, "snapshot")
UNKEYED = replace(KEYED, columns=(replace(COLUMNS[0], key_position=None), *COLUMNS[1:]))

VALUES = st.one_of(st.none(), st.integers(0, 2))
ROWS = st.dictionaries(st.integers(0, 6), st.tuples(VALUES, VALUES), max_size=6)


def frame(rows: dict[int, tuple[int | None, int | None]]) -> pl.LazyFrame:
    schema = dict.fromkeys(("id", "a", "b"), pl.Int64)
    return pl.LazyFrame([(key, *row) for key, row in rows.items()], schema, orient="row")


def counts(found: Difference) -> tuple[int, int, int, int]:
    return found.added, found.removed, found.altered, found.same


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS)
def test_it_agrees_with_a_comparison_by_hand(before: dict, after: dict) -> None:
    both = before.keys() & after.keys()
    changed = {key for key in both if before[key] != after[key]}
    plus, minus = len(after.keys() - both), len(before.keys() - both)
    found = compare(frame(before), frame(after), KEYED, examples=10)
    assert counts(found) == (plus, minus, len(changed), len(both) - len(changed))
    assert {now["id"] for _, now in found.changed} == changed
    assert {row["id"] for row in found.added_rows} == after.keys() - both
    for name, at in (("a", 0), ("b", 1)):
        assert dict(found.columns).get(name, 0) == sum(before[k][at] != after[k][at] for k in both)
    whole = compare(frame(before), frame(after), UNKEYED)
    more = len(changed)
    assert counts(whole) == (plus + more, minus + more, 0, len(both) - more)


def test_examples_are_as_many_as_are_asked_for() -> None:
    before, after = frame({n: (n, 0) for n in range(9)}), frame(dict.fromkeys(range(5, 20), (1, 1)))
    for contract in (KEYED, UNKEYED):
        for most in (0, 1, 3):
            found = compare(before, after, contract, examples=most)
            assert len(found.added_rows) == len(found.removed_rows) == most
            assert len(found.changed) == (most if contract is KEYED else 0)


def test_notes_call_the_sides_by_their_names() -> None:
    twice = pl.concat([frame({1: (1, 1)}), frame({1: (2, 2)})])
    for sides, name in (((twice, frame({})), "prod"), ((frame({}), twice), "ana")):
        found = compare(*sides, KEYED, names=("prod", "ana"))
        assert found.notes == (f"the key id is not unique in {name}: rows are compared whole",)
