"""A report shows a run to people, and nothing in a notebook can run or load something in it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lakebook.archive.html import render, sanitize, write_report
from lakebook.archive.record import RunRecord

PNG = "data:image/png;base64,iVBORw0KGgo="


def record(**changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "run_id": "r1",
        "step": "silver.flights",
        "env": "prod",
        "status": "ok",
        "began": "2026-11-23T10:00:00+00:00",
        "elapsed_s": 1.5,
        "start": "2013-01-01",
        "end": "2013-02-01",
    }
    return RunRecord(**{**values, **changes})


def notebook(*outputs: dict[str, Any], source: str = "x = 1", **stat: Any) -> dict[str, Any]:
    figures = {"index": 0, "number": 1, "elapsed_s": 0.25, "peak_rss_mb": 42.0, "status": "ok"}
    cell = {
        "cell_type": "code",
        "id": "a",
        "source": source,
        "execution_count": 1,
        "metadata": {"lakebook": {**figures, **stat}},
        "outputs": list(outputs),
    }
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}


def shown(data: dict[str, str]) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/pixel.png'>",
    "<iframe src='https://evil.example'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<style>@import 'https://evil.example/x.css'; header {display: none}</style>",
    "<p style='background: url(https://evil.example/x)'>x</p>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<meta http-equiv=refresh content='0; url=https://evil.example'>",
    "<form action='https://evil.example'><input name=a></form>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></math>",
    "</div></section></main><script>alert(1)</script>",
    "<div class='badge ok'>✓ ok</div>",
]
FORBIDDEN = {"script", "iframe", "svg", "math", "form", "input", "link", "object", "style", "meta"}


class Found(HTMLParser):
    """What a browser would act upon: text that only looks like a tag is none."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.active: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in FORBIDDEN:
            self.active.append(tag)
        for name, value in attrs:
            text = value or ""
            image = name == "src" and text.startswith("data:image/")
            link = name == "href" and text.startswith(("http://", "https://", "#"))
            if (
                name.startswith("on")
                or name == "style"
                or "badge" in text
                or (name in ("src", "href") and not image and not link)
            ):
                self.active.append(f"{name}={text}")


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_hostile_survives_in_an_output(html: str) -> None:
    assert Found(html).active
    assert Found(sanitize(html)).active == []


@pytest.mark.parametrize("html", HOSTILE)
@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "text/markdown", "text/latex"])
def test_nothing_hostile_survives_in_a_report(html: str, kind: str) -> None:
    page = render(notebook(shown({kind: html})), record())
    assert Found(page.split("<main>")[1].rpartition("</main>")[0]).active == []


def test_a_hostile_name_or_error_is_text() -> None:
    page = render(notebook(), record(error="<script>alert(1)</script>", status="failed"))
    assert "<script" not in page


def test_script_outputs_and_widgets_are_left_out() -> None:
    output = shown({"application/javascript": "alert(1)", "text/plain": "a chart"})
    page = render(notebook(output), record())
    assert "alert(1)" not in page
    assert "a chart" in page


def test_the_page_forbids_scripts_and_foreign_loads_itself() -> None:
    assert "default-src 'none'; img-src data:" in render(notebook(), record())


def test_pictures_are_kept_as_data() -> None:
    png = shown({"image/png": "iVBORw0KGgo="})
    svg = shown({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"})
    page = render(notebook(png, svg), record())
    assert PNG in page
    assert "data:image/svg+xml;base64," in page
    assert "<svg" not in page


def test_tables_of_frames_are_kept() -> None:
    html = "<table class='dataframe'><tr><th>carrier</th></tr><tr><td>UA</td></tr></table>"
    page = render(notebook(shown({"text/html": html})), record())
    assert "<td>UA</td>" in page


def test_time_and_memory_stand_beside_the_cell() -> None:
    page = render(notebook(), record())
    assert "0.25 s" in page
    assert "42 MB" in page


def test_the_failing_cell_is_linked_from_the_error() -> None:
    run = record(status="failed", error="silver.flights: no", error_cell=1)
    page = render(notebook(status="failed"), run)
    assert '<a href="#failed">' in page
    assert page.count('id="failed"') == 1


def test_rows_and_checks_are_shown() -> None:
    output = {
        "dataset": "silver.flights",
        "version": 3,
        "committed": ["2013-01"],
        "rows_audited": 27004,
        "rows_published": 27000,
        "rows_quarantined": 4,
    }
    check = {"name": "known_carrier", "success": False, "action": "warn", "reason": "a new airline"}
    page = render(notebook(), record(outputs=(output,), checks=(check,)))
    assert "27,004" in page
    assert "27,000" in page
    assert "a new airline" in page
    assert "! warn" in page


def test_the_interval_is_shown_with_its_last_day() -> None:
    assert "2013-01-01 – 2013-01-31" in render(notebook(), record())


def test_a_cell_that_never_ran_says_so() -> None:
    unrun = notebook()
    unrun["cells"][0]["metadata"] = {}
    assert "not run" in render(unrun, record(status="killed"))


def test_a_report_of_a_saved_notebook_has_its_lines_and_pictures(tmp_path: Path) -> None:
    made = notebook(shown({"image/png": "iVBORw0KGgo=\n"}), source="first = 1\nsecond = 2")
    saved = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.from_dict(made), str(saved))
    assert isinstance(json.loads(saved.read_text())["cells"][0]["source"], list)
    target = write_report(str(saved), record().to_json(), str(tmp_path / "report.html"))
    page = Path(target).read_text()
    assert "data:image/png;base64,iVBORw0KGgo=" in page
    assert "second" in page
