"""Where pages are. A run's page stays at its place for good: chat and Airflow hold links to it."""

from __future__ import annotations

import re

CATALOG = "data/catalog.js"
"""Which runs the catalog does not know yet; `lakebook.catalog.pending` writes it."""


def page_name(run_id: str) -> str:
    """A run's page below the site; an id that is no file name is refused."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id):
        raise ValueError(f"not a run id: {run_id!r}")
    return f"runs/{run_id}.html"
