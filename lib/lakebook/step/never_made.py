"""Partitions that a step reads and nobody has made: an error, never an input without rows.

A partition that was made and has no row is one. Days before a dataset's first partition are before
its history; of a window's days beyond the interval, those after the last one are still to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UserError
from ..intervals import NULL, WHOLE, Interval, merge_partitions

if TYPE_CHECKING:
    from .view import DatasetView


def never_made(view: DatasetView, interval: Interval, around: Interval) -> tuple[str, ...]:
    """Partitions of an interval, and of the days around it, that should be there and are not.

    A log's partitions are those that its rows happen to lie in.
    """
    time = view.contract.time
    if time is None or view.contract.write == "append":
        return ()
    made = [name for name in view.partitions if name not in (NULL, WHOLE)]
    if not made:
        return interval.widen(time.unit).partitions(time.unit)
    own = set(interval.widen(time.unit).partitions(time.unit))
    return tuple(
        name
        for name in around.widen(time.unit).partitions(time.unit)
        if name not in view.data and name > made[0] and (name in own or name < made[-1])
    )


def check_made(view: DatasetView, interval: Interval, around: Interval, *, reader: str) -> None:
    """Raise UserError, with the command that makes them, for partitions that nobody has made."""
    missing = never_made(view, interval, around)
    if not missing:
        return
    first, *more = merge_partitions(missing)
    listed = f"{first}" + (f" and {len(more)} more" if len(more) > 1 else "")
    whole = Interval(first.start, more[-1].end if more else first.end)
    env = "" if view.prod is None else f" --env {view.settings.env}"
    raise UserError(
        f"{view.dataset} was never made for {listed}, which {reader} reads",
        where=reader,
        fix=f"make it: lakebook run {view.dataset} --start {whole.start} --end {whole.end}{env}",
    )
