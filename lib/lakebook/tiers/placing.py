"""The one commit that changes where partitions lie: hot's files and the placement move together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..delta import tokens as token
from ..delta.commit import fence_stands
from ..delta.place import Tier
from ..delta.snapshot import Snapshot
from ..delta.staging import Stage
from ..delta.transaction import Change, NewFile, transact

CHANGED = "someone wrote or moved it meanwhile"

Fences = Mapping[str, int]
"""What hot's fence of a partition must be, for a change of place that was planned before."""


def moved_on(hot: Snapshot, partition: str, fences: Fences | None) -> bool:
    """Whether a partition has changed since its fence was noted in a plan."""
    return fences is not None and fences.get(partition) != hot.fence(partition)


@dataclass(frozen=True)
class NewPlace:
    """Where a partition goes. `archive`: its new archive; None: the one that it has, if any.

    `expires`: until when (seconds since 1970) it stays there; 0: for good. `data`: the digest of
    its rows, if they are other rows than before (an erasure).
    """

    tier: Tier
    archive: int | None = None
    expires: int = 0
    data: int | None = None


@dataclass(frozen=True)
class Placed:
    """done: what lies in its new place. skipped: partition -> why it does not."""

    version: int
    done: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)


def set_places(
    hot: Path,
    noted: Snapshot,
    places: Mapping[str, NewPlace],
    metadata: Mapping[str, str],
    *,
    adds: Mapping[str, Sequence[NewFile]] | None = None,
    stage: Stage | None = None,
) -> Placed:
    """Place partitions, each only if its fence stands as noted; all in one commit.

    Parameters
    ----------
    noted: the hot table (`open_snapshot`, without warm's files) from before anything was copied.
    adds: the files of partitions that come to hot. Those of the others leave it.
    stage: where they are staged; it is left to the caller to finish.
    """
    added = adds or {}
    done: list[str] = []

    def decide(now: Snapshot) -> Change | None:
        if stage is not None:
            stage.check_stands()
        done[:] = [p for p in places if fence_stands(noted, now, p)]
        if not done:
            return None
        tokens: dict[str, int] = {}
        for p in done:
            tokens |= _tokens(now, p, places[p])
        return Change(
            adds=tuple(file for p in done for file in added.get(p, ())),
            removes=now.files_in(done),
            tokens=tokens,
            metadata=metadata,
            # The dataset has the same rows after it, unless an erasure says otherwise.
            data_change=any(places[p].data is not None for p in done),
        )

    last = (lambda: None) if stage is None else stage.check_stands
    version = transact(hot, decide, last=last)
    return Placed(version, tuple(done), {p: CHANGED for p in places if p not in done})


def _tokens(now: Snapshot, partition: str, new: NewPlace) -> dict[str, int]:
    tokens = {
        token.fence(partition): now.fence(partition) + 1,
        token.placement(partition): now.place(partition).then(new.tier).value,
    }
    if new.archive is not None and new.archive != (now.archive(partition) or 0):
        tokens[token.archive(partition)] = new.archive
    if new.expires != (now.expires(partition) or 0):
        tokens[token.expires(partition)] = new.expires
    if new.data is not None:
        tokens[token.data(partition)] = new.data
    return tokens
