"""Takes away a dataset that no contract promises any more: first the plan, then the doing.

In every environment its table and what was set aside of it; in prod all tiers. As with an
environment (`drop`), folders are renamed aside at once and deleted from there. The audit trail has
it before the first folder goes. Killed at any moment, the same command goes on.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..delta import Pins, fault_point
from ..errors import UserError, storage_errors
from ..files import make_folder, sync_all
from ..names import Dataset, environments_of
from ..settings import Settings, person
from ..tiers.audit import BEGUN, DONE, append_audit, read_audit
from ..tiers.operation import Operation
from .drop import delete_folder
from .environments import DROPPED, TableUse, size_of, table_use
from .held_dataset import folders_of, no_table, refuse_promised, refuse_used, tables_held

EVENT = "drop"
_ASIDE = "+"  # which no environment's name begins with


@dataclass(frozen=True)
class DatasetDrop:
    """`tables`: what there is, by environment; `pins`: environments that hold a version of it.

    `leftovers`: folders that an earlier drop has moved aside and not deleted.
    """

    settings: Settings
    dataset: Dataset
    tables: tuple[tuple[str, TableUse], ...]
    pins: tuple[str, ...]
    leftovers: tuple[Path, ...]
    size_bytes: int


def plan_dataset_drop(settings: Settings, dataset: Dataset) -> DatasetDrop:
    """What dropping a dataset would delete. Nothing is touched.

    Raises UserError for one that a contract promises, or may promise as it cannot be read; for one
    that has no table; for one that is being written or read.
    """
    if dataset.is_quarantine:
        raise UserError(f"{dataset} is no dataset, and goes with the one that it was set aside of")
    refuse_promised(settings, dataset)
    folders = tuple(folders_of(settings, dataset))
    leftovers = tuple(_leftovers(settings, dataset))
    if not folders and not leftovers:
        raise no_table(settings, dataset)
    tables = tuple(_tables(settings, dataset))
    pins = tuple(
        env for env in environments_of(settings.lake) if Pins(settings.roots, env).find(dataset)
    )
    refuse_used(settings, dataset)
    size = sum(map(size_of, (*folders, *leftovers)))
    return DatasetDrop(settings, dataset, tables, pins, leftovers, size)


def apply_dataset_drop(plan: DatasetDrop) -> tuple[Operation, ...]:
    """Do what the plan says; what went, by environment. Raises UserError if that has changed."""
    settings, dataset = plan.settings, plan.dataset
    refuse_promised(settings, dataset)
    with storage_errors(f"dropping {dataset}", settings.lake):
        found = _begun(settings, dataset)
        if not found:
            rows = sum(use.rows for _, use in plan.tables)
            found = {
                "id": f"{EVENT}-{dataset}-{secrets.token_hex(4)}",
                "event": EVENT,
                "dataset": str(dataset),
                "who": person(),
                "rows": rows,
                "bytes": plan.size_bytes,
                "reason": "no contract promises it",
            }
            append_audit(settings.lake, [{**found, "state": BEGUN}])
        fault_point("drop_dataset.after_begun")
        refuse_used(settings, dataset)
        for folder in folders_of(settings, dataset):
            aside = _root_of(settings, folder) / DROPPED
            make_folder(aside)
            folder.rename(aside / f"{_ASIDE}{dataset}.{secrets.token_hex(4)}")
            sync_all((aside, folder.parent))
            fault_point("drop_dataset.after_folder")
        for env in environments_of(settings.lake):
            Pins(settings.roots, env).forget(dataset)
        fault_point("drop_dataset.after_pins")
        for folder in _leftovers(settings, dataset):
            delete_folder(folder, "drop_dataset.after_part")
        append_audit(settings.lake, [{"id": found["id"], "state": DONE, "waiting": ""}])
    return tuple(_operation(env, use) for env, use in plan.tables)


def _operation(env: str, use: TableUse) -> Operation:
    return Operation(
        EVENT,
        str(use.dataset),
        rows=use.rows,
        size_bytes=use.size_bytes,
        reason="no contract promises it",
        env=env,
    )


def _begun(settings: Settings, dataset: Dataset) -> dict[str, object]:
    """The event of an earlier drop that did not come to its end."""
    for record in read_audit(settings.lake):
        mine = record.get("event") == EVENT and record.get("dataset") == str(dataset)
        if mine and record["state"] == BEGUN:
            return record
    return {}


def _tables(settings: Settings, dataset: Dataset) -> Iterator[tuple[str, TableUse]]:
    for env in environments_of(settings.lake):
        held = tables_held(settings, env)
        for name in (dataset, dataset.quarantine):
            if name in held:
                yield env, table_use(replace(settings, env=env), name)


def _leftovers(settings: Settings, dataset: Dataset) -> Iterator[Path]:
    roots = settings.roots
    for root in dict.fromkeys((roots.hot, roots.warm, roots.cold, settings.lake)):
        yield from sorted((root / DROPPED).glob(f"{_ASIDE}{dataset}.*"))


def _root_of(settings: Settings, folder: Path) -> Path:
    """The tier's root that a folder is below: a rename does not leave its file system."""
    roots = settings.roots
    above = [
        root
        for root in (roots.cold, roots.warm, roots.hot, settings.lake)
        if root in folder.parents
    ]
    return max(above, key=lambda root: len(root.parts))
