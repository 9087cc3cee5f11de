"""What a notebook imports: `Step`, with `read`, `ingest`, `dbt` and `write`."""

from __future__ import annotations

from .api import Step

__all__ = ["Step"]
