"""The first rows of a frame with its types: no more rows are computed than are shown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ...cards.render import Shown, card, text_table
from ...cards.views import shown_value
from ...cards.words import plural
from ...engines.messages import type_name
from .frames import as_narwhals


def preview(frame: Any, rows: int, hidden: Collection[str], notes: Sequence[str]) -> Shown:
    """The card of the first `rows` rows; `hidden` are columns whose values are masked."""
    import narwhals as nw

    whole = as_narwhals(frame)
    schema = whole.collect_schema()
    head = whole.head(rows)
    found = head.collect() if isinstance(head, nw.LazyFrame) else head
    columns = [
        {"name": name, "type": type_of(kind), "num": kind.is_numeric()}
        for name, kind in schema.items()
    ]
    shown = [
        [shown_value(row[name], masked=name in hidden) for name in schema]
        for row in found.rows(named=True)
    ]
    masked = [name for name in schema if name in hidden]
    first = plural(len(shown), "row")
    title = f"The first {first}" if len(shown) == rows else f"All of {first}"
    lines = text_table(
        [f"{c['name']} ({c['type']})" for c in columns],
        shown,
        right=frozenset(at for at, c in enumerate(columns) if c["num"]),
    )
    text = "\n".join([f"{title}, {plural(len(columns), 'column')}", *lines, *said(masked, notes)])
    return card(
        "preview.html", text, title=title, columns=columns, rows=shown, hidden=masked, notes=notes
    )


def type_of(kind: Any) -> str:
    """A type as contracts spell it, where they do."""
    return type_name(kind)


def said(hidden: Sequence[str], notes: Sequence[str]) -> list[str]:
    """What a card's text says below its table."""
    masked = [f"hidden: {', '.join(hidden)}"] if hidden else []
    return [*masked, *(f"note: {note}" for note in notes)]
