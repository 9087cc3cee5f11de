"""Deletes partitions that are past their retention: from hot, warm, cold and the quarantine.

One commit in hot says that they are deleted. `data/` and `fp/` stay, so that nothing below becomes
stale. What is on the disk goes at once, not after the time that vacuum leaves to readers; what a
lease still names is kept, named, and taken by the next call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..contract.lookup import find_table
from ..delta import open_snapshot
from ..delta.faults import fault_point
from ..delta.snapshot import Snapshot
from ..delta.whole import with_warm
from ..errors import UserError, storage_errors
from ..names import Dataset, table_path, tier_tables
from ..settings import Settings, person
from .audit import BEGUN, DONE, append_audit, read_audit
from .leased import leased_files
from .leftovers import Kept, Rest, empty_quarantine
from .placing import NewPlace, set_places
from .sizes import Size, size_of
from .warm import sweep_warm

EVENT = "retention"


@dataclass(frozen=True)
class Deleted:
    """deleted: what this call deleted. skipped: partition -> why not.

    rows: of what it deleted. files, size_bytes: what went from the disk, in bytes. kept: what did
    not; the next call takes it when its reason is gone.
    """

    version: int
    deleted: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    files: int = 0
    size_bytes: int = 0
    kept: tuple[Kept, ...] = ()


def delete(
    settings: Settings,
    dataset: Dataset,
    partitions: Iterable[str],
    *,
    noted: Snapshot,
    run: str = "",
    policy: str = "",
    reasons: Mapping[str, str] | None = None,
    release_all: bool = False,
) -> Deleted:
    """Delete partitions, each only if its fence in hot stands as noted, and finish earlier calls.

    Parameters
    ----------
    noted: the hot table (`open_snapshot`) of the plan.
    policy, reasons: for the audit trail: the policy in words; partition -> why it goes.
    release_all: delete what leases name too. Readers that hold them fail; the caller says so.

    Raises UserError if the dataset is under legal hold now.
    """
    refuse_hold(settings, dataset)
    tables = tier_tables(settings.roots, dataset)
    wanted = {p: why for p in dict.fromkeys(partitions) if (why := _refusal(noted, p)) is None}
    skipped = {p: why for p in partitions if (why := _refusal(noted, p)) is not None}
    done: tuple[str, ...] = ()
    sizes: dict[str, Size] = {}
    if wanted:
        whole = with_warm(noted, tables.warm) or noted
        sizes = {p: size_of(tables, whole, p) for p in wanted}
        given = reasons or {}
        append_audit(
            settings.lake,
            [
                {
                    **_named(dataset, p, noted.place(p).generation + 1),
                    "state": BEGUN,
                    "who": person(),
                    "run": run,
                    "tier": noted.place(p).tier,
                    "rows": sizes[p].rows,
                    "bytes": sizes[p].size_bytes,
                    "policy": policy,
                    "reason": given.get(p, ""),
                }
                for p in wanted
            ],
        )
        fault_point("retention.after_record")
        places = dict.fromkeys(wanted, NewPlace("deleted", archive=0))
        about = {"run": run, "operation_kind": EVENT}
        placed = set_places(tables.hot, noted, places, about)
        done, skipped = placed.done, {**skipped, **placed.skipped}
        fault_point("retention.after_hot")
    rest = finish(settings, dataset, run=run, release_all=release_all)
    rows = sum(sizes[p].rows or 0 for p in done)
    return Deleted(rest.version, done, skipped, rows, rest.files, rest.size_bytes, rest.kept)


def finish(
    settings: Settings, dataset: Dataset, *, run: str = "", release_all: bool = False
) -> Deleted:
    """Take from the disk what is left of all partitions that are deleted, and record that."""
    tables = tier_tables(settings.roots, dataset)
    hot = open_snapshot(tables.hot)
    gone = hot.placed("deleted")
    if not gone:
        return Deleted(hot.version)
    leases = {} if release_all else leased_files(tables)
    rest = Rest(gone, leases, release_all)
    with storage_errors("deleting expired partitions", tables.hot):
        aside = table_path(settings.lake, dataset.quarantine)
        empty_quarantine(rest, tables.hot, aside, run)
        fault_point("retention.after_quarantine")
        sweep_warm(tables, run=run)
        fault_point("retention.after_warm")
        rest.clear_cold(tables.cold)
        fault_point("retention.after_cold")
        for table in (tables.hot, tables.warm, aside):
            rest.clear_table(table)
    fault_point("retention.after_files")
    _record(settings, {_named(dataset, p, hot.place(p).generation)["id"]: p for p in gone}, rest)
    return Deleted(hot.version, files=rest.files, size_bytes=rest.size_bytes, kept=tuple(rest.kept))


def refuse_hold(settings: Settings, dataset: Dataset) -> None:
    """Raise UserError if the contract, as it is now, holds the dataset for legal reasons."""
    contract = find_table(settings, dataset)
    if contract.tier.legal_hold:
        raise UserError(
            f"{dataset} is under legal hold, so nothing of it is deleted",
            where=contract.path.name,
            fix="take legalHold out of the contract when the hold has ended, and plan anew",
        )


def _record(settings: Settings, ids: Mapping[str, str], rest: Rest) -> None:
    """Say in the audit trail what is done by now, and what waits for whom."""
    waiting = {kept.partition: kept.reason for kept in rest.kept}
    events: list[dict[str, Any]] = []
    for record in read_audit(settings.lake):
        if record["id"] not in ids or record["state"] != BEGUN:
            continue
        why = waiting.get(ids[record["id"]], "")
        if not why:
            events.append({"id": record["id"], "state": DONE, "waiting": ""})
        elif why != record.get("waiting"):
            events.append({"id": record["id"], "state": BEGUN, "waiting": why})
    append_audit(settings.lake, events)


def _refusal(noted: Snapshot, partition: str) -> str | None:
    if noted.data(partition) is None:
        return "it was never written"
    if noted.place(partition).tier == "deleted":
        return "it is deleted already"
    return None


def _named(dataset: Dataset, partition: str, generation: int) -> dict[str, Any]:
    """The same for whoever deletes a partition that is in this place: the events are of one."""
    return {
        "id": f"{EVENT}/{dataset}/{partition}/{generation}",
        "event": EVENT,
        "dataset": str(dataset),
        "partition": partition,
    }
