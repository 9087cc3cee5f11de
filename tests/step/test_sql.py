"""`step.sql` gives the frame that reads and expressions would give, of the same rows and types."""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from small_lake import SmallLake, rows

from lakebook.errors import UserError
from lakebook.step import Step

TOTALS = "silver.totals"


@pytest.fixture
def step(lake: SmallLake) -> Step:
    """`silver.totals` for January the second, beside events of three days and a null time."""
    lake.contract("replace")
    given = [(1, "2013-01-01T10", 10), (2, "2013-01-02T10", 20), (3, "2013-01-03T10", 30)]
    lake.write([*given, (4, None, 40)], "2013-01-01", "2013-01-04")
    lake.step = TOTALS
    lake.contract("replace")
    return lake.open("2013-01-02", "2013-01-03")


def ids(frame: Any) -> list[int]:
    return sorted(frame.select("id").collect().to_native()["id"].to_list())


def test_a_dataset_in_sql_is_read_as_a_read_would(step: Step) -> None:
    frame = step.sql("select * from silver.events")

    assert isinstance(frame, nw.LazyFrame)
    assert isinstance(frame.to_native(), pl.LazyFrame)
    read = step.read("silver.events")
    assert frame.collect_schema() == read.collect_schema()
    assert ids(frame) == ids(read) == [2, 4]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"before": 1}, [1, 2, 4]),
        ({"after": 1}, [2, 3, 4]),
        ({"whole": True}, [1, 2, 3, 4]),
    ],
)
def test_options_widen_it_as_they_widen_a_read(
    step: Step, options: dict[str, Any], found: list[int]
) -> None:
    assert ids(step.sql("from silver.events", **options)) == found
    assert ids(step.read("silver.events", **options)) == found


def test_frames_and_sql_mix_both_ways(step: Step) -> None:
    wide = step.read("silver.events", whole=True).filter(nw.col("id") < 4)
    joined = step.sql(
        "select w.id, e.amount from wide w join silver.events e on w.amount <= e.amount", wide=wide
    )
    again = joined.with_columns(twice=nw.col("amount") * 2).join(wide.select("id"), on="id")
    last = step.sql("select id, max(twice) as most from rows group by id", rows=again)

    assert last.sort("id").collect().rows() == [(1, 80), (2, 80), (3, 80)]


def test_a_frame_may_be_named_twice_and_any_frame_will_do(step: Step) -> None:
    pair = "select a.id from x a join x b on a.id = b.id"
    lazy = rows((1, None, 1), (2, None, 2))

    assert ids(step.sql(pair, x=lazy)) == [1, 2]
    assert ids(step.sql(pair, x=lazy.collect())) == [1, 2]
    assert ids(step.sql(pair, x=nw.from_native(lazy))) == [1, 2]
    assert ids(step.sql(pair, x=lazy.collect().to_arrow())) == [1, 2]
    with pytest.raises(UserError, match=r"'x' is a builtins\.list, not a frame"):
        step.sql(pair, x=[1])


def test_values_are_bound_and_not_written_into_the_text(step: Step) -> None:
    text = "select $text as text, $day as day, $n::bigint as n, $sum as sum"
    given = {"text": "it's; --", "day": date(2013, 1, 2), "n": 2, "sum": Decimal("1.50")}

    frame = step.sql(text, params=given).collect().to_native()

    assert frame.row(0, named=True) == given
    assert frame.schema == {
        "text": pl.String,
        "day": pl.Date,
        "n": pl.Int64,
        "sum": pl.Decimal(3, 2),
    }


def test_types_stay_exact(step: Step) -> None:
    given = pl.LazyFrame(
        {
            "dec": [Decimal("12345678901234567890.12"), None],
            "zoned": [datetime(2013, 7, 1, 12), None],
            "naive": [datetime(2013, 7, 1, 12, 0, 0, 123456), None],
            "day": [date(2013, 7, 1), None],
            "text": ["ü", None],
            "blob": [b"\x00\xff", None],
            "real": [0.1, None],
            "small": [0.5, None],
            "flag": [True, None],
            "whole": [2**63 - 1, None],
        },
        schema_overrides={"dec": pl.Decimal(22, 2), "small": pl.Float32},
    ).with_columns(pl.col("zoned").dt.replace_time_zone("UTC"))

    found = step.sql("from given", given=given).collect().to_native()

    assert found.equals(given.collect())
    assert found.schema == given.collect_schema()


def test_sums_and_counts_of_integers_are_integers(step: Step) -> None:
    text = "select sum(amount) as s, count(*) as c, sum(1)::utinyint as u from silver.events"

    assert step.sql(text).collect_schema() == {"s": nw.Int64, "c": nw.Int64, "u": nw.Int32}


def test_a_sum_that_no_integer_holds_fails(step: Step) -> None:
    much = pl.LazyFrame({"a": [2**63 - 1, 1]})

    with pytest.raises(Exception, match="out of range"):
        step.sql("select sum(a) as s from much", much=much).collect()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("select amout from silver.events", "column 'amout' is not in silver.events (did you mean"),
        ("select e.amout from silver.events e", "column 'amout' is not in silver.events"),
        ("from silver.evnts", "no contract promises silver.evnts (did you mean 'silver.events'?)"),
        ("select id, id from silver.events", "the SQL gives two columns 'id'"),
        ("select interval 1 day as i", "the SQL gives 'i' as interval"),
        ("select sum(d) as s from (select 'x' as d)", "the SQL does not bind: Binder Error"),
    ],
)
def test_sql_that_cannot_run_is_one_sentence(step: Step, text: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        step.sql(text)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_variable_of_the_cell_is_no_table(step: Step) -> None:
    clean = rows((1, None, 1))  # DuckDB by itself would find it by its name

    with pytest.raises(UserError, match="the SQL reads 'clean', which is no dataset"):
        step.sql("from clean")
    assert clean is not None


def test_what_a_dead_process_spilled_is_removed(step: Step, lake: SmallLake) -> None:
    home = lake.contexts[-1].settings.state / "sql"
    dead, own = home / "spill-999999999", home / f"spill-{os.getpid()}"
    dead.mkdir(parents=True)
    own.mkdir()
    (dead / "block.tmp").write_text("x")

    step.sql("from silver.events")

    assert not dead.exists() and own.exists()


def test_what_sql_reads_is_recorded_and_published_from(step: Step, lake: SmallLake) -> None:
    output = step.write(step.sql("select id, seen, amount * 2 as amount from silver.events")).output

    context = lake.contexts[-1]
    assert output.rows_published == 2
    assert lake.rows() == [(2, "2013-01-02T10:00:00", 40), (4, None, 80)]
    assert [tokens.dataset for tokens in context.inputs] == ["silver.events"]
    (read,) = context.outcome.inputs
    assert read["dataset"] == "silver.events"
