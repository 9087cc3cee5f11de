"""The promotion of partitions from warm to hot: a write into hot of the same files."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import nullcontext

from ..contract.model import TableContract
from ..delta.faults import fault_point
from ..delta.snapshot import Snapshot
from ..delta.staging import begin_stage
from ..delta.sweeper import sweep
from ..delta.whole import open_both
from ..names import TierTables
from .copying import Source, copy_files
from .file_check import check_rows
from .move import Moved, sources_of, split_by_place
from .placing import NewPlace, Placed, set_places
from .remedy import with_remedy


def promote(
    tables: TierTables,
    partitions: Iterable[str],
    *,
    run: str = "",
    expires: int = 0,
    metadata: Mapping[str, str] | None = None,
    contract: TableContract | None = None,
) -> Moved:
    """Bring partitions that lie in warm to hot. One that changes meanwhile stays and is named.

    `contract`: for what is said of a damaged file.
    `expires`: until when (seconds since 1970) it stays in hot; 0: until its policy moves it.
    The copy in warm is stale from then on, and goes with the next sweep.
    """
    run = run or f"promote-{uuid.uuid4().hex[:8]}"
    sweep(tables.hot)
    hot, whole = open_both(tables.hot, tables.warm)
    fault_point("promote.after_note")
    wanted, skipped = split_by_place(hot, partitions, "warm")
    sources = sources_of(whole, wanted)
    if not sources:
        return Moved(hot.version, (), skipped)
    places = dict.fromkeys(wanted, NewPlace("hot", expires=expires))
    about = {"operation_kind": "promote", **(metadata or {})}
    with with_remedy(tables, contract) if contract else nullcontext():
        check_rows(whole, sources)
        placed = bring_to_hot(tables, hot, sources, places, run=run, metadata=about)
    return Moved.of(placed, sources, skipped)


def bring_to_hot(
    tables: TierTables,
    noted: Snapshot,
    sources: list[Source],
    places: Mapping[str, NewPlace],
    *,
    run: str,
    metadata: Mapping[str, str],
) -> Placed:
    """Copy files into hot and place their partitions there, in one commit.

    Parameters
    ----------
    noted: the hot table (`open_snapshot`) from before the sources were looked for.
    sources: all files of each partition.
    """
    stage = begin_stage(tables.hot, run)
    try:
        copies = copy_files(stage, sources)
        fault_point("promote.after_copy")
        about = {"run": run, **metadata}
        placed = set_places(tables.hot, noted, places, about, adds=copies, stage=stage)
        fault_point("promote.after_hot")
    finally:
        stage.discard()  # what the commit took is kept: it is no longer staged
    return placed
