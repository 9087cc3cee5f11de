"""The card of a difference to what is published: schema, counts, and examples of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...cards.render import Shown, card, text_table
from ...cards.views import shown_value
from ...cards.words import count, plural
from ...contract.model import TableContract
from .compare import Difference, compare, differing
from .preview import said
from .sides import sides

if TYPE_CHECKING:
    from ..lake import LakeContext

CHANGED_CELLS = 12  # of a row that is shown as an example


def diff(
    context: LakeContext,
    frame: Any,
    contract: TableContract,
    hide: Callable[[Iterable[str]], frozenset[str]],
    notes: Sequence[str],
) -> Shown:
    """Compare a frame, or what was written last, with what is published of the interval."""
    merges = contract.write == "merge"
    with sides(context, frame, contract) as found:
        words = [*notes, *found.notes]
        if found.before is None:
            rows = _rows(found.now)
            where = f"{contract.dataset}, {found.said}"
            text = f"Nothing is published here yet: all {plural(rows, 'row')} are new."
            if found.unread:
                text = f"{plural(rows, 'row')}, and nothing to compare with: {found.unread}."
            return _shown(contract, found.said, text, [where, text, *said((), words)], None, words)
        told = compare(found.before, found.now, contract, keep_missing=merges and frame is not None)
    if merges and frame is not None:
        words.append("a merge keeps the rows that its batch does not name")
    hidden = hide(_names(told))
    return _told(contract, found.said, told, hidden, [*words, *told.notes])


def _rows(rows: Any) -> int:
    import polars as pl

    return int(rows.select(pl.len()).collect(engine="streaming").item())


def _told(
    contract: TableContract,
    against: str,
    told: Difference,
    hidden: Collection[str],
    notes: Sequence[str],
) -> Shown:
    headline = _headline(told)
    counts = {
        "before": told.before,
        "now": told.now,
        "added": told.added,
        "removed": told.removed,
        "changed": told.altered,
        "same": told.same,
    }
    pairs = [_pair(before, now, told.key, hidden) for before, now in told.changed]
    lines = [f"{contract.dataset}, {against}", headline]
    lines += [f"  {name:<9}{value:>14,}" for name, value in counts.items()]
    lines += [f"  column {c.name} {c.kind}: {c.before} -> {c.now}" for c in told.schema]
    lines += [f"  {name} changed in {plural(rows, 'row')}" for name, rows in told.columns]
    for pair in pairs:
        cells = [f"{c['name']} {c['before']} -> {c['now']}" for c in pair["cells"]]
        lines.append(f"  {', '.join(pair['key'])}: {'; '.join(cells)}")
    added, removed = _sample(told.added_rows, hidden), _sample(told.removed_rows, hidden)
    for what, rows in (("added", added), ("removed", removed)):
        if rows["rows"]:
            names = [c["name"] for c in rows["columns"]]
            lines += [f"{what}:", *text_table(names, rows["rows"], right=frozenset())]
    more = {
        "keyed": told.key,
        "schema": [vars(change) for change in told.schema],
        "columns": [{"name": name, "changed": rows} for name, rows in told.columns],
        "changed": pairs,
        "added": added,
        "removed": removed,
        "hidden": sorted(hidden),
    }
    text = [*lines, *said(sorted(hidden), notes)]
    return _shown(contract, against, headline, text, counts, notes, **more)


def _shown(
    contract: TableContract,
    against: str,
    headline: str,
    lines: Iterable[str],
    counts: Mapping[str, int] | None,
    notes: Sequence[str],
    **more: Any,
) -> Shown:
    empty: dict[str, Any] = {"columns": [], "rows": []}
    view: dict[str, Any] = {"keyed": (), "schema": [], "columns": [], "changed": [], "hidden": []}
    view |= {"added": empty, "removed": empty, **more}
    text = "\n".join(lines)
    return card(
        "diff.html",
        text,
        dataset=str(contract.dataset),
        against=against,
        headline=headline,
        counts=counts,
        notes=list(notes),
        **view,
    )


def _headline(told: Difference) -> str:
    if told.is_empty:
        return f"No difference in {plural(told.now, 'row')}."
    parts = [
        f"{count(number)} {word}"
        for number, word in (
            (told.added, "added"),
            (told.removed, "removed"),
            (told.altered, "changed"),
        )
        if number
    ]
    rows = f"Rows: {', '.join(parts)}." if parts else f"No row differs, of {count(told.now)}."
    if not told.schema:
        return rows
    return f"{rows} The schema differs in {plural(len(told.schema), 'column')}."


def _pair(
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    key: Sequence[str],
    hidden: Collection[str],
) -> dict[str, Any]:
    """A row that changed: its key, and the cells that differ."""
    cells = [
        {
            "name": name,
            "before": shown_value(before[name], masked=name in hidden),
            "now": shown_value(now[name], masked=name in hidden),
        }
        for name in differing(before, now, key)
    ]
    values = [shown_value(now[name], masked=name in hidden) or "null" for name in key]
    return {"key": values, "cells": cells[:CHANGED_CELLS]}


def _sample(rows: Sequence[Mapping[str, Any]], hidden: Collection[str]) -> dict[str, Any]:
    names = list(rows[0]) if rows else []
    numbers = {n for n in names if all(isinstance(r[n], int | float | None) for r in rows)}
    columns = [{"name": name, "type": "", "num": name in numbers} for name in names]
    shown = [[shown_value(row[n], masked=n in hidden) for n in names] for row in rows]
    return {"columns": columns, "rows": shown}


def _names(told: Difference) -> set[str]:
    """Columns of which a value might be shown."""
    rows = [*told.added_rows, *told.removed_rows, *(now for _, now in told.changed)]
    return {name for row in rows for name in row}
