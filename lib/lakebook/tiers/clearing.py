"""Frees warm of what would stand beside a partition that goes from hot to cold.

An engine that cannot read tokens takes the file in warm where hot has none. So a partition leaves
hot for cold only when warm holds no older copy of it, and nobody is about to put one there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..delta import open_snapshot
from ..delta import tokens as token
from ..delta.faults import fault_point
from ..delta.snapshot import Snapshot
from ..delta.transaction import Change, transact
from ..names import TierTables
from .placing import Fences, moved_on
from .warm import remove_copies


def clear_warm(
    tables: TierTables,
    warm: Snapshot,
    partitions: Iterable[str],
    metadata: Mapping[str, str],
    *,
    fences: Fences | None = None,
) -> dict[str, int]:
    """Remove warm's copies of those partitions that lie in hot; hot's fence of each that is clear.

    It stays clear of older rows for as long as that fence stands.

    Parameters
    ----------
    warm: as it stood before. Its fences are raised where there is nothing to remove too: a mover
        that still holds older rows is turned away by that.
    fences: hot's, of a plan; a partition that has another one now is not cleared.

    Hot's fences are raised first, as by any sweep of warm. Note hot after this.
    """
    names = tuple(partitions)
    todo: dict[str, int] = {}

    def raise_fences(now: Snapshot) -> Change | None:
        in_hot = [p for p in names if now.data(p) is not None and now.place(p).tier == "hot"]
        todo.clear()
        todo.update((p, now.fence(p) + 1) for p in in_hot if not moved_on(now, p, fences))
        tokens = {token.fence(p): fence for p, fence in todo.items()}
        return Change(tokens=tokens, metadata=metadata) if todo else None

    if all(open_snapshot(tables.hot).place(p).tier != "hot" for p in names):
        return {}
    transact(tables.hot, raise_fences)
    fault_point("archive.warm_fenced")
    done = remove_copies(warm, tuple(todo), metadata)
    fault_point("archive.warm_cleared")
    return {p: todo[p] for p in done}
