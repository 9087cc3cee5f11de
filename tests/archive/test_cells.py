"""The cells of a run are kept for pages; nothing in a notebook can run or load something there."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lakebook.archive import cells as kept
from lakebook.archive.cells import render_cells, write_cells
from lakebook.archive.sanitize import sanitize

PNG = "data:image/png;base64,iVBORw0KGgo="


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


def rendered(*outputs: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The one cell of such a notebook."""
    return render_cells(notebook(*outputs, **options))["cells"][0]


def html_of(cell: dict[str, Any]) -> str:
    return cell["source_html"] + "".join(o.get("html", "") for o in cell["outputs"])


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
def test_nothing_hostile_survives_in_a_cell(html: str, kind: str) -> None:
    assert Found(html_of(rendered(shown({kind: html})))).active == []


def test_a_hostile_markdown_cell_is_harmless() -> None:
    for html in HOSTILE:
        cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": html}
        made = render_cells({"cells": [cell]})["cells"][0]
        assert Found(made["source_html"]).active == []


def test_script_outputs_and_widgets_are_left_out() -> None:
    cell = rendered(shown({"application/javascript": "alert(1)", "text/plain": "a chart"}))
    assert "alert(1)" not in json.dumps(cell)
    assert "a chart" in html_of(cell)


def test_pictures_are_kept_as_data() -> None:
    png = shown({"image/png": "iVBORw0KGgo=\n"})
    svg = shown({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"})
    first, second = rendered(png, svg)["outputs"]
    assert first["src"] == PNG
    assert second["src"].startswith("data:image/svg+xml;base64,")


def test_a_picture_that_is_no_base64_is_left_out() -> None:
    (output,) = rendered(shown({"image/png": '"><script>alert(1)</script>'}))["outputs"]
    assert output["kind"] == "note"
    assert "src" not in output


def test_the_same_plot_made_twice_has_the_same_digest() -> None:
    plot = (
        "<svg><metadata><dc:date>{day}</dc:date></metadata><defs><clipPath id='p1'/></defs>"
        '<path id="m{seed}"/><use href="#m{seed}"/><path d="M{x} 0"/></svg>'
    )

    def digest(day: str, seed: str, x: int) -> str:
        svg = plot.format(day=day, seed=seed, x=x)
        return rendered(shown({"image/svg+xml": svg}))["outputs"][0]["digest"]

    assert digest("today", "0123456789", 1) == digest("tomorrow", "abcdef0123", 1)
    assert digest("today", "0123456789", 1) != digest("today", "0123456789", 2)


def test_tables_of_frames_are_kept() -> None:
    html = "<table class='dataframe'><tr><th>carrier</th></tr><tr><td>UA</td></tr></table>"
    assert "<td>UA</td>" in html_of(rendered(shown({"text/html": html})))


def test_time_and_memory_are_kept_with_the_cell() -> None:
    cell = rendered()
    assert (cell["elapsed_s"], cell["peak_rss_mb"], cell["status"]) == (0.25, 42.0, "ok")


def test_a_cell_that_never_ran_says_so() -> None:
    unrun = notebook()
    unrun["cells"][0]["metadata"] = {}
    assert render_cells(unrun)["cells"][0]["status"] == "none"


def test_headings_stand_below_those_of_the_page() -> None:
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# One"}
    assert "<h3>One</h3>" in render_cells({"cells": [cell]})["cells"][0]["source_html"]


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def test_many_prints_are_one_text() -> None:
    (output,) = rendered(*(stream(f"line {n}\n") for n in range(500)))["outputs"]
    assert "line 0\nline 1\n" in output["text"]


def test_a_huge_text_keeps_its_beginning_and_its_end() -> None:
    cell = rendered(stream("first\n" + "x" * 30_000_000 + "\nlast"))
    html = html_of(cell)
    assert len(html) < 2 * kept.TEXT_MAX
    assert "first" in html and "last" in html and "characters left out" in html


@pytest.mark.parametrize("kind", ["text/html", "text/markdown", "text/latex", "image/png"])
def test_a_huge_output_is_left_out_and_says_so(kind: str) -> None:
    (output,) = rendered(shown({kind: "A" * (kept.IMAGE_MAX + 1)}))["outputs"]
    assert output["kind"] == "note" and "notebook.ipynb" in output["text"]


def test_many_large_outputs_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "HTML_MAX", 10_000)
    monkeypatch.setattr(kept, "RUN_MAX", 30_000)
    big = shown({"text/html": f"<p>{'x' * 9_000}</p>"})
    made = rendered(*[big] * 90)["outputs"]
    assert sum(len(output["html"]) for output in made) < 60_000
    assert {output["kind"] for output in made} == {"html", "note"}


def test_deep_nesting_neither_hangs_nor_grows() -> None:
    (output,) = rendered(shown({"text/html": "<div>" * 60_000}))["outputs"]
    assert len(output["html"]) < kept.HTML_MAX * 3


def test_cells_of_a_saved_notebook_have_their_lines(tmp_path: Path) -> None:
    made = notebook(shown({"image/png": "iVBORw0KGgo=\n"}), source="first = 1\nsecond = 2")
    saved = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.from_dict(made), str(saved))
    assert isinstance(json.loads(saved.read_text())["cells"][0]["source"], list)
    target = write_cells(str(saved), str(tmp_path / "cells.json"))
    (cell,) = json.loads(Path(target).read_text())["cells"]
    assert cell["source"] == "first = 1\nsecond = 2"
    assert cell["outputs"][0]["src"] == PNG
