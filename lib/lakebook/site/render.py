"""From a view to a file: the templates, what every page shares, and the atomic write."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from markupsafe import Markup

from ..cards.render import TEMPLATES, equip, style

HERE = Path(__file__).parent
CSS, JS = "site.css", "site.js"
_CARDS = PrefixLoader({"cards": FileSystemLoader(TEMPLATES)})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


@cache
def templates() -> Environment:
    """Autoescape is on; only sanitized cells and our own pictures are `Markup`."""
    made = equip(ChoiceLoader([FileSystemLoader(HERE / "templates"), _CARDS]))
    made.filters["safe_cell"] = _safe_cell
    return made


def _safe_cell(html: str) -> Markup:
    """HTML of cells.json: `archive.sanitize` cleaned it before it was stored."""
    return Markup(html)


def page(template: str, site_name: str, root: str, **view: Any) -> str:
    """A page's HTML. `root` is the way from the page to the site's first folder ("" or "../")."""
    return (
        templates()
        .get_template(template)
        .render(
            site_name=site_name,
            root=root,
            policy=POLICY,
            css=f"{root}assets/{asset_name(CSS)}",
            js=f"{root}assets/{asset_name(JS)}",
            **view,
        )
    )


@cache
def asset_text(name: str) -> str:
    text = (HERE / "assets" / name).read_text(encoding="utf-8")
    return f"{text}{style()}\n" if name == CSS else text


def asset_name(name: str) -> str:
    """Name with its content's digest, so that an older page keeps the style it was made for."""
    stem, _, kind = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(asset_text(name).encode()).hexdigest()[:10]}.{kind}"


def write_assets(site: Path) -> None:
    for name in (CSS, JS):
        target = site / "assets" / asset_name(name)
        if not target.is_file():
            write(target, asset_text(name))


def write(target: Path, text: str) -> None:
    """Replace a file; a reader, or a builder that is killed, never leaves or sees half of it."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
    partial.replace(target)


def data_file(call: str, *values: Any) -> str:
    """A script that hands data over; pages opened from a file may not fetch it otherwise."""
    given = ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
    return f"lakebook.{call}({given});\n"
