"""The warm table: copies of partitions that hot places there, and the sweep of those it does not.

Hot's log decides. A copy is committed before hot places the partition in warm, under warm's fence
as it was before hot was read; it is removed only after hot's fence was raised, so that whoever was
about to place the partition there finds that it must look again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..contract.model import TableContract
from ..delta import ensure_table, open_snapshot, with_extras
from ..delta import tokens as token
from ..delta.commit import fence_stands
from ..delta.faults import fault_point
from ..delta.snapshot import Snapshot
from ..delta.staging import Stage, begin_stage
from ..delta.sweeper import living_prefixes, sweep
from ..delta.transaction import Change, NewFile, transact
from ..delta.whole import has_copy
from ..names import TierTables
from .copying import Source, copy_files
from .placing import CHANGED, NewPlace, Placed, set_places


@dataclass(frozen=True)
class Noted:
    """Both tables as they stood before anything was copied; warm was read first."""

    warm: Snapshot
    hot: Snapshot


def note_tables(tables: TierTables, contract: TableContract) -> Noted:
    """Make warm's table as hot's is, clear what dead moves left there, and note both."""
    columns = with_extras(contract, [open_snapshot(tables.hot).schema])
    ensure_table(tables.warm, columns, keep_extras=True)
    sweep(tables.warm)
    warm = open_snapshot(tables.warm)
    return Noted(warm, open_snapshot(tables.hot))


def bring_to_warm(
    tables: TierTables,
    noted: Noted,
    sources: Sequence[Source],
    places: Mapping[str, NewPlace],
    *,
    run: str,
    metadata: Mapping[str, str],
) -> Placed:
    """Copy files to warm and place their partitions there: a commit in warm, then one in hot.

    Parameters
    ----------
    sources: all files of each partition.
    places: what each partition gets, its tier being warm.
    """
    stage = begin_stage(tables.warm, run)
    try:
        copies = copy_files(stage, sources)
        fault_point("move.after_copy")
        about = {"run": run, **metadata}
        ready = _commit_copies(tables, noted, stage, copies, places, about)
        fault_point("move.after_warm")
        todo = {p: places[p] for p in ready}
        placed = set_places(tables.hot, noted.hot, todo, about)
        fault_point("move.after_hot")
    finally:
        # Until here the manifest tells a sweep that these copies are about to be placed. What was
        # committed is kept: it is no longer staged.
        stage.discard()
    missed = {p: CHANGED for p in places if p not in ready}
    return Placed(placed.version, placed.done, {**missed, **placed.skipped})


def _commit_copies(
    tables: TierTables,
    noted: Noted,
    stage: Stage,
    copies: Mapping[str, Sequence[NewFile]],
    places: Mapping[str, NewPlace],
    metadata: Mapping[str, str],
) -> tuple[str, ...]:
    """Put copies in the place of any older ones; the partitions whose fence in warm stands."""
    done: list[str] = []

    def decide(now: Snapshot) -> Change | None:
        stage.check_stands()
        done[:] = [p for p in copies if fence_stands(noted.warm, now, p)]
        tokens: dict[str, int] = {}
        for p in done:
            new = places[p]
            rows = noted.hot.data(p) if new.data is None else new.data
            assert rows is not None
            tokens[token.fence(p)] = now.fence(p) + 1
            tokens[token.placement(p)] = noted.hot.place(p).then(new.tier).value
            tokens[token.data(p)] = rows
        if not done:
            return None
        adds = tuple(file for p in done for file in copies[p])
        return Change(adds, now.files_in(done), tokens, metadata, data_change=False)

    transact(tables.warm, decide, last=stage.check_stands)
    return tuple(done)


def sweep_warm(tables: TierTables, *, run: str = "") -> tuple[str, ...]:
    """Remove the copies that hot does not place in warm; the partitions whose copy went.

    Copies that a living move is about to place are left alone.
    """
    warm = open_snapshot(tables.warm)
    if not warm.partitions:
        return ()
    hot = open_snapshot(tables.hot)
    busy = living_prefixes(tables.warm)
    stale = [
        p
        for p, files in warm.by_partition.items()
        if not has_copy(hot, warm, p)
        and not any(file.path.rsplit("/", 1)[-1].split(".")[0] in busy for file in files)
    ]
    if not stale:
        return ()
    about = {"run": run, "operation_kind": "sweep"}

    def raise_fences(now: Snapshot) -> Change | None:
        stale[:] = [p for p in stale if not has_copy(now, warm, p)]
        tokens = {token.fence(p): now.fence(p) + 1 for p in stale}
        return Change(tokens=tokens, metadata=about) if stale else None

    transact(tables.hot, raise_fences)
    fault_point("warm_sweep.after_fence")
    gone = remove_copies(warm, stale, about)
    fault_point("warm_sweep.after_remove")
    return gone


def remove_copies(
    warm: Snapshot, partitions: Sequence[str], metadata: Mapping[str, str]
) -> tuple[str, ...]:
    """Take partitions out of warm whose fence stands as noted, and raise it; which they are.

    Hot's fences were raised before.
    """
    gone: list[str] = []

    def remove(now: Snapshot) -> Change | None:
        gone[:] = [p for p in partitions if fence_stands(warm, now, p)]
        tokens = {token.fence(p): now.fence(p) + 1 for p in gone}
        return Change((), now.files_in(gone), tokens, metadata, data_change=False) if gone else None

    transact(warm.table, remove)
    return tuple(gone)
