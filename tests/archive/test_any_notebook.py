"""Whatever a valid notebook holds, the cells of its run are kept."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import sampling
from any_notebook import PNG, notebooks

from lakebook.archive.cells import render_cells

from .test_cells import Found, html_of


@hypothesis.seed(sampling.seed("any notebook"))
@hypothesis.settings(
    max_examples=sampling.examples(200, 5_000),
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(notebook=notebooks())
def test_any_valid_notebook_is_rendered(notebook: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(render_cells(json.loads(json.dumps(notebook)))))
    assert len(stored["cells"]) == len(notebook["cells"])
    for cell, given in zip(stored["cells"], notebook["cells"], strict=True):
        assert cell["source"] == "".join(given["source"])
        assert len(cell["outputs"]) >= bool(given.get("outputs"))
        assert Found(html_of(cell)).active == []


def markdown(source: str, **attachments: Any) -> dict[str, Any]:
    cell = {"cell_type": "markdown", "metadata": {}, "source": source, "attachments": attachments}
    [made] = render_cells({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})[
        "cells"
    ]
    return made


def test_a_pasted_picture_is_kept() -> None:
    shown = markdown("![i](attachment:i.png)", **{"i.png": {"image/png": PNG}})["source_html"]
    assert f'src="data:image/png;base64,{PNG}"' in shown


def test_a_text_whose_picture_is_gone_is_shown_as_it_is_written() -> None:
    shown = markdown("see ![i](attachment:i.png) here")["source_html"]
    assert "cannot be rendered" in shown
    assert "see ![i](attachment:i.png) here" in shown
