"""One run as one file: its page with the style inside, no script, no link to another page."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

from ..errors import UserError
from ..settings import Settings
from . import render
from .build import build_site
from .catalog import load_catalog
from .run_view import run_view
from .store import Run, Store


def find_run(settings: Settings, run_id: str) -> Run:
    """The run with this id, or the one whose id begins so. Raises UserError for none or several."""
    path = settings.site / ".build" / "state" / "runs.sqlite"
    store = Store(path)
    try:
        found = store.get(run_id)
        near = [found] if found else store.matching(run_id)
    finally:
        store.close()
    if len(near) == 1:
        return near[0]
    if near:
        raise UserError(
            f"{len(near)} or more runs begin with {run_id!r}: {near[0].run_id}, {near[1].run_id}",
            fix="write more of the id",
        )
    raise UserError(f"there is no run {run_id!r}", fix="`lakebook runs` lists them")


def export_run(settings: Settings, run_id: str, target: Path | None = None) -> Path:
    """Write the file and return its path (default: `<run>.html` in the current folder)."""
    catalog = load_catalog(settings)
    build_site(settings, catalog=catalog)
    run = find_run(settings, run_id)
    if run.pruned:
        raise UserError(f"run {run.run_id} was removed: {run.pruned}")
    store = Store(settings.site / ".build" / "state" / "runs.sqlite")
    try:
        view = run_view(store, catalog, run)
    finally:
        store.close()
    style = render.asset_text(render.CSS)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    text = render.page(
        "export.html", settings.env, "", single=True, inline=Markup(style), lock=policy, **view
    )
    place = target or Path.cwd() / f"{run.run_id}.html"
    if place.is_dir():
        place = place / f"{run.run_id}.html"
    render.write(place, text)
    return place
