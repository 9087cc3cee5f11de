"""Columns that were made of ones that are hidden by now, as the last check followed them.

What a step writes is looked at when it is written (`derived`). A column that is classified only
after that makes hidden what was made of it before, by the edges that `lakebook check` remembers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import UserError
from ..names import Dataset, check_path, step_of
from .classified import is_classified
from .derived import hide, undeclared
from .model import TableContract

Find = Callable[[Dataset], TableContract | None]


@dataclass(frozen=True)
class Followed:
    """What enters one table: columns by its own columns' names, or, where nobody could follow
    them, tables."""

    columns: tuple[tuple[str, str, str], ...]  # source, its column, own column
    tables: tuple[str, ...]


_NOTHING = Followed((), ())


def with_made_of(
    state: Path, table: TableContract, find: Find, above: frozenset[Dataset] = frozenset()
) -> TableContract:
    """The table with columns hidden that are made of hidden ones, if its contract does not say what
    they are.

    Parameters
    ----------
    state: the folder in which a check is remembered.
    find: gives the contract of another dataset.
    above: those that are being asked for, in turn made of this one.
    """
    if not undeclared(table, table.names):
        return table
    followed = _followed(state, table)
    hidden: dict[str, frozenset[str]] = {}

    def hidden_of(source: str) -> frozenset[str]:
        if source not in hidden:
            hidden[source] = _hidden(state, source, find, above | {table.dataset})
        return hidden[source]

    made = {own for source, column, own in followed.columns if column in hidden_of(source)}
    if any(hidden_of(source) for source in followed.tables):
        made = set(table.names)
    return hide(table, made)


def _hidden(state: Path, source: str, find: Find, above: frozenset[Dataset]) -> frozenset[str]:
    try:
        dataset = Dataset.parse(source)
    except UserError:
        return frozenset()  # a source outside of the lake has no contract of its own
    table = None if dataset in above else find(dataset)
    if table is None:
        return frozenset()
    table = with_made_of(state, table, find, above)
    return frozenset(column.name for column in table.columns if is_classified(column))


def _followed(state: Path, table: TableContract) -> Followed:
    path = check_path(state, step_of(table.path))
    try:
        found = path.stat()
    except FileNotFoundError:
        return _NOTHING
    return _read(path, found.st_mtime_ns, found.st_size).get(str(table.dataset), _NOTHING)


@lru_cache(maxsize=1024)
def _read(path: Path, modified: int, size: int) -> dict[str, Followed]:
    """By table. `modified` and `size` tell one state of the file from the next."""
    try:
        check = json.loads(path.read_text(encoding="utf-8"))["check"]
    except (FileNotFoundError, ValueError, KeyError):
        return {}
    columns: dict[str, list[tuple[str, str, str]]] = {}
    for source, column, target, own, _ in check["columns"]:
        columns.setdefault(target, []).append((source, column, own))
    opaque = {target: [s for s, t in check["tables"] if t == target] for target in check["opaque"]}
    return {
        target: Followed(tuple(columns.get(target, ())), tuple(opaque.get(target, ())))
        for target in {*columns, *opaque}
    }
