"""Where the lake holds a dataset, and what keeps it from being taken away from there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..contract.load import display
from ..contract.lookup import may_promise, readable_tables
from ..delta import Pins, living_stages, read_leases
from ..errors import UserError, did_you_mean
from ..names import PROD, Dataset, environments_of, table_path, tables_of, tier_tables
from ..settings import Settings


def tables_held(settings: Settings, env: str) -> set[Dataset]:
    """The datasets that an environment has a table of, of prod in hot or warm; quarantines too."""
    if env != PROD:
        return set(tables_of(settings.lake, env=env))
    return {*tables_of(settings.roots.hot), *tables_of(settings.roots.warm, tier="warm")}


def no_table(settings: Settings, dataset: Dataset) -> UserError:
    """That the lake holds nothing of a dataset, with the nearest name of what it holds."""
    envs = environments_of(settings.lake)
    known = {str(name) for env in envs for name in tables_held(settings, env)}
    return UserError(
        f"the lake has no table {dataset}{did_you_mean(str(dataset), known)}",
        where=str(settings.lake),
    )


def refuse_promised(settings: Settings, dataset: Dataset) -> None:
    """Raise UserError if a contract promises a dataset, or may, as it cannot be read."""
    found = readable_tables(settings)
    for table in found.tables:
        if table.dataset == dataset:
            raise UserError(
                f"{dataset} is promised by its contract",
                where=display(table.path, settings.root),
                fix="take it out there first, and its notebook",
            )
    for path in found.broken:
        if dataset in may_promise(path):
            raise UserError(
                f"{dataset} may be promised by a contract that cannot be read",
                where=display(path, settings.root),
                fix="lakebook check says why; mend it first",
            )


def refuse_used(settings: Settings, dataset: Dataset) -> None:
    """Raise UserError if somebody is writing it, or reads it under a lease that is no pin."""
    pinned = {
        pin.lease
        for env in environments_of(settings.lake)
        if (pin := Pins(settings.roots, env).find(dataset)) is not None
    }
    for table in folders_of(settings, dataset):
        if runs := living_stages(table):
            raise UserError(
                f"{dataset} is being written by {', '.join(runs)}",
                fix="wait for its end, or stop it",
            )
        for lease in read_leases(table):
            if lease.id not in pinned:
                raise UserError(
                    f"{dataset} is being read by {lease.holder}", fix="wait for its end, or stop it"
                )


def folders_of(settings: Settings, dataset: Dataset) -> Iterator[Path]:
    """Every folder of it that is there, the ones that readers ask first at last."""
    for name in (dataset.quarantine, dataset):
        tables = tier_tables(settings.roots, name)
        mine = [tables.cold, tables.warm, tables.hot]
        mine += [
            table_path(settings.lake, name, env=env)
            for env in environments_of(settings.lake)
            if env != PROD
        ]
        yield from (folder for folder in mine if folder.is_dir())
