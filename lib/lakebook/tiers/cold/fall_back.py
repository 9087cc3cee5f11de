"""Copies that were restored for a time go back to the archive that they came from."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping

from ...contract.model import TableContract
from ...delta import open_snapshot
from ...delta.faults import fault_point
from ...delta.snapshot import Snapshot
from ...delta.whole import with_warm
from ...names import TierTables
from ..placing import CHANGED, Fences, NewPlace, Placed, moved_on, set_places
from .archive import Archived, archive
from .archive_check import archive_damages
from .cold_folders import archive_folder


def fall_back(
    tables: TierTables,
    partitions: Iterable[str],
    *,
    contract: TableContract | None = None,
    now: float | None = None,
    run: str = "",
    metadata: Mapping[str, str] | None = None,
    fences: Fences | None = None,
) -> Archived:
    """Drop the copies whose time is over, by one commit: nothing is written but the log.

    Every archive is read through before its copy goes. A damaged one is made anew from the copy if
    `contract` is given; else the copy stays and is named with the damage.

    Parameters
    ----------
    now: seconds since 1970; default: the clock.
    fences: of a plan; a partition that has another one now stays.
    """
    run = run or f"fall-back-{uuid.uuid4().hex[:8]}"
    about = {"run": run, "operation_kind": "fall_back", **(metadata or {})}
    hot = open_snapshot(tables.hot)
    whole = with_warm(hot, tables.warm) or hot  # a copy that is lost is no reason to stay
    moment = time.time() if now is None else now
    ready, damaged, skipped = _split(tables, hot, partitions, moment, fences)
    fault_point("restore.before_fall_back")
    places = {p: NewPlace("cold") for p in ready}
    placed = set_places(tables.hot, hot, places, about) if ready else Placed(hot.version, ())
    fault_point("restore.after_fall_back")
    files = whole.files_in(placed.done)
    result = Archived(
        placed.version,
        placed.done,
        {**skipped, **placed.skipped},
        len(files),
        sum(file.size_bytes for file in files),
        sum(file.rows for file in files),
    )
    if damaged and contract is not None:
        return result.then(
            archive(tables, contract, damaged, run=run, metadata=about, fences=fences)
        )
    return result.then(Archived(result.version, (), damaged))


def _split(
    tables: TierTables, hot: Snapshot, partitions: Iterable[str], now: float, fences: Fences | None
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Those that go back, those whose archive is damaged, and why neither of the others."""
    ready: list[str] = []
    damaged: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for p in dict.fromkeys(partitions):
        archive, until = hot.archive(p), hot.expires(p)
        tier = hot.place(p).tier
        if archive is None or tier not in ("warm", "hot"):
            skipped[p] = f"it lies in {tier} and was not restored from an archive"
        elif until is None or until > now:
            skipped[p] = "its time is not over"
        elif moved_on(hot, p, fences):
            skipped[p] = CHANGED
        elif found := _damage(tables, hot, p, archive):
            damaged[p] = found
        else:
            ready.append(p)
    return ready, damaged, skipped


def _damage(tables: TierTables, hot: Snapshot, partition: str, archive: int) -> str:
    """The first thing that is wrong with an archive; empty if nothing is."""
    folder, rows_digest = archive_folder(tables.cold, partition, archive), hot.data(partition)
    for damage in archive_damages(folder, archive, rows_digest=rows_digest):
        return f"its archive is damaged ({damage.path}: {damage.what})"
    return ""
