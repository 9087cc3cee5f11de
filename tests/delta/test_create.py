"""Creating a table and widening it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import delta_worker as w
import pytest

from lakebook import delta
from lakebook.contract.model import Column
from lakebook.errors import ContractError, RunError
from lakebook.intervals import Interval

JANUARY = Interval.parse("2013-01-01", "2013-02-01")
BASE = w.make_contract()


def test_a_new_table_is_empty_and_has_the_contracts_schema(table: Path) -> None:
    snapshot = delta.ensure_table(table, BASE)
    assert (snapshot.version, snapshot.files) == (0, ())
    assert snapshot.schema == BASE.arrow_schema()
    assert snapshot.partition_columns == ("_partition",)


def test_ensuring_it_again_changes_nothing(table: Path) -> None:
    delta.ensure_table(table, BASE)
    assert delta.ensure_table(table, BASE).version == 0


def test_a_new_optional_column_is_added_and_old_rows_read_as_null(table: Path) -> None:
    w.write(table, BASE, JANUARY)
    before = delta.open_snapshot(table)
    snapshot = delta.ensure_table(table, w.make_contract("month", Column("x", "timestamp")))
    assert snapshot.version == before.version + 1
    assert snapshot.tokens == before.tokens
    assert w.read(snapshot)["x"].null_count() == 93


COLUMNS = BASE.columns
CASES = {
    "new column 'x' of silver.events is required": (*COLUMNS, Column("x", "int64", nullable=False)),
    "has the column 'v', which is not in the contract": COLUMNS[:2],
    r"has the column 'v', .*did you mean 'vv'": (*COLUMNS[:2], Column("vv", "string")),
    "column 'k' of silver.events is int64 in the table and string": (
        COLUMNS[0],
        Column("k", "string", nullable=False),
        COLUMNS[2],
    ),
    "'k' of silver.events is required in the table and optional": (
        COLUMNS[0],
        Column("k", "int64"),
        COLUMNS[2],
    ),
}


@pytest.mark.parametrize("sentence", CASES)
def test_any_other_difference_is_an_error_that_names_the_column(table: Path, sentence: str) -> None:
    w.write(table, BASE, JANUARY)
    before = delta.open_snapshot(table).version
    with pytest.raises(ContractError, match=sentence):
        delta.ensure_table(table, replace(BASE, columns=CASES[sentence]))
    assert delta.open_snapshot(table).version == before


def test_a_table_does_not_become_partitioned_afterwards(table: Path) -> None:
    w.write(table, w.make_contract(None), JANUARY)
    with pytest.raises(ContractError, match=r"partitioned by \[\] and the contract wants"):
        delta.ensure_table(table, BASE)


def test_a_table_that_never_had_a_row_follows_its_contract(table: Path) -> None:
    other = replace(BASE, columns=COLUMNS[:2])
    delta.ensure_table(table, BASE)
    snapshot = delta.ensure_table(table, other)
    assert (snapshot.version, snapshot.schema) == (1, other.arrow_schema())
    whole = delta.ensure_table(table, w.make_contract(None))
    assert (whole.version, whole.partition_columns) == (2, ())
    delta.ensure_table(table, BASE)
    w.write(table, BASE, JANUARY)
    assert w.read(delta.open_snapshot(table)).height == 93
    with pytest.raises(ContractError, match=r"put it back"):
        delta.ensure_table(table, other)


def test_files_of_a_definition_that_is_gone_are_not_committed(table: Path) -> None:
    """Two first runs of one dataset with different contracts."""
    delta.ensure_table(table, BASE)
    noted = delta.open_snapshot(table)
    delta.ensure_table(table, replace(BASE, columns=COLUMNS[:2]))
    with pytest.raises(RunError, match=r"made anew with another column 'v'"):
        w.write(table, BASE, JANUARY, noted=noted)
    assert delta.open_snapshot(table).files == ()
