"""An archive made by hand, and a browser: what the tests of the site stand on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_browser import Browser, find_chromium

from lakebook.archive.cells import render_cells
from lakebook.archive.record import RunRecord, write_record
from lakebook.settings import Settings, load_settings
from lakebook.site.build import Built, build_site


def code_cell(
    source: str, *outputs: dict[str, Any], number: int = 1, **stat: Any
) -> dict[str, Any]:
    figures = {"index": number - 1, "number": number, "elapsed_s": 0.2, "peak_rss_mb": 80.0}
    return {
        "cell_type": "code",
        "id": f"c{number}",
        "source": source,
        "execution_count": number,
        "metadata": {"lakebook": {**figures, "status": "ok", **stat}},
        "outputs": list(outputs),
    }


def shown(**data: str) -> dict[str, Any]:
    names = {"html": "text/html", "text": "text/plain", "svg": "image/svg+xml", "png": "image/png"}
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {names.get(kind, kind): value for kind, value in data.items()},
    }


class Archive:
    """A lake whose runs are written by the test; days count back from the 20th."""

    def __init__(self, root: Path) -> None:
        (root / "lakebook.toml").write_text("")
        self.settings: Settings = load_settings(root, environ={})
        self.root = root

    def run(
        self,
        run_id: str,
        *cells: dict[str, Any],
        day: int = 20,
        rendered: bool = True,
        **fields: Any,
    ) -> Path:
        values: dict[str, Any] = {
            "run_id": run_id,
            "step": "silver.flights",
            "env": "prod",
            "status": "ok",
            "began": f"2026-11-{day:02}T10:00:00+00:00",
            "elapsed_s": 1.5,
        }
        out = self.root / f"out-{run_id}"
        out.mkdir()
        notebook = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (out / "notebook.ipynb").write_text(json.dumps(notebook))
        made = json.dumps(render_cells(notebook)) if rendered else None
        return write_record(self.settings.runs, RunRecord(**{**values, **fields}), out, made)

    def build(self, **options: Any) -> Built:
        return build_site(self.settings, **options)

    def page(self, name: str) -> str:
        return (self.settings.site / name).read_text(encoding="utf-8")


def output(dataset: str = "silver.flights", *, audited: int, aside: int = 0, **more: Any) -> dict:
    return {
        "dataset": dataset,
        "version": 3,
        "committed": ["2013-01"],
        "rows_audited": audited,
        "rows_published": audited - aside,
        "rows_quarantined": aside,
        **more,
    }


def check(name: str, *, success: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "dataset": "silver.flights",
        "name": name,
        "column": None,
        "action": "warn",
        "success": success,
        "observed": None,
        "unexpected": 0 if success else 7,
        "evaluated": 100,
        "sample": [],
        "reason": f"because {name}",
        **more,
    }


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        if os.environ.get("LAKEBOOK_NEEDS_BROWSER"):
            pytest.fail("no Chromium, and LAKEBOOK_NEEDS_BROWSER asks for one")
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with Browser(chromium, tmp_path_factory.mktemp("chromium")) as running:
        yield running
