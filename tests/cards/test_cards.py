"""A card: what a notebook shows is what the report keeps, and it can do no harm."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

from lakebook.archive.cells import render_cells
from lakebook.archive.sanitize import sanitize
from lakebook.cards import charts
from lakebook.cards.render import Shown, card, environment, text_table
from lakebook.cards.views import (
    Figure,
    check_view,
    input_view,
    output_view,
    sample_view,
)
from lakebook.cards.words import plural

EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
OUTPUT = {
    "dataset": "silver.events",
    "version": 4,
    "committed": ["2013-01"],
    "rows_audited": 10,
    "rows_published": 8,
    "rows_quarantined": 2,
    "profile": {
        "sample": {
            "columns": [
                {"name": "id", "type": "int64", "num": True},
                {"name": "who", "type": "string", "num": False},
            ],
            "rows": [["1", "ana"], ["2", None]],
        }
    },
}
CHECK = {
    "dataset": "silver.events",
    "name": "positive",
    "column": "amount",
    "action": "quarantine",
    "success": False,
    "unexpected": 2,
    "evaluated": 10,
    "observed": None,
    "sample": [{"id": 7, "amount": -5}],
    "reason": "an amount is paid",
}


def nothing_hidden(column: str | None) -> bool:
    return False


def written(check: dict[str, Any] = CHECK, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    past = [Figure(0, True), Figure(2, False)]
    return {
        "output": output_view(OUTPUT),
        "notes": notes,
        "checks": [
            check_view(check, nothing_hidden, past),
            check_view({**check, "success": True, "unexpected": 0}, nothing_hidden, past[:1]),
        ],
        "inputs": [
            input_view({"dataset": "bronze.events", "version": 3, "partitions": ["2013-01"]}),
            input_view({"source": "file://events.csv", "digest": "abc", "modified": "2013"}),
        ],
        "sample": sample_view(OUTPUT, nothing_hidden),
    }


class Parts(HTMLParser):
    """Every tag with its attributes, counted."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: Counter[Any] = Counter()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[(tag, tuple(sorted(attrs)))] += 1


def words(html: str) -> list[str]:
    return re.sub(r"<[^>]*>", " ", html).split()


def test_the_sanitizer_of_reports_takes_nothing_from_a_card() -> None:
    drawn = environment().get_template("cards/written.html").render(**written())
    parts = Parts(drawn).found
    assert Parts(sanitize(drawn)).found == parts
    assert {tag for tag, _ in parts} >= {"table", "th", "img", "details", "summary"}
    shown = card("written.html", "text", **written())
    assert sanitize(shown.html) == shown.html


def test_an_archived_card_is_the_card_without_its_style() -> None:
    shown = card("written.html", "the text", **written())
    assert "<style>" in shown._repr_html_()
    data = {"text/html": shown._repr_html_(), "text/plain": repr(shown)}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [output]}
    (kept,) = render_cells({"cells": [cell]})["cells"][0]["outputs"]
    inside = kept["html"][kept["html"].index('<div class="lb-card') :]
    assert Parts(inside).found == Parts(shown.html).found  # nbconvert sorts attributes
    assert words(inside) == words(shown.html)
    assert "light-dark" not in kept["html"] and "<style" not in kept["html"]
    assert kept["text"] == "the text"


def test_names_values_and_reasons_are_text() -> None:
    evil = {**CHECK, "name": EVIL, "reason": EVIL, "column": EVIL, "sample": [{EVIL: EVIL}]}
    html = card("written.html", "", **written(evil, notes=(EVIL,))).html
    tags = Parts(html).found
    assert not [tag for tag, _ in tags if tag == "script"]
    assert all(dict(attrs).get("src", "data:").startswith("data:") for _, attrs in tags)
    assert html.count("&lt;script&gt;") >= 4


def test_a_picture_says_in_words_what_it_shows() -> None:
    line = charts.sparkline([Figure(0, True), Figure(5, False), Figure(2, True)])
    assert 'alt="last 3 runs: did not hold in 1; now 2, most 5"' in line
    assert charts.sparkline([Figure(0, True)]) == '<span class="lb-dim">first run</span>'
    assert 'alt="spread of x"' in charts.histogram([1, 2, 0], "spread of x")
    assert charts.histogram([], "none") == ""


def test_every_table_of_a_card_has_heads() -> None:
    tags = Parts(card("written.html", "", **written()).html).found
    assert sum(count for (tag, _), count in tags.items() if tag == "table") == sum(
        count for (tag, _), count in tags.items() if tag == "thead"
    )
    assert [attrs for tag, attrs in tags if tag == "th" and "scope" not in dict(attrs)] == []


def test_what_holds_is_folded_and_what_does_not_comes_first() -> None:
    html = card("written.html", "", **written()).html
    assert html.index("quarantine</span>") < html.index("<details><summary>1 rule holds")


def test_a_sample_tells_null_from_nothing_and_hides_what_is_classified() -> None:
    hides = "who".__eq__
    sample = sample_view(OUTPUT, hides)
    assert sample is not None and sample["rows"] == [["1", "•••"], ["2", None]]
    assert sample_view({"dataset": "silver.events"}, hides) is None, "an older record has none"


@pytest.mark.parametrize("observed", [3.5, "42 in 2013-01"])
def test_a_measured_value_of_a_classified_column_is_hidden(observed: Any) -> None:
    check = {**CHECK, "unexpected": None, "observed": observed}
    assert check_view(check, "amount".__eq__, [])["observed"] == "•••"


def test_text_stands_in_columns() -> None:
    lines = text_table(["name", "n"], [["a", 1], [None, 20]], right=frozenset({1}))
    assert lines == ["name   n", "a      1", "null  20"]
    assert repr(Shown("<p>", "text")) == "text"


def test_several_are_spelt_as_people_do() -> None:
    assert [plural(n, w) for n, w in ((1, "day"), (2, "day"), (2, "query"), (1000, "row"))] == [
        "1 day", "2 days", "2 queries", "1,000 rows",
    ]  # fmt: skip
