"""What a command did to tiers, told when it ends: archived as a run and emitted to the catalog."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import LakebookError
from . import shared

if TYPE_CHECKING:
    from ..settings import Settings


@dataclass
class Told:
    """`run_id`: for the commits' metadata. `error`: why it did not come to its end, if so."""

    run_id: str
    operations: list[Mapping[str, Any]] = field(default_factory=list)
    error: str = ""

    def add(self, operations: Iterable[Mapping[str, Any]]) -> None:
        """What was done, in the words of a run record (`catalog.tiers.emit_moves`)."""
        self.operations += operations


@contextmanager
def telling(
    settings: Settings, command: str, *, job: str = "tiering", run_id: str = ""
) -> Iterator[Told]:
    """Around what a command does; where it did nothing, nothing is told.

    Parameters
    ----------
    command: its name, such as `tier apply`.
    job: the maintenance job whose notebook does the same.
    run_id: what the commits' metadata have already; else one is made.
    """
    began = datetime.now(UTC)
    name = command.replace(" ", "-")
    told = Told(run_id or f"{began:%Y%m%dT%H%M%S}-{name}-{secrets.token_hex(3)}")
    try:
        yield told
    except LakebookError as broken:
        told.error = told.error or broken.sentence
        raise
    finally:
        if told.operations:
            from ..catalog.tiers import emit_moves

            note = emit_moves(
                settings,
                told.operations,
                told.run_id,
                job=job,
                command=f"lakebook {command}",
                began=began,
                error=told.error,
            )
            if note:
                shared.error_console().print(f"note: {note}", markup=False, soft_wrap=True)
