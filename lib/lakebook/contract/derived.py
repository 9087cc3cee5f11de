"""Columns that were made of hidden ones and that no contract classifies: hidden until one does.

A write notes them in the lake, `<lake>/<env>/state/hidden/<dataset>.json`; whoever
looks a contract up finds them classified. A classification in the contract, whichever, ends that.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..files import put_file
from ..names import PROD, Dataset
from ..settings import Settings
from .classified import CLASSIFIED
from .model import TableContract


def undeclared(table: TableContract, hidden: Collection[str]) -> tuple[str, ...]:
    """Those of a table's columns in `hidden` of which its contract does not say what they are."""
    return tuple(c.name for c in table.columns if c.name in hidden and not c.classification)


def hide(table: TableContract, names: Collection[str]) -> TableContract:
    """The contract with some columns classified, if it does not say what they are."""
    if not set(undeclared(table, names)):
        return table
    columns = tuple(
        replace(column, classification=CLASSIFIED[0])
        if column.name in names and not column.classification
        else column
        for column in table.columns
    )
    return replace(table, columns=columns)


def note_derived(settings: Settings, dataset: Dataset, names: Collection[str]) -> None:
    """Remember columns of a dataset; those noted before stay."""
    path = _path(settings, settings.env, dataset)
    known = _read(path)
    if not set(names) - set(known):
        return
    put_file(path, json.dumps(sorted({*known, *names})))


def move_derived(settings: Settings, env: str, old: Dataset, new: Dataset) -> None:
    """What is noted of a dataset counts for its new name too."""
    if names := _read(_path(settings, env, old)):
        note_derived(replace(settings, env=env), new, names)


def with_derived(settings: Settings, table: TableContract) -> TableContract:
    """The contract with what is noted of its dataset, in prod and in the environment."""
    names = [
        name
        for env in dict.fromkeys((PROD, settings.env))
        for name in _read(_path(settings, env, table.dataset))
    ]
    return hide(table, names)


def _path(settings: Settings, env: str, dataset: Dataset) -> Path:
    return settings.lake / env / "state" / "hidden" / f"{dataset}.json"


def _read(path: Path) -> list[str]:
    try:
        found: list[str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return found
