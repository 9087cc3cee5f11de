"""A step lands day by day what it would land at once, whatever it does to the time, or refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sampling
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_checkout import COLUMNS, LANDING, Checkout, in_prod

from lakebook import Step
from lakebook.errors import UserError
from lakebook.step import landed_time

SOURCE = """id,seen,amount
1,2013-01-01T10:00:00Z,10
2,2013-01-01T23:30:00Z,-5
3,2013-01-02T23:59:59Z,30
4,2013-01-03T10:00:00Z,40
"""
EVENTS = "file://events.csv"
DAYS = [date(2013, 1, day) for day in range(1, 6)]
SEEN = pl.col("seen")
HOUR = timedelta(hours=1)
NOT_THEIRS = r"'seen' as it is written is not the time that the source has, .*whole=True"
Notebook = Callable[[pl.LazyFrame], pl.LazyFrame | pl.DataFrame]

KEEPS: dict[str, Notebook] = {
    "a filter": lambda rows: rows.filter(pl.col("amount") > 0),
    "another column": lambda rows: rows.with_columns(amount=pl.col("amount") * 2),
    "a new name and back": lambda rows: rows.rename({"seen": "at"}).rename({"at": "seen"}),
    "a copy": lambda rows: rows.with_columns(at="seen").drop("seen").rename({"at": "seen"}),
    "an order": lambda rows: rows.sort("seen", "id"),
    "the first of each": lambda rows: rows.unique("id", keep="first", maintain_order=True),
    "a window": lambda rows: rows.filter(pl.len().over("id") == 1),
    "two of them": lambda rows: pl.concat(
        [rows.filter(pl.col("amount") > 0), rows.filter(pl.col("amount") <= 0)]
    ),
    "a join": lambda rows: rows.join(rows.select("id", n="amount"), on="id").drop("n"),
    "another unit": lambda rows: rows.with_columns(SEEN.cast(pl.Datetime("ns"))),
    "a collect": lambda rows: rows.collect(),
    "a lookup": lambda rows: rows.join(
        pl.LazyFrame({"id": [1, 3], "n": [1, 1]}), on="id", how="left"
    ).drop("n"),
    "an aggregate": lambda rows: rows.group_by("id").agg(pl.all().max()),
    "pandas": lambda rows: pl.from_pandas(rows.collect().to_pandas()),
}
COMPUTED = ("another unit", "a collect", "an aggregate", "pandas")
"""What no plan shows."""

CHANGES: dict[str, Notebook] = {
    "later": lambda rows: rows.with_columns(SEEN + HOUR),
    "earlier": lambda rows: rows.with_columns(SEEN - HOUR),
    "later and filtered": lambda rows: rows.with_columns(SEEN + HOUR).filter(
        SEEN.dt.date() == rows.select(SEEN.dt.date().min()).collect().item()
    ),
    "a day later": lambda rows: rows.with_columns(SEEN.dt.offset_by("1d")),
    "by the clocks of a zone": lambda rows: rows.with_columns(
        SEEN.dt.replace_time_zone("UTC")
        .dt.convert_time_zone("Europe/Berlin")
        .dt.replace_time_zone(None)
    ),
    "cut to the day": lambda rows: rows.with_columns(SEEN.dt.truncate("1d")),
    "of another row": lambda rows: rows.with_columns(SEEN.shift(1)),
    "collected and moved": lambda rows: rows.collect().with_columns(SEEN + HOUR),
    "computed of another column": lambda rows: rows.with_columns(
        seen=pl.lit(datetime(2013, 1, 1)) + pl.duration(hours=pl.col("amount"))
    ),
}

OF_OTHER_ROWS = ("later and filtered", "of another row")
"""What looks at more rows than its own has another result for each of the landings."""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = in_prod(tmp_path, monkeypatch)
    made.contract("bronze.events", COLUMNS.replace(", required: true", "") + LANDING)
    made.source(SOURCE)
    return made


def step_of(first: date, days: int = 1) -> Step:
    return Step("bronze.events", start=first, end=first + timedelta(days))


def land(notebook: Notebook, *, whole: bool = False) -> list[tuple[int, datetime]]:
    """Day by day."""
    for day in DAYS:
        step = step_of(day)
        step.write(notebook(step.ingest(EVENTS, whole=whole).to_native()))
    return published()


def published() -> list[tuple[int, datetime]]:
    found = step_of(DAYS[0], len(DAYS)).result().select("id", "seen").collect()
    return sorted(found.to_native().rows())


def at_once(notebook: Notebook) -> list[tuple[int, datetime]]:
    """What a plain computation over all rows has in these days."""
    raw = step_of(DAYS[0], 3650).ingest(EVENTS).to_native()
    found = notebook(raw).lazy().select("id", SEEN.cast(pl.Datetime("us"))).collect().rows()
    return sorted(row for row in found if row[1] and DAYS[0] <= row[1].date() <= DAYS[-1])


@pytest.mark.parametrize("name", KEEPS)
def test_a_notebook_that_keeps_the_time_lands_its_rows(checkout: Checkout, name: str) -> None:
    assert land(KEEPS[name]) == at_once(KEEPS[name])


@pytest.mark.parametrize("name", [n for n in KEEPS if n not in COMPUTED])
def test_the_plan_of_a_lazy_frame_shows_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(landed_time, "_has_other_times", lambda *it: pytest.fail("computed"))
    assert land(KEEPS[name]) == at_once(KEEPS[name])


@pytest.mark.parametrize("name", CHANGES)
def test_a_notebook_that_changes_the_time_is_refused(checkout: Checkout, name: str) -> None:
    with pytest.raises(UserError, match=NOT_THEIRS):
        land(CHANGES[name])


@pytest.mark.parametrize("name", [n for n in CHANGES if n not in OF_OTHER_ROWS])
def test_and_lands_all_rows_where_it_has_asked_for_the_whole_source(
    checkout: Checkout, name: str
) -> None:
    assert land(CHANGES[name], whole=True) == at_once(CHANGES[name])


def test_rows_written_as_they_came_of_a_whole_source_are_counted_once(checkout: Checkout) -> None:
    step = step_of(DAYS[0])
    card = step.write(step.ingest(EVENTS, whole=True))
    assert "4 rows, 2 landed; 2 outside the interval: 2 after (2013-01-02: 1" in repr(card)
    assert published() == at_once(lambda rows: rows.filter(SEEN.dt.day() == 1))


def test_two_sources_of_which_one_lacks_the_time(checkout: Checkout) -> None:
    (checkout.root / "others.csv").write_text("id,day,amount\n7,2013-01-01,1\n8,2013-01-02,1\n")
    day = pl.col("day").str.to_datetime("%Y-%m-%d", time_unit="us")
    for first in DAYS:
        step = step_of(first)
        raw, other = step.ingest(EVENTS).to_native(), step.ingest("file://others.csv").to_native()
        other = other.with_columns(seen=day).drop("day").select(raw.collect_schema().names())
        step.write(pl.concat([raw, other]))
    assert [key for key, _ in published()] == [1, 2, 3, 4, 7, 8]
    step = step_of(DAYS[0])
    raw, other = step.ingest(EVENTS).to_native(), step.ingest("file://others.csv").to_native()
    both = raw.drop("seen").join(other.select("id", seen=day), on="id", how="left")
    with pytest.raises(UserError, match=NOT_THEIRS):
        step.write(both)  # rows of the one by the time of the other


TURNS: list[Notebook] = [
    lambda rows: rows.with_columns(SEEN + timedelta(hours=5)),
    lambda rows: rows.with_columns(SEEN - timedelta(days=1)),
    lambda rows: rows.with_columns(SEEN.dt.truncate("6h")),
    lambda rows: rows.filter(SEEN.dt.hour() < 20),
    lambda rows: rows.filter(pl.col("id") % 2 == 0),
    lambda rows: rows.collect().lazy(),
    lambda rows: rows.rename({"seen": "was"}).with_columns(seen="was").drop("was"),
    lambda rows: rows.with_columns(seen=pl.when(pl.col("id") == 3).then(None).otherwise(SEEN)),
    lambda rows: pl.concat([rows, rows]).unique(["id", "seen"]),
]


def test_any_notebook_lands_what_it_computes_or_is_refused(checkout: Checkout) -> None:
    given_times = st.datetimes(datetime(2013, 1, 1), datetime(2013, 1, 5, 23)).map(
        lambda at: at.replace(microsecond=0, second=0)
    )
    outcomes = {"landed": 0, "refused": 0}

    @settings(
        max_examples=sampling.examples(12, 400),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(given_times, min_size=1, max_size=6),
        st.lists(st.sampled_from(TURNS), min_size=1, max_size=3),
        st.booleans(),
    )
    def holds(times: list[datetime], turns: list[Notebook], whole: bool) -> None:
        rows = [f"{n},{at:%Y-%m-%dT%H:%M:%SZ},{n}\n" for n, at in enumerate(times, 1)]
        checkout.source("id,seen,amount\n" + "".join(rows))

        def notebook(rows: pl.LazyFrame) -> pl.LazyFrame | pl.DataFrame:
            for turn in turns:
                rows = turn(rows.lazy())  # type: ignore[assignment]
            return rows

        try:
            landed = land(notebook, whole=whole)
        except UserError as refused:
            assert not whole and "is not the time that the source has" in str(refused)
            outcomes["refused"] += 1
            return
        outcomes["landed"] += 1
        assert [row for row in landed if row[1]] == at_once(notebook)

    holds()
    assert min(outcomes.values()) > 0
