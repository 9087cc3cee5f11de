"""What a person is told of an engine's error that a cell raised: one sentence, of column or source.

`runtime.hooks` asks; the traceback stays in the executed notebook.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from ..engines.messages import (
    column_not_found,
    explained,
    first_lines,
    is_engines,
    missing_column,
)
from ..engines.polars_cast import LOSS, stopped_at
from ..errors import LakebookError, RunError

if TYPE_CHECKING:
    from .api import Step
    from .lake import LakeContext


def told(raised: BaseException, steps: Iterable[Step]) -> LakebookError | None:
    """The error to tell instead; None for one that is neither an engine's nor a source's.

    `steps` are those that the cells have made: what they read and landed is looked at.
    """
    steps = list(steps)
    for step in steps:
        if (damaged := _context(step).damage_behind(raised)) is not None:
            return damaged
    read: dict[str, tuple[str, ...]] = {}
    for step in steps:
        if (found := _context(step).source_fault(raised)) is not None:
            return found
    if column := stopped_at(raised, LOSS):
        return RunError(f"column {column!r} has a value that does not fit its type in the contract")
    if known := explained(raised):
        return RunError(known[0], fix=known[1])
    if not is_engines(raised):
        return None
    for step in steps:
        read |= _context(step).columns_read
    if missing := column_not_found(raised):
        sentence, fix = missing_column(*missing, read)
        return RunError(sentence, fix=fix)
    return RunError(f"{type(raised).__name__}: {first_lines(raised)}")


def columns_of(raised: BaseException, steps: Iterable[Step]) -> dict[str, tuple[str, ...]]:
    """Columns of each table that the steps have read, if the error is about one that is missing."""
    if column_not_found(raised) is None:
        return {}
    return columns_known(steps)


def columns_known(steps: Iterable[Step]) -> dict[str, tuple[str, ...]]:
    """Columns of each table and source that the steps have read."""
    return {name: names for step in steps for name, names in _context(step).columns_read.items()}


def words_known(steps: Iterable[Step]) -> set[str]:
    """Names of what the steps have read, landed and write, and of the columns that these have.

    A column of the contract is one of them though the source has it no longer.
    """
    steps = list(steps)
    read = columns_known(steps)
    own = {
        str(table.dataset): table.names
        for step in steps
        for table in _context(step).contract.tables
    }
    return {*read, *own}.union(*read.values(), *own.values())


def _context(step: Step) -> LakeContext:
    return cast("LakeContext", step._context)  # a kernel has no other
