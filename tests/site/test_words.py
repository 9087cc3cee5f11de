"""Figures and errors are said as people say them."""

from __future__ import annotations

import pytest

from lakebook.cards.words import change, duration, interval, plural
from lakebook.site.words import cause


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "notebooks/silver/weather.ipynb, cell 6: ColumnNotFoundError: unable to find column "
            '"a"; valid columns: ["b", "c"]\n\nDid you mean "b"?\n\nResolved plan until failure:\n',
            'ColumnNotFoundError: unable to find column "a". Did you mean "b"?',
        ),
        (
            "silver.events: rule 'small' does not hold (2 of 4 rows): because; see the report",
            "silver.events: rule 'small' does not hold (2 of 4 rows): because; see the report.",
        ),
        ("ZeroDivisionError: division by zero\nmore", "ZeroDivisionError: division by zero."),
    ],
)
def test_a_cause_is_one_sentence_without_place_and_plan(error: str, said: str) -> None:
    assert cause(error, "failed") == said


def test_an_endless_cause_is_cut() -> None:
    assert len(cause("x" * 5000, "failed")) <= 281


def test_a_run_without_a_cause_says_that_none_is_known() -> None:
    assert "no cause is known" in cause(None, "killed")
    assert cause(None, "ok") == ""


def test_an_interval_is_shown_with_its_last_day() -> None:
    assert interval("2013-01-01", "2013-02-01") == "2013-01-01 – 2013-01-31"
    assert interval("2013-01-01", "2013-01-02") == "2013-01-01"
    assert interval(None, None) == "whole table"


def test_numbers_have_their_units() -> None:
    assert [duration(s) for s in (0.25, 5, 75, 3725)] == [
        "250 ms",
        "5.0 s",
        "1 min 15 s",
        "1 h 02 min",
    ]
    assert [plural(n, "row") for n in (1, 2000)] == ["1 row", "2,000 rows"]
    assert change(200, 190) == "-5.0 %" and change(0, 5) == "" and change(None, 5) == ""
