"""Columns are followed to what they are made of, and what is made of a hidden one is hidden."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from small_lake import SmallLake, rows

from lakebook.contract.lookup import find_table
from lakebook.names import Dataset
from lakebook.run.query import run_query
from lakebook.settings import load_settings

DAYS = ("2013-01-01", "2013-01-02")
SECRET = 84711
NAME = "      - {name: other, logicalType: integer, physicalType: int64}\n"


@pytest.fixture
def people(lake: SmallLake) -> SmallLake:
    """`silver.events`, whose amount is restricted, as the input of `gold.sums`."""
    lake.contract("replace")
    lake.write([(1, "2013-01-01", SECRET)], *DAYS)
    path = lake.root / "notebooks/silver/events.contract.yaml"
    secret = "{name: amount, classification: restricted, "
    path.write_text(path.read_text().replace("{name: amount, ", secret))
    reader = SmallLake(lake.root, step="gold.sums")
    reader.contract("replace", columns=NAME)
    return reader


FRAMES: dict[str, tuple[Any, set[str]]] = {
    "as it is": (lambda step, read: read, {"amount"}),
    "renamed": (lambda step, read: read.select("id", other="amount"), {"other"}),
    "swapped": (
        lambda step, read: read.rename({"amount": "id", "id": "amount"}),
        {"id"},
    ),
    "computed": (lambda step, read: read.select(id=nw.col("amount") * 2, n=nw.len()), {"id"}),
    "grouped": (
        lambda step, read: read.group_by("seen").agg(
            amount=nw.col("id").sum(), n=nw.col("amount").max()
        ),
        {"n"},
    ),
    "in windows over it": (
        lambda step, read: (
            read.to_native()
            .select("id", x="amount")
            .sort("x")
            .group_by_dynamic("x", every="1i", include_boundaries=True)
            .agg(pl.col("id").sum())
        ),
        {"x", "_lower_boundary", "_upper_boundary"},
    ),
    "in rolling windows over it": (
        lambda step, read: (
            read.to_native().sort("amount").rolling("amount", period="2i").agg(n=pl.len())
        ),
        {"amount"},
    ),
    "joined": (
        lambda step, read: read.select("id").join(read.select("id", x="amount"), on="id"),
        {"x"},
    ),
    "filtered by it": (lambda step, read: read.filter(nw.col("amount") > 5).select("id"), set()),
    "in SQL": (
        lambda step, read: step.sql("select amount as id, seen, 1 as n from silver.events"),
        {"id"},
    ),
    "SQL over a frame": (
        lambda step, read: step.sql("select x, id from f", f=read.select("id", x="amount")),
        {"x"},
    ),
    "a frame over SQL": (
        lambda step, read: step.sql("select amount as x, id from silver.events").rename({"x": "y"}),
        {"y"},
    ),
    "SQL with a star": (
        lambda step, read: step.sql("select * replace (amount as id) from silver.events"),
        {"id", "amount"},
    ),
    "collected": (lambda step, read: read.select("id").collect(), {"id"}),
    "by Python": (
        lambda step, read: read.to_native().select(
            id=pl.col("id").map_elements(lambda v: v, pl.Int64)
        ),
        {"id"},
    ),
}


@pytest.mark.parametrize("case", FRAMES)
def test_what_is_made_of_a_hidden_column_is_hidden_and_nothing_else(
    people: SmallLake, case: str
) -> None:
    made, hidden = FRAMES[case]
    step = people.open(*DAYS)
    text = repr(step.preview(made(step, step.read("silver.events"))))
    said = re.search(r"^hidden: (.*)$", text, re.MULTILINE)
    assert ({*said[1].split(", ")} if said else set()) == hidden
    assert str(SECRET) not in text


def test_a_column_made_of_a_hidden_one_stays_hidden_until_its_contract_says_what_it_is(
    people: SmallLake,
) -> None:
    def query(**options: Any) -> list[Any]:
        sql = "select id, other from gold.sums"
        return run_query(load_settings(people.root), sql, **options).fetchall()

    step = people.open(*DAYS)
    read = step.read("silver.events")
    card = step.write(read.select("id", "seen", amount=nw.col("id"), other=nw.col("amount")))
    assert str(SECRET) not in repr(card) + str(card.output) + card._repr_html_()
    assert any("other of gold.sums may be made of columns" in note for note in card.notes)
    assert card.output.profile["columns"]["amount"]["min"] == 1
    assert query() == [(1, "•••")]
    assert query(unmask=True) == [(1, SECRET)]
    path = people.root / "notebooks/gold/sums.contract.yaml"
    path.write_text(
        path.read_text().replace("{name: other, ", "{name: other, classification: public, ")
    )
    assert query() == [(1, SECRET)]


def test_nothing_is_noted_where_no_input_has_a_hidden_column(lake: SmallLake) -> None:
    lake.contract("replace")
    lake.open(*DAYS).write(rows((1, "2013-01-01", SECRET)))
    assert (
        find_table(load_settings(lake.root), Dataset.parse("silver.events"))
        .column("amount")
        .classification
        == ""
    )
    assert not Path(lake.root, ".lake/prod/state/hidden").exists()
