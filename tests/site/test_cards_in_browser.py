"""A card in JupyterLab's own style and in the report, in a real browser: people see the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from nbconvert import HTMLExporter
from site_browser import Browser

from lakebook.cards.render import Shown, card
from lakebook.cards.views import Figure, check_view, input_view, output_view, sample_view
from lakebook.step.look.preview import preview
from lakebook.step.look.profile import profile

from .conftest import Archive, code_cell, output, shown

pytestmark = pytest.mark.browser

PROPERTIES = [
    "color",
    "backgroundColor",
    "textAlign",
    "fontSize",
    "fontWeight",
    "fontFamily",
    "lineHeight",
    "display",
    "paddingTop",
    "paddingRight",
    "paddingBottom",
    "paddingLeft",
    "marginTop",
    "marginBottom",
    "borderBottomWidth",
    "borderBottomColor",
    "whiteSpace",
    "verticalAlign",
    "maxWidth",
]
LOOK = """
JSON.stringify([...document.querySelectorAll('%s .lb-card, %s .lb-card *')].map(e => {
  const s = getComputedStyle(e);
  const found = {element: e.tagName + '.' + e.className};
  for (const name of %s) found[name] = s[name];
  if (e.tagName === 'IMG') found.height = e.clientHeight;
  return found;
}))
"""


def written() -> Shown:
    check = {
        "dataset": "silver.flights",
        "name": "possible_seats",
        "column": "seats",
        "action": "quarantine",
        "success": False,
        "unexpected": 2,
        "evaluated": 10,
        "sample": [{"id": 7, "seats": -5}],
        "reason": "a plane has seats",
    }
    made = output(audited=10, aside=2)
    kept = {"columns": [{"name": "id", "type": "int64", "num": True}], "rows": [["1"], [None]]}
    past = [Figure(3, False), Figure(0, True), Figure(2, False)]
    return card(
        "written.html",
        "a card",
        output=output_view(made),
        notes=["one thing to know"],
        checks=[
            check_view(check, lambda _: False, past),
            check_view({**check, "success": True}, lambda _: False, past[:2]),
        ],
        inputs=[input_view({"dataset": "bronze.flights", "version": 3})],
        sample=sample_view({**made, "profile": {"sample": kept}}, lambda _: False),
    )


def cards(tmp_path: Path) -> list[Shown]:
    frame = pl.DataFrame({"a": [1, 2, 3, None], "b": ["x", None, "y", "long " * 30]})
    return [written(), preview(frame, 10, {"b"}, ["a note"]), profile(frame, tmp_path, {"b"}, [])]


def in_lab(found: list[Shown], theme: str, target: Path) -> str:
    """The notebook as nbconvert draws it with JupyterLab's style sheets."""
    data = [{"text/html": one._repr_html_(), "text/plain": repr(one)} for one in found]
    outputs = [nbformat.v4.new_output("display_data", one) for one in data]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=outputs)])
    text, _ = HTMLExporter(template_name="lab", theme=theme).from_notebook_node(notebook)
    target.write_text(text)
    return target.as_uri()


def looks(browser: Browser, inside: str) -> Any:
    return json.loads(browser.evaluate(LOOK % (inside, inside, PROPERTIES)))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_card_looks_the_same_in_the_notebook_and_in_the_report(
    archive: Archive, browser: Browser, tmp_path: Path, dark: bool
) -> None:
    found = cards(tmp_path)
    outputs = [shown(html=one._repr_html_(), text=repr(one)) for one in found]
    archive.run("r1", code_cell("step.write(frame)", *outputs))
    archive.build()
    # The theme of the notebook is the person's choice, whatever the system prefers.
    lab = in_lab(found, "dark" if dark else "light", tmp_path / "lab.html")
    browser.open(lab, dark=not dark)
    here = looks(browser, "body")
    browser.open((archive.settings.site / "runs/r1.html").as_uri(), dark=dark)
    there = looks(browser, "#notebook")
    assert len(here) == len(there) > 150
    differ = {
        f"{one['element']}: {name} {value} is {other[name]} in the report"
        for one, other in zip(here, there, strict=True)
        for name, value in one.items()
        if other[name] != value
    }
    assert sorted(differ) == []
    assert browser.requests() and browser.happened() == []
    pictures = browser.evaluate(
        "[...document.querySelectorAll('#notebook .lb-card img')].every(i => i.naturalWidth > 0)"
    )
    assert pictures is True


def test_a_card_is_not_wider_than_a_phone_and_its_tables_scroll(
    archive: Archive, browser: Browser, tmp_path: Path
) -> None:
    wide = pl.DataFrame({f"a_rather_long_name_{n}": [n] for n in range(30)})
    outputs = [shown(html=one._repr_html_()) for one in (preview(wide, 5, (), ()), written())]
    archive.run("r1", code_cell("step.write(frame)", *outputs))
    archive.build()
    browser.open((archive.settings.site / "runs/r1.html").as_uri(), width=390, height=844)
    assert browser.evaluate("document.documentElement.scrollWidth") == 390
    assert browser.evaluate(
        "[...document.querySelectorAll('#notebook .lb-card')].every(c => c.scrollWidth <= 390)"
    )
    assert browser.evaluate(
        "(() => { const t = document.querySelector('.lb-wide'); t.focus();"
        " return document.activeElement === t && t.scrollWidth > t.clientWidth; })()"
    )
