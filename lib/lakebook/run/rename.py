"""Gives a dataset's tables the name that a contract has for it by now.

A dataset is renamed by its notebook and contract; its tables are another's then, which nobody
promises. In prod cold and warm go first and hot last: hot's log says where every partition lies, so
its rename is the moment from which the new name has rows, all of them. Killed at any moment, the
same command goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..contract.derived import move_derived
from ..contract.lookup import find_table
from ..delta import Pins, fault_point, open_snapshot
from ..delta.agreement import check_agreement
from ..errors import UserError, storage_errors
from ..files import make_folder, sync_all
from ..names import PROD, Dataset, environments_of, table_path, tier_tables
from ..settings import Settings
from ..tiers.operation import Operation
from .environments import TableUse, table_use
from .held_dataset import folders_of, no_table, refuse_promised, refuse_used

KIND = "rename"


@dataclass(frozen=True)
class Renaming:
    """`tables`: what there is of the old name, by environment."""

    settings: Settings
    old: Dataset
    new: Dataset
    tables: tuple[tuple[str, TableUse], ...]


def plan_rename(settings: Settings, old: Dataset, new: Dataset) -> Renaming:
    """What would get the new name. Nothing is touched.

    Raises UserError if a contract still promises the old name, or none the new one, or if that has
    rows; ContractError if the rows were not made by a contract like the new one.
    """
    refuse_promised(settings, old)
    contract = find_table(settings, new)
    tables = []
    for env in environments_of(settings.lake):
        table = table_path(settings.lake, old, env=env)
        if not table.is_dir():
            continue
        target = table_path(settings.lake, new, env=env)
        if open_snapshot(target).version >= 0:
            raise UserError(
                f"{new} has a table in the environment {env!r}, beside that of {old}",
                fix=f"keep one: lakebook drop {old}; or let no contract promise {new}, drop it, "
                "and put the contract back",
            )
        check_agreement(open_snapshot(table), contract)
        tables.append((env, table_use(replace(settings, env=env), old)))
    if not tables:
        raise no_table(settings, old)
    refuse_used(settings, old)
    return Renaming(settings, old, new, tuple(tables))


def apply_rename(plan: Renaming) -> tuple[Operation, ...]:
    """Do what the plan says; what has another name now, by environment.

    Raises what `plan_rename` does, if that has changed.
    """
    settings, old, new = plan.settings, plan.old, plan.new
    now = plan_rename(settings, old, new)
    with storage_errors(f"renaming {old}", settings.lake):
        for env in environments_of(settings.lake):
            move_derived(settings, env, old, new)
            # Of a version of prod by its old name; the environment pins the new one as it reads it.
            Pins(settings.roots, env).forget(old)
        fault_point("rename.after_pins")
        for source, target in _moves(settings, old, new):
            make_folder(target.parent)
            source.rename(target)
            sync_all((target.parent, source.parent))
            fault_point("rename.after_folder")
    return tuple(
        Operation(
            KIND,
            str(new),
            rows=use.rows,
            size_bytes=use.size_bytes,
            reason=f"it was {old}",
            env=env,
        )
        for env, use in now.tables
    )


def _moves(settings: Settings, old: Dataset, new: Dataset) -> Iterator[tuple[Path, Path]]:
    """The folders, hot of the dataset itself at last."""
    places: dict[Path, Path] = {}
    for source, target in ((old.quarantine, new.quarantine), (old, new)):
        mine, theirs = tier_tables(settings.roots, source), tier_tables(settings.roots, target)
        places |= {mine.cold: theirs.cold, mine.warm: theirs.warm, mine.hot: theirs.hot}
        for env in environments_of(settings.lake):
            if env != PROD:
                mine_there = table_path(settings.lake, source, env=env)
                places[mine_there] = table_path(settings.lake, target, env=env)
    for folder in folders_of(settings, old):
        yield folder, places[folder]
