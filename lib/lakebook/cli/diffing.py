"""`lakebook diff`: what an environment made of a dataset against prod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..cards.words import plural
from ..names import Dataset
from . import shared

if TYPE_CHECKING:
    from ..run.environment_diff import DatasetDiff, Example, Rows

_VALUE_MAX = 60  # characters of a value in a printed example; --json has all
_NAMES_MAX = 6


def diff(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    env: Annotated[
        str | None, typer.Option("--env", metavar="NAME", help="Environment (default yours).")
    ] = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="Compare with prod as it is now, not as pinned.")
    ] = False,
    start: shared.StartOption = None,
    end: shared.EndOption = None,
    days: shared.DaysOption = None,
    examples: Annotated[int, typer.Option(min=0, help="Rows of each kind at most.")] = 5,
    unmask: shared.UnmaskOption = False,
    lake: shared.LakeOption = None,
    as_json: shared.JsonOption = False,
) -> None:
    """Compare what an environment wrote of a dataset with prod: schema, and rows by key."""
    from ..run.environment_diff import diff_environment

    found = diff_environment(
        shared.settings_to_read(lake, env, is_own=True),
        Dataset.parse(dataset),
        latest=latest,
        interval=shared.interval_of(start, end, days),
        examples=examples,
        unmask=unmask,
    )
    if as_json:
        shared.print_json(found.to_json())
        return
    _print(found)


def _print(found: DatasetDiff) -> None:
    out = shared.console()

    def say(text: str) -> None:
        out.print(text, markup=False, soft_wrap=True)

    with_what = f"version {found.prod_version}" if found.prod_version >= 0 else "no table there"
    say(f"{found.dataset}: {found.env}, version {found.version}, against prod, {with_what}")
    if found.prod_version < found.newest:
        say(f"  prod is at version {found.newest} by now; --latest compares with that")
    for change in found.schema:
        kinds = f"{change.before or 'not there'} -> {change.after or 'not there'}"
        say(f"  column {change.column}: {kinds}")
    names = ", ".join(found.differing[:_NAMES_MAX])
    names += " …" if len(found.differing) > _NAMES_MAX else ""
    wrote = plural(len(found.written), "partition")
    say(f"  {wrote} written, {len(found.differing)} with other rows{': ' if names else ''}{names}")
    _print_rows(found.rows, say)
    if found.rows.examples:
        out.print(_table(found))
    shown = {name for one in found.rows.examples for name in (*one.key, *one.before, *one.after)}
    if hidden := [name for name in found.masked if name in shown]:
        say(f"hidden by classification: {', '.join(hidden)}; --unmask shows them")


def _print_rows(rows: Rows, say: Any) -> None:
    if not (rows.rows_before or rows.rows_after):
        return
    how = f"by {', '.join(rows.key)}" if rows.key else "by whole rows"
    say(
        f"  rows {how}: {rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} changed, "
        f"{rows.same:,} the same; {rows.rows_before:,} -> {rows.rows_after:,}"
    )
    if rows.changed_columns:
        most = sorted(rows.changed_columns.items(), key=lambda item: (-item[1], item[0]))
        say(f"  changed in: {', '.join(f'{name} ({count:,})' for name, count in most)}")
    for note in rows.notes:
        say(f"  {note}")


def _table(found: DatasetDiff) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", *(("key",) if found.rows.key else ()), "column", "prod", found.env):
        table.add_column(name, overflow="fold")
    for one in found.rows.examples:
        key = (", ".join(_text(value) for value in one.key.values()),) if found.rows.key else ()
        for cells in _lines(one):
            table.add_row(*map(Text, (one.kind, *key, *cells)))
    return table


def _lines(one: Example) -> list[tuple[str, str, str]]:
    """A line for each column that changed, or one for a whole row."""
    if one.kind == "changed":
        return [(name, _text(old), _text(one.after[name])) for name, old in one.before.items()]
    return [("", _row(one.before), _row(one.after))]


def _row(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return text if len(text) <= 2 * _VALUE_MAX else f"{text[: 2 * _VALUE_MAX]}…"


def _text(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}…"
