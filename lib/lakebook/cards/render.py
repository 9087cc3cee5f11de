"""From a view to what a cell shows: HTML with its own style, and text for where there is no HTML.

The HTML has been through the sanitizer of reports, so the archive shows exactly what the notebook
did; the style stands apart, since a page of the archive has it already.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"


Bundle = tuple[dict[str, str], dict[str, Any]]


def bundle(shown: Any) -> Bundle:
    """What IPython is given of a card: it says of itself that it is one, and masked."""
    from ..archive.withheld import CARD

    return {"text/html": shown._repr_html_(), "text/plain": repr(shown)}, {CARD: True}


@dataclass(frozen=True)
class Shown:
    """What a cell shows. `html` is without the style; `text` is all that a terminal gets."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<style>{style()}</style>\n{self.html}"

    def _repr_mimebundle_(self, **_: Any) -> Bundle:
        return bundle(self)


def card(template: str, text: str, **view: Any) -> Shown:
    """Fill one of the templates of this package."""
    from ..archive.sanitize import sanitize

    html = environment().get_template(f"cards/{template}").render(**view)
    return Shown(sanitize(html).strip(), text)


@cache
def style() -> str:
    return (HERE / "cards.css").read_text(encoding="utf-8").strip()


@cache
def environment() -> Environment:
    from jinja2 import FileSystemLoader, PrefixLoader

    return equip(PrefixLoader({"cards": FileSystemLoader(TEMPLATES)}))


def equip(loader: Any) -> Environment:
    """An environment with the words that cards and pages use. Autoescape is on."""
    from jinja2 import Environment, StrictUndefined

    from . import words

    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("done", "duration", "count", "megabytes", "moment", "names", "size_text"):
        made.filters[name] = getattr(words, name)
    made.globals.update(
        interval=words.interval, change=words.change, plural=words.plural, MARKS=words.MARKS
    )
    return made


def text_table(head: list[str], rows: list[list[Any]], *, right: frozenset[int]) -> list[str]:
    """Lines of a table in text; columns in `right` end at the same place."""
    cells = [[("null" if v is None else str(v)) for v in row] for row in (head, *rows)]
    wide = [max(len(row[at]) for row in cells) for at in range(len(head))]
    return [
        "  ".join(
            text.rjust(width) if at in right else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in cells
    ]
