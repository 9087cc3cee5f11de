"""Partitions whose old rows a merge would keep and cannot read: given up if that is asked for, and
said.

A replace makes its partitions of its inputs alone; a merge reads what is there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..delta import Inspection
from ..errors import StorageError
from ..intervals import NULL
from ..names import tier_tables
from .damage import check_whole, damage_in

if TYPE_CHECKING:
    from .lake import LakeContext
    from .view import DatasetView


def given_up(
    context: LakeContext, view: DatasetView, own: Collection[str], got: Collection[str]
) -> tuple[str, ...]:
    """The damaged partitions that a run makes of its batch alone.

    Parameters
    ----------
    own: partitions of the run's interval. got: those that the batch has rows for.

    Raises DamageError for one that is damaged if the run is not forced.
    """
    null = [NULL] if NULL in got or context.run.force else []
    names = (*own, *null)
    if not context.run.force:
        check_whole(view, (p for p in names if view.tier(p) in ("hot", "warm")))
        return ()
    return tuple(p for p in names if _is_damaged(view, p))


def _is_damaged(view: DatasetView, partition: str) -> bool:
    from ..tiers.cold.archive_check import archive_damages
    from ..tiers.cold.named import named_folder

    if view.tier(partition) != "cold":
        return damage_in(view, [partition], by_content=True) is not None
    cold = tier_tables(view.settings.roots, view.dataset).cold
    holder = view.holder(partition)
    folder = named_folder(cold, holder, partition)
    return folder is None or any(archive_damages(folder, holder.archive(partition)))


def say_lost(
    context: LakeContext, lost: Collection[str], view: DatasetView, found: Inspection
) -> None:
    """Note what partitions hold now that are made of a batch alone."""
    for p in lost:
        before, rows = view.data.get(p), _rows(found, p)
        said = f"the old rows of {p} could not be read"
        if before == found.digest(p):
            context.outcome.notes.append(f"{said}; the batch made the same {rows} again")
        else:
            had = _rows_before(view, p)
            context.outcome.notes.append(
                f"{said}: it had {had} and has the {rows} of this batch now; rows that "
                "only earlier batches held are lost"
            )


def _rows(found: Inspection, partition: str) -> int:
    return sum(file.rows for file in found.by_partition.get(partition, ()))


def _rows_before(view: DatasetView, partition: str) -> str:
    try:
        return f"{view.rows_in(partition):,}"
    except StorageError:  # an archive whose manifest is lost
        return "others"
