"""What real errors of Polars, Narwhals and DuckDB say in our words."""

from __future__ import annotations

import duckdb
import narwhals as nw
import polars as pl
import pytest

from lakebook.engines.messages import (
    column_not_found,
    first_lines,
    in_words,
    missing_column,
    without_plan,
)

NATIVE = pl.LazyFrame({"dep_time": [1], "carrier": ["UA"]})
FRAME = nw.from_native(NATIVE)
READ = {"bronze.flights": ("dep_time", "carrier")}

MISSPELT = {
    "lazy select": lambda: FRAME.select(nw.col("dep_tme") + 1).collect(),
    "eager select": lambda: FRAME.collect().select("dep_tme"),
    "series": lambda: FRAME.collect()["dep_tme"],
    "schema": lambda: FRAME.filter(nw.col("dep_tme") > 1).collect_schema(),
    "drop": lambda: FRAME.drop("dep_tme").collect(),
    "rename": lambda: FRAME.rename({"dep_tme": "x"}).collect(),
    "group": lambda: FRAME.group_by("dep_tme").agg(nw.len()).collect(),
    "join": lambda: FRAME.join(FRAME, on="dep_tme").collect(),
    "polars": lambda: NATIVE.select("dep_tme").collect(),
    "polars series": lambda: NATIVE.collect()["dep_tme"],
    "duckdb": lambda: duckdb.sql("SELECT dep_tme FROM (SELECT 1 AS dep_time)"),
}


def raised_by(work) -> Exception:
    with pytest.raises(Exception) as raised:
        work()
    return raised.value


@pytest.mark.parametrize("how", MISSPELT)
def test_a_misspelt_column_is_one_sentence_with_a_guess(how: str):
    missing = column_not_found(raised_by(MISSPELT[how]))
    assert missing is not None
    sentence, _ = missing_column(*missing, READ)
    assert sentence == "column 'dep_tme' is not in bronze.flights (did you mean 'dep_time'?)"


OTHERS = {
    "types": (
        lambda: FRAME.with_columns(nw.col("dep_time") + "x").collect(),
        "arithmetic on dtypes int64 and string is not allowed (lhs: column 'dep_time', "
        'rhs: expression `"x"`); try an explicit cast first',
    ),
    "method": (
        lambda: FRAME.select(nw.col("dep_time").str.to_uppercase()).collect(),
        "invalid series dtype: expected `string`, got `int64` for series with name `dep_time`",
    ),
    "cast": (
        lambda: NATIVE.select(pl.col("carrier").cast(pl.Int64)).collect(),
        "conversion from `string` to `int64` failed in column 'carrier' for 1 out of 1 values: "
        '["UA"]',
    ),
    "duckdb": (
        lambda: duckdb.sql("SELECT nope(1)"),
        'Catalog Error: Scalar Function with name nope does not exist! Did you mean "now"?',
    ),
}


@pytest.mark.parametrize("how", OTHERS)
def test_another_error_is_its_first_lines_with_the_contracts_types(how: str):
    work, sentence = OTHERS[how]
    assert first_lines(raised_by(work)) == sentence


def test_only_types_are_put_in_our_words():
    assert in_words("datetime[μs] and datetime[ms, UTC]") == "timestamp and timestamp(ms, UTC)"
    assert in_words("""col("str").str.len() of 'i64'""") == """col("str").str.len() of 'i64'"""


def test_a_long_text_is_cut():
    assert len(first_lines(ValueError("word " * 1000))) == 300


def test_a_traceback_loses_the_plan_and_keeps_the_rest():
    text = str(raised_by(MISSPELT["lazy select"]))
    assert "DF [" in text
    assert without_plan(text).splitlines()[0] == text.splitlines()[0]
    assert "DF [" not in without_plan(text)
