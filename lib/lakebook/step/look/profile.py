"""The profile of a frame: rows, and per column nulls, distinct values, range, mean and spread.

One pass over the rows, in batches; memory does not grow with them. Whatever a write publishes has a
profile in its record too (`step.profile`), made of the files' statistics.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cards import charts
from ...cards.render import Shown, card, text_table
from ...cards.views import filled_bar, short
from ...cards.words import count, plural
from ...contract.classified import MASK
from .frames import lazy_rows
from .measures import Measured
from .preview import said, type_of

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 100_000
_HEAD = ["column", "type", "nulls", "distinct", "min", "mean", "max"]


def profile(frame: Any, scratch: Path, hidden: Collection[str], notes: Sequence[str]) -> Shown:
    """The card of a frame's profile; of the columns in `hidden` no value is kept."""
    with lazy_rows(frame, scratch) as rows:
        total, measured = measure(rows, hidden)
    columns = [_column(one, total) for one in measured]
    masked = [one.name for one in measured if one.hides]
    table = [[str(c[key]) for key in ("name", *_HEAD[1:])] for c in columns]
    head = f"{plural(total, 'row')}, {plural(len(columns), 'column')}"
    lines = text_table(_HEAD, table, right=frozenset(range(2, len(_HEAD))))
    text = "\n".join([head, *lines, *said(masked, notes)])
    return card("profile.html", text, rows=total, columns=columns, hidden=masked, notes=list(notes))


def measure(rows: pl.LazyFrame, hidden: Collection[str]) -> tuple[int, list[Measured]]:
    """Number of rows, and the figures of each column."""
    schema = rows.collect_schema()
    measured = [Measured(name, kind, name in hidden) for name, kind in schema.items()]
    total = 0
    if not measured:
        return total, measured
    for batch in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=False):
        total += batch.height
        for one, column in zip(measured, itertools.chain(batch), strict=True):
            one.add(column)
    return total, measured


def _column(found: Measured, rows: int) -> dict[str, Any]:
    filled, counted = rows - found.nulls, found.distinct
    about = "" if counted.is_exact else "≈ "
    low, high, mean = short(found.low), short(found.high), ""
    picture: Any = ""
    if found.hides:
        low = high = MASK if filled else ""
    elif found.kind.is_numeric() or str(found.kind) == "Boolean":
        mean = short(found.mean)
    if not found.hides and counted.count > 1:
        said = f"spread of {found.name} from {low} to {high}"
        picture = charts.histogram(found.bins.shown(), said)
    share = f"{found.nulls / rows:.1%}" if rows and found.nulls else ""
    return {
        "name": found.name,
        "type": type_of(found.kind),
        "bar": filled_bar(found.nulls, rows),
        "nulls": f"{count(found.nulls)} ({share})" if share else "",
        "distinct": f"{about}{count(counted.count)}",
        "min": low,
        "mean": mean,
        "max": high,
        "picture": picture,
    }
