"""A text lands as exactly the value that it says, or is refused: nothing between."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
import sampling
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from value_oracle import KINDS, REFUSED, oracle, texts

from lakebook.engines.polars_cast import MISFIT, stopped_at
from lakebook.errors import SourceError
from lakebook.ingest.timestamps import TimestampForm
from lakebook.ingest.values import checked, parsed

UTC_FORM = TimestampForm("%Y-%m-%dT%H:%M:%SZ")
ZONED = TimestampForm("%Y-%m-%dT%H:%M:%S%.f%z")


def values_of(some: list[str], kind: str, form: TimestampForm = UTC_FORM) -> list[Any]:
    frame = pl.LazyFrame({"c": pl.Series(some, dtype=pl.String)})
    found = frame.select(parsed(pl.col("c"), kind, form)).collect(engine="streaming")
    return found.to_series().to_list()


def is_same(found: Any, wanted: Any) -> bool:
    if wanted is REFUSED:
        return found is None
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return type(found) is type(wanted) and found == wanted


@pytest.mark.parametrize("kind", [*KINDS, "zoned"])
def test_a_text_is_the_value_that_exact_arithmetic_gives_or_none(kind: str) -> None:
    zoned = kind == "zoned"
    kind = "timestamp" if zoned else kind
    form = ZONED if zoned else UTC_FORM

    @settings(
        max_examples=sampling.examples(25, 2000),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(texts(kind, zoned), min_size=20, max_size=40))
    def holds(some: list[str]) -> None:
        for text, found in zip(some, values_of(some, kind, form), strict=True):
            wanted = oracle(text, kind, zoned)
            assert is_same(found, wanted), (kind, text, found, wanted)

    holds()


def test_a_misfit_stops_the_computation_and_its_error_does_not_repeat_the_text() -> None:
    for kind in KINDS:
        frame = pl.LazyFrame({"c": [None, "secret"]})
        with pytest.raises(pl.exceptions.InvalidOperationError) as raised:
            frame.select(checked(pl.col("c"), "c", kind, UTC_FORM)).collect(engine="streaming")
        assert stopped_at(raised.value, MISFIT) == "c"
        assert "secret" not in str(raised.value)


FORMS = [
    ("%Y-%m-%d %H:%M:%S.%f", "2013-01-05 10:00:00.5", "2013-01-05 10:00:00.500000"),
    ("%Y-%m-%d %H:%M:%S.%f", "2013-01-05 10:00:00.1234567", None),
    ("%Y-%m-%d %H:%M:%S.%f", "2013-01-05 10:00:00", None),
    ("%Y-%m-%d %H:%M:%S%.3f", "2013-01-05 10:00:00.5", None),
    ("%-m/%-d/%Y %I:%M %p", "1/5/2013 12:30 PM", "2013-01-05 12:30:00"),
    ("%-m/%-d/%Y %I:%M %p", "1/5/2013 12:00 AM", "2013-01-05 00:00:00"),
    ("%d-%b-%y", "05-Jan-13", "2013-01-05 00:00:00"),
    ("%d-%b-%y", "05-Jan-70", "1970-01-05 00:00:00"),
    ("%d %B %Y", "05 May 2013", "2013-05-05 00:00:00"),
    ("%F %T", "2013-01-05 24:00:00", None),
    ("100%% %F", "100% 2013-01-05", "2013-01-05 00:00:00"),
    ("%Y-%m-%dT%H:%M:%S%z", "2013-01-05T01:00:00+02:00", "2013-01-04 23:00:00"),
    ("%Y-%m-%dT%H:%M:%S%z", "0001-01-01T00:00:00+02:00", None),
]


@pytest.mark.parametrize(("form", "text", "wanted"), FORMS)
def test_timestamps_by_other_formats(form: str, text: str, wanted: str | None) -> None:
    (found,) = values_of([text], "timestamp", TimestampForm(form))
    assert (None if found is None else str(found)) == wanted


@pytest.mark.parametrize("form", ["%s", "%Y-%m", "%F %I", "%Y-%m-%d %Y", "%A", "%-Y-%m-%d"])
def test_a_format_that_cannot_be_read_exactly_is_refused(form: str) -> None:
    with pytest.raises(SourceError, match="timestamp_format"):
        TimestampForm(form)
